// How a token is named inside a sentence.

/** A token inside a sentence for `marked`; punctuation gets quotes too, as `named` in words.py gives it. */
export function named(token) {
  const quoted = `\`${token.replaceAll("`", "ˋ")}\``;
  return /[\p{L}\p{N}]/u.test(token) ? quoted : `“${quoted}”`;
}
