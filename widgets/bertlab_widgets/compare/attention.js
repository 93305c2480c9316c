// One head on both sides as a matrix: B minus A, or one side alone; all heads beside it.
import { makeCells, scaleBar } from "../kit/cells.js";
import { select } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { sayTexts } from "../kit/looks.js";
import { bytes, percent, points, SIGNED, WEIGHT } from "../kit/numbers.js";
import { headsMap } from "./heads.js";

const SIDES = [
  ["difference", "B − A"],
  ["a", mark("A alone")],
  ["b", mark("B alone")],
];

export function attentionLook(ui) {
  const { get } = ui;
  const heads = headsMap(ui);
  const [box, legend, title] = [h("div.map"), h("div"), h("h4")];
  let kept = { key: "", values: null };
  let cursor = [1, 1];
  function ask(key) {
    const args = { layer: get("layer"), head: get("head"), side: get("side") };
    kept = { key, values: null, asked: true };
    ui.call("weights", args)
      .then(({ buffers }) => {
        if (kept.key !== key) return;
        const table = args.side === "difference" ? SIGNED : WEIGHT;
        kept.values = Float32Array.from(bytes(buffers[0]), q => table[q]);
        ui.redraw();
      })
      .catch(() => {});
  }
  const cells = makeCells(ui, {
    label: say("Attention of the head, row looks at column"),
    press([row, column], event) {
      cursor = [row, column];
      ui.pick(get("view").places[row], event.shiftKey);
    },
    move(next) {
      cursor = next;
      ui.redraw();
    },
    tell([row, column]) {
      const names = get("view").tokens_now;
      const value = kept.values?.[row * names.length + column];
      const said = get("side") === "difference" ? points(value) : percent(value);
      return `${names[row]} → ${names[column]}  ${said}`;
    },
  });
  box.append(cells.canvas);
  const columns = h("div.two.half", {}, heads.element, h("div", {}, title, box, legend));
  function draw(view) {
    const names = view.tokens_now;
    const [layer, head, side] = [get("layer"), get("head"), get("side")];
    const height = ui.stageHeight() - 84 * ui.scale();
    heads.draw(view.moved, height);
    const key = `${view.map_key}/${layer}/${head}/${side}`;
    if (kept.key !== key) ask(key);
    const shown = say(SIDES.find(([value]) => value === side)[1]);
    title.textContent = say("Head {layer}.{head}, {shown}: row looks at column", { layer, head, shown });
    cursor = cursor.map(place => Math.min(place, names.length - 1));
    const selected = new Set(get("selected") || []);
    const signed = side === "difference";
    const roots = kept.values && Array.from(kept.values, w => Math.sign(w) * Math.sqrt(Math.abs(w)));
    const data = {
      rowNames: names,
      columnNames: names,
      values: roots ?? Array(names.length ** 2).fill(null),
      signed,
      top: 1,
      tilt: true,
      tokenRows: true,
      square: true,
      cursor,
      boldRow: i => selected.has(view.places[i]),
      boldColumn: i => selected.has(view.places[i]),
      summary: say("{count} tokens.", { count: names.length }),
    };
    cells.draw(data, box.clientWidth || 460, height + 24 * ui.scale());
    const low = signed ? "−1" : "0";
    const text = signed ? say("change of the weight, by its root") : say("attention, by its root");
    legend.replaceChildren(scaleBar(ui, { signed, low, high: "1", text }));
  }
  const controls = ui.model.standalone ? [] : [h("span", {}, select(ui, "side", sayTexts(SIDES), say("Show")))];
  return { parts: [columns], controls, draw };
}
