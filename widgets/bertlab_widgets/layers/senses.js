// The senses of a word, in a cloud of its own, by layer and as sentences; and the probes' chart.
import { h, textButton } from "../kit/dom.js";
import { layerChart, stateAt, stateValue } from "../kit/layers.js";
import { percent } from "../kit/numbers.js";
import { legendMark } from "./cloud.js";
import { marked } from "./lists.js";
import { wordIn } from "./pure.js";

export const sensesOf = view => [...new Set(view.senses)];

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
    const label = `${view.senses[i][0]}${counts.get(kind)}`;
    return {
      label,
      kind,
      bold: i === chosen,
      path: i === chosen || ui.get("trails"),
      tip: `${view.senses[i]}: ${text}`,
    };
  });
  const own = { label: "yours", kind: 7, cross: true, bold: true, path: true, tip: ui.get("text") };
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
      on ? textButton("as text", () => ui.call("open_context", { number: i }).catch(() => {})) : "",
    );
  });
  return h("ul.scroll.contexts", { tabindex: "0", "aria-label": `Sentences with ${word}` }, ...rows);
}

/** What stands beside the cloud of senses. */
export function besideSenses(ui, view, points, width, height) {
  const series = [
    { name: "shuffled labels", values: view.chance, kind: "baseline" },
    { name: "one shuffle in twenty", values: view.upper, kind: "limit" },
  ];
  if (view.pinned?.length) series.push({ name: "pinned (A)", values: view.pinned, kind: "pin", shape: "square" });
  series.push({ name: "the nearest other has the same sense", values: view.score, kind: "main" });
  const scale = ui.scale();
  const legend = sensesOf(view).map((name, kind) => h("span", {}, legendMark(kind, scale), `${name[0]}: ${name}`));
  if (points.length > view.texts.length) legend.push(h("span", {}, legendMark(7, scale, true), "your sentence"));
  return [
    h("h4", {}, "Do the senses stand apart?"),
    chartOf(ui, view, series, "Separation by hidden state", width, height),
    h("div.legend", {}, ...legend),
    sentenceList(ui, view, points),
  ];
}

/** The probes' chart, and the button that starts them. */
export function probesLook(ui, view, width, height) {
  const running = ui.get("busy")?.label;
  const text = view.accuracy.length ? "Probe again" : `Probe every layer (${view.sentences} sentences)`;
  const button = running || ui.model.standalone ? "" : textButton(text, () => ui.call("probe").catch(() => {}));
  const pad = values => [...values, ...Array(Math.max(0, view.layers - values.length)).fill(null)];
  const series = [
    { name: "always the most frequent tag", values: pad(view.majority), kind: "baseline" },
    {
      name: "control task: a random tag for each word (Hewitt & Liang 2019)",
      values: pad(view.control),
      kind: "second",
      shape: "square",
    },
    { name: "probe", values: pad(view.accuracy), kind: "main" },
  ];
  const what = view.held_out
    ? `Share of ${view.held_out} held-out words that a linear probe tags rightly`
    : "What can a linear probe read from each layer?";
  const chart = chartOf(
    ui,
    view,
    series,
    "Accuracy of probes by hidden state",
    Math.min(width, 860 * ui.scale()),
    height,
  );
  return [h("h4", {}, what, " ", button), chart];
}
