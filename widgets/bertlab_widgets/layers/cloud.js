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

const MANY = 60; // points that no longer glide to their new places: each would be an animation of its own

/** Set what is not so yet: the browser works over again what is set, be it the same. */
function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
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
function paintTrails(trails, points, paths, { x, y }) {
  trails.replaceChildren(
    ...points.flatMap((point, i) => {
      if (!point.path || paths.length < 2) return [];
      const way = paths.map(layer => `${x(layer[2 * i]).toFixed(1)},${y(layer[2 * i + 1]).toFixed(1)}`);
      const style = `--hue:${inkOf(point.kind)}`;
      const line = svg("path", { d: `M${way.join("L")}`, class: point.bold ? "bold" : "", style });
      if (!point.bold) return [line];
      const dots = way.slice(0, -1).map(at => `M${at}h0`); // a line of no length with round ends is a dot
      return [line, svg("path", { d: dots.join(""), class: "dots", style })];
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
  put(picture, { width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": label });
  picture.classList.toggle("many", points.length > MANY);
  fit(parts, points.length);
  const at = points.map((point, i) => ({ x: x(now[2 * i]), y: y(now[2 * i + 1]), label: point.label }));
  const kept = points.map(point => Boolean(point.bold));
  const size = 11 * scale;
  const placed = placeLabels(at, { width, height, size, kept });
  points.forEach((point, i) => {
    const mark = marks.children[i];
    const radius = (point.bold ? 6 : 4.2) * scale;
    put(mark, {
      d: point.cross ? CROSS(6 * scale) : SHAPES[point.kind % 3](radius),
      class: `${point.cross ? "cross" : ""} ${point.bold ? "bold" : ""}`,
    });
    mark.style.setProperty("--hue", inkOf(point.kind));
    mark.style.transform = `translate(${at[i].x}px,${at[i].y}px)`;
    const name = names.children[i];
    const place = placed[i];
    const text = place ? point.label : "";
    if (name.textContent !== text) name.textContent = text;
    put(name, { class: point.bold ? "bold" : "" });
    if (!place) return;
    put(name, { "text-anchor": place.anchor });
    name.style.transform = `translate(${place.x}px,${place.y + 0.35 * size}px)`;
  });
  paintTrails(parts.trails, points, paths, { x, y });
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
