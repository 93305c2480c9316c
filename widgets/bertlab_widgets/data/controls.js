// What is judged, by which head, in which order; and the file with its columns, where the set is one.
import { select, tabs } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";

export const LOOKS = [
  ["confusion", "What for what"],
  ["calibration", "How sure"],
  ["rows", "Rows"],
];
const SORTS = [
  ["loss", "largest loss first"],
  ["doubt", "most doubtful first"],
  ["sure", "surest first"],
  ["order", "as in the set"],
];
const SPLITS = [
  ["dev", "dev"],
  ["train", "train"],
  ["both", "both"],
];
const FILE = "a file";
const COLUMNS = [
  ["text", "Text"],
  ["pair", "Second text"],
  ["label", "Label"],
];

/** A menu whose choices come with the view. */
function menu(text, choices, value, set) {
  const element = h("select", { "aria-label": text, onchange: () => set(element.value) });
  const label = h("label", {}, h("span", {}, text), element);
  const draw = () => {
    const now = choices();
    const key = JSON.stringify(now);
    if (element.dataset.key !== key) {
      element.dataset.key = key;
      element.replaceChildren(...now.map(([name, title]) => h("option", { value: name }, title)));
    }
    element.value = value();
    label.hidden = now.length < 2;
  };
  return { label, draw };
}

/** The line above the stage: a file, which columns are read, what was guessed. */
function fileLine(ui, opened) {
  const { get } = ui;
  const path = h("input", {
    type: "text",
    "aria-label": "File",
    placeholder: "reviews.csv, .jsonl, .json, .tsv, .txt: a path, then Enter",
    spellcheck: "false",
  });
  path.addEventListener("change", () => {
    if (path.value.trim()) ui.setAll({ source: path.value.trim(), columns: {}, task: "" });
  });
  const menus = COLUMNS.map(([name, title]) => {
    const choices = () => [
      ["", name === "text" ? "(as guessed)" : "(none)"],
      ...(get("view").columns || []).map(column => [column, column]),
    ];
    const value = () =>
      get("columns")[name] === undefined ? get("view").read?.[name] || "" : get("columns")[name] || "";
    return menu(title, choices, value, chosen => {
      const columns = { ...get("columns") };
      if (chosen || name !== "text") columns[name] = chosen || null;
      else delete columns[name];
      ui.set("columns", columns);
    });
  });
  const said = h("span.small.muted");
  const own = h("div.controls", {}, path, ...menus.map(one => one.label));
  ui.above.append(own, said);
  return () => {
    const view = get("view");
    const file = view.file || opened();
    own.hidden = !(file || get("source") === "given");
    path.hidden = !file;
    if (document.activeElement !== path) path.value = view.file ? get("source") : "";
    for (const one of menus) one.draw();
    said.textContent = view.guessed || "";
    said.hidden = !view.guessed;
  };
}

export function fillControls(ui) {
  const { get } = ui;
  const alone = Boolean(ui.model.standalone);
  let opened = false;
  const setMenu = menu(
    "Set",
    () => [...get("view").sources, [FILE, "A file…"]],
    () => (get("view").file || opened ? FILE : get("source")),
    chosen => {
      opened = chosen === FILE;
      if (opened) {
        drawFile();
        ui.above.querySelector("input")?.focus();
      } else ui.setAll({ source: chosen, task: "", columns: {} });
    },
  );
  const taskMenu = menu(
    "Head",
    () => [
      ["", "the one that fits"],
      ...get("tasks").map(([name, trained]) => [name, `${name.replace(/_/g, " ")}${trained ? "" : " (untrained)"}`]),
    ],
    () => get("task"),
    chosen => ui.set("task", chosen),
  );
  const byMenu = menu(
    "Rows of the matrix",
    () => [["", "labels"], ...(get("view").groups || []).map(name => [name, name])],
    () => get("by"),
    chosen => ui.setAll({ by: chosen, cell: [] }),
  );
  const split = select(ui, "split", SPLITS, "Split");
  const open = textButton("Open the row in Run tasks", () => ui.openRow());
  const again = textButton("Predict again", () => ui.call("predict").catch(() => {}));
  const drawFile = alone ? () => {} : fileLine(ui, () => opened);
  ui.controls.append(tabs(ui, "look", LOOKS, "What the stage shows"));
  if (!alone) ui.controls.append(setMenu.label, split, taskMenu.label);
  ui.controls.append(select(ui, "sort", SORTS, "Order"), byMenu.label, open, again);
  return view => {
    for (const one of [setMenu, taskMenu, byMenu]) one.draw();
    split.hidden = !view.ships;
    open.hidden = !view.opens || get("row") < 0;
    const running = Boolean(get("busy")?.label);
    const left = view.known < view.total && !running;
    again.hidden = alone || running || !(view.stale || left || view.nothing);
    again.textContent =
      left && !view.stale ? `Go on with the other ${(view.total - view.known).toLocaleString("en")}` : "Predict again";
    again.title = view.stale || "";
    drawFile();
  };
}
