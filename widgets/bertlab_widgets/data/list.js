// The rows of the set, one line each. Only those in sight are elements: a hundred thousand rows are as quick as fifty.
import { bidi, h, textButton } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number, percent, thousands } from "../kit/numbers.js";
import { pagesOf, scrollFor, windowOf } from "./window.js";

const PAGE = 50;
const REST = 60; // milliseconds without scrolling before rows are asked for
const CHOSEN = 150; // and without arrows before a row becomes the text of all panels

function optionOf(row, i, count, ui) {
  const chosen = row && row.number === ui.get("row");
  const attributes = {
    role: "option",
    id: `${ui.listId}-${i}`,
    "aria-selected": String(Boolean(chosen)),
    "aria-posinset": i + 1,
    "aria-setsize": count,
    "data-at": i,
  };
  if (!row) return h("div.row.waiting", attributes, "…");
  const mark = row.right === null ? "·" : row.right ? "✓" : "✗";
  const verdict = row.right === null ? say("no label") : row.right ? say("right") : say("wrong");
  const gold = row.gold === null ? "" : row.gold;
  const labels = h(
    "span.labels",
    {},
    h(row.right === false ? "span.wrong" : "span", { role: "img", "aria-label": verdict }, mark),
    " ",
    gold && row.right === false ? [bidi(gold, "bdi"), " → "] : "",
    bidi(row.prediction, "bdi.said"),
  );
  const both = row.pair
    ? [bidi(row.text, "bdi"), h("span.muted", {}, "  |  "), bidi(row.pair, "bdi")]
    : [bidi(row.text, "bdi")];
  const text = [row.text, row.pair].filter(Boolean).join(" | ");
  const title = say("row {number}: {text}", { number: row.number + 1, text });
  return h(
    row.right === false ? "div.row.is-wrong" : "div.row",
    { ...attributes, title },
    labels,
    h("span.figure", {}, percent(row.confidence)),
    h("span.figure.loss", {}, row.loss === null ? "" : number(row.loss, 2)),
    row.group ? h("span.group", {}, bidi(row.group, "bdi")) : "",
    h("span.words", {}, ...both, row.cut ? h("span.muted", {}, " ", say("(cut)")) : ""),
  );
}

/** What is kept of the list: pages of rows by their first number, as long as the list is the same one. */
function makePages(ui, draw) {
  let key = "";
  let pages = new Map();
  const asked = new Set();
  const args = start => ({ sort: ui.get("sort"), cell: ui.get("cell"), bin: ui.get("bin"), start });
  return {
    /** The list of the view: the first page comes with it. */
    take(list) {
      const now = JSON.stringify([list.key, list.by, list.count, ui.get("sort"), ui.get("cell"), ui.get("bin")]);
      if (now === key) return false;
      const narrowed = JSON.parse(now).slice(3).join() !== (key ? JSON.parse(key).slice(3).join() : "");
      key = now;
      pages = new Map([[0, list.rows]]);
      asked.clear();
      return narrowed;
    },
    row: i => pages.get(Math.floor(i / PAGE) * PAGE)?.[i % PAGE],
    async need(first, last) {
      const mine = key;
      for (const start of pagesOf(first, last, PAGE)) {
        if (pages.has(start) || asked.has(start)) continue;
        asked.add(start);
        try {
          const { result } = await ui.call("page", args(start));
          if (mine !== key) return;
          pages.set(start, result.rows);
          draw();
        } catch {
          return; // the error strip says what happened
        }
      }
    },
  };
}

/** How many rows a key leads on; 0 for other keys. */
const stepOf = (key, page, count) =>
  ({ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count })[key] ?? 0;

