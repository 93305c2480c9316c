// Names of sets, metrics and phases for an audience.

export const DATA_SETS = [
  ["sentiment", "Sentiment"],
  ["topics", "Eight topics"],
  ["entities", "Names in sentences"],
  ["pairs", "Does it follow?"],
  ["similarity", "How alike?"],
  ["choices", "Which ending?"],
  ["questions", "Questions and answers"],
  ["agreement", "Nano: agreement"],
  ["reversal", "Nano: reversal"],
  ["text", "Nano: real text"],
  ["file", "A file …"],
  ["pasted", "Pasted lines …"],
];
export const PHASES = {
  idle: "",
  preparing: "reading the data",
  training: "training",
  paused: "paused",
  done: "finished",
  stopped: "stopped",
  failed: "failed",
};
const METRICS = {
  span_f1: "F1 of spans",
  f1: "F1",
  masked_top5: "Word among the first five",
  spearman: "Rank correlation",
  macro_f1: "Macro F1",
};

export function metricName(name) {
  const text = METRICS[name] || (name || "accuracy").replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/** As much of a text as has room in a card. */
export const shortened = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);
