// The map of patching: which value of the clean run, put into the corrupt one, brings the word back.
import { makeCells, scaleBar } from "../kit/cells.js";
import { select } from "../kit/controls.js";
import { bidi, h } from "../kit/dom.js";
import { percent } from "../kit/numbers.js";
import { wordBars } from "./words.js";

const WHAT = [
  ["hidden", "hidden states"],
  ["attention_output", "what attention adds"],
  ["mlp_output", "what the feed-forward net adds"],
  ["heads", "heads"],
];
export const shareOf = effect => (effect <= -0.00001 ? `−${percent(-effect)}` : percent(Math.abs(effect)));

/** The corrupt sentence: a field, and the tokens that differ. */
function corruptLine(ui) {
  const placeholder = "Corrupt sentence of as many tokens (empty: the selected or weightiest word is hidden)";
  const field = h("input", {
    type: "text",
    "aria-label": "Corrupt sentence",
    placeholder,
    dir: "auto",
    maxlength: 20000,
  });
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
    const tokens = ui.get("tokens") || [];
    const pairs = (view.differs || [])
      .slice(0, 4)
      .flatMap(i => [
        h(
          "span",
          {},
          bidi(view.columns.length === tokens.length ? view.columns[i] : tokens[i].text),
          " → ",
          bidi(view.corrupt_tokens[i]),
        ),
      ]);
    const more = (view.differs || []).length - pairs.length;
    differs.replaceChildren(...pairs, more > 0 ? `and ${more} more` : "");
  }
  return { element: h("div.corrupt", {}, h("span.muted", {}, "Corrupt"), field, differs), draw };
}

export function patchLook(ui) {
  const { get } = ui;
  const corrupt = corruptLine(ui);
  const legend = h("div");
  const right = h("div");
  const box = h("div.map");
  const cells = makeCells(ui, {
    label: "How far each cell restores the word",
    press: cell => ui.set("cell", String(get("cell")) === String(cell) ? [] : cell),
    move: cell => ui.set("cell", cell),
    tell([row, column]) {
      const { values, rows, columns } = get("view");
      const value = values[row]?.[column];
      const where = get("what") === "heads" ? `head ${row}.${column}` : `${columns[column]}, ${rows[row]}`;
      return `${where}: ${value === null || value === undefined ? "not yet known" : `restores ${shareOf(value)}`}`;
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
    const text = "share of the difference that is restored";
    legend.replaceChildren(scaleBar(ui, { signed: true, low: `−${view.top}`, high: String(view.top), text }));
    right.replaceChildren(wordBars(ui, view, "In the corrupt run", "what the clean run says"));
  }
  const what = h("span", {}, select(ui, "what", WHAT, "Put in"));
  return { parts: [corrupt.element, columns], controls: ui.model.standalone ? [] : [what], draw, draws_problems: true };
}
