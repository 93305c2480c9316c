// All tensors with their statistics, and what the parts take in memory.
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { number, thousands } from "../kit/numbers.js";
import { size } from "./pure.js";

const ORIGINS = {
  checkpoint: mark("checkpoint"),
  fresh: mark("fresh"),
  adapter: mark("adapter"),
  session: mark("session"),
  shared: mark("shared"),
};
const cell = text => h("td.number", {}, text);

/** A row a tensor; its name leads to its place on the map where `linked`. */
export function tensorTable(ui, view, linked) {
  const statistics = [say("mean"), say("deviation"), say("least"), say("greatest"), say("norm")];
  const names = [say("tensor"), say("shape"), say("numbers"), say("origin"), ...statistics];
  const head = names.map((name, i) => h(i > 1 && i !== 3 ? "th.number" : "th", {}, name));
  const open = path => ui.setAll({ path, look: "map" });
  const link = name => h("button", { type: "button", onclick: () => open(name) }, h("code", {}, name));
  const rows = view.tensors.map(([name, shape, count, origin, ...numbers]) =>
    h(
      "tr",
      {},
      h("td", {}, linked ? link(name) : h("code", {}, name)),
      h("td", {}, shape),
      cell(thousands(count)),
      h("td", { class: origin === "fresh" ? "fresh" : null }, say(ORIGINS[origin])),
      ...numbers.map(value => cell(value === null ? "" : number(value))),
    ),
  );
  return [h("table", {}, h("tr", {}, ...head), ...rows)];
}

/** Parameters and values of the sentence by part, on one scale. */
export function memoryTable(view) {
  const most = Math.max(1, ...view.memory.flatMap(row => [row.parameter_bytes, row.value_bytes]));
  const bar = (bytes, kind) =>
    h("td", {}, h(`div.bar.${kind}`, {}, h("i", { style: `width: ${(100 * bytes) / most}%` })), size(bytes));
  const rows = view.memory.map(row =>
    h(
      "tr",
      {},
      h("td", {}, h("code", {}, row.part)),
      h("td", {}, row.class),
      bar(row.parameter_bytes, "held"),
      bar(row.value_bytes, "passing"),
    ),
  );
  const sum = name => view.memory.reduce((total, row) => total + row[name], 0);
  const total = h(
    "tr.total",
    {},
    h("td", {}, say("together")),
    h("td"),
    h("td", {}, size(sum("parameter_bytes"))),
    h("td", {}, size(sum("value_bytes"))),
  );
  const values = say("values of this sentence, if all are kept");
  const head = [say("part, output on top"), say("class"), say("parameters"), values];
  return [h("table", {}, h("tr", {}, ...head.map(name => h("th", {}, name))), ...rows, total)];
}
