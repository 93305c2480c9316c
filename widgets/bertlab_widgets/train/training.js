// A training run as it happens: curves, how far each layer has moved, attention then and now, what the model says
// about watched sentences, and a slider through the moments of the run.

import { fitCanvas } from "../kit/canvas.js";
import { cssColor } from "../kit/colours.js";
import { bars, select, tabs } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { number, percent, spread, ticks } from "../kit/numbers.js";

const DATA_SETS = [
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
const NAMES = {
  span_f1: "F1 of spans",
  f1: "F1",
  masked_top5: "Word among the first five",
  spearman: "Rank correlation",
  macro_f1: "Macro F1",
};
const PHASES = {
  idle: "",
  preparing: "reading the data",
  training: "training",
  paused: "paused",
  done: "finished",
  stopped: "stopped",
  failed: "failed",
};

const DASHES = [2, 3];
const isHead = name => /(^| )head$/.test(name);

const metricName = name => {
  const text = NAMES[name] || (name || "accuracy").replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
};

function trainStage(ui) {
  const { get } = ui,
    scale = () => ui.scale();
  const versus = h("div.small.muted", { hidden: true });
  const picture = h("div.train-picture"),
    chart = h("canvas", { role: "img", tabindex: "-1" }),
    maps = h("div.maps");
  const cards = h("div.cards", {
    tabindex: "0",
    role: "group",
    "aria-label": "What the model says about watched sentences",
  });
  const slider = h("input", {
    type: "range",
    min: "0",
    max: "0",
    step: "1",
    "aria-label": "Time machine: moment of the run",
  });
  const at = h("span.at"),
    machine = h("div.machine.off", {}, h("span", {}, "Time machine"), slider, at);
  const source = h("div.source", { hidden: true });
  picture.append(versus, chart, maps);
  ui.stage.append(h("div.train", {}, picture, cards, machine));
  slider.addEventListener("input", () => ui.set("moment", Number(slider.value)));

  // --- controls
  const first = h("button.first", { type: "button", onclick: () => toggle() }, "Start");
  const stop = h("button", { type: "button", onclick: () => ui.call("stop") }, "Stop");
  function toggle() {
    const phase = get("phase");
    ui.call(phase === "training" ? "pause" : phase === "paused" ? "resume" : "start").catch(() => {});
  }
  function field(trait, label, hint) {
    const box = h("input", {
      type: "number",
      step: "any",
      min: "0",
      "aria-label": label,
      onchange: () => ui.set(trait, Number(box.value) || 0),
    });
    const show = () => {
      if (document.activeElement !== box) box.value = get(trait) || "";
      box.placeholder = hint?.() ?? "";
    };
    ui.on([trait, "view"], show);
    show();
    return h("label", {}, h("span", {}, label), box);
  }
  const suits = () => get("view")?.suits || {};
  const layers = get("view")?.layers || 12;
  const kinds = [
    ["", "as the data says"],
    ...["classification", "multilabel", "regression", "tagging", "choice", "qa", "next_sentence", "masked words"].map(
      kind => [kind, kind.replace("_", " ")],
    ),
  ];
  const frozen = [
    [-1, "nothing"],
    [0, "embeddings"],
    ...Array.from({ length: layers }, (_, i) => [
      i + 1,
      i + 1 === layers ? "all but the head" : `and ${i + 1} layer${i ? "s" : ""}`,
    ]),
  ];
  const own = [
    select(ui, "task", kinds, "Task"),
    select(ui, "freeze", frozen, "Frozen"),
    select(
      ui,
      "rank",
      [[0, "off: the weights"], ...[1, 2, 4, 8, 16, 32, 64].map(rank => [rank, String(rank)])],
      "LoRA rank",
    ),
    field("head_rate", "Rate of the head", () => "same"),
    field("epochs", "Epochs"),
  ];
  const folder = h("input", { type: "text", placeholder: "folder", "aria-label": "Folder to save the model in" }),
    saved = h("span.muted.small", { role: "status" });
  const save = h(
    "button.text-button",
    {
      type: "button",
      onclick: () =>
        ui.call("save_to", { folder: folder.value }).then(
          ({ result }) => {
            saved.textContent = `saved in ${result}`;
          },
          () => {
            saved.textContent = "";
          },
        ),
    },
    "Save the model",
  );
  const fields = h(
    "div.fields",
    {},
    ...own,
    field("rate", "Rate", () => String(suits().rate ?? "")),
    field("batch_size", "Batch", () => String(suits().batch_size ?? "")),
    field("steps", "Steps", () => (suits().steps ? String(suits().steps) : "by epochs")),
    field("seconds", "Time budget, s", () => "none"),
    select(
      ui,
      "precision",
      ["auto", "float32", "bfloat16"].map(x => [x, x]),
      "Precision",
    ),
    select(
      ui,
      "device",
      (get("view")?.devices || ["auto", "cpu"]).map(x => [x, x]),
      "Device",
    ),
    field("seed", "Seed", () => "0"),
  );
  const more = h(
    "details.more",
    {},
    h("summary", {}, "More: task, rates, LoRA, device, save"),
    fields,
    h(
      "div.controls",
      { style: "margin-top:8px" },
      h("button.text-button", { type: "button", onclick: () => ui.call("watch_this") }, "Watch the sentence above"),
      folder,
      save,
      saved,
    ),
  );
  ui.controls.before(source);
  ui.controls.append(
    select(ui, "dataset", DATA_SETS, "Learn from"),
    h("span.run-buttons", {}, first, stop),
    tabs(
      ui,
      "look",
      [
        ["curves", "Curves"],
        ["layers", "Layers"],
        ["attention", "Attention"],
      ],
      "What the stage shows",
    ),
    h(
      "label",
      { title: "Which model the other panels of this workbench show" },
      (() => {
        const box = h("input", {
          type: "checkbox",
          onchange: () => ui.set("shown", box.checked ? "trained" : "before"),
        });
        const show = () => {
          box.checked = get("shown") === "trained";
        };
        ui.on(["shown"], show);
        show();
        return box;
      })(),
      "Other panels show the trained model",
    ),
    more,
  );
  const path = h("input", {
    type: "text",
    placeholder: "path of a .jsonl, .csv, .tsv, .conll, .txt or SQuAD .json file, then Enter",
    "aria-label": "File to learn from",
    onchange: () => ui.set("file", path.value),
  });
  const lines = h("textarea", {
    placeholder: "one example a line: text, a tab (or “ | ”), label",
    "aria-label": "Lines to learn from",
    onchange: () => ui.set("pasted", lines.value),
    spellcheck: "false",
  });
  source.append(path, lines);

  // --- charts
  function drawChart(view) {
    const width = Math.max(240, picture.clientWidth || 640),
      height = ui.stageHeight() - (view.pinned ? 62 : 40) * scale(),
      c = fitCanvas(chart, width, height),
      colors = ui.colors();
    const blue = colors.dark ? "#6cb6ff" : "#0b62b0",
      orange = colors.dark ? "#ffab5e" : "#c04f00",
      green = colors.dark ? "#4fd1a5" : "#00755a";
    const small = 11 * scale(),
      left = 44 * scale(),
      right = width - 118 * scale(),
      pinned = view.pinned,
      total = Math.max(1, view.steps || 1, pinned?.steps || 1);
    c.font = `${small}px ${colors.wordFont}`;
    c.textBaseline = "middle";
    const x = step => left + ((right - left) * step) / total;
    const parts = [
      [0, 0.52],
      [0.52, 0.83],
      [0.83, 1],
    ];
    const box = i => ({
      top: height * parts[i][0] + 24 * scale(),
      bottom: height * parts[i][1] - (i === 2 ? 20 : 8) * scale(),
    });
    const label = (text, at, y, color, align = "start") => {
      c.fillStyle = color;
      c.textAlign = align;
      c.fillText(text, at, y);
    };
    function axes({ top, bottom }, most, title, legend, format = number, count = 4) {
      const y = value => bottom - ((bottom - top) * Math.min(value, most * 1.02)) / most;
      label(title, 0, top - 14 * scale(), colors.ink);
      let at = left + c.measureText(title).width;
      for (const [text, color, shape] of legend) {
        c.strokeStyle = c.fillStyle = color;
        c.lineWidth = 2;
        c.beginPath();
        if (shape !== "dot") {
          c.setLineDash(shape === "dashes" ? DASHES : []);
          c.moveTo(at, top - 14 * scale());
          c.lineTo(at + 16, top - 14 * scale());
          c.stroke();
          c.setLineDash([]);
        } else {
          c.arc(at + 8, top - 14 * scale(), 3.5, 0, 7);
          c.fill();
        }
        label(text, at + 22, top - 14 * scale(), colors.muted);
        at += 38 + c.measureText(text).width;
      }
      c.lineWidth = 1;
      for (const value of ticks(most, count)) {
        c.strokeStyle = colors.line;
        c.globalAlpha = value === 0 ? 1 : 0.5;
        c.beginPath();
        c.moveTo(left, Math.round(y(value)) + 0.5);
        c.lineTo(right, Math.round(y(value)) + 0.5);
        c.stroke();
        c.globalAlpha = 1;
        label(format(value), left - 6, y(value), colors.muted, "end");
      }
      return y;
    }
    function baselines(entries, y, bounds, format) {
      const byValue = new Map();
      for (const [name, value] of entries)
        byValue.set(format(value), [[...(byValue.get(format(value))?.[0] || []), name], value]);
      const lines = [...byValue.entries()],
        places = spread(
          lines.map(([, [, value]]) => y(value)),
          14 * scale(),
          bounds.bottom,
        );
      lines.forEach(([text, [names, value]], i) => {
        c.strokeStyle = colors.muted;
        c.setLineDash([4, 4]);
        c.beginPath();
        c.moveTo(left, y(value));
        c.lineTo(right, y(value));
        c.stroke();
        c.setLineDash([]);
        const shown = names.join(", ");
        label(
          `${shown.length > 12 ? shown.replace("unigram entropy", "unigram").replace("chance, majority", "chance") : shown} ${text}`,
          right + 6,
          places[i],
          colors.muted,
        );
      });
    }
    const clip = (bounds, draw) => {
      c.save();
      c.beginPath();
      c.rect(left - 4, bounds.top - 4, right - left + 8, bounds.bottom - bounds.top + 8);
      c.clip();
      draw();
      c.restore();
    };
    function curve([steps, values], y, color, thick = 1.5, dash = []) {
      c.strokeStyle = color;
      c.lineWidth = thick;
      c.lineJoin = "round";
      c.setLineDash(dash);
      c.beginPath();
      steps.forEach((step, i) => (i ? c.lineTo(x(step), y(values[i])) : c.moveTo(x(step), y(values[i]))));
      c.stroke();
      c.lineWidth = 1;
      c.setLineDash([]);
      if (steps.length === 1) {
        c.fillStyle = color;
        c.beginPath();
        c.arc(x(steps[0]), y(values[0]), 2, 0, 7);
        c.fill();
      }
    }
    function ring(points, y, color) {
      // the pinned run: dashes and open circles
      c.strokeStyle = color;
      c.setLineDash(DASHES);
      c.beginPath();
      points.forEach(([step, value], i) => (i ? c.lineTo(x(step), y(value)) : c.moveTo(x(step), y(value))));
      c.stroke();
      c.setLineDash([]);
      for (const [step, value] of points) {
        c.beginPath();
        c.arc(x(step), y(value), 3, 0, 7);
        c.fillStyle = colors.paper;
        c.fill();
        c.stroke();
      }
    }
    function dots(points, y, color) {
      c.strokeStyle = c.fillStyle = color;
      c.globalAlpha = 0.6;
      c.beginPath();
      points.forEach(([step, value], i) => (i ? c.lineTo(x(step), y(value)) : c.moveTo(x(step), y(value))));
      c.stroke();
      c.globalAlpha = 1;
      for (const [step, value] of points) {
        c.beginPath();
        c.arc(x(step), y(value), 3.5, 0, 7);
        c.fill();
      }
    }
    const lossLines = Object.entries(view.lines || {}),
      loss = view.loss || [[], []],
      heldOut = view.held_out || [];
    if (!lossLines.length && !loss[0].length) {
      label("Curves of loss, accuracy and gradient appear here.", width / 2, height / 2, colors.muted, "center");
      chart.setAttribute("aria-label", "No curves yet");
      return;
    }
    const values = [
      ...loss[1],
      ...heldOut.map(point => point[1]),
      ...(pinned ? [...pinned.loss[1], ...pinned.held_out.map(point => point[1])] : []),
    ]
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    const typical = values.length ? values[Math.floor(values.length * 0.98)] : 0;
    const most = 1.12 * Math.max(0.1, typical, ...lossLines.map(([, value]) => value));
    let bounds = box(0),
      y = axes(
        bounds,
        most,
        "Loss",
        pinned
          ? [
              ["B training", blue, "line"],
              ["B held out", orange, "dot"],
              ["A, pinned", colors.muted, "dashes"],
            ]
          : [
              ["training", blue, "line"],
              ["held out", orange, "dot"],
            ],
        value => number(value, 2),
      );
    clip(bounds, () => {
      if (pinned) {
        curve(pinned.loss, y, colors.muted, 1.25, DASHES);
        ring(pinned.held_out, y, colors.muted);
      }
      curve(loss, y, blue);
      dots(heldOut, y, orange);
    });
    baselines(lossLines, y, bounds, value => number(value, 3));
    bounds = box(1);
    const figures = view.figures || [];
    y = axes(
      bounds,
      100,
      metricName(view.metric || view.about?.metric),
      figures.length
        ? [
            [pinned ? "B held out, %" : "held out, %", green, "dot"],
            ...(pinned?.figures.length ? [["A", colors.muted, "dashes"]] : []),
          ]
        : [],
      value => value.toFixed(0),
      2,
    );
    clip(bounds, () => {
      if (pinned) ring(pinned.figures, y, colors.muted);
      dots(figures, y, green);
    });
    baselines(Object.entries(view.chance || {}).slice(0, 4), y, bounds, value => percent(value / 100));
    bounds = box(2);
    const norms = view.norm || [[], []],
      tallest = 1.1 * Math.max(1, ...[...norms[1], ...(pinned?.norm[1] || [])].filter(Number.isFinite));
    y = axes(bounds, tallest, "Gradient norm", [], value => number(value, 2), 1);
    clip(bounds, () => {
      if (pinned) curve(pinned.norm, y, colors.muted, 1, DASHES);
      curve(norms, y, pinned ? blue : colors.muted, 1);
    });
    if (view.steps)
      for (const step of ticks(total, 6))
        label(
          step.toLocaleString("en"),
          Math.min(x(step), right),
          height - 8 * scale(),
          colors.muted,
          step === 0 ? "start" : x(step) > right - 14 ? "end" : "center",
        );
    label("step", 0, height - 8 * scale(), colors.muted);
    if (view.moments?.length && view.phase !== "training") {
      c.strokeStyle = colors.mark;
      c.lineWidth = 1.5;
      for (const part of [0, 1, 2]) {
        c.beginPath();
        c.moveTo(x(view.at_step), box(part).top - 4);
        c.lineTo(x(view.at_step), box(part).bottom);
        c.stroke();
      }
    }
    chart.setAttribute("aria-label", `Loss, ${metricName(view.metric)} and gradient norm by step. ${get("answer")}`);
  }

  function drawLayers(view) {
    const { names = [], steps = [], values = [] } = view.changes || {},
      width = Math.max(240, picture.clientWidth || 640),
      height = ui.stageHeight() - 40 * scale();
    const c = fitCanvas(chart, width, height),
      colors = ui.colors(),
      small = 11 * scale();
    c.font = `${small}px ${colors.wordFont}`;
    c.textBaseline = "middle";
    c.fillStyle = colors.ink;
    c.fillText("How far each part is from where it began, |W − W₀| / |W₀|", 0, 10 * scale());
    if (!names.length) {
      c.fillStyle = colors.muted;
      c.fillText("Start a run: every part is a row, every step a column.", 0, 40 * scale());
      return;
    }
    const left = Math.max(...names.map(name => c.measureText(name).width)) + 12,
      right = width - 76 * scale(),
      top = 28 * scale();
    const tall = Math.min(32 * scale(), (height - top - 40 * scale()) / names.length),
      body = values.filter((_, k) => !isHead(names[k])).flat();
    const most = Math.max(1e-9, ...(body.some(value => value > 0) ? body : values.flat())),
      beyond = Math.max(...values.flat()) > most;
    const shown = [...names.keys()].reverse(),
      total = Math.max(1, view.steps),
      x = step => left + ((right - left) * step) / total;
    shown.forEach((k, row) => {
      const y = top + row * tall;
      steps.forEach((step, i) => {
        const end = Math.min(total, i + 1 < steps.length ? steps[i + 1] : Math.max(view.step, step + 0.5));
        c.fillStyle = cssColor(colors.sequential[Math.round(255 * Math.sqrt(Math.min(1, values[k][i] / most)))]);
        c.fillRect(x(step), y, Math.max(0, x(end) - x(step) + (end < total ? 0.6 : 0)), tall - 3);
      });
      c.strokeStyle = colors.line;
      c.strokeRect(left + 0.5, y + 0.5, right - left, tall - 3);
      c.fillStyle = colors.ink;
      c.textAlign = "end";
      c.fillText(names[k], left - 8, y + tall / 2 - 1);
      c.textAlign = "start";
      c.fillText(percent(values[k].at(-1)), right + 8, y + tall / 2 - 1);
    });
    c.fillStyle = colors.muted;
    c.textAlign = "start";
    c.fillText("now", right + 8, 10 * scale());
    for (const step of ticks(total, 6)) {
      c.textAlign = "center";
      c.fillText(step.toLocaleString("en"), x(step), top + names.length * tall + 10 * scale());
    }
    c.textAlign = "start";
    const key = top + names.length * tall + 30 * scale();
    for (let i = 0; i < 120; i++) {
      c.fillStyle = cssColor(colors.sequential[Math.round((255 * i) / 119)]);
      c.fillRect(left + i, key - 5, 1.5, 10);
    }
    c.fillStyle = colors.muted;
    c.fillText(`0 to ${percent(most)}${beyond ? "; the fresh head moves farther" : ""}`, left + 130, key);
    chart.setAttribute(
      "aria-label",
      `Change of each part: ${names.map((name, k) => `${name} ${percent(values[k].at(-1))}`).join(", ")}`,
    );
  }

  function matrix(rows, columns, weights, title, side) {
    const colors = ui.colors(),
      small = 11 * scale(),
      canvas = h("canvas", {
        role: "img",
        "aria-label": `${title}: attention of ${rows.length} by ${columns.length} tokens`,
      });
    const probe = fitCanvas(canvas, 10, 10);
    probe.font = `${small}px ${colors.codeFont}`;
    const labels = rows.length <= 24,
      room = labels ? Math.min(90 * scale(), Math.max(...rows.map(token => probe.measureText(token).width)) + 6) : 4;
    const head = labels
      ? Math.min(90 * scale(), Math.max(...columns.map(token => probe.measureText(token).width)) + 6)
      : 4;
    const cell = Math.max(
      2,
      Math.min(24 * scale(), (side - room) / columns.length, (300 * scale() - head) / rows.length),
    );
    const c = fitCanvas(canvas, room + cell * columns.length + 1, head + cell * rows.length + 1);
    c.font = `${Math.min(small, cell + 1)}px ${colors.codeFont}`;
    c.textBaseline = "middle";
    weights.forEach((line, i) =>
      line.forEach((q, j) => {
        c.fillStyle = cssColor(colors.sequential[q]);
        c.fillRect(room + j * cell, head + i * cell, cell + 0.5, cell + 0.5);
      }),
    );
    c.strokeStyle = colors.line;
    c.strokeRect(room + 0.5, head + 0.5, cell * columns.length, cell * rows.length);
    c.fillStyle = colors.muted;
    if (labels) {
      c.textAlign = "end";
      rows.forEach((token, i) => c.fillText(token, room - 5, head + (i + 0.5) * cell));
      columns.forEach((token, j) => {
        c.save();
        c.translate(room + (j + 0.5) * cell, head - 5);
        c.rotate(-Math.PI / 2);
        c.textAlign = "start";
        c.fillText(token, 0, 0);
        c.restore();
      });
    }
    return h("div", {}, h("h4", {}, title), canvas);
  }
  function drawAttention(view) {
    const attention = view.attention;
    if (!attention) {
      maps.replaceChildren(
        h(
          "div.invitation",
          {},
          h(
            "span",
            {},
            view.moments
              ? "Type a sentence above to see what attention does with it."
              : "Start a run: attention of the sentence above appears here, then and now.",
          ),
        ),
      );
      return;
    }
    const side = Math.min(330 * scale(), ((picture.clientWidth || 640) - 48) / 2.9),
      what = attention.cross ? "Cross-attention" : "Head";
    const most = Math.max(1e-9, ...attention.change.flat());
    const grid = h(
      "table",
      { "aria-label": "Change of each head: choose one" },
      ...attention.change.map((line, layer) =>
        h(
          "tr",
          {},
          ...line.map((value, head) => {
            const on = layer === attention.layer && head === attention.head;
            return h(
              "td",
              { style: "padding:1px;border:0" },
              h("button", {
                type: "button",
                title: `head ${layer}.${head}: ${percent(value)} of its attention has moved`,
                "aria-label": `Head ${layer}.${head}, moved ${percent(value)}`,
                "aria-pressed": String(on),
                style: `width:22px;height:18px;padding:0;border:${on ? 2 : 1}px solid ${on ? "var(--accent)" : "var(--line)"};background:${cssColor(ui.colors().sequential[Math.round((255 * value) / most)])}`,
                onclick: () => ui.setAll({ layer, head }),
              }),
            );
          }),
        ),
      ),
    );
    maps.replaceChildren(
      ...(attention.then
        ? [
            matrix(
              attention.then_rows,
              attention.columns,
              attention.then,
              `${what} ${attention.layer}.${attention.head}, before`,
              side,
            ),
          ]
        : []),
      matrix(
        attention.rows,
        attention.columns,
        attention.now,
        `${what} ${attention.layer}.${attention.head}, at step ${view.at_step.toLocaleString("en")}`,
        side,
      ),
      h(
        "div",
        {},
        h("h4", {}, "Which heads moved"),
        grid,
        h("p.small.muted", { style: "margin:4px 0 0" }, `0 to ${percent(most)} of the attention`),
      ),
    );
  }

  // --- cards
  function spark(trace, total, range) {
    const colors = ui.colors(),
      width = Math.max(80, (cards.clientWidth || 260) - 8),
      height = 22 * scale(),
      canvas = h("canvas", { "aria-hidden": "true" }),
      c = fitCanvas(canvas, width, height);
    c.strokeStyle = colors.line;
    c.beginPath();
    c.moveTo(0, height - 0.5);
    c.lineTo(width, height - 0.5);
    c.stroke();
    c.strokeStyle = colors.dark ? "#6cb6ff" : "#0b62b0";
    c.lineWidth = 1.5;
    c.beginPath();
    trace.forEach(([step, value], i) => {
      const place = [
        (width * step) / Math.max(1, total),
        height - 1 - (height - 3) * Math.max(0, Math.min(1, value / range)),
      ];
      i ? c.lineTo(...place) : c.moveTo(...place);
    });
    c.stroke();
    return canvas;
  }
  function card(row, view) {
    const title = h(
      "h4",
      {},
      bidi(row.text, "bdi"),
      row.pair
        ? h("span.pair", {}, bidi(row.pair.length > 160 ? `${row.pair.slice(0, 160)}…` : row.pair, "bdi"))
        : null,
    );
    if (row.said !== undefined) {
      const entries = [
        ["before", row.said_then],
        ["now", row.said],
        ["truth", row.truth],
      ].filter(([, text]) => text !== undefined && text !== null);
      return h(
        "div",
        {},
        title,
        h(
          "dl.said",
          { style: "margin:0" },
          ...entries.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, bidi(text))]),
        ),
      );
    }
    const regression = view.kind === "regression",
      range = regression ? 5 : 1;
    const rows = (row.rows || []).map(([label, value]) => ({
      label: label.length > 34 ? `${label.slice(0, 33)}…` : label,
      value: value / range,
      truth: !regression && label === row.truth,
      before: row.then[label] === undefined ? null : Math.max(0, Math.min(1, row.then[label] / range)),
    }));
    return h(
      "div",
      {},
      title,
      bars(rows, regression ? p => number(p * 5, 3) : percent),
      regression && row.truth ? h("div.small.muted", {}, `truth: ${row.truth}`) : null,
      row.trace?.length > 1
        ? h("div", { title: `“${row.trace_of}” over the run` }, spark(row.trace, view.steps, range))
        : null,
    );
  }
  function drawCards(view) {
    if (view.watched) {
      cards.replaceChildren(
        h("div.heading", {}, "Watched sentences; the mark in a bar is where it began"),
        ...view.watched.map(row => card(row, view)),
      );
      return;
    }
    const rows = view.about?.examples || [];
    if (rows.length)
      cards.replaceChildren(
        h("div.heading", {}, "What it learns from, the first ones"),
        ...rows.map(row =>
          h(
            "div",
            {},
            h(
              "h4",
              { style: "font-weight:400" },
              bidi(row.text.length > 140 ? `${row.text.slice(0, 140)}…` : row.text, "bdi"),
              row.pair ? h("span.pair", {}, bidi(row.pair.slice(0, 120), "bdi")) : null,
            ),
            row.label ? h("div.small.muted", {}, bidi(String(row.label).slice(0, 120))) : null,
          ),
        ),
      );
    else
      cards.replaceChildren(
        h("div.heading", {}, view.about?.title ? "Examples are made as it goes" : "Nothing to learn from yet"),
      );
  }

  return () => {
    const view = get("view"),
      phase = get("phase"),
      look = get("look"),
      running = phase === "training" || phase === "preparing";
    first.textContent =
      phase === "training"
        ? "Pause"
        : phase === "paused"
          ? "Resume"
          : ["done", "stopped", "failed"].includes(phase)
            ? "Start anew"
            : "Start";
    first.disabled = phase === "preparing";
    stop.disabled = !running && phase !== "paused";
    const nano = Boolean(suits().nano);
    for (const part of own) part.hidden = nano;
    source.hidden = !["file", "pasted"].includes(get("dataset"));
    path.hidden = get("dataset") !== "file";
    lines.hidden = get("dataset") !== "pasted";
    if (document.activeElement !== path) path.value = get("file");
    if (document.activeElement !== lines) lines.value = get("pasted");
    ui.stage.querySelector(".train").classList.toggle("wide", look === "attention");
    maps.hidden = look !== "attention";
    chart.style.display = look === "attention" ? "none" : "";
    versus.hidden = !view.pinned || look !== "curves";
    if (view.pinned)
      versus.replaceChildren(h("b", {}, "A"), ` ${view.pinned.name}   `, h("b", {}, "B"), ` ${view.name}`);
    if (look === "curves") drawChart(view);
    else if (look === "layers") drawLayers(view);
    else drawAttention(view);
    drawCards(view);
    const moments = view.moments || [],
      usable = moments.length > 1 && !running;
    machine.classList.toggle("off", !usable);
    slider.disabled = !usable;
    slider.max = String(Math.max(0, moments.length - 1));
    if (document.activeElement !== slider || !usable) slider.value = String(view.at ?? 0);
    const [step, epoch] = moments[view.at] || [];
    const where =
      step === undefined
        ? ""
        : `step ${step.toLocaleString("en")}${epoch === null ? "" : ` · epoch ${number(epoch, 2)}`}`;
    slider.setAttribute("aria-valuetext", where || "no run yet");
    at.textContent =
      running && view.step !== undefined
        ? `${PHASES[phase]} · ${number(view.seconds, 3)} s${view.budget ? ` of ${view.budget}` : ""}${view.speed ? ` · ${view.speed.toLocaleString("en")} tokens/s` : ""}`
        : phase === "preparing"
          ? PHASES[phase]
          : where || "after a run: back and forth in it";
  };
}

export const spec = {
  name: "training",
  height: 420,
  stage: trainStage,
  keys: [
    ["s", "start, pause, go on"],
    [".", "stop"],
    ["[ ]", "back and forth in the run"],
    ["1 2 3", "Curves, Layers, Attention"],
  ],
  onKey(event, ui) {
    const phase = ui.get("phase"),
      look = ["curves", "layers", "attention"][Number(event.key) - 1];
    if (look) ui.set("look", look);
    else if (event.key === "s" && phase !== "preparing")
      ui.call(phase === "training" ? "pause" : phase === "paused" ? "resume" : "start").catch(() => {});
    else if (event.key === ".") ui.call("stop").catch(() => {});
    else if (event.key === "[" || event.key === "]") {
      const view = ui.get("view"),
        last = (view.moments || []).length - 1;
      if (last < 0) return true;
      ui.set("moment", Math.max(0, Math.min(last, (view.at ?? last) + (event.key === "]" ? 1 : -1))));
    } else return false;
    return true;
  },
};
