// How surprised the model is by each hidden word: from both sides, and from the left alone.
import { upright } from "../kit/canvas.js";
import { h } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { number } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";
import { wordBars } from "./words.js";

const [LEAST, MOST] = [22, 48]; // pixels, at size 1, of a word with its two bars

function columns(ui, view, height, room) {
  const scale = ui.scale();
  const step = Math.max(LEAST * scale, Math.min(MOST * scale, room / Math.max(1, view.words.length) - 1));
  const names = 78 * scale;
  const top = Math.max(view.chance, ...view.both, ...view.left) * 1.05;
  const y = value => height - names - (value / top) * (height - names - 14 * scale);
  const width = view.words.length * step + 8 * scale;
  const label = say("Surprise of each word in nats, from both sides and from the left");
  const picture = svg("svg", { width, height, role: "img", "aria-label": label });
  const bar = (at, value, attributes, said) => {
    const rect = svg("rect", {
      x: at,
      y: y(value),
      width: step * 0.36,
      height: Math.max(0, y(0) - y(value)),
      ...attributes,
    });
    const title = svg("title");
    title.textContent = said;
    rect.append(title);
    picture.append(rect);
  };
  view.words.forEach(([place, word], i) => {
    const x = 4 * scale + i * step;
    if (i < view.both.length) {
      bar(
        x + step * 0.1,
        view.both[i],
        { fill: "var(--accent)" },
        say("{word}: {nats} nats from both sides", { word, nats: number(view.both[i], 3) }),
      );
      const hollow = {
        fill: "color-mix(in srgb, var(--mark) 22%, var(--paper))",
        stroke: "var(--mark)",
        "stroke-width": 1.5,
      };
      const said = say("{word}: {nats} nats from the left", { word, nats: number(view.left[i], 3) });
      bar(x + step * 0.5, view.left[i], hollow, said);
    }
    const chosen = (ui.get("selected") || []).includes(place);
    picture.append(name(word, x + step * 0.5, height - names + 8 * scale, 11 * scale, chosen));
  });
  const line = { stroke: "var(--muted)", "stroke-dasharray": "4 3" };
  picture.append(svg("line", { x1: 0, x2: width, y1: y(view.chance), y2: y(view.chance), ...line }));
  return picture;
}

/** A word under its column, turned by a quarter; a Chinese one upright. */
function name(word, middle, top, size, chosen) {
  const characters = upright(word);
  const [x, y] = characters ? [middle, top + size * 0.7] : [middle + size * 0.4, top];
  const turned = characters
    ? { "text-anchor": "middle" }
    : { "text-anchor": "end", transform: `rotate(-90 ${x} ${y})` };
  const font = { "font-size": size, "font-family": "var(--code)", "font-weight": chosen ? 700 : null };
  const text = svg("text", { x, y, ...font, ...turned, fill: "var(--ink)" });
  if (!characters) text.textContent = word.length > 11 ? `${word.slice(0, 10)}…` : word;
  for (const character of characters || []) {
    const part = svg("tspan", { x, dy: text.childNodes.length ? size : null });
    part.textContent = character;
    text.append(part);
  }
  return text;
}

export function causalLook(ui) {
  const plot = h("div.columns-plot", { tabindex: "0", role: "region", "aria-label": say("Surprise word by word") });
  const note = h("p.small.muted");
  const right = h("div");
  const sides = [h("span.both", {}, say("from both sides")), h("span.left", {}, say("from the left alone"))];
  const legend = h("div.keys", {}, ...sides);
  const title = h("h4", {}, say("Surprise of each word while it is hidden (nats)"));
  const two = h("div.two", {}, h("div.narrowing", {}, title, legend, plot, note), right);
  function draw(view) {
    const height = ui.stageHeight() - 70 * ui.scale();
    plot.style.minHeight = `${height}px`;
    plot.replaceChildren(columns(ui, view, height, plot.clientWidth || 600));
    note.textContent = say("Dashed: knowing nothing, ln V = {nats} nats.", { nats: number(view.chance, 3) });
    const words = () => wordBars(ui, view, say("From the left alone"), say("from both sides"));
    right.replaceChildren(view.bars.length ? words() : "");
  }
  return { parts: [two], controls: [], draw };
}
