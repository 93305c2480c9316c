// Two sentences, and the matrix of pairs that add up to their cosine; or a list, as a matrix of cosines.
import { checkbox, select } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { layerChart, stateAt, stateName, stateValue } from "../kit/layers.js";
import { number } from "../kit/numbers.js";
import { stateControls, stateKey } from "../kit/states.js";
import { makeMaps } from "./maps.js";
import { makeMatrix } from "./matrix.js";
import { margins, nextCell, positionsOf, strongest } from "./pure.js";

const LOOKS = [
  ["pairs", mark("Two sentences")],
  ["list", mark("A list")],
];
const two = value => number(value, 3);
const plain = value => value.toFixed(3).replace("-", "−");

const stateOf = ui => stateAt(ui.get("hidden_state"), ui.get("view").layers || 1);

/** The lines of the chart: this pair, the pinned one, what unrelated sentences get. */
function seriesOf(view) {
  const series = [];
  if (view.unrelated) {
    series.push({
      name: say("{count} unrelated pairs, mean", { count: view.unrelated.count }),
      values: view.unrelated.mean,
      kind: "baseline",
    });
    series.push({ name: say("19 of 20 of them lie below"), values: view.unrelated.upper, kind: "limit" });
  }
  if (view.pinned?.length) series.push({ name: say("pinned (A)"), values: view.pinned, kind: "pin", shape: "square" });
  return [...series, { name: say("this pair"), values: view.cosines, kind: "main" }];
}

/** What the trained head says: another scale, and so a line of its own. */
function headLine(view) {
  if (!view.head) return "";
  if (view.head.missing) return h("p.small.muted", {}, view.head.missing);
  const share = 100 * Math.max(0, Math.min(1, view.head.score / 5));
  const bar = h(
    "div.bar",
    {},
    h("i", { style: `width:${share}%` }),
    h("span.figure", { style: `left:${share}%` }, number(view.head.score, 3)),
  );
  const [low, high] = [say("0: unrelated"), say("5: the same")];
  const ends = h("div.ends.small.muted", {}, h("span", {}, low), h("span", {}, high));
  const what = say("It reads both sentences together; people's ratings taught it its scale. It is no cosine.");
  return h(
    "div.head-says",
    {},
    h("h4", {}, say("What the trained similarity head says")),
    bar,
    ends,
    h("p.small.muted", {}, what),
  );
}

function chartOf(ui, view, width, height) {
  const pick = ui.get("hidden_state");
  const onPick = at => ui.set("hidden_state", stateValue(at, view.layers));
  const label = say("Cosine by hidden state");
  return layerChart(ui, { series: seriesOf(view), now: stateAt(pick, view.layers), onPick, label, width, height });
}

/** The list as lines of text that can be changed. */
function listField(ui) {
  const label = say("Sentences of the list, one a line");
  const attributes = { "aria-label": label, rows: 6, spellcheck: "false", dir: "auto" };
  const field = h("textarea", attributes);
  const send = () => {
    const own = new Set([ui.get("text"), ui.get("text_pair")]);
    const lines = field.value.split("\n").map(line => line.trim());
    ui.setAll({ sentences: lines.filter(line => line && !own.has(line)), cell: [] });
  };
  field.addEventListener("change", send);
  field.readOnly = Boolean(ui.model.standalone);
  const draw = view => {
    if (document.activeElement !== field) field.value = (view.texts || []).join("\n");
  };
  const help = h(
    "p.small.muted",
    {},
    say("One a line; the sentences above come first. Click a cell, double-click to open the pair."),
  );
  return { element: h("div.list-field", {}, help, field), draw };
}

