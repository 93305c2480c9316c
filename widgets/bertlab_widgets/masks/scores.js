// Pseudo-log-likelihoods: how surprised BERT is by each token, in one sentence or in two.
import { bidi, h } from "../kit/dom.js";
import { number } from "../kit/numbers.js";

const HELP = "Each token masked alone; the bar is how surprised BERT is by it (−log p).";

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
  return [h("h4", {}, `Sum ${number(sum, 4)}`), lossRows(rows)];
}

export function oneScore(view) {
  const blind = `${HELP} ln V = ${number(Math.log(view.vocabulary), 3)} would be a blind guess.`;
  const list = h("div.scroll", { tabindex: "0", "aria-label": "Log-probability of each token" }, ...scored(view.score));
  return [h("p.muted.help", {}, blind), list];
}

/** Two sentences beside each other; the second is typed here. */
export function bothScores(ui) {
  const field = h("input", {
    type: "text",
    class: "other",
    "aria-label": "Sentence to hold against the first",
    placeholder: "Another sentence, then Enter",
    value: ui.get("other").text || "",
    onchange: () => ui.set("other", { text: field.value }),
  });
  ui.on(["other"], () => {
    if (document.activeElement !== field) field.value = ui.get("other").text || "";
  });
  const what = "Type a second sentence: change one word and see which BERT prefers.";
  return view => {
    if (view.missing) return [field, h("p.muted", {}, view.missing)];
    const second = view.other.length ? scored(view.other) : [h("p.muted", {}, what)];
    const both = [h("div", {}, ...scored(view.score)), h("div", {}, ...second)];
    return [field, h("div.scroll.both", { tabindex: "0", "aria-label": "Two sentences" }, ...both)];
  };
}
