// How alike the position vectors are: all with all as a map, one with all as a line, and the mean by distance.

import { fitCanvas, pictureOf } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { bytes, number } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";
import { cosineOf } from "./pure.js";

/** Cosines by position as a line from -1 to 1; `mark` is a position with a dashed line. */
function lineOf(values, mark, said) {
  const low = Math.min(0, ...values);
  const y = value => (60 * (1 - value)) / (1 - low);
  const points = values.map((value, i) => `${((i + 0.5) * 100) / values.length},${y(value).toFixed(2)}`).join(" ");
  const thin = { "vector-effect": "non-scaling-stroke", fill: "none" };
  const at = ((mark + 0.5) * 100) / values.length;
  const marked =
    mark === null
      ? []
      : [svg("line", { x1: at, x2: at, y1: 0, y2: 60, stroke: "var(--mark)", "stroke-dasharray": "4 3", ...thin })];
  const zero = svg("line", { x1: 0, x2: 100, y1: y(0), y2: y(0), stroke: "var(--line)", ...thin });
  const line = svg("polyline", { points, stroke: "var(--accent)", "stroke-width": 1.5, ...thin });
  const drawn = svg(
    "svg",
    { viewBox: "0 0 100 60", preserveAspectRatio: "none", role: "img", "aria-label": said },
    zero,
    ...marked,
    line,
  );
  const axis = h(
    "div.axis",
    {},
    h("span", {}, "0"),
    h("span", {}, say("cosine {low} to 1", { low: number(low, 2) })),
    h("span", {}, String(values.length - 1)),
  );
  return h("div.curve", {}, drawn, axis);
}

/** The look; the map itself comes once, as bytes, when it is first asked for. */
export function positionsLook(ui) {
  const said = say("Cosines of all positions with each other, both from 0; click for the position of a row");
  const canvas = h("canvas", { role: "img", "aria-label": said });
  let map = null;
  let asked = "";
  const modelOf = () => JSON.stringify([ui.get("heading")?.model, ui.get("view").size]);
  async function fetchMap() {
    const wanted = modelOf();
    if (asked === wanted) return;
    asked = wanted;
    map = null;
    const { result, buffers } = await ui.call("likeness").catch(() => ({}));
    if (!result) return;
    map = { size: result.size, raw: bytes(buffers[0]) };
    paint();
  }
  const placeOf = event => {
    const box = canvas.getBoundingClientRect();
    const at = (value, length) => Math.max(0, Math.min(map.size - 1, Math.floor((value * map.size) / length)));
    return [at(event.clientY - box.top, box.height), at(event.clientX - box.left, box.width)];
  };
  canvas.addEventListener("pointermove", event => {
    if (!map) return;
    const [row, column] = placeOf(event);
    const value = cosineOf(map.raw[row * map.size + column]);
    const told = say("positions {row} and {column}: cosine {cosine}", { row, column, cosine: number(value, 2) });
    ui.tip(told, event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", () => ui.tip(""));
  canvas.addEventListener("click", event => map && ui.set("position", placeOf(event)[0]));
  function paint() {
    if (!canvas.isConnected) return;
    const side = Math.round(Math.min(ui.stageHeight() - 40 * ui.scale(), 0.6 * ui.stage.clientWidth));
    const context = fitCanvas(canvas, side, side);
    if (!map) return;
    const { diverging, ink } = ui.colors();
    context.imageSmoothingEnabled = true;
    context.drawImage(pictureOf(map.raw, map.size, map.size, diverging), 0, 0, side, side);
    const y = ((ui.get("position") + 0.5) * side) / map.size;
    context.strokeStyle = ink;
    context.setLineDash([4, 3]);
    context.strokeRect(0.5, y - 1.5, side - 1, 3);
  }
  const look = (_, view) => {
    if (view.none) return [h("div.invitation", {}, h("span", {}, view.none))];
    fetchMap();
    const scale = h("div.scale", { "aria-hidden": "true" }, "−1 ", h("i", { style: gradient(ui.colors()) }), " 1");
    const position = ui.get("position");
    const of = say("Cosine of position {position} with every other", { position });
    const apart = say("Mean cosine by how far two positions are apart");
    return [
      h(
        "div.two",
        {},
        h("div.square", {}, canvas, scale),
        h(
          "div",
          {},
          h("h4", {}, of),
          lineOf(view.row, position, of),
          h("h4", {}, apart),
          lineOf(view.means, null, apart),
        ),
      ),
    ];
  };
  look.paint = paint;
  return look;
}

function gradient(colors) {
  const stops = [0, 64, 128, 192, 255].map(i => cssColor(colors.diverging[i]));
  return `background: linear-gradient(to right, ${stops.join(", ")})`;
}