function pairsLook(ui, view, cells) {
  const sums = margins(cells, view.a.length, view.b.length);
  const chosen = ui.get("selected") || [];
  const marked = [new Set(), new Set()];
  for (const i of chosen) {
    const [row, column] = view.marks[i] || [-1, -1];
    if (row >= 0) marked[0].add(row);
    if (column >= 0 && (view.pair || !marked[0].size)) marked[1].add(column);
  }
  const told = (i, j) => {
    const value = cells[i * view.b.length + j];
    const told = `${view.a[i]} × ${view.b[j]}  ${value.toFixed(4).replace("-", "−")}`;
    if (view.cosines[stateOf(ui)] <= 0.01) return told;
    return say("{pair}, {share} % of the cosine", { pair: told, share: number((100 * value) / sums.all, 2) });
  };
  const best = strongest(cells, view.a.length, view.b.length, view.special);
  const size = { rows: view.a.length, columns: view.b.length, sum: two(sums.all) };
  const pairs = say("{rows} by {columns} pairs; all together {sum}.", size);
  const label = best ? say("{pairs} Of words, {pair} gives most.", { pairs, pair: told(...best) }) : pairs;
  return {
    rows: view.a,
    columns: view.b,
    cells,
    top: sums.most,
    signed: true,
    written: value =>
      (100 * value)
        .toFixed(1)
        .replace(/^-0\.0$/, "0.0")
        .replace("-", "−"),
    told,
    marked,
    framed: true,
    muted: view.special.map(list => new Set(list)),
    chosen: ui.cursor || null,
    margins: sums,
    sums: true,
    code: true,
    label,
    title: say("What each pair gives, in hundredths: together {sum}", { sum: two(100 * sums.all) }),
  };
}

function listLook(ui, view, cells) {
  const count = view.texts.length;
  const order = view.order;
  const turned = new Float32Array(count * count);
  order.forEach((i, row) => order.forEach((j, column) => (turned[row * count + column] = cells[i * count + j])));
  const own = new Set([ui.get("text"), ui.get("text_pair")]);
  const mine = order.map((i, at) => (own.has(view.texts[i]) ? at : -1)).filter(at => at >= 0);
  const told = (i, j) => `${view.texts[order[i]]}\n${view.texts[order[j]]}\n${plain(turned[i * count + j])}`;
  return {
    rows: order.map((i, at) => `${view.texts[i]}  ${at + 1}`),
    columns: order.map((_, at) => String(at + 1)),
    cells: turned,
    top: 1,
    signed: false,
    written: value => value.toFixed(2).replace("-", "−"),
    told,
    marked: [new Set(mine), new Set(mine)],
    muted: [new Set(), new Set()],
    chosen: view.chosen ? view.chosen.map(i => order.indexOf(i)) : null,
    margins: null,
    sums: false,
    code: false,
    label: say("Cosines of {count} sentences", { count }),
    title: say("Cosine of each sentence with each other: full colour is 1"),
  };
}

/** What clicks and keys on the matrix do, in both looks. */
function handlers(ui) {
  const { get } = ui;
  const pick = (row, column, event) => {
    const view = get("view");
    if (get("look") === "list") {
      ui.set("cell", [view.order[row], view.order[column]]);
      return;
    }
    ui.cursor = [row, column];
    const places = positionsOf(view.marks, row, view.pair ? column : null);
    const kept = event?.shiftKey ? get("selected") || [] : [];
    ui.set(
      "selected",
      [...new Set([...kept, ...places])].sort((a, b) => a - b),
    );
    ui.redraw();
  };
  const open = (row, column) => {
    const { order } = get("view");
    if (get("look") === "list") ui.call("open_pair", { i: order[row], j: order[column] }).catch(() => {});
  };
  const key = (event, look) => {
    if (!look) return false;
    const { order } = get("view");
    const cell = get("cell") || [];
    const newest = get("look") === "list" ? cell.length === 2 && cell.map(i => order.indexOf(i)) : ui.cursor;
    const at = newest || look.chosen || [0, 0]; // what is drawn may be a key behind
    const next = nextCell(at, event.key, look.rows.length, look.columns.length);
    if (next) pick(...next, null);
    else if (event.key === "Enter") open(...at);
    else return false;
    return true;
  };
  return { pick, open, key };
}

