// One panel: title, text line, token strip, stage, answer, controls and foot round what the panel's own module draws.
import { themeColors } from "./colours.js";
import { h, marked, textButton } from "./dom.js";
import { panelFoot } from "./foot.js";
import { predictGate } from "./gate.js";
import { guardKeys } from "./keys.js";
import { say, speak, written } from "./language.js";
import { afterPress } from "./press.js";
import { picked, tokenStrip } from "./strip.js";
import { followTheme, takeTwinAway } from "./theme.js";

/** Replies of the kernel, by the number of the question. */
function caller(model) {
  const session = Math.random().toString(36).slice(2);
  const pending = new Map();
  let count = 0;
  model.on("msg:custom", (message, buffers) => {
    const waiting = pending.get(message?.id);
    if (!waiting) return;
    pending.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error));
    else waiting.resolve({ result: message.result, buffers: buffers || [] });
  });
  return (name, args = {}) => {
    const id = `${session}.${++count}`;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      model.send({ id, call: name, args });
    });
  };
}

/** What a panel's own module is given: the traits, calls to Python, colours, the parts of the frame. */
function makeUi(model) {
  let colors = null;
  const get = name => model.get(name);
  const ui = {
    model,
    get,
    watchers: [], // [names, callback]
    set(name, value) {
      model.set(name, value);
      model.save_changes();
    },
    setAll(values) {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    },
    on: (names, callback) => ui.watchers.push([new Set(names), callback]),
    call: caller(model),
    colors: () => (colors ??= themeColors(ui.root)),
    forgetColors: () => {
      colors = null;
    },
    scale: () => get("scale") || 1,
    pick: (i, add) => ui.set("selected", picked(get("selected") || [], i, add)),
    choosePreset(name) {
      if (get("preset") === name) ui.set("preset", ""); // the same one again
      ui.set("preset", name);
    },
    /** An empty stage: what to do, and one example to click. */
    invite(text = say("Type a sentence above.")) {
      const [first] = get("presets") || [];
      const open = () => ui.choosePreset(first);
      const example = first ? textButton(say("Or see an example: {name}", { name: say(first) }), open) : "";
      return h("div.invitation", {}, h("span", {}, text), example);
    },
  };
  return ui;
}

