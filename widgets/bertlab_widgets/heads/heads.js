// The attention view: every head as a tile, one head (or several together) as lines and as a matrix, the arithmetic of
// one cell, what happens without a head. Weights arrive as one byte each, a layer at a time, and are kept by layer.

import { clipped, fitCanvas, poolMax } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { bars, checkbox, select, tabs } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { bytes, number, percent, SIGNED, WEIGHT } from "../kit/numbers.js";

const MOST_STROKES = 3000;

/** The smallest byte value to draw so that at most `limit` of the counted weights are drawn. */
export function strokeThreshold(histogram, limit, least) {
  let count = 0,
    q = 255;
  for (; q >= least; q--) {
    count += histogram[q];
    if (count > limit) return q + 1;
  }
  return least;
}

/** Where an arrow key leads in the grid. */
export function neighbour(layer, head, key, layers, heads) {
  const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[key] || [0, 0];
  return [Math.min(layers - 1, Math.max(0, layer + down)), Math.min(heads - 1, Math.max(0, head + right))];
}

/** Mean of several heads' byte maps, as weights; `visible[j]` false leaves key j out, `renormalise` refills the rows. */
export function combine(maps, size, table, visible, renormalise) {
  const weights = new Float32Array(size * size),
    share = 1 / maps.length;
  for (const map of maps) for (let i = 0; i < weights.length; i++) weights[i] += table[map[i]] * share;
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let j = 0; j < size; j++) {
      if (!visible[j] || !visible[row]) weights[row * size + j] = 0;
      sum += weights[row * size + j];
    }
    if (renormalise && sum > 0) for (let j = 0; j < size; j++) weights[row * size + j] /= sum;
  }
  return weights;
}

const headName = (layer, head) => `${layer}.${head}`;
const sameHead = ([a, b], layer, head) => a === layer && b === head;

