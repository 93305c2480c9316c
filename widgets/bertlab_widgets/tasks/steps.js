// Written tokens as buttons, what could stand at each, and how much the model read for them.
import { chanceBars } from "../kit/controls.js";
import { bidi, h, textButton } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number, percent, thousands } from "../kit/numbers.js";

export const wordOf = token => (token.startsWith("##") ? token.slice(2) : ` ${token}`);
/** A token inside a sentence that `marked` takes apart; one that holds the sign itself stays readable. */
export const quoted = token => `\`${token.replaceAll("`", "ˋ")}\``;
export const textOf = tokens => tokens.map(wordOf).join("").trim();
export const stepNow = (ui, view) => Math.min(ui.get("step"), view.steps.length - 1);

/** Arrows go from one written token to the next. */
export function stepKeys(ui, view) {
  return event => {
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!move || !event.target.closest("[data-step]")) return;
    const next = Math.max(0, Math.min(view.steps.length - 1, stepNow(ui, view) + move));
    ui.stage.querySelector(`[data-step="${next}"]`)?.focus();
    ui.set("step", next);
    event.stopPropagation();
    event.preventDefault();
  };
}

export function stepButton(ui, view, i, one = view.steps[i]) {
  const on = i === stepNow(ui, view);
  const sure = one.probability;
  const attributes = {
    type: "button",
    "data-step": i,
    tabindex: on ? "0" : "-1",
    "aria-pressed": String(on),
    title: sure === undefined ? null : percent(sure),
    style: sure === undefined ? null : `--sure:${Math.round(100 * sure)}%`,
    onclick: () => ui.set("step", i),
  };
  return h("button", attributes, bidi(one.token));
}

export function timing(view) {
  const measured = view.steps.map(step => step.milliseconds).filter(Number.isFinite);
  const typical = measured.sort((a, b) => a - b)[measured.length >> 1];
  const given = { read: thousands(view.read), count: view.steps.length, milliseconds: number(typical ?? 0, 2) };
  const timed = view.cache
    ? say("With the cache the model read {read} tokens for {count} new ones, {milliseconds} ms a step.", given)
    : say(
        "Without the cache the model read {read} tokens for {count} new ones, {milliseconds} ms a step; " +
          "the tokens are the same.",
        given,
      );
  const untimed = view.cache
    ? say("With the cache the model read {read} tokens for {count} new ones.", given)
    : say("Without the cache the model read {read} tokens for {count} new ones; the tokens are the same.", given);
  return h("div.small.muted", {}, typical === undefined ? untimed : timed);
}

export function takeAway(ui, view) {
  if (!view.put) return null;
  return textButton(say("Take the put-in tokens away"), () => ui.set("prefix", []), { class: "flush" });
}

/** What could stand at the chosen step, each a way to go on. */
export function alternatives(ui, view) {
  const at = stepNow(ui, view);
  const step = view.steps[at];
  const differs = step.top.some(row => Math.abs(row.model - row.probability) > 0.0005);
  const rows = step.top.map(row => ({
    label: row.token,
    value: row.probability,
    before: differs ? row.model : null,
    id: row.id,
    best: row.id === step.id,
  }));
  const label = row => {
    const title = row.best ? say("chosen") : say("Put “{token}” here and go on", { token: row.label });
    const onclick = () => ui.call("go_on", { step: at, token: row.id }).catch(() => {});
    const attributes = { type: "button", class: row.best ? "best" : "", title, onclick };
    return h("button", attributes, bidi(row.label), row.best ? " ✓" : "");
  };
  const range = { type: "range", min: 1, max: view.steps.length, step: 1, value: String(at + 1) };
  const oninput = () => ui.set("step", Number(slider.value) - 1);
  const slider = h("input", { ...range, "aria-label": say("Token of the text"), oninput });
  const mark = differs ? `${say("Mark: the model’s own probability, before temperature, top-k and top-p.")} ` : "";
  const several = view.steps.length > 1 ? slider : null;
  const title = h(
    "h4.chosen-step",
    {},
    say("Token {number} of {count}", { number: at + 1, count: view.steps.length }),
    several,
  );
  const help = h("p.small.muted", {}, mark, say("Click another token to go on from there."));
  return h("div", {}, title, chanceBars(rows, null, { label }), help);
}

/** A text that goes on: the prompt, what was put in, the tokens that were written. */
export function written(ui, view) {
  const put = view.prompt.length - view.put;
  const given = h("span.prompt", {}, bidi(textOf(view.prompt.slice(0, put))));
  const added =
    put < view.prompt.length ? [" ", h("span.prompt.put-in", {}, bidi(textOf(view.prompt.slice(put))))] : null;
  const tokens = view.steps.flatMap((one, i) => [one.token.startsWith("##") ? "" : " ", stepButton(ui, view, i)]);
  const attributes = { role: "group", "aria-label": say("The text so far"), onkeydown: stepKeys(ui, view) };
  const text = h("div.written", attributes, given, added, ...tokens);
  if (!view.steps.length) return text;
  const below = h("div.apart", {}, timing(view), takeAway(ui, view));
  return h("div.with-side", {}, h("div", {}, text, below), alternatives(ui, view));
}
