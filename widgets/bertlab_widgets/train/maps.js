// Attention of one head before the run and now, and which heads have moved.
import { fitCanvas, upwards } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { percent, thousands } from "../kit/numbers.js";

const MOST_NAMED = 24; // rows with a name each

function matrix(ui, rows, columns, weights, title, side) {
  const [colors, scale] = [ui.colors(), ui.scale()];
  const counts = { title, rows: rows.length, columns: columns.length };
  const label = say("{title}: attention of {rows} by {columns} tokens", counts);
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const probe = fitCanvas(canvas, 10, 10);
  probe.font = `${11 * scale}px ${colors.codeFont}`;
  const named = rows.length <= MOST_NAMED;
  const widest = tokens => Math.max(...tokens.map(token => probe.measureText(token).width)) + 6;
  const room = named ? Math.min(90 * scale, widest(rows)) : 4;
  const head = named ? Math.min(90 * scale, widest(columns)) : 4;
  const high = (ui.stageHeight() - 90 * scale - head) / rows.length;
  const cell = Math.max(2, Math.min(24 * scale, (side - room) / columns.length, high));
  const c = fitCanvas(canvas, room + cell * columns.length + 1, head + cell * rows.length + 1);
  c.font = `${Math.min(11 * scale, cell + 1)}px ${colors.codeFont}`;
  c.textBaseline = "middle";
  weights.forEach((line, i) => {
    line.forEach((q, j) => {
      c.fillStyle = cssColor(colors.sequential[q]);
      c.fillRect(room + j * cell, head + i * cell, cell + 0.5, cell + 0.5);
    });
  });
  c.strokeStyle = colors.line;
  c.strokeRect(room + 0.5, head + 0.5, cell * columns.length, cell * rows.length);
  c.fillStyle = colors.muted;
  if (named) {
    columns.forEach((token, j) => upwards(c, token, room + (j + 0.5) * cell, head - 5));
    c.textAlign = "end";
    rows.forEach((token, i) => c.fillText(token, room - 5, head + (i + 0.5) * cell));
  }
  return h("div", {}, h("h4", {}, title), canvas);
}

/** A grid of buttons with the numbers of layers and heads; nothing is coloured where nothing has moved. */
function movedGrid(ui, attention, most) {
  const { layer: chosen, head: at, change } = attention;
  const button = (value, layer, head) => {
    const on = layer === chosen && head === at;
    const moved = { head: `${layer}.${head}`, share: percent(value) };
    const colour = cssColor(ui.colors().sequential[Math.round((255 * value) / most)]);
    const attributes = {
      type: "button",
      class: "moved",
      title: say("head {head}: {share} of its attention has moved", moved),
      "aria-label": say("Head {head}, moved {share}", moved),
      "aria-pressed": String(on),
      style: `background:${colour}`,
      onclick: () => ui.setAll({ layer, head }),
    };
    return h("td", {}, h("button", attributes));
  };
  const top = h("tr", {}, h("th"), ...change[0].map((_, head) => h("th", {}, head)));
  const rows = change.map((line, layer) =>
    h("tr", {}, h("th", {}, layer), ...line.map((v, head) => button(v, layer, head))),
  );
  return h("table.moves", { "aria-label": say("Change of each head: choose one") }, top, ...rows);
}

/** The look Attention: children for the stage; `wide` is how much room there is. */
export function attentionLook(ui, view, wide) {
  const { attention } = view;
  if (!attention) {
    const before = say("Start a run: attention of the sentence above appears here, then and now.");
    const what = view.moments ? say("Type a sentence above to see what attention does with it.") : before;
    return [h("div.invitation", {}, h("span", {}, what))];
  }
  const side = Math.min(330 * ui.scale(), (wide - 48) / 2.9);
  const head = `${attention.layer}.${attention.head}`;
  const name = attention.cross ? say("Cross-attention {head}", { head }) : say("Head {head}", { head });
  const most = Math.max(0.01, ...attention.change.flat()); // a hundredth has full colour at least
  const now = say("{name}, at step {step}", { name, step: thousands(view.at_step) });
  const parts = [];
  const then = say("{name}, before", { name });
  if (attention.then) parts.push(matrix(ui, attention.then_rows, attention.columns, attention.then, then, side));
  parts.push(matrix(ui, attention.rows, attention.columns, attention.now, now, side));
  const range = say("0 to {most} of the attention; row: layer, column: head", { most: percent(most) });
  const key = h("p.small.muted", {}, range);
  parts.push(h("div", {}, h("h4", {}, say("Which heads moved")), movedGrid(ui, attention, most), key));
  return parts;
}