function attentionStage(ui) {
  const { get } = ui;
  const tall = () => ui.root.style.setProperty("--stage", get("tiles")?.layers > 8 ? "440px" : "392px");
  tall();
  const grid = h("canvas", { tabindex: "0", role: "img" });
  const legend = h("canvas"),
    legendLine = h("div.legend", {}, h("span"), legend, h("span"));
  const facts = h("div.facts");
  const gridTitle = h("h4", {}, "All heads"),
    side = h("div", {}, gridTitle, grid, legendLine, facts);
  const lines = h("canvas", { role: "img" }),
    matrix = h("canvas", { role: "img", tabindex: "0" });
  const spacer = h("div"),
    scroller = h(
      "div.lines",
      { tabindex: "0", "aria-label": "Lines from each token to what it looks at" },
      lines,
      spacer,
    );
  const linesTitle = h("h4"),
    matrixTitle = h("h4");
  const pair = h(
    "div.pair",
    {},
    h("div", {}, linesTitle, scroller),
    h("div", {}, matrixTitle, h("div.matrix", {}, matrix)),
  );
  const other = h("div.plain", { hidden: true }),
    main = h("div", {}, pair, other);
  const body = h("div.heads", {}, side, main),
    invitation = h("div", { hidden: true });
  ui.stage.append(body, invitation);

  // --- controls: few, the rest under More
  const looks = [
    ["head", "Head"],
    ["steps", "Arithmetic"],
    ["effect", "Switch off"],
    ["kinds", "Kinds"],
    ["bertviz", "bertviz"],
  ];
  const more = h(
    "details",
    {},
    h("summary", {}, "More"),
    h(
      "div.controls",
      {},
      checkbox(ui, "renormalise", "Renormalise rows", "Let what is left of each row sum to 1 again"),
      checkbox(
        ui,
        "difference",
        "Difference to the pinned text",
        "B − A, cell by cell; without a pin: what the switched-off heads change",
      ),
      select(
        ui,
        "norm_residual",
        [
          [false, "‖αf(x)‖"],
          [true, "with the residual"],
        ],
        "Norm",
      ),
      select(
        ui,
        "bertviz_view",
        [
          ["head", "head view"],
          ["model", "model view"],
          ["neuron", "neuron view"],
        ],
        "bertviz",
      ),
    ),
  );
  const alone = Boolean(ui.model.standalone); // an exported page: only what needs no kernel
  const kept = new Set(["head", "kinds", ...(get("view").sweep ? ["effect"] : [])]);
  const modes = alone ? get("kept_modes") : get("modes");
  if (alone && !kept.has(get("look"))) ui.set("look", "head");
  ui.controls.append(
    tabs(ui, "look", alone ? looks.filter(([name]) => kept.has(name)) : looks, "What the stage shows"),
    ...(modes.length > 1 ? [select(ui, "mode", modes, "Weights")] : []),
    checkbox(ui, "hide_special", "Hide [CLS] and [SEP]"),
    select(
      ui,
      "direction",
      [
        ["vertical", "down"],
        ["horizontal", "across"],
      ],
      "Tokens",
    ),
    ...(alone ? [] : [more]),
  );

  // --- weights, a layer (or for long texts a head) at a time
  const blocks = new Map(),
    wanted = new Set();
  let blocksKey = "";
  function adopt(block, data) {
    if (!block?.key) return;
    if (block.key !== blocksKey) {
      blocks.clear();
      wanted.clear();
      blocksKey = block.key;
    }
    const raw = bytes(data),
      area = block.size * block.size;
    block.heads.forEach((head, i) => blocks.set(headName(block.layer, head), raw.subarray(i * area, (i + 1) * area)));
    while (blocks.size > 400) blocks.delete(blocks.keys().next().value);
  }
  async function fetchHead(layer, head) {
    if (get("tiles").whole) head = 0; // the layer comes as a whole
    const name = headName(layer, head),
      tag = `${blocksKey}/${name}`;
    if (wanted.has(tag)) return;
    wanted.add(tag);
    const key = blocksKey;
    try {
      const { result, buffers } = await ui.call(
        "block_call",
        alone ? { layer, head, mode: get("mode") } : { layer, head },
      );
      if (result.key === get("tiles").key) {
        adopt(result, buffers[0]);
        ui.redraw();
      }
    } catch {
      /* the error strip says what happened */
    }
    wanted.delete(`${key}/${name}`);
  }
  const prefetch = (layer, head) => {
    if (get("tiles").key === blocksKey && !blocks.has(headName(layer, perLayer() ? 0 : head)))
      fetchHead(layer, perLayer() ? 0 : head);
  };
  const shownHeads = () => {
    const list = [[get("layer"), perLayer() ? 0 : get("head")]];
    for (const [layer, head] of get("heads") || [])
      if (!list.some(at => sameHead(at, layer, head))) list.push([layer, head]);
    return list;
  };
  const perLayer = () => get("tiles")?.per_layer;
  let stale = false;
  function currentMaps() {
    const maps = [];
    stale = false;
    for (const [layer, head] of shownHeads()) {
      const map = blocks.get(headName(layer, head));
      if (map) maps.push(map);
      else {
        stale = true;
        fetchHead(layer, head);
      }
    }
    return maps;
  }

  // --- the grid
  let cell = 0,
    originX = 0,
    originY = 0,
    gridImage = null,
    gridKey = "";
  function drawGrid() {
    const tiles = get("tiles"),
      { layers, heads, size } = tiles,
      scale = ui.scale(),
      colors = ui.colors();
    const label = 12 * scale,
      room = side.clientWidth - 2 * label - 4,
      high = (tiles.long ? 400 : 360) * scale;
    originX = originY = Math.round(label * 1.6);
    cell = Math.max(8, Math.floor(Math.min(room / heads, high / layers, 56 * scale)));
    const width = originX + cell * heads + 1,
      height = originY + cell * layers + 1;
    const context = fitCanvas(grid, width, height),
      gap = cell > 16 ? 2 : 1;
    const key = `${tiles.key}/${colors.dark}/${colors.paper}`;
    if (key !== gridKey) {
      const table = tiles.signed ? colors.diverging : colors.sequential;
      const image = new ImageData(heads * size, layers * size),
        pixels = new Uint32Array(image.data.buffer),
        raw = bytes(tiles.bytes);
      for (let layer = 0, at = 0; layer < layers; layer++)
        for (let head = 0; head < heads; head++)
          for (let y = 0; y < size; y++) {
            let to = (layer * size + y) * heads * size + head * size;
            for (let x = 0; x < size; x++) pixels[to++] = table[raw[at++]];
          }
      gridImage = new OffscreenCanvas(heads * size, layers * size);
      gridImage.getContext("2d").putImageData(image, 0, 0);
      gridKey = key;
    }
    context.imageSmoothingEnabled = size > cell;
    context.font = `${10.5 * scale}px ${colors.wordFont}`;
    context.fillStyle = colors.muted;
    context.textAlign = "center";
    context.textBaseline = "middle";
    if (!tiles.per_layer)
      for (let head = 0; head < heads; head++)
        context.fillText(head, originX + (head + 0.5) * cell, originY - label * 0.7);
    context.textAlign = "right";
    for (let layer = 0; layer < layers; layer++) context.fillText(layer, originX - 6, originY + (layer + 0.5) * cell);
    const off = new Set((get("ablated") || []).map(([a, b]) => headName(a, b)));
    const shown = new Set(shownHeads().map(([a, b]) => headName(a, b)));
    for (let layer = 0; layer < layers; layer++)
      for (let head = 0; head < heads; head++) {
        const x = originX + head * cell,
          y = originY + layer * cell,
          side = cell - gap;
        const dead = off.has(headName(layer, head));
        context.globalAlpha = dead ? 0.25 : 1;
        context.drawImage(gridImage, head * size, layer * size, size, size, x, y, side, side);
        context.globalAlpha = 1;
        context.strokeStyle = colors.line;
        context.lineWidth = 1;
        context.strokeRect(x - 0.5, y - 0.5, side + 1, side + 1);
        if (dead) {
          context.strokeStyle = colors.warn;
          context.lineWidth = 1.5;
          context.beginPath();
          context.moveTo(x, y);
          context.lineTo(x + side, y + side);
          context.moveTo(x + side, y);
          context.lineTo(x, y + side);
          context.stroke();
        }
      }
    context.lineWidth = 2;
    context.strokeStyle = colors.accent;
    for (const name of shown) {
      const [layer, head] = name.split(".").map(Number);
      context.strokeRect(originX + head * cell - 1, originY + layer * cell - 1, cell - gap + 2, cell - gap + 2);
    }
    if (document.activeElement === grid) {
      context.lineWidth = 1;
      context.strokeRect(
        originX + get("head") * cell - 4,
        originY + get("layer") * cell - 4,
        cell - gap + 8,
        cell - gap + 8,
      );
    }
    gridTitle.textContent = tiles.per_layer
      ? "All layers: rows count from 0, the first at the top"
      : "All heads (row: layer, column: head)";
    grid.setAttribute(
      "aria-label",
      `${layers} layers of ${heads} heads. Layer ${get("layer")}, head ${get("head")} is shown. Arrow keys move, Space switches the head off or on, Shift+Enter adds it.`,
    );
    drawLegend(tiles, colors, scale);
  }
  function drawLegend(tiles, colors, scale) {
    const table = tiles.signed ? colors.diverging : colors.sequential,
      width = 120 * scale,
      height = 8 * scale;
    const context = fitCanvas(legend, width, height);
    for (let x = 0; x < width; x++) {
      const t = x / (width - 1);
      const q = tiles.signed
        ? 128 + Math.round(127 * Math.sign(2 * t - 1) * Math.sqrt(Math.abs(2 * t - 1)))
        : Math.round(255 * Math.sqrt(t));
      context.fillStyle = cssColor(table[Math.min(255, Math.max(0, q))]);
      context.fillRect(x, 0, 1.5, height);
    }
    context.strokeStyle = colors.line;
    context.strokeRect(0.5, 0.5, width - 1, height - 1);
    legendLine.firstChild.textContent = tiles.signed ? `−${tiles.top}` : "0";
    legendLine.lastChild.textContent = `${tiles.top}   ${tiles.unit}${tiles.beyond?.length ? "; the switched heads go beyond" : ""}`;
  }
  const tileAt = event => {
    const tiles = get("tiles"),
      head = Math.floor((event.offsetX - originX) / cell),
      layer = Math.floor((event.offsetY - originY) / cell);
    return layer >= 0 && head >= 0 && layer < tiles.layers && head < tiles.heads ? [layer, head] : null;
  };
  function goTo(layer, head, add) {
    prefetch(layer, head);
    if (add) {
      const list = shownHeads(),
        next = list.some(at => sameHead(at, layer, head))
          ? list.filter(at => !sameHead(at, layer, head))
          : [...list, [layer, head]];
      if (!next.length) return;
      const [first, ...rest] = next;
      ui.setAll({ layer: first[0], head: first[1], heads: rest });
    } else ui.setAll({ layer, head, heads: [] });
  }
  function toggleHead(layer, head) {
    if (perLayer() || alone) return;
    const off = get("ablated") || [];
    ui.set(
      "ablated",
      off.some(at => sameHead(at, layer, head))
        ? off.filter(at => !sameHead(at, layer, head))
        : [...off, [layer, head]],
    );
  }
  grid.addEventListener("click", event => {
    const at = tileAt(event);
    if (at) goTo(...at, event.shiftKey);
  });
  grid.addEventListener("dblclick", event => {
    const at = tileAt(event);
    if (at) {
      goTo(...at, false);
      ui.set("look", "head");
    }
  });
  grid.addEventListener("pointermove", event => {
    const at = tileAt(event),
      facts = at && get("head_facts")?.[at[0]]?.[at[1]];
    grid.style.cursor = at ? "pointer" : "default";
    if (at) prefetch(...at);
    ui.tip(
      at ? (perLayer() ? `Layer ${at[0]}` : `Head ${headName(...at)}${facts ? `: ${facts.kind}` : ""}`) : "",
      event.clientX,
      event.clientY,
    );
  });
  grid.addEventListener("pointerleave", () => ui.tip(""));
  grid.addEventListener("focus", () => drawGrid());
  grid.addEventListener("blur", () => get("tiles")?.key && drawGrid());
  grid.addEventListener("keydown", event => {
    const tiles = get("tiles");
    if (event.key.startsWith("Arrow")) {
      const [layer, head] = neighbour(get("layer"), perLayer() ? 0 : get("head"), event.key, tiles.layers, tiles.heads);
      prefetch(layer, head);
      ui.setAll({ layer, head: perLayer() ? get("head") : head, heads: [] });
    } else if (event.key === " ") toggleHead(get("layer"), get("head"));
    else return;
    event.preventDefault();
  });

  // --- one head
  let weights = null,
    weightsKey = "",
    hoverRow = null,
    hoverColumn = null,
    rowHeight = 18,
    shown = [];
  function prepare() {
    const tiles = get("tiles"),
      maps = currentMaps();
    if (!maps.length || stale) return weights !== null && shown.length === tiles.tokens;
    const tokens = get("tokens"),
      hide = get("hide_special");
    const key = [blocksKey, get("layer"), get("head"), JSON.stringify(get("heads")), hide, get("renormalise")].join(
      "/",
    );
    if (key !== weightsKey) {
      const visible = tokens.map(token => !(hide && token.special));
      shown = visible;
      weights = combine(
        maps,
        tiles.tokens,
        tiles.signed ? SIGNED : WEIGHT,
        visible,
        get("renormalise") && !tiles.signed,
      );
      weightsKey = key;
    }
    return true;
  }
  const visibleRows = () => shown.flatMap((on, i) => (on ? [i] : []));
  function strokeStyleOf(colors, value, signed) {
    if (!signed) return colors.dark ? cssColor(colors.sequential[200]) : cssColor(colors.sequential[190]);
    return cssColor(colors.diverging[value < 0 ? 30 : 225]);
  }
  const across = () => get("direction") === "horizontal";
  function drawLines() {
    // u runs from those who look to what is looked at, v along the tokens
    const tiles = get("tiles"),
      tokens = get("tokens"),
      colors = ui.colors(),
      scale = ui.scale(),
      rows = visibleRows(),
      size = tiles.tokens,
      flat = across();
    const place = new Map(rows.map((token, i) => [token, i]));
    rowHeight = Math.round(18 * scale);
    if (flat)
      rowHeight = Math.max(
        rowHeight,
        Math.min(40 * scale, Math.floor(scroller.clientWidth / Math.max(1, rows.length))),
      );
    const total = rows.length * rowHeight;
    scroller.classList.toggle("flat", flat);
    spacer.style.height = flat ? "0" : `${Math.max(0, total - scroller.clientHeight)}px`;
    spacer.style.width = flat ? `${total}px` : "";
    const room = flat ? scroller.clientWidth : scroller.clientHeight,
      depth = flat ? scroller.clientHeight : scroller.clientWidth;
    const top = flat ? scroller.scrollLeft : scroller.scrollTop,
      reach = Math.min(room, Math.max(total, rowHeight));
    const context = flat ? fitCanvas(lines, reach, depth) : fitCanvas(lines, depth, reach);
    context.font = `${12 * scale}px ${colors.codeFont}`;
    context.textBaseline = "middle";
    const column = Math.min(
      depth * 0.3,
      Math.max(...rows.slice(0, 200).map(i => context.measureText(tokens[i].text).width), 20) + 8,
    );
    const u0 = column + 4,
      u1 = depth - column - 4,
      v = i => (place.get(i) + 0.5) * rowHeight - top;
    const selected = (get("selected") || []).filter(i => place.has(i));
    const outgoing = hoverRow !== null && place.has(hoverRow) ? [hoverRow] : selected.length ? selected : rows;
    const incoming = hoverColumn !== null && place.has(hoverColumn) ? hoverColumn : null;
    const near = i => {
      const at = v(i);
      return at > -room && at < 2 * room;
    };
    const histogram = new Uint32Array(256),
      candidates = [];
    let mass = 0;
    const consider = (row, key) => {
      const w = weights[row * size + key];
      mass += Math.abs(w);
      if (w === 0) return;
      const q = Math.min(255, Math.round(255 * Math.sqrt(Math.abs(w))));
      histogram[q]++;
      candidates.push(row, key, q, w);
    };
    if (incoming !== null) rows.forEach(row => consider(row, incoming));
    else for (const row of outgoing) if (outgoing.length < 4 || near(row)) for (const key of rows) consider(row, key);
    const threshold = strokeThreshold(histogram, MOST_STROKES, outgoing.length < 4 || incoming !== null ? 20 : 36);
    const buckets = new Map();
    let drawn = 0;
    for (let c = 0; c < candidates.length; c += 4) {
      const q = candidates[c + 2],
        w = candidates[c + 3];
      if (q < threshold) continue;
      drawn += Math.abs(w);
      const name = (w < 0 ? -1 : 1) * Math.max(1, Math.ceil(Math.abs(w) * 12));
      if (!buckets.has(name)) buckets.set(name, new Path2D());
      const path = buckets.get(name),
        from = v(candidates[c]),
        to = v(candidates[c + 1]),
        bend = (u1 - u0) * 0.4;
      if (flat) {
        path.moveTo(from, u0);
        path.bezierCurveTo(from, u0 + bend, to, u1 - bend, to, u1);
      } else {
        path.moveTo(u0, from);
        path.bezierCurveTo(u0 + bend, from, u1 - bend, to, u1, to);
      }
    }
    context.lineCap = "round";
    for (const name of [...buckets.keys()].sort((a, b) => Math.abs(a) - Math.abs(b))) {
      const strength = Math.abs(name) / 12;
      context.strokeStyle = strokeStyleOf(colors, name, tiles.signed);
      context.globalAlpha = Math.min(1, 0.12 + 0.88 * strength);
      context.lineWidth = (0.75 + 2.25 * strength) * scale;
      context.stroke(buckets.get(name));
    }
    context.globalAlpha = 1;
    const write = (text, u, at, align, bold) => {
      context.textAlign = align;
      context.font = `${bold ? "bold " : ""}${12 * scale}px ${colors.codeFont}`;
      if (!flat) {
        context.fillText(text, u, at);
        return;
      }
      context.save();
      context.translate(at, u);
      context.rotate(Math.PI / 2);
      context.fillText(text, 0, 0);
      context.restore();
    };
    const strong = new Set(outgoing.length < rows.length ? outgoing : []);
    for (const [number, i] of rows.entries()) {
      const middle = (number + 0.5) * rowHeight - top;
      if (middle < -rowHeight || middle > room + rowHeight) continue;
      const token = tokens[i],
        text = clipped(context, token.text, column),
        ink = token.special ? colors.muted : colors.ink;
      context.fillStyle = ink;
      write(text, column, middle, "right", strong.has(i));
      if (selected.includes(i)) {
        context.fillStyle = colors.accent;
        flat
          ? context.fillRect(middle - rowHeight / 2 + 2, 0, rowHeight - 4, 3)
          : context.fillRect(0, middle - rowHeight / 2 + 2, 3, rowHeight - 4);
      }
      context.fillStyle = ink;
      write(text, depth - column, middle, "left", incoming === i);
    }
    const hidden = mass > 0 ? 1 - drawn / mass : 0;
    linesTitle.textContent = `${titleOfHeads()} as lines${hidden > 0.005 ? ` (${percent(hidden)} too weak)` : ""}`;
    linesTitle.title = flat
      ? "From each token (above) to what it looks at (below)"
      : "From each token (left) to what it looks at (right)";
    lines.setAttribute("aria-label", `Lines of ${titleOfHeads()}. ${get("answer").replaceAll("`", "")}`);
  }
  const titleOfHeads = () => {
    const list = shownHeads();
    if (perLayer()) return `Layer ${list.map(at => at[0]).join(", ")}`;
    return list.length === 1
      ? `Head ${headName(...list[0])}`
      : `Mean of heads ${list
          .slice(0, 6)
          .map(at => headName(...at))
          .join(", ")}${list.length > 6 ? " …" : ""}`;
  };
  function say() {
    // the answer line of a page without a kernel, from the weights that came with it
    const tiles = get("tiles"),
      tokens = get("tokens"),
      rows = visibleRows(),
      size = tiles.tokens;
    const chosen = (get("selected") || []).filter(i => rows.includes(i)),
      from = chosen.length ? chosen : rows,
      mass = key => from.reduce((sum, row) => sum + weights[row * size + key], 0) / from.length;
    const key = rows.reduce((best, j) => (Math.abs(mass(j)) > Math.abs(mass(best)) ? j : best), rows[0]);
    if (key === undefined) return;
    const whose = chosen.length
      ? chosen
          .slice(0, 3)
          .map(i => `\`${tokens[i].text}\``)
          .join(", ")
      : "all tokens together";
    const text = `${titleOfHeads()}: of ${whose} most is on \`${tokens[key].text}\`, ${asShown(mass(key))}.`;
    if (text !== get("answer")) ui.set("answer", text);
  }
  let matrixCell = 1,
    matrixLeft = 0,
    matrixTop = 0,
    matrixRows = [];
  function drawMatrix() {
    const tiles = get("tiles"),
      tokens = get("tokens"),
      colors = ui.colors(),
      scale = ui.scale(),
      size = tiles.tokens;
    matrixRows = visibleRows();
    const count = matrixRows.length,
      box = matrix.parentElement,
      width = box.clientWidth,
      height = box.clientHeight;
    const context0 = fitCanvas(matrix, width, height);
    context0.font = `${11 * scale}px ${colors.codeFont}`;
    const widest = Math.min(
      84 * scale,
      Math.max(...matrixRows.slice(0, 200).map(i => context0.measureText(tokens[i].text).width), 8) + 8,
    );
    const labelled = (Math.min(width, height) - widest) / count >= 9 * scale;
    const margin = labelled ? widest : 20 * scale;
    const exact = Math.min((width - margin - 2) / count, (height - margin - 2) / count, 34 * scale);
    matrixCell = exact >= 2 ? Math.floor(exact) : exact;
    matrixLeft = margin;
    matrixTop = margin;
    const table = tiles.signed ? colors.diverging : colors.sequential;
    const image = new ImageData(count, count),
      raw = new Uint8Array(count * count);
    for (let y = 0, at = 0; y < count; y++)
      for (let x = 0; x < count; x++) {
        const w = weights[matrixRows[y] * size + matrixRows[x]];
        raw[at++] = tiles.signed
          ? 128 + Math.round(127 * Math.sign(w) * Math.sqrt(Math.abs(w)))
          : Math.min(255, Math.round(255 * Math.sqrt(w)));
      }
    const ratio = globalThis.devicePixelRatio || 1,
      factor = Math.max(1, Math.ceil(1 / (matrixCell * ratio)));
    const pooled = poolMax(raw, count, factor, tiles.signed ? 128 : 0);
    const picture = factor > 1 ? new ImageData(pooled.size, pooled.size) : image,
      pixels = new Uint32Array(picture.data.buffer);
    for (let i = 0; i < pooled.data.length; i++) pixels[i] = table[pooled.data[i]];
    const buffer = new OffscreenCanvas(pooled.size, pooled.size);
    buffer.getContext("2d").putImageData(picture, 0, 0);
    const context = context0,
      extent = matrixCell * count;
    context.imageSmoothingEnabled = false;
    context.drawImage(buffer, matrixLeft, matrixTop, extent, extent);
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.strokeRect(matrixLeft - 0.5, matrixTop - 0.5, extent + 1, extent + 1);
    if (matrixCell >= 14 * scale) {
      context.globalAlpha = 0.5;
      context.beginPath();
      for (let i = 1; i < count; i++) {
        context.moveTo(matrixLeft + i * matrixCell - 0.5, matrixTop);
        context.lineTo(matrixLeft + i * matrixCell - 0.5, matrixTop + extent);
        context.moveTo(matrixLeft, matrixTop + i * matrixCell - 0.5);
        context.lineTo(matrixLeft + extent, matrixTop + i * matrixCell - 0.5);
      }
      context.stroke();
      context.globalAlpha = 1;
    }
    const border = matrixRows.findIndex((i, at) => at && tokens[i].type !== tokens[matrixRows[at - 1]].type);
    if (border > 0) {
      context.strokeStyle = colors.muted;
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(matrixLeft + border * matrixCell, matrixTop);
      context.lineTo(matrixLeft + border * matrixCell, matrixTop + extent);
      context.moveTo(matrixLeft, matrixTop + border * matrixCell);
      context.lineTo(matrixLeft + extent, matrixTop + border * matrixCell);
      context.stroke();
      context.setLineDash([]);
    }
    const selected = new Set(get("selected") || []);
    context.textBaseline = "middle";
    const rowLabels = labelled ? matrixRows.map((_, at) => at) : [];
    for (const at of rowLabels) {
      const i = matrixRows[at],
        text = clipped(context, tokens[i].text, widest - 8),
        middle = (at + 0.5) * matrixCell;
      const bold = selected.has(i) || i === hoverRow || i === hoverColumn;
      context.font = `${bold ? "bold " : ""}${11 * scale}px ${colors.codeFont}`;
      context.fillStyle = tokens[i].special ? colors.muted : colors.ink;
      context.textAlign = "right";
      context.fillText(text, matrixLeft - 6, matrixTop + middle);
      context.save();
      context.translate(matrixLeft + middle, matrixTop - 6);
      context.rotate(-Math.PI / 2);
      context.textAlign = "left";
      context.fillText(text, 0, 0);
      context.restore();
    }
    context.strokeStyle = colors.accent;
    context.lineWidth = 2;
    const outline = (i, strong) => {
      const at = matrixRows.indexOf(i);
      if (at < 0) return;
      context.globalAlpha = strong ? 1 : 0.5;
      context.strokeRect(matrixLeft, matrixTop + at * matrixCell, extent, Math.max(2, matrixCell));
      context.globalAlpha = 1;
    };
    selected.forEach(i => outline(i, true));
    if (hoverRow !== null) outline(hoverRow, false);
    matrixTitle.textContent = labelled
      ? "As a matrix: row looks at column"
      : "As a matrix: row looks at column; point to read";
    matrix.setAttribute("aria-label", `Matrix of ${titleOfHeads()}, ${count} by ${count} tokens.`);
  }
  const cellAt = event => {
    const x = Math.floor((event.offsetX - matrixLeft) / matrixCell),
      y = Math.floor((event.offsetY - matrixTop) / matrixCell);
    return x >= 0 && y >= 0 && x < matrixRows.length && y < matrixRows.length ? [matrixRows[y], matrixRows[x]] : null;
  };
  const saturated = w =>
    Math.abs(w) > 0.99 &&
    shownHeads().some(([layer, head]) => (get("tiles").beyond || []).some(at => sameHead(at, layer, head)));
  const asShown = w =>
    get("tiles").signed
      ? `${saturated(w) ? "more than" : "≈"} ${w < 0 ? "−" : "+"}${number(Math.abs(w) * Number(get("tiles").top), 2)}`
      : get("tiles").top === "1"
        ? `≈ ${percent(w)}`
        : `≈ ${number(w * Number(get("tiles").top), 2)}`;
  let hoverFrame = 0;
  function hover(row, column) {
    if (row === hoverRow && column === hoverColumn) return;
    hoverRow = row;
    hoverColumn = column;
    cancelAnimationFrame(hoverFrame);
    hoverFrame = requestAnimationFrame(() => {
      if (get("look") === "head" && weights && get("tiles")?.key) {
        drawLines();
        if (!across()) drawMatrix();
      }
    });
  }
  matrix.addEventListener("pointermove", event => {
    const at = cellAt(event),
      tokens = get("tokens");
    matrix.style.cursor = at ? "pointer" : "default";
    hover(at ? at[0] : null, null);
    ui.tip(
      at
        ? `${tokens[at[0]].text} → ${tokens[at[1]].text}  ${asShown(weights[at[0] * get("tiles").tokens + at[1]])}`
        : "",
      event.clientX,
      event.clientY,
    );
  });
  matrix.addEventListener("pointerleave", () => {
    hover(null, null);
    ui.tip("");
  });
  matrix.addEventListener("click", event => {
    const at = cellAt(event);
    if (!at) return;
    if (event.shiftKey) ui.pick(at[0], true);
    else ui.setAll({ selected: [at[0]], key_token: at[1] });
  });
  matrix.addEventListener("dblclick", event => {
    if (cellAt(event)) ui.set("look", "steps");
  });
  const moveSelection = event => {
    const rows = visibleRows(),
      step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !rows.length) return;
    const at = rows.indexOf((get("selected") || [])[0]);
    ui.set("selected", [rows[Math.max(0, Math.min(rows.length - 1, at + step))]]);
    event.preventDefault();
  };
  matrix.addEventListener("keydown", moveSelection);
  scroller.addEventListener("keydown", moveSelection);
  scroller.addEventListener("scroll", () => weights && drawLines());
  const rowAt = event =>
    visibleRows()[
      Math.floor((across() ? event.offsetX + scroller.scrollLeft : event.offsetY + scroller.scrollTop) / rowHeight)
    ] ?? null;
  lines.addEventListener("pointermove", event => {
    const row = rowAt(event),
      left = across() ? event.offsetY < lines.clientHeight / 2 : event.offsetX < lines.clientWidth / 2;
    lines.style.cursor = row === null ? "default" : "pointer";
    hover(left ? row : null, left ? null : row);
  });
  lines.addEventListener("pointerleave", () => hover(null, null));
  lines.addEventListener("click", event => {
    const row = rowAt(event);
    if (row !== null) ui.pick(row, event.shiftKey);
  });
  ui.hoverToken = i => hover(i, null);

  // --- facts of the selected head, beside the grid
  function drawFacts() {
    const fact = get("head_facts")?.[get("layer")]?.[get("head")];
    facts.replaceChildren();
    if (!fact || perLayer()) return;
    const rows = [
      [`Head ${headName(get("layer"), get("head"))}`, fact.kind.split(":")[0]],
      ["looks at [CLS], [SEP]", percent(fact.special)],
      ["at the token before, after", `${percent(fact.previous)}, ${percent(fact.next)}`],
      ["at itself", percent(fact.same)],
      ["entropy", `${number(fact.entropy, 2)} of ${number(Math.log(get("tokens").length), 2)} nats`],
      ["mean distance", `${number(fact.distance, 2)} tokens`],
    ];
    const mass = get("view").segments;
    if (mass)
      rows.push(
        ["A→A  A→B", `${percent(mass[0][0])}  ${percent(mass[0][1])}`],
        ["B→A  B→B", `${percent(mass[1][0])}  ${percent(mass[1][1])}`],
      );
    for (const [name, value] of rows) facts.append(h("span", {}, name), h("span", {}, value));
    if (alone) return;
    const dead = (get("ablated") || []).some(at => sameHead(at, get("layer"), get("head")));
    facts.append(
      h("span", {}, "this head"),
      h(
        "span",
        {},
        h(
          "label",
          {},
          h("input", { type: "checkbox", checked: !dead, onchange: () => toggleHead(get("layer"), get("head")) }),
          dead ? "is off" : "is on",
        ),
      ),
    );
  }

  // --- arithmetic of one cell
  function strip(values, top) {
    const canvas = h("canvas", { role: "img", "aria-label": `${values.length} numbers` }),
      colors = ui.colors();
    const width = Math.max(120, (main.clientWidth || 480) - (ui.root.dataset.room === "phone" ? 8 : 330)),
      height = 22 * ui.scale(),
      context = fitCanvas(canvas, width, height),
      step = width / values.length;
    values.forEach((value, i) => {
      const size = (Math.min(1, Math.abs(value) / top) * height) / 2;
      context.fillStyle = cssColor(colors.diverging[value < 0 ? 40 : 216]);
      context.fillRect(
        i * step,
        value < 0 ? height / 2 : height / 2 - size,
        Math.max(1, step - 1),
        Math.max(0.5, size),
      );
    });
    context.fillStyle = colors.line;
    context.fillRect(0, height / 2, width, 1);
    return canvas;
  }
  let cellKey = "",
    cellData = null;
  async function drawSteps() {
    const tokens = get("tokens"),
      query = (get("selected") || [])[0] ?? get("default_token"),
      key = Math.min(get("key_token"), tokens.length - 1);
    const wantedKey = [get("tiles").base, get("layer"), get("head"), query, key].join("/");
    if (wantedKey !== cellKey) {
      cellKey = wantedKey;
      try {
        cellData = (await ui.call("cell", { layer: get("layer"), head: get("head"), query, key })).result;
      } catch (error) {
        cellKey = "";
        other.replaceChildren(h("p.muted", {}, error.message));
        return;
      }
      if (cellKey !== wantedKey || get("look") !== "steps") return;
    }
    const c = cellData;
    if (!c) return;
    const top = Math.max(...c.q.map(Math.abs), ...c.k.map(Math.abs)),
      productTop = Math.max(...c.products.map(Math.abs));
    const line = (name, picture, sum) => [h("span.muted", {}, name), picture, h("span.sum", {}, sum)];
    const menu = h(
      "select",
      { "aria-label": "Token that is looked at", onchange: () => ui.set("key_token", menu.selectedIndex) },
      ...tokens.map((token, i) => h("option", { value: i }, `${token.text}  (${i})`)),
    );
    menu.selectedIndex = key;
    other.replaceChildren(
      h(
        "h4",
        {},
        "Head ",
        headName(get("layer"), get("head")),
        ": how much ",
        bidi(tokens[query].text),
        " looks at ",
        menu,
      ),
      h(
        "div.steps",
        {},
        ...line(["q of ", bidi(tokens[query].text)], strip(c.q, top), `${c.q.length} numbers`),
        ...line(["k of ", bidi(tokens[key].text)], strip(c.k, top), `${c.k.length} numbers`),
        ...line("q · k, place by place", strip(c.products, productTop), `sum ${number(c.product_sum, 4)}`),
        ...line("scaled", h("span.sum", {}, `${number(c.product_sum, 4)} / √${c.q.length}`), number(c.scaled, 4)),
        ...(c.relative !== null
          ? line("position term", h("span.sum", {}, "added before scaling"), number(c.relative, 4))
          : []),
        ...line(
          "mask",
          h("span.sum", {}, c.mask < -100 ? "the token may not be seen" : "nothing is hidden from it"),
          c.mask < -100 ? "−∞" : `+ ${number(c.mask, 2)}`,
        ),
        ...line(
          "softmax over the row",
          h(
            "span.sum",
            {},
            `e^${number(c.score, 4)} / Σ e^score = e^(${number(c.score, 4)} − ${number(c.log_sum, 4)})`,
          ),
          h("b", {}, percent(c.probability)),
        ),
        ...line(
          ["× v of ", bidi(tokens[key].text)],
          strip(c.value, Math.max(...c.value.map(Math.abs))),
          `length ${number(c.value_norm, 3)}`,
        ),
      ),
      h("h4", { style: "margin-top:12px" }, "The whole row after softmax"),
      bars(
        c.row.map(item => ({
          label: item.token,
          value: item.probability,
          onclick: () => ui.set("key_token", item.position),
          title: `score ${number(item.score, 4)}`,
        })),
      ),
    );
  }

  // --- without a head
  const sweepCanvas = h("canvas", { tabindex: "0", role: "img", "aria-label": "Effect of switching each head off" });
  function drawEffect() {
    const view = get("view"),
      effect = view.effect,
      off = get("ablated") || [];
    const methods = [
      ["zero", "nothing (zero)"],
      ["mean", "its mean over this text"],
      ["corpus", "its mean over many sentences"],
      ["uniform", "an even look at all tokens"],
    ];
    const menu = h(
      "select",
      {
        "aria-label": "A switched-off head gives",
        onchange: () => {
          const [method] = methods[menu.selectedIndex];
          method === "corpus" ? ui.call("average_corpus").catch(() => {}) : ui.set("ablation", method);
        },
      },
      ...methods.map(([, text]) => h("option", {}, text)),
    );
    menu.selectedIndex = methods.findIndex(([value]) => value === get("ablation"));
    const allOff = get("view").layer_off,
      layer = get("layer");
    const head = [
      h(
        "h4",
        {},
        off.length
          ? `Off: ${off
              .map(at => headName(...at))
              .slice(0, 12)
              .join(", ")}${off.length > 12 ? ` and ${off.length - 12} more` : ""}`
          : alone
            ? "Every head is on"
            : "Every head is on: press Space on a tile to switch it off",
      ),
      alone
        ? ""
        : h(
            "div.controls",
            {},
            h("label", {}, h("span", {}, "A switched-off head gives"), menu),
            h(
              "button.text-button",
              { type: "button", onclick: () => ui.call("toggle_layer", { layer }) },
              `${allOff ? "Switch on" : "Switch off"} all of layer ${layer}`,
            ),
            h(
              "button.text-button",
              { type: "button", disabled: !off.length, onclick: () => ui.set("ablated", []) },
              "All on",
            ),
          ),
    ];
    const list = effect
      ? [
          h(
            "h4",
            { style: "margin-top:12px" },
            "Prediction at ",
            bidi(effect.place),
            off.length ? " now; the mark shows it with every head on" : "",
          ),
          bars(
            effect.rows.map(row => ({
              label: row.token,
              value: row.probability,
              before: off.length ? row.before : null,
              truth: row.truth,
            })),
          ),
        ]
      : [h("p.muted", {}, view.no_effect || "")];
    const sweep = view.sweep,
      sweepPart = [
        h("h4", { style: "margin-top:12px" }, "Every head in turn"),
        sweep
          ? [
              sweepCanvas,
              h(
                "p.small.muted",
                { style: "margin:4px 0 0" },
                "Without the head ",
                bidi(sweep.token),
                " is less likely (blue) or more (orange); full colour: by ",
                percent(Math.max(...sweep.change.flat().map(Math.abs))),
                ".",
              ),
            ]
          : h(
              "p.muted",
              { style: "margin:0" },
              "Switch every head off alone, one after the other, and see what each changes.",
            ),
        alone
          ? ""
          : h(
              "button.text-button",
              { type: "button", disabled: Boolean(get("busy").label), onclick: () => ui.call("sweep") },
              sweep ? "Measure again" : "Measure all heads",
            ),
      ];
    other.replaceChildren(...head, h("div.effects", {}, h("div", {}, ...list), h("div", {}, ...sweepPart)));
    if (sweep) drawSweep(sweep);
  }
  let sweepCell = 20;
  function drawSweep(sweep) {
    const colors = ui.colors(),
      scale = ui.scale(),
      layers = sweep.change.length,
      heads = sweep.change[0].length;
    sweepCell = Math.max(
      8,
      Math.floor(
        Math.min(
          22 * scale,
          ((main.clientWidth || 500) / (ui.root.dataset.room === "phone" ? 1 : 2) - 60) / heads,
          (200 * scale) / layers,
        ),
      ),
    );
    const margin = 18 * scale,
      context = fitCanvas(sweepCanvas, margin + heads * sweepCell, margin + layers * sweepCell);
    const top = Math.max(
      1e-9,
      ...sweep.change
        .flat()
        .filter(x => x !== null)
        .map(Math.abs),
    );
    context.font = `${10 * scale}px ${colors.wordFont}`;
    context.textBaseline = "middle";
    sweep.change.forEach((row, layer) =>
      row.forEach((value, head) => {
        const x = margin + head * sweepCell,
          y = margin + layer * sweepCell;
        context.fillStyle =
          value === null ? colors.soft : cssColor(colors.diverging[Math.round(128 + (127 * value) / top)]);
        context.fillRect(x, y, sweepCell - 1, sweepCell - 1);
      }),
    );
    context.fillStyle = colors.muted;
    context.textAlign = "center";
    for (let head = 0; head < heads; head++) context.fillText(head, margin + (head + 0.5) * sweepCell, margin / 2);
    for (let layer = 0; layer < layers; layer++)
      context.fillText(layer, margin / 2, margin + (layer + 0.5) * sweepCell);
    context.strokeStyle = colors.accent;
    context.lineWidth = 2;
    context.strokeRect(
      margin + get("head") * sweepCell,
      margin + get("layer") * sweepCell,
      sweepCell - 1,
      sweepCell - 1,
    );
  }
  sweepCanvas.addEventListener("click", event => {
    const margin = 18 * ui.scale(),
      head = Math.floor((event.offsetX - margin) / sweepCell),
      layer = Math.floor((event.offsetY - margin) / sweepCell),
      sweep = get("view").sweep;
    if (sweep?.change[layer]?.[head] !== undefined) goTo(layer, head, false);
  });
  sweepCanvas.addEventListener("pointermove", event => {
    const margin = 18 * ui.scale(),
      head = Math.floor((event.offsetX - margin) / sweepCell),
      layer = Math.floor((event.offsetY - margin) / sweepCell),
      value = get("view").sweep?.change[layer]?.[head];
    ui.tip(
      Number.isFinite(value)
        ? `without ${headName(layer, head)}: ${value < 0 ? "−" : "+"}${percent(Math.abs(value))}`
        : "",
      event.clientX,
      event.clientY,
    );
  });
  sweepCanvas.addEventListener("pointerleave", () => ui.tip(""));

  // --- kinds of heads
  const OKABE_ITO = {
    P: "#0072b2",
    N: "#56b4e9",
    S: "#cc79a7",
    D: "#999999",
    B: "#e69f00",
    F: "#d55e00",
    "·": "transparent",
  };
  function drawKinds() {
    const { kinds, corpus } = get("view"),
      facts = get("head_facts");
    if (!facts?.length || !kinds) {
      other.replaceChildren(h("p.muted", {}, "Kinds are those of single heads: choose the weights “attention”."));
      return;
    }
    const table = h(
      "table.kinds",
      {},
      h("tr", {}, h("th", { style: "padding-right:6px" }, "layer"), ...facts[0].map((_, head) => h("th", {}, head))),
      ...facts.map((row, layer) =>
        h(
          "tr",
          {},
          h("th", {}, layer),
          ...row.map((fact, head) =>
            h(
              "td",
              {},
              h(
                "button",
                {
                  type: "button",
                  title: `${headName(layer, head)}: ${fact.kind}`,
                  "aria-label": `Head ${headName(layer, head)}: ${fact.kind}`,
                  "aria-pressed": String(layer === get("layer") && head === get("head")),
                  style: `border-bottom-color:${OKABE_ITO[fact.letter] || "transparent"}`,
                  onclick: () => goTo(layer, head, false),
                },
                fact.letter,
              ),
            ),
          ),
        ),
      ),
    );
    const key = h(
      "div.facts",
      {},
      ...kinds.flatMap(([letter, name, meaning, count]) => [
        h("span", {}, h("b", {}, letter), ` ${name} (${count})`),
        h("span", {}, meaning),
      ]),
    );
    other.replaceChildren(
      h("h4", {}, corpus ? `What each head does, over ${corpus} sentences` : "What each head does, on this sentence"),
      h("div.wide-table", {}, table),
      key,
      alone
        ? ""
        : h(
            "button.text-button",
            { type: "button", disabled: Boolean(get("busy").label), onclick: () => ui.call("measure_corpus") },
            corpus ? "Back to this sentence" : "Measure over many sentences",
          ),
    );
  }

  // --- bertviz, in a frame that reaches nothing; all that it says is how high it is
  let frameKey = "",
    frameHeight = 400;
  function fitted(frame) {
    const fit = () => {
      frame.style.height = `${frameHeight}px`;
    };
    const listen = ({ source, data }) => {
      if (!frame.isConnected) window.removeEventListener("message", listen);
      else if (source === frame.contentWindow && data?.height > 0) {
        frameHeight = Math.min(Math.ceil(data.height), 1600);
        fit();
      }
    };
    window.addEventListener("message", listen);
    fit(); // as high as the last one, so that nothing jumps from layer to layer
    return frame;
  }
  async function drawBertviz() {
    const key = `${get("tiles").base}/${get("bertviz_view")}/${get("layer")}/${get("head")}/${ui.colors().dark}`;
    if (key === frameKey && other.querySelector("iframe")) return;
    frameKey = key;
    other.replaceChildren(h("p.muted", {}, "Drawing …"));
    try {
      const { result } = await ui.call("bertviz", { kind: get("bertviz_view"), dark: ui.colors().dark });
      if (frameKey !== key || get("look") !== "bertviz") return;
      other.replaceChildren(
        fitted(h("iframe", { sandbox: "allow-scripts", title: `bertviz ${get("bertviz_view")} view`, srcdoc: result })),
      );
    } catch (error) {
      if (frameKey === key) other.replaceChildren(h("p.muted", {}, error.message));
    }
  }

  return names => {
    const tiles = get("tiles"),
      empty = !tiles?.key || get("view").empty;
    body.hidden = empty;
    invitation.hidden = !empty;
    if (empty) {
      invitation.replaceChildren(ui.invite());
      return;
    }
    const block = get("block");
    if (block?.key === tiles.key && (blocksKey !== tiles.key || !blocks.size)) adopt(block, block.bytes);
    if (blocksKey !== tiles.key) {
      blocks.clear();
      wanted.clear();
      blocksKey = tiles.key;
    }
    tall();
    drawGrid();
    drawFacts();
    const look = get("look");
    pair.hidden = look !== "head";
    pair.classList.toggle("flat", across());
    other.hidden = look === "head";
    if (look === "head") other.replaceChildren();
    if (look !== "bertviz") frameKey = "";
    if (look === "head") {
      const ready = prepare();
      scroller.style.opacity = matrix.style.opacity = stale ? 0.5 : 1;
      if (ready && weights) {
        drawLines();
        if (!across()) drawMatrix();
      }
      if (alone && ready && weights && !stale) say();
      if (!stale) ui.root.dataset.shown = headName(get("layer"), get("head"));
    } else if (look === "steps") drawSteps();
    else if (look === "effect") drawEffect();
    else if (look === "kinds") drawKinds();
    else drawBertviz();
  };
}

export const spec = {
  name: "heads",
  stage: attentionStage,
  onHover: (i, ui) => ui.hoverToken?.(i),
  keys: [
    ["Arrows on the grid", "another layer or head"],
    ["Space on the grid", "switch the head off or on"],
    ["Shift-click a tile", "add the head: their mean is shown"],
    ["↑ ↓ on lines or matrix", "another token"],
    ["Double-click a tile", "this head alone"],
    ["Double-click a cell", "its arithmetic"],
    ["1 … 5", "Head, Arithmetic, Switch off, Kinds, bertviz"],
    ["h", "hide [CLS] and [SEP]"],
    ["v", "tokens down or across"],
  ],
  onKey(event, ui) {
    const look = ["head", "steps", "effect", "kinds", "bertviz"][Number(event.key) - 1];
    if (look) {
      if (!ui.model.standalone || look === "head" || look === "kinds") ui.set("look", look);
    } else if (event.key === "v") ui.set("direction", ui.get("direction") === "vertical" ? "horizontal" : "vertical");
    else if (event.key === "h") ui.set("hide_special", !ui.get("hide_special"));
    else if (event.key === "Escape" && (ui.get("heads") || []).length) ui.set("heads", []);
    else return false;
    return true;
  },
};
