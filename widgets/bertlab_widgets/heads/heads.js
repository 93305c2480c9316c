// The attention view: every head as a tile, one head (or several together) as lines and as a matrix, the arithmetic of
// one cell, what happens without a head. Weights arrive as one byte each, a layer at a time; see blocks.js.
import { checkbox, select, tabs } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { makeBertviz, VIEWS } from "./bertviz.js";
import { makeHeads } from "./blocks.js";
import { makeEffect } from "./effect.js";
import { kindsLook, makeFacts } from "./facts.js";
import { makeGrid } from "./grid.js";
import { makeLines } from "./lines.js";
import { makeMatrix } from "./matrix.js";
import { headName, quoted } from "./pure.js";
import { makeSteps } from "./steps.js";

const LOOKS = [
  ["head", mark("Head")],
  ["steps", mark("Arithmetic")],
  ["effect", mark("Switch off")],
  ["kinds", mark("Kinds")],
  ["bertviz", "bertviz"],
];
const NORMS = [
  [false, "‖αf(x)‖"],
  [true, mark("with the residual")],
];
const DIRECTIONS = [
  ["vertical", mark("down")],
  ["horizontal", mark("across")],
];
const named = choices => choices.map(([value, text]) => [value, say(text)]);

/** Controls: few, the rest under More. An exported page has only what needs no kernel. */
function fillControls(ui) {
  const { get } = ui;
  const alone = Boolean(ui.model.standalone);
  const kept = new Set(["head", "kinds", ...(get("view").sweep ? ["effect"] : [])]);
  if (alone && !kept.has(get("look"))) ui.set("look", "head");
  const modes = alone ? get("kept_modes") : get("modes");
  const refill = say("Let what is left of each row sum to 1 again");
  const difference = say("B − A, cell by cell; without a pin: what the switched-off heads change");
  const byWords = say(
    "Attention by words: the sum over the pieces looked at, the mean over those that look (Clark et al. 2019)",
  );
  const rest = h(
    "div.controls",
    {},
    checkbox(ui, "renormalise", say("Renormalise rows"), refill),
    checkbox(ui, "difference", say("Difference to the pinned text"), difference),
    select(ui, "norm_residual", named(NORMS), say("Norm")),
    select(ui, "bertviz_view", named(VIEWS), "bertviz"),
  );
  const looks = alone ? LOOKS.filter(([name]) => kept.has(name)) : LOOKS;
  ui.controls.append(
    tabs(ui, "look", named(looks), say("What the stage shows")),
    ...(modes.length > 1 ? [select(ui, "mode", modes, say("Weights"))] : []),
    checkbox(ui, "hide_special", say("Hide [CLS] and [SEP]")),
    alone ? "" : checkbox(ui, "words", say("Words instead of pieces"), byWords),
    select(ui, "direction", named(DIRECTIONS), say("Tokens")),
    alone ? "" : h("details", {}, h("summary", {}, say("More")), rest),
  );
}

/** The answer line of a page without a kernel, from the weights that came with it. */
function answer(ui, heads) {
  const { get } = ui;
  const tokens = heads.units();
  const rows = heads.rows();
  const chosen = heads.chosen().filter(i => rows.includes(i));
  const from = chosen.length ? chosen : rows;
  const size = get("tiles").tokens;
  const mass = key => from.reduce((sum, row) => sum + heads.weights[row * size + key], 0) / from.length;
  const key = rows.reduce((best, j) => (Math.abs(mass(j)) > Math.abs(mass(best)) ? j : best), rows[0]);
  if (key === undefined) return;
  const whose = chosen.slice(0, 3).map(i => quoted(tokens[i].text));
  const values = {
    heads: heads.title(),
    whose: whose.join(say(", ")),
    token: quoted(tokens[key].text),
    weight: heads.written(mass(key)),
  };
  const text = chosen.length
    ? say("{heads}: of {whose} most is on {token}, {weight}.", values)
    : say("{heads}: on average most is on {token}, {weight}.", values);
  if (text !== get("answer")) ui.set("answer", text);
}

/** What the pointer is over, for lines and matrix alike; redrawn once a frame. */
function makeHover(redraw) {
  const hovered = { row: null, column: null };
  let frame = 0;
  hovered.move = (row, column) => {
    if (row === hovered.row && column === hovered.column) return;
    hovered.row = row;
    hovered.column = column;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(redraw);
  };
  return hovered;
}

function moveSelection(ui, heads) {
  return event => {
    const rows = heads.rows();
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !rows.length) return;
    const at = rows.indexOf(heads.chosen()[0]);
    ui.set("selected", heads.positions(rows[Math.max(0, Math.min(rows.length - 1, at + step))]));
    event.preventDefault();
  };
}

