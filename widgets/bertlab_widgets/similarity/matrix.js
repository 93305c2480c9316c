// A matrix of numbers with names at its sides: what each pair of tokens gives, or the cosines of a list.
import { clipped, fitCanvas, upwards } from "../kit/canvas.js";
import { cssColor, signedColor } from "../kit/colours.js";
import { h } from "../kit/dom.js";
import { stretch } from "./pure.js";

const LEAST_CELL = 11; // pixels, at size 1, that a row with a name needs
const MOST_CELL = 44;

/** Where the cells stand: margins for the names, a strip for the sums, the stretch of rows and columns with room. */
function layout(ui, context, width, height, look) {
  const scale = ui.scale();
  const font = `${11 * scale}px ${look.code ? ui.colors().codeFont : ui.colors().wordFont}`;
  context.font = font;
  const widest = names => Math.max(10, ...names.slice(0, 200).map(name => context.measureText(name).width));
  const left = Math.min(look.code ? 90 * scale : 0.5 * width, widest(look.rows) + 10 * scale);
  const top = Math.min(84 * scale, look.code ? widest(look.columns) + 10 * scale : 18 * scale);
  const sums = look.sums ? 46 * scale : 0;
  const [roomX, roomY] = [width - left - sums - 2, height - top - sums - 2];
  const wanted = side => [...look.marked[side]][0] ?? look.chosen?.[side];
  const [row, column] = [wanted(0), wanted(1)];
  const down = stretch(look.rows.length, roomY, LEAST_CELL * scale, row);
  const across = stretch(look.columns.length, roomX, LEAST_CELL * scale, column);
  const most = MOST_CELL * scale;
  const cell = {
    x: Math.min(roomX / across.count, look.code ? 1.6 * most : most),
    y: Math.min(roomY / down.count, look.code ? most : 0.8 * most),
  };
  return { scale, font, left, top, sums, down, across, cell };
}

function paintCells(context, ui, place, look) {
  const colors = ui.colors();
  const { left, top, down, across, cell, scale } = place;
  const count = look.columns.length;
  const written = cell.x >= 30 * scale && cell.y >= 15 * scale;
  context.font = `${10.5 * scale}px ${colors.wordFont}`;
  context.textAlign = "center";
  for (let i = 0; i < down.count; i++) {
    for (let j = 0; j < across.count; j++) {
      const value = look.cells[(down.first + i) * count + across.first + j];
      const [x, y] = [left + j * cell.x, top + i * cell.y];
      const share = Math.max(-1, Math.min(1, value / (look.top || 1)));
      context.fillStyle = look.signed
        ? signedColor(colors, value, look.top)
        : cssColor(colors.sequential[Math.round(255 * Math.max(0, share))]);
      context.fillRect(x, y, cell.x - (cell.x > 6 ? 1 : 0), cell.y - (cell.y > 6 ? 1 : 0));
      if (!written) continue;
      const strong = Math.abs(share) > 0.55;
      context.fillStyle = strong ? colors.paper : colors.ink;
      context.fillText(look.written(value), x + cell.x / 2 - 0.5, y + cell.y / 2);
    }
  }
}

function paintNames(context, ui, place, look) {
  const colors = ui.colors();
  const { left, top, down, across, cell, scale } = place;
  const bold = (side, at) => (look.marked[side].has(at) ? "bold " : "");
  for (let i = 0; i < down.count; i++) {
    const at = down.first + i;
    context.font = bold(0, at) + place.font;
    context.fillStyle = look.muted[0].has(at) ? colors.muted : colors.ink;
    context.textAlign = "right";
    context.fillText(clipped(context, look.rows[at], left - 8 * scale), left - 6 * scale, top + (i + 0.5) * cell.y);
  }
  for (let j = 0; j < across.count; j++) {
    const at = across.first + j;
    context.font = bold(1, at) + place.font;
    context.fillStyle = look.muted[1].has(at) ? colors.muted : colors.ink;
    const middle = left + (j + 0.5) * cell.x;
    if (look.code) upwards(context, clipped(context, look.columns[at], top - 8 * scale), middle, top - 6 * scale);
    else {
      context.textAlign = "center";
      context.fillText(look.columns[at], middle, top - 8 * scale);
    }
  }
}

