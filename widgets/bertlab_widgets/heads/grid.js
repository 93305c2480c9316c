// Every head as a tile: rows are layers, columns heads; the scale under it.
import { fitCanvas } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { bytes } from "../kit/numbers.js";
import { kindName } from "./facts.js";
import { headName, neighbour } from "./pure.js";

/** All tiles as one picture, in the colours of a table. */
function tilesPicture(tiles, table) {
  const { layers, heads, size } = tiles;
  const image = new ImageData(heads * size, layers * size);
  const pixels = new Uint32Array(image.data.buffer);
  const raw = bytes(tiles.bytes);
  let at = 0;
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      for (let y = 0; y < size; y++) {
        let to = (layer * size + y) * heads * size + head * size;
        for (let x = 0; x < size; x++) pixels[to++] = table[raw[at++]];
      }
    }
  }
  const picture = new OffscreenCanvas(heads * size, layers * size);
  picture.getContext("2d").putImageData(image, 0, 0);
  return picture;
}

function drawLegend(ui, line, canvas, tiles) {
  const colors = ui.colors();
  const table = tiles.signed ? colors.diverging : colors.sequential;
  const [width, height] = [120 * ui.scale(), 8 * ui.scale()];
  const context = fitCanvas(canvas, width, height);
  for (let x = 0; x < width; x++) {
    const t = x / (width - 1);
    const s = 2 * t - 1;
    const q = tiles.signed
      ? 128 + Math.round(127 * Math.sign(s) * Math.sqrt(Math.abs(s)))
      : Math.round(255 * Math.sqrt(t));
    context.fillStyle = cssColor(table[Math.min(255, Math.max(0, q))]);
    context.fillRect(x, 0, 1.5, height);
  }
  context.strokeStyle = colors.line;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  line.firstChild.textContent = tiles.signed ? `−${tiles.top}` : "0";
  const { unit } = tiles;
  const said = tiles.beyond?.length ? say("{unit}; the switched heads go beyond", { unit }) : unit;
  line.lastChild.textContent = `${tiles.top}   ${said}`;
}

function crossOut(context, colors, x, y, side) {
  context.strokeStyle = colors.warn;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + side, y + side);
  context.moveTo(x + side, y);
  context.lineTo(x, y + side);
  context.stroke();
}

function drawNumbers(context, ui, tiles, origin, cell) {
  const scale = ui.scale();
  context.font = `${10.5 * scale}px ${ui.colors().wordFont}`;
  context.fillStyle = ui.colors().muted;
  context.textBaseline = "middle";
  context.textAlign = "center";
  if (!tiles.per_layer) {
    for (let head = 0; head < tiles.heads; head++) {
      context.fillText(head, origin + (head + 0.5) * cell, origin - 8.4 * scale);
    }
  }
  context.textAlign = "right";
  for (let layer = 0; layer < tiles.layers; layer++) {
    context.fillText(layer, origin - 6, origin + (layer + 0.5) * cell);
  }
}

function drawTiles(context, ui, heads, tiles, picture, place) {
  const { get } = ui;
  const { origin, cell, gap } = place;
  const colors = ui.colors();
  const off = new Set([...(get("ablated") || []), ...(tiles.gone || [])].map(at => headName(...at)));
  const side = cell - gap;
  for (let layer = 0; layer < tiles.layers; layer++) {
    for (let head = 0; head < tiles.heads; head++) {
      const [x, y] = [origin + head * cell, origin + layer * cell];
      const dead = off.has(headName(layer, head));
      context.globalAlpha = dead ? 0.25 : 1;
      context.drawImage(picture, head * tiles.size, layer * tiles.size, tiles.size, tiles.size, x, y, side, side);
      context.globalAlpha = 1;
      context.strokeStyle = colors.line;
      context.lineWidth = 1;
      context.strokeRect(x - 0.5, y - 0.5, side + 1, side + 1);
      if (dead) crossOut(context, colors, x, y, side);
    }
  }
  context.lineWidth = 2;
  context.strokeStyle = colors.accent;
  for (const [layer, head] of heads.list()) {
    context.strokeRect(origin + head * cell - 1, origin + layer * cell - 1, side + 2, side + 2);
  }
}

