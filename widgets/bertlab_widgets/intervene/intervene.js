// Acting upon a prediction: the look that is chosen fills the stage; what all looks share is here.
import { select } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { lookKey, lookStage, sayTexts } from "../kit/looks.js";
import { causalLook } from "./causal.js";
import { edgesLook } from "./edges.js";
import { patchLook } from "./patch.js";
import { pruneLook } from "./prune.js";
import { reasonsLook } from "./reasons.js";
import { switchesLook } from "./switches.js";

const LOOKS = [
  ["patch", mark("Patch"), patchLook],
  ["edges", mark("Cut edges"), edgesLook],
  ["switches", mark("Switches"), switchesLook],
  ["prune", mark("Prune"), pruneLook],
  ["explain", mark("Is attention explanation?"), reasonsLook],
  ["causal", mark("Both sides or left"), causalLook],
];
const MEASURES = [
  ["probability", mark("probability")],
  ["log_probability", mark("log-probability")],
  ["logit", mark("logit")],
];

/** A field that is asked for a word of the vocabulary; empty stands for the model's own first choice. */
function wordField(ui) {
  const attributes = { type: "text", "aria-label": say("Word that is followed"), placeholder: say("its first choice") };
  const field = h("input", { ...attributes, size: "12", dir: "auto", spellcheck: "false" });
  field.addEventListener("change", () => ui.set("word", field.value.trim()));
  const show = () => {
    if (document.activeElement !== field) field.value = ui.get("word");
  };
  ui.on(["word"], show);
  show();
  return h("label", {}, h("span", {}, say("Follow")), field);
}

function interveneStage(ui) {
  const alone = Boolean(ui.model.standalone);
  const looks = lookStage(ui, LOOKS, "intervene");
  const stopped = h("div.stopped", { hidden: true }, say("Stopped half-way."), " ");
  stopped.append(textButton(say("Go on"), () => ui.call("go_on").catch(() => {})));
  ui.stage.append(looks.body, looks.other, stopped);
  const measure = select(ui, "measure", sayTexts(MEASURES), say("Measured as"));
  const more = h("details", {}, h("summary", {}, say("More")), h("div.controls", {}, wordField(ui), measure));
  ui.controls.append(...looks.controls, alone ? "" : more);
  return names => {
    stopped.hidden = !ui.get("view").stopped;
    looks.draw(names);
  };
}

export const spec = {
  name: "intervene",
  height: 330,
  stage: interveneStage,
  keys: [
    ["1 … 6", mark("Patch, Cut edges, Switches, Prune, Is attention explanation?, Both sides or left")],
    [mark("Arrows on a map"), mark("another cell, head or place")],
    [mark("Space or Enter on a map"), mark("choose the cell, cut the edge, switch the head")],
    ["m", mark("mask the selected words, or show them again")],
    ["h", mark("hint: what each head alone would do (Switches)")],
  ],
  onKey(event, ui) {
    if (lookKey(event, ui, LOOKS)) return true;
    if (event.key === "m") ui.call("mask_selected").catch(() => {});
    else if (event.key === "h") ui.set("hint", !ui.get("hint"));
    else return false;
    return true;
  },
};
