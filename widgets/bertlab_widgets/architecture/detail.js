// Everything about one place: facts, a histogram, lengths by token; or the lines of source that use it.
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number, thousands } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";

/** Counts in equal steps as bars, with zero and the mean marked. */
function histogram(detail) {
  const { histogram: counts, statistics } = detail;
  const most = Math.max(...counts);
  const span = statistics.max - statistics.min || 1;
  const at = value => (100 * (value - statistics.min)) / span;
  const bars = counts.map((count, i) => {
    const height = count ? Math.max(0.6, (40 * count) / most) : 0;
    const width = 100 / counts.length;
    return svg("rect", { x: i * width, y: 40 - height, width: width * 0.92, height, fill: "var(--accent)" });
  });
  const line = (value, colour, dash) =>
    svg("line", {
      x1: at(value),
      x2: at(value),
      y1: 0,
      y2: 40,
      stroke: colour,
      "stroke-dasharray": dash,
      "stroke-width": 1.5,
      "vector-effect": "non-scaling-stroke",
    });
  const zero = statistics.min < 0 && statistics.max > 0 ? [line(0, "var(--muted)", "2 2")] : [];
  const marks = [...zero, line(statistics.mean, "var(--mark)", null)];
  const ends = { least: number(statistics.min), greatest: number(statistics.max), highest: thousands(most) };
  const said = say("Histogram from {least} to {greatest}, highest bar {highest}", ends);
  const attributes = { viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": said };
  return h(
    "div.histogram",
    {},
    svg("svg", attributes, ...bars, ...marks),
    h(
      "div.axis",
      {},
      h("span", {}, number(statistics.min)),
      h("span.mean", {}, say("mean {value}", { value: number(statistics.mean) })),
      h("span", {}, number(statistics.max)),
    ),
  );
}

/** How long the vector is at each token. */
function byToken(ui, lengths) {
  const tokens = ui.get("tokens") || [];
  const selected = new Set(ui.get("selected") || []);
  const top = Math.max(...lengths) || 1;
  const rows = lengths.flatMap((length, i) => [
    h(`span${selected.has(i) ? ".best" : ""}`, {}, bidi(tokens[i]?.text ?? String(i))),
    h(
      "div.bar",
      {},
      h("i", { style: `width: ${(100 * length) / top}%` }),
      h("span.figure", { style: `left: ${(100 * length) / top}%` }, number(length)),
    ),
  ]);
  return [h("h4", {}, say("Length at each token")), h("div.bars", {}, ...rows)];
}

function sourceLines(source) {
  const marked = new Set(source.marked);
  const lines = source.lines.map((line, i) =>
    h(marked.has(i) ? "mark" : "span", { "data-line": source.first + i }, `${line}\n`),
  );
  return [h("div.small.muted", {}, source.name), h("pre", {}, ...lines)];
}

/** The parts of the column. */
export function drawDetail(ui, detail) {
  const rows = detail.facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  const steps = (detail.path || say("the whole model")).split(/(?<=\.)/).flatMap(step => [step, h("wbr")]);
  const title = h("h4", {}, h("code", {}, ...steps));
  if (detail.source) return [title, ...sourceLines(detail.source)];
  const { statistics } = detail;
  if (statistics) {
    const pairs = [
      [say("deviation"), statistics.std],
      [say("norm"), statistics.norm],
    ];
    for (const [name, value] of pairs) rows.push(h("dt", {}, name), h("dd", {}, number(value, 4)));
    if (statistics.left_out) {
      const count = thousands(statistics.left_out);
      const reason = say("{count} that are no numbers, or hidden places", { count });
      rows.push(h("dt", {}, say("left out")), h("dd", {}, reason));
    }
  }
  return [
    title,
    detail.about ? h("p", {}, detail.about) : null,
    h("dl", {}, ...rows),
    statistics ? histogram(detail) : null,
    ...(detail.lengths ? byToken(ui, detail.lengths) : []),
  ].filter(Boolean);
}
