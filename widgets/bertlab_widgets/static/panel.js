// What every panel shares: a DOM helper, numbers in words, theme colours, the anatomy of a panel and its keyboard.
// Python puts this text before a panel's own file, and the two together are one plain ES module: no imports, no build.

/** h("button.chip", {onclick, "aria-label": "..."}, "text", otherNode) -> element */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style" || name === "hidden" || name === "value" || name === "checked" || name === "disabled")
      name === "style" ? element.setAttribute(name, value) : (element[name] = value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** A probability in words for an audience: two significant digits, never an exponent. */
export function percent(p) {
  if (!Number.isFinite(p)) return "–";
  const value = 100 * p;
  if (value === 0) return "0 %";
  if (Math.abs(value) < 0.001) return "< 0.001 %";
  if (Math.abs(value) >= 99.5) return (Math.abs(value) < 99.995 ? value.toFixed(2).replace(/0$/, "") : "100") + " %";
  const digits = Math.max(0, 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4)) + " %";
}

/** A plain number with a fixed count of significant digits, a real minus sign, never an exponent. */
export function number(x, digits = 3) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x < 0 ? "−∞" : "∞";
  const size = Math.abs(x);
  const places = size === 0 ? 0 : Math.max(0, Math.min(6, digits - 1 - Math.floor(Math.log10(size))));
  return x.toFixed(places).replace("-", "−");
}

/** Bytes as they come from the kernel (DataView, ArrayBuffer or typed array) -> Uint8Array without a copy. */
export function bytes(data) {
  if (!data) return new Uint8Array(0);
  if (data instanceof Uint8Array) return data;
  return data.buffer ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
}

export function floats(data) {
  const raw = bytes(data);
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
}

/** Weights travel as round(255 * sqrt(p)): fine steps where attention is small. This undoes it. */
export const WEIGHT = Float32Array.from({ length: 256 }, (_, q) => (q / 255) ** 2);

/** A live view takes away the static pictures of it that a notebook keeps beside it; see twins.py. */
export function takeTwinAway(name) {
  if (name) for (const twin of document.querySelectorAll(`.bertlab-twin[data-bertlab="${name}"]`)) twin.style.display = "none";
}

function mix(a, b, t) { return a.map((x, i) => x + (b[i] - x) * t); }

/** 256 colours through the given stops, as packed RGBA for ImageData. */
export function ramp(stops) {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const x = i / 255 * (stops.length - 1), k = Math.min(Math.floor(x), stops.length - 2);
    const [r, g, b] = mix(stops[k], stops[k + 1], x - k);
    table[i] = (255 << 24 | Math.round(b) << 16 | Math.round(g) << 8 | Math.round(r)) >>> 0;
  }
  return table;
}

function parseColor(text) {
  const context = parseColor.context ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = text;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

/** Colours of the moment, read from the page's theme; zero is the page's own background. */
export function themeColors(element) {
  const probe = h("span", { style: "display:none" });
  element.append(probe);
  const read = name => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const names = { paper: "--paper", ink: "--ink", muted: "--muted", line: "--line", accent: "--accent", mark: "--mark", soft: "--soft", warn: "--warn" };
  const colors = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, read(name)]));
  const style = getComputedStyle(element);
  colors.codeFont = style.getPropertyValue("--code");
  colors.wordFont = style.getPropertyValue("--words");
  probe.remove();
  const paper = parseColor(colors.paper), dark = paper[0] * 0.3 + paper[1] * 0.6 + paper[2] * 0.1 < 110;
  colors.dark = dark;
  // one hue, perceptually even, from the page to ink (cividis-like blues in the light, rising to pale in the dark)
  colors.sequential = ramp(dark ? [paper, [22, 58, 98], [38, 110, 176], [116, 182, 238], [226, 243, 255]]
    : [paper, [190, 215, 238], [110, 168, 214], [36, 104, 174], [8, 40, 96]]);
  colors.diverging = ramp(dark ? [[96, 174, 255], [44, 100, 166], paper, [172, 92, 20], [255, 176, 92]]
    : [[16, 82, 156], [134, 182, 222], paper, [244, 178, 112], [176, 74, 0]]);
  return colors;
}

