// Without a head: the prediction with and without the heads that are off, and every head switched off in turn.
import { fitCanvas } from "../kit/canvas.js";
import { signedColor } from "../kit/colours.js";
import { bars } from "../kit/controls.js";
import { h, marked, textButton } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { points } from "../kit/numbers.js";
import { headName, quoted } from "./pure.js";

const METHODS = [
  ["zero", mark("nothing (zero)")],
  ["mean", mark("its mean over this text")],
  ["corpus", mark("its mean over many sentences")],
  ["uniform", mark("an even look at all tokens")],
];
const LEAST_TOP = 0.01; // full colour is one point at least: what is smaller is no signal

function headline(off, alone) {
  if (!off.length && alone) return say("Every head is on");
  if (!off.length) return say("Every head is on: press Space on a tile to switch it off");
  const heads = off
    .slice(0, 12)
    .map(at => headName(...at))
    .join(", ");
  return off.length > 12
    ? say("Off: {heads} and {more} more", { heads, more: off.length - 12 })
    : say("Off: {heads}", { heads });
}

function switches(ui, off) {
  const { get } = ui;
  const onchange = () => {
    const [method] = METHODS[menu.selectedIndex];
    if (method === "corpus") ui.call("average_corpus").catch(() => {});
    else ui.set("ablation", method);
  };
  const options = METHODS.map(([, text]) => h("option", {}, say(text)));
  const gives = say("A switched-off head gives");
  const menu = h("select", { "aria-label": gives, onchange }, ...options);
  menu.selectedIndex = METHODS.findIndex(([value]) => value === get("ablation"));
  const layer = get("layer");
  const whole = get("view").layer_off
    ? say("Switch on all of layer {layer}", { layer })
    : say("Switch off all of layer {layer}", { layer });
  return h(
    "div.controls",
    {},
    h("label", {}, h("span", {}, gives), menu),
    textButton(whole, () => ui.call("toggle_layer", { layer }).catch(() => {})),
    textButton(say("All on"), () => ui.set("ablated", []), { disabled: !off.length }),
  );
}

function predictions(view, off) {
  const { effect } = view;
  if (!effect) return [h("p.muted", {}, view.no_effect || "")];
  const rows = effect.rows.map(row => ({
    label: row.token,
    value: row.probability,
    before: off.length ? row.before : null,
    truth: row.truth,
  }));
  const place = quoted(effect.place);
  const title = off.length
    ? say("Prediction at {place} now; the mark shows it with every head on", { place })
    : say("Prediction at {place}", { place });
  return [h("h4.apart", {}, ...marked(title)), bars(rows)];
}

/** The map of the sweep: a cell a head, blue where the word is less likely without it. */
function makeSweep(ui, heads, room) {
  const { get } = ui;
  const label = say("Effect of switching each head off");
  const canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": label });
  let cell = 20;
  const at = event => {
    const margin = 18 * ui.scale();
    return [Math.floor((event.offsetY - margin) / cell), Math.floor((event.offsetX - margin) / cell)];
  };
  const valueAt = ([layer, head]) => get("view").sweep?.change[layer]?.[head];
  function draw(sweep) {
    const [colors, scale] = [ui.colors(), ui.scale()];
    const [layers, count] = [sweep.change.length, sweep.change[0].length];
    const wide = (room() / (ui.root.dataset.room === "phone" ? 1 : 2) - 60) / count;
    cell = Math.max(8, Math.floor(Math.min(22 * scale, wide, (200 * scale) / layers)));
    const margin = 18 * scale;
    const context = fitCanvas(canvas, margin + count * cell, margin + layers * cell);
    context.font = `${10 * scale}px ${colors.wordFont}`;
    context.textBaseline = "middle";
    context.textAlign = "center";
    sweep.change.forEach((row, layer) => {
      row.forEach((value, head) => {
        context.fillStyle = value === null ? colors.soft : signedColor(colors, value, sweep.top);
        context.fillRect(margin + head * cell, margin + layer * cell, cell - 1, cell - 1);
      });
    });
    context.fillStyle = colors.muted;
    for (let head = 0; head < count; head++) context.fillText(head, margin + (head + 0.5) * cell, margin / 2);
    for (let layer = 0; layer < layers; layer++) context.fillText(layer, margin / 2, margin + (layer + 0.5) * cell);
    context.strokeStyle = colors.accent;
    context.lineWidth = 2;
    context.strokeRect(margin + get("head") * cell, margin + get("layer") * cell, cell - 1, cell - 1);
  }
  canvas.addEventListener("click", event => {
    if (valueAt(at(event)) !== undefined) heads.goTo(...at(event), false);
  });
  canvas.addEventListener("pointermove", event => {
    const value = valueAt(at(event));
    const values = { head: headName(...at(event)), points: points(value) };
    ui.tip(Number.isFinite(value) ? say("without {head}: {points}", values) : "", event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", () => ui.tip(""));
  return { canvas, draw };
}

function legendOf(sweep) {
  const values = { token: quoted(sweep.token), points: points(sweep.top).slice(1) };
  const text =
    sweep.top <= LEAST_TOP
      ? say(
          "Without the head {token} is less likely (blue) or more (orange); full colour: {points}; " +
            "no head changes it by more.",
          values,
        )
      : say("Without the head {token} is less likely (blue) or more (orange); full colour: {points}.", values);
  return h("p.small.muted", {}, ...marked(text));
}

/** The look Switch off; `show(children)` puts it on the stage. */
export function makeEffect(ui, heads, show, room) {
  const map = makeSweep(ui, heads, room);
  const what = say("Switch every head off alone, one after the other, and see what each changes.");
  return () => {
    const view = ui.get("view");
    const off = ui.get("ablated") || [];
    const alone = Boolean(ui.model.standalone);
    const { sweep } = view;
    const disabled = Boolean(ui.get("busy").label);
    const measure = () => ui.call("sweep").catch(() => {});
    const button = textButton(sweep ? say("Measure again") : say("Measure all heads"), measure, { disabled });
    const found = sweep ? [map.canvas, legendOf(sweep)] : [h("p.muted", {}, what)];
    const right = [h("h4.apart", {}, say("Every head in turn")), ...found, alone ? "" : button];
    const columns = h("div.effects", {}, h("div", {}, ...predictions(view, off)), h("div", {}, ...right));
    show([h("h4", {}, headline(off, alone)), alone ? "" : switches(ui, off), columns]);
    if (sweep) map.draw(sweep);
  };
}
