// The foot of a panel: Preset, Pin, Predict first, Show code, Export, Reset, keys; and the drawer that they open.
import { h, textButton } from "./dom.js";
import { COMMON_KEYS } from "./keys.js";
import { mark, say } from "./language.js";
import { bytes } from "./numbers.js";

const KINDS = ["png", "svg", "pdf", "csv", "html"];
const WIDTHS = [
  ["", mark("as it is")],
  ["one column", mark("one column, 85 mm")],
  ["two columns", mark("two columns, 174 mm")],
];

async function download(ui, kind, width) {
  const { result, buffers } = await ui.call("exported", { kind, width });
  const href = URL.createObjectURL(new Blob([bytes(buffers[0])], { type: result.type }));
  h("a", { href, download: result.name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}

function exportDrawer(ui) {
  const menu = h(
    "select",
    { "aria-label": say("Width of the picture") },
    ...WIDTHS.map(([value, text]) => h("option", { value }, say(text))),
  );
  const save = kind => download(ui, kind, menu.value).catch(() => {}); // the error strip says what happened
  const buttons = KINDS.map(kind => textButton(kind.toUpperCase(), () => save(kind)));
  const width = h("label", {}, h("span", {}, say("Width of PNG, SVG, PDF")), menu);
  return h("div.controls", {}, h("span", {}, say("Save what the panel shows as")), ...buttons, width);
}

function keysDrawer(keys) {
  const line = ([key, meaning]) => h("li", {}, h("b", {}, say(key)), ` ${say(meaning)}`);
  return h("ul", {}, ...[...keys, ...COMMON_KEYS].map(line));
}

async function codeDrawer(ui) {
  const { result } = await ui.call("code").catch(error => ({ result: `# ${error.message}` }));
  const copy = textButton(say("Copy"), () => navigator.clipboard?.writeText(result));
  return [h("pre", { tabindex: "0" }, result), copy];
}

/** The drawers: `toggle(name)` opens one or closes it, `open()` is the name of the open one. */
function drawers(ui, keys, buttons) {
  const drawer = h("div.drawer", { hidden: true });
  let open = null;
  async function show() {
    const name = open;
    const parts = name === "code" ? await codeDrawer(ui) : name === "export" ? [exportDrawer(ui)] : [keysDrawer(keys)];
    if (open === name) drawer.replaceChildren(...parts);
  }
  async function toggle(name) {
    open = open === name ? null : name;
    for (const [own, button] of Object.entries(buttons)) button.setAttribute("aria-expanded", String(open === own));
    drawer.hidden = !open;
    drawer.replaceChildren();
    if (open) await show();
  }
  return { element: drawer, toggle, show, open: () => open };
}

export function panelFoot(ui, keys) {
  const { get } = ui;
  const button = (text, onclick, extra = {}) => h("button", { type: "button", onclick, ...extra }, text);
  const opener = (text, name, extra = {}) =>
    button(text, () => open.toggle(name), { "aria-expanded": "false", ...extra });
  const presets = get("presets") || [];
  const choose = () => {
    if (menu.value) ui.choosePreset(menu.value);
  };
  const options = presets.map(name => h("option", { value: name }, say(name)));
  const menu = h(
    "select",
    { "aria-label": say("Preset"), onchange: choose },
    h("option", { value: "" }, say("Preset")),
    ...options,
  );
  const pin = button(say("Pin"), () => ui.call(get("pinned")?.answer ? "unpin" : "pin").catch(() => {}));
  const gate = button(say("Predict first"), () => ui.set("predict_first", !get("predict_first")));
  const buttons = {
    code: opener(say("Show code"), "code"),
    export: opener(say("Export"), "export"),
    keys: opener("?", "keys", { "aria-label": say("Keys of this panel") }),
  };
  const open = drawers(ui, keys, buttons);
  const reset = button(say("Reset"), () => ui.call("reset").catch(() => {}));
  const progress = h("progress", { max: 1, "aria-label": say("Progress") });
  const label = h("span");
  const cancel = textButton(say("Cancel"), () => ui.call("stop").catch(() => {}));
  const busy = h("div.busy", { hidden: true }, progress, label, cancel);
  const all = [menu, pin, gate, buttons.code, buttons.export, reset, buttons.keys];
  const items = ui.model.standalone ? [buttons.code, buttons.keys] : all; // an exported page can show, not compute
  const foot = h("div.foot", { role: "toolbar", "aria-label": say("Panel") }, ...items, busy);
  function draw() {
    const pinned = Boolean(get("pinned")?.answer);
    const work = get("busy") || {};
    pin.textContent = pinned ? say("Unpin") : say("Pin");
    pin.setAttribute("aria-pressed", String(pinned));
    gate.setAttribute("aria-pressed", String(Boolean(get("predict_first"))));
    menu.value = presets.includes(get("preset")) ? get("preset") : "";
    busy.hidden = !work.label;
    label.textContent = work.label || "";
    progress.value = work.done ?? 0;
    if (open.open() === "code") open.show();
  }
  return { element: foot, drawer: open.element, draw, toggle: open.toggle, open: open.open };
}