function textField(ui, tag, name, label, placeholder) {
  const { get } = ui;
  const type = tag === "input" ? "text" : null;
  const attributes = { type, "aria-label": label, placeholder, dir: "auto", spellcheck: "false", maxlength: 20000 };
  const field = h(tag, attributes);
  const send = () => {
    if (field.value !== get(name)) ui.set(name, field.value);
  };
  field.readOnly = Boolean(ui.model.standalone);
  field.addEventListener("change", send);
  field.addEventListener("keydown", event => {
    if (event.key === "Escape") {
      field.value = get(name);
      field.blur();
      ui.root.focus();
    } else if (tag === "textarea" && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  return field;
}

/** The sentence, the second one where the panel takes it; `ui.passage(true)` makes room for a longer second text. */
function textFields(ui, pair) {
  const { get } = ui;
  const first = textField(ui, "input", "text", say("Sentence"), say("Type a sentence, then Enter"));
  const name = say("Second sentence");
  const second = textField(ui, "input", "text_pair", name, say("Second sentence (optional)"));
  const passage = textField(ui, "textarea", "text_pair", name, name);
  const element = h("div.text-fields", {}, first, pair === false ? null : second);
  ui.fields = { first, second, passage };
  ui.passage = on => {
    const [now, other] = on ? [passage, second] : [second, passage];
    element.classList.toggle("passage", on);
    if (other.isConnected) other.replaceWith(now);
  };
  const draw = () => {
    if (document.activeElement !== first) first.value = get("text");
    for (const field of [second, passage]) if (document.activeElement !== field) field.value = get("text_pair");
  };
  return { element, draw };
}

function hoverTip(root) {
  const box = h("div.tip", { hidden: true, role: "presentation" });
  const show = (text, clientX, clientY) => {
    box.hidden = !text;
    if (!text) return;
    box.textContent = text;
    const around = root.getBoundingClientRect();
    const left = Math.min(clientX - around.left + 12, around.width - box.offsetWidth - 4);
    box.style.left = `${Math.max(0, left)}px`;
    box.style.top = `${clientY - around.top + 16}px`;
  };
  return { element: box, show };
}

/** The parts of the frame that are lines of text, and what draws them. */
function textLines(ui) {
  const { get } = ui;
  const question = h("h3", {}, get("question"));
  const modelLine = h("span.model");
  const note = h("div.note", { hidden: true });
  const answer = h("div.answer", { role: "status", "aria-live": "polite" });
  const pinned = h("div.pinned", { hidden: true });
  const errorText = h("span");
  const dismiss = h("button", { type: "button", onclick: () => ui.set("error", "") }, say("Dismiss"));
  const error = h("div.error", { role: "alert", hidden: true }, errorText, dismiss);
  const title = h("div.title", {}, question, modelLine);
  function draw() {
    const heading = get("heading") || {};
    const untrained = heading.untrained
      ? [" · ", h("span.untrained", { title: heading.untrained }, say("untrained"))]
      : [];
    question.textContent = get("question");
    modelLine.title = [heading.model, heading.state].filter(Boolean).join(" · ");
    modelLine.replaceChildren(heading.model || "", heading.state ? ` · ${heading.state}` : "", ...untrained);
    note.hidden = !get("note");
    note.textContent = get("note") || "";
    const both = { first: get("verdict"), second: get("answer") };
    answer.replaceChildren(...marked(both.first ? say("{first} {second}", both) : both.second));
    const pin = get("pinned") || {};
    pinned.hidden = !pin.answer;
    pinned.replaceChildren(say("Pinned (A):"), " ", ...marked(pin.answer));
    error.hidden = !get("error");
    errorText.textContent = get("error") || "";
  }
  const fail = message => {
    error.hidden = false;
    errorText.textContent = message;
  };
  return { title, note, answer, pinned, error, draw, fail };
}

/** Redraws, batched by frame: `changed(name)` asks for one; "*" stands for everything. */
function redrawing(model, names, draw) {
  let changed = new Set();
  let frame = 0;
  let over = false;
  const flush = () => {
    frame = 0;
    const now = changed;
    changed = new Set();
    draw(now, (...list) => now.has("*") || list.some(name => now.has(name)));
  };
  const note = name => {
    changed.add(name);
    if (!frame && !over) frame = requestAnimationFrame(flush);
  };
  const listeners = names.map(name => [`change:${name}`, () => note(name)]);
  for (const [event, listener] of listeners) model.on(event, listener);
  return {
    note,
    now() {
      changed.add("*");
      cancelAnimationFrame(frame);
      flush();
    },
    end() {
      over = true;
      cancelAnimationFrame(frame);
      for (const [event, listener] of listeners) model.off(event, listener);
    },
  };
}

const CHROME = 145; // pixels that the notebook and the tabs of the application take above a panel
const TABS = 46; // of these the tabs, where they stand in one row
const FRAME = 240; // and what stands round the stage, at size 1, with one row of tokens and one of controls
const LEAST = 135; // a stage that is lower shows nothing
const ROW = { strip: 32, controls: 36, answer: 27, fields: 37, title: 31 }; // heights that FRAME counts, with margins

/** The stage's height at size 1: `most`, or what leaves answer and foot in sight; `extra` pixels stand beside FRAME. */
export function stageHeight(most, screen, scale, extra = 0) {
  const room = (screen - CHROME - FRAME * scale - extra) / scale;
  return Math.round(Math.max(Math.min(most, LEAST), Math.min(most, room)));
}

/** Pixels of further rows: of the parts that FRAME counts once, of controls (closed ones), of what stands between. */
function furtherRows(ui, parts) {
  const scale = ui.scale();
  const beyond = (height, name) => Math.max(0, height - ROW[name] * scale);
  if (!ui.controls.querySelector("details[open]")) ui.controlRows = ui.controls.offsetHeight;
  const text = `${ui.get("text")}|${ui.get("text_pair")}`;
  if (ui.answerOf !== text) Object.assign(ui, { answerOf: text, answerRows: 0 });
  ui.answerRows = Math.max(ui.answerRows, parts.answer.offsetHeight + 8); // the highest one of this text: nothing jumps
  const bar = ui.root.closest(".jp-OutputArea, body")?.querySelector(".bertlab-app");
  const tabs = bar ? Math.max(0, bar.offsetHeight - TABS) : 0;
  const between = ui.above.offsetHeight + parts.note.offsetHeight + parts.pinned.offsetHeight;
  const counted = ["strip", "fields", "title"].reduce((sum, name) => sum + beyond(parts[name].offsetHeight, name), 0);
  return tabs + between + counted + beyond(ui.controlRows, "controls") + beyond(ui.answerRows, "answer");
}

/** Say of every list that scrolls whether there is more below. */
function hintScrolls(root) {
  for (const list of root.querySelectorAll(".stage .scroll, .stage .cards, .stage .ladder, .stage > .body")) {
    const more = list.scrollHeight - list.clientHeight - list.scrollTop > 4;
    if (more) list.dataset.more = say("more below ↓");
    else delete list.dataset.more;
  }
}

/** A projector's large type makes a wide window narrow. */
function roomOf(ui) {
  const room = (ui.width || ui.root.clientWidth || 800) / ui.scale();
  return room < 480 ? "phone" : room < 680 ? "narrow" : "wide";
}

function measurePaint(root, born) {
  if (root.dataset.firstPaintMs) return;
  const told = () => {
    root.dataset.firstPaintMs ||= (performance.now() - born).toFixed(1);
  };
  requestAnimationFrame(() => setTimeout(told));
}

/** The keys that hold in every panel, after the panel's own; true = handled. */
function keysOf(ui, spec, foot) {
  return event => {
    if (event.key === "?") foot.toggle("keys");
    else if (spec.onKey?.(event, ui)) return true;
    else if (event.key === "Escape" && foot.open()) foot.toggle(foot.open());
    else if (event.key === "Escape" && (ui.get("selected") || []).length) ui.set("selected", []);
    else return event.key === "Escape";
    return true;
  };
}

/**
 * Build one panel. `spec.stage(ui)` fills ui.stage and ui.controls once and returns a function that redraws them; it is
 * called with the set of traits that changed, at most once a frame. `spec.keys` lists the panel's own keys as [name,
 * meaning], `spec.onKey(event, ui)` handles them (true = handled); `spec.onToken(i, event, ui)` and
 * `spec.onHover(i, ui)` are told of the strip; `spec.pair` is false where there is no second sentence;
 * `spec.height` is the stage's least height in pixels.
 */
export function renderPanel({ model, el }, spec) {
  const born = performance.now();
  const ui = makeUi(model);
  const { get } = ui;
  speak(get("speech"));
  const attributes = { role: "group", tabindex: "-1", "aria-label": get("question"), "data-panel": spec.name };
  const root = h("section.bertlab", { ...attributes, ...written(), "data-lm-suppress-shortcuts": "true" });
  Object.assign(ui, { root, stage: h("div.stage"), above: h("div.above"), controls: h("div.controls") });
  let high = stageHeight(spec.height || 300, globalThis.innerHeight || 900, ui.scale());
  ui.stageHeight = () => high * ui.scale();
  root.addEventListener("scroll", () => hintScrolls(root), true);
  const strip = tokenStrip(ui, {
    onToken: (i, event) => (spec.onToken ? spec.onToken(i, event, ui) : ui.pick(i, event.shiftKey)),
    onHover: i => spec.onHover?.(i, ui),
  });
  const [fields, lines, gate, foot] = [
    textFields(ui, spec.pair),
    textLines(ui),
    predictGate(ui),
    panelFoot(ui, spec.keys || []),
  ];
  const tip = hoverTip(root);
  ui.tip = tip.show;
  const stage = h("div.stage-frame", {}, ui.stage, gate.element);
  root.append(lines.title, fields.element, strip.element, lines.note, ui.above, stage, lines.answer, lines.pinned);
  root.append(lines.error, ui.controls, foot.element, foot.drawer, tip.element);
  el.replaceChildren(root);
  let updateStage = () => {};
  /** Give the stage the height that is left; true where that is another one. */
  const fit = () => {
    const extra = furtherRows(ui, { ...lines, strip: strip.element, fields: fields.element });
    const now = stageHeight(spec.height || 300, globalThis.innerHeight || 900, ui.scale(), extra);
    const other = Math.abs(now - high) > 3;
    if (other) high = now;
    root.style.setProperty("--stage", `${high}px`);
    return other;
  };
  const draw = (names, has) => {
    root.style.setProperty("--bertlab-scale", ui.scale());
    root.dataset.room = roomOf(ui);
    if (has("tokens", "selected", "masked")) strip.draw();
    else if (has("view")) strip.mark();
    for (const part of [fields, lines, gate, foot]) part.draw();
    if (has("twin")) takeTwinAway(get("twin"));
    for (const [wanted, callback] of ui.watchers) if (has(...wanted)) callback(names);
    const start = performance.now();
    try {
      fit();
      updateStage(names);
      if (fit()) updateStage(new Set(["*"])); // controls that are new have taken another row
    } catch (error) {
      lines.fail(say("The picture could not be drawn: {reason}", { reason: error.message }));
      console.error(error);
    }
    hintScrolls(root);
    root.dataset.drawMs = (performance.now() - start).toFixed(1);
    measurePaint(root, born);
  };
  ui.redraw = () => redraw.note("*");
  const redraw = redrawing(model, get("traits_synced"), afterPress(root, draw, ui.redraw));
  guardKeys(root, keysOf(ui, spec, foot));
  const endTheme = followTheme(root, () => {
    ui.forgetColors();
    redraw.note("*");
  });
  updateStage = spec.stage(ui) || updateStage;
  const sizes = new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (!width || width === ui.width) return;
    ui.width = width;
    redraw.now();
  });
  sizes.observe(root);
  globalThis.addEventListener?.("resize", ui.redraw);
  takeTwinAway(get("twin"));
  return () => {
    redraw.end();
    endTheme();
    sizes.disconnect();
    globalThis.removeEventListener?.("resize", ui.redraw);
  };
}