/** css("sequential colour of q") for strokes: "rgb(r g b)". */
export function cssColor(packed) { return `rgb(${packed & 255} ${packed >> 8 & 255} ${packed >> 16 & 255})`; }

/** A canvas sized for the screen's pixels; returns its context, scaled to CSS pixels. */
export function fitCanvas(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

export function bidi(text, selector = "bdi.token-text") { return h(selector, { dir: "auto" }, text); }

/** One choice among several, as text tabs: arrows move, the choice is a trait. */
export function tabs(ui, trait, choices, label) {
  const buttons = choices.map(([value, text]) => h("button", { type: "button", role: "tab", onclick: () => ui.set(trait, value) }, text));
  const list = h("div.tabs", { role: "tablist", "aria-label": label,
    onkeydown: event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const at = choices.findIndex(([value]) => value === ui.get(trait)), next = (at + step + choices.length) % choices.length;
      ui.set(trait, choices[next][0]);
      buttons[next].focus();
      event.stopPropagation();
    } }, ...buttons);
  const show = () => buttons.forEach((button, i) => {
    const on = choices[i][0] === ui.get(trait);
    button.setAttribute("aria-selected", on);
    button.tabIndex = on ? 0 : -1;
  });
  ui.on([trait], show);
  show();
  return list;
}

export function checkbox(ui, trait, text, title) {
  const box = h("input", { type: "checkbox", checked: ui.get(trait), onchange: () => ui.set(trait, box.checked) });
  ui.on([trait], () => { box.checked = ui.get(trait); });
  return h("label", { title }, box, text);
}

export function select(ui, trait, choices, text) {
  const menu = h("select", { "aria-label": text, onchange: () => ui.set(trait, choices[menu.selectedIndex][0]) },
    ...choices.map(([value, name]) => h("option", { value: String(value) }, name)));
  const show = () => { menu.selectedIndex = choices.findIndex(([value]) => value === ui.get(trait)); };
  ui.on([trait], show);
  show();
  return h("label", {}, h("span", {}, text), menu);
}

/** Bars with their numbers: rows of {label, value, truth, before, title, onclick}; the scale is always 0 to 1. */
export function bars(rows, format = percent) {
  return h("div.bars", {}, ...rows.flatMap(row => [
    row.onclick ? h("button", { type: "button", onclick: row.onclick, title: row.title, class: row.truth ? "truth" : "" }, bidi(row.label))
      : h(row.truth ? "span.truth" : "span", {}, bidi(row.label)),
    h("div.bar", {}, h("i", { style: `width:${100 * Math.min(1, Math.max(0, row.value))}%` }),
      row.before === undefined || row.before === null ? null : h("b", { style: `left:${100 * row.before}%`, title: `before: ${format(row.before)}` })),
    h("span", {}, format(row.value)),
  ]));
}

const COMMON_KEYS = [["← →", "move along the tokens"], ["Enter, click", "select a token"], ["Shift-click", "add a token"],
  ["Double-click", "solo"], ["Esc", "clear the selection"], ["?", "show or hide these keys"]];

/**
 * Build one panel. `spec.stage(ui)` fills ui.stage and ui.controls once and returns a function that redraws them;
 * it is called with the set of traits that changed, at most once a frame. `spec.keys` lists the panel's own keys
 * as [name, meaning], `spec.onKey(event, ui)` handles them (true = handled).
 */
