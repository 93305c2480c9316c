// Names of sets, metrics, phases and baselines for an audience: marked here, said where they are shown.
import { mark, say } from "../kit/language.js";
import { percent } from "../kit/numbers.js";

export const DATA_SETS = [
  ["sentiment", mark("Sentiment")],
  ["topics", mark("Eight topics")],
  ["entities", mark("Names in sentences")],
  ["pairs", mark("Does it follow?")],
  ["similarity", mark("How alike?")],
  ["choices", mark("Which ending?")],
  ["questions", mark("Questions and answers")],
  ["agreement", mark("Nano: agreement")],
  ["reversal", mark("Nano: reversal")],
  ["text", mark("Nano: real text")],
  ["file", mark("A file …")],
  ["pasted", mark("Pasted lines …")],
];
export const PHASES = {
  idle: "",
  preparing: mark("reading the data"),
  training: mark("training"),
  paused: mark("paused"),
  done: mark("finished"),
  stopped: mark("stopped"),
  failed: mark("failed"),
};
const METRICS = {
  accuracy: mark("Accuracy"),
  span_f1: mark("F1 of spans"),
  f1: mark("F1"),
  masked_top5: mark("Word among the first five"),
  spearman: mark("Rank correlation"),
  macro_f1: mark("Macro F1"),
};

export function metricName(name) {
  const text = METRICS[name || "accuracy"] || name.replaceAll("_", " ");
  return say(text[0].toUpperCase() + text.slice(1));
}

const BASELINES = {
  chance: mark("chance"),
  majority: mark("majority"),
  "always the mean": mark("always the mean"),
  "unigram entropy": mark("unigram entropy"),
};
const SHORT = { ...BASELINES, "unigram entropy": mark("unigram") };

/** What knowing nothing gives, by its names; where they do not fit in short, and chance stands for the majority. */
export function baselineName(names, fits) {
  const whole = names.map(name => say(BASELINES[name] || name)).join(say(", "));
  if (fits(whole)) return whole;
  const kept = names.includes("chance") ? names.filter(name => name !== "majority") : names;
  return kept.map(name => say(SHORT[name] || name)).join(say(", "));
}

/** What a blind guess gets, 0 to 1; as `blind_share` in said.py writes it. */
export function blindShare(share) {
  const exact = Number((100 * share).toFixed(2));
  return Math.abs(100 * share - exact) < 1e-9 * Math.abs(exact) ? say("{number} %", { number: exact }) : percent(share);
}

/** As much of a text as has room in a card. */
export const shortened = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);
