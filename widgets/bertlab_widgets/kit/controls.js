// Controls that are bound to a trait: each shows its value and sets it.
import { bidi, h } from "./dom.js";
import { alongTheRow, say } from "./language.js";
import { percent } from "./numbers.js";

/** One choice among several, as text tabs: arrows move, the choice is a trait. `choices` is [[value, text], ...]. */
export function tabs(ui, trait, choices, label) {
  const buttons = choices.map(([value, text]) =>
    h("button", { type: "button", role: "tab", onclick: () => ui.set(trait, value) }, text),
  );
  const onkeydown = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[alongTheRow(event.key)];
    if (!step) return;
    const at = choices.findIndex(([value]) => value === ui.get(trait));
    const next = (at + step + choices.length) % choices.length;
    ui.set(trait, choices[next][0]);
    buttons[next].focus();
    event.stopPropagation();
  };
  const list = h("div.tabs", { role: "tablist", "aria-label": label, onkeydown }, ...buttons);
  const show = () =>
    buttons.forEach((button, i) => {
      const on = choices[i][0] === ui.get(trait);
      button.setAttribute("aria-selected", on);
      button.tabIndex = on ? 0 : -1;
    });
  ui.on([trait], show);
  show();
  return list;
}

export function checkbox(ui, trait, text, title) {
  const onchange = () => ui.set(trait, box.checked);
  const box = h("input", { type: "checkbox", checked: ui.get(trait), onchange });
  ui.on([trait], () => {
    box.checked = ui.get(trait);
  });
  return h("label", { title }, box, text);
}

/** A menu with its name before it. */
export function select(ui, trait, choices, text) {
  const onchange = () => ui.set(trait, choices[menu.selectedIndex][0]);
  const options = choices.map(([value, name]) => h("option", { value: String(value) }, name));
  const menu = h("select", { "aria-label": text, onchange }, ...options);
  const show = () => {
    menu.selectedIndex = choices.findIndex(([value]) => value === ui.get(trait));
  };
  ui.on([trait], show);
  show();
  return h("label", {}, h("span", {}, text), menu);
}

/** A field for a number from `low` to `high`; anything else gives the old number back. */
export function numberField(ui, trait, text, { low, high, step = 1 }) {
  const onchange = () => {
    const value = Number(field.value);
    if (field.value !== "" && value >= low && value <= high) ui.set(trait, value);
    else field.value = ui.get(trait);
  };
  const range = { min: low, max: high, step };
  const field = h("input", { type: "number", ...range, value: ui.get(trait), "aria-label": text, onchange });
  ui.on([trait], () => {
    if (document.activeElement !== field) field.value = ui.get(trait);
  });
  return h("label", {}, h("span", {}, text), field);
}

/** A slider over the whole numbers from `low` to `high()`, with its value in words beside it. */
export function slider(ui, trait, text, { low = 0, high, words = String }) {
  const said = h("span");
  const oninput = () => ui.set(trait, Number(field.value));
  const field = h("input", { type: "range", min: low, max: high(), step: 1, "aria-label": text, oninput });
  const show = () => {
    field.max = high();
    field.value = ui.get(trait);
    said.textContent = words(ui.get(trait));
    field.setAttribute("aria-valuetext", said.textContent);
  };
  ui.on([trait, "view"], show);
  show();
  return h("label", {}, h("span", {}, text), field, said);
}

function barLabel(row) {
  if (!row.onclick) return h(row.truth ? "span.truth" : "span", { class: row.best ? "best" : null }, bidi(row.label));
  const attributes = { type: "button", onclick: row.onclick, title: row.title, class: row.truth ? "truth" : "" };
  return h("button", attributes, bidi(row.label));
}

function barOf(row, format, place) {
  const width = 100 * Math.min(1, Math.max(0, row.value));
  const before =
    row.before === undefined || row.before === null
      ? null
      : h("b", { style: `left:${100 * row.before}%`, title: say("before: {value}", { value: format(row.before) }) });
  const fill = h("i", { style: `width:${width}%`, class: row.none ? "none" : null });
  return h("div.bar", { style: place }, fill, before, h("span.figure", { style: `left:${width}%` }, format(row.value)));
}

/** Bars with their numbers: rows of {label, value, truth, best, before, title, onclick}; the scale is always 0 to 1. */
export function bars(rows, format = percent) {
  const parts = rows.flatMap(row => [barLabel(row), barOf(row, format)]);
  return h("div.bars", {}, ...parts);
}

/** A dashed line over `count` rows of bars in a grid's column, below the row that holds its name; null without one. */
export function chanceLine(chance, column, count) {
  if (!chance?.text) return null;
  const at = 100 * chance.at;
  const middle = `left:${at}%;transform:translateX(-50%)`;
  const place = at < 20 ? `left:${at}%` : at > 80 ? `right:${100 - at}%` : middle;
  return {
    name: h("div.chance-name", {}, h("span", { style: place }, chance.text)),
    line: h(
      "div.chance-line",
      { style: `grid-column:${column};grid-row:2 / span ${count}` },
      h("s", { style: `left:${at}%` }),
    ),
  };
}

/** Bars of one scale from 0 to 1 with a dashed line at chance, {at, text}, named once at the line. */
export function chanceBars(rows, chance, { label = barLabel, format = percent } = {}) {
  const drawn = chanceLine(chance, 2, rows.length);
  const head = drawn ? [h("span"), drawn.name, drawn.line] : [];
  const summary = rows.map(row => `${row.label} ${format(row.value)}`).join(say(", "));
  const role = label === barLabel ? "img" : "group";
  const parts = rows.flatMap((row, i) => [label(row, i), barOf(row, format, drawn ? `grid-area:${i + 2} / 2` : null)]);
  return h("div.bars.with-chance", { role, "aria-label": summary }, ...head, ...parts);
}