function fillControls(ui) {
  const pooling = h("span");
  const offer = () => pooling.replaceChildren(select(ui, "pooling", ui.get("poolings"), say("Pooling")));
  ui.on(["poolings"], offer);
  offer();
  stateControls(ui, LOOKS, [
    [pooling, ["pairs", "list"]],
    [checkbox(ui, "words", say("Words instead of pieces"), say("Add the pieces of a word up")), ["pairs"]],
    [checkbox(ui, "grouped", say("Alike ones together"), say("Order the list by average linkage")), ["list"]],
  ]);
}

function similarityStage(ui) {
  const { get } = ui;
  const maps = makeMaps(ui);
  const matrix = makeMatrix(ui, handlers(ui));
  const title = h("h4");
  const field = listField(ui);
  const beside = h("div.beside");
  const chart = h("div");
  const said = h("div");
  const state = h("h4");
  beside.append(state, chart, said, field.element);
  const left = h("div.left", {}, title, matrix.element);
  const body = h("div.similar", {}, left, beside);
  const invitation = h("div", { hidden: true });
  ui.stage.append(body, invitation);
  fillControls(ui);
  let last = "";
  return names => {
    const view = get("view");
    const empty = view.empty || !view.look;
    body.hidden = Boolean(empty);
    invitation.hidden = !empty;
    if (empty) {
      invitation.replaceChildren(ui.invite(say("Type a sentence above, and a second one beside it.")));
      return;
    }
    if (view.key !== last) {
      last = view.key;
      ui.cursor = null;
    }
    if (names.has("selected") && !(get("selected") || []).length) ui.cursor = null;
    const at = stateOf(ui);
    const cells = maps.of(view, at);
    const list = view.look === "list";
    const size = list ? (view.texts || []).length ** 2 : view.a.length * view.b.length;
    matrix.canvas.style.opacity = cells ? 1 : 0.4;
    if (cells && cells.length === size) {
      const look = list ? listLook(ui, view, cells) : pairsLook(ui, view, cells);
      const part = matrix.draw(look);
      title.textContent = part ? say("{title} (the part round what is selected)", { title: look.title }) : look.title;
      ui.root.dataset.shown = `${view.key}/${at}`;
    }
    field.element.hidden = !list;
    if (list) field.draw(view);
    const wide = Math.max(220, beside.clientWidth);
    const high = Math.max(
      130 * ui.scale(),
      ui.stageHeight() - (list ? 226 : view.head?.missing ? 100 : 176) * ui.scale(),
    );
    state.replaceChildren(list ? say("Cosine by layer of the framed pair") : say("Cosine by layer"));
    chart.replaceChildren(...(view.cosines.length ? [chartOf(ui, view, wide, Math.min(high, 260 * ui.scale()))] : []));
    said.replaceChildren(list ? "" : headLine(view));
    ui.root.dataset.state = stateName(at, view.layers);
  };
}

export const spec = {
  name: "similarity",
  height: 392,
  stage: similarityStage,
  keys: [
    [mark("Arrows on the matrix"), mark("another cell")],
    ["[ ]", mark("one layer down, up")],
    ["w", mark("words instead of pieces")],
    ["p", mark("the next pooling")],
    [mark("Enter on a cell of the list"), mark("open this pair")],
    ["1, 2", mark("Two sentences, A list")],
  ],
  onKey(event, ui) {
    if (stateKey(event, ui, LOOKS)) return true;
    if (ui.model.standalone) return false;
    if (event.key === "w") ui.set("words", !ui.get("words"));
    else if (event.key === "p") {
      const names = ui.get("poolings").map(([name]) => name);
      ui.set("pooling", names[(names.indexOf(ui.get("pooling")) + 1) % names.length]);
    } else return false;
    return true;
  },
};
