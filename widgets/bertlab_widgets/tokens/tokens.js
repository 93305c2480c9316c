// Text to tokens: the original characters, every step of the algorithm, the table, another tokenizer, the length.
import { numberField, select, tabs } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { mark, say, sayN } from "../kit/language.js";
import { makeSource, visible } from "./source.js";
import { moveAttempt, moveStep, stepsLook } from "./stepper.js";

const LOOKS = [
  ["steps", mark("Step by step")],
  ["table", mark("Table")],
  ["compare", mark("Side by side")],
  ["length", mark("Length")],
];
const COLUMNS = [
  mark("position"),
  mark("token"),
  mark("id"),
  mark("type"),
  mark("start"),
  mark("end"),
  mark("characters"),
];
const NUMBERS = new Set(["position", "id", "type", "start", "end"]);
const LONGEST = 200; // characters of what was cut off
const scrolled = (label, ...children) => h("div.scroll", { tabindex: "0", "aria-label": label }, ...children);

function tableLook(ui, view, hover) {
  const selected = new Set(ui.get("selected"));
  const head = COLUMNS.map(name => h(NUMBERS.has(name) ? "th.number" : "th", {}, say(name)));
  const rows = view.rows.map((row, i) => {
    const attributes = {
      "data-row": i,
      class: selected.has(i) ? "on" : "",
      onclick: event => ui.pick(i, event.shiftKey),
      onpointerenter: () => hover(i),
      onpointerleave: () => hover(null),
    };
    const cells = [i, bidi(row.token), row.id, row.type, row.start, row.end, bidi(visible(row.characters))];
    return h("tr", attributes, ...cells.map((cell, k) => h(NUMBERS.has(COLUMNS[k]) ? "td.number" : "td", {}, cell)));
  });
  return [scrolled(say("Tokens"), h("table", {}, h("tr", {}, ...head), ...rows))];
}

function compareLook(ui, view) {
  const { comparison } = view;
  if (!comparison) return [];
  const against = ui.get("against");
  const name = (ui.get("variants").find(([value]) => value === against) || [0, against])[1];
  const [mine, theirs] = comparison.counts;
  const what = say(
    "Above: the readable tokenizer, {mine} tokens. Below: {name}, {theirs} tokens. Bars enclose what differs.",
    { mine, name, theirs },
  );
  const row = tokens => h("div.row", {}, ...tokens.map(token => bidi(token, "bdi")));
  const runs = comparison.runs.map(([kind, above, below]) =>
    h(kind === "equal" ? "div.run" : "div.run.other", {}, row(above), row(below)),
  );
  return [h("p.muted", {}, what), scrolled(say("Both tokenizers"), h("div.versus", {}, ...runs))];
}

function lengthLook(view) {
  const { words, parts, tokens, limit, own, cut, pieces, unknown } = view.lengths;
  const top = Math.max(1, ...pieces);
  const short = text => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
  const gauge = h("div.gauge", {}, h("i", { style: `width:${Math.min(100, (100 * tokens) / limit)}%` }));
  const room = h("p.muted", {}, say("Room for {count} more.", { count: limit - tokens }));
  const lost = h("p.note", {}, `${say("Cut off:")} `, bidi(cut.map(short).join(" | "), "bdi"));
  const bars = pieces.flatMap((count, i) => {
    const width = (100 * count) / top;
    const bar = h(
      "div.bar",
      {},
      h("i", { style: `width:${width}%` }),
      h("span.figure", { style: `left:${width}%` }, count),
    );
    return [h("span", {}, i === 6 ? say("7 and more") : i + 1), bar];
  });
  const whole = sayN("{count} word", "{count} words", words);
  const given = { words: whole, parts: sayN("{count} part", "{count} parts", parts), tokens, limit, own };
  if (parts !== words && !cut.length) given.words = say("{words}, split into {parts}", given);
  const summary =
    limit < own
      ? say("{words}; {tokens} tokens with [CLS] and [SEP]; the limit is set to {limit}, the model takes {own}.", given)
      : say("{words}; {tokens} tokens with [CLS] and [SEP]; the model takes {own}.", given);
  const unread = sayN("One token is [UNK].", "{count} tokens are [UNK].", unknown);
  return [
    h("p", {}, summary),
    gauge,
    cut.length ? lost : room,
    h("h4", {}, sayN("Pieces of the {count} word or sign", "Pieces of the {count} words and signs", parts)),
    h("div.counts", {}, h("div.bars", {}, ...bars)),
    unknown ? h("p.note", {}, unread) : "",
  ];
}

function tokenStage(ui) {
  const { get } = ui;
  const source = makeSource(ui);
  const body = h("div.body");
  ui.hoverToken = source.hover;
  ui.stage.append(source.element, body);
  const variants = get("variants");
  const looks = LOOKS.map(([name, text]) => [name, say(text)]);
  const limit = numberField(ui, "limit", say("Limit (0 = the model's)"), { low: 0, high: 100000 });
  ui.controls.append(
    tabs(ui, "look", looks, say("What the stage shows")),
    select(ui, "against", variants, say("Against")),
    limit,
  );
  const draw = {
    steps: view => (view.steps.length ? stepsLook(ui, view) : [h("p.muted", {}, get("answer"))]),
    table: view => tableLook(ui, view, source.hover),
    compare: view => compareLook(ui, view),
    length: lengthLook,
  };
  return () => {
    const view = get("view");
    limit.hidden = get("look") !== "length";
    source.element.hidden = Boolean(view.empty);
    if (!view.empty) source.draw(view);
    body.replaceChildren(...(view.empty ? [ui.invite()] : draw[get("look")](view)));
  };
}

export const spec = {
  name: "tokens",
  height: 330,
  stage: tokenStage,
  onHover: (i, ui) => ui.hoverToken?.(i),
  keys: [
    ["n, p", mark("next, previous step of the algorithm")],
    ["+, −", mark("next, previous try in a word")],
    ["1 … 4", mark("Step by step, Table, Side by side, Length")],
  ],
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1];
    if (look) ui.set("look", look[0]);
    else if (event.key === "n") moveStep(ui, 1);
    else if (event.key === "p") moveStep(ui, -1);
    else if (event.key === "+") moveAttempt(ui, 1);
    else if (event.key === "-" || event.key === "−") moveAttempt(ui, -1);
    else return false;
    return true;
  },
};
