// Six rankings of the tokens side by side; the last one measures what the others promise.
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number } from "../kit/numbers.js";

/** The rows in the order of a method's ranks, or of the text. */
export function sorted(rows, methods, order) {
  const at = methods.findIndex(([name]) => name === order);
  return at < 0 ? rows : [...rows].sort((a, b) => a.ranks[at] - b.ranks[at] || a.place - b.place);
}

const rho = value => (value === null || value === undefined ? "–" : number(value, 2));

export function reasonsLook(ui) {
  const { get } = ui;
  const label = say("Ranks of the tokens by six methods");
  const scroll = h("div.scroll", { tabindex: "0", role: "region", "aria-label": label });
  function cell(row, i, count) {
    const share = 1 - (row.ranks[i] - 1) / Math.max(1, count - 1);
    const shade = `background:color-mix(in srgb, var(--accent) ${Math.round(45 * share ** 2)}%, var(--paper))`;
    return h(
      "td.rank",
      { style: shade, title: say("score {number}", { number: number(row.scores[i], 3) }) },
      String(row.ranks[i]),
    );
  }
  function draw(view) {
    if (!view.rows.length) {
      scroll.replaceChildren(h("p.muted", {}, say("Scoring the tokens in six ways …")));
      return;
    }
    const order = get("order");
    const header = (name, text) =>
      h(
        "th",
        { "aria-sort": order === name ? "ascending" : null },
        h(
          "button",
          { type: "button", onclick: () => ui.set("order", order === name ? "place" : name) },
          text,
          order === name ? " ↓" : "",
        ),
      );
    const head = h("tr", {}, header("place", say("token")), ...view.methods.map(([name, text]) => header(name, text)));
    const last = view.methods.length - 1;
    const agree = h(
      "tr.agree",
      {},
      h("th", { scope: "row" }, say("ρ with the effect")),
      ...view.methods.map((_, i) => h("td", {}, h("b", {}, i === last ? "1" : rho(view.correlation[i][last])))),
    );
    const rows = sorted(view.rows, view.methods, order).map(row =>
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
              class: (get("selected") || []).includes(row.place) ? "chosen" : null,
              onclick: () => ui.pick(row.place, false),
            },
            bidi(row.token),
            row.place === view.watched_place ? h("span.muted", {}, say(" (the gap)")) : "",
          ),
        ),
        ...view.methods.map((_, i) => cell(row, i, view.rows.length)),
      ),
    );
    const values = { count: view.rows.length, chance: number(view.chance, 2) };
    const note = say(
      "Ranks: 1 speaks most for the word. One of 20 shuffled orders of {count} tokens reaches |ρ| {chance}.",
      values,
    );
    scroll.replaceChildren(
      h("table.ranks", {}, h("thead", {}, head, agree), h("tbody", {}, ...rows)),
      h("p.small.muted", {}, note),
    );
  }
  return { parts: [scroll], controls: [], draw };
}
