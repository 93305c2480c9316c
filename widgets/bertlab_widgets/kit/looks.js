// A stage of several looks: tabs choose one, each look brings its parts and controls, and the chosen one is drawn.
import { tabs } from "./controls.js";
import { h } from "./dom.js";
import { say } from "./language.js";

/** Choices with their texts said: [[value, text], ...]. */
export const sayTexts = choices => choices.map(([value, text]) => [value, say(text)]);

/** Whether a look can be shown: an exported page holds those alone that it kept. */
function held(ui, name) {
  const kept = ui.get("kept_looks") || [];
  return !ui.model.standalone || !kept.length || kept.includes(name);
}

/**
 * `looks` is [[name, label, make(ui)], ...]; a look is {parts, controls, draw(view, names, nothing), draws_problems}:
 * one that draws problems stays on the stage, with `nothing` true, where the view holds one. Gives {body, other,
 * controls, draw(names)}: `other` stands in place of `body` where there is nothing to draw.
 */
export function lookStage(ui, looks, kind) {
  const body = h(`div.${kind}`);
  const other = h("div", { hidden: true });
  const made = Object.fromEntries(looks.map(([name, , make]) => [name, make(ui)]));
  const offered = sayTexts(looks.filter(([name]) => held(ui, name)));
  const choice = tabs(ui, "look", offered, say("What the stage shows"));
  let shown = null;
  function draw(names) {
    const view = ui.get("view");
    const name = view.look ?? ui.get("look");
    const look = made[name];
    for (const one of Object.values(made)) for (const control of one.controls) control.hidden = one !== look;
    const nothing = Boolean(view.empty || view.problem);
    body.hidden = nothing && !look.draws_problems;
    other.hidden = !nothing;
    if (nothing) {
      const problem = () => h("div.invitation", {}, h("span", {}, view.problem));
      other.replaceChildren(view.empty ? ui.invite() : problem());
    }
    if (body.hidden) return;
    if (shown !== name) body.replaceChildren(...look.parts);
    shown = body.dataset.look = name;
    look.draw(view, names, nothing);
  }
  return { body, other, controls: [choice, ...Object.values(made).flatMap(look => look.controls)], draw };
}

/** Keys 1, 2, ... choose a look, Escape lets go of the chosen cell; true where the key was one of these. */
export function lookKey(event, ui, looks) {
  const look = looks[Number(event.key) - 1]?.[0];
  if (look && held(ui, look)) ui.set("look", look);
  else if (event.key === "Escape" && (ui.get("cell") || []).length) ui.set("cell", []);
  else return Boolean(look);
  return true;
}
