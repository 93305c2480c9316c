// The language in which a panel speaks: English, or what the kernel's catalogue gave for this panel.

const ENGLISH = { language: "en", direction: "ltr", messages: {} };
let spoken = ENGLISH;
const FORMS = ["zero", "one", "two", "few", "many", "other"]; // the order in which catalogues list plural forms

/** Speak from now on as the trait `words` says: {language, direction, messages}; empty for English. */
export function speak(words) {
  spoken = words?.messages ? words : ENGLISH;
}

/** The attributes of an element that holds what is said: its language, and how that is written. */
export const written = () => ({ lang: spoken.language.replace("_", "-"), dir: spoken.direction });

/** The name of an arrow key along a row: where one writes from the right, forwards is to the left. */
export function alongTheRow(key) {
  if (spoken.direction !== "rtl") return key;
  return { ArrowRight: "ArrowLeft", ArrowLeft: "ArrowRight" }[key] ?? key;
}

function filled(text, values) {
  return values ? text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all)) : text;
}

/** A sentence in the language that is spoken: `say("{token} falls.", { token })`. */
export function say(message, values) {
  const said = spoken.messages[message];
  return filled(typeof said === "string" ? said : message, values);
}

/** A sentence about a number of things: `sayN("{count} head", "{count} heads", 3)`; `{count}` needs no naming. */
export function sayN(one, many, count, values) {
  const said = spoken.messages[one];
  let text = count === 1 ? one : many;
  if (Array.isArray(said)) {
    const rules = new Intl.PluralRules(spoken.language.replace("_", "-"));
    const forms = FORMS.filter(form => rules.resolvedOptions().pluralCategories.includes(form));
    text = said[Math.min(forms.indexOf(rules.select(count)), said.length - 1)];
  }
  return filled(text, { count, ...values });
}

/** The message itself: marks one that is written down here and said later, with `say(message)`. */
export const mark = message => message;
