// Heads and neurons as switches, and the game: another first choice with as few as may be.
import { makeCells, scaleBar } from "../kit/cells.js";
import { bidi, h, textButton } from "../kit/dom.js";
import { mark, say, sayN } from "../kit/language.js";
import { number } from "../kit/numbers.js";
import { wordBars } from "./words.js";

const METHODS = [
  ["zero", mark("nothing (zero)")],
  ["mean", mark("its mean over this text")],
  ["corpus", mark("its mean over many sentences")],
  ["uniform", mark("an even look at all tokens")],
];

/** The score of the game in words. */
export function score(view) {
  const switches = view.broken
    ? sayN("Broken with {count} switch", "Broken with {count} switches", view.off)
    : sayN("{count} switch", "{count} switches", view.off);
  return `${switches} · ${againstPar(view)}`;
}

function againstPar({ par, off, broken, given_up }) {
  if (!par) return given_up ? say("no par: the greedy player gave up") : say("par is being sought");
  if (!broken) return say("par {count}", { count: par });
  if (off === par) return say("par");
  return off < par ? say("{count} under par!", { count: par - off }) : say("{count} over par", { count: off - par });
}

function toggled(list, pair) {
  const rest = list.filter(one => String(one) !== String(pair));
  return rest.length < list.length ? rest : [...list, pair].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

function neuronSwitches(ui, view) {
  const off = new Set((ui.get("neurons") || []).map(String));
  const alone = Boolean(ui.model.standalone);
  const one = ([layer, neuron, words]) => {
    const down = off.has(String([layer, neuron]));
    const onclick = alone ? null : () => ui.set("neurons", toggled(ui.get("neurons") || [], [layer, neuron]));
    const attributes = { type: "button", "aria-pressed": String(down), disabled: alone, onclick };
    const name = h("b", {}, `${layer}.${neuron}`);
    const said = words.length ? h("span.muted", {}, " ", bidi(words.slice(0, 2).join(", "))) : "";
    return h(
      "button.neuron",
      { ...attributes, title: down ? say("off: switch it on") : say("switch it off") },
      down ? "× " : "",
      name,
      said,
    );
  };
  const field = h("input", {
    type: "text",
    "aria-label": say("Another neuron, as layer.number"),
    placeholder: say("layer.number"),
    size: "9",
  });
  field.addEventListener("change", () => {
    const [layer, neuron] = field.value.split(".").map(Number);
    if (Number.isInteger(layer) && Number.isInteger(neuron)) {
      ui.set("neurons", toggled(ui.get("neurons") || [], [layer, neuron]));
      field.value = "";
    }
  });
  const title = say("Neurons that speak for it most, by one gradient (with words that each promotes)");
  return [h("h4.apart", {}, title), h("div.neurons", {}, ...view.offered.map(one), alone ? "" : field)];
}

function wayMenu(ui) {
  const onchange = () => ui.set("ablation", METHODS[menu.selectedIndex][0]);
  const options = METHODS.map(([, text]) => h("option", {}, say(text)));
  const menu = h("select", { "aria-label": say("A switched-off head gives"), onchange }, ...options);
  const show = () => {
    menu.selectedIndex = METHODS.findIndex(([value]) => value === ui.get("ablation"));
  };
  ui.on(["ablation"], show);
  show();
  return h("label", {}, h("span", {}, say("A head that is off gives")), menu);
}

export function switchesLook(ui) {
  const { get } = ui;
  const alone = Boolean(ui.model.standalone);
  const box = h("div.map");
  const legend = h("div");
  const left = h("div");
  const right = h("div");
  const game = h("div.game");
  const press = ([layer, head]) => {
    const gone = (get("view").gone || []).some(pair => String(pair) === String([layer, head]));
    if (gone || alone) return;
    ui.setAll({ layer, head, ablated: toggled(get("ablated") || [], [layer, head]) });
  };
  const cells = makeCells(ui, {
    label: say("Heads as switches, row: layer, column: head"),
    press,
    move: ([layer, head]) => ui.setAll({ layer, head }),
    tell([layer, head]) {
      const margin = get("view").margins?.[layer]?.[head];
      if (margin === null || margin === undefined) return say("head {layer}.{head}", { layer, head });
      const ahead = number(margin, 2);
      return say("head {layer}.{head}: alone it leaves {ahead} logits ahead", { layer, head, ahead });
    },
  });
  box.append(cells.canvas);
  left.append(h("h4", {}, say("Heads (row: layer, column: head): click to switch off")), box, legend);
  const neurons = h("div");
  left.append(neurons);
  const columns = h("div.two", {}, left, right);
  function draw(view) {
    const [rows, count] = [view.layers, view.heads];
    const off = (get("ablated") || []).map(String);
    const gone = new Set((view.gone || []).map(String));
    const hinted = view.margins?.length;
    const values = Array.from({ length: rows * count }, (_, i) => {
      const pair = [Math.floor(i / count), i % count];
      if (gone.has(String(pair))) return null;
      if (hinted) return (view.margins[pair[0]][pair[1]] ?? view.margin) - view.margin;
      return off.includes(String(pair)) ? 0 : 0.35;
    });
    const top = hinted ? Math.max(0.01, ...values.map(value => Math.abs(value ?? 0))) : 1;
    const data = {
      rowNames: Array.from({ length: rows }, (_, i) => String(i)),
      columnNames: Array.from({ length: count }, (_, i) => String(i)),
      values,
      signed: Boolean(hinted),
      top,
      largest: 30,
      square: true,
      crossed: [...(get("ablated") || []), ...(view.gone || [])],
      selected: [get("layer"), get("head")],
      cursor: [get("layer"), get("head")],
      summary: say("{count} off. Arrows move, Space switches.", { count: view.off }),
    };
    cells.draw(data, box.clientWidth || 420, Math.max(90, ui.stageHeight() - 150 * ui.scale()));
    const text = say("change of the lead over the next word, in logits, without this head alone");
    const bar = () => scaleBar(ui, { signed: true, low: `−${number(top, 2)}`, high: number(top, 2), text });
    legend.replaceChildren(hinted ? bar() : "");
    neurons.replaceChildren(...neuronSwitches(ui, view));
    game.className = view.broken ? "game broken" : "game";
    const all = textButton(say("All on"), () => ui.setAll({ ablated: [], neurons: [] }), { disabled: !view.off });
    const hint = textButton(get("hint") ? say("Hide the hint") : say("Hint"), () => ui.set("hint", !get("hint")));
    const solve = textButton(say("Show a solution"), () => ui.call("give_up").catch(() => {}), { disabled: !view.par });
    game.replaceChildren(h("b", {}, score(view)), ...(alone ? [] : [all, hint, solve]));
    right.replaceChildren(game, wordBars(ui, view, say("As it is switched now"), say("everything on")));
  }
  const controls = alone ? [] : [h("span", {}, wayMenu(ui))];
  return { parts: [columns], controls, draw };
}
