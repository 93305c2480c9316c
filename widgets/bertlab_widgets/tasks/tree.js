// Beam search as a tree: the strong line is the best text, pale ones died out.
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";
import { textOf, timing } from "./steps.js";

const ORDER = ["lost", "kept", "best"];

/** The beam of each step before `row` of `step`, from the first on. */
function lineage(steps, step, row) {
  const rows = [];
  for (let s = step, r = row; s >= 0; s--) {
    rows.unshift(r);
    r = steps[s].beams[r].parent;
  }
  return rows;
}

/** For each step the beam that the best hypothesis went through (-1: none), and which beams the last step grew from. */
export function paths(steps, best) {
  const onBest = steps.map(() => -1);
  const last = Math.min(best.length, steps.length) - 1;
  if (last >= 0) {
    const wanted = best.slice(0, last + 1).join(" ");
    for (const row of steps[last].beams.keys()) {
      const rows = lineage(steps, last, row);
      if (rows.map((r, s) => steps[s].beams[r].token).join(" ") !== wanted) continue;
      rows.forEach((r, s) => {
        onBest[s] = r;
      });
      break;
    }
  }
  const lives = steps.map(step => step.beams.map(() => false));
  for (const row of steps[steps.length - 1].beams.keys()) {
    lineage(steps, steps.length - 1, row).forEach((r, s) => {
      lives[s][r] = true;
    });
  }
  return { onBest, lives };
}

function node(beam, kind, x, y, scale) {
  const place = { x, y: y + 4 * scale, class: kind === "lost" ? "minor" : null, style: "unicode-bidi:isolate" };
  return svg(
    "g",
    { class: kind },
    svg("title", {}, say("{token}: log-probability {value}", { token: beam.token, value: number(beam.score, 3) })),
    svg("text", place, [...beam.token].slice(0, 9).join("")),
    svg("text", { x, y: y + 15 * scale, class: "minor" }, number(beam.score, 3)),
  );
}

function picture(ui, view) {
  const { steps } = view;
  const scale = ui.scale();
  const [columnWidth, rowHeight, left] = [112 * scale, 34 * scale, 84 * scale];
  const count = Math.max(...steps.map(step => step.beams.length));
  const [width, height] = [left + steps.length * columnWidth + 16, count * rowHeight + 12];
  const x = step => left + step * columnWidth;
  const y = row => 20 * scale + row * rowHeight;
  const { onBest, lives } = paths(steps, view.best || []);
  const edges = [];
  const nodes = [];
  steps.forEach((step, s) => {
    step.beams.forEach((beam, row) => {
      const kind = onBest[s] === row ? "best" : lives[s][row] ? "kept" : "lost";
      const [x1, y1] = s ? [x(s - 1) + 74 * scale, y(beam.parent)] : [left - 16 * scale, y(0)];
      const [x2, y2] = [x(s) - 6, y(row)];
      const middle = (x1 + x2) / 2;
      const d = `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
      edges.push([kind, svg("path", { class: kind, d })]);
      nodes.push(node(beam, kind, x(s), y2, scale));
    });
  });
  edges.sort((a, b) => ORDER.indexOf(a[0]) - ORDER.indexOf(b[0]));
  const label = say("Tree of {count} beams over {steps} steps", { count, steps: steps.length });
  const attributes = { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label };
  const start = svg("text", { x: 0, y: y(0) + 4 * scale, class: "minor" }, say("the text"));
  return svg("svg", attributes, ...edges.map(([, edge]) => edge), start, ...nodes);
}

export function beamTree(ui, view) {
  if (!view.steps.length) return h("div");
  const ended = view.steps[view.steps.length - 1].hypotheses.slice(0, 4).map((one, i) => {
    const text = bidi(textOf(one.tokens.slice(view.prompt.length)));
    return h(
      "div.small",
      {},
      `${i + 1}. `,
      text,
      h("span.muted", {}, ` ${say("score {score}", { score: number(one.score, 3) })}`),
    );
  });
  const help = say("Numbers: sum of log-probabilities. The strong line is the best text, pale ones died out.");
  const tree = h("div.tree", { tabindex: "0", "aria-label": say("Beam search, step by step") }, picture(ui, view));
  const finished = h("div", {}, h("h4", {}, say("Finished, best first")), ...ended);
  const costs = h("div", {}, timing(view), h("p.small.muted", {}, help));
  return h("div", {}, tree, h("div.columns.apart", {}, finished, costs));
}