/** The sum of each row at its end, of each column below it: bars on one scale. */
function paintSums(context, ui, place, look) {
  const colors = ui.colors();
  const { left, top, down, across, cell, scale, sums } = place;
  const [right, bottom] = [left + across.count * cell.x + 6 * scale, top + down.count * cell.y + 6 * scale];
  const most = Math.max(...look.margins.rows, ...look.margins.columns, 1e-9);
  const size = sums - 10 * scale;
  context.fillStyle = cssColor(colors.sequential[150]);
  for (let i = 0; i < down.count; i++) {
    const share = Math.max(0, look.margins.rows[down.first + i]) / most;
    context.fillRect(right, top + i * cell.y + 0.15 * cell.y, size * share, 0.7 * cell.y);
  }
  for (let j = 0; j < across.count; j++) {
    const share = Math.max(0, look.margins.columns[across.first + j]) / most;
    context.fillRect(left + j * cell.x + 0.15 * cell.x, bottom, 0.7 * cell.x, size * share);
  }
}

function frames(context, ui, place, look) {
  const { left, top, down, across, cell } = place;
  const box = (row, column, wide, high, width) => {
    context.lineWidth = width;
    context.strokeRect(left + column * cell.x - 0.5, top + row * cell.y - 0.5, wide * cell.x, high * cell.y);
  };
  context.strokeStyle = ui.colors().accent;
  const inside = (at, side) => at >= side.first && at < side.first + side.count;
  for (const at of look.framed ? look.marked[0] : []) {
    if (inside(at, down)) box(at - down.first, 0, across.count, 1, 1.5);
  }
  for (const at of look.framed ? look.marked[1] : []) {
    if (inside(at, across)) box(0, at - across.first, 1, down.count, 1.5);
  }
  if (!look.chosen) return;
  const [row, column] = [look.chosen[0] - down.first, look.chosen[1] - across.first];
  if (row >= 0 && row < down.count && column >= 0 && column < across.count) {
    context.strokeStyle = ui.colors().mark;
    box(row, column, 1, 1, 2.5);
  }
}

/**
 * `draw(look)`: rows, columns (names), cells (numbers, row by row), top, signed, written(value), told(row, column) for
 * the pointer, marked (bold, with a frame if framed) and muted ([rows, columns] as sets), chosen ([row, column] or
 * null), margins, sums, code, label. `on` is told of {pick(row, column, event), open(row, column), key(event)}.
 */
export function makeMatrix(ui, on) {
  const canvas = h("canvas", { role: "img", tabindex: "0" });
  const box = h("div.matrix", {}, canvas);
  let place = null;
  let look = null;
  function draw(next) {
    look = next;
    const [width, height] = [box.clientWidth, box.clientHeight];
    const context = fitCanvas(canvas, width, height);
    context.textBaseline = "middle";
    place = layout(ui, context, width, height, look);
    paintCells(context, ui, place, look);
    paintNames(context, ui, place, look);
    if (look.sums) paintSums(context, ui, place, look);
    frames(context, ui, place, look);
    canvas.setAttribute("aria-label", look.label);
    const part = place.down.count < look.rows.length || place.across.count < look.columns.length;
    return part;
  }
  const cellAt = event => {
    if (!place) return null;
    const x = Math.floor((event.offsetX - place.left) / place.cell.x);
    const y = Math.floor((event.offsetY - place.top) / place.cell.y);
    const inside = x >= 0 && y >= 0 && x < place.across.count && y < place.down.count;
    return inside ? [place.down.first + y, place.across.first + x] : null;
  };
  canvas.addEventListener("pointermove", event => {
    const at = cellAt(event);
    canvas.style.cursor = at ? "pointer" : "default";
    ui.tip(at ? look.told(...at) : "", event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", () => ui.tip(""));
  canvas.addEventListener("click", event => {
    const at = cellAt(event);
    if (at) on.pick(...at, event);
  });
  canvas.addEventListener("dblclick", event => {
    const at = cellAt(event);
    if (at) on.open?.(...at);
  });
  canvas.addEventListener("keydown", event => {
    if (on.key(event, look)) {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  return { element: box, canvas, draw };
}
