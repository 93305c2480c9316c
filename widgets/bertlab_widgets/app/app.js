// The tabs above the panels: groups, and the panels of each; and the size of the type, for a projector.
import { h } from "../kit/dom.js";
import { guardKeys } from "../kit/keys.js";
import { alongTheRow, mark, say, speak, written } from "../kit/language.js";
import { followTheme, takeTwinAway } from "../kit/theme.js";

const SIZES = [
  [1, mark("desk")],
  [1.25, mark("room")],
  [1.5, mark("hall")],
  [2, mark("projector")],
];
const STEPS = { ArrowRight: 1, ArrowLeft: -1 };
const ENDS = { Home: 0, End: -1 };

/** Where a key leads from place `at` of `count`, round the ends; null where it leads nowhere. */
export function moved(key, at, count) {
  if (key in ENDS) return (ENDS[key] + count) % count;
  return key in STEPS ? (at + STEPS[key] + count) % count : null;
}

function sizeMenu(set) {
  const options = SIZES.map(([value, text]) => h("option", { value: String(value) }, say(text)));
  const attributes = { "aria-label": say("Size of the type"), onchange: () => set("scale", Number(menu.value)) };
  const menu = h("select", attributes, ...options);
  return menu;
}

const tabOf = (title, attributes) => h("button", { type: "button", role: "tab", ...attributes }, title);

/** The groups and their panels, as [group button, list of panels, panel buttons]; a group opens what was open in it. */
function groupsOf(groups, open) {
  return groups.map(([group, purpose, tabs]) => {
    const panels = tabs.map(([tab, title]) => tabOf(title, { "data-tab": tab, onclick: () => open(tab) }));
    const entry = { panels, last: tabs[0][0] };
    entry.list = h("div.panels", { role: "tablist", "aria-label": say("Panels: {group}", { group }) }, ...panels);
    entry.button = tabOf(group, { title: purpose, "data-group": group, onclick: () => open(entry.last) });
    return entry;
  });
}

function setOpen(button, on) {
  button.setAttribute("aria-selected", String(on));
  button.tabIndex = on ? 0 : -1;
}

/** Arrows, Home and End move among the panels, from group to group, or among the groups; up and down between them. */
function keysOf(groups, open) {
  const panels = groups.flatMap(group => group.panels);
  return event => {
    const from = document.activeElement;
    const group = groups.find(one => one.button === from || one.panels.includes(from));
    if (!group) return false;
    const above = group.button === from;
    if (event.key === (above ? "ArrowDown" : "ArrowUp")) {
      (above ? group.panels.find(one => one.dataset.tab === group.last) : group.button).focus();
      return true;
    }
    const row = above ? groups.map(one => one.button) : panels;
    const at = moved(alongTheRow(event.key), row.indexOf(from), row.length);
    if (at === null) return false;
    open(above ? groups[at].last : row[at].dataset.tab);
    row[at].focus();
    return true;
  };
}

/** All panels side by side where that fits, else those of the open group: two rows in either case. */
function fit(root, places, scale) {
  root.dataset.room = root.clientWidth / scale < 480 ? "phone" : "wide";
  root.dataset.layout = "all";
  if (places.scrollWidth > places.clientWidth + 1) root.dataset.layout = "open";
}

export function render({ model, el }) {
  const get = name => model.get(name);
  speak(get("speech"));
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const open = tab => set("tab", tab);
  const groups = groupsOf(get("groups"), open);
  const size = sizeMenu(set);
  const error = h("div.error", { role: "alert", hidden: true });
  const name = say("bertlab workbench");
  const attributes = { "aria-label": name, ...written(), "data-lm-suppress-shortcuts": "true" };
  const buttons = groups.map(group => group.button);
  const above = h("div.groups", { role: "tablist", "aria-label": say("Groups of panels") }, ...buttons);
  const places = h("div.places", {}, above, ...groups.map(group => group.list));
  const label = h("label", {}, say("Type for a"), " ", size);
  const root = h("nav.bertlab.bertlab-app", attributes, h("span.name", {}, "bertlab"), places, label, error);
  el.replaceChildren(root);
  function show() {
    const tab = get("tab");
    for (const group of groups) {
      const own = group.panels.some(panel => panel.dataset.tab === tab);
      if (own) group.last = tab;
      setOpen(group.button, own);
      group.list.toggleAttribute("data-open", own);
      for (const panel of group.panels) setOpen(panel, panel.dataset.tab === tab);
    }
    error.hidden = !get("error");
    error.textContent = get("error");
    size.value = String(get("scale"));
    root.style.setProperty("--bertlab-scale", get("scale"));
    fit(root, places, get("scale"));
  }
  guardKeys(root, keysOf(groups, open));
  for (const name of ["tab", "scale", "error"]) model.on(`change:${name}`, show);
  model.on("change:twin", () => takeTwinAway(get("twin")));
  takeTwinAway(get("twin"));
  show();
  const sizes = new ResizeObserver(() => fit(root, places, get("scale")));
  sizes.observe(root);
  const endTheme = followTheme(root);
  return () => {
    endTheme();
    sizes.disconnect();
  };
}