/** The look Head: lines and matrix of what is chosen. */
function makePair(ui, heads) {
  const redraw = () => {
    if (ui.get("look") !== "head" || !heads.weights || !ui.get("tiles")?.key) return;
    lines.draw();
    if (!lines.flat()) matrix.draw();
  };
  const hovered = makeHover(redraw);
  const lines = makeLines(ui, heads, hovered);
  const matrix = makeMatrix(ui, heads, hovered);
  const unitOf = i => (i === null ? null : [...heads.units().keys()].find(unit => heads.positions(unit).includes(i)));
  ui.hoverToken = i => hovered.move(unitOf(i) ?? null, null);
  for (const part of [lines.scroller, matrix.canvas]) part.addEventListener("keydown", moveSelection(ui, heads));
  const element = h("div.pair", {}, lines.element, matrix.element);
  function draw() {
    const ready = heads.prepare();
    element.classList.toggle("flat", lines.flat());
    lines.scroller.style.opacity = matrix.canvas.style.opacity = heads.stale ? 0.5 : 1;
    if (!ready || !heads.weights) return;
    redraw();
    if (heads.stale) return;
    if (ui.model.standalone) answer(ui, heads);
    ui.root.dataset.shown = headName(ui.get("layer"), ui.get("head"));
  }
  return { element, draw };
}

function attentionStage(ui) {
  const { get } = ui;
  const heads = makeHeads(ui);
  const grid = makeGrid(ui, heads);
  const facts = makeFacts(ui, heads);
  const pair = makePair(ui, heads);
  const other = h("div.plain", { hidden: true });
  const main = h("div", {}, pair.element, other);
  const body = h("div.heads", {}, h("div", {}, grid.element, facts.element), main);
  const invitation = h("div", { hidden: true });
  ui.stage.append(body, invitation);
  fillControls(ui);
  const show = children => other.replaceChildren(...children.filter(child => child !== ""));
  const room = () => main.clientWidth || 480;
  const bertviz = makeBertviz(ui, show, () => Boolean(other.querySelector("iframe")));
  const looks = {
    head: pair.draw,
    steps: makeSteps(ui, show, room),
    effect: makeEffect(ui, heads, show, room),
    kinds: () => show(kindsLook(ui, heads)),
    bertviz: bertviz.draw,
  };
  return () => {
    const empty = !get("tiles")?.key || get("view").empty;
    const look = get("look");
    body.hidden = empty;
    invitation.hidden = !empty;
    if (empty) {
      invitation.replaceChildren(ui.invite());
      return;
    }
    heads.adopt();
    facts.draw();
    const beside = facts.element.hidden ? 70 : 76 + 17 * (facts.element.childElementCount / 2);
    grid.draw(Math.max(12 * get("tiles").layers * ui.scale(), ui.stageHeight() - beside * ui.scale()));
    pair.element.hidden = look !== "head";
    other.hidden = look === "head";
    if (look === "head") other.replaceChildren();
    if (look !== "bertviz") bertviz.leave();
    looks[look]();
  };
}

export const spec = {
  name: "heads",
  height: 392,
  stage: attentionStage,
  onHover: (i, ui) => ui.hoverToken?.(i),
  get keys() {
    const looks = named(LOOKS).map(([, name]) => name);
    return [
      [say("Arrows on the grid"), say("another layer or head")],
      [say("Space on the grid"), say("switch the head off or on")],
      [say("Shift-click a tile"), say("add the head: their mean is shown")],
      [say("↑ ↓ on lines or matrix"), say("another token")],
      [say("Double-click a tile"), say("this head alone")],
      [say("Double-click a cell"), say("its arithmetic")],
      ["1 … 5", looks.join(say(", "))],
      ["h", say("hide [CLS] and [SEP]")],
      ["w", say("words instead of pieces")],
      ["v", say("tokens down or across")],
    ];
  },
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1]?.[0];
    const offered = !ui.model.standalone || look === "head" || look === "kinds";
    if (look && offered) ui.set("look", look);
    else if (event.key === "v") ui.set("direction", ui.get("direction") === "vertical" ? "horizontal" : "vertical");
    else if (event.key === "w" && !ui.model.standalone) ui.set("words", !ui.get("words"));
    else if (event.key === "h") ui.set("hide_special", !ui.get("hide_special"));
    else if (event.key === "Escape" && (ui.get("heads") || []).length) ui.set("heads", []);
    else return Boolean(look);
    return true;
  },
};
