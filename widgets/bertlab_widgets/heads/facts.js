// Facts of the head on show, beside the grid; and the kinds of all heads as a table of letters.
import { bidi, h, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { number, percent } from "../kit/numbers.js";
import { headName, sameHead } from "./pure.js";

const KIND_NAMES = {
  previous: mark("previous"),
  next: mark("next"),
  same: mark("same"),
  delimiter: mark("delimiter"),
  broad: mark("broad"),
  focused: mark("focused"),
  mixed: mark("mixed"),
  gone: mark("gone"),
};

/** What a kind of head is called. */
export const kindName = kind => say(KIND_NAMES[kind]);

const OKABE_ITO = {
  P: "#0072b2",
  N: "#56b4e9",
  S: "#cc79a7",
  D: "#999999",
  B: "#e69f00",
  F: "#d55e00",
  "·": "transparent",
};

/** Facts of the text on show, whatever the look: [name, value] rows. */
export function makeFacts(ui, heads) {
  const { get } = ui;
  const element = h("div.facts");
  function draw() {
    const [layer, head] = [get("layer"), get("head")];
    const fact = get("head_facts")?.[layer]?.[head];
    element.replaceChildren();
    element.hidden = ui.stageHeight() < 250 * ui.scale(); // a projector's short stage: the grid comes first
    if (!fact || heads.perLayer() || fact.kind === "gone") return;
    const most = number(Math.log(get("tokens").length), 2);
    const rows = [
      [say("Head {head}", { head: headName(layer, head) }), kindName(fact.kind)],
      [say("looks at [CLS], [SEP]"), percent(fact.special)],
      [say("at the token before, after"), `${percent(fact.previous)}, ${percent(fact.next)}`],
      [say("at itself"), percent(fact.same)],
      [say("entropy"), say("{value} of {most} nats", { value: number(fact.entropy, 2), most })],
      [say("mean distance"), say("{distance} tokens", { distance: number(fact.distance, 2) })],
    ];
    const mass = get("view").segments;
    if (mass) {
      rows.push(["A→A  A→B", `${percent(mass[0][0])}  ${percent(mass[0][1])}`]);
      rows.push(["B→A  B→B", `${percent(mass[1][0])}  ${percent(mass[1][1])}`]);
    }
    for (const [name, value] of rows) element.append(h("span", {}, name), h("span", {}, value));
    if (ui.model.standalone) return;
    const dead = (get("ablated") || []).some(at => sameHead(at, layer, head));
    const box = h("input", { type: "checkbox", checked: !dead, onchange: () => heads.toggle(layer, head) });
    const state = h("label", {}, box, dead ? say("is off") : say("is on"));
    element.append(h("span", {}, say("this head")), h("span", {}, state));
  }
  return { element, draw };
}

function kindButton(ui, heads, fact, layer, head) {
  const name = headName(layer, head);
  const kind = kindName(fact.kind);
  const on = layer === ui.get("layer") && head === ui.get("head");
  const attributes = {
    type: "button",
    title: `${name}: ${kind}`,
    "aria-label": say("Head {head}: {kind}", { head: name, kind }),
    "aria-pressed": String(on),
    style: `border-bottom-color:${OKABE_ITO[fact.letter] || "transparent"}`,
    onclick: () => heads.goTo(layer, head, false),
  };
  return h("td", {}, h("button", attributes, fact.letter));
}

/** The look Kinds: a letter for each head, on this sentence or over many. */
export function kindsLook(ui, heads) {
  const { kinds, corpus, kind_facts: facts } = ui.get("view");
  if (!facts?.length || !kinds) {
    return [h("p.muted", {}, say("Kinds are those of single heads: choose the weights “attention”."))];
  }
  const top = h("tr", {}, h("th.layer", {}, say("layer")), ...facts[0].map((_, head) => h("th", {}, head)));
  const rows = facts.map((row, layer) =>
    h("tr", {}, h("th", {}, layer), ...row.map((fact, head) => kindButton(ui, heads, fact, layer, head))),
  );
  const key = kinds.flatMap(([letter, name, meaning, count]) => [
    h("span", {}, h("b", {}, letter), ` ${kindName(name)} (${count})`),
    h("span", {}, bidi(meaning, "bdi")),
  ]);
  const disabled = Boolean(ui.get("busy").label);
  const label = corpus ? say("Back to this sentence") : say("Measure over many sentences");
  const measure = textButton(label, () => ui.call("measure_corpus").catch(() => {}), { disabled });
  const title = corpus
    ? say("What each head does, over {sentences} sentences", { sentences: corpus })
    : say("What each head does, on this sentence");
  return [
    h("h4", {}, title),
    h("div.wide-table", {}, h("table.kinds", {}, top, ...rows)),
    h("div.facts", {}, ...key),
    ui.model.standalone ? "" : measure,
  ];
}
