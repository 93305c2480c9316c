// Masked places with the words that BERT expects there, one column of bars for each place, and other looks at them.
import { bars, select, tabs } from "../kit/controls.js";
import { bidi, h, textButton } from "../kit/dom.js";
import { number, percent, thousands } from "../kit/numbers.js";
import { dealer } from "./dealer.js";
import { bothScores, oneScore } from "./scores.js";

const LOOKS = [
  ["places", "Predictions"],
  ["layers", "By layer"],
  ["everywhere", "Every token"],
  ["score", "Score"],
  ["compare", "Two sentences"],
  ["dealer", "80 / 10 / 10"],
];
const scrolled = (label, ...children) => h("div.scroll", { tabindex: "0", "aria-label": label }, ...children);
const barCell = probability =>
  h("td", {}, h("div.bar", {}, h("i", { style: `width:${100 * probability}%` })), percent(probability));

/** What was at a place: "Place 6: it was paris, number 3". */
function headingOf(place) {
  const { truth, position, example } = place;
  if (!truth) return [`Place ${position}`];
  const rank = truth.rank === 1 ? ", first choice" : `, number ${thousands(truth.rank)}`;
  return example
    ? [`Place ${position}, if `, bidi(truth.token), " were hidden"]
    : [`Place ${position}: it was `, bidi(truth.token), rank];
}

function placeColumn(ui, place, view) {
  const { truth, position } = place;
  const shown = place.rows.reduce((sum, row) => sum + row.probability, 0);
  const pins = (view.pinned || []).filter(other => other.position === position).flatMap(other => other.rows);
  const pinned = new Map(pins.map(row => [row.token, row.probability]));
  const force = token => ui.call("force", { position, token }).catch(() => {});
  const rows = place.rows.map(row => ({
    label: row.token,
    value: row.probability,
    truth: row.truth,
    before: pinned.get(row.token),
    title: `Put “${row.token}” there and go on`,
    onclick: () => force(row.id),
  }));
  const beyond = truth && truth.rank > place.rows.length;
  if (beyond) {
    const put = { title: "Put it back", onclick: () => force(truth.id) };
    rows.push({ label: truth.token, value: truth.probability, truth: true, ...put });
  }
  const left = Math.max(0, 1 - shown - (beyond ? truth.probability : 0));
  const others = `all other ${thousands(view.vocabulary - rows.length)} tokens: ${percent(left)}`;
  const rest = h("div.rest", {}, `${others} · click a word to put it there`);
  return h("div", {}, h("h4", {}, ...headingOf(place)), bars(rows), rest);
}

function layerTable(layers, most, short = false) {
  const graded = layers[0].rank !== undefined;
  const nameOf = layer =>
    layer === 0 ? "embeddings" : `layer ${layer - 1}${layer === layers.length - 1 ? " = the model" : ""}`;
  const names = ["after", ...["1st", "2nd", "3rd"].slice(0, most)];
  const head = [...names.map(name => h("th", {}, name)), graded ? h("th", {}, "the true word") : null];
  const rows = [...layers]
    .reverse()
    .map(row =>
      h(
        "tr",
        {},
        h("td", {}, nameOf(row.layer)),
        ...row.best
          .slice(0, most)
          .map(best => h("td", {}, bidi(best.token), h("span.muted", {}, ` ${percent(best.probability)}`))),
        graded
          ? h("td", {}, percent(row.truth), short ? "" : h("span.muted", {}, `, number ${thousands(row.rank)}`))
          : null,
      ),
    );
  return scrolled("Predictions by layer", h("table", {}, h("tr", {}, ...head), ...rows));
}

