// The tasks as tabs above the stage, and what belongs to the one that is open below it.
import { numberField } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { mark, say, sayN } from "../kit/language.js";

const SEARCHES = [
  ["greedy", mark("greedy")],
  ["sample", mark("sampling")],
  ["beam", mark("beam search")],
];
const METHODS = [
  ["off", mark("off")],
  ["occlusion", mark("occlusion")],
  ["gradient", mark("gradient × input")],
  ["integrated", mark("integrated gradients")],
];
const SHAPES = [
  ["lines", mark("lines")],
  ["matrix", mark("matrix")],
];
const SIDES = [
  ["start", mark("the start")],
  ["end", mark("the end")],
];
const said = choices => choices.map(([value, name]) => [value, say(name)]);
const TRAITS =
  "count search use_cache new_tokens temperature top_k top_p beams draw window_size stride attribution explained " +
  "side longest cross_layer cross_head alignment words";

/** A row of tabs, one a task; those whose head was never trained have a mark. */
export function taskTabs(ui) {
  const { get } = ui;
  const list = h("div.tasks", { role: "tablist", "aria-label": say("Task") });
  const focusChosen = () => list.querySelector('[aria-selected="true"]')?.focus();
  list.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = get("tasks").map(([name]) => name);
    ui.set("task", names[(names.indexOf(get("task")) + step + names.length) % names.length]);
    requestAnimationFrame(focusChosen);
    event.stopPropagation();
  });
  const tab = ([name, title, trained]) => {
    const on = name === get("task");
    const attributes = {
      type: "button",
      role: "tab",
      "aria-selected": String(on),
      class: trained ? "" : "fresh",
      tabindex: on ? "0" : "-1",
      "data-task": name,
      title: trained ? null : say("° this head was never trained"),
      "aria-label": trained ? title : say("{task}, untrained", { task: title }),
      onclick: () => ui.set("task", name),
    };
    return h("button", attributes, title);
  };
  function draw() {
    const tasks = get("tasks") || [];
    const focus = list.contains(document.activeElement);
    const fresh = tasks.some(([, , trained]) => !trained);
    const mark = fresh ? [h("span.what", { "aria-hidden": "true" }, h("b", {}, "°"), ` ${say("untrained")}`)] : [];
    list.replaceChildren(...tasks.map(tab), ...mark);
    if (focus) focusChosen();
  }
  return { element: list, draw };
}

/** A menu that is drawn anew with its choices. */
function choose(ui, trait, choices, text) {
  const onchange = () => ui.set(trait, choices[menu.selectedIndex][0]);
  const options = choices.map(([value, name]) => h("option", { value: String(value) }, name));
  const menu = h("select", { "aria-label": text, onchange }, ...options);
  menu.selectedIndex = choices.findIndex(([value]) => value === ui.get(trait));
  return h("label", {}, h("span", {}, text), menu);
}

const among = (list, now) => [...new Set([...list, now])].sort((a, b) => a - b);

/** Sizes in tokens for a menu; the present one is among them, whatever it is. */
function sizes(ui, list, trait, zero) {
  const named = size => (size ? sayN("{count} token", "{count} tokens", size) : zero);
  return among(list, ui.get(trait)).map(size => [size, named(size)]);
}

function reading(ui) {
  const windows = sizes(ui, [0, 24, 32, 48, 64, 128, 384], "window_size", say("the whole limit"));
  const overlaps = sizes(ui, [4, 8, 16, 64, 128], "stride", say("0 tokens"));
  return [choose(ui, "window_size", windows, say("Window")), choose(ui, "stride", overlaps, say("Overlap"))];
}

function crossing(ui, view) {
  const numbered = count => [[-1, say("mean")], ...Array.from({ length: count }, (_, i) => [i, String(i)])];
  return [
    choose(ui, "alignment", said(SHAPES), say("Attention as")),
    choose(ui, "cross_layer", numbered(view.layers), say("Layer")),
    choose(ui, "cross_head", numbered(view.heads), say("Head")),
  ];
}

function writing(ui, view) {
  const { get } = ui;
  const most = view.kind === "rewriting" ? ["longest", say("At most")] : ["new_tokens", say("New tokens")];
  const parts = [choose(ui, "search", said(SEARCHES), say("Search")), numberField(ui, ...most, { low: 1, high: 200 })];
  if (get("search") === "sample") {
    parts.push(numberField(ui, "temperature", say("Temperature"), { low: 0.1, high: 5, step: 0.1 }));
    parts.push(numberField(ui, "top_k", say("Top-k (0 = all)"), { low: 0, high: 1000 }));
    parts.push(numberField(ui, "top_p", say("Top-p"), { low: 0.05, high: 1, step: 0.05 }));
    parts.push(textButton(say("Draw again"), () => ui.set("draw", get("draw") + 1)));
  }
  if (get("search") === "beam") parts.push(numberField(ui, "beams", say("Beams"), { low: 2, high: 8 }));
  const onchange = () => ui.set("use_cache", box.checked);
  const box = h("input", { type: "checkbox", checked: get("use_cache"), onchange });
  return [...parts, h("label", { title: say("Keep keys and values of the tokens so far") }, box, say("Cache"))];
}

function explaining(ui, view) {
  const parts = [choose(ui, "attribution", said(METHODS), say("Attribution"))];
  if (ui.get("attribution") === "off") return parts;
  if (view.kind === "labels") {
    parts.push(choose(ui, "explained", [["", say("the answer")], ...(view.names || [])], say("of")));
  }
  if (view.kind === "answer") parts.push(choose(ui, "side", said(SIDES), say("of")));
  const onchange = () => ui.set("words", box.checked);
  const box = h("input", { type: "checkbox", checked: ui.get("words"), onchange });
  parts.push(h("label", { title: say("Add the scores of a word's pieces up") }, box, say("Words instead of pieces")));
  return parts;
}

/** What belongs to the open task; drawn anew only where something of it has changed. */
export function ownControls(ui) {
  const { get } = ui;
  const element = h("div.given");
  let drawn = "";
  function draw(view) {
    const coloured = view.kind === "tags" && Object.keys(view.colours || {}).length > 5;
    const many = (view.kind === "labels" && (view.rows || []).length > 8) || view.kind === "gaps" || coloured;
    const key = JSON.stringify([view.kind, many, view.names, TRAITS.split(" ").map(get), view.layers, view.heads]);
    if (key === drawn) return;
    drawn = key;
    const at = element.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const writes = view.kind === "generation" || view.kind === "rewriting";
    const counts = among([5, 8, 12, 28], get("count")).map(count => [count, String(count)]);
    const parts = many ? [choose(ui, "count", counts, say("Bars"))] : [];
    if (view.kind === "answer") parts.push(...reading(ui));
    if (view.kind === "rewriting" && view.layers) parts.push(...crossing(ui, view));
    if (writes) parts.push(...writing(ui, view));
    if (!(writes && get("search") === "beam")) parts.push(...explaining(ui, view));
    element.replaceChildren(...parts);
    if (at) element.querySelector(`[aria-label="${at}"]`)?.focus();
  }
  return { element, draw };
}
