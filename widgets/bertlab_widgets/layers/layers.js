// Hidden states from the embeddings to the last layer: clouds, senses, neighbours, the lens, probes, neurons.
import { checkbox, numberField, select } from "../kit/controls.js";
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { stateAt, stateName } from "../kit/layers.js";
import { percent } from "../kit/numbers.js";
import { stateControls, stateKey } from "../kit/states.js";
import { legendMark, makeCloud } from "./cloud.js";
import { lensLook, neighboursLook, neuronsLook } from "./lists.js";
import { besideSenses, probesLook, sensePoints } from "./senses.js";

const LOOKS = [
  ["cloud", mark("Tokens")],
  ["senses", mark("Senses")],
  ["neighbours", mark("Nearest contexts")],
  ["lens", mark("Lens")],
  ["probes", mark("Probes")],
  ["neurons", mark("Neurons")],
];
const WORDS = ["bank", "bat", "match"].map(word => [word, word]);
const CLOUDS = ["cloud", "senses"];

const stateOf = ui => stateAt(ui.get("hidden_state"), ui.get("view").layers || 1);

function tokenPoints(ui, view) {
  const tokens = ui.get("tokens");
  const selected = new Set(ui.get("selected") || []);
  return view.visible.map((i, at) => {
    const bold = selected.has(i);
    const label = tokens[i].text;
    const tip = say("{token}, token {place}", { token: label, place: i });
    return { label, kind: view.segments[at], bold, path: bold || ui.get("trails"), tip };
  });
}

/** The plane's legend: what it holds, and of shuffled numbers. */
function planeNote(view, state) {
  const [share, chance] = [percent(view.explained[state]), percent(view.by_chance[state])];
  return say(
    "The plane holds {share} of the variance; shuffled numbers {chance}. " +
      "Every layer is drawn in one size and turned towards the one below.",
    { share, chance },
  );
}

function fillControls(ui) {
  const paths = say("The way of every point through the layers");
  const parts = [
    [checkbox(ui, "hide_special", say("Hide [CLS] and [SEP]")), ["cloud"]],
    [checkbox(ui, "trails", say("All paths"), paths), CLOUDS],
    [select(ui, "sense", WORDS, say("Word")), ["senses"]],
    [numberField(ui, "count", say("Neighbours"), { low: 1, high: 50 }), ["neighbours"]],
    [numberField(ui, "neuron", say("Neuron (−1: most active)"), { low: -1, high: 100000 }), ["neurons"]],
  ];
  stateControls(ui, LOOKS, parts, ["probes"]);
}

/** Clicks and keys on a cloud: tokens are selected, sentences looked at. */
function cloudHandlers(ui) {
  const step = (i, by, count) => Math.max(0, Math.min(count - 1, i + by));
  const choose = (i, event) => {
    const view = ui.get("view");
    if (view.look === "cloud") ui.pick(view.visible[i], event?.shiftKey);
    else if (i < view.texts.length) ui.set("context", ui.get("context") === i ? -1 : i);
  };
  return {
    pick: choose,
    key(event) {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by) return;
      const view = ui.get("view");
      event.preventDefault();
      event.stopPropagation();
      if (view.look === "cloud") {
        const at = view.visible.indexOf((ui.get("selected") || [])[0]);
        ui.set("selected", [view.visible[step(at, by, view.visible.length)]]);
      } else ui.set("context", step(ui.get("context"), by, view.texts.length));
    },
  };
}

