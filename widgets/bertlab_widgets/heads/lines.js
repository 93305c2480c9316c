// The heads on show as lines from each token to what it looks at; long texts scroll, only what is near is drawn.
import { clipped, fitCanvas, upright } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { percent } from "../kit/numbers.js";
import { strokeThreshold, strongestOf } from "./pure.js";

const MOST_STROKES = 3000;

/** [row, key, q, weight, ...] of the lines that may be drawn, and how much weight they have together. */
function gather(heads, size, outgoing, incoming, rows, near) {
  const candidates = [];
  let mass = 0;
  const consider = (row, key) => {
    const w = heads.weights[row * size + key];
    mass += Math.abs(w);
    if (w !== 0) candidates.push(row, key, Math.min(255, Math.round(255 * Math.sqrt(Math.abs(w)))), w);
  };
  if (incoming !== null) for (const row of rows) consider(row, incoming);
  else for (const row of outgoing) if (outgoing.length < 4 || near(row)) for (const key of rows) consider(row, key);
  return { candidates, mass };
}

/** The lines to draw, in buckets of like strength; `strongest` keeps those of each token that matter most. */
function choose(candidates, strongest, few) {
  const kept = strongest ? strongestOf(candidates) : null;
  const histogram = new Uint32Array(256);
  for (let c = 2; c < candidates.length; c += 4) histogram[candidates[c]]++;
  const threshold = strokeThreshold(histogram, MOST_STROKES, few ? 20 : 1);
  const buckets = new Map();
  let drawn = 0;
  for (let c = 0; c < candidates.length; c += 4) {
    const [row, key, q, w] = candidates.slice(c, c + 4);
    if (kept ? !kept.has(c) : q < threshold) continue;
    drawn += Math.abs(w);
    const name = (w < 0 ? -1 : 1) * Math.max(1, Math.ceil(Math.abs(w) * 12));
    if (!buckets.has(name)) buckets.set(name, []);
    buckets.get(name).push([row, key]);
  }
  return { buckets: [...buckets].sort(([a], [b]) => Math.abs(a) - Math.abs(b)), drawn };
}

function stroke(context, ui, tiles, buckets, view) {
  const colors = ui.colors();
  const bend = (view.u1 - view.u0) * 0.4;
  context.lineCap = "round";
  for (const [name, pairs] of buckets) {
    const strength = Math.abs(name) / 12;
    const path = new Path2D();
    for (const [row, key] of pairs) {
      const [from, to] = [view.v(row), view.v(key)];
      const points = [
        [view.u0, from],
        [view.u0 + bend, from],
        [view.u1 - bend, to],
        [view.u1, to],
      ];
      const [start, ...curve] = points.map(([u, v]) => (view.flat ? [v, u] : [u, v]));
      path.moveTo(...start);
      path.bezierCurveTo(...curve.flat());
    }
    const plain = colors.sequential[colors.dark ? 200 : 190];
    context.strokeStyle = cssColor(tiles.signed ? colors.diverging[name < 0 ? 30 : 225] : plain);
    context.globalAlpha = Math.min(1, 0.12 + 0.88 * strength);
    context.lineWidth = (0.75 + 2.25 * strength) * ui.scale();
    context.stroke(path);
  }
  context.globalAlpha = 1;
}

function writeTokens(context, ui, view, marked) {
  const tokens = ui.units();
  const colors = ui.colors();
  const { flat, column, depth, rowHeight, top, room } = view;
  const write = (text, u, at, align, bold) => {
    context.textAlign = align;
    context.font = `${bold ? "bold " : ""}${12 * ui.scale()}px ${colors.codeFont}`;
    context.save();
    const characters = flat && upright(text);
    if (characters) {
      context.textAlign = "center";
      const high = context.measureText(characters[0]).width;
      const first = align === "right" ? u - (characters.length - 0.5) * high : u + 0.5 * high;
      characters.forEach((character, below) => context.fillText(character, at, first + below * high));
    } else if (flat) {
      context.translate(at, u);
      context.rotate(Math.PI / 2);
      context.fillText(text, 0, 0);
    } else context.fillText(text, u, at);
    context.restore();
  };
  for (const [number, i] of view.rows.entries()) {
    const middle = (number + 0.5) * rowHeight - top;
    if (middle < -rowHeight || middle > room + rowHeight) continue;
    const text = clipped(context, tokens[i].text, column);
    const ink = tokens[i].special ? colors.muted : colors.ink;
    context.fillStyle = ink;
    write(text, column, middle, "right", marked.strong.has(i));
    if (marked.selected.includes(i)) {
      const [start, long] = [middle - rowHeight / 2 + 2, rowHeight - 4];
      context.fillStyle = colors.accent;
      context.fillRect(...(flat ? [start, 0, long, 3] : [0, start, 3, long]));
    }
    context.fillStyle = ink;
    write(text, depth - column, middle, "left", marked.incoming === i);
  }
}

