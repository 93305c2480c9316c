// What an answer rests on: a score for each token, and how far the answer falls without the highest ones.
import { bidi, h, marked, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { number, percent, thousands } from "../kit/numbers.js";
import { svg } from "../kit/svg.js";
import { quoted } from "./steps.js";

const METHOD = {
  occlusion: mark("how much its log-probability falls when the token is hidden"),
  gradient: mark("gradient × input of its log-probability"),
  integrated: mark("integrated gradients of its log-probability, from [MASK]"),
};
const METHOD_OF_NUMBER = {
  occlusion: mark("how much its value falls when the token is hidden"),
  gradient: mark("gradient × input of its value"),
  integrated: mark("integrated gradients of its value, from [MASK]"),
};
const LEAST_TOP = 0.1; // nats: full colour at least, so that noise stays pale
const tint = (colour, share) => `background:color-mix(in srgb, var(--${colour}) ${share}%, var(--paper))`;

function scoredToken(found, token, i, most) {
  const [kept, score] = [found.keep[i], found.scores[i]];
  const share = Math.abs(score) / most;
  const shown = kept || share < 0.2 ? "" : `${score > 0 ? "+" : "−"}${number(Math.abs(score), 2)}`;
  const attributes = {
    title: kept ? say("not part of the question") : number(score, 4),
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
  const falls = { half: value(found.falls.at(-1)), random: value(found.random_falls.at(-1)) };
  const label = say(
    "Without the highest half of the tokens the probability falls by {half}; " + "without a random half by {random}",
    falls,
  );
  const attributes = { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", class: "curve" };
  const picture = svg(
    "svg",
    { ...attributes, "aria-label": label },
    svg("line", { x1: left, x2: width - 8, y1: y(0), y2: y(0) }),
    svg("path", { class: "chance", d: path(found.random_falls) }),
    svg("path", { d: path(found.falls) }),
    text(left - 4, y(top) + 4 * scale, value(top), "end"),
    text(left - 4, y(0) + 4 * scale, "0", "end"),
    text(left, height - 4 * scale, "0"),
    text(width - 8, height - 4 * scale, say("50 % hidden"), "end"),
  );
  const title = say("Comprehensiveness: how far the probability falls when the highest-ranked tokens are hidden");
  const [above, below] = [say("Fall without the top tokens"), say("dashed: random tokens")];
  return h("figure", { title }, h("div.small.muted", {}, above), picture, h("div.small.muted", {}, below));
}

function legend(found, most, isNumber) {
  const inUnit = score => (isNumber ? number(score, 2) : say("{score} nats", { score: number(score, 2) }));
  const strongest = say("strongest: {score}", { score: inUnit(Math.max(0, ...found.scores.map(Math.abs))) });
  const scale = [say("full colour: {score}", { score: inUnit(most) })];
  if (found.gap !== null) {
    const given = { sum: number(found.value - found.baseline, 3), gap: number(found.gap, 2) };
    scale.push(say("the scores add up to {sum}, with a gap of {gap}", given));
  }
  const key = (colour, text) => h("span", {}, h("i", { style: tint(colour, 48) }), text);
  return h(
    "div.legend",
    {},
    key("accent", say("+ for it")),
    key("mark", say("− against it")),
    h("span", {}, strongest),
    h("span", {}, scale.join(" · ")),
  );
}

export function drawReasons(ui, element, view) {
  const found = view.attribution;
  element.hidden = !found;
  if (!found) return;
  const isNumber = view.kind === "number";
  const method = say((isNumber ? METHOD_OF_NUMBER : METHOD)[found.method]);
  const how = found.words ? say("{method}; the pieces of a word added up", { method }) : method;
  const what = marked(say("What speaks for {answer}", { answer: quoted(found.about) }));
  const title = h("h4", {}, ...what, " ", h("span", {}, `— ${how}`));
  if (!found.scores) {
    const offer = say("Compute it ({count} passes through the model)", { count: thousands(found.offer || 0) });
    const button = textButton(offer, () => ui.call("explain").catch(() => {}));
    element.replaceChildren(
      title,
      found.offer ? h("div", {}, button) : h("div.muted.small", {}, say("being computed …")),
    );
    return;
  }
  const most = Math.max(LEAST_TOP, ...found.scores.map(Math.abs));
  const named = found.tokens.map((token, i) => (found.keep[i] ? "" : `${token} ${number(found.scores[i], 2)}`));
  const tokens = found.tokens.map((token, i) => scoredToken(found, token, i, most));
  const scored = h(
    "div.scored",
    { role: "img", tabindex: "0", "aria-label": named.filter(Boolean).join(", ") },
    ...tokens,
  );
  const value = v => (isNumber ? number(v, 2) : percent(v));
  const left = h("div", {}, scored, legend(found, most, isNumber));
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
  const buttons = view.reseedable ? [again(say("Reseed"), 1), again(say("Reseed 20 times"), 20)] : [];
  const told = counted.map(([label, count]) => say("{label} {count} times", { label, count })).join(say(", "));
  const last = seeds.at(-1)?.seed;
  const each = seeds
    .slice(-8)
    .map(row =>
      h(`span${row.seed === last ? ".now" : ""}`, {}, `${say("seed {seed}", { seed: row.seed })}: `, bidi(row.said)),
    );
  const summed =
    seeds.length > 6 && counted.length <= 6
      ? [h("span", {}, say("{count} seeds said: {told}", { count: seeds.length, told }))]
      : each;
  const tried = seeds.length > 1 ? h("div.seeds", {}, ...summed) : "";
  element.replaceChildren(h("b", {}, say("untrained")), h("span", {}, view.reason), ...buttons, tried);
  if (focused) element.querySelector(`[data-reseed="${focused}"]`)?.focus();
}