export function renderPanel({ model, el }, spec) {
  const born = performance.now();
  const get = name => model.get(name), pending = new Map(), watchers = [], cleanup = [];
  const session = Math.random().toString(36).slice(2);
  let count = 0, changed = new Set(), frame = 0, colors = null, disposed = false;
  const ui = {
    model, get,
    set(name, value) { model.set(name, value); model.save_changes(); },
    setAll(values) { for (const [name, value] of Object.entries(values)) model.set(name, value); model.save_changes(); },
    on(names, callback) { watchers.push([new Set(names), callback]); },
    call(name, args = {}) {
      const id = `${session}.${++count}`;
      return new Promise((resolve, reject) => { pending.set(id, { resolve, reject }); model.send({ id, call: name, args }); });
    },
    colors() { return colors ??= themeColors(root); },
    scale() { return get("scale") || 1; },
    tip, redraw() { note("*"); },
    invite() {  // an empty stage: what to do, and one example to click
      const [first] = get("presets") || [];
      return [h("span", {}, "Type a sentence above."), first ? h("button.text-button", { type: "button", onclick: () => { ui.set("preset", ""); ui.set("preset", first); } }, `Or see an example: ${first}`) : ""];
    },
  };

  const question = h("h3", {}, get("question"));
  const modelLine = h("span.model");
  const fields = h("div.text-fields");
  const strip = h("div.strip", { role: "group", "aria-label": "Tokens of the sentence" });
  const noteLine = h("div.note", { hidden: true });
  const stage = ui.stage = h("div.stage");
  const answer = h("div.answer", { role: "status", "aria-live": "polite" });
  const pinned = h("div.pinned", { hidden: true });
  const errorText = h("span");
  const errorStrip = h("div.error", { role: "alert", hidden: true }, errorText,
    h("button", { type: "button", onclick: () => ui.set("error", "") }, "Dismiss"));
  const progress = h("progress", { max: 1, "aria-label": "Progress" }), progressText = h("span");
  const busy = h("div.busy", { hidden: true }, progress, progressText,
    h("button.text-button", { type: "button", onclick: () => ui.call("stop") }, "Cancel"));
  const controls = ui.controls = h("div.controls");
  const drawer = h("div.drawer", { hidden: true });
  const tipBox = h("div.tip", { hidden: true, role: "presentation" });
  const foot = h("div.foot", { role: "toolbar", "aria-label": "Panel" });
  const root = ui.root = h("section.bertlab", { role: "group", tabindex: "-1", "aria-label": get("question"), "data-panel": spec.name,
    "data-lm-suppress-shortcuts": "true" });
  root.append(h("div.title", {}, question, modelLine), fields, strip, noteLine, stage, answer, pinned, errorStrip, controls, foot, drawer, tipBox);
  el.replaceChildren(root);

  // --- text line
  const textField = h("input", { type: "text", "aria-label": "Sentence", placeholder: "Type a sentence, then Enter", dir: "auto", spellcheck: "false", maxlength: 20000 });
  const pairField = h("input", { type: "text", "aria-label": "Second sentence", placeholder: "Second sentence (optional)", dir: "auto", spellcheck: "false", maxlength: 20000 });
  for (const [field, name] of [[textField, "text"], [pairField, "text_pair"]]) {
    field.addEventListener("change", () => { if (field.value !== get(name)) ui.set(name, field.value); });
    field.addEventListener("keydown", event => {
      if (event.key === "Escape") { field.value = get(name); field.blur(); root.focus(); }
    });
  }
  fields.append(textField);
  if (spec.pair !== false) fields.append(pairField);

  // --- token strip: real buttons, one tab stop, arrows move
  let focused = 0;
  function drawStrip() {
    const tokens = get("tokens") || [], selected = new Set(get("selected") || []), masked = new Set(get("masked") || []);
    const keepFocus = strip.contains(document.activeElement);
    const nodes = [];
    let word = null, wordKey = null;
    focused = Math.min(focused, Math.max(0, tokens.length - 1));
    tokens.forEach((token, i) => {
      const state = ["chip"];
      if (token.special) state.push("special");
      if (token.unknown) state.push("unknown");
      if (masked.has(i)) state.push("masked");
      else if (token.forced) state.push("forced");
      const chip = h("button", { type: "button", class: state.join(" "), "aria-pressed": String(selected.has(i)), "data-token": i,
        "aria-label": `${token.text}, token ${i}${masked.has(i) ? ", masked" : ""}${token.forced ? ", changed" : ""}`,
        title: masked.has(i) ? `masked; it was ${token.original}` : token.forced ? `it was ${token.original}` : `id ${token.id}` },
        bidi(token.text));
      chip.tabIndex = i === focused ? 0 : -1;
      const key = token.word === null || token.word === undefined ? null : `${token.segment}.${token.word}`;
      if (key === null || key !== wordKey) { word = h("span.word"); nodes.push(word); }
      wordKey = key;
      word.append(chip);
    });
    strip.replaceChildren(...nodes);
    if (keepFocus) strip.querySelector(`[data-token="${focused}"]`)?.focus();
    const message = get("note");
    noteLine.hidden = !message;
    noteLine.textContent = message || "";
  }
  const tokenOf = event => { const chip = event.target.closest?.("[data-token]"); return chip ? Number(chip.dataset.token) : null; };
  function pick(i, add) {
    const selected = get("selected") || [];
    const next = add ? (selected.includes(i) ? selected.filter(x => x !== i) : [...selected, i].sort((a, b) => a - b))
      : selected.length === 1 && selected[0] === i ? [] : [i];
    ui.set("selected", next);
  }
  ui.pick = pick;
  strip.addEventListener("click", event => {
    const i = tokenOf(event);
    if (i === null) return;
    focused = i;
    if (spec.onToken) spec.onToken(i, event, ui); else pick(i, event.shiftKey);
  });
  strip.addEventListener("pointerover", event => { const i = tokenOf(event); ui.hovered = i; spec.onHover?.(i, ui); });
  strip.addEventListener("pointerleave", () => { ui.hovered = null; spec.onHover?.(null, ui); });
  strip.addEventListener("keydown", event => {
    const count = (get("tokens") || []).length, step = { ArrowRight: 1, ArrowLeft: -1, Home: -count, End: count }[event.key];
    if (!step || !count) return;
    event.preventDefault();
    focused = Math.max(0, Math.min(count - 1, focused + step));
    for (const chip of strip.querySelectorAll("[data-token]")) chip.tabIndex = Number(chip.dataset.token) === focused ? 0 : -1;
    strip.querySelector(`[data-token="${focused}"]`).focus();
  });

  // --- foot
  let open = null;
  const drawers = { code: "Show code", export: "Export", keys: "Keys (?)" };
  const footButton = (text, onclick, extra = {}) => h("button", { type: "button", onclick, ...extra }, text);
  const presets = get("presets") || [];
  const presetMenu = h("select", { "aria-label": "Preset", onchange: () => { const name = presetMenu.value; if (name) ui.set("preset", name); } },
    h("option", { value: "" }, "Preset"), ...presets.map(name => h("option", { value: name }, name)));
  const pinButton = footButton("Pin", () => ui.call(get("pinned")?.answer ? "unpin" : "pin"));
  const gateButton = footButton("Predict first", () => ui.set("predict_first", !get("predict_first")));
  const codeButton = footButton("Show code", () => toggleDrawer("code"), { "aria-expanded": "false" });
  const exportButton = footButton("Export", () => toggleDrawer("export"), { "aria-expanded": "false" });
  const keysButton = footButton("?", () => toggleDrawer("keys"), { "aria-expanded": "false", "aria-label": "Keys of this panel" });
  const footItems = [presetMenu, pinButton, gateButton, codeButton, exportButton, footButton("Reset", () => ui.call("reset")), keysButton];
  foot.append(...(model.standalone ? [codeButton, keysButton] : footItems), busy);  // an exported page can show, not compute
  if (model.standalone) textField.readOnly = pairField.readOnly = true;
  async function toggleDrawer(name) {
    open = open === name ? null : name;
    codeButton.setAttribute("aria-expanded", open === "code");
    exportButton.setAttribute("aria-expanded", open === "export");
    keysButton.setAttribute("aria-expanded", open === "keys");
    drawer.hidden = !open;
    drawer.replaceChildren();
    if (open === "code") await showCode();
    if (open === "keys") drawer.append(h("ul", {}, ...[...(spec.keys || []), ...COMMON_KEYS].map(([key, meaning]) => h("li", {}, h("b", {}, key), ` ${meaning}`))));
    if (open === "export") drawer.append(h("div.controls", {}, h("span", {}, "Save what the panel shows as"),
      ...["png", "svg", "csv", "html"].map(kind => h("button.text-button", { type: "button", onclick: () => download(kind) }, kind.toUpperCase()))));
  }
  async function showCode() {
    const { result } = await ui.call("code").catch(() => ({ result: get("code_text") || "" }));
    if (open !== "code") return;
    drawer.replaceChildren(h("pre", { tabindex: "0" }, result),
      h("button.text-button", { type: "button", onclick: () => navigator.clipboard?.writeText(result) }, "Copy"));
  }
  async function download(kind) {
    const { result, buffers } = await ui.call("exported", { kind });
    const link = h("a", { href: URL.createObjectURL(new Blob([bytes(buffers[0])], { type: result.type })), download: result.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // --- predict first
  const veil = h("div.veil", { hidden: true });
  const guessField = h("input", { type: "text", "aria-label": "Your guess", autocomplete: "off", spellcheck: "false" });
  const gateQuestion = h("label", {}), commit = () => ui.set("guess", guessField.value.trim());
  guessField.addEventListener("keydown", event => { if (event.key === "Enter") commit(); });
  veil.append(gateQuestion, guessField, h("button.text-button", { type: "button", onclick: commit }, "Commit the guess"));
  function drawGate() {
    const closed = get("predict_first") && !get("guess");
    veil.hidden = !closed;
    if (closed && !veil.isConnected) stage.append(veil);
    gateQuestion.textContent = get("gate_question") || "What will the panel show?";
    if (closed) guessField.value = "";
    gateButton.setAttribute("aria-pressed", String(Boolean(get("predict_first"))));
    answer.style.visibility = closed ? "hidden" : "";  // its line stays, so that nothing jumps
  }

  // --- lines of text
  const marked = text => (text || "").split("`").map((part, i) => i % 2 ? bidi(part) : part);
  function drawLines() {
    const heading = get("heading") || {};
    question.textContent = get("question");
    modelLine.replaceChildren(heading.model || "", heading.state ? ` · ${heading.state}` : "", ...(heading.untrained ? [" · ", h("span.untrained", { title: heading.untrained }, "untrained")] : []));
    answer.replaceChildren(...marked(get("verdict") ? `${get("verdict")} ${get("answer")}` : get("answer")));
    const pin = get("pinned") || {};
    pinned.hidden = !pin.answer;
    pinned.replaceChildren("Pinned (A): ", ...marked(pin.answer));
    pinButton.textContent = pin.answer ? "Unpin" : "Pin";
    pinButton.setAttribute("aria-pressed", String(Boolean(pin.answer)));
    errorStrip.hidden = !get("error");
    errorText.textContent = get("error") || "";
    presetMenu.value = presets.includes(get("preset")) ? get("preset") : "";
    if (document.activeElement !== textField) textField.value = get("text");
    if (document.activeElement !== pairField) pairField.value = get("text_pair");
    const work = get("busy") || {};
    busy.hidden = !work.label;
    progressText.textContent = work.label || "";
    progress.value = work.done ?? 0;
    stage.classList.toggle("stale", Boolean(work.stale));
    root.style.setProperty("--bertlab-scale", ui.scale());
    fitWidth();
    drawGate();
  }

  // --- room: a projector's large type makes a wide window narrow
  let width = 0;
  function fitWidth() {
    const room = (width || root.clientWidth || 800) / ui.scale();
    root.dataset.room = room < 480 ? "phone" : room < 680 ? "narrow" : "wide";
  }

  // --- hover text
  function tip(text, clientX, clientY) {
    tipBox.hidden = !text;
    if (!text) return;
    tipBox.textContent = text;
    const box = root.getBoundingClientRect(), width = tipBox.offsetWidth;
    tipBox.style.left = `${Math.max(0, Math.min(clientX - box.left + 12, box.width - width - 4))}px`;
    tipBox.style.top = `${clientY - box.top + 16}px`;
  }

  // --- changes, batched by frame
  function note(name) {
    changed.add(name);
    if (!frame && !disposed) frame = requestAnimationFrame(flush);
  }
  let updateStage = () => {};
  function flush() {
    frame = 0;
    const names = changed;
    changed = new Set();
    const has = (...list) => names.has("*") || list.some(name => names.has(name));
    if (has("tokens", "selected", "masked", "note")) drawStrip();
    drawLines();
    if (has("twin")) takeTwinAway(get("twin"));
    if (open === "code") showCode();
    for (const [wanted, callback] of watchers) if (names.has("*") || [...wanted].some(name => names.has(name))) callback(names);
    const start = performance.now();
    try { updateStage(names); } catch (error) { errorStrip.hidden = false; errorText.textContent = `The picture could not be drawn: ${error.message}`; console.error(error); }
    root.dataset.drawMs = (performance.now() - start).toFixed(1);
    if (!root.dataset.firstPaintMs) requestAnimationFrame(() => setTimeout(() => { root.dataset.firstPaintMs ||= (performance.now() - born).toFixed(1); }));
  }
  const listeners = get("traits_synced").map(name => [`change:${name}`, () => note(name)]);
  for (const [event, listener] of listeners) model.on(event, listener);
  const onMessage = (message, buffers) => {
    const waiting = pending.get(message?.id);
    if (!waiting) return;
    pending.delete(message.id);
    message.error ? waiting.reject(new Error(message.error)) : waiting.resolve({ result: message.result, buffers: buffers || [] });
  };
  model.on("msg:custom", onMessage);

  // --- keyboard: the panel's keys first, and nothing without a modifier reaches the notebook
  root.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input[type=text], input[type=number], textarea");
    if (!typing) {
      if (event.key === "?") { toggleDrawer("keys"); event.preventDefault(); }
      else if (spec.onKey?.(event, ui)) event.preventDefault();
      else if (event.key === "Escape") { if (open) toggleDrawer(open); else if ((get("selected") || []).length) ui.set("selected", []); }
    }
    event.stopPropagation();
  });

  // --- theme and size
  const theme = () => { const light = document.body.dataset.jpThemeLight; if (light) root.dataset.theme = light === "false" ? "dark" : "light"; };
  const themeWatcher = new MutationObserver(() => { theme(); colors = null; note("*"); });
  themeWatcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
  const media = globalThis.matchMedia?.("(prefers-color-scheme: dark)"), onMedia = () => { colors = null; note("*"); };
  media?.addEventListener?.("change", onMedia);
  theme();
  updateStage = spec.stage(ui) || updateStage;
  const sizeWatcher = new ResizeObserver(([entry]) => {
    const next = Math.round(entry.contentRect.width);
    if (next && next !== width) { width = next; ui.width = next; changed.add("*"); cancelAnimationFrame(frame); flush(); }
  });
  sizeWatcher.observe(root);
  takeTwinAway(get("twin"));
  drawLines();
  return () => {
    disposed = true;
    cancelAnimationFrame(frame);
    for (const [event, listener] of listeners) model.off(event, listener);
    model.off("msg:custom", onMessage);
    themeWatcher.disconnect();
    sizeWatcher.disconnect();
    media?.removeEventListener?.("change", onMedia);
    cleanup.forEach(end => end());
  };
}

/** A model without a kernel, for the exported page: states computed beforehand answer instead. */
export function standaloneModel(state, answers, patches) {
  const handlers = {}, dirty = new Set();
  const decode = value => {
    if (Array.isArray(value)) return value.map(decode);
    if (value && typeof value === "object") {
      if (typeof value.$bytes === "string") return Uint8Array.from(atob(value.$bytes), c => c.charCodeAt(0));
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decode(inner)]));
    }
    return value;
  };
  const values = decode(state);
  const emit = (name, ...args) => (handlers[name] || []).forEach(handler => handler(...args));
  const model = {
    standalone: true,
    get: name => values[name],
    set(name, value) { if (JSON.stringify(values[name]) !== JSON.stringify(value)) { values[name] = value; dirty.add(name); } },
    save_changes() {
      for (const name of [...dirty]) {
        const patch = patches[`${name}:${JSON.stringify(values[name])}`];
        for (const [key, value] of Object.entries(decode(patch || {}))) { values[key] = value; dirty.add(key); }
      }
      const names = [...dirty];
      dirty.clear();
      for (const name of names) emit(`change:${name}`);
    },
    on(name, handler) { (handlers[name] ??= []).push(handler); },
    off(name, handler) { handlers[name] = (handlers[name] || []).filter(other => other !== handler); },
    send(message) {
      const found = answers[`${message.call}:${JSON.stringify(message.args)}`];
      const reply = found ? { id: message.id, result: found.result } : { id: message.id, error: "This page has no kernel: open the notebook for that." };
      setTimeout(() => emit("msg:custom", reply, found ? (found.buffers || []).map(buffer => decode(buffer)) : []));
    },
  };
  return model;
}