/** The looks Tokens and Senses. */
function makeClouds(ui) {
  const cloud = makeCloud(ui, cloudHandlers(ui));
  const note = h("p.small.muted");
  const legend = h("div.legend");
  const beside = h("div.beside");
  const left = h("div.left", {}, cloud.element, legend, note);
  const element = h("div.clouds", {}, left, beside);
  function draw(view) {
    const state = stateOf(ui);
    const senses = view.look === "senses";
    const points = senses ? sensePoints(ui, view) : tokenPoints(ui, view);
    const pair = !senses && new Set(view.segments).size > 1;
    element.classList.toggle("one", !senses);
    legend.replaceChildren(
      ...(pair
        ? [say("first sentence"), say("second sentence")].map((name, kind) =>
            h("span", {}, legendMark(kind, ui.scale()), name),
          )
        : []),
    );
    note.textContent = planeNote(view, state);
    const width = Math.max(240, left.clientWidth);
    const height = Math.max(150 * ui.scale(), ui.stageHeight() - (pair ? 64 : 44) * ui.scale());
    const label = say("{count} points, {state}. {note}", {
      count: points.length,
      state: stateName(state, view.layers),
      note: note.textContent,
    });
    cloud.draw({ points, paths: view.paths.slice(0, state + 1), all: view.paths, width, height, label });
    if (!senses) return;
    const scroll = beside.querySelector(".contexts")?.scrollTop ?? 0;
    const focused = beside.contains(document.activeElement) ? document.activeElement.dataset.context : null;
    beside.replaceChildren(...besideSenses(ui, view, points, Math.max(220, beside.clientWidth), 170 * ui.scale()));
    beside.querySelector(".contexts").scrollTop = scroll;
    if (focused) beside.querySelector(`[data-context="${focused}"]`)?.focus({ preventScroll: true });
  }
  return { element, draw };
}

function layersStage(ui) {
  const { get } = ui;
  const clouds = makeClouds(ui);
  const other = h("div.plain");
  const invitation = h("div", { hidden: true });
  ui.stage.append(clouds.element, other, invitation);
  fillControls(ui);
  const looks = {
    neighbours: view => neighboursLook(ui, view),
    lens: view => lensLook(ui, view),
    probes: view => probesLook(ui, view, Math.max(240, other.clientWidth), ui.stageHeight() - 70 * ui.scale()),
    neurons: view => neuronsLook(ui, view),
  };
  return () => {
    const view = get("view");
    const empty = view.empty || !view.look;
    const cloud = !empty && CLOUDS.includes(view.look) && !view.missing;
    clouds.element.hidden = !cloud;
    other.hidden = Boolean(empty) || cloud;
    invitation.hidden = !empty;
    if (empty) {
      invitation.replaceChildren(ui.invite());
      return;
    }
    ui.root.dataset.shown = `${view.look}/${stateOf(ui)}`;
    if (cloud) {
      clouds.draw(view);
      return;
    }
    const scroll = other.querySelector(".scroll")?.scrollTop ?? 0;
    const focused = other.contains(document.activeElement)
      ? [...other.querySelectorAll("button")].indexOf(document.activeElement)
      : -1;
    other.replaceChildren(
      ...(view.missing ? [h("div.invitation", {}, h("span", {}, view.missing))] : looks[view.look](view)),
    );
    const list = other.querySelector(".scroll");
    if (list) list.scrollTop = scroll;
    if (focused >= 0) other.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  };
}

export const spec = {
  name: "layers",
  height: 392,
  stage: layersStage,
  keys: [
    ["[ ]", mark("one layer down, up")],
    [mark("Arrows on the cloud"), mark("another token, another sentence")],
    ["h", mark("hide [CLS] and [SEP]")],
    ["t", mark("the paths of all points")],
    ["1 … 6", mark("Tokens, Senses, Nearest contexts, Lens, Probes, Neurons")],
  ],
  onKey(event, ui) {
    if (stateKey(event, ui, LOOKS)) return true;
    if (ui.model.standalone) return false;
    if (event.key === "t") ui.set("trails", !ui.get("trails"));
    else if (event.key === "h") ui.set("hide_special", !ui.get("hide_special"));
    else if (event.key === "Escape" && ui.get("context") >= 0) ui.set("context", -1);
    else return false;
    return true;
  },
};
