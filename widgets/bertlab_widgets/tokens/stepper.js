// Every step of the algorithm, and the search for one word's pieces, try by try.
import { bidi, h, marked, textButton } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { visible } from "./source.js";

export function stepNow(ui, view) {
  const at = ui.get("step");
  return at < 0 || at >= view.steps.length ? view.steps.length - 1 : at;
}

export function moveStep(ui, by) {
  const view = ui.get("view");
  const next = stepNow(ui, view) + by;
  if (next >= 0 && next < view.steps.length) ui.set("step", next);
}

/** One try on or back; beyond a word's first or last one, to the next word. */
export function moveAttempt(ui, by) {
  const { words } = ui.get("view");
  const at = ui.get("word");
  if (!words[at]) return;
  const count = words[at].attempts.length;
  const next = (ui.get("attempt") < 0 ? count : ui.get("attempt")) + by;
  if (next >= 0 && next <= count) {
    ui.set("attempt", next === count ? -1 : next);
    return;
  }
  ui.setAll({ word: Math.max(0, Math.min(words.length - 1, at + by)), attempt: by > 0 ? 0 : -1 });
}

function ladder(ui, view) {
  const word = view.words[Math.min(ui.get("word"), view.words.length - 1)];
  const upTo = ui.get("attempt") < 0 ? word.attempts.length : ui.get("attempt");
  const done = upTo === word.attempts.length;
  const quoted = { word: `\`${word.text.replaceAll("`", "ˋ")}\`` };
  const rule = word.whole
    ? say("{word} is an added token and is never cut.", quoted)
    : say("{word}: the longest start that is in the vocabulary, then the rest in the same way", quoted);
  const tries = word.attempts.slice(0, upTo).flatMap(([candidate, , , found]) => {
    const kind = found ? "span.found" : "span.miss";
    return [h(kind, {}, bidi(candidate, "bdi")), h(kind, {}, found ? say("in the vocabulary") : say("no"))];
  });
  const buttons = h(
    "div.controls",
    {},
    textButton(say("◂ Back"), () => moveAttempt(ui, -1)),
    textButton(say("Next ▸"), () => moveAttempt(ui, 1)),
    textButton(done ? say("From the start") : say("To the end"), () => ui.set("attempt", done ? 0 : -1)),
    h("span.muted.small", {}, say("{done} of {count} tries", { done: upTo, count: word.attempts.length })),
  );
  return [
    h("p.apart", {}, ...marked(rule)),
    word.whole ? null : buttons,
    h("div.ladder", { tabindex: "0", "aria-label": say("Candidates tried") }, ...tries),
    done && word.unknown ? h("p.note", {}, word.unknown) : null,
  ];
}

function pieces(ui, word, i) {
  const whole = word.pieces.length === 1 && word.pieces[0] === word.text;
  const onclick = () => ui.setAll({ word: i, attempt: -1 });
  const attributes = { type: "button", dir: "auto", "aria-pressed": String(i === ui.get("word")), onclick };
  return h("button", attributes, whole ? word.text : `${word.text} → ${word.pieces.join(" ")}`);
}

export function stepsLook(ui, view) {
  const at = stepNow(ui, view);
  const step = view.steps[at];
  const last = at === view.steps.length - 1;
  const before = at ? new Set(view.steps[at - 1].chunks) : null;
  const items = view.steps.map((one, i) => {
    const attributes = {
      type: "button",
      class: one.changed ? "changed" : "",
      "aria-current": i === at ? "step" : null,
      title: one.description,
      onclick: () => ui.set("step", i),
    };
    return h("li", {}, h("button", attributes, `${i}  ${one.title}`));
  });
  const chunk = text => h(before && !before.has(text) ? "span.new" : "span", { dir: "auto" }, visible(text));
  const chunks = last ? view.words.map((word, i) => pieces(ui, word, i)) : step.chunks.map(chunk);
  const nothing = at && !step.changed ? h("span.muted", {}, ` ${say("Nothing changes here.")}`) : null;
  const search = last && view.words.length ? ladder(ui, view) : [];
  const right = [h("p", {}, step.description, nothing), h("div.chunks", {}, ...chunks), ...search];
  return [h("div.stepper", {}, h("ol", {}, ...items), h("div", {}, ...right))];
}
