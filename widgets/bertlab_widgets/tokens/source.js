// The original text with its characters underlined token by token; pointing at one shows it everywhere.
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";

const SIGNS = { " ": "␣", "\t": "⇥", "\n": "⏎", "\u00a0": "⍽" };
const UNSEEN = /[\u200b-\u200f\u00ad\u2060\ufeff]/g;

/** A text with a sign for every blank and for what cannot be seen. */
export const visible = text => text.replace(/[ \t\n\u00a0]/g, c => SIGNS[c]).replace(UNSEEN, "◌");

/** Code points of a text with the token that covers each (null where none does). */
export function cover(text, rows, segment) {
  const owner = Array.from(text, () => null);
  rows.forEach((row, position) => {
    if (row.word === null || row.word === undefined || row.segment !== segment) return;
    for (let i = row.start; i < row.end && i < owner.length; i++) owner[i] ??= position;
  });
  return owner;
}

function runOf(token, run, on) {
  const kind = token === null ? "none" : token % 2 ? "odd" : "even";
  const shown = token === null ? run.replace(/[^\S ]|[\u200b-\u200f\u00ad]/g, c => visible(c)) : run;
  return h("span", { class: `${kind}${on ? " on" : ""}`, "data-source": token ?? "" }, shown);
}

function lineOf(text, rows, segment, on) {
  const owner = cover(text, rows, segment);
  const characters = Array.from(text);
  const nodes = [];
  let start = 0;
  for (let i = 1; i <= characters.length; i++) {
    if (i < characters.length && owner[i] === owner[start]) continue;
    nodes.push(runOf(owner[start], characters.slice(start, i).join(""), on.has(owner[start])));
    start = i;
  }
  return h("div", { dir: "auto" }, ...nodes);
}

/** The line of the source; `hover(i)` marks token i here, in the table and in the strip. */
export function makeSource(ui) {
  const { get } = ui;
  const element = h("div.source", { "aria-label": say("The text, its characters underlined token by token") });
  let hovered = null;
  function draw(view) {
    const on = new Set(hovered !== null ? [hovered] : get("selected"));
    const rows = view.rows.map((row, i) => ({ ...row, segment: get("tokens")[i]?.segment ?? 0 }));
    const texts = [get("text"), get("text_pair")].filter((text, i) => i === 0 || text);
    element.replaceChildren(...texts.map((text, segment) => lineOf(text, rows, segment, on)));
  }
  function hover(i) {
    if (i === hovered) return;
    hovered = i;
    const selected = get("selected") || [];
    const marked = name =>
      hovered === null ? name !== "" && selected.includes(Number(name)) : name === String(hovered);
    for (const span of element.querySelectorAll("[data-source]"))
      span.classList.toggle("on", marked(span.dataset.source));
    for (const row of ui.stage.querySelectorAll("tr[data-row]")) row.classList.toggle("on", marked(row.dataset.row));
    for (const chip of ui.root.querySelectorAll(".strip [data-token]")) {
      chip.style.outline = Number(chip.dataset.token) === hovered ? `2px solid ${ui.colors().mark}` : "";
    }
  }
  const tokenAt = event => {
    const span = event.target.closest?.("[data-source]");
    return span && span.dataset.source !== "" ? Number(span.dataset.source) : null;
  };
  element.addEventListener("pointerover", event => hover(tokenAt(event)));
  element.addEventListener("pointerleave", () => hover(null));
  element.addEventListener("click", event => {
    const i = tokenAt(event);
    if (i !== null) ui.pick(i, event.shiftKey);
  });
  return { element, draw, hover };
}
