// Text to tokens: the original characters, every step of the algorithm, the search for each word's pieces.

import { select, tabs } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";

const visible = text =>
  text
    .replaceAll(" ", "␣")
    .replaceAll("\t", "⇥")
    .replaceAll("\n", "⏎")
    .replaceAll("\u00a0", "⍽")
    .replace(/[\u200b-\u200f\u00ad\u2060\ufeff]/g, "◌");

/** Code points of a text with the token that covers each (null where none does). */
export function cover(text, rows, segment) {
  const owner = Array.from(text, () => null);
  rows.forEach((row, position) => {
    if (row.word === null || row.word === undefined || row.segment !== segment) return;
    for (let i = row.start; i < row.end && i < owner.length; i++) owner[i] ??= position;
  });
  return owner;
}

function tokenStage(ui) {
  const { get } = ui;
  const source = h("div.source", { "aria-label": "The text, its characters underlined token by token" }),
    body = h("div");
  ui.stage.append(source, body);
  ui.controls.append(
    tabs(
      ui,
      "look",
      [
        ["steps", "Step by step"],
        ["table", "Table"],
        ["compare", "Side by side"],
        ["length", "Length"],
      ],
      "What the stage shows",
    ),
    select(ui, "against", get("variants"), "Against"),
  );

  let hovered = null;
  function segmentOf(_row, i) {
    return get("tokens")[i]?.segment ?? 0;
  }
  function drawSource(view) {
    const on = new Set(hovered !== null ? [hovered] : get("selected"));
    const rows = view.rows.map((row, i) => ({ ...row, segment: segmentOf(row, i) }));
    const lines = [get("text"), get("text_pair")]
      .filter((text, i) => i === 0 || text)
      .map((text, segment) => {
        const owner = cover(text, rows, segment),
          characters = Array.from(text),
          nodes = [];
        for (let i = 0, start = 0; i <= characters.length; i++) {
          if (i < characters.length && owner[i] === owner[start]) continue;
          const token = owner[start],
            run = characters.slice(start, i).join("");
          if (run)
            nodes.push(
              h(
                "span",
                {
                  class: [token === null ? "none" : token % 2 ? "odd" : "even", on.has(token) ? "on" : ""].join(" "),
                  "data-source": token ?? "",
                },
                token === null ? run.replace(/[^\S ]|[\u200b-\u200f\u00ad]/g, c => visible(c)) : run,
              ),
            );
          start = i;
        }
        return h("div", { dir: "auto" }, ...nodes);
      });
    source.replaceChildren(...lines);
  }
  const sourceToken = event => {
    const span = event.target.closest?.("[data-source]");
    return span && span.dataset.source !== "" ? Number(span.dataset.source) : null;
  };
  function hover(i) {
    if (i === hovered) return;
    hovered = i;
    source
      .querySelectorAll("[data-source]")
      .forEach(span =>
        span.classList.toggle(
          "on",
          hovered !== null
            ? span.dataset.source === String(hovered)
            : (get("selected") || []).includes(Number(span.dataset.source || -1)),
        ),
      );
    body
      .querySelectorAll("tr[data-row]")
      .forEach(row =>
        row.classList.toggle(
          "on",
          Number(row.dataset.row) === hovered ||
            (hovered === null && (get("selected") || []).includes(Number(row.dataset.row))),
        ),
      );
    ui.root.querySelectorAll(".strip [data-token]").forEach(chip => {
      chip.style.outline = Number(chip.dataset.token) === hovered ? `2px solid ${ui.colors().mark}` : "";
    });
  }
  ui.hoverToken = hover;
  source.addEventListener("pointerover", event => hover(sourceToken(event)));
  source.addEventListener("pointerleave", () => hover(null));
  source.addEventListener("click", event => {
    const i = sourceToken(event);
    if (i !== null) ui.pick(i, event.shiftKey);
  });

  const stepNow = view => {
    const at = get("step");
    return at < 0 || at >= view.steps.length ? view.steps.length - 1 : at;
  };
  ui.moveStep = by => {
    const view = get("view"),
      next = stepNow(view) + by;
    if (next >= 0 && next < view.steps.length) ui.set("step", next);
  };
  ui.moveAttempt = by => {
    const word = get("view").words[get("word")];
    if (!word) return;
    const count = word.attempts.length,
      now = get("attempt") < 0 ? count : get("attempt");
    const next = now + by;
    if (next > count || next < 0)
      ui.setAll({
        word: Math.max(0, Math.min(get("view").words.length - 1, get("word") + by)),
        attempt: by > 0 ? 0 : -1,
      });
    else ui.set("attempt", next === count ? -1 : next);
  };
  function drawSteps(view) {
    const at = stepNow(view),
      step = view.steps[at],
      before = at ? new Set(view.steps[at - 1].chunks) : null,
      last = at === view.steps.length - 1;
    const list = h(
      "ol",
      {},
      ...view.steps.map((one, i) =>
        h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              class: one.changed ? "changed" : "",
              "aria-current": i === at ? "step" : null,
              title: one.description,
              onclick: () => ui.set("step", i),
            },
            `${i}  ${one.name}`,
          ),
        ),
      ),
    );
    const chunks = last
      ? h(
          "div.chunks",
          {},
          ...view.words.map((word, i) =>
            h(
              "button",
              {
                type: "button",
                dir: "auto",
                "aria-pressed": String(i === get("word")),
                onclick: () => ui.setAll({ word: i, attempt: -1 }),
              },
              word.pieces.length === 1 && word.pieces[0] === word.text
                ? word.text
                : `${word.text} → ${word.pieces.join(" ")}`,
            ),
          ),
        )
      : h(
          "div.chunks",
          {},
          ...step.chunks.map(text =>
            h(before && !before.has(text) ? "span.new" : "span", { dir: "auto" }, visible(text)),
          ),
        );
    const parts = [
      h(
        "p",
        { style: "margin:0 0 8px" },
        `${step.description[0].toUpperCase()}${step.description.slice(1)}.`,
        step.changed ? "" : h("span.muted", {}, at ? " Nothing changes here." : ""),
      ),
      chunks,
    ];
    if (last && view.words.length) parts.push(...ladder(view));
    body.replaceChildren(h("div.stepper", {}, list, h("div", {}, ...parts)));
  }
  function ladder(view) {
    const word = view.words[Math.min(get("word"), view.words.length - 1)],
      upTo = get("attempt") < 0 ? word.attempts.length : get("attempt");
    const tries = word.attempts.slice(0, upTo),
      done = upTo === word.attempts.length;
    const head = word.whole
      ? [bidi(word.text), " is an added token and is never cut."]
      : [bidi(word.text), ": the longest start that is in the vocabulary, then the rest in the same way"];
    return [
      h("p", { style: "margin:12px 0 4px" }, ...head),
      word.whole
        ? ""
        : h(
            "div.controls",
            {},
            h("button.text-button", { type: "button", onclick: () => ui.moveAttempt(-1) }, "◂ Back"),
            h("button.text-button", { type: "button", onclick: () => ui.moveAttempt(1) }, "Next ▸"),
            h(
              "button.text-button",
              { type: "button", onclick: () => ui.set("attempt", done ? 0 : -1) },
              done ? "From the start" : "To the end",
            ),
            h("span.muted.small", {}, `${upTo} of ${word.attempts.length} tries`),
          ),
      h(
        "div.ladder",
        { tabindex: "0", "aria-label": "Candidates tried" },
        ...tries.flatMap(([candidate, , , found]) => [
          h(found ? "span.found" : "span.miss", {}, bidi(candidate, "bdi")),
          h(found ? "span.found" : "span.miss", {}, found ? "in the vocabulary" : "no"),
        ]),
      ),
      done && word.unknown ? h("p.note", {}, word.unknown) : "",
    ];
  }
  function drawTable(view) {
    const selected = new Set(get("selected"));
    body.replaceChildren(
      h(
        "div.scroll",
        { tabindex: "0", "aria-label": "Tokens", style: "max-height:calc(270px * var(--scale))" },
        h(
          "table",
          {},
          h(
            "tr",
            {},
            ...["position", "token", "id", "type", "start", "end", "characters"].map(name =>
              h(["position", "id", "type", "start", "end"].includes(name) ? "th.number" : "th", {}, name),
            ),
          ),
          ...view.rows.map((row, i) =>
            h(
              "tr",
              {
                "data-row": i,
                class: selected.has(i) ? "on" : "",
                onclick: event => ui.pick(i, event.shiftKey),
                onpointerenter: () => hover(i),
                onpointerleave: () => hover(null),
              },
              h("td.number", {}, i),
              h("td", {}, bidi(row.token)),
              h("td.number", {}, row.id),
              h("td.number", {}, row.type),
              h("td.number", {}, row.start),
              h("td.number", {}, row.end),
              h("td", {}, bidi(visible(row.characters))),
            ),
          ),
        ),
      ),
    );
  }
  function drawCompare(view) {
    const comparison = view.comparison;
    if (!comparison) return;
    const name = (get("variants").find(([value]) => value === get("against")) || [0, get("against")])[1];
    body.replaceChildren(
      h(
        "p.muted",
        { style: "margin:0 0 8px" },
        `Above: the readable tokenizer, ${comparison.counts[0]} tokens. Below: ${name}, ${comparison.counts[1]} tokens. Bars enclose what differs.`,
      ),
      h(
        "div.versus.scroll",
        { tabindex: "0", "aria-label": "Both tokenizers", style: "max-height:calc(240px * var(--scale))" },
        ...comparison.runs.map(([kind, mine, theirs]) =>
          h(
            kind === "equal" ? "div.run" : "div.run.other",
            {},
            h("div.row", {}, ...mine.map(token => bidi(token, "bdi"))),
            h("div.row", {}, ...theirs.map(token => bidi(token, "bdi"))),
          ),
        ),
      ),
    );
  }
  function drawLength(view) {
    const { words, tokens, limit, cut, pieces, unknown } = view.lengths,
      top = Math.max(1, ...pieces);
    body.replaceChildren(
      h(
        "p",
        { style: "margin:0 0 4px" },
        `${words} words, ${tokens} tokens with [CLS] and [SEP]; the model takes ${limit}.`,
      ),
      h("div.gauge", {}, h("i", { style: `width:${Math.min(100, (100 * tokens) / limit)}%` })),
      cut.length
        ? h(
            "p.note",
            {},
            "Cut off: ",
            bidi(cut.map(text => (text.length > 200 ? `${text.slice(0, 200)}…` : text)).join(" | "), "bdi"),
          )
        : h("p.muted", {}, `Room for ${limit - tokens} more.`),
      h("h4", { style: "margin:12px 0 4px;font-weight:600" }, "Pieces a word"),
      h(
        "div",
        { style: "max-width:420px" },
        h(
          "div.bars",
          {},
          ...pieces.flatMap((count, i) => [
            h("span", {}, i === 6 ? "7 and more" : i + 1),
            h("div.bar", {}, h("i", { style: `width:${(100 * count) / top}%` })),
            h("span", {}, count),
          ]),
        ),
      ),
      unknown ? h("p.note", {}, `${unknown} tokens are [UNK].`) : "",
    );
  }

  return () => {
    const view = get("view");
    source.hidden = Boolean(view.empty);
    if (view.empty) {
      body.replaceChildren(ui.invite());
      return;
    }
    drawSource(view);
    const look = get("look");
    if (look === "steps") drawSteps(view);
    else if (look === "table") drawTable(view);
    else if (look === "compare") drawCompare(view);
    else drawLength(view);
  };
}

export const spec = {
  name: "tokens",
  height: 330,
  stage: tokenStage,
  onHover: (i, ui) => ui.hoverToken?.(i),
  keys: [
    ["n, p", "next, previous step of the algorithm"],
    ["+, −", "next, previous try in a word"],
    ["1 … 4", "Step by step, Table, Side by side, Length"],
  ],
  onKey(event, ui) {
    const look = ["steps", "table", "compare", "length"][Number(event.key) - 1];
    if (look) ui.set("look", look);
    else if (event.key === "n") ui.moveStep(1);
    else if (event.key === "p") ui.moveStep(-1);
    else if (event.key === "+") ui.moveAttempt(1);
    else if (event.key === "-" || event.key === "−") ui.moveAttempt(-1);
    else return false;
    return true;
  },
};
