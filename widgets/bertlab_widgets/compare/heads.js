// All heads as a map: how much of its attention each one moved; the one on show is framed.
import { makeCells, scaleBar } from "../kit/cells.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { percent } from "../kit/numbers.js";

/** Where a scale of shares ends: the next round value above the largest. */
export function roundTop(values) {
  const largest = Math.max(0, ...values.filter(Number.isFinite));
  return [0.05, 0.1, 0.2, 0.3, 0.5, 0.7].find(top => largest <= top) ?? 1;
}

export function headsMap(ui) {
  const { get } = ui;
  const [box, legend] = [h("div.map"), h("div")];
  let values = [];
  const go = ([layer, head]) => ui.setAll({ layer, head });
  const cells = makeCells(ui, {
    label: say("Share of its attention that each head moved, row: layer, column: head"),
    press: go,
    move: go,
    tell([layer, head]) {
      const share = percent(values[layer]?.[head] ?? Number.NaN);
      return say("head {layer}.{head}: {share}", { layer, head, share });
    },
  });
  box.append(cells.canvas);
  const title = h("h4", {}, say("Attention that moved (row: layer, column: head)"));
  function draw(attention, height) {
    values = attention;
    legend.hidden = cells.canvas.hidden = !attention.length;
    if (!attention.length) return;
    const named = size => Array.from({ length: size }, (_, i) => String(i));
    const top = roundTop(attention.flat());
    const at = [get("layer"), get("head")];
    const data = {
      rowNames: named(attention.length),
      columnNames: named(attention[0].length),
      values: attention.flat(),
      top,
      largest: 30,
      square: true,
      selected: at,
      cursor: at,
      summary: say("Head {layer}.{head} is shown.", { layer: at[0], head: at[1] }),
    };
    cells.draw(data, box.clientWidth || 380, height);
    legend.replaceChildren(scaleBar(ui, { low: "0", high: percent(top), text: say("of its attention") }));
  }
  return { element: h("div", {}, title, box, legend), draw };
}
