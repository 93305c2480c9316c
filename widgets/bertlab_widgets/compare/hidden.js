// How far each token's hidden state moved, layer by layer.
import { makeCells, scaleBar } from "../kit/cells.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number } from "../kit/numbers.js";

export function hiddenLook(ui) {
  const { get } = ui;
  const [box, legend] = [h("div.map"), h("div")];
  const cells = makeCells(ui, {
    label: say("One minus the cosine of each token's two states, row: hidden state, column: token"),
    press: cell => ui.set("cell", String(get("cell")) === String(cell) ? [] : cell),
    move: cell => ui.set("cell", cell),
    tell([row, column]) {
      const { values, rows, columns } = get("view");
      const value = values[row]?.[column];
      const cosine = number(1 - (value ?? Number.NaN), 3);
      return say("{token}, {state}: cosine {cosine}", { token: columns[column], state: rows[row], cosine });
    },
  });
  box.append(cells.canvas);
  function draw(view) {
    const selected = new Set(get("selected") || []);
    const blank = Array(view.columns.length).fill(null);
    const differs = i => view.columns[i].includes(" / ");
    const data = {
      rowNames: view.rows,
      columnNames: view.columns,
      values: view.rows.flatMap((_, row) => view.values[row] ?? blank),
      top: view.top,
      tilt: true,
      largest: 72,
      highest: 34,
      selected: view.cell.length ? view.cell : null,
      cursor: view.cell.length ? view.cell : [0, 0],
      boldColumn: i => selected.has(view.places[i]),
      inkColumn: i => (differs(i) ? ui.colors().mark : undefined),
      summary: get("answer"),
    };
    cells.draw(data, box.clientWidth || 760, ui.stageHeight() - 66 * ui.scale());
    box.style.minHeight = cells.canvas.style.height;
    const text = say("1 − cosine of the token's two states");
    legend.replaceChildren(scaleBar(ui, { low: "0", high: String(view.top), text }));
  }
  return { parts: [h("h4", {}, say("How far each token moved")), box, legend], controls: [], draw };
}
