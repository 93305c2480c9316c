// Panels over hidden states: a slider over them, tabs of looks, controls of each look, and the keys of these.
import { tabs } from "./controls.js";
import { say } from "./language.js";
import { moveState, stateSlider } from "./layers.js";

/**
 * Tabs, the slider and `parts`, [[element, looks that it belongs to], ...]; the slider is away in the looks `without`.
 * An exported page holds one look at every hidden state, so that it has the slider alone.
 */
export function stateControls(ui, looks, parts, without = []) {
  const slider = stateSlider(ui, "hidden_state", say("Vectors"), () => ui.get("view").layers || 1);
  if (ui.model.standalone) {
    ui.controls.append(slider);
    return;
  }
  const show = () => {
    const look = ui.get("look");
    for (const [element, own] of parts) element.hidden = !own.includes(look);
    slider.hidden = without.includes(look);
  };
  ui.on(["look"], show);
  show();
  const offered = looks.map(([value, text]) => [value, say(text)]);
  const choice = tabs(ui, "look", offered, say("What the stage shows"));
  ui.controls.append(choice, slider, ...parts.map(([element]) => element));
}

/** [ and ] lead a layer down and up, 1, 2, ... to a look; true where the key was one of these. */
export function stateKey(event, ui, looks) {
  const step = { "[": -1, "]": 1 }[event.key];
  const look = looks[Number(event.key) - 1]?.[0];
  if (step) moveState(ui, "hidden_state", ui.get("view").layers || 1, step);
  else if (look && !ui.model.standalone) ui.set("look", look);
  else return false;
  return true;
}
