// Facts of the head on show, beside the grid; and the kinds of all heads as a table of letters.
import { bidi, h, textButton } from "../kit/dom.js";
import { number, percent } from "../kit/numbers.js";
import { headName, sameHead } from "./pure.js";

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
      [`Head ${headName(layer, head)}`, fact.kind.split(":")[0]],
      ["looks at [CLS], [SEP]", percent(fact.special)],
      ["at the token before, after", `${percent(fact.previous)}, ${percent(fact.next)}`],
      ["at itself", percent(fact.same)],
      ["entropy", `${number(fact.entropy, 2)} of ${most} nats`],
      ["mean distance", `${number(fact.distance, 2)} tokens`],
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
    element.append(h("span", {}, "this head"), h("span", {}, h("label", {}, box, dead ? "is off" : "is on")));
  }
  return { element, draw };
}

function kindButton(ui, heads, fact, layer, head) {
  const name = headName(layer, head);
  const on = layer === ui.get("layer") && head === ui.get("head");
  const attributes = {
    type: "button",
    title: `${name}: ${fact.kind}`,
    "aria-label": `Head ${name}: ${fact.kind}`,
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
    return [h("p.muted", {}, "Kinds are those of single heads: choose the weights “attention”.")];
  }
  const top = h("tr", {}, h("th.layer", {}, "layer"), ...facts[0].map((_, head) => h("th", {}, head)));
  const rows = facts.map((row, layer) =>
    h("tr", {}, h("th", {}, layer), ...row.map((fact, head) => kindButton(ui, heads, fact, layer, head))),
  );
  const key = kinds.flatMap(([letter, name, meaning, count]) => [
    h("span", {}, h("b", {}, letter), ` ${name} (${count})`),
    h("span", {}, bidi(meaning, "bdi")),
  ]);
  const disabled = Boolean(ui.get("busy").label);
  const label = corpus ? "Back to this sentence" : "Measure over many sentences";
  const measure = textButton(label, () => ui.call("measure_corpus").catch(() => {}), { disabled });
  return [
    h("h4", {}, corpus ? `What each head does, over ${corpus} sentences` : "What each head does, on this sentence"),
    h("div.wide-table", {}, h("table.kinds", {}, top, ...rows)),
    h("div.facts", {}, ...key),
    ui.model.standalone ? "" : measure,
  ];
}
