// Masked places with the words that BERT expects there, one column of bars for each place, and other looks at them.
import { bars, select, tabs } from "../kit/controls.js";
import { bidi, h, marked, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { number, percent, thousands } from "../kit/numbers.js";
import { dealer } from "./dealer.js";
import { named } from "./named.js";
import { bothScores, oneScore } from "./scores.js";

const LOOKS = [
  ["places", mark("Predictions")],
  ["layers", mark("By layer")],
  ["everywhere", mark("Every token")],
  ["score", mark("Score")],
  ["compare", mark("Two sentences")],
  ["dealer", "80 / 10 / 10"],
];
const looks = () => LOOKS.map(([look, text]) => [look, say(text)]);

const scrolled = (label, ...children) => h("div.scroll", { tabindex: "0", "aria-label": label }, ...children);
const barCell = probability =>
  h("td", {}, h("div.bar", {}, h("i", { style: `width:${100 * probability}%` })), percent(probability));

/** What was at a place: "Place 6: it was paris, number 3". */
function headingOf(place) {
  const { truth, position, example } = place;
  if (!truth) return [say("Place {position}", { position })];
  const values = { position, token: named(truth.token), rank: thousands(truth.rank) };
  if (example) return marked(say("Place {position}, if {token} were hidden", values));
  if (truth.rank === 1) return marked(say("Place {position}: it was {token}, first choice", values));
  return marked(say("Place {position}: it was {token}, number {rank}", values));
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
    title: say("Put “{token}” there and go on", { token: row.token }),
    onclick: () => force(row.id),
  }));
  const beyond = truth && truth.rank > place.rows.length;
  if (beyond) {
    const put = { title: say("Put it back"), onclick: () => force(truth.id) };
    rows.push({ label: truth.token, value: truth.probability, truth: true, ...put });
  }
  const left = Math.max(0, 1 - shown - (beyond ? truth.probability : 0));
  const rest = say("all other {count} tokens: {share} · click a word to put it there", {
    count: thousands(view.vocabulary - rows.length),
    share: percent(left),
  });
  return h("div", {}, h("h4", {}, ...headingOf(place)), bars(rows), h("div.rest", {}, rest));
}

/** A token and its probability in a cell of a table. */
const choice = (token, probability) =>
  h("td", {}, ...marked(named(token)), h("span.muted", {}, ` ${percent(probability)}`));

/** What a state is called: the embeddings, a layer; the last one is the model itself. */
function stateName(state, last) {
  if (state === 0) return say("embeddings");
  return state === last
    ? say("layer {layer} = the model", { layer: state - 1 })
    : say("layer {layer}", { layer: state - 1 });
}

function layerTable(layers, most, short = false) {
  const graded = layers[0].rank !== undefined;
  const names = [say("after"), ...[say("1st"), say("2nd"), say("3rd")].slice(0, most)];
  const head = [...names.map(name => h("th", {}, name)), graded ? h("th", {}, say("the true word")) : null];
  const rankOf = row => h("span.muted", {}, say(", number {rank}", { rank: thousands(row.rank) }));
  const rows = [...layers]
    .reverse()
    .map(row =>
      h(
        "tr",
        {},
        h("td", {}, stateName(row.layer, layers.length - 1)),
        ...row.best.slice(0, most).map(best => choice(best.token, best.probability)),
        graded ? h("td", {}, percent(row.truth), short ? "" : rankOf(row)) : null,
      ),
    );
  return scrolled(say("Predictions by layer"), h("table", {}, h("tr", {}, ...head), ...rows));
}

function everyTable(rows) {
  const names = [say("token"), say("BERT's first choice"), say("probability of the token itself")];
  const numbers = [say("rank"), say("loss (nats)")];
  const head = [...names.map(name => h("th", {}, name)), ...numbers.map(name => h("th.number", {}, name))];
  const lines = rows.map(row =>
    h(
      "tr",
      {},
      h("td", {}, bidi(row.token), row.masked ? h("span.muted", {}, " ", say("masked")) : ""),
      choice(row.best, row.best_probability),
      barCell(row.probability),
      h("td.number", {}, thousands(row.rank)),
      h("td.number", {}, number(row.loss, 3)),
    ),
  );
  return scrolled(say("Prediction at every token"), h("table", {}, h("tr", {}, ...head), ...lines));
}

/** The places beside each other; a single one beside what every layer would say of it. */
function placesLook(ui, view) {
  if (!view.places.length) {
    const what = say("Click a token above: it is hidden from BERT, and what BERT expects there appears here.");
    return [h("div.invitation", {}, h("span", {}, what))];
  }
  const columns = view.places.map(place => placeColumn(ui, place, view));
  if (view.layers)
    columns.push(
      h(
        "div",
        {},
        h("div.heading", {}, say("The same place, read after every layer")),
        layerTable(view.layers, 1, ui.scale() > 1.2),
      ),
    );
  const cut = say("The first {limit} of {count} places.", { limit: view.limit, count: view.count });
  return [h("div.places", {}, ...columns), view.count > view.limit ? h("p.muted.small", {}, cut) : ""];
}

function layersLook(_ui, view) {
  if (!view.layers)
    return [h("div.invitation", {}, h("span", {}, say("Mask a token to read that place after every layer.")))];
  const count = view.places.length;
  const more = h("span.muted.plain", {}, "  ", say("(the first of {count} places)", { count }));
  const title = [...headingOf(view.places[0]), count > 1 ? more : ""];
  return [h("h4", {}, ...title), layerTable(view.layers, 3)];
}

/** Why a look has nothing to show; where two sentences are compared the second may still be typed. */
const missing = view => [h("p.muted", {}, ...marked(view.missing))];

function maskStage(ui) {
  const { get } = ui;
  const body = h("div.body");
  ui.stage.append(body);
  const maskAll = textButton(say("Mask all"), () => ui.call("mask_all").catch(() => {}));
  const unmask = textButton(say("Unmask all"), () => ui.setAll({ masked: [], forced: {} }));
  const counts = [5, 8, 12, 20].map(n => [n, String(n)]);
  const more = h(
    "details",
    {},
    h("summary", {}, say("More")),
    h("div.controls", {}, select(ui, "count", counts, say("Bars")), maskAll),
  );
  ui.controls.append(tabs(ui, "look", looks(), say("What the stage shows")), unmask, more);
  const second = bothScores(ui);
  const draw = {
    places: placesLook,
    layers: layersLook,
    everywhere: (_, view) => view.everywhere && [everyTable(view.everywhere)],
    score: (_, view) => view.score && oneScore(view),
    compare: (_, view) => view.score && second(view),
    dealer: () => dealer(ui),
  };
  return () => {
    const view = get("view");
    const focus = body.contains(document.activeElement) ? document.activeElement : null;
    const drawn = view.missing && view.look !== "compare" ? missing(view) : (draw[view.look]?.(ui, view) ?? []);
    body.replaceChildren(...(view.empty ? [ui.invite()] : drawn));
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
    if (token.special || ui.get("view").maskless) {
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
  get keys() {
    return [
      [say("Click or Enter on a token"), say("mask it, or show it again")],
      [
        "1 … 6",
        looks()
          .map(([, name]) => name)
          .join(say(", ")),
      ],
    ];
  },
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1];
    if (look) ui.set("look", look[0]);
    return Boolean(look);
  },
};
