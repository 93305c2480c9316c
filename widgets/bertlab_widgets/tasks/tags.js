// Words with their labels: entities as stretches, parts of speech each by its own letter's colour.
import { inkOf, washOf } from "../kit/colours.js";
import { chanceBars } from "../kit/controls.js";
import { bidi, h, marked } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { percent } from "../kit/numbers.js";
import { quoted } from "./steps.js";

const NO_COLOUR = 7;

export const lookedAt = (ui, view) => {
  const chosen = ui.get("word");
  return chosen >= 0 && chosen < view.words.length ? chosen : view.least;
};

function wordButton(ui, view, i, at, colour) {
  const one = view.words[i];
  const none = one.label === "O";
  const place = none ? NO_COLOUR : colour(one.label);
  const attributes = {
    type: "button",
    "aria-pressed": String(i === at),
    "data-word": i,
    tabindex: i === at ? "0" : "-1",
    title: percent(one.probability),
    style: `border-bottom-color:${none ? "transparent" : inkOf(place)}`,
    onclick: () => ui.setAll({ word: i, selected: [one.position] }),
  };
  const ink = `color:${none ? "var(--muted)" : inkOf(place)}`;
  return h("button", attributes, bidi(one.text), h("small", { style: ink }, view.entities ? "" : one.label));
}

/** The words in order; those of one entity stand in one run, whose first word names it. */
function runs(view, button, colour) {
  const starts = new Map(view.entities ? view.spans.map(span => [span[0], span]) : []);
  const nodes = [];
  for (let i = 0; i < view.words.length; ) {
    const span = starts.get(i);
    if (!span) {
      nodes.push(button(i++));
      continue;
    }
    const run = h("span.run", { style: `background:${washOf(colour(span[2]))}` });
    for (; i <= span[1]; i++) {
      const one = button(i);
      if (i === span[0]) one.querySelector("small").textContent = span[2];
      run.append(one);
    }
    nodes.push(run);
  }
  return nodes;
}

export function tags(ui, view) {
  const at = lookedAt(ui, view);
  const word = view.words[at];
  const colour = label => (view.colours[label.replace(/^[BILUES]-/, "")] || [NO_COLOUR])[0];
  const onkeydown = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = Math.max(0, Math.min(view.words.length - 1, at + step));
    ui.stage.querySelector(`[data-word="${next}"]`)?.focus();
    ui.setAll({ word: next, selected: [view.words[next].position] });
    event.stopPropagation();
    event.preventDefault();
  };
  const nodes = runs(view, i => wordButton(ui, view, i, at, colour), colour);
  const list = h("div.tagged", { role: "group", "aria-label": say("Words and their labels"), onkeydown }, ...nodes);
  if (!word) return list;
  const rows = word.rows.map((row, k) => ({ ...row, best: k === 0 }));
  const title = h("h4", {}, ...marked(say("Labels for {word}", { word: quoted(word.text) })));
  const side = h("div", {}, title, chanceBars(rows, view.chance));
  return h("div.with-side", {}, list, side);
}
