// The row of tabs above the panels: arrows move, Enter opens; and the size of the type, for a projector.

const SIZES = [[1, "desk"], [1.25, "room"], [1.5, "hall"], [2, "projector"]];

function render({ model, el }) {
  const root = document.createElement("nav");
  root.className = "bertlab bertlab-app";
  root.setAttribute("aria-label", "bertlab workbench");
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  const style = document.createElement("style");
  style.textContent = `
    .bertlab-app { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 24px; padding-bottom: 0; border-bottom: 1px solid var(--line); }
    .bertlab-app .name { font: 600 var(--large)/1.3 var(--words); }
    .bertlab-app [role=tablist] { display: flex; flex-wrap: wrap; gap: 4px 20px; flex: 1; }
    .bertlab-app [role=tab] { font-size: var(--base); padding: 4px 0 6px; border-radius: 0; border-bottom: 3px solid transparent; color: var(--muted); }
    .bertlab-app [role=tab][aria-selected=true] { color: var(--ink); font-weight: 600; border-bottom-color: var(--accent); }
    .bertlab-app label { font-size: var(--small); color: var(--muted); }`;
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = "bertlab";
  const list = document.createElement("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Panels");
  const open = tab => { model.set("tab", tab); model.save_changes(); };
  const buttons = model.get("tabs").map(([tab, title]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.dataset.tab = tab;
    button.setAttribute("role", "tab");
    button.addEventListener("click", () => open(tab));
    return button;
  });
  list.append(...buttons);
  const size = document.createElement("select");
  size.setAttribute("aria-label", "Size of the type");
  for (const [value, text] of SIZES) {
    const option = document.createElement("option");
    option.value = String(value);
    option.textContent = text;
    size.append(option);
  }
  size.addEventListener("change", () => { model.set("scale", Number(size.value)); model.save_changes(); });
  const label = document.createElement("label");
  label.append("Type for a ", size);
  const error = document.createElement("div");
  error.className = "error";
  error.style.width = "100%";
  error.setAttribute("role", "alert");
  root.append(style, name, list, label, error);
  el.replaceChildren(root);

  function takeTwinAway() {  // the static picture that a notebook keeps beside the live one; see twins.py
    for (const twin of model.get("twin") ? document.querySelectorAll(`.bertlab-twin[data-bertlab="${model.get("twin")}"]`) : []) twin.style.display = "none";
  }
  function show() {
    for (const button of buttons) {
      const on = button.dataset.tab === model.get("tab");
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
    }
    error.hidden = !model.get("error");
    error.textContent = model.get("error");
    size.value = String(model.get("scale"));
    root.style.setProperty("--bertlab-scale", model.get("scale"));
  }
  root.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], at = buttons.indexOf(document.activeElement);
    if (step && at >= 0) {
      const next = buttons[(at + step + buttons.length) % buttons.length];
      open(next.dataset.tab);
      next.focus();
      event.preventDefault();
    }
    event.stopPropagation();
  });
  const theme = () => { const light = document.body.dataset.jpThemeLight; if (light) root.dataset.theme = light === "false" ? "dark" : "light"; };
  const watcher = new MutationObserver(theme);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  model.on("change:tab", show);
  model.on("change:scale", show);
  model.on("change:error", show);
  model.on("change:twin", takeTwinAway);
  theme();
  takeTwinAway();
  show();
  return () => watcher.disconnect();
}

export default { render };