/** The line above the rows: names of the columns, and where the list was narrowed, the way back. */
function listHead(ui) {
  const group = h("span.group", { hidden: true });
  const count = h("span.muted");
  const back = textButton(say("All rows again"), () => ui.setAll({ cell: [], bin: -1, row: -1 }));
  const narrowed = h("span.narrowed", { hidden: true }, count, back);
  const [labels, sure, loss, words] = ["labels", "figure", "figure.loss", "words"].map(name => h(`span.${name}`));
  [labels, sure, loss].forEach((part, i) => part.append([say("label → said"), say("sure"), say("loss")][i]));
  words.append(say("text"), narrowed);
  const element = h("div.row.head", {}, labels, sure, loss, group, words);
  const draw = (list, total) => {
    group.hidden = !list.by;
    group.textContent = list.by;
    narrowed.hidden = !(ui.get("cell").length || ui.get("bin") >= 0);
    const counts = { shown: thousands(list.count), total: thousands(total) };
    count.textContent = say("{shown} of {total} rows · ", counts);
  };
  return { element, draw };
}

export function rowList(ui) {
  ui.listId = `bertlab-rows-${Math.random().toString(36).slice(2)}`;
  const inner = h("div.inner", { role: "presentation" });
  const box = h("div.list", { role: "listbox", tabindex: "0", "aria-label": say("Rows of the set") }, inner);
  const head = listHead(ui);
  let list = { count: 0, rows: [] };
  let active = 0;
  let resting = 0;
  let choosing = 0;
  const rowHeight = () => Math.round((ui.root.dataset.room === "phone" ? 50 : 27) * ui.scale());
  const place = () => ({
    count: list.count,
    rowHeight: rowHeight(),
    scrollTop: box.scrollTop,
    room: box.clientHeight || ui.stageHeight(),
  });
  const pages = makePages(ui, () => draw());

  function draw() {
    const seen = windowOf(place());
    inner.style.height = `${seen.height}px`;
    const options = [];
    for (let i = seen.first; i < seen.last; i++) {
      const option = optionOf(pages.row(i), i, list.count, ui);
      option.style.top = `${seen.top(i)}px`;
      option.style.height = `${rowHeight()}px`;
      if (i === active) option.classList.add("active");
      options.push(option);
    }
    inner.replaceChildren(...options);
    if (active >= seen.first && active < seen.last) box.setAttribute("aria-activedescendant", `${ui.listId}-${active}`);
    else box.removeAttribute("aria-activedescendant");
    clearTimeout(resting);
    resting = setTimeout(() => pages.need(seen.first, seen.last), REST);
  }

  function choose(i, wait = 0) {
    active = Math.max(0, Math.min(list.count - 1, i));
    box.scrollTop = scrollFor(active, place());
    clearTimeout(choosing);
    choosing = setTimeout(() => {
      const row = pages.row(active);
      if (row) ui.set("row", row.number);
    }, wait);
    draw();
  }

  box.addEventListener("scroll", draw, { passive: true });
  box.addEventListener("click", event => {
    const option = event.target.closest("[data-at]");
    if (!option) return;
    const i = Number(option.dataset.at);
    const again = pages.row(i)?.number === ui.get("row") && event.detail === 1;
    if (again) ui.set("row", -1);
    else choose(i);
  });
  box.addEventListener("dblclick", () => ui.openRow());
  box.addEventListener("keydown", event => {
    const step = stepOf(event.key, Math.max(1, Math.floor(box.clientHeight / rowHeight()) - 1), list.count);
    const fresh = ui.get("row") < 0 && active === 0 && Math.abs(step) === 1; // the first arrow takes the first row
    if (step && list.count) choose(active + (fresh ? 0 : step), CHOSEN);
    else if (event.key === " ") choose(active);
    else if (event.key === "Enter") ui.openRow();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    element: h("div.rows", {}, head.element, box),
    draw(view) {
      list = view.list;
      const narrowed = pages.take(list);
      head.draw(list, view.known);
      ui.root.dataset.grouped = String(Boolean(list.by));
      if (narrowed) {
        active = 0;
        box.scrollTop = 0;
      }
      if (list.at >= 0) active = list.at;
      if (list.at >= 0 && narrowed) box.scrollTop = scrollFor(list.at, place());
      draw();
    },
  };
}
