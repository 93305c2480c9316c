// The usual mistakes: a list of them, what the chosen one does to each token, and its code beside the one that
// avoids it.
import { tabs } from "../kit/controls.js";
import { bidi, h, marked, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { sayTexts } from "../kit/looks.js";
import { percent } from "../kit/numbers.js";

const LOOKS = [
  ["effect", mark("What breaks")],
  ["code", mark("The code")],
];

/** The ten mistakes with their change, as far as it is known; arrows move. */
function mistakeList(ui) {
  const list = h("div.mistakes", { role: "group", "aria-label": say("Mistakes") });
  list.addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const names = ui.get("view").mistakes.map(([name]) => name);
    if (!step) return;
    const next = names[(names.indexOf(ui.get("mistake")) + step + names.length) % names.length];
    ui.set("mistake", next);
    list.querySelector(`[data-name="${next}"]`)?.focus();
    event.preventDefault();
    event.stopPropagation();
  });
  const draw = view => {
    const focus = list.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const rows = view.mistakes.flatMap(([name, title, change]) => {
      const on = name === ui.get("mistake");
      const known = () => say("{title}, {change}", { title, change: percent(change) });
      const said = change === null ? say("{title}, not tried yet", { title }) : known();
      const attributes = { type: "button", "aria-pressed": String(on), "aria-label": said, "data-name": name };
      const button = h(
        "button",
        { ...attributes, tabindex: on ? "0" : "-1", onclick: () => ui.set("mistake", name) },
        title,
      );
      const fill = change === null ? null : h("i", { style: `width:${100 * change}%` });
      const figure = h("span.figure", { "aria-hidden": "true" }, change === null ? "–" : percent(change));
      return [button, h("div.bar", { "aria-hidden": "true" }, fill), figure];
    });
    list.replaceChildren(...rows);
    if (focus) list.querySelector(`[data-name="${focus}"]`)?.focus();
  };
  return { element: list, draw };
}

function expected(found) {
  const [token, p] = found[0];
  const rest = found.map(([name, share]) => `${name} ${percent(share)}`).join(", ");
  return h("td", { title: rest }, bidi(token), h("span.muted", {}, ` ${percent(p)}`));
}

/** Each place before and after; a click selects its token. */
function effectTable(ui, view) {
  const selected = new Set(ui.get("selected") || []);
  const names = [say("token"), say("expected before"), say("expected now"), say("change")];
  const rows = view.rows.map(row => {
    const other = row.before[0][0] !== row.after[0][0];
    const chosen = row.linked && selected.has(row.place);
    const pick = () => ui.pick(row.place);
    const name = row.linked
      ? h("button", { type: "button", onclick: pick, "aria-pressed": String(chosen) }, bidi(row.token))
      : bidi(row.token);
    const width = 100 * row.change;
    const figure = h("span.figure", { style: `left:${width}%` }, percent(row.change));
    return h(
      "tr",
      { class: [chosen ? "chosen" : "", other ? "other" : ""].join(" ").trim() || null },
      h("td", {}, name),
      expected(row.before),
      expected(row.after),
      h("td", {}, h("div.bar", {}, h("i", { style: `width:${width}%` }), figure)),
    );
  });
  const table = h("table", {}, h("tr", {}, ...names.map(name => h("th", { scope: "col" }, name))), ...rows);
  const label = say("What is expected at each token");
  return h("div.scroll.places", { tabindex: "0", role: "region", "aria-label": label }, table);
}

function repairLine(ui, view) {
  const chosen = ui.get("repair");
  const buttons = view.offered.map(([name, what]) => {
    const on = name === chosen;
    const right = on && view.repaired < view.change / 2;
    const sign = on ? (right ? "✓ " : "✗ ") : "";
    return h(
      "button",
      {
        type: "button",
        "aria-pressed": String(on),
        class: `repair ${on ? (right ? "mended" : "not") : ""}`,
        onclick: () => ui.set("repair", on ? "" : name),
      },
      `${sign}${what}`,
    );
  });
  const now = () => say("change now {change}", { change: percent(view.repaired) });
  const result = view.repaired === null ? "" : h("span.muted", {}, " ", now());
  const question = say("What repairs it?");
  return h("div.repairs", { role: "group", "aria-label": question }, h("b", {}, question, " "), ...buttons, result);
}

function effectLook(ui, view) {
  return [
    h(
      "p.what",
      {},
      h("b", {}, view.title),
      " ",
      ...marked(view.what),
      view.prepared ? h("span.muted", {}, ` ${view.prepared}`) : "",
    ),
    view.aside ? h("p.small.aside", {}, view.aside) : "",
    effectTable(ui, view),
    repairLine(ui, view),
  ].filter(Boolean);
}

function codeLook(_ui, view) {
  const block = (title, code, kind) =>
    h(`div.${kind}`, {}, h("h4", {}, title), h("pre", { tabindex: "0", role: "region", "aria-label": title }, code));
  return [
    h("p.what", {}, h("b", {}, view.title), " ", ...marked(view.what)),
    h(
      "div.codes",
      {},
      block(say("✗ makes the mistake"), view.wrong, "made"),
      block(say("✓ avoids it"), view.right, "avoided"),
    ),
    h("p.happens", {}, ...marked(view.happens)),
  ];
}

function bugStage(ui) {
  const { get } = ui;
  const list = mistakeList(ui);
  const main = h("div.main");
  const body = h("div.bugs", {}, h("div", {}, list.element), main);
  const invitation = h("div", { hidden: true });
  ui.stage.append(body, invitation);
  const all = textButton(say("Try all ten on this text"), () => ui.call("try_all").catch(() => {}));
  ui.controls.append(tabs(ui, "look", sayTexts(LOOKS), say("What the stage shows")));
  if (!ui.model.standalone) ui.controls.append(all);
  return () => {
    const view = get("view");
    invitation.hidden = !view.empty;
    body.hidden = Boolean(view.empty);
    if (view.empty) {
      invitation.replaceChildren(ui.invite());
      return;
    }
    list.draw(view);
    all.hidden = view.mistakes.every(([, , change]) => change !== null);
    const focus = main.contains(document.activeElement) ? document.activeElement.textContent : null;
    const scrolled = main.querySelector(".places")?.scrollTop ?? 0;
    const parts = view.problem
      ? [h("p.what", {}, h("b", {}, view.title), " ", ...marked(view.what)), h("p.aside", {}, view.problem)]
      : (get("look") === "code" ? codeLook : effectLook)(ui, view);
    main.replaceChildren(...parts);
    if (main.querySelector(".places")) main.querySelector(".places").scrollTop = scrolled;
    if (focus) [...main.querySelectorAll("button")].find(one => one.textContent.endsWith(focus.slice(2)))?.focus();
  };
}

export const spec = {
  name: "buglab",
  height: 340,
  pair: false,
  stage: bugStage,
  keys: [
    [mark("↑ ↓ in the list"), mark("another mistake")],
    ["1 2", mark("What breaks, The code")],
    ["[ ]", mark("the mistake before, the next one")],
  ],
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1];
    const step = { "]": 1, "[": -1 }[event.key];
    if (look) ui.set("look", look[0]);
    else if (step) {
      const names = (ui.get("view").mistakes || []).map(([name]) => name);
      if (names.length)
        ui.set("mistake", names[(names.indexOf(ui.get("mistake")) + step + names.length) % names.length]);
    }
    return Boolean(look || step);
  },
};
