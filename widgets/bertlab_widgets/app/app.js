// The row of tabs above the panels: arrows move, Enter opens; and the size of the type, for a projector.
import { h } from "../kit/dom.js";
import { guardKeys } from "../kit/keys.js";
import { followTheme, takeTwinAway } from "../kit/theme.js";

const SIZES = [
  [1, "desk"],
  [1.25, "room"],
  [1.5, "hall"],
  [2, "projector"],
];

function sizeMenu(set) {
  const options = SIZES.map(([value, text]) => h("option", { value: String(value) }, text));
  const attributes = { "aria-label": "Size of the type", onchange: () => set("scale", Number(menu.value)) };
  const menu = h("select", attributes, ...options);
  return menu;
}

export function render({ model, el }) {
  const get = name => model.get(name);
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const open = tab => set("tab", tab);
  const buttons = get("tabs").map(([tab, title]) =>
    h("button", { type: "button", role: "tab", "data-tab": tab, onclick: () => open(tab) }, title),
  );
  const size = sizeMenu(set);
  const error = h("div.error", { role: "alert", hidden: true });
  const attributes = { "aria-label": "bertlab workbench", "data-lm-suppress-shortcuts": "true" };
  const list = h("div", { role: "tablist", "aria-label": "Panels" }, ...buttons);
  const label = h("label", {}, "Type for a ", size);
  const root = h("nav.bertlab.bertlab-app", attributes, h("span.name", {}, "bertlab"), list, label, error);
  el.replaceChildren(root);
  function show() {
    for (const button of buttons) {
      const on = button.dataset.tab === get("tab");
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
    }
    error.hidden = !get("error");
    error.textContent = get("error");
    size.value = String(get("scale"));
    root.style.setProperty("--bertlab-scale", get("scale"));
  }
  guardKeys(root, event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = buttons.indexOf(document.activeElement);
    if (!step || at < 0) return false;
    const next = buttons[(at + step + buttons.length) % buttons.length];
    open(next.dataset.tab);
    next.focus();
    return true;
  });
  for (const name of ["tab", "scale", "error"]) model.on(`change:${name}`, show);
  model.on("change:twin", () => takeTwinAway(get("twin")));
  takeTwinAway(get("twin"));
  show();
  return followTheme(root);
}
