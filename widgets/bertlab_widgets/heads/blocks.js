// The weights in the browser: a layer, or for long texts a head, at a time; asked for when looked at, and kept.
import { say } from "../kit/language.js";
import { bytes, number, percent, SIGNED, WEIGHT } from "../kit/numbers.js";
import { combine, headName, sameHead } from "./pure.js";

const MOST_KEPT = 400; // heads

/** Byte maps by head, of one state (`tiles.key`) at a time. */
function makeStore(ui) {
  const { get } = ui;
  const blocks = new Map();
  const wanted = new Set();
  let key = "";
  function begin(next) {
    if (key === next) return;
    blocks.clear();
    wanted.clear();
    key = next;
  }
  function adopt(block, data) {
    if (!block?.key) return;
    begin(block.key);
    const raw = bytes(data);
    const area = block.size * block.size;
    block.heads.forEach((head, i) => blocks.set(headName(block.layer, head), raw.subarray(i * area, (i + 1) * area)));
    while (blocks.size > MOST_KEPT) blocks.delete(blocks.keys().next().value);
  }
  async function fetch(layer, head) {
    const from = get("tiles").whole ? 0 : head; // the layer comes as a whole
    const tag = `${key}/${headName(layer, from)}`;
    if (wanted.has(tag)) return;
    wanted.add(tag);
    try {
      const args = { layer, head: from, ...(ui.model.standalone ? { mode: get("mode") } : {}) };
      const { result, buffers } = await ui.call("block_call", args);
      if (result.key === get("tiles").key) {
        adopt(result, buffers[0]);
        ui.redraw();
      }
    } catch {
      // the error strip says what happened
    }
    wanted.delete(tag);
  }
  return { adopt, begin, fetch, get: (layer, head) => blocks.get(headName(layer, head)), key: () => key, blocks };
}

/** Tokens, or words with the positions of their pieces: what rows and columns are, and the selection among them. */
function addUnits(ui, heads) {
  const { get } = ui;
  heads.units = () => (get("units")?.length ? get("units") : get("tokens"));
  ui.units = heads.units;
  heads.positions = i => heads.units()[i]?.positions ?? [i];
  /** The units that the selection touches. */
  heads.chosen = () => {
    const selected = new Set(get("selected") || []);
    return [...heads.units().keys()].filter(i => heads.positions(i).some(at => selected.has(at)));
  };
  heads.pick = (i, add) => {
    const places = heads.positions(i);
    const before = get("selected") || [];
    const all = places.every(at => before.includes(at));
    const alone = all && before.length === places.length;
    const kept = add ? before.filter(at => !places.includes(at)) : [];
    const next = add ? (all ? kept : [...kept, ...places]) : alone ? [] : places;
    ui.set(
      "selected",
      next.sort((a, b) => a - b),
    );
  };
}

/** The heads on show: which they are, their mean as weights, what is visible, how a weight is written. */
export function makeHeads(ui) {
  const { get } = ui;
  const store = makeStore(ui);
  const heads = { weights: null, stale: false, shown: [] };
  addUnits(ui, heads);
  let weightsKey = "";
  heads.perLayer = () => get("tiles")?.per_layer;
  heads.list = () => {
    const list = [[get("layer"), heads.perLayer() ? 0 : get("head")]];
    for (const [layer, head] of get("heads") || []) {
      if (!list.some(at => sameHead(at, layer, head))) list.push([layer, head]);
    }
    return list;
  };
  heads.title = () => {
    const list = heads.list();
    if (heads.perLayer()) return say("Layer {layer}", { layer: list.map(at => at[0]).join(", ") });
    if (list.length === 1) return say("Head {head}", { head: headName(...list[0]) });
    const names = list.slice(0, 6).map(at => headName(...at));
    return say("Mean of heads {heads}", { heads: `${names.join(", ")}${list.length > 6 ? " …" : ""}` });
  };
  heads.prefetch = (layer, head) => {
    const at = heads.perLayer() ? 0 : head;
    if (get("tiles").key === store.key() && !store.get(layer, at)) store.fetch(layer, at);
  };
  heads.adopt = () => {
    const block = get("block");
    const { key } = get("tiles");
    if (block?.key === key && (store.key() !== key || !store.blocks.size)) store.adopt(block, block.bytes);
    store.begin(key);
  };
  /** Bring `weights` up to date; true where there are some to draw, fresh or (while new ones come) stale. */
  heads.prepare = () => {
    const tiles = get("tiles");
    const list = heads.list();
    const maps = list.map(([layer, head]) => store.get(layer, head));
    heads.stale = maps.some(map => !map);
    list.forEach(([layer, head], i) => maps[i] || store.fetch(layer, head));
    if (heads.stale) return heads.weights !== null && heads.shown.length === tiles.tokens;
    const hide = get("hide_special");
    const refill = get("renormalise") && !tiles.signed;
    const key = [store.key(), JSON.stringify(list), hide, refill].join("/");
    if (key === weightsKey) return true;
    heads.shown = heads.units().map(token => !(hide && token.special));
    heads.weights = combine(maps, tiles.tokens, tiles.signed ? SIGNED : WEIGHT, heads.shown, refill);
    weightsKey = key;
    return true;
  };
  heads.rows = () => heads.shown.flatMap((on, i) => (on ? [i] : []));
  const saturated = w => {
    const beyond = get("tiles").beyond || [];
    return Math.abs(w) > 0.99 && heads.list().some(([layer, head]) => beyond.some(at => sameHead(at, layer, head)));
  };
  /** A weight of the map in words, to the precision with which it travelled. */
  heads.written = w => {
    const { signed, top } = get("tiles");
    if (signed) {
      const weight = `${w < 0 ? "−" : "+"}${number(Math.abs(w) * Number(top), 2)}`;
      return saturated(w) ? say("more than {weight}", { weight }) : `≈ ${weight}`;
    }
    return top === "1" ? `≈ ${percent(w)}` : `≈ ${number(w * Number(top), 2)}`;
  };
  heads.goTo = (layer, head, add) => {
    heads.prefetch(layer, head);
    if (!add) {
      ui.setAll({ layer, head, heads: [] });
      return;
    }
    const list = heads.list();
    const there = list.some(at => sameHead(at, layer, head));
    const next = there ? list.filter(at => !sameHead(at, layer, head)) : [...list, [layer, head]];
    if (!next.length) return;
    const [first, ...rest] = next;
    ui.setAll({ layer: first[0], head: first[1], heads: rest });
  };
  heads.toggle = (layer, head) => {
    const gone = (get("tiles").gone || []).some(at => sameHead(at, layer, head));
    if (heads.perLayer() || ui.model.standalone || gone) return;
    const off = get("ablated") || [];
    const isOff = off.some(at => sameHead(at, layer, head));
    ui.set("ablated", isOff ? off.filter(at => !sameHead(at, layer, head)) : [...off, [layer, head]]);
  };
  return heads;
}
