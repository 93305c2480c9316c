// Elements from code: h() for HTML, bidi() for text of any script.

const PROPERTIES = new Set(["hidden", "value", "checked", "disabled"]); // set on the element, not as attributes

const shown = child => child !== null && child !== undefined && child !== false;

/** h("button.chip", {onclick, "aria-label": "..."}, "text", otherNode) -> element; lists are flattened, null is none */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (shown(value)) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter(shown));
  return element;
}

/** A text in the direction of its own script. */
export function bidi(text, selector = "bdi.token-text") {
  return h(selector, { dir: "auto" }, text);
}

/** A sentence whose `quoted parts` are tokens, which stand out where a script has no letters of equal width. */
export function marked(text) {
  return (text || "").split("`").map((part, i) => (i % 2 ? bidi(part, "bdi.token-text.quoted") : part));
}

/** A token inside such a sentence, as in panel/words.py; a token that holds the sign itself stays readable. */
export const quoted = token => `\`${token.replaceAll("`", "ˋ")}\``;

/** A button that looks like a link. */
export function textButton(text, onclick, attributes = {}) {
  return h(
    "button",
    { type: "button", onclick, ...attributes, class: `text-button ${attributes.class ?? ""}`.trim() },
    text,
  );
}
