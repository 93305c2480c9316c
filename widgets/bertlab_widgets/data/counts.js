// What is taken for what, as a matrix whose cells narrow the list; and how sure the head is when it is right.
import { chanceBars } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { say, sayN } from "../kit/language.js";
import { percent, thousands } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";
import { grid } from "./window.js";

const MOST = 12; // labels or rows of a matrix that is drawn as one

const same = (one, other) => one.length === other.length && one.every((x, i) => x === other[i]);

/** Choose what the list shows: a second click shows all again. */
function narrow(ui, cell) {
  ui.setAll({ cell: same(ui.get("cell"), cell) ? [] : cell, row: -1 });
}

function choice(ui, cell, selector, label, ...children) {
  const on = same(ui.get("cell"), cell);
  return h(
    selector,
    { type: "button", "aria-pressed": String(on), "aria-label": label, onclick: () => narrow(ui, cell) },
    ...children,
  );
}

function matrixTable(ui, view) {
  const { matrix, labels } = view;
  const counts = grid(matrix.cells, matrix.names.length, labels.length);
  const pins = view.pinned.matrix;
  const comparable =
    pins && pins.by === matrix.by && same(pins.names, matrix.names) && same(view.pinned.labels, labels);
  const before = comparable ? grid(pins.cells, matrix.names.length, labels.length) : null;
  const what = matrix.by || (view.labelled ? say("label") : "");
  const judged = matrix.right.some(share => share !== null);
  const head = [
    h("th", { scope: "col" }, say("{what} ↓ said →", { what })),
    ...labels.map((label, column) =>
      h(
        "th.number",
        { scope: "col" },
        choice(ui, [-1, column], "button", say("all rows called {label}", { label }), bidi(label, "bdi")),
      ),
    ),
    judged ? h("th.number", { scope: "col" }, say("right")) : null,
  ];
  const rows = matrix.names.map((name, row) => {
    const cells = counts[row].map((count, column) => {
      const share = matrix.totals[row] ? count / matrix.totals[row] : 0;
      const right = !matrix.by && view.labelled && row === column;
      const style = `background:color-mix(in srgb, var(--accent) ${Math.round(42 * share)}%, var(--paper))`;
      const pinned = before ? h("small", {}, ` A ${thousands(before[row][column])}`) : "";
      const label = say("{name} called {label}: {count}", { name, label: labels[column], count });
      const button = choice(
        ui,
        [row, column],
        right ? "button.count.diagonal" : "button.count",
        label,
        thousands(count),
        pinned,
      );
      button.style = style;
      return h("td", {}, button);
    });
    const [share, all] = [matrix.right[row], say("all rows of {name}", { name })];
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, choice(ui, [row, -1], "button", all, bidi(name, "bdi"))),
      ...cells,
      judged ? h("td.number", {}, share === null ? "" : percent(share)) : null,
    );
  });
  return h("table.matrix", { "aria-label": say("What is taken for what") }, h("tr", {}, ...head), ...rows);
}

/** Where there are too many labels for a matrix: the fullest cells off its diagonal, then the others. */
function fullest(ui, view) {
  const { matrix, labels } = view;
  const wrong = matrix.by ? matrix.cells : matrix.cells.filter(([row, column]) => !view.labelled || row !== column);
  const rows = wrong.slice(0, 60).map(([row, column, count]) => {
    const values = { name: matrix.names[row], label: labels[column], count };
    const name = say("{name} called {label}: {count}", values);
    const said = [bidi(matrix.names[row], "bdi"), " → ", bidi(labels[column], "bdi")];
    return h(
      "tr",
      {},
      h("td", {}, choice(ui, [row, column], "button", name, ...said)),
      h("td.number", {}, thousands(count)),
    );
  });
  const what = view.labelled
    ? say("Most frequent mistakes of {count} labels", { count: labels.length })
    : say("Most frequent of {count} labels", { count: labels.length });
  return [h("h4", {}, what), h("table.matrix", {}, ...rows)];
}

