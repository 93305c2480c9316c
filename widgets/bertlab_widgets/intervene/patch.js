// The map of patching: which value of the clean run, put into the corrupt one, brings the word back.
import { makeCells, scaleBar } from "../kit/cells.js";
import { select } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { sayTexts } from "../kit/looks.js";
import { percent } from "../kit/numbers.js";
import { wordBars } from "./words.js";

const WHAT = [
  ["hidden", mark("hidden states")],
  ["attention_output", mark("what attention adds")],
  ["mlp_output", mark("what the feed-forward net adds")],
  ["heads", mark("heads")],
];
const MOST_PAIRS = 4; // exchanged tokens that are named
export const shareOf = effect => (effect <= -0.00001 ? `−${percent(-effect)}` : percent(Math.abs(effect)));

/** [clean, corrupt] tokens of the places at which the two sentences differ. */
export const exchangedTokens = (view, tokens) =>
  (view.differs || []).map(i => [tokens[i].text, view.corrupt_tokens[i]]);

/** The corrupt sentence: a field, and the tokens that differ. */
function corruptLine(ui) {
  const placeholder = say("Corrupt sentence of as many tokens (empty: the selected or weightiest word is hidden)");
  const attributes = { type: "text", "aria-label": say("Corrupt sentence"), placeholder, dir: "auto" };
  const field = h("input", { ...attributes, maxlength: 20000 });
  field.spellcheck = false;
  field.readOnly = Boolean(ui.model.standalone);
  field.addEventListener("change", () => ui.set("corrupt", field.value));
  const differs = h("span.differs");
  const show = () => {
    if (document.activeElement !== field) field.value = ui.get("corrupt");
  };
  ui.on(["corrupt"], show);
  show();
  function draw(view) {
    const exchanged = exchangedTokens(view, ui.get("tokens") || []);
    const pairs = exchanged
      .slice(0, MOST_PAIRS)
      .map(([clean, other]) => h("span", {}, bidi(clean), " → ", bidi(other)));
    const more = exchanged.length - pairs.length;
    differs.replaceChildren(...pairs, more > 0 ? say("and {count} more", { count: more }) : "");
  }
  return { element: h("div.corrupt", {}, h("span.muted", {}, say("Corrupt")), field, differs), draw };
}

export function patchLook(ui) {
  const { get } = ui;
  const corrupt = corruptLine(ui);
  const legend = h("div");
  const right = h("div");
  const box = h("div.map");
  const cells = makeCells(ui, {
    label: say("How far each cell restores the word"),
    press: cell => ui.set("cell", String(get("cell")) === String(cell) ? [] : cell),
    move: cell => ui.set("cell", cell),
    tell([row, column]) {
      const { values, rows, columns } = get("view");
      const value = values[row]?.[column];
      const head = () => say("head {layer}.{head}", { layer: row, head: column });
      const where = get("what") === "heads" ? head() : `${columns[column]}, ${rows[row]}`;
      if (value === null || value === undefined) return say("{where}: not yet known", { where });
      return say("{where}: restores {share}", { where, share: shareOf(value) });
    },
  });
  box.append(cells.canvas);
  const columns = h("div.two", {}, h("div", {}, box, legend), right);
  function draw(view, _, nothing) {
    corrupt.draw(view);
    columns.hidden = nothing;
    if (nothing) return;
    const heads = get("what") === "heads";
    const blank = Array(view.columns.length).fill(null);
    const values = view.rows.flatMap((_name, row) => view.values[row] ?? blank);
    const differs = new Set(view.differs);
    const selected = new Set(get("selected") || []);
    const wide = box.clientWidth || 560;
    const data = {
      rowNames: view.rows,
      columnNames: view.columns,
      values,
      signed: true,
      top: view.top,
      tilt: !heads,
      largest: heads ? 40 : 64,
      highest: 34,
      selected: view.cell.length ? view.cell : null,
      cursor: view.cell.length ? view.cell : [0, 0],
      boldColumn: i => !heads && selected.has(i),
      inkColumn: i => (!heads && (differs.has(i) || i === view.place) ? ui.colors().mark : undefined),
      summary: get("answer"),
    };
    cells.draw(data, wide, ui.stageHeight() - 66 * ui.scale());
    box.style.minHeight = `${cells.canvas.style.height}`;
    const text = say("share of the difference that is restored");
    legend.replaceChildren(scaleBar(ui, { signed: true, low: `−${view.top}`, high: String(view.top), text }));
    right.replaceChildren(wordBars(ui, view, say("In the corrupt run"), say("what the clean run says")));
  }
  const what = h("span", {}, select(ui, "what", sayTexts(WHAT), say("Put in")));
  return { parts: [corrupt.element, columns], controls: ui.model.standalone ? [] : [what], draw, draws_problems: true };
}