function everyTable(rows) {
  const names = ["token", "BERT's first choice", "probability of the token itself"];
  const head = [...names.map(name => h("th", {}, name)), h("th.number", {}, "rank"), h("th.number", {}, "loss (nats)")];
  const lines = rows.map(row =>
    h(
      "tr",
      {},
      h("td", {}, bidi(row.token), row.masked ? h("span.muted", {}, " masked") : ""),
      h("td", {}, bidi(row.best), h("span.muted", {}, ` ${percent(row.best_probability)}`)),
      barCell(row.probability),
      h("td.number", {}, thousands(row.rank)),
      h("td.number", {}, number(row.loss, 3)),
    ),
  );
  return scrolled("Prediction at every token", h("table", {}, h("tr", {}, ...head), ...lines));
}

/** The places beside each other; a single one beside what every layer would say of it. */
function placesLook(ui, view) {
  if (!view.places.length) {
    const what = "Click a token above: it is hidden from BERT, and what BERT expects there appears here.";
    return [h("div.invitation", {}, h("span", {}, what))];
  }
  const columns = view.places.map(place => placeColumn(ui, place, view));
  if (view.layers)
    columns.push(
      h(
        "div",
        {},
        h("div.heading", {}, "The same place, read after every layer"),
        layerTable(view.layers, 1, ui.scale() > 1.2),
      ),
    );
  const cut =
    view.count > view.limit ? h("p.muted.small", {}, `The first ${view.limit} of ${view.count} places.`) : null;
  return [h("div.places", {}, ...columns), cut].filter(Boolean);
}

function layersLook(_ui, view) {
  if (!view.layers)
    return [h("div.invitation", {}, h("span", {}, "Mask a token to read that place after every layer."))];
  const others = view.places.length - 1;
  const more = others > 0 ? h("span.muted.plain", {}, `  (the first of ${others + 1} places)`) : "";
  return [h("h4", {}, ...headingOf(view.places[0]), more), layerTable(view.layers, 3)];
}

const said = text => [h("p.muted", {}, text)];

function maskStage(ui) {
  const { get } = ui;
  const body = h("div.body");
  ui.stage.append(body);
  const maskAll = textButton("Mask all", () => ui.call("mask_all").catch(() => {}));
  const unmask = textButton("Unmask all", () => ui.setAll({ masked: [], forced: {} }));
  const counts = [5, 8, 12, 20].map(n => [n, String(n)]);
  const more = h(
    "details",
    {},
    h("summary", {}, "More"),
    h("div.controls", {}, select(ui, "count", counts, "Bars"), maskAll),
  );
  ui.controls.append(tabs(ui, "look", LOOKS, "What the stage shows"), unmask, more);
  const second = bothScores(ui);
  const draw = {
    places: placesLook,
    layers: layersLook,
    everywhere: (_, view) => view.everywhere && [everyTable(view.everywhere)],
    score: (_, view) => view.score && (view.missing ? said(view.missing) : oneScore(view)),
    compare: (_, view) => view.score && second(view),
    dealer: () => dealer(ui),
  };
  return () => {
    const view = get("view");
    const focus = body.contains(document.activeElement) ? document.activeElement : null;
    body.replaceChildren(...(view.empty ? [ui.invite()] : (draw[view.look]?.(ui, view) ?? [])));
    if (focus?.isConnected) focus.focus();
  };
}

export const spec = {
  name: "masks",
  height: 280,
  stage: maskStage,
  onToken(i, event, ui) {
    const token = (ui.get("tokens") || [])[i];
    const masked = ui.get("masked") || [];
    const forced = ui.get("forced") || {};
    if (token.special) {
      ui.pick(i, event.shiftKey);
      return;
    }
    const next = masked.includes(i) ? masked.filter(x => x !== i) : [...masked, i].sort((a, b) => a - b);
    const others = Object.entries(forced).filter(([key]) => Number(key) !== i);
    ui.setAll({
      masked: next,
      selected: [i],
      ...(forced[i] !== undefined ? { forced: Object.fromEntries(others) } : {}),
    });
  },
  keys: [
    ["Click or Enter on a token", "mask it, or show it again"],
    ["1 … 6", LOOKS.map(([, name]) => name).join(", ")],
  ],
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1];
    if (look) ui.set("look", look[0]);
    return Boolean(look);
  },
};
