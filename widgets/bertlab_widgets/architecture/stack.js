// The parts of the model, output on top: how many parameters each has, and how long the sentence's vectors leave it.
import { PALETTE } from "../kit/colours.js";
import { bidi, h } from "../kit/dom.js";
import { say, sayN } from "../kit/language.js";
import { number, thousands } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";
import { large, roundUp } from "./pure.js";

const DASHES = ["", "6 3", "2 3", "8 3 2 3"];
const colourOf = k => (k === 0 ? "var(--ink)" : PALETTE[(k - 1) % PALETTE.length]);

/** The lines of the hidden states' lengths beside the rows, on one scale from 0. */
function lengthLines(series, rows, top) {
  const places = rows.map((row, at) => [row.state, at]).filter(([state]) => state !== null);
  const drawn = svg("svg", { viewBox: `0 0 100 ${rows.length}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  series.forEach(({ values }, k) => {
    const points = places.map(([state, at]) => `${((98 * values[state]) / top + 1).toFixed(2)},${at + 0.5}`);
    const look = { fill: "none", stroke: colourOf(k), "vector-effect": "non-scaling-stroke" };
    drawn.append(
      svg("polyline", { points: points.join(" "), ...look, "stroke-width": 1.5, "stroke-dasharray": DASHES[k % 4] }),
    );
    for (const point of points) {
      const dot = { d: `M${point.replace(",", " ")}h0`, ...look, "stroke-width": 6, "stroke-linecap": "round" };
      drawn.append(svg("path", dot));
    }
  });
  return h("div.lines", { style: `grid-row: 2 / span ${rows.length}` }, drawn);
}

/** A piece of one of the lines, for the legend: words stay in the page's ink, which is read in every theme. */
function lineSample(k) {
  const look = { stroke: colourOf(k), "stroke-width": 2, "stroke-dasharray": DASHES[k % 4] };
  const line = svg("line", { x1: 0, x2: 24, y1: 4, y2: 4, ...look });
  return svg("svg", { class: "sample", viewBox: "0 0 24 8", "aria-hidden": "true" }, line);
}

function partRow(ui, row, most, at, path) {
  const drawn = sayN("{count} tensor is freshly drawn", "{count} tensors are freshly drawn", row.fresh);
  const fresh = row.fresh ? h("b.fresh", { title: drawn }, say("fresh")) : null;
  const chosen = row.path === path;
  const place = `grid-row: ${at + 2}`;
  const attributes = {
    type: "button",
    style: place,
    "data-path": row.path,
    "aria-pressed": String(chosen),
    "data-open": row.open,
    tabindex: row.open ? "0" : "-1",
    title: say("{path}, a {class}: {count} parameters", { ...row, count: thousands(row.count) }),
    onclick: () => ui.set("path", row.path),
  };
  const width = `--of-most: ${row.count / most}`;
  return [
    h("button.part", attributes, row.name, fresh),
    h("div.share", { style: place }, h("i", { style: width }), h("span", {}, large(row.count))),
  ];
}

/** The column of the parts. */
export function stackOf(ui, view) {
  const rows = view.stack;
  const most = Math.max(1, ...rows.map(row => row.count));
  const series = [{ token: null, values: view.lengths.mean }, ...view.lengths.tokens];
  const top = roundUp(Math.max(...series.flatMap(one => one.values)));
  const names = series.map(({ token }, k) => h("span.key", {}, lineSample(k), k ? bidi(token) : say("mean of tokens")));
  const said = view.lengths.mean.map((value, state) => `${state}: ${number(value)}`).join(", ");
  const entries = rows.flatMap((row, at) => partRow(ui, row, most, at, ui.get("path")));
  const buttons = entries.filter(entry => entry.matches("button"));
  if (!buttons.some(button => button.tabIndex === 0)) buttons[0].tabIndex = 0;
  const lengths = say("Length of the hidden states, mean over the tokens, by layer: {lengths}", { lengths: said });
  return h(
    "div.parts",
    { role: "group", "aria-label": say("Parts of the model, output on top") },
    h("span.head", {}, say("output ↑")),
    h("span.head", {}, say("parameters")),
    h("span.head", { role: "img", "aria-label": lengths }, say("length")),
    ...entries,
    lengthLines(series, rows, top),
    h(
      "div.head.legend",
      { style: `grid-row: ${rows.length + 2}` },
      say("↑ the sentence: length of its vectors, 0–{top}", { top: number(top, 2) }),
      ...names,
    ),
  );
}
