// What an answer rests on: a score for each token, and how far the answer falls without the highest ones.
import { bidi, h, textButton } from "../kit/dom.js";
import { number, percent, thousands } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";

const METHOD = {
  occlusion: "how much its log-probability falls when the token is hidden",
  gradient: "gradient × input of its log-probability",
  integrated: "integrated gradients of its log-probability, from [MASK]",
};
const LEAST_TOP = 0.1; // nats: full colour at least, so that noise stays pale
const tint = (colour, share) => `background:color-mix(in srgb, var(--${colour}) ${share}%, var(--paper))`;

function scoredToken(found, token, i, most) {
  const [kept, score] = [found.keep[i], found.scores[i]];
  const share = Math.abs(score) / most;
  const shown = kept || share < 0.2 ? "" : `${score > 0 ? "+" : "−"}${number(Math.abs(score), 2)}`;
  const attributes = {
    title: kept ? "not part of the question" : number(score, 4),
    style: kept ? null : tint(score > 0 ? "accent" : "mark", Math.round(48 * share)),
  };
  const small = h("small", { style: share > 0.5 ? "color:var(--ink)" : null }, shown);
  return h(`span${kept ? ".kept" : ""}`, attributes, bidi(token), small);
}

/** How far the probability falls when the highest-ranked tokens are hidden, beside random ones. */
function curve(ui, found, value) {
  const scale = ui.scale();
  const [width, height, left] = [190 * scale, 76 * scale, 40 * scale];
  const bottom = height - 18 * scale;
  const all = [...found.falls, ...found.random_falls];
  const top = Math.max(0.01, ...all.map(Math.abs));
  const low = Math.min(0, ...all);
  const x = fraction => left + ((width - left - 8) * fraction) / found.fractions.at(-1);
  const y = fall => bottom - ((bottom - 8 * scale) * (fall - low)) / (top - low);
  const path = values => `M${x(0)},${y(0)}${found.fractions.map((f, i) => `L${x(f)},${y(values[i])}`).join("")}`;
  const text = (at, level, words, anchor) => svg("text", { x: at, y: level, "text-anchor": anchor }, words);
  const half = `Without the highest half of the tokens the probability falls by ${value(found.falls.at(-1))}`;
  const random = `without a random half by ${value(found.random_falls.at(-1))}`;
  const attributes = { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", class: "curve" };
  const picture = svg(
    "svg",
    { ...attributes, "aria-label": `${half}; ${random}` },
    svg("line", { x1: left, x2: width - 8, y1: y(0), y2: y(0) }),
    svg("path", { class: "chance", d: path(found.random_falls) }),
    svg("path", { d: path(found.falls) }),
    text(left - 4, y(top) + 4 * scale, value(top), "end"),
    text(left - 4, y(0) + 4 * scale, "0", "end"),
    text(left, height - 4 * scale, "0"),
    text(width - 8, height - 4 * scale, "50 % hidden", "end"),
  );
  const title = "Comprehensiveness: how far the probability falls when the highest-ranked tokens are hidden";
  const [above, below] = ["Fall without the top tokens", "dashed: random tokens"];
  return h("figure", { title }, h("div.small.muted", {}, above), picture, h("div.small.muted", {}, below));
}

function legend(found, most, unit) {
  const sums =
    found.gap === null
      ? ""
      : ` · the scores add up to ${number(found.value - found.baseline, 3)}, with a gap of ${number(found.gap, 2)}`;
  const key = (colour, text) => h("span", {}, h("i", { style: tint(colour, 48) }), text);
  const strongest = `strongest: ${number(Math.max(0, ...found.scores.map(Math.abs)), 2)}${unit}`;
  const scale = `full colour: ${number(most, 2)}${unit}${sums}`;
  return h(
    "div.legend",
    {},
    key("accent", "+ for it"),
    key("mark", "− against it"),
    h("span", {}, strongest),
    h("span", {}, scale),
  );
}

export function drawReasons(ui, element, view) {
  const found = view.attribution;
  element.hidden = !found;
  if (!found) return;
  const isNumber = view.kind === "number";
  const method = METHOD[found.method].replace("log-probability", isNumber ? "value" : "log-probability");
  const how = found.words ? `${method}; the pieces of a word added up` : method;
  const title = h("h4", {}, "What speaks for ", bidi(found.about), " ", h("span", {}, `— ${how}`));
  if (!found.scores) {
    const offer = `Compute it (${thousands(found.offer || 0)} passes through the model)`;
    const button = textButton(offer, () => ui.call("explain").catch(() => {}));
    element.replaceChildren(title, found.offer ? h("div", {}, button) : h("div.muted.small", {}, "being computed …"));
    return;
  }
  const most = Math.max(LEAST_TOP, ...found.scores.map(Math.abs));
  const named = found.tokens.map((token, i) => (found.keep[i] ? "" : `${token} ${number(found.scores[i], 2)}`));
  const tokens = found.tokens.map((token, i) => scoredToken(found, token, i, most));
  const scored = h("div.scored", { role: "img", "aria-label": named.filter(Boolean).join(", ") }, ...tokens);
  const value = v => (isNumber ? number(v, 2) : percent(v));
  const left = h("div", {}, scored, legend(found, most, isNumber ? "" : " nats"));
  element.replaceChildren(title, left, curve(ui, found, value));
}

/** The red line of a head that was never trained, and what other random heads said. */
export function drawUntrained(ui, element, view) {
  element.hidden = !view.reason;
  if (!view.reason) return;
  const seeds = ui.get("reseeds") || [];
  const tally = new Map();
  for (const row of seeds) tally.set(row.said, (tally.get(row.said) || 0) + 1);
  const counted = [...tally].sort((a, b) => b[1] - a[1]);
  const focused = document.activeElement?.dataset?.reseed;
  const again = (text, times) =>
    textButton(text, () => ui.call("reseed", { times }).catch(() => {}), { "data-reseed": times });
  const buttons = view.reseedable ? [again("Reseed", 1), again("Reseed 20 times", 20)] : [];
  const told = counted.map(([said, count]) => `${said} ${count} times`).join(", ");
  const last = seeds.at(-1)?.seed;
  const each = seeds
    .slice(-8)
    .map(row => h(`span${row.seed === last ? ".now" : ""}`, {}, `seed ${row.seed}: `, bidi(row.said)));
  const summed =
    seeds.length > 6 && counted.length <= 6 ? [h("span", {}, `${seeds.length} seeds said: ${told}`)] : each;
  const tried = seeds.length > 1 ? h("div.seeds", {}, ...summed) : "";
  element.replaceChildren(h("b", {}, "untrained"), h("span", {}, view.reason), ...buttons, tried);
  if (focused) element.querySelector(`[data-reseed="${focused}"]`)?.focus();
}
