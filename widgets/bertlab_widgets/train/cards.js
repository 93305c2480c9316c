// What the model says about watched sentences, then and now; before a run, the first examples of the set.
import { fitCanvas } from "../kit/canvas.js";
import { bars } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number, percent } from "../kit/numbers.js";
import { shortened } from "./names.js";

const HIGHEST_SCORE = 5;

function spark(ui, trace, total, range, wide) {
  const [colors, width, height] = [ui.colors(), Math.max(80, wide - 8), 22 * ui.scale()];
  const canvas = h("canvas", { "aria-hidden": "true" });
  const c = fitCanvas(canvas, width, height);
  c.strokeStyle = colors.line;
  c.beginPath();
  c.moveTo(0, height - 0.5);
  c.lineTo(width, height - 0.5);
  c.stroke();
  c.strokeStyle = colors.accent;
  c.lineWidth = 1.5;
  c.beginPath();
  trace.forEach(([step, value], i) => {
    const share = Math.max(0, Math.min(1, value / range));
    const [x, y] = [(width * step) / Math.max(1, total), height - 1 - (height - 3) * share];
    if (i) c.lineTo(x, y);
    else c.moveTo(x, y);
  });
  c.stroke();
  return canvas;
}

function titleOf(row) {
  const second = row.pair ? h("span.pair", {}, bidi(shortened(row.pair, 160), "bdi")) : null;
  return h("h4", {}, bidi(row.text, "bdi"), second);
}

function saidCard(row) {
  const entries = [
    [say("before"), row.said_then],
    [say("now"), row.said],
    [say("truth"), row.truth],
  ];
  const known = entries.filter(([, text]) => text !== undefined && text !== null);
  const lines = known.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, bidi(text))]);
  return h("div", {}, titleOf(row), h("dl.said", {}, ...lines));
}

function card(ui, row, view, wide) {
  if (row.said !== undefined) return saidCard(row);
  const regression = view.kind === "regression";
  const range = regression ? HIGHEST_SCORE : 1;
  const share = value => Math.max(0, Math.min(1, value / range));
  const rows = (row.rows || []).map(([label, value]) => ({
    label: shortened(label, 33),
    value: value / range,
    truth: !regression && label === row.truth,
    before: row.then[label] === undefined ? null : share(row.then[label]),
  }));
  const shown = bars(rows, regression ? p => number(p * range, 3) : percent);
  const truth = regression && row.truth ? h("div.small.muted", {}, say("truth: {truth}", { truth: row.truth })) : null;
  const line = () => spark(ui, row.trace, view.steps, range, wide);
  const trace =
    row.trace?.length > 1 ? h("div", { title: say("“{label}” over the run", { label: row.trace_of }) }, line()) : null;
  return h("div", {}, titleOf(row), shown, truth, trace);
}

function example(row) {
  const second = row.pair ? h("span.pair", {}, bidi(row.pair.slice(0, 120), "bdi")) : null;
  const label = row.label ? h("div.small.muted", {}, bidi(String(row.label).slice(0, 120))) : null;
  return h("div", {}, h("h4.plain", {}, bidi(shortened(row.text, 140), "bdi"), second), label);
}

export function cardsOf(ui, view, wide) {
  if (view.watched) {
    const heading = say("Watched sentences; the mark in a bar is where it began");
    return [h("div.heading", {}, heading), ...view.watched.map(row => card(ui, row, view, wide))];
  }
  const rows = view.about?.examples || [];
  if (rows.length) return [h("div.heading", {}, say("What it learns from, the first ones")), ...rows.map(example)];
  const nothing = view.about?.title ? say("Examples are made as it goes") : say("Nothing to learn from yet");
  return [h("div.heading", {}, nothing)];
}
