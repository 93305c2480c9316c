// Pseudo-log-likelihoods: how surprised BERT is by each token, in one sentence or in two.
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number } from "../kit/numbers.js";

function lossRows(rows) {
  const top = Math.max(1, ...rows.map(row => -row.log_probability));
  const parts = rows.flatMap(row => {
    const width = (100 * -row.log_probability) / top;
    const figure = h("span.figure", { style: `left:${width}%` }, number(row.log_probability, 3));
    return [bidi(row.token), h("div.bar", {}, h("i", { style: `width:${width}%` }), figure)];
  });
  return h("div.loss", {}, ...parts);
}

function scored(rows) {
  const sum = rows.reduce((total, row) => total + row.log_probability, 0);
  return [h("h4", {}, say("Sum {sum}", { sum: number(sum, 4) })), lossRows(rows)];
}

export function oneScore(view) {
  const help = say(
    "Each token masked alone; the bar is how surprised BERT is by it (−log p). ln V = {blind} would be a blind guess.",
    { blind: number(Math.log(view.vocabulary), 3) },
  );
  const label = say("Log-probability of each token");
  return [h("p.muted.help", {}, help), h("div.scroll", { tabindex: "0", "aria-label": label }, ...scored(view.score))];
}

/** Two sentences beside each other; the second is typed here. */
export function bothScores(ui) {
  const field = h("input", {
    type: "text",
    class: "other",
    "aria-label": say("Sentence to hold against the first"),
    placeholder: say("Another sentence, then Enter"),
    value: ui.get("other").text || "",
    onchange: () => ui.set("other", { text: field.value }),
  });
  ui.on(["other"], () => {
    if (document.activeElement !== field) field.value = ui.get("other").text || "";
  });
  const what = say("Type a second sentence: change one word and see which BERT prefers.");
  return view => {
    if (view.missing) return [field, h("p.muted", {}, view.missing)];
    const second = view.other.length ? scored(view.other) : [h("p.muted", {}, what)];
    const both = [h("div", {}, ...scored(view.score)), h("div", {}, ...second)];
    return [field, h("div.scroll.both", { tabindex: "0", "aria-label": say("Two sentences") }, ...both)];
  };
}
