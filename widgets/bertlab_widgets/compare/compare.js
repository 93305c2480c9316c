// Two models on one text, or two texts in one model: by layer and head, attention, hidden states, predictions.
import { select } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { lookKey, lookStage, sayTexts } from "../kit/looks.js";
import { attentionLook } from "./attention.js";
import { hiddenLook } from "./hidden.js";
import { overviewLook } from "./overview.js";
import { predictionsLook } from "./predictions.js";

const LOOKS = [
  ["overview", mark("By layer and head"), overviewLook],
  ["attention", mark("Attention"), attentionLook],
  ["hidden", mark("Hidden states"), hiddenLook],
  ["predictions", mark("Predictions"), predictionsLook],
];
const AGAINST = [
  ["model", mark("another model")],
  ["text", mark("another text")],
];
const ELSEWHERE = "\u0000";

/** The other model: one of those at hand, or the name of one elsewhere. */
function modelChooser(ui) {
  const { get } = ui;
  const menu = h("select", { "aria-label": say("The other model") });
  const placeholder = say("a folder, or a name on the Hub");
  const label = say("Folder or name of a model on the Hub");
  const field = h("input", { type: "text", "aria-label": label, placeholder, size: "28" });
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
    menu.replaceChildren(...options, h("option", { value: ELSEWHERE }, say("a model from elsewhere …")));
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
  const placeholder = say("A text to compare with");
  const attributes = { type: "text", "aria-label": say("Second text"), placeholder, dir: "auto" };
  const text = h("input", { ...attributes, maxlength: 20000, spellcheck: "false" });
  text.addEventListener("change", () => ui.set("other_text", text.value));
  const names = h("span.muted");
  const chosen = select(ui, "against", sayTexts(AGAINST), say("B is"));
  const line = alone ? names : h("div.against", {}, chosen, model, text);
  function draw(view) {
    const second = ui.get("against") === "text";
    model.hidden = second;
    text.hidden = !second;
    if (document.activeElement !== text) text.value = ui.get("other_text");
    if (!alone) return;
    const [a, b] = view.names ?? ["", ""];
    names.textContent = second ? say("B: {text}", { text: ui.get("other_text") }) : say("A: {a}, B: {b}", { a, b });
  }
  return { element: line, draw };
}

function compareStage(ui) {
  const against = againstLine(ui);
  const looks = lookStage(ui, LOOKS, "compare");
  ui.stage.append(against.element, looks.body, looks.other);
  ui.controls.append(...looks.controls);
  return names => {
    against.draw(ui.get("view"));
    looks.draw(names);
  };
}

export const spec = {
  name: "compare",
  height: 320,
  stage: compareStage,
  keys: [
    ["1 … 4", mark("By layer and head, Attention, Hidden states, Predictions")],
    [mark("Arrows on a map"), mark("another head or cell")],
    ["a, b, d", mark("A alone, B alone, the difference (Attention)")],
  ],
  onKey(event, ui) {
    if (lookKey(event, ui, LOOKS)) return true;
    const side = { a: "a", b: "b", d: "difference" }[event.key];
    if (!side || ui.model.standalone) return false;
    ui.set("side", side);
    return true;
  },
};
