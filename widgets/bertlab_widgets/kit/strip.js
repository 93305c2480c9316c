// The tokens of the sentence as chips: real buttons, one tab stop, arrows move.
import { bidi, h } from "./dom.js";
import { say } from "./language.js";

/** The selection after token `i` was chosen; `add` keeps what was selected before. */
export function picked(selected, i, add) {
  if (add) return selected.includes(i) ? selected.filter(x => x !== i) : [...selected, i].sort((a, b) => a - b);
  return selected.length === 1 && selected[0] === i ? [] : [i];
}

function chipOf(token, i, masked, selected) {
  const state = ["chip"];
  if (token.special) state.push("special");
  if (token.unknown) state.push("unknown");
  if (masked) state.push("masked");
  else if (token.forced) state.push("forced");
  const said = [token.text, say("token {place}", { place: i })];
  if (masked) said.push(say("masked"));
  if (token.forced) said.push(say("changed"));
  const { original, id } = token;
  const title = masked
    ? say("masked; it was {original}", { original })
    : token.forced
      ? say("it was {original}", { original })
      : say("id {number}", { number: id });
  const attributes = {
    type: "button",
    class: state.join(" "),
    "aria-pressed": String(selected),
    "data-token": i,
    "aria-label": said.join(say(", ")),
    title,
  };
  return h("button", attributes, bidi(token.text));
}

/** The strip of a panel: `onToken(i, event)` is called for a click or Enter, `onHover(i or null)` for the pointer. */
export function tokenStrip(ui, { onToken, onHover }) {
  const { get } = ui;
  const strip = h("div.strip", { role: "group", "aria-label": say("Tokens of the sentence") });
  let focused = 0;
  const tokenOf = event => {
    const chip = event.target.closest?.("[data-token]");
    return chip ? Number(chip.dataset.token) : null;
  };
  strip.addEventListener("click", event => {
    const i = tokenOf(event);
    if (i === null) return;
    focused = i;
    onToken(i, event);
  });
  strip.addEventListener("pointerover", event => onHover(tokenOf(event)));
  strip.addEventListener("pointerleave", () => onHover(null));
  strip.addEventListener("keydown", event => {
    const count = (get("tokens") || []).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -count, End: count }[event.key];
    if (!step || !count) return;
    event.preventDefault();
    focused = Math.max(0, Math.min(count - 1, focused + step));
    for (const chip of strip.querySelectorAll("[data-token]")) {
      chip.tabIndex = Number(chip.dataset.token) === focused ? 0 : -1;
    }
    strip.querySelector(`[data-token="${focused}"]`).focus();
  });
  /** Bring a token of a strip that scrolls into sight, without moving the page. */
  function show(chip) {
    if (!chip || strip.scrollHeight <= strip.clientHeight) return;
    const [own, box] = [chip.getBoundingClientRect(), strip.getBoundingClientRect()];
    if (own.top < box.top || own.bottom > box.bottom) strip.scrollTop += own.top - box.top - 4;
  }
  function draw() {
    const tokens = get("tokens") || [];
    const selected = new Set(get("selected") || []);
    const masked = new Set(get("masked") || []);
    const keepFocus = strip.contains(document.activeElement);
    const words = [];
    let wordKey = null;
    focused = Math.min(focused, Math.max(0, tokens.length - 1));
    tokens.forEach((token, i) => {
      const chip = chipOf(token, i, masked.has(i), selected.has(i));
      chip.tabIndex = i === focused ? 0 : -1;
      const key = token.word === null || token.word === undefined ? null : `${token.segment}.${token.word}`;
      if (key === null || key !== wordKey) words.push(h("span.word"));
      wordKey = key;
      words.at(-1).append(chip);
    });
    strip.replaceChildren(...words);
    mark();
    show(strip.querySelector('[aria-pressed="true"]'));
    if (keepFocus) strip.querySelector(`[data-token="${focused}"]`)?.focus();
  }
  /** A sign under the tokens that the panel's head reads. */
  function mark() {
    const read = new Set(get("view")?.read_at || []);
    for (const chip of strip.querySelectorAll("[data-token]")) {
      chip.classList.toggle("read", read.has(Number(chip.dataset.token)));
    }
  }
  return { element: strip, draw, mark };
}
