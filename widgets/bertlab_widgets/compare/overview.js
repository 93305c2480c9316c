// How alike the hidden states are, layer by layer, beside how much of its attention each head moved.
import { select } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { mark, say, sayN } from "../kit/language.js";
import { layerChart } from "../kit/layers.js";
import { sayTexts } from "../kit/looks.js";
import { thousands } from "../kit/numbers.js";
import { headsMap } from "./heads.js";

const OVER = [
  ["text", mark("this text")],
  ["samples", mark("many sentences")],
];

export function overviewLook(ui) {
  const { get } = ui;
  const plot = h("div.plot");
  const title = h("h4");
  const heads = headsMap(ui);
  const columns = h("div.two", {}, h("div", {}, title, plot), heads.element);
  const over = h("span", {}, select(ui, "over", sayTexts(OVER), say("Over")));
  function draw(view) {
    over.hidden = get("look") !== "overview" || view.against === "text";
    const height = ui.stageHeight() - 92 * ui.scale();
    plot.style.minHeight = `${height}px`;
    const [tokens, count] = [view.tokens, thousands(view.tokens)];
    title.textContent = tokens
      ? sayN(
          "Likeness of hidden states, over {count} token",
          "Likeness of hidden states, over {count} tokens",
          tokens,
          { count },
        )
      : say("Likeness of hidden states");
    heads.draw(view.attention, height);
    if (!view.cosine.length) {
      plot.replaceChildren(h("p.muted", {}, say("Running both over many sentences …")));
      return;
    }
    const series = [
      { name: say("cosine"), values: view.cosine, kind: "main" },
      ...(view.cka.length ? [{ name: "CKA", values: view.cka, kind: "second", shape: "square" }] : []),
      { name: say("cosine, tokens shuffled"), values: view.shuffled[0], kind: "baseline" },
      ...(view.cka.length ? [{ name: say("CKA, tokens shuffled"), values: view.shuffled[1], kind: "limit" }] : []),
    ];
    const width = plot.clientWidth || 520;
    const label = say("Likeness at each hidden state");
    plot.replaceChildren(layerChart(ui, { series, now: null, label, width, height }));
  }
  return { parts: [columns], controls: ui.model.standalone ? [] : [over], draw };
}
