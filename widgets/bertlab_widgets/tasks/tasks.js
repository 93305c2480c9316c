// Every task's answer: bars beside chance, coloured words, start and end of an answer, steps and beams of generation.

import { inkOf, washOf } from "../kit/colours.js";
import { chanceBars, chanceLine } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { letterOf, number, percent } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";

function tasksStage(ui) {
  const { get } = ui;
  const main = h("div.main"),
    reasons = h("div.reasons", { hidden: true }),
    untrainedLine = h("div.untrained-line", { hidden: true });
  ui.stage.append(h("div.reading", {}, main, reasons, untrainedLine));

  // --- controls: the tasks, then what belongs to the one that is open
  const taskList = h("div.tasks", { role: "tablist", "aria-label": "Task" });
  const own = h("div.given");
  ui.above.append(taskList);
  ui.controls.append(own);
  taskList.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
      names = get("tasks").map(([name]) => name);
    if (!step) return;
    ui.set("task", names[(names.indexOf(get("task")) + step + names.length) % names.length]);
    requestAnimationFrame(() => taskList.querySelector('[aria-selected="true"]')?.focus());
    event.stopPropagation();
  });
  function drawTasks() {
    const focus = taskList.contains(document.activeElement);
    taskList.replaceChildren(
      ...(get("tasks") || []).map(([name, title, trained]) => {
        const on = name === get("task");
        return h(
          "button",
          {
            type: "button",
            role: "tab",
            "aria-selected": String(on),
            class: trained ? "" : "fresh",
            tabindex: on ? "0" : "-1",
            "data-task": name,
            title: trained ? null : "° this head was never trained",
            "aria-label": trained ? title : `${title}, untrained`,
            onclick: () => ui.set("task", name),
          },
          title,
        );
      }),
      ...((get("tasks") || []).some(([, , trained]) => !trained)
        ? [h("span.what", { "aria-hidden": "true" }, h("b", {}, "°"), " untrained")]
        : []),
    );
    if (focus) taskList.querySelector('[aria-selected="true"]')?.focus();
  }
  function numberField(trait, text, low, high, step) {
    const field = h("input", {
      type: "number",
      min: low,
      max: high,
      step,
      value: get(trait),
      "aria-label": text,
      onchange: () => {
        const value = Number(field.value);
        if (field.value !== "" && value >= low && value <= high) ui.set(trait, value);
        else field.value = get(trait);
      },
    });
    return h("label", {}, h("span", {}, text), field);
  }
  /** Sizes in tokens for a menu; the present one is among them, whatever it is. */
  const sizes = (list, trait) =>
    [...new Set([...list, get(trait)])]
      .sort((a, b) => a - b)
      .map(size => [size, `${size} token${size === 1 ? "" : "s"}`]);
  const choose = (trait, choices, text) => {
    const menu = h(
      "select",
      { "aria-label": text, onchange: () => ui.set(trait, choices[menu.selectedIndex][0]) },
      ...choices.map(([value, name]) => h("option", { value: String(value) }, name)),
    );
    menu.selectedIndex = choices.findIndex(([value]) => value === get(trait));
    return h("label", {}, h("span", {}, text), menu);
  };
  let drawnControls = "";
  function drawControls(view) {
    const many =
      (view.kind === "labels" && (view.rows || []).length > 8) ||
      view.kind === "gaps" ||
      (view.kind === "tags" && Object.keys(view.colours || {}).length > 5);
    const key = JSON.stringify([
      view.kind,
      many,
      view.names,
      ...[
        "count",
        "search",
        "use_cache",
        "new_tokens",
        "temperature",
        "top_k",
        "top_p",
        "beams",
        "draw",
        "window_size",
        "stride",
        "attribution",
        "explained",
        "side",
        "longest",
        "cross_layer",
        "cross_head",
        "alignment",
      ].map(get),
      view.layers,
      view.heads,
    ]);
    if (key === drawnControls) return;
    drawnControls = key;
    const at = own.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const parts = [];
    if (many)
      parts.push(
        choose(
          "count",
          [...new Set([5, 8, 12, 28, get("count")])].sort((a, b) => a - b).map(count => [count, String(count)]),
          "Bars",
        ),
      );
    if (view.kind === "answer")
      parts.push(
        choose(
          "window_size",
          sizes([0, 24, 32, 48, 64, 128, 384], "window_size").map(([size, text]) =>
            size ? [size, text] : [size, "the whole limit"],
          ),
          "Window",
        ),
        choose("stride", sizes([4, 8, 16, 64, 128], "stride"), "Overlap"),
      );
    if (view.kind === "rewriting" && view.layers) {
      const among = count => [[-1, "mean"], ...Array.from({ length: count }, (_, i) => [i, String(i)])];
      parts.push(
        choose(
          "alignment",
          [
            ["lines", "lines"],
            ["matrix", "matrix"],
          ],
          "Attention as",
        ),
        choose("cross_layer", among(view.layers), "Layer"),
        choose("cross_head", among(view.heads), "Head"),
      );
    }
    const writes = view.kind === "generation" || view.kind === "rewriting";
    if (writes) {
      parts.push(
        choose(
          "search",
          [
            ["greedy", "greedy"],
            ["sample", "sampling"],
            ["beam", "beam search"],
          ],
          "Search",
        ),
        view.kind === "rewriting"
          ? numberField("longest", "At most", 1, 200, 1)
          : numberField("new_tokens", "New tokens", 1, 200, 1),
      );
      if (get("search") === "sample")
        parts.push(
          numberField("temperature", "Temperature", 0.1, 5, 0.1),
          numberField("top_k", "Top-k (0 = all)", 0, 1000, 1),
          numberField("top_p", "Top-p", 0.05, 1, 0.05),
          h("button.text-button", { type: "button", onclick: () => ui.set("draw", get("draw") + 1) }, "Draw again"),
        );
      if (get("search") === "beam") parts.push(numberField("beams", "Beams", 2, 8, 1));
      const box = h("input", {
        type: "checkbox",
        checked: get("use_cache"),
        onchange: () => ui.set("use_cache", box.checked),
      });
      parts.push(h("label", { title: "Keep keys and values of the tokens so far" }, box, "Cache"));
    }
    if (!(writes && get("search") === "beam")) {
      parts.push(
        choose(
          "attribution",
          [
            ["off", "off"],
            ["occlusion", "occlusion"],
            ["gradient", "gradient × input"],
            ["integrated", "integrated gradients"],
          ],
          "Attribution",
        ),
      );
      if (view.kind === "labels" && get("attribution") !== "off")
        parts.push(
          choose(
            "explained",
            [["", "the answer"], ...(view.names || []).map(name => [name, name.replace("is_next", "is next")])],
            "of",
          ),
        );
      if (view.kind === "answer" && get("attribution") !== "off")
        parts.push(
          choose(
            "side",
            [
              ["start", "the start"],
              ["end", "the end"],
            ],
            "of",
          ),
        );
    }
    own.replaceChildren(...parts);
    if (at) own.querySelector(`[aria-label="${at}"]`)?.focus();
  }

  // --- what each kind of answer looks like
  const invite = view =>
    h(
      "div.invitation",
      { style: "min-height:calc(var(--stage) * var(--scale) - 48px)" },
      h("span", {}, view.missing),
      h(
        "span",
        {},
        "Or take an example: ",
        ...(view.examples || []).flatMap((name, i) => [
          i ? " · " : "",
          h(
            "button.text-button",
            { type: "button", onclick: () => ui.set("preset", name) },
            name.split(": ").slice(1).join(": "),
          ),
        ]),
      ),
    );
  const draw = {
    labels(view) {
      const rows = view.rows.slice(0, view.rows.length > 8 ? get("count") : 8),
        top = Math.max(...rows.map(row => row.value));
      const shown = rows.map(row => ({ ...row, best: view.multiple ? row.value > 0.5 : row.value === top }));
      const rest = view.rows.length - rows.length;
      return h(
        "div",
        {},
        chanceBars(shown, view.chance),
        rest > 0
          ? h(
              "p.small.muted",
              { style: "margin:8px 0 0" },
              `and ${rest} more labels below ${percent(rows[rows.length - 1].value)}`,
            )
          : null,
      );
    },
    number(view) {
      const at = 100 * Math.min(1, Math.max(0, (view.value - view.low) / (view.high - view.low)));
      return h(
        "div",
        { role: "img", "aria-label": `${number(view.value)} on a scale from ${view.low} to ${view.high}` },
        h(
          "div.scale",
          {},
          h("i", { style: `width:${at}%` }),
          h(
            "em",
            { style: at < 4 ? "left:0;transform:none" : at > 96 ? "left:auto;right:0;transform:none" : `left:${at}%` },
            view.value.toFixed(2).replace("-", "−"),
          ),
        ),
        h(
          "div.ticks",
          {},
          h("span", {}, "0 unrelated"),
          ...[1, 2, 3, 4].map(n => h("span", {}, String(n))),
          h("span", {}, "5 the same"),
        ),
      );
    },
    gaps(view) {
      return h(
        "div",
        {},
        h(
          view.gaps.length > 1 ? "div.columns" : "div",
          {},
          ...view.gaps.map(gap =>
            h(
              "div",
              {},
              view.gaps.length > 1 ? h("h4", {}, `Place ${gap.position}`) : null,
              chanceBars(
                gap.rows.map((row, i) => ({ ...row, best: i === 0 })),
                null,
              ),
            ),
          ),
        ),
        h("p.small.muted", { style: "margin:8px 0 0" }, view.chance.text),
      );
    },
    tags(view) {
      const at = get("word") >= 0 && get("word") < view.words.length ? get("word") : view.least,
        word = view.words[at];
      const colour = label => (view.colours[label.replace(/^[BI]-/, "")] || [7])[0];
      const button = i => {
        const one = view.words[i],
          place = one.label === "O" ? 7 : colour(one.label);
        return h(
          "button",
          {
            type: "button",
            "aria-pressed": String(i === at),
            "data-word": i,
            tabindex: i === at ? "0" : "-1",
            title: percent(one.probability),
            style: `border-bottom-color:${one.label === "O" ? "transparent" : inkOf(place)}`,
            onclick: () => ui.setAll({ word: i, selected: [one.position] }),
          },
          bidi(one.text),
          h(
            "small",
            { style: `color:${one.label === "O" ? "var(--muted)" : inkOf(place)}` },
            view.entities ? "" : one.label,
          ),
        );
      };
      const nodes = [];
      let i = 0;
      const starts = new Map(view.entities ? view.spans.map(span => [span[0], span]) : []);
      while (i < view.words.length) {
        const span = starts.get(i);
        if (!span) {
          nodes.push(button(i++));
          continue;
        }
        const place = colour(span[2]),
          run = h("span.run", { style: `background:${washOf(place)}` });
        for (; i <= span[1]; i++) {
          const one = button(i);
          if (i === span[0]) one.querySelector("small").textContent = span[2];
          run.append(one);
        }
        nodes.push(run);
      }
      const list = h(
        "div.tagged",
        {
          role: "group",
          "aria-label": "Words and their labels",
          onkeydown: event => {
            const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
            if (!step) return;
            const next = Math.max(0, Math.min(view.words.length - 1, at + step));
            main.querySelector(`[data-word="${next}"]`)?.focus();
            ui.setAll({ word: next, selected: [view.words[next].position] });
            event.stopPropagation();
            event.preventDefault();
          },
        },
        ...nodes,
      );
      if (!word) return list;
      return h(
        "div.with-side",
        {},
        list,
        h(
          "div",
          {},
          h("h4", {}, "Labels for ", bidi(word.text)),
          chanceBars(
            word.rows.map((row, k) => ({ ...row, best: k === 0 })),
            view.chance,
          ),
        ),
      );
    },
    answer(view) {
      const topStart = Math.max(...view.tokens.map(token => token.start)),
        topEnd = Math.max(...view.tokens.map(token => token.end));
      const spots = view.tokens.map((token, i) =>
        h(
          "span",
          {
            class: `spot${token.context || i === 0 ? "" : " outside"}${token.in_answer ? " found" : ""}`,
            title: `start ${percent(token.start)}, end ${percent(token.end)}`,
          },
          h(
            "span.start",
            {},
            h("i", { style: `height:${100 * token.start}%;min-height:${token.start > 0.005 ? 1 : 0}px` }),
          ),
          bidi(token.text),
          h("span.end", {}, h("i", { style: `height:${100 * token.end}%;min-height:${token.end > 0.005 ? 1 : 0}px` })),
        ),
      );
      const legend = h(
        "div.legend",
        {},
        h("span", {}, h("i", { style: "background:var(--accent)" }), `start (upwards, highest ${percent(topStart)})`),
        h("span", {}, h("i", { style: "background:var(--mark)" }), `end (downwards, highest ${percent(topEnd)})`),
        h("span", {}, "[CLS] stands for no answer"),
      );
      const ruler =
        view.windows < 2
          ? null
          : h(
              "div",
              {},
              h("div.small.muted", {}, `${view.windows} windows with overlap; shown is window ${view.shown + 1}`),
              h(
                "div.ruler",
                { role: "group", "aria-label": "Windows over the text" },
                ...view.ruler.map(([from, to, count], i) =>
                  h("button", {
                    type: "button",
                    "aria-pressed": String(i === view.shown),
                    "aria-label": `Window ${i + 1} of ${view.windows}, ${count} tokens`,
                    title: `window ${i + 1}: ${count} tokens`,
                    style: `margin-left:${100 * from}%;width:${100 * (to - from)}%`,
                    onclick: () => ui.set("window", i),
                  }),
                ),
              ),
            );
      return h(
        "div.with-side",
        {},
        h(
          "div",
          {},
          h(
            "div.spots",
            { role: "img", "aria-label": "Start and end probability of each token", tabindex: "0" },
            ...spots,
          ),
          legend,
          ruler,
        ),
        h(
          "div",
          {},
          h("h4", {}, "Best spans"),
          chanceBars(
            view.rows.map((row, i) => ({
              ...row,
              best: i === 0,
              label: row.label.length > 60 ? `${row.label.slice(0, 59)}…` : row.label,
            })),
            null,
          ),
          h("p.small.muted", { style: "margin:8px 0 0" }, view.chance.text),
        ),
      );
    },
    choice(view) {
      return h("div", {}, endings(view));
    },
    generation(view) {
      return view.search === "beam" ? beamTree(view) : written(view);
    },
    rewriting(view) {
      if (!view.source) return h("div.muted", {}, "Generating …");
      const looks = get("alignment") === "matrix" ? lookMatrix(view) : lookLines(view);
      if (view.search === "beam") return h("div", {}, looks, h("div", { style: "margin-top:12px" }, beamTree(view)));
      return h(
        "div.with-side",
        {},
        h("div", { style: "min-width:0" }, looks, h("div", { style: "margin-top:12px" }, timing(view), takeAway(view))),
        alternatives(view),
      );
    },
  };

  function endings(view) {
    const given = get("choices") || [],
      values = new Map((view.rows || []).map(row => [row.label, row.value]));
    const list = given.length ? given : ["", ""];
    const drawn = chanceLine(view.chance, 3, list.length);
    const save = (i, text) =>
      ui.set(
        "choices",
        list.map((old, k) => (k === i ? text : old)),
      );
    return h(
      "div.endings",
      {},
      h("span"),
      h("span"),
      ...(drawn ? [drawn.name, h("span"), h("span"), drawn.line] : [h("span"), h("span"), h("span")]),
      ...list.flatMap((text, i) => {
        const field = h("input", {
          type: "text",
          value: text,
          dir: "auto",
          "aria-label": `Ending ${letterOf(i)}`,
          placeholder: "An ending, then Enter",
          onchange: () => save(i, field.value),
        });
        const value = values.get(text);
        return [
          h(`span${view.best !== undefined && view.rows[view.best].label === text ? ".best" : ""}`, {}, letterOf(i)),
          field,
          h(
            "div.bar",
            { style: `height:calc(18px * var(--scale));grid-area:${i + 2} / 3` },
            value === undefined ? null : h("i", { style: `width:${100 * value}%` }),
          ),
          h("span", {}, value === undefined ? "" : percent(value)),
          h(
            "button.text-button",
            {
              type: "button",
              disabled: list.length <= 2,
              "aria-label": `Remove ending ${letterOf(i)}`,
              onclick: () =>
                ui.set(
                  "choices",
                  list.filter((_, k) => k !== i),
                ),
            },
            "Remove",
          ),
        ];
      }),
      h("span"),
      h(
        "button.text-button",
        { type: "button", style: "justify-self:start", onclick: () => ui.set("choices", [...list, ""]) },
        "Add an ending",
      ),
    );
  }

  const wordOf = token => (token.startsWith("##") ? token.slice(2) : ` ${token}`);
  function timing(view) {
    const measured = view.steps
        .map(step => step.milliseconds)
        .filter(Number.isFinite)
        .sort((a, b) => a - b),
      typical = measured[measured.length >> 1];
    return h(
      "div.small.muted",
      {},
      `${view.cache ? "With the cache" : "Without the cache"} the model read ${view.read.toLocaleString("en")} tokens for ${view.steps.length} new ones`,
      typical === undefined ? "" : `, ${number(typical, 2)} ms a step`,
      view.cache ? "" : "; the tokens are the same",
      ".",
    );
  }
  const stepOf = view => Math.min(get("step"), view.steps.length - 1);
  /** Arrows go from one written token to the next. */
  const stepKeys = view => event => {
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!move || !event.target.closest("[data-step]")) return;
    const next = Math.max(0, Math.min(view.steps.length - 1, stepOf(view) + move));
    main.querySelector(`[data-step="${next}"]`)?.focus();
    ui.set("step", next);
    event.stopPropagation();
    event.preventDefault();
  };
  const sure = step =>
    step.probability === undefined
      ? {}
      : { title: percent(step.probability), style: `--sure:${Math.round(100 * step.probability)}%` };
  function stepButton(view, i, one = view.steps[i]) {
    const at = stepOf(view);
    return h(
      "button",
      {
        type: "button",
        "data-step": i,
        tabindex: i === at ? "0" : "-1",
        "aria-pressed": String(i === at),
        ...sure(one),
        onclick: () => ui.set("step", i),
      },
      bidi(one.token),
    );
  }
  const takeAway = view =>
    view.put
      ? h(
          "button.text-button",
          { type: "button", style: "padding-inline-start:0", onclick: () => ui.set("prefix", []) },
          "Take the put-in tokens away",
        )
      : null;
  /** What could stand at the chosen step, each a way to go on. */
  function alternatives(view) {
    const at = stepOf(view),
      step = view.steps[at];
    const differs = step.top.some(row => Math.abs(row.model - row.probability) > 0.0005);
    const rows = step.top.map(row => ({
      label: row.token,
      value: row.probability,
      before: differs ? row.model : null,
      id: row.id,
      best: row.id === step.id,
    }));
    const label = row =>
      h(
        "button",
        {
          type: "button",
          class: row.best ? "best" : "",
          title: row.best ? "chosen" : `Put “${row.label}” here and go on`,
          onclick: () => ui.call("go_on", { step: at, token: row.id }),
        },
        bidi(row.label),
        row.best ? " ✓" : "",
      );
    const slider = h("input", {
      type: "range",
      min: 1,
      max: view.steps.length,
      step: 1,
      value: String(at + 1),
      "aria-label": "Token of the text",
      oninput: () => ui.set("step", Number(slider.value) - 1),
    });
    return h(
      "div",
      {},
      h("h4.stepper", {}, `Token ${at + 1} of ${view.steps.length}`, view.steps.length > 1 ? slider : null),
      chanceBars(rows, null, { label }),
      h(
        "p.small.muted",
        { style: "margin:8px 0 0" },
        differs ? "Mark: the model’s own probability, before temperature, top-k and top-p. " : "",
        "Click another token to go on from there.",
      ),
    );
  }
  function written(view) {
    const put = view.prompt.length - view.put;
    const text = h(
      "div.written",
      { role: "group", "aria-label": "The text so far", onkeydown: stepKeys(view) },
      h("span.prompt", {}, bidi(view.prompt.slice(0, put).map(wordOf).join("").trim())),
      put < view.prompt.length
        ? [
            " ",
            h(
              "span.prompt",
              { style: "text-decoration:underline" },
              bidi(view.prompt.slice(put).map(wordOf).join("").trim()),
            ),
          ]
        : null,
      ...view.steps.flatMap((one, i) => [one.token.startsWith("##") ? "" : " ", stepButton(view, i)]),
    );
    if (!view.steps.length) return text;
    return h(
      "div.with-side",
      {},
      h("div", {}, text, h("div", { style: "margin-top:12px" }, timing(view)), takeAway(view)),
      alternatives(view),
    );
  }

  // --- where a decoder looks: the source above, the written below, lines between them; or a matrix
  const isSpecial = token => /^\[[A-Z]+\]$/.test(token);
  const chosenRow = view => Math.min(view.put + stepOf(view), view.written.length - 1);
  let looking = null; // the written token under the pointer
  const showLook = row => {
    looking = row;
    drawLook(get("view"));
  };
  function writtenToken(view, row) {
    const own = row - view.put;
    const beam = view.search === "beam" ? { token: view.written[row] } : undefined;
    const token = own >= 0 ? stepButton(view, own, beam) : h("span.put", { title: "put in" }, bidi(view.written[row]));
    token.dataset.row = row;
    return token;
  }
  const rowAt = event => {
    const row = event.target.closest?.("[data-row]");
    return row ? Number(row.dataset.row) : null;
  };
  function lookLines(view) {
    const source = h(
      "div.line",
      { "aria-label": "The source" },
      h("span.name", {}, "read"),
      ...view.source.map((token, i) =>
        h(`span.from${isSpecial(token) ? ".muted" : ""}`, { "data-from": i }, h("small"), bidi(token)),
      ),
    );
    const own = h(
      "div.line",
      {
        role: "group",
        "aria-label": "What the decoder wrote",
        onkeydown: stepKeys(view),
        onpointerover: event => showLook(rowAt(event)),
        onpointerleave: () => showLook(null),
      },
      h("span.name", {}, "written"),
      ...view.written.map((_, row) => writtenToken(view, row)),
    );
    return h("div.looks", {}, h("div.inner", {}, source, svg("svg", { class: "threads", "aria-hidden": "true" }), own));
  }
  /** The lines, and the weights over the source, for the written token that is chosen or pointed at. */
  function drawLook(view) {
    const inner = main.querySelector(".looks .inner"),
      threads = inner?.querySelector(".threads");
    if (!threads || !view.looked) return;
    if (inner.querySelectorAll("[data-from]").length !== view.source.length) return; // drawn for another answer
    const row = looking ?? chosenRow(view),
      weights = view.looked[row] || [],
      most = Math.max(0, ...weights);
    const box = threads.getBoundingClientRect(),
      middle = element => {
        const r = element.getBoundingClientRect();
        return r.left + r.width / 2 - box.left;
      };
    const from = [...inner.querySelectorAll("[data-from]")],
      to = [...inner.querySelectorAll("[data-row]")],
      xs = from.map(middle),
      height = box.height;
    const picked = new Set(get("selected") || []);
    from.forEach((token, i) => {
      const weight = weights[i] ?? 0;
      token.style.background = `color-mix(in srgb, var(--accent) ${Math.round(45 * weight)}%, var(--paper))`;
      token.style.fontWeight = (weight && weight === most) || picked.has(i) ? "700" : "";
      token.firstChild.textContent = weight >= 0.05 ? percent(weight) : "";
    });
    const line = (i, j, weight, chosen) =>
      svg("path", {
        d: `M${xs[j]},0 C${xs[j]},${height / 2} ${middle(to[i])},${height / 2} ${middle(to[i])},${height}`,
        class: chosen ? "chosen" : null,
        "stroke-width": (1 + 4 * weight).toFixed(2),
        "stroke-opacity": (chosen ? 0.25 + 0.75 * weight : 0.7 * weight).toFixed(3),
      });
    const drawn = [],
      clear = Math.max(0.1, 2 / view.source.length); // well above an even look at everything
    view.looked.forEach((one, i) => {
      if (i !== row)
        one.forEach((weight, j) => {
          if (weight >= clear) drawn.push(line(i, j, weight, false));
        });
    });
    weights.forEach((weight, j) => {
      if (weight >= 0.02) drawn.push(line(row, j, weight, true));
    });
    threads.replaceChildren(...drawn);
  }
  function lookMatrix(view) {
    const at = chosenRow(view),
      shade = weight => `background:color-mix(in srgb, var(--accent) ${Math.round(100 * weight)}%, var(--paper))`;
    const table = h(
      "table.look-matrix",
      { onkeydown: stepKeys(view) },
      h(
        "thead",
        {},
        h("tr", {}, h("td"), ...view.source.map(token => h("th", { scope: "col" }, h("span", {}, bidi(token))))),
      ),
      h(
        "tbody",
        {},
        ...view.written.map((token, row) =>
          h(
            `tr${row === at ? ".at" : ""}`,
            {},
            h("th", { scope: "row" }, writtenToken(view, row)),
            ...view.looked[row].map((weight, i) =>
              h("td", { style: shade(weight), title: `${token} looks at ${view.source[i]}: ${percent(weight)}` }),
            ),
          ),
        ),
      ),
    );
    return h(
      "div",
      {},
      h(
        "div.looks",
        {
          tabindex: "0",
          "aria-label": "Cross-attention: a row for each written token, a column for each of the source",
        },
        table,
      ),
      h(
        "div.legend",
        { style: "margin-top:8px" },
        h("span", {}, "cross-attention"),
        ...[0, 0.25, 0.5, 0.75, 1].map(weight =>
          h("span", {}, h("i", { style: `${shade(weight)};outline:1px solid var(--line)` }), percent(weight)),
        ),
      ),
    );
  }

  function beamTree(view) {
    const scale = ui.scale(),
      columnWidth = 112 * scale,
      rowHeight = 34 * scale,
      left = 84 * scale,
      steps = view.steps;
    if (!steps.length) return h("div");
    const count = Math.max(...steps.map(step => step.beams.length)),
      width = left + steps.length * columnWidth + 16,
      height = count * rowHeight + 12;
    const x = step => left + step * columnWidth,
      y = row => 20 * scale + row * rowHeight;
    // the beams that the best hypothesis went through
    const onBest = steps.map(() => -1);
    const target = view.best || [];
    const tokensOf = (step, row) => {
      const out = [];
      for (let s = step, r = row; s >= 0; s--) {
        out.unshift(steps[s].beams[r].token);
        r = steps[s].beams[r].parent;
      }
      return out;
    };
    const last = Math.min(target.length, steps.length) - 1;
    if (last >= 0)
      steps[last].beams.forEach((_, row) => {
        if (onBest[last] < 0 && tokensOf(last, row).join(" ") === target.slice(0, last + 1).join(" "))
          for (let s = last, r = row; s >= 0; s--) {
            onBest[s] = r;
            r = steps[s].beams[r].parent;
          }
      });
    const lives = steps.map(step => step.beams.map(() => false)); // which beams something in the last step grew from
    steps[steps.length - 1].beams.forEach((_, row) => {
      for (let s = steps.length - 1, r = row; s >= 0; s--) {
        lives[s][r] = true;
        r = steps[s].beams[r].parent;
      }
    });
    const edges = [],
      nodes = [];
    steps.forEach((step, s) =>
      step.beams.forEach((beam, row) => {
        const x1 = s ? x(s - 1) + 74 * scale : left - 16 * scale,
          y1 = s ? y(beam.parent) : y(0),
          x2 = x(s) - 6,
          y2 = y(row),
          middle = (x1 + x2) / 2;
        const kind = onBest[s] === row ? "best" : lives[s][row] ? "kept" : "lost";
        edges.push([
          kind,
          svg("path", { class: kind, d: `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}` }),
        ]);
        nodes.push(
          svg(
            "g",
            { class: kind },
            svg("title", {}, `${beam.token}: log-probability ${number(beam.score, 3)}`),
            svg(
              "text",
              { x: x(s), y: y2 + 4 * scale, class: kind === "lost" ? "minor" : null, style: "unicode-bidi:isolate" },
              beam.token.slice(0, 9),
            ),
            svg("text", { x: x(s), y: y2 + 15 * scale, class: "minor" }, number(beam.score, 3)),
          ),
        );
      }),
    );
    edges.sort((a, b) => ["lost", "kept", "best"].indexOf(a[0]) - ["lost", "kept", "best"].indexOf(b[0]));
    const picture = svg(
      "svg",
      {
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": `Tree of ${count} beams over ${steps.length} steps`,
      },
      ...edges.map(([, edge]) => edge),
      svg("text", { x: 0, y: y(0) + 4 * scale, class: "minor" }, "the text"),
      ...nodes,
    );
    const ended = steps[steps.length - 1].hypotheses;
    return h(
      "div",
      {},
      h("div.tree", { tabindex: "0", "aria-label": "Beam search, step by step" }, picture),
      h(
        "div.columns",
        { style: "margin-top:8px" },
        h(
          "div",
          {},
          h("h4", {}, "Finished, best first"),
          ...ended
            .slice(0, 4)
            .map((one, i) =>
              h(
                "div.small",
                {},
                `${i + 1}. `,
                bidi(one.tokens.slice(view.prompt.length).map(wordOf).join("").trim()),
                h("span.muted", {}, ` score ${number(one.score, 3)}`),
              ),
            ),
        ),
        h(
          "div",
          {},
          timing(view),
          h(
            "p.small.muted",
            { style: "margin:4px 0 0" },
            "Numbers: sum of log-probabilities. The strong line is the best text, pale ones died out.",
          ),
        ),
      ),
    );
  }

  const METHOD = {
    occlusion: "how much its log-probability falls when the token is hidden",
    gradient: "gradient × input of its log-probability",
    integrated: "integrated gradients of its log-probability, from [MASK]",
  };
  function drawReasons(view) {
    const found = view.attribution;
    reasons.hidden = !found;
    if (!found) return;
    const title = h(
      "h4",
      {},
      "What speaks for ",
      bidi(found.about),
      " ",
      h(
        "span",
        {},
        `\u2014 ${METHOD[found.method].replace("log-probability", view.kind === "number" ? "value" : "log-probability")}`,
      ),
    );
    if (!found.scores) {
      reasons.replaceChildren(
        title,
        found.offer
          ? h(
              "div",
              {},
              h(
                "button.text-button",
                { type: "button", onclick: () => ui.call("explain") },
                `Compute it (${found.offer.toLocaleString("en")} passes through the model)`,
              ),
            )
          : h("div.muted.small", {}, "being computed …"),
      );
      return;
    }
    const most = Math.max(1e-12, ...found.scores.map(Math.abs));
    const scored = h(
      "div.scored",
      {
        role: "img",
        "aria-label": found.tokens
          .map((token, i) => (found.keep[i] ? "" : `${token} ${number(found.scores[i], 2)}`))
          .filter(Boolean)
          .join(", "),
      },
      ...found.tokens.map((token, i) => {
        const score = found.scores[i],
          share = Math.abs(score) / most;
        return h(
          `span${found.keep[i] ? ".kept" : ""}`,
          {
            title: found.keep[i] ? "not part of the question" : number(score, 4),
            style: found.keep[i]
              ? ""
              : `background:color-mix(in srgb, ${score > 0 ? "var(--accent)" : "var(--mark)"} ${Math.round(48 * share)}%, var(--paper))`,
          },
          bidi(token),
          h(
            "small",
            { style: share > 0.5 ? "color:var(--ink)" : "" },
            found.keep[i] || share < 0.2 ? "" : `${score > 0 ? "+" : "−"}${number(Math.abs(score), 2)}`,
          ),
        );
      }),
    );
    const gap =
      found.gap === null
        ? ""
        : ` · the scores add up to ${number(found.value - found.baseline, 3)}, with a gap of ${number(found.gap, 2)}`;
    reasons.replaceChildren(
      title,
      h(
        "div",
        {},
        scored,
        h(
          "div.legend",
          { style: "margin-top:4px" },
          h(
            "span",
            {},
            h("i", { style: "background:color-mix(in srgb, var(--accent) 48%, var(--paper))" }),
            "+ for it",
          ),
          h(
            "span",
            {},
            h("i", { style: "background:color-mix(in srgb, var(--mark) 48%, var(--paper))" }),
            "− against it",
          ),
          h("span", {}, `strongest: ${number(most, 2)}${view.kind === "number" ? "" : " nats"}${gap}`),
        ),
      ),
      curve(found, view),
    );
  }
  function curve(found, view) {
    const scale = ui.scale(),
      width = 190 * scale,
      height = 76 * scale,
      left = 40 * scale,
      bottom = height - 18 * scale;
    const top = Math.max(0.01, ...found.falls.map(Math.abs), ...found.random_falls.map(Math.abs)),
      low = Math.min(0, ...found.falls, ...found.random_falls);
    const x = fraction => left + ((width - left - 8) * fraction) / found.fractions[found.fractions.length - 1],
      y = fall => bottom - ((bottom - 8 * scale) * (fall - low)) / (top - low);
    const path = values =>
      `M${x(0)},${y(0)}${found.fractions.map((fraction, i) => `L${x(fraction)},${y(values[i])}`).join("")}`;
    const value = v => (view.kind === "number" ? number(v, 2) : percent(v));
    const picture = svg(
      "svg",
      {
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        class: "curve",
        "aria-label": `Without the highest half of the tokens the probability falls by ${value(found.falls[found.falls.length - 1])}; without a random half by ${value(found.random_falls[found.random_falls.length - 1])}`,
      },
      svg("line", { x1: left, x2: width - 8, y1: y(0), y2: y(0) }),
      svg("path", { class: "chance", d: path(found.random_falls) }),
      svg("path", { d: path(found.falls) }),
      svg("text", { x: left - 4, y: y(top) + 4 * scale, "text-anchor": "end" }, value(top)),
      svg("text", { x: left - 4, y: y(0) + 4 * scale, "text-anchor": "end" }, "0"),
      svg("text", { x: left, y: height - 4 * scale }, "0"),
      svg("text", { x: width - 8, y: height - 4 * scale, "text-anchor": "end" }, "50 % hidden"),
    );
    return h(
      "figure",
      {
        style: "margin:0",
        title: "Comprehensiveness: how far the probability falls when the highest-ranked tokens are hidden",
      },
      h("div.small.muted", {}, "Fall without the top tokens"),
      picture,
      h("div.small.muted", {}, "dashed: random tokens"),
    );
  }

  function drawUntrained(view) {
    untrainedLine.hidden = !view.reason;
    if (!view.reason) return;
    const seeds = get("reseeds") || [],
      tally = new Map();
    for (const row of seeds) tally.set(row.said, (tally.get(row.said) || 0) + 1);
    const counted = [...tally].sort((a, b) => b[1] - a[1]);
    const label = document.activeElement?.dataset?.reseed;
    untrainedLine.replaceChildren(
      h("b", {}, "untrained"),
      h("span", {}, view.reason),
      ...(view.reseedable
        ? [
            h("button.text-button", { type: "button", "data-reseed": "1", onclick: () => ui.call("reseed") }, "Reseed"),
            h(
              "button.text-button",
              { type: "button", "data-reseed": "20", onclick: () => ui.call("reseed", { times: 20 }) },
              "Reseed 20 times",
            ),
          ]
        : []),
      seeds.length > 1
        ? h(
            "div.seeds",
            {},
            ...(seeds.length > 6 && counted.length <= 6
              ? [
                  h(
                    "span",
                    {},
                    `${seeds.length} seeds said: ` +
                      counted.map(([said, count]) => `${said} ${count} times`).join(", "),
                  ),
                ]
              : seeds
                  .slice(-8)
                  .map(row =>
                    h(
                      `span${row.seed === seeds[seeds.length - 1].seed ? ".now" : ""}`,
                      {},
                      `seed ${row.seed}: `,
                      bidi(row.said),
                    ),
                  )),
          )
        : "",
    );
    if (label) untrainedLine.querySelector(`[data-reseed="${label}"]`)?.focus();
  }

  const { first: textField, second: pairField } = ui.fields;
  function drawFields(view) {
    const [first, second] = view.fields || ["Sentence", ""];
    for (const [field, text] of [
      [textField, first],
      [pairField, second || "Second sentence"],
      [ui.fields.passage, second || "Second sentence"],
    ]) {
      field.placeholder = field === textField ? `${text}, then Enter` : text;
      field.setAttribute("aria-label", text);
      field.title = text;
    }
    ui.passage(view.kind === "answer");
    pairField.hidden = !second && !get("text_pair");
    pairField.classList.toggle("optional", second.endsWith("(optional)"));
  }

  return () => {
    const view = get("view");
    drawTasks();
    if (view.empty) {
      main.replaceChildren(h("div.invitation", {}, h("span", {}, "Type a sentence above, or choose a preset.")));
      untrainedLine.hidden = reasons.hidden = true;
      return;
    }
    drawFields(view);
    drawControls(view);
    drawReasons(view);
    drawUntrained(view);
    const focused = main.contains(document.activeElement) ? document.activeElement : null,
      kept =
        focused &&
        (focused.dataset.word !== undefined
          ? `[data-word="${focused.dataset.word}"]`
          : focused.dataset.step !== undefined
            ? `[data-step="${focused.dataset.step}"]`
            : focused.getAttribute("aria-label")
              ? `[aria-label="${CSS.escape(focused.getAttribute("aria-label"))}"]`
              : null);
    main.replaceChildren(
      view.missing && view.kind !== "choice"
        ? invite(view)
        : view.kind === "choice" && view.missing
          ? h("div", {}, h("p.muted", { style: "margin:0 0 8px" }, view.missing), endings(view))
          : draw[view.kind](view),
    );
    if (kept) main.querySelector(kept)?.focus();
    looking = null;
    drawLook(view);
  };
}

