// Another order of the words: where each went, and how alike its output is to the one before, with and without position
// vectors.
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number } from "../kit/numbers.js";

function cosineBar(value, kind) {
  if (value === null || value === undefined) return h("td.muted", {}, "–");
  const width = `width: ${100 * Math.max(0, Math.min(1, value))}%`;
  return h("td", {}, h(`div.bar.${kind}`, {}, h("i", { style: width })), number(value, 4));
}

const change = value =>
  value === null || value === undefined ? "–" : value === 0 ? "0" : value < 1e-6 ? "< 0.000001" : number(value, 2);

function tokenRow(ui, move) {
  const onclick = event => ui.pick(move.place, event.shiftKey);
  const button = h("button", { type: "button", "data-place": move.place, onclick }, bidi(move.token));
  const stays = move.place === move.moved_to;
  return h(
    "tr",
    {},
    h("td", {}, button),
    h("td", {}, stays ? h("span.muted", {}, say("stays")) : `${move.place} → ${move.moved_to}`),
    cosineBar(move.cosine, "position"),
    h("td.number", {}, change(move.distance)),
    cosineBar(move.cosine_without_positions, "word"),
    h("td.number", {}, change(move.distance_without_positions)),
  );
}

/** The new sentence, and a row a token in the order of before. */
function orderOf(ui, view) {
  const names = new Map(view.moves.map(move => [move.place, move.token]));
  const chips = view.order.map((source, place) =>
    h(`span.chip${source === place ? ".special" : ""}`, {}, bidi(names.get(source))),
  );
  const head = [
    say("token"),
    say("moved"),
    say("output with positions: cosine"),
    say("largest change"),
    say("without positions: cosine"),
    say("largest change"),
  ].map((name, i) => h(i === 3 || i === 5 ? "th.number" : "th", {}, name));
  const sentence = { "aria-label": say("The words in their new order") };
  const others =
    view.others === null
      ? ""
      : say("Different tokens of the text have cosine {cosine} in the mean.", { cosine: number(view.others, 2) });
  return [
    h("div.sentence", sentence, h("span.muted", {}, say("now")), ...chips),
    h("table", {}, h("tr", {}, ...head), ...view.moves.map(move => tokenRow(ui, move))),
    h("p.muted.small", {}, others),
  ];
}

/** The look, whose rows stay while their numbers do. */
export function orderLook(ui) {
  let [parts, shown] = [[], ""];
  return view => {
    const now = JSON.stringify([view.order, view.moves]);
    if (now !== shown) parts = orderOf(ui, view);
    shown = now;
    const chosen = new Set(ui.get("selected") || []);
    for (const button of parts[1].querySelectorAll("[data-place]")) {
      button.setAttribute("aria-pressed", String(chosen.has(Number(button.dataset.place))));
    }
    return parts;
  };
}
