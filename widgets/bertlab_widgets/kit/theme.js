// The page around a panel: its theme, and the static twin that a notebook keeps beside the live view.

/** Follow the notebook's theme: `root.dataset.theme` is set where it is known; `changed` is called at every change. */
export function followTheme(root, changed = () => {}) {
  const show = () => {
    const light = document.body.dataset.jpThemeLight;
    if (light) root.dataset.theme = light === "false" ? "dark" : "light";
  };
  const update = () => {
    show();
    changed();
  };
  const watcher = new MutationObserver(update);
  const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "class"];
  watcher.observe(document.body, { attributes: true, attributeFilter });
  const media = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  media?.addEventListener?.("change", update);
  show();
  return () => {
    watcher.disconnect();
    media?.removeEventListener?.("change", update);
  };
}

/** A live view takes away the static pictures of it that a notebook keeps beside it; see panel/twins.py. */
export function takeTwinAway(name) {
  if (!name) return;
  for (const twin of document.querySelectorAll(`.bertlab-twin[data-bertlab="${name}"]`)) twin.style.display = "none";
}
