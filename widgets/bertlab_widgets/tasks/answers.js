// What each kind of answer looks like: bars beside chance, a scale, gaps, spans of a text, endings that compete.
import { chanceBars, chanceLine } from "../kit/controls.js";
import { bidi, h, marked, textButton } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number as inWords, letterOf, percent } from "../kit/numbers.js";
import { quoted } from "./steps.js";

const MOST = 8; // labels without a menu of their own
const LONGEST = 60; // characters of a span beside its bar

export function labels(ui, view) {
  const count = view.rows.length > MOST ? ui.get("count") : MOST;
  const rows = view.rows.slice(0, count);
  const top = Math.max(...rows.map(row => row.value));
  const shown = rows.map(row => ({ ...row, best: view.multiple ? row.value > 0.5 : row.value === top }));
  const rest = view.rows.length - rows.length;
  const lowest = percent(rows[rows.length - 1].value);
  const more = say("and {count} more labels below {probability}", { count: rest, probability: lowest });
  return h("div", {}, chanceBars(shown, view.chance), rest > 0 ? h("p.small.muted", {}, more) : null);
}

export function number(_, view) {
  const at = 100 * Math.min(1, Math.max(0, (view.value - view.low) / (view.high - view.low)));
  const edge = at < 4 ? "left:0;transform:none" : at > 96 ? "left:auto;right:0;transform:none" : `left:${at}%`;
  const given = { value: inWords(view.value), low: view.low, high: view.high };
  const label = say("{value} on a scale from {low} to {high}", given);
  const value = h("em", { style: edge }, view.value.toFixed(2).replace("-", "−"));
  const ticks = [say("0 unrelated"), "1", "2", "3", "4", say("5 the same")].map(text => h("span", {}, text));
  const scale = h("div.scale", {}, h("i", { style: `width:${at}%` }), value);
  return h("div", { role: "img", "aria-label": label }, scale, h("div.ticks", {}, ...ticks));
}

export function gaps(_, view) {
  const several = view.gaps.length > 1;
  const columns = view.gaps.map(gap => {
    const rows = gap.rows.map((row, i) => ({ ...row, best: i === 0 }));
    const hidden = gap.hidden
      ? h("h4", {}, ...marked(say("If {token} were hidden", { token: quoted(gap.hidden) })))
      : null;
    const place = several ? h("h4", {}, say("Place {place}", { place: gap.position })) : hidden;
    return h("div", {}, place, chanceBars(rows, null));
  });
  return h("div", {}, h(several ? "div.columns" : "div", {}, ...columns), h("p.small.muted", {}, view.chance.text));
}

/** A token with the probability of a start above it, of an end below. */
function spot(token, i) {
  const name = `spot${token.context || i === 0 ? "" : " outside"}${token.in_answer ? " found" : ""}`;
  const bar = p => h("i", { style: `height:${100 * p}%;min-height:${p > 0.005 ? 1 : 0}px` });
  const title = say("start {start}, end {end}", { start: percent(token.start), end: percent(token.end) });
  return h(
    "span",
    { class: name, title },
    h("span.start", {}, bar(token.start)),
    bidi(token.text),
    h("span.end", {}, bar(token.end)),
  );
}

function ruler(ui, view) {
  if (view.windows < 2) return null;
  const buttons = view.ruler.map(([from, to, count], i) =>
    h("button", {
      type: "button",
      "aria-pressed": String(i === view.shown),
      "aria-label": say("Window {number} of {windows}, {count} tokens", {
        number: i + 1,
        windows: view.windows,
        count,
      }),
      title: say("window {number}: {count} tokens", { number: i + 1, count }),
      style: `margin-left:${100 * from}%;width:${100 * (to - from)}%`,
      onclick: () => ui.set("window", i),
    }),
  );
  const given = { count: view.windows, shown: view.shown + 1 };
  const said = say("{count} windows with overlap; shown is window {shown}", given);
  const bars = h("div.ruler", { role: "group", "aria-label": say("Windows over the text") }, ...buttons);
  return h("div", {}, h("div.small.muted", {}, said), bars);
}

export function answer(ui, view) {
  const highest = side => percent(Math.max(...view.tokens.map(token => token[side])));
  const patch = colour => h("i", { style: `background:var(--${colour})` });
  const legend = h(
    "div.legend",
    {},
    h("span", {}, patch("accent"), say("start (upwards, highest {probability})", { probability: highest("start") })),
    h("span", {}, patch("mark"), say("end (downwards, highest {probability})", { probability: highest("end") })),
    h("span", {}, say("[CLS] stands for no answer")),
  );
  const rows = view.rows.map((row, i) => {
    const label = row.label.length > LONGEST ? `${row.label.slice(0, LONGEST - 1)}…` : row.label;
    return { ...row, best: i === 0, label };
  });
  const label = say("Start and end probability of each token");
  const spots = h("div.spots", { role: "img", "aria-label": label, tabindex: "0" }, ...view.tokens.map(spot));
  const best = [h("h4", {}, say("Best spans")), chanceBars(rows, null), h("p.small.muted", {}, view.chance.text)];
  return h("div.with-side", {}, h("div", {}, spots, legend, ruler(ui, view)), h("div", {}, ...best));
}

function ending(ui, view, list, values, text, i) {
  const save = value =>
    ui.set(
      "choices",
      list.map((old, k) => (k === i ? value : old)),
    );
  const field = h("input", {
    type: "text",
    value: text,
    dir: "auto",
    "aria-label": say("Ending {letter}", { letter: letterOf(i) }),
    placeholder: say("An ending, then Enter"),
    onchange: () => save(field.value),
  });
  const value = values.get(text);
  const best = view.best !== undefined && view.rows[view.best].label === text;
  const fill = value === undefined ? null : h("i", { style: `width:${100 * value}%` });
  const drop = () =>
    ui.set(
      "choices",
      list.filter((_, k) => k !== i),
    );
  const attributes = {
    disabled: list.length <= 2,
    "aria-label": say("Remove ending {letter}", { letter: letterOf(i) }),
  };
  return [
    h(`span${best ? ".best" : ""}`, {}, letterOf(i)),
    field,
    h("div.bar", { style: `grid-area:${i + 2} / 3` }, fill),
    h("span", {}, value === undefined ? "" : percent(value)),
    textButton(say("Remove"), drop, attributes),
  ];
}

/** Endings that compete; they can be changed, taken away and added. */
export function choice(ui, view) {
  const given = ui.get("choices") || [];
  const list = given.length ? given : ["", ""];
  const values = new Map((view.rows || []).map(row => [row.label, row.value]));
  const drawn = chanceLine(view.chance, 3, list.length);
  const head = drawn ? [drawn.name, h("span"), h("span"), drawn.line] : [h("span"), h("span"), h("span")];
  const rows = list.flatMap((text, i) => ending(ui, view, list, values, text, i));
  const add = textButton(say("Add an ending"), () => ui.set("choices", [...list, ""]), { class: "start" });
  const endings = h("div.endings", {}, h("span"), h("span"), ...head, ...rows, h("span"), add);
  return h("div", {}, view.missing ? h("p.muted", {}, view.missing) : null, endings);
}
