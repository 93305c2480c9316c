// A map of numbers with names at its sides: rows and columns that one points at, clicks and walks over with arrows.
import { clipped, fitCanvas, pictureOf, upwards } from "./canvas.js";
import { cssColor } from "./colours.js";
import { h } from "./dom.js";
import { say } from "./language.js";

const LEAST_NAMED = 8; // pixels, at size 1, that a row or column with a name of its own needs

/** The place after an arrow key in a map of rows x columns; null for another key. */
export function stepped([row, column], key, rows, columns) {
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key] ?? [];
  if (down === undefined) return null;
  const within = (value, count) => Math.max(0, Math.min(count - 1, value));
  return [within(row + down, rows), within(column + right, columns)];
}

/** Values -> a byte each for a table of 256 colours: 0 to 1 (by the root where `root`), or signed round 128. */
export function shades(values, top, signed, root = false) {
  return Uint8Array.from(values, value => {
    const share = Math.max(-1, Math.min(1, (value ?? 0) / top));
    if (signed) return 128 + Math.round(127 * share);
    return Math.round(255 * (root ? Math.sqrt(Math.max(0, share)) : Math.max(0, share)));
  });
}

function layout(ui, context, data, width, height) {
  const scale = ui.scale();
  const { codeFont, wordFont } = ui.colors();
  const widest = (names, family) => {
    context.font = `${11 * scale}px ${family}`;
    return Math.max(...names.slice(0, 200).map(name => context.measureText(name).width), 8);
  };
  const left = Math.min(data.most ?? 92 * scale, widest(data.rowNames, data.tokenRows ? codeFont : wordFont) + 10);
  const top = data.tilt ? Math.min(84 * scale, widest(data.columnNames, codeFont) + 10) : 18 * scale;
  const largest = data.largest ?? 34;
  let wide = Math.min((width - left - 2) / Math.max(1, data.columnNames.length), largest * scale);
  let high = Math.min((height - top - 2) / Math.max(1, data.rowNames.length), (data.highest ?? largest) * scale);
  if (data.square) wide = high = Math.min(wide, high);
  if (wide > 3) wide = Math.floor(wide);
  if (high > 3) high = Math.floor(high);
  return { left, top, wide: Math.max(0.5, wide), high: Math.max(0.5, high) };
}

function paint(ui, context, data, place) {
  const { rowNames, columnNames, values } = data;
  const [rows, columns] = [rowNames.length, columnNames.length];
  const { left, top, wide, high } = place;
  const colors = ui.colors();
  const table = data.signed ? colors.diverging : colors.sequential;
  const raw = shades(values, data.top ?? 1, data.signed, data.root);
  context.imageSmoothingEnabled = false;
  context.drawImage(pictureOf(raw, columns, rows, table), left, top, columns * wide, rows * high);
  context.fillStyle = colors.soft;
  values.forEach((value, i) => {
    if (value !== null && value !== undefined && !Number.isNaN(value)) return;
    const [row, column] = [Math.floor(i / columns), i % columns];
    context.fillRect(left + column * wide, top + row * high, wide, high);
  });
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, columns * wide + 1, rows * high + 1);
  if (Math.min(wide, high) < 9 * ui.scale()) return;
  context.beginPath();
  for (let row = 1; row < rows; row++) {
    context.moveTo(left, top + row * high + 0.5);
    context.lineTo(left + columns * wide, top + row * high + 0.5);
  }
  for (let column = 1; column < columns; column++) {
    context.moveTo(left + column * wide + 0.5, top);
    context.lineTo(left + column * wide + 0.5, top + rows * high);
  }
  context.globalAlpha = 0.6;
  context.stroke();
  context.globalAlpha = 1;
}

function names(ui, context, data, place, hovered) {
  const colors = ui.colors();
  const scale = ui.scale();
  const { left, top, wide, high } = place;
  const bold = (kind, i) => (data[`bold${kind}`]?.(i) ?? false) || hovered?.[kind === "Row" ? 0 : 1] === i;
  const font = (kind, i, size, family) => `${bold(kind, i) ? "bold " : ""}${size}px ${family}`;
  const family = data.tilt ? colors.codeFont : colors.wordFont;
  context.textBaseline = "middle";
  const every = size => Math.max(1, Math.ceil((LEAST_NAMED * scale) / size));
  data.rowNames.forEach((name, row) => {
    if (row % every(high) && !bold("Row", row)) return;
    const rowFamily = data.tokenRows ? colors.codeFont : colors.wordFont;
    context.font = font("Row", row, Math.min(11 * scale, Math.max(8 * scale, high + 1)), rowFamily);
    context.fillStyle = data.inkRow?.(row) ?? (bold("Row", row) ? colors.ink : colors.muted);
    context.textAlign = "right";
    context.fillText(clipped(context, name, left - 8), left - 6, top + (row + 0.5) * high);
  });
  data.columnNames.forEach((name, column) => {
    if (column % every(wide) && !bold("Column", column)) return;
    context.font = font("Column", column, Math.min(11 * scale, Math.max(8 * scale, wide + 1)), family);
    context.fillStyle = data.inkColumn?.(column) ?? (bold("Column", column) ? colors.ink : colors.muted);
    const x = left + (column + 0.5) * wide;
    if (data.tilt) upwards(context, clipped(context, name, top - 8), x, top - 6);
    else {
      context.textAlign = "center";
      context.fillText(name, x, top - 8 * scale);
    }
  });
}

