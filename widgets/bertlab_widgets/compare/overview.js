// How alike the hidden states are, layer by layer, beside how much of its attention each head moved.
import { select } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { layerChart } from "../kit/layers.js";
import { thousands } from "../kit/numbers.js";
import { headsMap } from "./heads.js";

const OVER = [
  ["text", "this text"],
  ["samples", "many sentences"],
];

export function overviewLook(ui) {
  const { get } = ui;
  const plot = h("div.plot");
  const title = h("h4");
  const heads = headsMap(ui);
  const columns = h("div.two", {}, h("div", {}, title, plot), heads.element);
  const over = h("span", {}, select(ui, "over", OVER, "Over"));
  function draw(view) {
    over.hidden = get("look") !== "overview" || view.against === "text";
    const height = ui.stageHeight() - 92 * ui.scale();
    plot.style.minHeight = `${height}px`;
    title.textContent = view.tokens
      ? `Likeness of hidden states, over ${thousands(view.tokens)} tokens`
      : "Likeness of hidden states";
    heads.draw(view.attention, height);
    if (!view.cosine.length) {
      plot.replaceChildren(h("p.muted", {}, "Running both over many sentences …"));
      return;
    }
    const series = [
      { name: "cosine", values: view.cosine, kind: "main" },
      ...(view.cka.length ? [{ name: "CKA", values: view.cka, kind: "second", shape: "square" }] : []),
      { name: "cosine, tokens shuffled", values: view.shuffled[0], kind: "baseline" },
      ...(view.cka.length ? [{ name: "CKA, tokens shuffled", values: view.shuffled[1], kind: "limit" }] : []),
    ];
    const width = plot.clientWidth || 520;
    plot.replaceChildren(layerChart(ui, { series, now: null, label: "Likeness at each hidden state", width, height }));
  }
  return { parts: [columns], controls: ui.model.standalone ? [] : [over], draw };
}
