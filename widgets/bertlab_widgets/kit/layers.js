// Hidden states: their names, the slider over them, and the chart of a number at each of them.
import { h } from "./dom.js";
import { say } from "./language.js";
import { number } from "./numbers.js";
import { svg } from "./svg.js";

/** The name of a hidden state: 0 is the embeddings, the last one the model's own. */
export function stateName(at, count) {
  if (at === 0) return say("embeddings");
  const layer = at - 1;
  return at === count - 1 ? say("layer {layer}, the last", { layer }) : say("layer {layer}", { layer });
}

/** A trait that counts hidden states from 0, or from the end below it. */
export const stateAt = (value, count) => Math.max(0, Math.min(count - 1, value < 0 ? value + count : value));

/** The value for the trait: the last state stays the last one in other models. */
export const stateValue = (at, count) => (at >= count - 1 ? -1 : Math.max(0, at));

/** A slider over the hidden states; `count()` says how many there are. */
export function stateSlider(ui, trait, text, count) {
  const said = h("span.state-name");
  const oninput = () => ui.set(trait, stateValue(Number(field.value), count()));
  const field = h("input", { type: "range", min: 0, max: count() - 1, step: 1, "aria-label": text, oninput });
  const show = () => {
    field.max = count() - 1;
    field.value = stateAt(ui.get(trait), count());
    said.textContent = stateName(Number(field.value), count());
    field.setAttribute("aria-valuetext", said.textContent);
  };
  ui.on([trait, "view"], show);
  show();
  return h("label", {}, h("span", {}, text), field, said);
}

/** One hidden state further up or down; for keys. */
export function moveState(ui, trait, count, step) {
  ui.set(trait, stateValue(stateAt(ui.get(trait), count) + step, count));
}

/** The range of an axis: round numbers that hold every value, and 0 or 1 where they are near. */
export function axisRange(values, least = 0, most = 1) {
  const known = values.filter(Number.isFinite);
  const low = Math.min(least, ...known);
  const high = Math.max(most, ...known);
  return [low < least ? Math.floor(low * 10) / 10 : least, high > most ? Math.ceil(high * 10) / 10 : most];
}

const SHAPES = {
  circle: (x, y, r) => svg("circle", { cx: x, cy: y, r }),
  square: (x, y, r) => svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r }),
};

/** A line through the values that are there; where one is missing there is a gap. */
export function pathThrough(values, x, y) {
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) {
      pen = "M";
      return;
    }
    path += `${pen}${x(i).toFixed(1)},${y(value).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

function frame(place, count, { low, high, format }) {
  const { x, y, left, right, top, bottom, scale } = place;
  const parts = [];
  for (const value of [low, (low + high) / 2, high]) {
    parts.push(svg("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "rule" }));
    const at = { x: left - 6 * scale, y: y(value) + 4 * scale, "text-anchor": "end", class: "tick" };
    parts.push(svg("text", at, format(value)));
  }
  const every = Math.ceil((count * 22 * scale) / Math.max(1, right - left));
  for (let i = 0; i < count; i++) {
    if (i && i % every && i !== count - 1) continue;
    const at = { x: x(i), y: bottom + 14 * scale, "text-anchor": "middle", class: "tick" };
    parts.push(svg("text", at, i === 0 ? say("emb") : String(i - 1)));
  }
  const under = { x: (left + right) / 2, y: bottom + 28 * scale, "text-anchor": "middle", class: "tick" };
  parts.push(svg("text", under, say("embeddings, then after layer")));
  parts.push(svg("line", { x1: left, x2: left, y1: top, y2: bottom, class: "rule" }));
  return parts;
}

function marksOf(series, place) {
  const { x, y, scale } = place;
  const parts = [svg("path", { d: pathThrough(series.values, x, y), class: `line ${series.kind}` })];
  if (series.kind === "baseline" || series.kind === "limit") return parts;
  series.values.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    const mark = SHAPES[series.shape || "circle"](x(i), y(value), 3 * scale);
    mark.setAttribute("class", `mark ${series.kind}`);
    parts.push(mark);
  });
  return parts;
}

/**
 * A number at every hidden state. `series` is [{name, values, kind, shape}], kind one of main, second, pin, baseline
 * (dashed) and limit (dotted); `now` is the state that is shown, `onPick(state)` is told of clicks and arrows.
 */
export function layerChart(ui, { series, now, onPick, label, width, height, format = v => number(v, 2), range }) {
  const scale = ui.scale();
  const count = Math.max(1, ...series.map(one => one.values.length));
  const [low, high] = range || axisRange(series.flatMap(one => one.values));
  const [left, right, top, bottom] = [38 * scale, width - 12 * scale, 10 * scale, height - 34 * scale];
  const x = i => left + 8 * scale + ((right - left - 16 * scale) * i) / Math.max(1, count - 1);
  const y = value => bottom - ((bottom - top) * (value - low)) / (high - low || 1);
  const place = { x, y, left, right, top, bottom, scale };
  const said = series.map(one => `${one.name}: ${one.values.map(v => format(v)).join(say(", "))}`).join("; ");
  const attributes = { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", class: "layer-chart" };
  const picture = svg("svg", { ...attributes, "aria-label": say("{label}. {summary}", { label, summary: said }) });
  picture.append(...frame(place, count, { low, high, format }));
  if (now !== null) picture.append(svg("line", { x1: x(now), x2: x(now), y1: top, y2: bottom, class: "now" }));
  for (const one of series) picture.append(...marksOf(one, place));
  const main = series.find(one => one.kind === "main")?.values[now ?? -1];
  if (Number.isFinite(main)) {
    const end = now > count / 2;
    const above = y(main) - 8 * scale < top + 8 * scale ? y(main) + 18 * scale : y(main) - 8 * scale;
    const at = { x: x(now) + (end ? -6 : 6) * scale, y: above, "text-anchor": end ? "end" : "start", class: "value" };
    picture.append(svg("text", at, format(main)));
  }
  const legend = series.map(one => h("span", {}, h(`i.key.${one.kind}.${one.shape || "circle"}`), one.name));
  const box = h("div.layer-box", {}, picture, h("div.layer-legend", {}, ...legend));
  if (!onPick) return box;
  const at = event => {
    const from = picture.getBoundingClientRect();
    const step = (right - left - 16 * scale) / Math.max(1, count - 1);
    return Math.max(0, Math.min(count - 1, Math.round((event.clientX - from.left - left - 8 * scale) / step)));
  };
  picture.style.cursor = "pointer";
  picture.addEventListener("click", event => onPick(at(event)));
  picture.addEventListener("pointermove", event => {
    const i = at(event);
    const lines = series.map(one => `${one.name}  ${format(one.values[i])}`);
    ui.tip([stateName(i, count), ...lines].join("\n"), event.clientX, event.clientY);
  });
  picture.addEventListener("pointerleave", () => ui.tip(""));
  return box;
}
