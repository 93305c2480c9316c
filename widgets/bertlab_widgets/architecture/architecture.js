// The architecture as a map: the parts with the sentence's way through them, what is inside one, everything about one
// place; and two other looks, all tensors and the memory.
import { tabs } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { drawDetail } from "./detail.js";
import { insideOf } from "./inside.js";
import { nextIn } from "./pure.js";
import { stackOf } from "./stack.js";
import { memoryTable, tensorTable } from "./tables.js";

const LOOKS = [
  ["map", mark("Map")],
  ["tensors", mark("All tensors")],
  ["memory", mark("Memory")],
];
const FACETS = [
  ["numbers", mark("Numbers")],
  ["source", mark("Source")],
];
const named = choices => choices.map(([value, name]) => [value, say(name)]);

/** Whether there is a kernel; an exported page holds every place of the map, and neither sources nor other models. */
const canCompute = ui => !ui.model.standalone;

/** The menu of models: documented classes on the lab's weights, then the models of its tasks. */
function kindMenu(ui) {
  const menu = h("select", { "aria-label": say("Model"), onchange: () => ui.set("kind", menu.value) });
  let known = "";
  const show = () => {
    const choices = ui.get("view")?.kinds || [];
    if (JSON.stringify(choices) !== known) {
      known = JSON.stringify(choices);
      menu.replaceChildren(...choices.map(([value, text]) => h("option", { value }, text)));
    }
    menu.value = ui.get("kind");
    menu.disabled = !canCompute(ui);
  };
  ui.on(["view", "kind"], show);
  show();
  return h("label", {}, h("span", {}, say("Model")), menu);
}

function mapStage(ui) {
  const { get } = ui;
  const stack = h("div.stack.scroll");
  const inside = h("div.inside.scroll");
  const facets = canCompute(ui) ? tabs(ui, "facet", named(FACETS), say("What is shown of the chosen place")) : null;
  const detail = h("div.detail.scroll", { tabindex: "0", "aria-label": say("The chosen place") });
  const map = h("div.map", {}, stack, inside, h("div.place", {}, facets, detail));
  const other = h("div.scroll", { tabindex: "0", "aria-label": say("Table") });
  const out = { type: "button", class: "text-button", onclick: () => ui.set("path", "") };
  const whole = h("button", out, say("Whole model"));
  let shown = null;
  ui.controls.append(tabs(ui, "look", named(LOOKS), say("What the stage shows")), kindMenu(ui), whole);
  return () => {
    const view = get("view");
    const held = document.activeElement?.dataset?.path;
    const column = [stack, inside].find(one => one.contains(document.activeElement));
    if (view.empty) ui.stage.replaceChildren(ui.invite());
    else if (view.look !== "map") {
      other.replaceChildren(...(view.look === "memory" ? memoryTable(view) : tensorTable(ui, view, canCompute(ui))));
      if (!other.isConnected) ui.stage.replaceChildren(other);
    } else {
      stack.replaceChildren(stackOf(ui, view));
      inside.replaceChildren(...insideOf(ui, view));
      detail.replaceChildren(...drawDetail(ui, view.detail));
      if (!map.isConnected) ui.stage.replaceChildren(map);
      if (column) column.querySelector(`[data-path="${CSS.escape(held ?? "")}"]`)?.focus();
      for (const one of [stack, inside]) bringIntoSight(one, '[aria-pressed="true"]');
      if (view.detail.path !== shown || get("facet") === "source") detail.scrollTop = 0;
      bringIntoSight(detail, "mark");
      shown = view.detail.path;
    }
    whole.disabled = view.look !== "map" || !get("path");
  };
}

/** Scroll a column, and nothing else, until the first of these is in sight. */
function bringIntoSight(column, wanted) {
  const chosen = column.querySelector(wanted);
  if (!chosen) return;
  const [box, frame] = [chosen.getBoundingClientRect(), column.getBoundingClientRect()];
  const head = 24;
  if (box.top < frame.top + head) column.scrollTop -= frame.top + head - box.top;
  else if (box.bottom > frame.bottom - head) column.scrollTop += box.bottom - frame.bottom + head;
}

/** Up and down through a column, right into the part, left back to the parts; what is reached is chosen. */
function walk(event, ui) {
  const at = document.activeElement;
  const column = at?.closest?.(".stack, .inside");
  if (!column) return false;
  const entries = [...column.querySelectorAll("[data-path]")];
  const next = nextIn(event.key, entries.indexOf(at), entries.length, column.matches(".inside"));
  if (next === null) {
    const over = { ArrowRight: ".inside", ArrowLeft: ".stack" }[event.key];
    const target = over && ui.stage.querySelector(`${over} [data-path][tabindex="0"]`);
    target?.focus();
    return Boolean(target);
  }
  entries[next].focus();
  ui.set("path", entries[next].dataset.path);
  return true;
}

export const spec = {
  name: "architecture",
  height: 420,
  stage: mapStage,
  keys: [
    ["↑ ↓", mark("through the parts, or through what is inside one")],
    ["→ ←", mark("into the part, and back")],
    ["s", mark("source or numbers of the chosen place")],
    ["1, 2, 3", mark("Map, All tensors, Memory")],
    ["Esc", mark("out to what holds the chosen place")],
  ],
  onKey(event, ui) {
    if (walk(event, ui)) return true;
    if (event.key === "s" && canCompute(ui)) ui.set("facet", ui.get("facet") === "source" ? "numbers" : "source");
    else if (event.key === "Escape" && event.target.closest?.(".map") && ui.get("path")) {
      ui.set("path", ui.get("view").detail?.above ?? "");
    } else if (LOOKS[Number(event.key) - 1]) ui.set("look", LOOKS[Number(event.key) - 1][0]);
    else return false;
    return true;
  },
};
