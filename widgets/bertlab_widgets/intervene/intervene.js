// Acting upon a prediction: the look that is chosen fills the stage; what all looks share is here.
import { select, tabs } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { causalLook } from "./causal.js";
import { edgesLook } from "./edges.js";
import { patchLook } from "./patch.js";
import { pruneLook } from "./prune.js";
import { reasonsLook } from "./reasons.js";
import { switchesLook } from "./switches.js";

const LOOKS = [
  ["patch", "Patch", patchLook],
  ["edges", "Cut edges", edgesLook],
  ["switches", "Switches", switchesLook],
  ["prune", "Prune", pruneLook],
  ["explain", "Is attention explanation?", reasonsLook],
  ["causal", "Both sides or left", causalLook],
];
const MEASURES = [
  ["probability", "probability"],
  ["log_probability", "log-probability"],
  ["logit", "logit"],
];

/** A field that is asked for a word of the vocabulary; empty stands for the model's own first choice. */
function wordField(ui) {
  const attributes = { type: "text", "aria-label": "Word that is followed", placeholder: "its first choice" };
  const field = h("input", { ...attributes, size: "12", dir: "auto", spellcheck: "false" });
  field.addEventListener("change", () => ui.set("word", field.value.trim()));
  const show = () => {
    if (document.activeElement !== field) field.value = ui.get("word");
  };
  ui.on(["word"], show);
  show();
  return h("label", {}, h("span", {}, "Follow"), field);
}

function fillControls(ui, looks) {
  const alone = Boolean(ui.model.standalone);
  const kept = ui.get("kept_looks") || [];
  const offered = alone && kept.length ? LOOKS.filter(([name]) => kept.includes(name)) : LOOKS;
  const choices = offered.map(([name, text]) => [name, text]);
  const more = h(
    "details",
    {},
    h("summary", {}, "More"),
    h("div.controls", {}, wordField(ui), select(ui, "measure", MEASURES, "Measured as")),
  );
  ui.controls.append(
    tabs(ui, "look", choices, "What the stage shows"),
    ...Object.values(looks).flatMap(look => look.controls),
    alone ? "" : more,
  );
}

/** What stands on the stage while there is nothing to draw. */
function instead(ui, view) {
  if (view.empty) return ui.invite();
  return h("div.invitation", {}, h("span", {}, view.problem));
}

function interveneStage(ui) {
  const { get } = ui;
  const body = h("div.intervene");
  const other = h("div", { hidden: true });
  const stopped = h("div.stopped", { hidden: true });
  ui.stage.append(body, other, stopped);
  const looks = Object.fromEntries(LOOKS.map(([name, , make]) => [name, make(ui)]));
  fillControls(ui, looks);
  stopped.append(
    "Stopped half-way. ",
    textButton("Go on", () => ui.call("go_on").catch(() => {})),
  );
  let shown = null;
  return names => {
    const view = get("view");
    const look = view.look ?? get("look");
    for (const [name, one] of Object.entries(looks)) {
      for (const control of one.controls) control.hidden = name !== look;
    }
    const nothing = Boolean(view.empty || view.problem);
    body.hidden = nothing && !looks[look].draws_problems;
    other.hidden = !nothing;
    stopped.hidden = !view.stopped;
    if (nothing) other.replaceChildren(instead(ui, view));
    if (body.hidden) return;
    if (shown !== look) body.replaceChildren(...looks[look].parts);
    shown = look;
    body.dataset.look = look;
    looks[look].draw(view, names, nothing);
  };
}

export const spec = {
  name: "intervene",
  height: 330,
  stage: interveneStage,
  keys: [
    ["1 … 6", LOOKS.map(([, name]) => name).join(", ")],
    ["Arrows on a map", "another cell, head or place"],
    ["Space or Enter on a map", "choose the cell, cut the edge, switch the head"],
    ["m", "mask the selected words, or show them again"],
    ["h", "hint: what each head alone would do (Switches)"],
  ],
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1]?.[0];
    const kept = ui.get("kept_looks") || [];
    if (look && ui.model.standalone && !kept.includes(look)) return true;
    if (look) ui.set("look", look);
    else if (event.key === "m") ui.call("mask_selected").catch(() => {});
    else if (event.key === "h") ui.set("hint", !ui.get("hint"));
    else if (event.key === "Escape" && (ui.get("cell") || []).length) ui.set("cell", []);
    else return false;
    return true;
  },
};
