// A training run as it happens: curves, how far each layer has moved, attention then and now, what the model says
// about watched sentences, and a slider through the moments of the run.
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { number, thousands } from "../kit/numbers.js";
import { cardsOf } from "./cards.js";
import { drawChart } from "./chart.js";
import { fillControls } from "./controls.js";
import { drawLayers } from "./layers.js";
import { attentionLook } from "./maps.js";
import { PHASES } from "./names.js";

const isRunning = phase => phase === "training" || phase === "preparing";

/** The slider through the moments, and what it says of the one on show. */
function timeMachine(ui) {
  const label = say("Time machine: moment of the run");
  const slider = h("input", { type: "range", min: "0", max: "0", step: "1", "aria-label": label });
  const at = h("span.at");
  const element = h("div.machine.off", {}, h("span", {}, say("Time machine")), slider, at);
  slider.addEventListener("input", () => ui.set("moment", Number(slider.value)));
  function draw(view, phase) {
    const moments = view.moments || [];
    const usable = moments.length > 1 && !isRunning(phase);
    element.classList.toggle("off", !usable);
    slider.disabled = !usable;
    slider.max = String(Math.max(0, moments.length - 1));
    if (document.activeElement !== slider || !usable) slider.value = String(view.at ?? 0);
    const [step, epoch] = moments[view.at] || [];
    const named = step === undefined ? "" : say("step {step}", { step: thousands(step) });
    const epochs = epoch === null || epoch === undefined ? "" : say("epoch {epoch}", { epoch: number(epoch, 2) });
    const where = [named, epochs].filter(Boolean).join(" · ");
    slider.setAttribute("aria-valuetext", where || say("no run yet"));
    const [seconds, budget] = [number(view.seconds, 3), view.budget];
    const time = budget ? say("{seconds} s of {budget}", { seconds, budget }) : say("{seconds} s", { seconds });
    const speed = view.speed ? say("{count} tokens/s", { count: thousands(view.speed) }) : "";
    const going = [say(PHASES[phase]), time, speed].filter(Boolean).join(" · ");
    const waiting = phase === "preparing" ? say(PHASES[phase]) : where || say("after a run: back and forth in it");
    at.textContent = isRunning(phase) && view.step !== undefined ? going : waiting;
  }
  return { element, draw };
}

function trainStage(ui) {
  const { get } = ui;
  const versus = h("div.small.muted", { hidden: true });
  const chart = h("canvas", { role: "img", tabindex: "-1" });
  const maps = h("div.maps");
  const picture = h("div.train-picture", {}, versus, chart, maps);
  const label = say("What the model says about watched sentences");
  const cards = h("div.cards", { tabindex: "0", role: "group", "aria-label": label });
  const machine = timeMachine(ui);
  const frame = h("div.train", {}, picture, cards, machine.element);
  ui.stage.append(frame);
  const drawControls = fillControls(ui);
  return () => {
    const [view, phase, look] = [get("view"), get("phase"), get("look")];
    drawControls();
    frame.classList.toggle("wide", look === "attention");
    maps.hidden = look !== "attention";
    chart.style.display = look === "attention" ? "none" : "";
    versus.hidden = !view.pinned || look !== "curves";
    if (view.pinned)
      versus.replaceChildren(h("b", {}, "A"), ` ${view.pinned.name}   `, h("b", {}, "B"), ` ${view.name}`);
    const wide = Math.max(240, picture.clientWidth || 640);
    const high = ui.stageHeight() - (versus.hidden ? 40 : 62) * ui.scale();
    if (look === "curves") drawChart(ui, chart, view, wide, high);
    else if (look === "layers") drawLayers(ui, chart, view, wide, high);
    else maps.replaceChildren(...attentionLook(ui, view, wide));
    cards.replaceChildren(...cardsOf(ui, view, cards.clientWidth || 260));
    machine.draw(view, phase);
  };
}

export const spec = {
  name: "training",
  height: 420,
  stage: trainStage,
  keys: [
    ["s", mark("start, pause, go on")],
    [".", mark("stop")],
    ["[ ]", mark("back and forth in the run")],
    ["1 2 3", mark("Curves, Layers, Attention")],
  ],
  onKey(event, ui) {
    const phase = ui.get("phase");
    const look = ["curves", "layers", "attention"][Number(event.key) - 1];
    const starts = {
      training: "pause",
      paused: "resume",
      stopped: "resume",
      idle: "start",
      done: "start",
      failed: "start",
    };
    if (look) ui.set("look", look);
    else if (event.key === "s" && starts[phase]) ui.call(starts[phase]).catch(() => {});
    else if (event.key === ".") ui.call("stop").catch(() => {});
    else if (event.key === "[" || event.key === "]") {
      const view = ui.get("view");
      const last = (view.moments || []).length - 1;
      const next = (view.at ?? last) + (event.key === "]" ? 1 : -1);
      if (last >= 0) ui.set("moment", Math.max(0, Math.min(last, next)));
    } else return false;
    return true;
  },
};
