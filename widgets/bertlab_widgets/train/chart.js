// The curves of a run, below each other: loss, the held-out figure, the gradient's norm; a pinned run dashed.
import { fitCanvas } from "../kit/canvas.js";
import { say } from "../kit/language.js";
import { number, spread, thousands, ticks } from "../kit/numbers.js";
import { baselineName, blindShare, metricName } from "./names.js";

const DASHES = [2, 3];
const PARTS = [
  [0, 0.52],
  [0.52, 0.83],
  [0.83, 1],
];
const LOW = 240; // pixels: a picture that is lower leaves the gradient's norm out
const LOW_PARTS = [
  [0, 0.56],
  [0.56, 1],
];

/** What is drawn with: the context, where steps and values stand, texts and lines. */
function makePen(ui, canvas, width, height, total) {
  const c = fitCanvas(canvas, width, height);
  const [scale, colors] = [ui.scale(), ui.colors()];
  const pen = { c, colors, scale, width, height, left: 44 * scale, right: width - 118 * scale };
  c.font = `${11 * scale}px ${colors.wordFont}`;
  c.textBaseline = "middle";
  pen.hues = colors.dark ? ["#6cb6ff", "#ffab5e", "#4fd1a5"] : ["#0b62b0", "#c04f00", "#00755a"];
  pen.parts = height < LOW * scale ? LOW_PARTS : PARTS;
  pen.x = step => pen.left + ((pen.right - pen.left) * step) / total;
  pen.box = i => {
    const [top, bottom] = pen.parts[i];
    const foot = i === pen.parts.length - 1 ? 20 : 8;
    return { top: height * top + 24 * scale, bottom: height * bottom - foot * scale };
  };
  pen.label = (text, at, y, color, align = "start") => {
    c.fillStyle = color;
    c.textAlign = align;
    c.fillText(text, at, y);
  };
  pen.line = (points, color, { thick = 1, dash = [], alpha = 1 } = {}) => {
    c.strokeStyle = color;
    c.lineWidth = thick;
    c.globalAlpha = alpha;
    c.setLineDash(dash);
    c.beginPath();
    points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
    c.lineWidth = 1;
  };
  pen.dot = (x, y, radius, color, hollow) => {
    c.beginPath();
    c.arc(x, y, radius, 0, 7);
    c.fillStyle = hollow ? colors.paper : color;
    c.fill();
    if (hollow) {
      c.strokeStyle = color;
      c.stroke();
    }
  };
  pen.clip = (bounds, draw) => {
    c.save();
    c.beginPath();
    c.rect(pen.left - 4, bounds.top - 4, pen.right - pen.left + 8, bounds.bottom - bounds.top + 8);
    c.clip();
    draw();
    c.restore();
  };
  return pen;
}

/** Title, legend and round values of one part; returns where a value stands. */
function axes(pen, bounds, most, { title, legend, format = number, count = 4 }) {
  const { c, colors, scale, left, right } = pen;
  const high = bounds.bottom - bounds.top;
  const y = value => bounds.bottom - (high * Math.min(value, most * 1.02)) / most;
  const row = bounds.top - 14 * scale;
  pen.label(title, 0, row, colors.ink);
  let at = left + c.measureText(title).width;
  for (const [text, color, shape] of legend) {
    if (shape === "dot") pen.dot(at + 8, row, 3.5, color);
    else
      pen.line(
        [
          [at, row],
          [at + 16, row],
        ],
        color,
        { thick: 2, dash: shape === "dashes" ? DASHES : [] },
      );
    pen.label(text, at + 22, row, colors.muted);
    at += 38 + c.measureText(text).width;
  }
  const room = Math.max(1, Math.floor((bounds.bottom - bounds.top) / (18 * pen.scale))); // no number over another
  for (const value of ticks(most, Math.min(count, room))) {
    const level = Math.round(y(value)) + 0.5;
    pen.line(
      [
        [left, level],
        [right, level],
      ],
      colors.line,
      { alpha: value === 0 ? 1 : 0.5 },
    );
    pen.label(format(value), left - 6, y(value), colors.muted, "end");
  }
  return y;
}

/** What knowing nothing gives, dashed, with its name at the line; names of one value share it. */
function baselines(pen, entries, y, bounds, format) {
  const byValue = new Map();
  for (const [name, value] of entries) {
    const names = byValue.get(format(value))?.[0] || [];
    byValue.set(format(value), [[...names, name], value]);
  }
  const lines = [...byValue.entries()];
  const places = spread(
    lines.map(([, [, value]]) => y(value)),
    14 * pen.scale,
    bounds.bottom,
  );
  lines.forEach(([text, [names, value]], i) => {
    const { c, left, right, width, colors } = pen;
    pen.line(
      [
        [left, y(value)],
        [right, y(value)],
      ],
      colors.muted,
      { dash: [4, 4] },
    );
    const fits = name => c.measureText(`${name} ${text}`).width <= width - right - 6;
    pen.label(`${baselineName(names, fits)} ${text}`, right + 6, places[i], colors.muted);
  });
}

