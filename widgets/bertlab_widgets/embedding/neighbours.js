// The words whose vectors in the table are nearest to those of the selected tokens, one column each.
import { chanceBars } from "../kit/controls.js";
import { h, marked, quoted } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number } from "../kit/numbers.js";

/** The columns, with what two words drawn by chance have in common. */
export function neighboursLook(_ui, view) {
  const chance = { at: Math.max(0, view.chance), text: say("by chance {cosine}", { cosine: number(view.chance, 2) }) };
  const columns = view.columns.map(column => {
    const rows = column.rows.map(row => ({ label: row.token, value: row.cosine }));
    return h(
      "div",
      {},
      h("h4", {}, ...marked(say("nearest to {token}", { token: quoted(column.token) }))),
      chanceBars(rows, chance, { format: value => number(value, 2) }),
    );
  });
  const first = say("The first {count} of the selected tokens.", { count: columns.length });
  const more = view.more > 0 ? h("p.muted.small", {}, first) : null;
  return [h("div.columns", {}, ...columns), more].filter(Boolean);
}
