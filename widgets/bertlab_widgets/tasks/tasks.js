// Every task's answer; how each kind looks stands in a file of its own.
import { h, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { answer, choice, gaps, labels, number } from "./answers.js";
import { ownControls, taskTabs } from "./controls.js";
import { drawLook, rewriting } from "./looks.js";
import { drawReasons, drawUntrained } from "./reasons.js";
import { written } from "./steps.js";
import { tags } from "./tags.js";
import { beamTree } from "./tree.js";

const generation = (ui, view) => (view.search === "beam" ? beamTree(ui, view) : written(ui, view));
const DRAW = { labels, number, gaps, tags, answer, choice, generation, rewriting };

const BESIDE = new Set(["gaps", "labels", "number"]); // answers that leave room for the reasons beside them

function invite(ui, view) {
  const examples = (view.examples || []).flatMap((name, i) => {
    const own = say(name).replace(/^.*?(: |：)/, ""); // without the task, which all of them begin with
    const button = textButton(own, () => ui.choosePreset(name));
    return [i ? " · " : "", button];
  });
  const offer = h("span", {}, `${say("Or take an example:")} `, ...examples);
  return h("div.invitation.task", {}, h("span", {}, view.missing), offer);
}

/** The text fields ask for what the task reads; a passage has room of its own. */
function drawFields(ui, view) {
  const [first, second] = view.fields || [say("Sentence"), ""];
  const { fields } = ui;
  for (const [field, text] of [
    [fields.first, first],
    [fields.second, second || say("Second sentence")],
    [fields.passage, second || say("Second sentence")],
  ]) {
    field.placeholder = field === fields.first ? say("{text}, then Enter", { text }) : text;
    field.setAttribute("aria-label", text);
    field.title = text;
  }
  ui.passage(view.kind === "answer");
  fields.second.hidden = !second && !ui.get("text_pair");
  fields.second.classList.toggle("optional", Boolean(view.optional));
}

/** How to find the focused element again when the stage was drawn anew. */
function nameOf(element) {
  if (!element) return null;
  for (const mark of ["word", "step"]) {
    if (element.dataset[mark] !== undefined) return `[data-${mark}="${element.dataset[mark]}"]`;
  }
  const label = element.getAttribute("aria-label");
  return label ? `[aria-label="${CSS.escape(label)}"]` : null;
}

function tasksStage(ui) {
  const { get } = ui;
  const main = h("div.main");
  const reasons = h("div.reasons", { hidden: true });
  const untrained = h("div.untrained-line", { hidden: true });
  const reads = h("p.small.muted.reads", { hidden: true });
  const reading = h("div.reading.body", {}, reads, main, reasons, untrained);
  const [tasks, own] = [taskTabs(ui), ownControls(ui)];
  ui.stage.append(reading);
  ui.above.append(tasks.element);
  ui.controls.append(own.element);
  return () => {
    const view = get("view");
    tasks.draw();
    if (!view.kind) {
      main.replaceChildren(view.empty ? ui.invite() : ""); // what was refused at once has no picture
      untrained.hidden = reasons.hidden = reads.hidden = true;
      return;
    }
    drawFields(ui, view);
    reading.classList.toggle("beside", BESIDE.has(view.kind));
    own.draw(view);
    reads.hidden = !view.reads;
    reads.textContent = view.reads || "";
    drawReasons(ui, reasons, view);
    drawUntrained(ui, untrained, view);
    const focused = nameOf(main.contains(document.activeElement) ? document.activeElement : null);
    main.replaceChildren(view.missing && view.kind !== "choice" ? invite(ui, view) : DRAW[view.kind](ui, view));
    if (focused) main.querySelector(focused)?.focus();
    drawLook(ui, view, null);
  };
}

export const spec = {
  name: "tasks",
  height: 300,
  stage: tasksStage,
  onToken(i, event, ui) {
    const view = ui.get("view") || {};
    const token = (ui.get("tokens") || [])[i];
    if (view.kind === "tags" && view.words) {
      const last = k => k + 1 === view.words.length || view.words[k + 1].position > i;
      const word = view.words.findIndex((one, k) => one.position <= i && last(k));
      ui.setAll({ selected: [i], ...(word >= 0 && !token.special ? { word } : {}) });
      return;
    }
    const fixed = (token.special && token.text !== "[MASK]") || token.original === "[MASK]";
    if (view.kind !== "gaps" || fixed) {
      ui.pick(i, event.shiftKey);
      return;
    }
    const masked = ui.get("masked") || [];
    ui.set("masked", masked.includes(i) ? masked.filter(x => x !== i) : [...masked, i].sort((a, b) => a - b));
  },
  keys: [
    ["1 … 9", mark("the first nine tasks")],
    ["r", mark("reseed an untrained head")],
    [mark("← → in the words"), mark("the next word or step")],
  ],
  onKey(event, ui) {
    if (event.key === "r" && ui.get("view")?.reseedable) {
      ui.call("reseed").catch(() => {});
      return true;
    }
    const task = (ui.get("tasks") || [])[Number(event.key) - 1];
    if (!task || event.target.matches?.("select")) return false;
    ui.set("task", task[0]);
    return true;
  },
};
