// What either side expects at every place, and at the watched one.
import { bars } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { percent } from "../kit/numbers.js";

export function predictionsLook(ui) {
  const { get } = ui;
  const label = say("The likeliest word at each place");
  const scroll = h("div.scroll", { tabindex: "0", role: "region", "aria-label": label });
  const right = h("div");
  const columns = h("div.two", {}, scroll, right);
  function row(one) {
    const chosen = (get("selected") || []).includes(one.place);
    const button = h(
      "button",
      { type: "button", class: chosen ? "chosen" : null, onclick: () => ui.pick(one.place, false) },
      bidi(one.token),
    );
    const word = (token, probability) => h("td", {}, bidi(token), h("span.muted", {}, ` ${percent(probability)}`));
    const bar = h("div.bar", {}, h("i", { class: one.changed ? null : "none", style: `width:${100 * one.moved}%` }));
    return h(
      "tr",
      { class: one.changed ? "changed" : null },
      h("td", {}, button),
      word(one.before, one.before_probability),
      h(
        "td",
        {},
        one.changed ? bidi(one.after) : h("span.muted", {}, say("the same")),
        h("span.muted", {}, ` ${percent(one.after_probability)}`),
      ),
      h("td", {}, bar, percent(one.moved)),
    );
  }
  function draw(view) {
    const names = [say("token"), say("A expects"), say("B expects"), say("probability that moved")];
    const head = h("tr", {}, ...names.map(name => h("th", {}, name)));
    const table = h("table", {}, h("thead", {}, head), h("tbody", {}, ...view.rows.map(row)));
    scroll.replaceChildren(table);
    const words = view.bars.map(one => ({ label: one.token, value: one.probability, before: one.before }));
    const where = view.hidden
      ? say("At place {place}, hidden: B, the mark shows A", { place: view.place })
      : say("At place {place}: B, the mark shows A", { place: view.place });
    right.replaceChildren(
      h("h4", {}, where),
      words.length ? bars(words) : h("p.muted", {}, say("The watched token has no partner in the other text.")),
      h("p.small.muted", {}, say("Select a token, or mask one, to watch its place.")),
    );
  }
  return { parts: [columns], controls: [], draw };
}
