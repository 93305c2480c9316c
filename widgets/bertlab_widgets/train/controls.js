// What a run is started with, and the buttons that start, pause, stop it and let it go on.
import { select, tabs } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { DATA_SETS } from "./names.js";

const KINDS = [
  "classification",
  "multilabel",
  "regression",
  "tagging",
  "choice",
  "qa",
  "next_sentence",
  "masked words",
];
const LOOKS = [
  ["curves", "Curves"],
  ["layers", "Layers"],
  ["attention", "Attention"],
];
const OVER = ["done", "stopped", "failed"];
const quietly = call => call.catch(() => {}); // the error strip says what happened

/** Start, Pause, Go on, Stop; a run that could go on is only given up after a second click. */
export function runButtons(ui) {
  const { get } = ui;
  let asked = false;
  const first = h("button.first", { type: "button" }, "Start");
  const goOn = h("button", { type: "button", onclick: () => quietly(ui.call("resume")) }, "Go on");
  const stop = h("button", { type: "button", onclick: () => quietly(ui.call("stop")) }, "Stop");
  first.addEventListener("click", () => {
    const phase = get("phase");
    if (phase === "stopped" && get("view").step && !asked) {
      asked = true;
      draw();
      setTimeout(() => {
        asked = false;
        draw();
      }, 4000);
      return;
    }
    asked = false;
    quietly(ui.call(phase === "training" ? "pause" : phase === "paused" ? "resume" : "start"));
  });
  function draw() {
    const phase = get("phase");
    const names = { training: "Pause", paused: "Go on" };
    const anew = asked ? "Give this run up?" : "Start anew";
    first.textContent = names[phase] || (OVER.includes(phase) ? anew : "Start");
    first.disabled = phase === "preparing";
    stop.disabled = !["training", "preparing", "paused"].includes(phase);
    goOn.hidden = phase !== "stopped" || !get("view").resumable;
  }
  return { element: h("span.run-buttons", {}, first, goOn, stop), draw };
}

function numberBox(ui, trait, label, hint = () => "") {
  const onchange = () => ui.set(trait, Number(box.value) || 0);
  const box = h("input", { type: "number", step: "any", min: "0", "aria-label": label, onchange });
  const show = () => {
    if (document.activeElement !== box) box.value = ui.get(trait) || "";
    box.placeholder = hint();
  };
  ui.on([trait, "view"], show);
  show();
  return h("label", {}, h("span", {}, label), box);
}

function saving(ui) {
  const folder = h("input", { type: "text", placeholder: "a new folder", "aria-label": "Folder to save the model in" });
  const said = h("span.muted.small", { role: "status" });
  const save = async () => {
    said.textContent = "";
    const { result } = await ui.call("save_to", { folder: folder.value });
    said.textContent = result;
  };
  return [folder, textButton("Save the model", () => quietly(save())), said];
}

/** The settings under More; `own` are those that a nano model has no use for. */
export function settings(ui) {
  const { get } = ui;
  const suits = () => get("view")?.suits || {};
  const layers = get("view")?.layers || 12;
  const kinds = [["", "as the data says"], ...KINDS.map(kind => [kind, kind.replace("_", " ")])];
  const frozenTo = i => [i + 1, i + 1 === layers ? "all but the head" : `and ${i + 1} layer${i ? "s" : ""}`];
  const frozen = [[-1, "nothing"], [0, "embeddings"], ...Array.from({ length: layers }, (_, i) => frozenTo(i))];
  const ranks = [[0, "off: the weights"], ...[1, 2, 4, 8, 16, 32, 64].map(rank => [rank, String(rank)])];
  const same = values => values.map(value => [value, value]);
  const own = [
    select(ui, "task", kinds, "Task"),
    select(ui, "freeze", frozen, "Frozen"),
    select(ui, "rank", ranks, "LoRA rank"),
    numberBox(ui, "head_rate", "Rate of the head", () => "same"),
    numberBox(ui, "epochs", "Epochs"),
  ];
  const fields = h(
    "div.fields",
    {},
    ...own,
    numberBox(ui, "rate", "Rate", () => String(suits().rate ?? "")),
    numberBox(ui, "batch_size", "Batch", () => String(suits().batch_size ?? "")),
    numberBox(ui, "steps", "Steps", () => (suits().steps ? String(suits().steps) : "by epochs")),
    numberBox(ui, "seconds", "Time budget, s", () => "none"),
    select(ui, "precision", same(["auto", "float32", "bfloat16"]), "Precision"),
    select(ui, "device", same(get("view")?.devices || ["auto", "cpu"]), "Device"),
    numberBox(ui, "seed", "Seed", () => "0"),
  );
  const watch = textButton("Watch the sentence above", () => quietly(ui.call("watch_this")));
  const rest = h("div.controls.apart", {}, watch, ...saving(ui));
  const summary = h("summary", {}, "More: task, rates, LoRA, device, save");
  return { element: h("details.more", {}, summary, fields, rest), own, nano: () => Boolean(suits().nano) };
}

/** Where the data comes from, when it is no set that ships: a file with its columns, or pasted lines. */
export function sources(ui) {
  const { get } = ui;
  const bind = (field, trait) => {
    field.addEventListener("change", () => ui.set(trait, field.value));
    return () => {
      if (document.activeElement !== field) field.value = get(trait);
    };
  };
  const file = h("input", {
    type: "text",
    placeholder: "path of a .jsonl, .csv, .tsv, .conll, .txt or SQuAD .json file, then Enter",
    "aria-label": "File to learn from",
  });
  const columns = h("input", {
    type: "text",
    placeholder: "columns, where they have other names: text = review, label = stars",
    "aria-label": "Columns of the file by name",
  });
  const lines = h("textarea", {
    placeholder: "one example a line: text, a tab (or “ | ”), label",
    "aria-label": "Lines to learn from",
    spellcheck: "false",
  });
  const shows = [bind(file, "file"), bind(columns, "columns"), bind(lines, "pasted")];
  const element = h("div.source", { hidden: true }, file, columns, lines);
  function draw() {
    const set = get("dataset");
    element.hidden = !["file", "pasted"].includes(set);
    file.hidden = columns.hidden = set !== "file";
    lines.hidden = set !== "pasted";
    for (const show of shows) show();
  }
  return { element, draw };
}

function shownBox(ui) {
  const box = h("input", { type: "checkbox", onchange: () => ui.set("shown", box.checked ? "trained" : "before") });
  const show = () => {
    box.checked = ui.get("shown") === "trained";
  };
  ui.on(["shown"], show);
  show();
  const title = "Which model the other panels of this workbench show";
  return h("label", { title }, box, "Other panels show the trained model");
}

/** Everything under the stage. */
export function fillControls(ui) {
  const [buttons, more, source] = [runButtons(ui), settings(ui), sources(ui)];
  const what = "The lab answers for this task with the model as it is now, in every panel; Reset takes it back";
  const adopt = textButton("Let the lab answer with it", () => quietly(ui.call("adopt")), { title: what });
  ui.controls.before(source.element);
  ui.controls.append(
    select(ui, "dataset", DATA_SETS, "Learn from"),
    buttons.element,
    tabs(ui, "look", LOOKS, "What the stage shows"),
    shownBox(ui),
    adopt,
    more.element,
  );
  return () => {
    buttons.draw();
    source.draw();
    adopt.hidden = !ui.get("view").adoptable;
    for (const part of more.own) part.hidden = more.nano();
  };
}
