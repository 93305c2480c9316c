// The heads on show as a matrix: row looks at column. Where a long text leaves no room for names, the part round the
// selected token is shown, with names; the grid has the whole.
import { clipped, fitCanvas, pictureOf, upwards } from "../kit/canvas.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { windowAround } from "./pure.js";

const LEAST_CELL = 9; // pixels, at size 1, that a row with a name needs

function cellBytes(heads, rows, size, signed) {
  const raw = new Uint8Array(rows.length * rows.length);
  let at = 0;
  for (const y of rows) {
    for (const x of rows) {
      const w = heads.weights[y * size + x];
      const root = Math.sqrt(Math.abs(w));
      raw[at++] = signed ? 128 + Math.round(127 * Math.sign(w) * root) : Math.min(255, Math.round(255 * root));
    }
  }
  return raw;
}

function ruled(context, left, top, extent, cell, places) {
  context.beginPath();
  for (const at of places) {
    context.moveTo(left + at * cell - 0.5, top);
    context.lineTo(left + at * cell - 0.5, top + extent);
    context.moveTo(left, top + at * cell - 0.5);
    context.lineTo(left + extent, top + at * cell - 0.5);
  }
  context.stroke();
}

function names(context, ui, place, bold) {
  const tokens = ui.units();
  const colors = ui.colors();
  context.textBaseline = "middle";
  place.rows.forEach((i, at) => {
    const middle = (at + 0.5) * place.cell;
    context.font = `${bold(i) ? "bold " : ""}${Math.min(11 * ui.scale(), place.cell + 2)}px ${colors.codeFont}`;
    context.fillStyle = tokens[i].special ? colors.muted : colors.ink;
    const text = clipped(context, tokens[i].text, place.left - 8);
    context.textAlign = "right";
    context.fillText(text, place.left - 6, place.top + middle);
    upwards(context, text, place.left + middle, place.top - 6);
  });
}

/** Which rows have room with a name each, and how large a cell is. */
function layout(ui, heads, context, width, height) {
  const tokens = ui.units();
  const scale = ui.scale();
  const all = heads.rows();
  context.font = `${11 * scale}px ${ui.colors().codeFont}`;
  const widest = Math.max(...all.slice(0, 200).map(i => context.measureText(tokens[i].text).width), 8);
  const margin = Math.min(84 * scale, widest + 8);
  const room = Math.min(width, height) - margin - 2;
  const most = Math.max(4, Math.floor(room / (LEAST_CELL * scale)));
  const chosen = all.indexOf(heads.chosen()[0]);
  const [first, last] = all.length > most ? windowAround(Math.max(0, chosen), most, all.length) : [0, all.length];
  const rows = all.slice(first, last);
  const exact = Math.min(room / rows.length, 34 * scale);
  return {
    rows,
    first,
    last,
    total: all.length,
    cell: exact >= 2 ? Math.floor(exact) : exact,
    left: margin,
    top: margin,
  };
}

function paint(ui, heads, context, place, hovered) {
  const { get } = ui;
  const tiles = get("tiles");
  const tokens = ui.units();
  const colors = ui.colors();
  const { rows, cell, left, top } = place;
  const extent = cell * rows.length;
  const table = tiles.signed ? colors.diverging : colors.sequential;
  const raw = cellBytes(heads, rows, tiles.tokens, tiles.signed);
  context.imageSmoothingEnabled = false;
  context.drawImage(pictureOf(raw, rows.length, rows.length, table), left, top, extent, extent);
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, extent + 1, extent + 1);
  if (cell >= 14 * ui.scale()) {
    context.globalAlpha = 0.5;
    ruled(context, left, top, extent, cell, [...rows.keys()].slice(1));
    context.globalAlpha = 1;
  }
  const border = rows.findIndex((i, at) => at && tokens[i].type !== tokens[rows[at - 1]].type);
  if (border > 0) {
    context.strokeStyle = colors.muted;
    context.setLineDash([4, 3]);
    ruled(context, left, top, extent, cell, [border]);
    context.setLineDash([]);
  }
  const selected = new Set(heads.chosen());
  names(context, ui, place, i => selected.has(i) || i === hovered.row || i === hovered.column);
  context.strokeStyle = colors.accent;
  context.lineWidth = 2;
  rows.forEach((i, at) => {
    if (!selected.has(i) && i !== hovered.row) return;
    context.globalAlpha = selected.has(i) ? 1 : 0.5;
    context.strokeRect(left, top + at * cell, extent, Math.max(2, cell));
  });
  context.globalAlpha = 1;
}

/** The matrix; `hovered` is {row, column, move(row, column)}. */
export function makeMatrix(ui, heads, hovered) {
  const { get } = ui;
  const canvas = h("canvas", { role: "img", tabindex: "0" });
  const box = h("div.matrix", {}, canvas);
  const title = h("h4");
  let place = { rows: [], cell: 1, left: 0, top: 0 };
  function draw() {
    const context = fitCanvas(canvas, box.clientWidth, box.clientHeight);
    place = layout(ui, heads, context, box.clientWidth, box.clientHeight);
    paint(ui, heads, context, place, hovered);
    const { rows, first, last, total } = place;
    title.textContent =
      rows.length < total
        ? say("As a matrix: tokens {first} to {last} of {total}", { first, last: last - 1, total })
        : say("As a matrix: row looks at column");
    title.title = say("Row looks at column; select a token to see the part around it");
    const values = { heads: heads.title(), shown: rows.length, total };
    canvas.setAttribute("aria-label", say("Matrix of {heads}, {shown} of {total} tokens.", values));
  }
  const cellAt = event => {
    const x = Math.floor((event.offsetX - place.left) / place.cell);
    const y = Math.floor((event.offsetY - place.top) / place.cell);
    const { length } = place.rows;
    return x >= 0 && y >= 0 && x < length && y < length ? [place.rows[y], place.rows[x]] : null;
  };
  canvas.addEventListener("pointermove", event => {
    const at = cellAt(event);
    const tokens = ui.units();
    canvas.style.cursor = at ? "pointer" : "default";
    hovered.move(at ? at[0] : null, null);
    const weight = at && heads.written(heads.weights[at[0] * get("tiles").tokens + at[1]]);
    ui.tip(at ? `${tokens[at[0]].text} → ${tokens[at[1]].text}  ${weight}` : "", event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", () => {
    hovered.move(null, null);
    ui.tip("");
  });
  canvas.addEventListener("click", event => {
    const at = cellAt(event);
    if (!at) return;
    if (event.shiftKey) heads.pick(at[0], true);
    else ui.setAll({ selected: heads.positions(at[0]), key_token: heads.positions(at[1])[0] });
  });
  canvas.addEventListener("dblclick", event => {
    if (cellAt(event)) ui.set("look", "steps");
  });
  return { element: h("div", {}, title, box), canvas, draw };
}