export const spec = {
  name: "tasks",
  height: 300,
  stage: tasksStage,
  onToken(i, event, ui) {
    const view = ui.get("view") || {},
      token = (ui.get("tokens") || [])[i];
    if (view.kind === "tags" && view.words) {
      const word = view.words.findIndex(
        (one, k) => one.position <= i && (k + 1 === view.words.length || view.words[k + 1].position > i),
      );
      ui.setAll({ selected: [i], ...(word >= 0 && !token.special ? { word } : {}) });
      return;
    }
    if (view.kind !== "gaps" || (token.special && token.text !== "[MASK]") || token.original === "[MASK]") {
      ui.pick(i, event.shiftKey);
      return;
    }
    const masked = ui.get("masked") || [];
    ui.set("masked", masked.includes(i) ? masked.filter(x => x !== i) : [...masked, i].sort((a, b) => a - b));
  },
  keys: [
    ["1 … 9", "the first nine tasks"],
    ["r", "reseed an untrained head"],
    ["← → in the words", "the next word or step"],
  ],
  onKey(event, ui) {
    if (event.key === "r" && ui.get("view")?.reseedable) {
      ui.call("reseed");
      return true;
    }
    const task = (ui.get("tasks") || [])[Number(event.key) - 1];
    if (!task || event.target.matches?.("select")) return false;
    ui.set("task", task[0]);
    return true;
  },
};