export function confusion(ui, view) {
  const small = view.labels.length <= MOST && view.matrix.names.length <= Math.max(MOST, 13);
  const parts = small ? [matrixTable(ui, view)] : fullest(ui, view);
  const bars = [];
  if (view.accuracy !== null) {
    const before = view.pinned.accuracy ?? undefined;
    const chance = { at: view.majority, text: say("most frequent label, {share}", { share: view.majority_said }) };
    bars.push(chanceBars([{ label: say("right"), value: view.accuracy, before }], chance));
  }
  return [...bars, h("div.scroll.tall", { tabindex: "0", role: "region", "aria-label": say("Matrix") }, ...parts)];
}

export function calibration(ui, view) {
  const { bins, error } = view.calibration;
  if (!view.labelled) return [h("p.muted", {}, say("Without labels nobody can tell how often the head is right."))];
  const [wide, high, left, bottom, top] = [420, 260, 44, 46, 10];
  const x = share => left + share * (wide - left - 20); // room for half of the last mark's name
  const y = share => high - bottom - share * (high - bottom - top);
  const parts = [];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(svg("line", { x1: x(0), x2: x(1), y1: y(share), y2: y(share), class: "rule" }));
    parts.push(svg("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, percent(share)));
  }
  bins.forEach((found, i) => {
    const middle = x((found.low + found.high) / 2);
    if (i % 2)
      parts.push(
        svg("text", { x: x(found.high), y: high - bottom + 28, "text-anchor": "middle" }, percent(found.high)),
      );
    if (!found.count) return;
    const on = ui.get("bin") === i;
    const values = { low: 100 * found.low, high: 100 * found.high, share: percent(found.accuracy) };
    const label = sayN(
      "confidence {low} to {high} %: {count} row, {share} right",
      "confidence {low} to {high} %: {count} rows, {share} right",
      found.count,
      values,
    );
    const choose = () => ui.setAll({ bin: on ? -1 : i, row: -1 });
    const bar = svg(
      "g",
      { class: "bin", role: "button", tabindex: "0", "aria-pressed": String(on), "aria-label": label, "data-bin": i },
      svg("rect", {
        x: x(found.low) + 1,
        width: x(found.high) - x(found.low) - 2,
        y: top,
        height: high - bottom - top,
        class: "room",
      }),
      svg("rect", {
        x: x(found.low) + 1,
        width: x(found.high) - x(found.low) - 2,
        y: y(found.accuracy),
        height: Math.max(1, y(0) - y(found.accuracy)),
        class: "share",
      }),
      svg("text", { x: middle, y: high - bottom + 14, "text-anchor": "middle" }, thousands(found.count)),
    );
    bar.append(svg("title", {}, label));
    bar.addEventListener("click", choose);
    bar.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      choose();
    });
    parts.push(bar);
  });
  parts.push(svg("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "ideal" }));
  for (const found of bins) {
    if (!found.count) continue;
    const [at, up] = [x(found.confidence), y(found.accuracy)];
    parts.push(svg("path", { d: `M${at - 4},${up}l4,-4l4,4l-4,4z`, class: "mean" }));
  }
  parts.push(
    svg(
      "text",
      { x: x(0), y: high - 4, class: "name" },
      say("rows in the bin; below: confidence. ◆ mean confidence of the bin"),
    ),
  );
  const chart = svg(
    "svg",
    {
      viewBox: `0 0 ${wide} ${high}`,
      class: "reliability",
      role: "group",
      "aria-label": say("How often the head is right, by how sure it is"),
    },
    ...parts,
  );
  const ideal = say("Share that is right, by confidence; on the dashed line it would be as sure as it is right.");
  const expected =
    view.pinned.error === undefined
      ? say("Expected error {error}.", { error: percent(error) })
      : say("Expected error {error} (A: {pinned}).", { error: percent(error), pinned: percent(view.pinned.error) });
  const said = say("{first} {second}", { first: ideal, second: expected });
  return [h("p.muted.small.help", {}, said), chart];
}