function crosses(ui, context, data, place) {
  const { left, top, wide, high } = place;
  context.strokeStyle = ui.colors().warn;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [row, column] of data.crossed ?? []) {
    const [x, y] = [left + column * wide + 1, top + row * high + 1];
    context.moveTo(x, y);
    context.lineTo(x + wide - 2, y + high - 2);
    context.moveTo(x + wide - 2, y);
    context.lineTo(x, y + high - 2);
  }
  context.stroke();
}

function frames(ui, context, data, place, focused) {
  const { left, top, wide, high } = place;
  const colors = ui.colors();
  const frame = (row, column, out) =>
    context.strokeRect(left + column * wide - out, top + row * high - out, wide + 2 * out, high + 2 * out);
  context.lineWidth = 2;
  context.strokeStyle = data.signed ? colors.accent : colors.mark;
  if (data.selected) frame(...data.selected, 0);
  if (focused && data.cursor) {
    context.lineWidth = 1;
    context.strokeStyle = colors.ink;
    frame(...data.cursor, 3);
  }
}

/**
 * A map. `spec` is {label, move([row, column]), press([row, column], event), pressRow(row), pressColumn(column),
 * tell([row, column])}: `move` is told of arrows, `press` of a click, Space or Enter, `tell` gives the tip of a cell.
 * `draw(data, width, height)`: data is {rowNames, columnNames, values (row after row, null unknown), top, signed, root,
 * tilt (names of columns upwards), square, selected, cursor, crossed, boldRow, boldColumn, inkRow, inkColumn, summary}.
 */
export function makeCells(ui, spec) {
  const canvas = h("canvas", { role: "img", tabindex: "0" });
  let [data, place, size, hovered] = [null, null, [0, 0], null];
  const at = event => {
    if (!data || !place) return null;
    const column = Math.floor((event.offsetX - place.left) / place.wide);
    const row = Math.floor((event.offsetY - place.top) / place.high);
    return { row, column, rows: data.rowNames.length, columns: data.columnNames.length };
  };
  const inside = found =>
    found && found.row >= 0 && found.column >= 0 && found.row < found.rows && found.column < found.columns;
  function redraw() {
    if (!data) return;
    const context = fitCanvas(canvas, ...size);
    place = layout(ui, context, data, ...size);
    const { left, top, wide, high } = place;
    const needed = [left + wide * data.columnNames.length + 4, top + high * data.rowNames.length + 4];
    fitCanvas(canvas, Math.min(size[0], Math.ceil(needed[0])), Math.min(size[1], Math.ceil(needed[1])));
    paint(ui, context, data, place);
    names(ui, context, data, place, hovered);
    crosses(ui, context, data, place);
    frames(ui, context, data, place, document.activeElement === canvas);
  }
  canvas.addEventListener("click", event => {
    const found = at(event);
    if (inside(found)) spec.press([found.row, found.column], event);
    else if (found && found.column < 0 && found.row >= 0 && found.row < found.rows) spec.pressRow?.(found.row);
    else if (found && found.row < 0 && found.column >= 0 && found.column < found.columns)
      spec.pressColumn?.(found.column);
  });
  canvas.addEventListener("pointermove", event => {
    const found = at(event);
    const cell = inside(found) ? [found.row, found.column] : null;
    canvas.style.cursor = cell ? "pointer" : "default";
    ui.tip(cell ? spec.tell(cell) : "", event.clientX, event.clientY);
    if (String(cell) === String(hovered)) return;
    hovered = cell;
    requestAnimationFrame(redraw);
  });
  canvas.addEventListener("pointerleave", () => {
    hovered = null;
    ui.tip("");
    redraw();
  });
  canvas.addEventListener("focus", redraw);
  canvas.addEventListener("blur", redraw);
  canvas.addEventListener("keydown", event => {
    if (!data) return;
    const cursor = data.cursor ?? data.selected ?? [0, 0];
    const next = stepped(cursor, event.key, data.rowNames.length, data.columnNames.length);
    if (next) spec.move(next);
    else if (event.key === " " || event.key === "Enter") spec.press(cursor, event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    canvas,
    draw(now, width, height) {
      data = now;
      size = [Math.max(40, width), Math.max(40, height)];
      canvas.setAttribute("aria-label", say("{label}. {summary}", { label: spec.label, summary: now.summary ?? "" }));
      redraw();
    },
  };
}

/** The scale of a map, drawn once with its numbers: from `low` to `high`, `text` says of what. */
export function scaleBar(ui, { signed, root = false, low, high, text }) {
  const canvas = h("canvas");
  const colors = ui.colors();
  const table = signed ? colors.diverging : colors.sequential;
  const [width, height] = [110 * ui.scale(), 8 * ui.scale()];
  const context = fitCanvas(canvas, width, height);
  for (let x = 0; x < width; x++) {
    const t = x / (width - 1);
    context.fillStyle = cssColor(table[Math.min(255, Math.round(255 * (root && !signed ? Math.sqrt(t) : t)))]);
    context.fillRect(x, 0, 1.5, height);
  }
  context.strokeStyle = colors.line;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  return h("div.scale-bar", { "aria-hidden": "true" }, h("span", {}, low), canvas, h("span", {}, `${high}  ${text}`));
}
