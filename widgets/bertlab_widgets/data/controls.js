// What is judged, by which head, in which order; and the file with its columns, where the set is one.
import { select, tabs } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { thousands } from "../kit/numbers.js";

export const LOOKS = [
  ["confusion", mark("What for what")],
  ["calibration", mark("How sure")],
  ["rows", mark("Rows")],
];
const SORTS = [
  ["loss", mark("largest loss first")],
  ["doubt", mark("most doubtful first")],
  ["sure", mark("surest first")],
  ["order", mark("as in the set")],
];
const SPLITS = [
  ["dev", mark("dev")],
  ["train", mark("train")],
  ["both", mark("both")],
];
const FILE = "a file";
const COLUMNS = [
  ["text", mark("Text")],
  ["pair", mark("Second text")],
  ["label", mark("Label")],
];

const said = choices => choices.map(([value, text]) => [value, say(text)]);

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
    "aria-label": say("File"),
    placeholder: say("reviews.csv, .jsonl, .json, .tsv, .txt: a path, then Enter"),
    spellcheck: "false",
  });
  path.addEventListener("change", () => {
    if (path.value.trim()) ui.setAll({ source: path.value.trim(), columns: {}, task: "" });
  });
  const menus = COLUMNS.map(([name, title]) => {
    const choices = () => [
      ["", name === "text" ? say("(as guessed)") : say("(none)")],
      ...(get("view").columns || []).map(column => [column, column]),
    ];
    const value = () =>
      get("columns")[name] === undefined ? get("view").read?.[name] || "" : get("columns")[name] || "";
    return menu(say(title), choices, value, chosen => {
      const columns = { ...get("columns") };
      if (chosen || name !== "text") columns[name] = chosen || null;
      else delete columns[name];
      ui.set("columns", columns);
    });
  });
  const guessed = h("span.small.muted");
  const own = h("div.controls", {}, path, ...menus.map(one => one.label));
  ui.above.append(own, guessed);
  return () => {
    const view = get("view");
    const file = view.file || opened();
    own.hidden = !(file || get("source") === "given");
    path.hidden = !file;
    if (document.activeElement !== path) path.value = view.file ? get("source") : "";
    for (const one of menus) one.draw();
    guessed.textContent = view.guessed || "";
    guessed.hidden = !view.guessed;
  };
}

function headName([name, trained, task]) {
  return [name, trained ? task : say("{task} (untrained)", { task })];
}

export function fillControls(ui) {
  const { get } = ui;
  const alone = Boolean(ui.model.standalone);
  let opened = false;
  const setMenu = menu(
    say("Set"),
    () => [...get("view").sources, [FILE, say("A file…")]],
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
    say("Head"),
    () => [["", say("the one that fits")], ...get("tasks").map(headName)],
    () => get("task"),
    chosen => ui.set("task", chosen),
  );
  const byMenu = menu(
    say("Rows of the matrix"),
    () => [["", say("labels")], ...(get("view").groups || []).map(name => [name, name])],
    () => get("by"),
    chosen => ui.setAll({ by: chosen, cell: [] }),
  );
  const split = select(ui, "split", said(SPLITS), say("Split"));
  const open = textButton(say("Open the row in Run tasks"), () => ui.openRow());
  const again = textButton(say("Predict again"), () => ui.call("predict").catch(() => {}));
  const drawFile = alone ? () => {} : fileLine(ui, () => opened);
  ui.controls.append(tabs(ui, "look", said(LOOKS), say("What the stage shows")));
  if (!alone) ui.controls.append(setMenu.label, split, taskMenu.label);
  ui.controls.append(select(ui, "sort", said(SORTS), say("Order")), byMenu.label, open, again);
  return view => {
    for (const one of [setMenu, taskMenu, byMenu]) one.draw();
    split.hidden = !view.ships;
    open.hidden = !view.opens || get("row") < 0;
    const running = Boolean(get("busy")?.label);
    const left = view.known < view.total && !running;
    again.hidden = alone || running || !(view.stale || left || view.nothing);
    const others = view.total - view.known;
    const goOn = say("Go on with the other {count}", { count: thousands(others) });
    again.textContent = left && !view.stale ? goOn : say("Predict again");
    again.title = view.stale || "";
    drawFile();
  };
}
