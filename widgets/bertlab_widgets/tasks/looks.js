// Where a decoder looks: the source above, the written below, lines between them; or a matrix.
import { upright } from "../kit/canvas.js";
import { bidi, h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { percent } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";
import { alternatives, stepButton, stepKeys, stepNow, takeAway, timing } from "./steps.js";
import { beamTree } from "./tree.js";

const isSpecial = token => /^\[[A-Z]+\]$/.test(token);
const chosenRow = (ui, view) => Math.min(view.put + stepNow(ui, view), view.written.length - 1);
const shade = weight => `background:color-mix(in srgb, var(--accent) ${Math.round(100 * weight)}%, var(--paper))`;

function rowAt(event) {
  const row = event.target.closest?.("[data-row]");
  return row ? Number(row.dataset.row) : null;
}

function writtenToken(ui, view, row) {
  const own = row - view.put;
  const beam = view.search === "beam" ? { token: view.written[row] } : undefined;
  const put = () => h("span.put", { title: say("put in") }, bidi(view.written[row]));
  const token = own >= 0 ? stepButton(ui, view, own, beam) : put();
  token.dataset.row = row;
  return token;
}

function lookLines(ui, view, showLook) {
  const from = view.source.map((token, i) =>
    h(`span.from${isSpecial(token) ? ".muted" : ""}`, { "data-from": i }, h("small"), bidi(token)),
  );
  const source = h("div.line", { "aria-label": say("The source") }, h("span.name", {}, say("source")), ...from);
  const attributes = {
    role: "group",
    "aria-label": say("What the decoder wrote"),
    onkeydown: stepKeys(ui, view),
    onpointerover: event => showLook(rowAt(event)),
    onpointerleave: () => showLook(null),
  };
  const own = view.written.map((_, row) => writtenToken(ui, view, row));
  const line = h("div.line", attributes, h("span.name", {}, say("written")), ...own);
  const threads = svg("svg", { class: "threads", "aria-hidden": "true" });
  return h("div.looks", {}, h("div.inner", {}, source, threads, line));
}

function lookMatrix(ui, view) {
  const at = chosenRow(ui, view);
  const top = view.source.map(token =>
    h("th", { scope: "col" }, h("span", { "data-upright": Boolean(upright(token)) }, bidi(token))),
  );
  const cell = (token, weight, i) => {
    const title = say("{token} looks at {source}: {weight}", {
      token,
      source: view.source[i],
      weight: percent(weight),
    });
    return h("td", { style: shade(weight), title });
  };
  const rows = view.written.map((token, row) => {
    const cells = view.looked[row].map((weight, i) => cell(token, weight, i));
    return h(`tr${row === at ? ".at" : ""}`, {}, h("th", { scope: "row" }, writtenToken(ui, view, row)), ...cells);
  });
  const head = h("thead", {}, h("tr", {}, h("td"), ...top));
  const table = h("table.look-matrix", { onkeydown: stepKeys(ui, view) }, head, h("tbody", {}, ...rows));
  const label = say("Cross-attention: a row for each written token, a column for each of the source");
  const scale = [0, 0.25, 0.5, 0.75, 1].map(weight => {
    const patch = h("i", { style: `${shade(weight)};outline:1px solid var(--line)` });
    return h("span", {}, patch, percent(weight));
  });
  const legend = h("div.legend", {}, h("span", {}, say("cross-attention")), ...scale);
  return h("div", {}, h("div.looks", { tabindex: "0", "aria-label": label }, table), legend);
}

/** One thread from a source token to a written one. */
function thread(x, to, height, weight, chosen) {
  return svg("path", {
    d: `M${x},0 C${x},${height / 2} ${to},${height / 2} ${to},${height}`,
    class: chosen ? "chosen" : null,
    "stroke-width": (1 + 4 * weight).toFixed(2),
    "stroke-opacity": (chosen ? 0.25 + 0.75 * weight : 0.7 * weight).toFixed(3),
  });
}

/** The lines, and the weights over the source, for the written token that is chosen or pointed at. */
export function drawLook(ui, view, looking) {
  const inner = ui.stage.querySelector(".looks .inner");
  const threads = inner?.querySelector(".threads");
  if (!threads || !view.looked) return;
  const row = looking ?? chosenRow(ui, view);
  const weights = view.looked[row] || [];
  const most = Math.max(0, ...weights);
  const box = threads.getBoundingClientRect();
  const middle = element => {
    const around = element.getBoundingClientRect();
    return around.left + around.width / 2 - box.left;
  };
  const from = [...inner.querySelectorAll("[data-from]")];
  const xs = from.map(middle);
  const to = [...inner.querySelectorAll("[data-row]")].map(middle);
  if (xs.length !== view.source.length || to.length !== view.written.length) return; // drawn for another answer
  const picked = new Set(ui.get("selected") || []);
  from.forEach((token, i) => {
    const weight = weights[i] ?? 0;
    token.style.background = `color-mix(in srgb, var(--accent) ${Math.round(45 * weight)}%, var(--paper))`;
    token.style.fontWeight = (weight && weight === most) || picked.has(i) ? "700" : "";
    token.firstChild.textContent = weight >= 0.05 ? percent(weight) : "";
  });
  const clear = Math.max(0.1, 2 / view.source.length); // well above an even look at everything
  const drawn = [];
  view.looked.forEach((one, i) => {
    if (i === row) return;
    one.forEach((weight, j) => {
      if (weight >= clear) drawn.push(thread(xs[j], to[i], box.height, weight, false));
    });
  });
  weights.forEach((weight, j) => {
    if (weight >= 0.02) drawn.push(thread(xs[j], to[row], box.height, weight, true));
  });
  threads.replaceChildren(...drawn);
}

export function rewriting(ui, view) {
  if (!view.source) return h("div.muted", {}, say("Generating …"));
  const showLook = row => drawLook(ui, ui.get("view"), row);
  const looks = ui.get("alignment") === "matrix" ? lookMatrix(ui, view) : lookLines(ui, view, showLook);
  if (view.search === "beam") return h("div", {}, looks, h("div.apart", {}, beamTree(ui, view)));
  const below = h("div.apart", {}, timing(view), takeAway(ui, view));
  return h("div.with-side", {}, h("div.narrow", {}, looks, below), alternatives(ui, view));
}
