// A cloud of points that move from layer to layer, with the paths that they took.
import { inkOf } from "../kit/colours.js";
import { h } from "../kit/dom.js";
import { svg } from "../kit/svg.js";
import { placeLabels, unitOf } from "./pure.js";

const SHAPES = [
  r => `M${-r},0A${r},${r} 0 1 1 ${r},0A${r},${r} 0 1 1 ${-r},0Z`,
  r => `M${-r},${-r}H${r}V${r}H${-r}Z`,
  r => `M0,${-1.2 * r}L${1.1 * r},${0.8 * r}H${-1.1 * r}Z`,
];
const CROSS = r => `M${-r},${-r}L${r},${r}M${r},${-r}L${-r},${r}`;

/** The mark of a kind of point, for a legend. */
export function legendMark(kind, scale, cross = false) {
  const size = 12 * scale;
  const attributes = { d: cross ? CROSS(4 * scale) : SHAPES[kind % 3](4 * scale), class: cross ? "cross" : "" };
  const mark = svg("path", { ...attributes, transform: `translate(${size / 2},${size / 2})` });
  mark.style.setProperty("--hue", inkOf(kind));
  const picture = svg("svg", { width: size, height: size, class: "cloud-key", "aria-hidden": "true" }, mark);
  return picture;
}

/** As many marks and names as there are points. */
function fit({ marks, names }, count) {
  while (marks.childElementCount > count) {
    marks.lastChild.remove();
    names.lastChild.remove();
  }
  while (marks.childElementCount < count) {
    const at = String(marks.childElementCount);
    marks.append(svg("path", { "data-point": at }));
    names.append(svg("text", { "data-point": at }));
  }
}

/** The way of a point through the layers, with a dot at each where it is the chosen one. */
function paintTrails(ui, trails, points, paths, { x, y }) {
  const scale = ui.scale();
  trails.replaceChildren(
    ...points.flatMap((point, i) => {
      if (!point.path || paths.length < 2) return [];
      const d = paths.map(
        (layer, k) => `${k ? "L" : "M"}${x(layer[2 * i]).toFixed(1)},${y(layer[2 * i + 1]).toFixed(1)}`,
      );
      const line = svg("path", { d: d.join(""), class: point.bold ? "bold" : "" });
      const dots = point.bold
        ? paths.slice(0, -1).map(layer => svg("circle", { cx: x(layer[2 * i]), cy: y(layer[2 * i + 1]), r: 2 * scale }))
        : [];
      for (const part of [line, ...dots]) part.style.setProperty("--hue", inkOf(point.kind));
      return [line, ...dots];
    }),
  );
}

function paint(ui, parts, { points, paths, all, width, height, label }) {
  const { picture, marks, names } = parts;
  const scale = ui.scale();
  const edge = 14 * scale;
  const unit = unitOf(all, Math.max(1, width - 2 * edge - 80 * scale), Math.max(1, height - 2 * edge));
  const x = value => width / 2 + unit * value;
  const y = value => height / 2 - unit * value;
  const now = paths.at(-1);
  for (const [name, value] of Object.entries({
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "aria-label": label,
  })) {
    picture.setAttribute(name, value);
  }
  fit(parts, points.length);
  const at = points.map((point, i) => ({ x: x(now[2 * i]), y: y(now[2 * i + 1]), label: point.label }));
  const kept = points.map(point => Boolean(point.bold));
  const size = 11 * scale;
  const placed = placeLabels(at, { width, height, size, kept });
  points.forEach((point, i) => {
    const mark = marks.children[i];
    const radius = (point.bold ? 6 : 4.2) * scale;
    mark.setAttribute("d", point.cross ? CROSS(6 * scale) : SHAPES[point.kind % 3](radius));
    mark.setAttribute("class", `${point.cross ? "cross" : ""} ${point.bold ? "bold" : ""}`);
    mark.style.setProperty("--hue", inkOf(point.kind));
    mark.style.transform = `translate(${at[i].x}px,${at[i].y}px)`;
    const name = names.children[i];
    const place = placed[i];
    name.textContent = place ? point.label : "";
    name.setAttribute("class", point.bold ? "bold" : "");
    if (!place) return;
    name.setAttribute("text-anchor", place.anchor);
    name.style.transform = `translate(${place.x}px,${place.y + 0.35 * size}px)`;
  });
  paintTrails(ui, parts.trails, points, paths, { x, y });
}

/**
 * `draw({points, paths, all, width, height, label})`: points are {label, kind, cross, bold, path, tip}, paths[layer]
 * their coordinates up to the layer that is shown, `all` those of every layer. `on` is told of {pick(i, event),
 * hover(i)}.
 */
export function makeCloud(ui, on) {
  const trails = svg("g", { class: "trails" });
  const marks = svg("g", { class: "marks" });
  const names = svg("g", { class: "names" });
  const picture = svg("svg", { class: "cloud", role: "img", tabindex: "0" }, trails, marks, names);
  const box = h("div.cloud-box", {}, picture);
  let shown = [];
  const numberOf = event => {
    const at = event.target.closest?.("[data-point]");
    return at ? Number(at.dataset.point) : null;
  };
  picture.addEventListener("click", event => {
    const i = numberOf(event);
    if (i !== null) on.pick(i, event);
  });
  picture.addEventListener("pointermove", event => {
    const i = numberOf(event);
    on.hover?.(i);
    ui.tip(i === null ? "" : shown[i]?.tip || "", event.clientX, event.clientY);
  });
  picture.addEventListener("pointerleave", () => {
    on.hover?.(null);
    ui.tip("");
  });
  picture.addEventListener("keydown", event => on.key?.(event));
  function draw(look) {
    shown = look.points;
    paint(ui, { picture, trails, marks, names }, look);
  }
  return { element: box, picture, draw };
}
