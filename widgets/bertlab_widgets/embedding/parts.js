// A row a token: how long word, position and segment vector are, their sum, and what LayerNorm makes of it; under it
// the numbers of one token, part by part.

import { fitCanvas } from "../kit/canvas.js";
import { cssColor, PALETTE } from "../kit/colours.js";
import { bidi, h, marked, quoted } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { number, percent } from "../kit/numbers.js";
import { addedIn, stacked } from "./pure.js";

const KINDS = { word: PALETTE[0], position: PALETTE[1], token_type: PALETTE[2] };
const LETTERS = { word: mark("W"), position: mark("P"), token_type: mark("S") };
const NAMES = {
  word: mark("word"),
  position: mark("position"),
  token_type: mark("segment"),
  sum: mark("sum"),
  hidden: mark("after LayerNorm"),
};

function bar(value, top, kind) {
  const width = `width: ${(100 * value) / top}%`;
  return h("td", {}, h(`div.bar.${kind}`, {}, h("i", { style: width })), h("span.figure", {}, number(value)));
}

/** The shares of the sum as one bar; a letter in each piece that has room. */
function shareBar(row) {
  const pieces = stacked(addedIn(row).map(name => [name, row[`${name}_share`]]));
  const low = Math.min(0, ...pieces.map(([, from]) => from));
  const span = Math.max(...pieces.map(([, , to]) => to)) - low || 1;
  const said = addedIn(row)
    .map(name => say("{part} {share}", { part: say(NAMES[name]), share: percent(row[`${name}_share`]) }))
    .join(say(", "));
  const drawn = pieces.map(([name, from, to]) => {
    const [left, width] = [from - low, to - from].map(share => (100 * share) / span);
    const place = `left: ${left}%; width: ${width}%; background: ${KINDS[name]}`;
    return h(`i.${name}`, { style: place }, width > 12 ? say(LETTERS[name]) : "");
  });
  return h("td", {}, h("div.shares", { role: "img", "aria-label": said, title: said }, ...drawn));
}

function tokenRow(ui, row, view, tops) {
  const chosen = row.place === view.place;
  const attributes = {
    type: "button",
    "data-place": row.place,
    "aria-pressed": String(chosen),
    onclick: event => ui.pick(row.place, event.shiftKey),
  };
  const cells = [...addedIn(row), "sum"].map(name => bar(row[name], tops.added, name));
  return h(
    "tr",
    { class: chosen ? "chosen" : null },
    h("td", {}, h("button", attributes, bidi(row.token))),
    ...cells,
    shareBar(row),
    bar(row.hidden, tops.hidden, "hidden"),
  );
}

/** The table and, below it, the strips of one token. */
export function partsLook(ui, view) {
  const { rows } = view;
  const added = addedIn(rows[0]);
  const tops = {
    added: Math.max(...rows.flatMap(row => [...added, "sum"].map(name => row[name]))) || 1,
    hidden: Math.max(...rows.map(row => row.hidden)) || 1,
  };
  const key = name => h("span.key", { style: `background: ${KINDS[name]}` }, say(LETTERS[name]));
  const head = [
    h("th", {}, say("token")),
    ...added.map(name => h("th", {}, key(name), ` ${say(NAMES[name])}`)),
    h("th", {}, say("= sum")),
    h("th", {}, say("each one's share of the sum")),
    h("th", {}, say("after LayerNorm")),
  ];
  const table = h("table.lengths", {}, h("tr", {}, ...head), ...rows.map(row => tokenRow(ui, row, view, tops)));
  const chosen = rows[view.place];
  const strips = Object.keys(view.strips).map(name => {
    const sign = { word: "", position: "+", token_type: "+", sum: "=", hidden: "→" }[name];
    const part = say(NAMES[name]);
    const said = say("{part}: {count} numbers, blue below zero, orange above", {
      part,
      count: view.strips[name].length,
    });
    return [
      h("span.muted", {}, `${sign} ${part}`),
      h("canvas", { "data-strip": name, role: "img", "aria-label": said }),
    ];
  });
  const [top, after] = [view.tops.sum, view.tops.hidden].map(value => number(value, 2));
  const of = { token: quoted(chosen.token), place: chosen.place };
  const title = h("h4", {}, ...marked(say("The numbers of {token} (place {place})", of)));
  const ends = say(
    "Blue below zero, orange above: −{top} to {top}, after LayerNorm −{after} to {after} (square-root scale)",
    { top, after },
  );
  const scale = h("p.muted.small", {}, ends);
  return [
    h(
      "div.beside",
      {},
      h("div.scroll", { tabindex: "0", "aria-label": say("Lengths by token") }, table),
      h("div", {}, title, h("div.strips", {}, ...strips.flat()), scale),
    ),
  ];
}

/** Paint the strips once they have a width. */
partsLook.paint = (ui, body, view) => {
  const colors = ui.colors();
  const high = 14 * ui.scale();
  for (const canvas of body.querySelectorAll("[data-strip]")) {
    canvas.style.width = "100%";
    const wide = Math.max(40, canvas.parentElement.clientWidth - canvas.previousElementSibling.offsetWidth - 12);
    const values = view.strips[canvas.dataset.strip];
    const context = fitCanvas(canvas, wide, high);
    values.forEach((value, i) => {
      context.fillStyle = cssColor(colors.diverging[128 + value]);
      context.fillRect((i * wide) / values.length, 0, wide / values.length + 0.5, high);
    });
  }
};
