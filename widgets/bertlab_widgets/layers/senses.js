// The senses of a word, in a cloud of its own, by layer and as sentences; and the probes' chart.
import { h, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { layerChart, stateAt, stateValue } from "../kit/layers.js";
import { percent } from "../kit/numbers.js";
import { legendMark } from "./cloud.js";
import { marked } from "./lists.js";
import { wordIn } from "./pure.js";

/** What the senses of senses.json are called. */
const SENSES = {
  money: mark("money"),
  river: mark("river"),
  animal: mark("animal"),
  club: mark("club"),
  game: mark("game"),
  fire: mark("fire"),
};
const senseName = sense => say(SENSES[sense]);

export const sensesOf = view => [...new Set(view.senses)];

/** The first letter of a sense, by which its sentences are counted. */
const letterOf = sense => [...senseName(sense)][0];

function chartOf(ui, view, series, label, width, height) {
  const onPick = at => ui.set("hidden_state", stateValue(at, view.layers));
  const now = stateAt(ui.get("hidden_state"), view.layers);
  return layerChart(ui, { series, now, onPick, label, width, height, format: percent, range: [0, 1] });
}

/** The points of the cloud: a letter for each sentence, a cross for the text's own word. */
export function sensePoints(ui, view) {
  const names = sensesOf(view);
  const chosen = ui.get("context");
  const counts = new Map();
  const points = view.texts.map((text, i) => {
    const kind = names.indexOf(view.senses[i]);
    counts.set(kind, (counts.get(kind) || 0) + 1);
    const label = `${letterOf(view.senses[i])}${counts.get(kind)}`;
    const tip = say("{sense}: {text}", { sense: senseName(view.senses[i]), text });
    return { label, kind, bold: i === chosen, path: i === chosen || ui.get("trails"), tip };
  });
  const own = { label: say("yours"), kind: 7, cross: true, bold: true, path: true, tip: ui.get("text") };
  return view.paths[0].length > 2 * points.length ? [...points, own] : points;
}

function sentenceList(ui, view, labels) {
  const word = ui.get("sense");
  const rows = view.texts.map((text, i) => {
    const on = i === ui.get("context");
    const pick = () => ui.set("context", on ? -1 : i);
    const span = wordIn(text, word) || { start: 0, end: 0 };
    const button = h(
      "button",
      { type: "button", "aria-pressed": String(on), onclick: pick, "data-context": i },
      marked({ text, ...span }),
    );
    return h(
      "li",
      {},
      h("span.muted.letter", {}, labels[i].label),
      button,
      on ? textButton(say("as text"), () => ui.call("open_context", { number: i }).catch(() => {})) : "",
    );
  });
  return h("ul.scroll.contexts", { tabindex: "0", "aria-label": say("Sentences with {word}", { word }) }, ...rows);
}

/** What stands beside the cloud of senses. */
export function besideSenses(ui, view, points, width, height) {
  const series = [
    { name: say("shuffled labels"), values: view.chance, kind: "baseline" },
    { name: say("one shuffle in twenty"), values: view.upper, kind: "limit" },
  ];
  if (view.pinned?.length) series.push({ name: say("pinned (A)"), values: view.pinned, kind: "pin", shape: "square" });
  series.push({ name: say("the nearest other has the same sense"), values: view.score, kind: "main" });
  const scale = ui.scale();
  const named = name => say("{letter}: {sense}", { letter: letterOf(name), sense: senseName(name) });
  const legend = sensesOf(view).map((name, kind) => h("span", {}, legendMark(kind, scale), named(name)));
  if (points.length > view.texts.length) legend.push(h("span", {}, legendMark(7, scale, true), say("your sentence")));
  return [
    h("h4", {}, say("Do the senses stand apart?")),
    chartOf(ui, view, series, say("Separation by hidden state"), width, height),
    h("div.legend", {}, ...legend),
    sentenceList(ui, view, points),
  ];
}

/** The probes' chart, and the button that starts them. */
export function probesLook(ui, view, width, height) {
  const running = ui.get("busy")?.label;
  const first = say("Probe every layer ({count} sentences)", { count: view.sentences });
  const text = view.accuracy.length ? say("Probe again") : first;
  const button = running || ui.model.standalone ? "" : textButton(text, () => ui.call("probe").catch(() => {}));
  const pad = values => [...values, ...Array(Math.max(0, view.layers - values.length)).fill(null)];
  const series = [
    { name: say("always the most frequent tag"), values: pad(view.majority), kind: "baseline" },
    {
      name: say("control task: a random tag for each word (Hewitt & Liang 2019)"),
      values: pad(view.control),
      kind: "second",
      shape: "square",
    },
    { name: say("probe"), values: pad(view.accuracy), kind: "main" },
  ];
  const what = view.held_out
    ? say("Share of {words} held-out words that a linear probe tags rightly", { words: view.held_out })
    : say("What can a linear probe read from each layer?");
  const chart = chartOf(
    ui,
    view,
    series,
    say("Accuracy of probes by hidden state"),
    Math.min(width, 860 * ui.scale()),
    height,
  );
  return [h("h4", {}, what, " ", button), chart];
}
