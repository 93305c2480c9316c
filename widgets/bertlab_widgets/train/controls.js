// What a run is started with, and the buttons that start, pause, stop it and let it go on.
import { select, tabs } from "../kit/controls.js";
import { h, textButton } from "../kit/dom.js";
import { mark, say, sayN } from "../kit/language.js";
import { DATA_SETS } from "./names.js";

const KINDS = [
  ["", mark("as the data says")],
  ["classification", mark("classification")],
  ["multilabel", mark("multilabel")],
  ["regression", mark("regression")],
  ["tagging", mark("tagging")],
  ["choice", mark("choice")],
  ["qa", mark("qa")],
  ["next_sentence", mark("next sentence")],
  ["masked words", mark("masked words")],
];
const LOOKS = [
  ["curves", mark("Curves")],
  ["layers", mark("Layers")],
  ["attention", mark("Attention")],
];
const OVER = ["done", "stopped", "failed"];
const said = choices => choices.map(([value, text]) => [value, say(text)]);
const quietly = call => call.catch(() => {}); // the error strip says what happened

/** Start, Pause, Go on, Stop; a run that could go on is only given up after a second click. */
export function runButtons(ui) {
  const { get } = ui;
  let asked = false;
  const first = h("button.first", { type: "button" }, say("Start"));
  const goOn = h("button", { type: "button", onclick: () => quietly(ui.call("resume")) }, say("Go on"));
  const stop = h("button", { type: "button", onclick: () => quietly(ui.call("stop")) }, say("Stop"));
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
    const names = { training: say("Pause"), paused: say("Go on") };
    const anew = asked ? say("Give this run up?") : say("Start anew");
    first.textContent = names[phase] || (OVER.includes(phase) ? anew : say("Start"));
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
  const label = say("Folder to save the model in");
  const folder = h("input", { type: "text", placeholder: say("a new folder"), "aria-label": label });
  const saved = h("span.muted.small", { role: "status" });
  const save = async () => {
    saved.textContent = "";
    const { result } = await ui.call("save_to", { folder: folder.value });
    saved.textContent = result;
  };
  return [folder, textButton(say("Save the model"), () => quietly(save())), saved];
}

/** The settings under More; `own` are those that a nano model has no use for. */
export function settings(ui) {
  const { get } = ui;
  const suits = () => get("view")?.suits || {};
  const layers = get("view")?.layers || 12;
  const named = count => sayN("and {count} layer", "and {count} layers", count);
  const upTo = count => (count === layers ? say("all but the head") : named(count));
  const deeper = Array.from({ length: layers }, (_, i) => [i + 1, upTo(i + 1)]);
  const frozen = [[-1, say("nothing")], [0, say("embeddings")], ...deeper];
  const ranks = [[0, say("off: the weights")], ...[1, 2, 4, 8, 16, 32, 64].map(rank => [rank, String(rank)])];
  const same = values => values.map(value => [value, value]);
  const own = [
    select(ui, "task", said(KINDS), say("Task")),
    select(ui, "freeze", frozen, say("Frozen")),
    select(ui, "rank", ranks, say("LoRA rank")),
    numberBox(ui, "head_rate", say("Rate of the head"), () => say("same")),
    numberBox(ui, "epochs", say("Epochs")),
  ];
  const fields = h(
    "div.fields",
    {},
    ...own,
    numberBox(ui, "rate", say("Rate"), () => String(suits().rate ?? "")),
    numberBox(ui, "batch_size", say("Batch"), () => String(suits().batch_size ?? "")),
    numberBox(ui, "steps", say("Steps"), () => (suits().steps ? String(suits().steps) : say("by epochs"))),
    numberBox(ui, "seconds", say("Time budget, s"), () => say("none")),
    select(ui, "precision", same(["auto", "float32", "bfloat16"]), say("Precision")),
    select(ui, "device", same(get("view")?.devices || ["auto", "cpu"]), say("Device")),
    numberBox(ui, "seed", say("Seed"), () => "0"),
  );
  const watch = textButton(say("Watch the sentence above"), () => quietly(ui.call("watch_this")));
  const rest = h("div.controls.apart", {}, watch, ...saving(ui));
  const summary = h("summary", {}, say("More: task, rates, LoRA, device, save"));
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
    placeholder: say("path of a .jsonl, .csv, .tsv, .conll, .txt or SQuAD .json file, then Enter"),
    "aria-label": say("File to learn from"),
  });
  const columns = h("input", {
    type: "text",
    placeholder: say("columns, where they have other names: text = review, label = stars"),
    "aria-label": say("Columns of the file by name"),
  });
  const lines = h("textarea", {
    placeholder: say("one example a line: text, a tab (or “ | ”), label"),
    "aria-label": say("Lines to learn from"),
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
  const title = say("Which model the other panels of this workbench show");
  return h("label", { title }, box, say("Other panels show the trained model"));
}

/** Everything under the stage. */
export function fillControls(ui) {
  const [buttons, more, source] = [runButtons(ui), settings(ui), sources(ui)];
  const what = say("The lab answers for this task with the model as it is now, in every panel; Reset takes it back");
  const adopt = textButton(say("Let the lab answer with it"), () => quietly(ui.call("adopt")), { title: what });
  ui.controls.before(source.element);
  ui.controls.append(
    select(ui, "dataset", said(DATA_SETS), say("Learn from")),
    buttons.element,
    tabs(ui, "look", said(LOOKS), say("What the stage shows")),
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