/** Where things stand: u runs from those who look to what is looked at, v along the tokens. */
function layout(ui, heads, canvas, scroller, spacer, flat) {
  const scale = ui.scale();
  const rows = heads.rows();
  const [wide, high] = [scroller.clientWidth, scroller.clientHeight];
  let rowHeight = Math.round(18 * scale);
  if (flat) rowHeight = Math.max(rowHeight, Math.min(40 * scale, Math.floor(wide / Math.max(1, rows.length))));
  const total = rows.length * rowHeight;
  scroller.classList.toggle("flat", flat);
  spacer.style.height = flat ? "0" : `${Math.max(0, total - high)}px`;
  spacer.style.width = flat ? `${total}px` : "";
  const [room, depth] = flat ? [wide, high] : [high, wide];
  const reach = Math.min(room, Math.max(total, rowHeight));
  const context = flat ? fitCanvas(canvas, reach, depth) : fitCanvas(canvas, depth, reach);
  context.font = `${12 * scale}px ${ui.colors().codeFont}`;
  context.textBaseline = "middle";
  const tokens = ui.units();
  const widest = Math.max(...rows.slice(0, 200).map(i => context.measureText(tokens[i].text).width), 20);
  const column = Math.min(depth * 0.3, widest + 8);
  const top = flat ? scroller.scrollLeft : scroller.scrollTop;
  const place = new Map(rows.map((token, i) => [token, i]));
  const v = i => (place.get(i) + 0.5) * rowHeight - top;
  return { context, rows, place, flat, rowHeight, room, depth, top, column, u0: column + 4, u1: depth - column - 4, v };
}

/** How the lines are read, and how much of the weight is too weak to be drawn. */
function explained(flat, all, hidden) {
  const sides = flat
    ? say("From each token (above) to what it looks at (below).")
    : say("From each token (left) to what it looks at (right).");
  const share = percent(hidden);
  let drawn = all ? say("Drawn are the strongest lines of each token.") : say("Every line is drawn that can be seen.");
  if (hidden > 0.005 && all) {
    drawn = say("Drawn are the strongest lines of each token; those that are too weak hold {share} of the weight.", {
      share,
    });
  } else if (hidden > 0.005) {
    drawn = say("Every line is drawn that can be seen; those that are too weak hold {share} of the weight.", { share });
  }
  return say("{first} {second}", { first: sides, second: drawn });
}

/** The lines: `draw(hovered)` with {row, column} under the pointer. */
export function makeLines(ui, heads, hovered) {
  const { get } = ui;
  const canvas = h("canvas", { role: "img" });
  const spacer = h("div");
  const label = say("Lines from each token to what it looks at");
  const scroller = h("div.lines", { tabindex: "0", "aria-label": label }, canvas, spacer);
  const title = h("h4");
  let rowHeight = 18;
  const flat = () => get("direction") === "horizontal";
  function draw() {
    const tiles = get("tiles");
    const view = layout(ui, heads, canvas, scroller, spacer, flat());
    const { rows, place, room, context } = view;
    rowHeight = view.rowHeight;
    const selected = heads.chosen().filter(i => place.has(i));
    const pointed = hovered.row !== null && place.has(hovered.row);
    const outgoing = pointed ? [hovered.row] : selected.length ? selected : rows;
    const incoming = hovered.column !== null && place.has(hovered.column) ? hovered.column : null;
    const near = i => view.v(i) > -room && view.v(i) < 2 * room;
    const { candidates, mass } = gather(heads, tiles.tokens, outgoing, incoming, rows, near);
    const all = outgoing.length === rows.length && rows.length > 3 && incoming === null;
    const { buckets, drawn } = choose(candidates, all, outgoing.length < 4 || incoming !== null);
    stroke(context, ui, tiles, buckets, view);
    writeTokens(context, ui, view, {
      selected,
      incoming,
      strong: new Set(outgoing.length < rows.length ? outgoing : []),
    });
    const name = heads.title();
    title.textContent = all
      ? say("{heads}, strongest lines", { heads: name })
      : say("{heads} as lines", { heads: name });
    title.title = explained(view.flat, all, mass > 0 ? 1 - drawn / mass : 0);
    const answer = get("answer").replaceAll("`", "");
    canvas.setAttribute("aria-label", say("Lines of {heads}. {answer}", { heads: name, answer }));
  }
  const rowAt = event => {
    const at = flat() ? event.offsetX + scroller.scrollLeft : event.offsetY + scroller.scrollTop;
    return heads.rows()[Math.floor(at / rowHeight)] ?? null;
  };
  canvas.addEventListener("pointermove", event => {
    const row = rowAt(event);
    const looks = flat() ? event.offsetY < canvas.clientHeight / 2 : event.offsetX < canvas.clientWidth / 2;
    canvas.style.cursor = row === null ? "default" : "pointer";
    hovered.move(looks ? row : null, looks ? null : row);
  });
  canvas.addEventListener("pointerleave", () => hovered.move(null, null));
  canvas.addEventListener("click", event => {
    const row = rowAt(event);
    if (row !== null) heads.pick(row, event.shiftKey);
  });
  scroller.addEventListener("scroll", () => heads.weights && draw());
  return { element: h("div", {}, title, scroller), scroller, draw, flat };
}
