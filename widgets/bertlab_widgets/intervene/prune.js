// Heads removed one after the other: the curve, random orders beside it, and which heads are gone at the slider.
import { makeCells } from "../kit/cells.js";
import { select, slider } from "../kit/controls.js";
import { h, marked, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { sayTexts } from "../kit/looks.js";
import { number, percent, ticks } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";

const ORDERS = [
  ["gradient", mark("a gradient (one pass)")],
  ["ablation", mark("switching off (a pass a head)")],
];
const OVER = [
  ["text", mark("this prediction")],
  ["samples", mark("12 sentences that ship")],
];

/** The lowest and highest value of all curves, with 0 where they are probabilities. */
export function extent(curves, probability) {
  const all = curves.flat();
  const [low, high] = [Math.min(...all), Math.max(...all)];
  if (probability) return [0, high || 1];
  const room = (high - low) * 0.05 || 0.5;
  return [low - room, high + room];
}

function chart(ui, view, count, width, height) {
  const scale = ui.scale();
  const probability = ui.get("measure") === "probability";
  const [low, high] = extent([view.values, ...view.random], probability);
  const [left, bottom, top] = [52 * scale, 34 * scale, 12 * scale];
  const most = Math.max(1, view.values.length - 1);
  const x = i => left + (i / most) * (width - left - 12 * scale);
  const y = value => height - bottom - ((value - low) / (high - low)) * (height - bottom - top);
  const line = (values, attributes) =>
    svg("path", {
      d: values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(""),
      fill: "none",
      ...attributes,
    });
  const text = (words, px, py, attributes = {}) => {
    const element = svg("text", { x: px, y: py, "font-size": 11 * scale, fill: "var(--muted)", ...attributes });
    element.textContent = words;
    return element;
  };
  const written = value => (probability ? percent(value) : number(value, 3));
  const marks = probability ? ticks(high) : [view.values[0], view.values.at(-1)];
  const subject = view.subject.replaceAll("`", "");
  const label = say("{subject} against the number of heads removed", { subject });
  const picture = svg("svg", { width, height, role: "img", "aria-label": label });
  for (const tick of marks) {
    picture.append(svg("line", { x1: left, x2: width - 12 * scale, y1: y(tick), y2: y(tick), stroke: "var(--line)" }));
    picture.append(text(written(tick), left - 6, y(tick) + 4, { "text-anchor": "end" }));
  }
  for (const row of view.random) picture.append(line(row, { stroke: "var(--muted)", "stroke-dasharray": "4 3" }));
  picture.append(line(view.values, { stroke: "var(--accent)", "stroke-width": 2 }));
  picture.append(svg("line", { x1: x(count), x2: x(count), y1: top, y2: height - bottom, stroke: "var(--mark)" }));
  picture.append(svg("circle", { cx: x(count), cy: y(view.values[count]), r: 4 * scale, fill: "var(--mark)" }));
  for (const i of new Set([0, Math.round(most / 2), most])) {
    picture.append(text(String(i), x(i), height - bottom + 14 * scale, { "text-anchor": "middle" }));
  }
  picture.append(text(say("heads removed, least important first (dashed: in random order)"), left, height - 4));
  return picture;
}

export function pruneLook(ui) {
  const { get } = ui;
  const [plot, box, side] = [h("div.plot"), h("div.map"), h("div")];
  const title = h("h4");
  const total = () => Math.max(1, get("view").count ?? 1);
  const words = value => say("{gone} of {total} heads", { gone: value, total: total() });
  const removed = slider(ui, "pruned", say("Removed"), { high: total, words });
  removed.querySelector("input").classList.add("wide");
  const cells = makeCells(ui, {
    label: say("The order in which heads go"),
    press([layer, head]) {
      const place = get("view").heads.findIndex(pair => String(pair) === String([layer, head]));
      if (place >= 0) ui.set("pruned", place + 1);
    },
    move: ([layer, head]) => ui.setAll({ layer, head }),
    tell([layer, head]) {
      const place = (get("view").heads || []).findIndex(pair => String(pair) === String([layer, head]));
      if (place < 0) return say("head {layer}.{head} was pruned before", { layer, head });
      return say("head {layer}.{head} goes as number {number}", { layer, head, number: place + 1 });
    },
  });
  box.append(cells.canvas);
  const off = textButton(say("Switch these off in all panels"), () => ui.call("switch_off_pruned").catch(() => {}));
  side.append(h("h4", {}, say("Gone so far (row: layer, column: head)")), box, ui.model.standalone ? "" : off);
  const columns = h("div.two.even", {}, h("div", {}, title, plot, removed), side);
  function draw(view) {
    title.replaceChildren(...marked(view.subject));
    const ready = view.values.length > 1;
    const count = Math.min(get("pruned"), view.count);
    const height = ui.stageHeight() - 64 * ui.scale();
    plot.style.minHeight = `${height}px`;
    plot.replaceChildren(
      ready ? chart(ui, view, count, plot.clientWidth || 460, height) : h("p.muted", {}, say("Measuring …")),
    );
    const places = new Map(view.heads.map((pair, i) => [String(pair), i]));
    const values = Array.from({ length: view.layers * view.columns }, (_, i) => {
      const place = places.get(String([Math.floor(i / view.columns), i % view.columns]));
      return place === undefined ? null : 0.15 + (0.7 * place) / Math.max(1, view.count - 1);
    });
    const named = size => Array.from({ length: size }, (_, i) => String(i));
    const data = {
      rowNames: named(view.layers),
      columnNames: named(view.columns),
      values,
      largest: 30,
      square: true,
      crossed: view.heads.slice(0, count),
      cursor: [get("layer"), get("head")],
      summary: say("{gone} of {total} are gone; dark ones go last.", { gone: count, total: view.count }),
    };
    cells.draw(data, box.clientWidth || 320, ui.stageHeight() - 60 * ui.scale());
  }
  const controls = [
    h("span", {}, select(ui, "by", sayTexts(ORDERS), say("Importance by"))),
    h("span", {}, select(ui, "over", sayTexts(OVER), say("Over"))),
  ];
  return { parts: [columns], controls: ui.model.standalone ? [] : controls, draw };
}