function curve(pen, [steps, values], y, color, thick = 1.5, dash = []) {
  pen.line(
    steps.map((step, i) => [pen.x(step), y(values[i])]),
    color,
    { thick, dash },
  );
  if (steps.length === 1) pen.dot(pen.x(steps[0]), y(values[0]), 2, color);
}

function dots(pen, points, y, color, pinned) {
  const places = points.map(([step, value]) => [pen.x(step), y(value)]);
  pen.line(places, color, pinned ? { dash: DASHES } : { alpha: 0.6 });
  for (const [x, at] of places) pen.dot(x, at, pinned ? 3 : 3.5, color, pinned);
}

function lossPart(pen, view) {
  const { colors, hues } = pen;
  const { pinned } = view;
  const [loss, heldOut, lines] = [view.loss || [[], []], view.held_out || [], Object.entries(view.lines || {})];
  const other = pinned ? [...pinned.loss[1], ...pinned.held_out.map(point => point[1])] : [];
  const values = [...loss[1], ...heldOut.map(point => point[1]), ...other]
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const typical = values.length ? values[Math.floor(values.length * 0.98)] : 0;
  const most = 1.12 * Math.max(0.1, typical, ...lines.map(([, value]) => value));
  const legend = [
    [pinned ? say("B training") : say("training"), hues[0], "line"],
    [pinned ? say("B held out") : say("held out"), hues[1], "dot"],
  ];
  if (pinned) legend.push([say("A, pinned"), colors.muted, "dashes"]);
  const bounds = pen.box(0);
  const y = axes(pen, bounds, most, { title: say("Loss"), legend, format: value => number(value, 2) });
  pen.clip(bounds, () => {
    if (pinned) {
      curve(pen, pinned.loss, y, colors.muted, 1.25, DASHES);
      dots(pen, pinned.held_out, y, colors.muted, true);
    }
    curve(pen, loss, y, hues[0]);
    dots(pen, heldOut, y, hues[1]);
  });
  baselines(pen, lines, y, bounds, value => number(value, 3));
}

function figurePart(pen, view) {
  const { colors, hues } = pen;
  const { pinned } = view;
  const figures = view.figures || [];
  const legend = figures.length ? [[pinned ? say("B held out, %") : say("held out, %"), hues[2], "dot"]] : [];
  if (figures.length && pinned?.figures.length) legend.push(["A", colors.muted, "dashes"]);
  const bounds = pen.box(1);
  const title = metricName(view.metric || view.about?.metric);
  const y = axes(pen, bounds, 100, { title, legend, format: value => value.toFixed(0), count: 2 });
  pen.clip(bounds, () => {
    if (pinned) dots(pen, pinned.figures, y, colors.muted, true);
    dots(pen, figures, y, hues[2]);
  });
  baselines(pen, Object.entries(view.chance || {}).slice(0, 4), y, bounds, value => blindShare(value / 100));
}

function normPart(pen, view) {
  const { colors, hues } = pen;
  const { pinned } = view;
  const norms = view.norm || [[], []];
  const known = [...norms[1], ...(pinned?.norm[1] || [])].filter(Number.isFinite);
  const bounds = pen.box(2);
  const format = value => number(value, 2);
  const most = 1.1 * Math.max(1, ...known);
  const y = axes(pen, bounds, most, { title: say("Gradient norm"), legend: [], format, count: 1 });
  pen.clip(bounds, () => {
    if (pinned) curve(pen, pinned.norm, y, colors.muted, 1, DASHES);
    curve(pen, norms, y, pinned ? hues[0] : colors.muted, 1);
  });
}

/** Draw the curves on a canvas, so large. */
export function drawChart(ui, canvas, view, width, height) {
  const total = Math.max(1, view.steps || 1, view.pinned?.steps || 1);
  const pen = makePen(ui, canvas, width, height, total);
  const { colors, scale, right, x } = pen;
  if (!Object.keys(view.lines || {}).length && !view.loss?.[0].length) {
    const text = say("Curves of loss, accuracy and gradient appear here.");
    pen.label(text, width / 2, height / 2, colors.muted, "center");
    canvas.setAttribute("aria-label", say("No curves yet"));
    return;
  }
  lossPart(pen, view);
  figurePart(pen, view);
  if (pen.parts.length > 2) normPart(pen, view);
  const foot = height - 8 * scale;
  for (const step of view.steps ? ticks(total, 6) : []) {
    const align = step === 0 ? "start" : x(step) > right - 14 ? "end" : "center";
    pen.label(thousands(step), Math.min(x(step), right), foot, colors.muted, align);
  }
  pen.label(say("step"), 0, foot, colors.muted);
  if (view.moments?.length && view.phase !== "training") {
    for (const part of pen.parts.keys()) {
      const { top, bottom } = pen.box(part);
      pen.line(
        [
          [x(view.at_step), top - 4],
          [x(view.at_step), bottom],
        ],
        colors.mark,
        { thick: 1.5 },
      );
    }
  }
  const values = { metric: metricName(view.metric), answer: ui.get("answer") };
  canvas.setAttribute("aria-label", say("Loss, {metric} and gradient norm by step. {answer}", values));
}
