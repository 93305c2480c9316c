// Two models on one text, or two texts in one model: by layer and head, attention, hidden states, predictions.
import { select, tabs } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { attentionLook } from "./attention.js";
import { hiddenLook } from "./hidden.js";
import { overviewLook } from "./overview.js";
import { predictionsLook } from "./predictions.js";

const LOOKS = [
  ["overview", "By layer and head", overviewLook],
  ["attention", "Attention", attentionLook],
  ["hidden", "Hidden states", hiddenLook],
  ["predictions", "Predictions", predictionsLook],
];
const AGAINST = [
  ["model", "another model"],
  ["text", "another text"],
];
const ELSEWHERE = "\u0000";

/** The other model: one of those at hand, or the name of one elsewhere. */
function modelChooser(ui) {
  const { get } = ui;
  const menu = h("select", { "aria-label": "The other model" });
  const placeholder = "a folder, or a name on the Hub";
  const field = h("input", {
    type: "text",
    "aria-label": "Folder or name of a model on the Hub",
    placeholder,
    size: "28",
  });
  let elsewhere = false;
  menu.addEventListener("change", () => {
    elsewhere = menu.value === ELSEWHERE;
    if (!elsewhere) ui.set("other", menu.value);
    show();
    if (elsewhere) field.focus();
  });
  field.addEventListener("change", () => {
    if (field.value.trim()) ui.set("other", field.value.trim());
  });
  function show() {
    const others = get("others") || [];
    const now = get("other_now");
    const known = others.some(([value]) => value === now);
    const options = others.map(([value, text]) => h("option", { value }, text));
    menu.replaceChildren(...options, h("option", { value: ELSEWHERE }, "a model from elsewhere …"));
    const far = elsewhere || (!known && Boolean(now)) || !others.length;
    menu.value = far ? ELSEWHERE : now;
    field.hidden = !far;
    if (document.activeElement !== field) field.value = known ? "" : now;
  }
  ui.on(["others", "other_now", "other"], () => {
    if (get("other")) elsewhere = false;
    show();
  });
  show();
  return h("span.chooser", {}, menu, " ", field);
}

/** The line above the stage: what A is held against. */
function againstLine(ui) {
  const alone = Boolean(ui.model.standalone);
  const model = modelChooser(ui);
  const attributes = { type: "text", "aria-label": "Second text", placeholder: "A text to compare with", dir: "auto" };
  const text = h("input", { ...attributes, maxlength: 20000, spellcheck: "false" });
  text.addEventListener("change", () => ui.set("other_text", text.value));
  const names = h("span.muted");
  const line = alone ? names : h("div.against", {}, select(ui, "against", AGAINST, "B is"), model, text);
  function draw(view) {
    const second = ui.get("against") === "text";
    model.hidden = second;
    text.hidden = !second;
    if (document.activeElement !== text) text.value = ui.get("other_text");
    if (alone)
      names.textContent = second ? `B: ${ui.get("other_text")}` : `A: ${view.names?.[0]}, B: ${view.names?.[1]}`;
  }
  return { element: line, draw };
}

function compareStage(ui) {
  const { get } = ui;
  const alone = Boolean(ui.model.standalone);
  const against = againstLine(ui);
  const body = h("div.compare");
  const other = h("div", { hidden: true });
  ui.stage.append(against.element, body, other);
  const looks = Object.fromEntries(LOOKS.map(([name, , make]) => [name, make(ui)]));
  const kept = get("kept_looks") || [];
  const offered = alone && kept.length ? LOOKS.filter(([name]) => kept.includes(name)) : LOOKS;
  const choices = offered.map(([name, text]) => [name, text]);
  ui.controls.append(tabs(ui, "look", choices, "What the stage shows"));
  for (const look of Object.values(looks)) ui.controls.append(...look.controls);
  let shown = null;
  return () => {
    const view = get("view");
    const look = view.look ?? get("look");
    for (const [name, one] of Object.entries(looks)) {
      for (const control of one.controls) control.hidden = name !== look;
    }
    against.draw(view);
    const nothing = Boolean(view.empty || view.problem);
    body.hidden = nothing;
    other.hidden = !nothing;
    if (nothing) {
      other.replaceChildren(view.empty ? ui.invite() : h("div.invitation", {}, h("span", {}, view.problem)));
      return;
    }
    if (shown !== look) body.replaceChildren(...looks[look].parts);
    shown = look;
    looks[look].draw(view);
  };
}

export const spec = {
  name: "compare",
  height: 320,
  stage: compareStage,
  keys: [
    ["1 … 4", LOOKS.map(([, name]) => name).join(", ")],
    ["Arrows on a map", "another head or cell"],
    ["a, b, d", "A alone, B alone, the difference (Attention)"],
  ],
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1]?.[0];
    const kept = ui.get("kept_looks") || [];
    if (look && ui.model.standalone && !kept.includes(look)) return true;
    const side = { a: "a", b: "b", d: "difference" }[event.key];
    if (look) ui.set("look", look);
    else if (side && !ui.model.standalone) ui.set("side", side);
    else if (event.key === "Escape" && (ui.get("cell") || []).length) ui.set("cell", []);
    else return false;
    return true;
  },
};
