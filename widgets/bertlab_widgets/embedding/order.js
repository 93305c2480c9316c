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

/** The new sentence, and a row a token in the order of before. */
export function orderLook(ui, view) {
  const names = new Map(view.moves.map(move => [move.place, move.token]));
  const sentence = view.order.map((source, place) =>
    h(`span.chip${source === place ? ".special" : ""}`, {}, bidi(names.get(source))),
  );
  const head = [
    say("token"),
    say("moved"),
    say("output with positions: cosine"),
    say("largest change"),
    say("without positions: cosine"),
    say("largest change"),
  ];
  const rows = view.moves.map(move =>
    h(
      "tr",
      {},
      h(
        "td",
        {},
        h(
          "button",
          {
            type: "button",
            "data-place": move.place,
            onclick: event => ui.pick(move.place, event.shiftKey),
            "aria-pressed": String((ui.get("selected") || []).includes(move.place)),
          },
          bidi(move.token),
        ),
      ),
      h(
        "td",
        {},
        move.place === move.moved_to ? h("span.muted", {}, say("stays")) : `${move.place} → ${move.moved_to}`,
      ),
      cosineBar(move.cosine, "position"),
      h("td.number", {}, change(move.distance)),
      cosineBar(move.cosine_without_positions, "word"),
      h("td.number", {}, change(move.distance_without_positions)),
    ),
  );
  const others =
    view.others === null
      ? ""
      : say("Different tokens of the text have cosine {cosine} in the mean.", { cosine: number(view.others, 2) });
  return [
    h(
      "div.sentence",
      { "aria-label": say("The words in their new order") },
      h("span.muted", {}, say("now")),
      ...sentence,
    ),
    h(
      "table",
      {},
      h("tr", {}, ...head.map((name, i) => h(i === 3 || i === 5 ? "th.number" : "th", {}, name))),
      ...rows,
    ),
    h("p.muted.small", {}, others),
  ];
}
