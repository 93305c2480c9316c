// What the first layer gets: the three vectors of each token as they add up, how alike positions are, what another
// order of the words does, and the words with vectors like its own.
import { numberField, select, tabs } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { neighboursLook } from "./neighbours.js";
import { orderLook } from "./order.js";
import { partsLook } from "./parts.js";
import { positionsLook } from "./positions.js";

const LOOKS = [
  ["parts", mark("Parts")],
  ["positions", mark("Positions")],
  ["order", mark("Order of words")],
  ["neighbours", mark("Nearest words")],
];
const ORDERS = [
  ["shuffled", mark("shuffled")],
  ["reversed", mark("reversed")],
  ["swapped", mark("two words swapped")],
];

const said = choices => choices.map(([value, text]) => [value, say(text)]);

/** The controls of each look; only those of the one that is shown are there. */
function controlsOf(ui) {
  const again = textButton(say("Shuffle again"), () => ui.setAll({ arrange: "shuffled", seed: ui.get("seed") + 1 }));
  const own = {
    positions: [numberField(ui, "position", say("Position"), { low: 0, high: 100000 })],
    order: [select(ui, "arrange", said(ORDERS), say("Words")), again],
    neighbours: [
      select(
        ui,
        "count",
        [5, 10, 20, 30].map(n => [n, String(n)]),
        say("Words"),
      ),
    ],
  };
  const groups = Object.entries(own).map(([look, parts]) => [look, h("span.own", {}, ...parts)]);
  const show = () => {
    for (const [look, group] of groups) group.hidden = look !== ui.get("look");
  };
  ui.on(["look"], show);
  show();
  ui.controls.append(tabs(ui, "look", said(LOOKS), say("What the stage shows")), ...groups.map(([, group]) => group));
}

function stage(ui) {
  const body = h("div.scroll", { tabindex: "0", "aria-label": say("What the first layer gets") });
  ui.stage.append(body);
  controlsOf(ui);
  const positions = positionsLook(ui);
  const draw = { parts: partsLook, positions, order: orderLook, neighbours: neighboursLook };
  return () => {
    const view = ui.get("view");
    const focus = body.contains(document.activeElement) ? document.activeElement : null;
    const held = focus?.dataset?.place;
    body.replaceChildren(...(view.empty ? [ui.invite()] : draw[view.look](ui, view)));
    if (view.look === "positions") positions.paint();
    if (view.look === "parts") partsLook.paint(ui, body, view);
    if (focus?.isConnected) focus.focus();
    else if (held !== undefined) body.querySelector(`[data-place="${held}"]`)?.focus();
  };
}

export const spec = {
  name: "embedding",
  height: 420,
  stage,
  keys: [
    ["1 … 4", mark("Parts, Positions, Order of words, Nearest words")],
    ["↑ ↓", mark("another position, where positions are shown")],
  ],
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1];
    if (look) ui.set("look", look[0]);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!look && step && ui.get("look") === "positions" && ui.get("view").size) {
      ui.set("position", Math.max(0, Math.min(ui.get("view").size - 1, ui.get("position") + step)));
      return true;
    }
    return Boolean(look);
  },
};
