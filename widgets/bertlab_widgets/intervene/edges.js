// Attention as a matrix on which one cuts: row looks at column, until it is clicked.
import { makeCells, scaleBar } from "../kit/cells.js";
import { checkbox, select } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { mark, say, sayN } from "../kit/language.js";
import { sayTexts } from "../kit/looks.js";
import { bytes, percent, WEIGHT } from "../kit/numbers.js";
import { wordBars } from "./words.js";

const SPANS = [
  ["head", mark("this head")],
  ["layer", mark("all heads of this layer")],
  ["model", mark("all layers")],
];
const EVERY = -1; // in place of a head: all of its layer
const MOST_LAYERS = 6; // that are named

/** The cut edges that the map of a layer and head shows as crossed out. */
export function crossedOut(cut, layer, head) {
  return cut
    .filter(edge => edge[0] === layer && (edge[1] === EVERY || edge[1] === head))
    .map(edge => [edge[2], edge[3]]);
}

/** Maps of weights, asked for once each: `get(layer, head)` gives the one that is there, and asks for the others. */
function makeMaps(ui, redraw) {
  const kept = new Map();
  let key = "";
  const asked = new Set();
  return {
    reset(now) {
      if (now === key) return;
      key = now;
      kept.clear();
      asked.clear();
    },
    get(layer, head) {
      const name = `${layer}.${head}`;
      if (!kept.has(name) && !asked.has(name)) {
        asked.add(name);
        const wanted = key;
        ui.call("weights", { layer, head })
          .then(({ result, buffers }) => {
            if (wanted !== key) return;
            kept.set(name, { size: result.size, raw: bytes(buffers[0]) });
            redraw();
          })
          .catch(() => {});
      }
      return kept.get(name);
    },
  };
}

function nowCut(ui, view) {
  const cut = view.cut || [];
  if (!cut.length) {
    const how = say("Click a cell to cut it; a name at the side or on top cuts its whole row or column.");
    return h("p.small.muted", {}, how);
  }
  const clear = textButton(say("Put all back"), () => ui.set("cut", []));
  const layers = [...new Set(cut.map(edge => edge[0]))].sort((a, b) => a - b);
  const [count, names] = [cut.length, layers.join(", ")];
  const said =
    layers.length > MOST_LAYERS
      ? say("{cut} cut in {count} layers.", { cut: count, count: layers.length })
      : sayN("{cut} cut in layer {names}.", "{cut} cut in layers {names}.", layers.length, { cut: count, names });
  return h("p.small", {}, said, " ", ui.model.standalone ? "" : clear);
}

export function edgesLook(ui) {
  const { get } = ui;
  const maps = makeMaps(ui, () => ui.redraw());
  const box = h("div.map");
  const title = h("h4");
  const legend = h("div");
  const right = h("div");
  let cursor = [1, 1];
  const shownHead = () => (get("span") === "head" ? get("head") : EVERY);
  const cut = places => {
    if (ui.model.standalone) return;
    ui.call("cut_edge", { layer: get("layer"), head: get("head"), ...places }).catch(() => {});
  };
  const cells = makeCells(ui, {
    label: say("Attention, row looks at column"),
    press([query, key]) {
      cursor = [query, key];
      cut({ query, key });
    },
    pressRow: query => cut({ query }),
    pressColumn: key => cut({ key }),
    move(next) {
      cursor = next;
      ui.redraw();
    },
    tell([query, key]) {
      const names = get("view").tokens_now;
      const map = maps.get(get("layer"), shownHead());
      const weight = map ? percent(WEIGHT[map.raw[query * map.size + key]]) : "";
      return `${names[query]} → ${names[key]}  ${weight}`;
    },
  });
  box.append(cells.canvas);
  const step = by => ui.set("layer", Math.max(0, get("layer") + by));
  const layers = h(
    "span",
    {},
    h("button", { type: "button", "aria-label": say("Layer below"), onclick: () => step(-1) }, "‹"),
    title,
    h("button", { type: "button", "aria-label": say("Layer above"), onclick: () => step(1) }, "›"),
  );
  const columns = h("div.two", {}, h("div", {}, h("div.stepper", {}, layers), box, legend), right);
  function draw(view) {
    maps.reset(view.map_key);
    const [layer, head] = [get("layer"), shownHead()];
    const map = maps.get(layer, head);
    const names = view.tokens_now;
    title.textContent =
      head === EVERY
        ? say("Layer {layer}, mean of its heads", { layer })
        : say("Layer {layer}, head {head}", { layer, head });
    cursor = cursor.map(place => Math.min(place, names.length - 1));
    const selected = new Set(get("selected") || []);
    const data = {
      rowNames: names,
      columnNames: names,
      values: map ? Float32Array.from(map.raw, q => WEIGHT[q]) : Array(names.length ** 2).fill(null),
      root: true,
      top: 1,
      tilt: true,
      tokenRows: true,
      square: true,
      cursor,
      crossed: crossedOut(view.cut || [], layer, head),
      boldRow: i => selected.has(i) || i === view.place,
      boldColumn: i => selected.has(i),
      summary: say("{count} tokens; Space cuts the edge from row to column.", { count: names.length }),
    };
    cells.draw(data, box.clientWidth || 460, ui.stageHeight() - 52 * ui.scale());
    legend.replaceChildren(scaleBar(ui, { root: true, low: "0", high: "1", text: say("attention") }));
    right.replaceChildren(wordBars(ui, view, say("With the edges cut"), say("no edge cut")), nowCut(ui, view));
  }
  const controls = [
    h("span", {}, select(ui, "span", sayTexts(SPANS), say("Cut in"))),
    h("span", {}, checkbox(ui, "renormalise", say("Renormalise"), say("Let what is left of a row sum to 1 again"))),
  ];
  return { parts: [columns], controls: ui.model.standalone ? [] : controls, draw };
}