/** What a tile is: a layer, or a head and its kind. */
function tileName(ui, heads, layer, head) {
  if (heads.perLayer()) return say("Layer {layer}", { layer });
  const fact = ui.get("head_facts")?.[layer]?.[head];
  const name = headName(layer, head);
  return fact
    ? say("Head {head}: {kind}", { head: name, kind: kindName(fact.kind) })
    : say("Head {head}", { head: name });
}

function listen(ui, heads, canvas, tileAt, draw) {
  const { get } = ui;
  canvas.addEventListener("click", event => {
    const at = tileAt(event);
    if (at) heads.goTo(...at, event.shiftKey);
  });
  canvas.addEventListener("dblclick", event => {
    const at = tileAt(event);
    if (!at) return;
    heads.goTo(...at, false);
    ui.set("look", "head");
  });
  canvas.addEventListener("pointermove", event => {
    const at = tileAt(event);
    canvas.style.cursor = at ? "pointer" : "default";
    if (at) heads.prefetch(...at);
    ui.tip(at ? tileName(ui, heads, ...at) : "", event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", () => ui.tip(""));
  canvas.addEventListener("focus", () => draw());
  canvas.addEventListener("blur", () => get("tiles")?.key && draw());
  canvas.addEventListener("keydown", event => {
    const tiles = get("tiles");
    if (event.key.startsWith("Arrow")) {
      const now = heads.perLayer() ? 0 : get("head");
      const [layer, head] = neighbour(get("layer"), now, event.key, tiles.layers, tiles.heads);
      heads.prefetch(layer, head);
      ui.setAll({ layer, head: heads.perLayer() ? get("head") : head, heads: [] });
    } else if (event.key === " ") heads.toggle(get("layer"), get("head"));
    else return;
    event.preventDefault();
  });
}

/** The grid: `draw(height)` paints it no higher than so many pixels. */
export function makeGrid(ui, heads) {
  const { get } = ui;
  const canvas = h("canvas", { tabindex: "0", role: "img" });
  const legend = h("canvas");
  const legendLine = h("div.legend", {}, h("span"), legend, h("span"));
  const title = h("h4");
  const element = h("div.grid", {}, title, canvas, legendLine);
  const place = { cell: 0, origin: 0, gap: 1, height: 300 };
  let [picture, pictureKey] = [null, ""];
  const tileAt = event => {
    const tiles = get("tiles");
    const head = Math.floor((event.offsetX - place.origin) / place.cell);
    const layer = Math.floor((event.offsetY - place.origin) / place.cell);
    return layer >= 0 && head >= 0 && layer < tiles.layers && head < tiles.heads ? [layer, head] : null;
  };
  function draw(height = place.height) {
    const tiles = get("tiles");
    const { layers, heads: count, size } = tiles;
    const [colors, scale] = [ui.colors(), ui.scale()];
    place.height = height;
    place.origin = Math.round(19 * scale);
    const wide = (element.clientWidth - 28 * scale) / count;
    place.cell = Math.max(8, Math.floor(Math.min(wide, height / layers, 56 * scale)));
    place.gap = place.cell > 16 ? 2 : 1;
    const { origin, cell } = place;
    const context = fitCanvas(canvas, origin + cell * count + 1, origin + cell * layers + 1);
    const key = `${tiles.key}/${colors.dark}/${colors.paper}`;
    if (key !== pictureKey) {
      picture = tilesPicture(tiles, tiles.signed ? colors.diverging : colors.sequential);
      pictureKey = key;
    }
    context.imageSmoothingEnabled = size > cell;
    drawNumbers(context, ui, tiles, origin, cell);
    drawTiles(context, ui, heads, tiles, picture, place);
    if (document.activeElement === canvas) {
      const side = cell - place.gap + 8;
      context.lineWidth = 1;
      context.strokeRect(origin + get("head") * cell - 4, origin + get("layer") * cell - 4, side, side);
    }
    title.textContent = tiles.per_layer
      ? say("All layers: rows count from 0, the first at the top")
      : say("All heads (row: layer, column: head)");
    const label = say(
      "{layers} layers of {heads} heads. Layer {layer}, head {head} is shown. " +
        "Arrow keys move, Space switches the head off or on, Shift+Enter adds it.",
      { layers, heads: count, layer: get("layer"), head: get("head") },
    );
    canvas.setAttribute("aria-label", label);
    drawLegend(ui, legendLine, legend, tiles);
  }
  listen(ui, heads, canvas, tileAt, draw);
  return { element, draw };
}
