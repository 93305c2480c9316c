// Masked places with the words that BERT expects there, one column of bars for each place.

import { bars, select, tabs } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { number, percent } from "../kit/numbers.js";

function maskStage(ui) {
  const { get } = ui;
  const body = h("div");
  ui.stage.append(body);
  const allButton = h("button.text-button", { type: "button", onclick: () => ui.call("mask_all") }, "Mask all");
  const clearButton = h(
    "button.text-button",
    { type: "button", onclick: () => ui.setAll({ masked: [], forced: {} }) },
    "Unmask all",
  );
  const more = h(
    "details",
    {},
    h("summary", {}, "More"),
    h(
      "div.controls",
      {},
      select(
        ui,
        "count",
        [5, 8, 12, 20].map(n => [n, String(n)]),
        "Bars",
      ),
      allButton,
    ),
  );
  ui.controls.append(
    tabs(
      ui,
      "look",
      [
        ["places", "Predictions"],
        ["layers", "By layer"],
        ["everywhere", "Every token"],
        ["score", "Score"],
        ["compare", "Two sentences"],
        ["dealer", "80 / 10 / 10"],
      ],
      "What the stage shows",
    ),
    clearButton,
    more,
  );
  const otherField = h("input", {
    type: "text",
    "aria-label": "Sentence to hold against the first",
    placeholder: "Another sentence, then Enter",
    style: "width:100%;margin-bottom:8px",
    onchange: () => ui.set("other", { text: otherField.value }),
  });
  otherField.value = get("other").text || "";

  function drawPlaces(view) {
    if (!view.places.length) {
      body.replaceChildren(
        h(
          "div.invitation",
          {},
          h("span", {}, "Click a token above: it is hidden from BERT, and what BERT expects there appears here."),
        ),
      );
      return;
    }
    const columns = view.places.map(place => {
      const shown = place.rows.reduce((sum, row) => sum + row.probability, 0),
        truth = place.truth;
      const pinned = new Map(
        (view.pinned || [])
          .filter(other => other.position === place.position)
          .flatMap(other => other.rows.map(row => [row.token, row.probability])),
      );
      const rows = place.rows.map(row => ({
        label: row.token,
        value: row.probability,
        truth: row.truth,
        before: pinned.get(row.token),
        title: `Put “${row.token}” there and go on`,
        onclick: () => ui.call("force", { position: place.position, token: row.id }),
      }));
      if (truth && truth.rank > place.rows.length)
        rows.push({
          label: truth.token,
          value: truth.probability,
          truth: true,
          title: "Put it back",
          onclick: () => ui.call("force", { position: place.position, token: truth.id }),
        });
      return h(
        "div",
        {},
        h(
          "h4",
          {},
          `Place ${place.position}`,
          truth
            ? [
                ": it was ",
                bidi(truth.token),
                truth.rank === 1 ? ", first choice" : `, number ${truth.rank.toLocaleString("en")}`,
              ]
            : "",
        ),
        bars(rows),
        h(
          "div.rest",
          {},
          `all other ${(view.vocabulary - rows.length).toLocaleString("en")} tokens: ${percent(Math.max(0, 1 - shown - (rows.length > place.rows.length ? truth.probability : 0)))} · click a word to put it there`,
        ),
      );
    });
    const rest =
      view.count > view.limit ? [h("p.muted.small", {}, `The first ${view.limit} of ${view.count} places.`)] : [];
    body.replaceChildren(h("div.places", {}, ...columns), ...rest);
  }
  function drawLayers(view) {
    if (!view.layers) {
      body.replaceChildren(
        h("div.invitation", {}, h("span", {}, "Mask a token to read that place after every layer.")),
      );
      return;
    }
    const graded = view.layers[0].rank !== undefined;
    const place = view.places[0],
      others = view.places.length - 1;
    const heading = h(
      "h4",
      { style: "margin:0 0 8px;font-weight:600" },
      `Place ${place.position}`,
      place.truth ? [": it was ", bidi(place.truth.token)] : "",
      others > 0 ? h("span.muted", { style: "font-weight:400" }, `  (the first of ${others + 1} places)`) : "",
    );
    body.replaceChildren(
      heading,
      h(
        "div.scroll",
        { tabindex: "0", "aria-label": "Predictions by layer" },
        h(
          "table",
          {},
          h(
            "tr",
            {},
            h("th", {}, "after"),
            h("th", {}, "1st"),
            h("th", {}, "2nd"),
            h("th", {}, "3rd"),
            graded ? h("th.number", {}, "rank of the truth") : null,
            graded ? h("th", {}, "its probability") : null,
          ),
          ...[...view.layers]
            .reverse()
            .map(row =>
              h(
                "tr",
                {},
                h(
                  "td",
                  {},
                  row.layer === 0
                    ? "embeddings"
                    : row.layer === view.layers.length - 1
                      ? `layer ${row.layer - 1} = the model`
                      : `layer ${row.layer - 1}`,
                ),
                ...row.best.map(best =>
                  h("td", {}, bidi(best.token), h("span.muted", {}, ` ${percent(best.probability)}`)),
                ),
                graded ? h("td.number", {}, row.rank.toLocaleString("en")) : null,
                graded
                  ? h("td", {}, h("div.bar", {}, h("i", { style: `width:${100 * row.truth}%` })), percent(row.truth))
                  : null,
              ),
            ),
        ),
      ),
    );
  }
  function lossRows(rows, value, text) {
    const top = Math.max(1, ...rows.map(value));
    return h(
      "div.loss",
      {},
      ...rows.flatMap(row => [
        bidi(row.token),
        h("div.bar", {}, h("i", { style: `width:${(100 * value(row)) / top}%` })),
        h("span", {}, text(row)),
      ]),
    );
  }
  function drawEverywhere(view) {
    body.replaceChildren(
      h(
        "div.scroll",
        { tabindex: "0", "aria-label": "Prediction at every token" },
        h(
          "table",
          {},
          h(
            "tr",
            {},
            h("th", {}, "token"),
            h("th", {}, "BERT's first choice"),
            h("th", {}, "probability of the token itself"),
            h("th.number", {}, "rank"),
            h("th.number", {}, "loss (nats)"),
          ),
          ...view.everywhere.map(row =>
            h(
              "tr",
              {},
              h("td", {}, bidi(row.token), row.masked ? h("span.muted", {}, " masked") : ""),
              h("td", {}, bidi(row.best), h("span.muted", {}, ` ${percent(row.best_probability)}`)),
              h(
                "td",
                {},
                h("div.bar", {}, h("i", { style: `width:${100 * row.probability}%` })),
                percent(row.probability),
              ),
              h("td.number", {}, row.rank.toLocaleString("en")),
              h("td.number", {}, number(row.loss, 3)),
            ),
          ),
        ),
      ),
    );
  }
  const scoreOf = rows => [
    h(
      "h4",
      { style: "margin:0 0 8px;font-weight:600" },
      `Sum ${number(
        rows.reduce((sum, row) => sum + row.log_probability, 0),
        4,
      )}`,
    ),
    lossRows(
      rows,
      row => -row.log_probability,
      row => number(row.log_probability, 3),
    ),
  ];
  function drawScore(view) {
    body.replaceChildren(
      h(
        "p.muted",
        { style: "margin:0 0 8px" },
        "Each token masked alone; the bar is how surprised BERT is by it (−log p). ln V = ",
        number(Math.log(view.vocabulary), 3),
        " would be a blind guess.",
      ),
      h("div.scroll", { tabindex: "0", "aria-label": "Log-probability of each token" }, ...scoreOf(view.score)),
    );
  }
  function drawCompare(view) {
    const focus = document.activeElement === otherField;
    body.replaceChildren(
      otherField,
      h(
        "div.scroll",
        { tabindex: "0", "aria-label": "Two sentences", style: "display:grid;grid-template-columns:1fr 1fr;gap:32px" },
        h("div", {}, ...scoreOf(view.score)),
        h(
          "div",
          {},
          ...(view.other.length
            ? scoreOf(view.other)
            : [h("p.muted", {}, "Type a second sentence: change one word and see which BERT prefers.")]),
        ),
      ),
    );
    if (focus) otherField.focus();
  }
  function drawDealer() {
    const deals = get("deals");
    if (!deals.tokens) {
      body.replaceChildren();
      return;
    }
    const names = { mask: "masked", random: "random", kept: "chosen, kept", untouched: "", special: "" };
    const tally = deals.tally,
      chosen = tally.mask + tally.random + tally.kept,
      seen = chosen + tally.untouched;
    const line = (label, value, target) => ({ label, value, before: target });
    body.replaceChildren(
      h(
        "div.fates",
        {},
        ...deals.tokens.map((token, i) =>
          h(`div.fate.${deals.fates[i]}`, {}, bidi(token), h("small", {}, names[deals.fates[i]] || " ")),
        ),
      ),
      h(
        "div.controls",
        { style: "margin-bottom:16px" },
        ...[
          [1, "Deal once"],
          [100, "100 times"],
          [1000, "1,000 times"],
        ].map(([times, text]) =>
          h("button.text-button", { type: "button", onclick: () => ui.call("deal", { times }) }, text),
        ),
      ),
      h(
        "div",
        { style: "max-width:560px" },
        bars([
          line("chosen, of all tokens", seen ? chosen / seen : 0, 0.15),
          line("of these: [MASK]", chosen ? tally.mask / chosen : 0, 0.8),
          line("of these: a random token", chosen ? tally.random / chosen : 0, 0.1),
          line("of these: kept as it is", chosen ? tally.kept / chosen : 0, 0.1),
        ]),
      ),
      h("p.small.muted", {}, "The marks stand at 15 %, 80 %, 10 % and 10 % (Devlin et al. 2019, section 3.1)."),
    );
  }

  return () => {
    const view = get("view");
    if (view.empty) {
      body.replaceChildren(ui.invite());
      return;
    }
    const look = view.look;
    if (look === "layers") drawLayers(view);
    else if (look === "everywhere" && view.everywhere) drawEverywhere(view);
    else if (look === "score" && view.score) drawScore(view);
    else if (look === "compare" && view.score) drawCompare(view);
    else if (get("look") === "dealer") drawDealer();
    else if (view.places) drawPlaces(view);
  };
}

export const spec = {
  name: "masks",
  height: 280,
  stage: maskStage,
  onToken(i, event, ui) {
    const token = (ui.get("tokens") || [])[i],
      masked = ui.get("masked") || [],
      forced = ui.get("forced") || {};
    if (token.special) {
      ui.pick(i, event.shiftKey);
      return;
    }
    const next = masked.includes(i) ? masked.filter(x => x !== i) : [...masked, i].sort((a, b) => a - b);
    const changes = { masked: next, selected: [i] };
    if (forced[i] !== undefined)
      changes.forced = Object.fromEntries(Object.entries(forced).filter(([key]) => Number(key) !== i));
    ui.setAll(changes);
  },
  keys: [
    ["Click or Enter on a token", "mask it, or show it again"],
    ["1 … 6", "Predictions, By layer, Every token, Score, Two sentences, 80/10/10"],
  ],
  onKey(event, ui) {
    const look = ["places", "layers", "everywhere", "score", "compare", "dealer"][Number(event.key) - 1];
    if (!look) return false;
    ui.set("look", look);
    return true;
  },
};
