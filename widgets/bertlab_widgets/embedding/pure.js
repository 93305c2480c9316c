// Numbers of the embeddings, without a page.

/** The parts of a row that are added, in their order. */
export const addedIn = row => ["word", "position", "token_type"].filter(name => row[name] !== undefined);

/** Where the shares of a sum lie on a line: [name, from, to]; negative ones go to the left of zero. */
export function stacked(shares) {
  let [left, right] = [0, 0];
  return shares.map(([name, share]) => {
    const from = share < 0 ? left + share : right;
    if (share < 0) left = from;
    else right = from + share;
    return [name, from, from + Math.abs(share)];
  });
}

/** A cosine as a byte, 128 + 127 times it, back again. */
export const cosineOf = byte => Math.max(-1, (byte - 128) / 127);
