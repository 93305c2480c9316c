// Looks that are lists: nearest contexts, every layer read as the last, neurons.
import { bars } from "../kit/controls.js";
import { bidi, h, quoted, textButton, marked as tokensMarked } from "../kit/dom.js";
import { say } from "../kit/language.js";
import { stateAt, stateName, stateValue } from "../kit/layers.js";
import { number, percent, thousands } from "../kit/numbers.js";
import { inThree } from "./pure.js";

const scrolled = (label, ...children) =>
  h("div.scroll", { tabindex: "0", role: "group", "aria-label": label }, ...children);

/** A sentence with its token marked. */
export function marked(row) {
  const [before, token, after] = inThree(row);
  return h("bdi.sentence", { dir: "auto" }, before, h("mark", {}, token), after);
}

/** What is still being looked for, or was stopped. */
function waiting(ui, view) {
  if (view.waiting) return h("p.muted", {}, say("being looked for …"));
  return textButton(view.offer, () => ui.call("look_for").catch(() => {}));
}

const title = said => h("h4", {}, ...tokensMarked(said));

export function neighboursLook(ui, view) {
  const token = ui.get("tokens")[view.place]?.text ?? "";
  const where = stateName(stateAt(ui.get("hidden_state"), view.layers), view.layers);
  const head = title(say("Nearest to {token} in other sentences, {where}", { token: quoted(token), where }));
  if (!view.rows) return [head, waiting(ui, view)];
  const line = { style: `left:${100 * Math.max(0, view.chance)}%` };
  const rows = view.rows.map(row => {
    const share = 100 * Math.max(0, Math.min(1, row.similarity));
    const bar = h("div.bar", {}, h("i", { style: `width:${share}%` }), h("s", line));
    return h(
      "tr",
      {},
      h("td", {}, bar, number(row.similarity, 2)),
      h("td", {}, bidi(row.token)),
      h("td.text", {}, marked(row)),
    );
  });
  const columns = [say("cosine"), say("token"), say("where it stands")];
  const names = h("tr", {}, ...columns.map(name => h("th", {}, name)));
  const note = say("Of {tokens} tokens in {texts} sentences; dashed: two of them on average, {chance}.", {
    tokens: thousands(view.tokens),
    texts: thousands(view.texts),
    chance: number(view.chance, 2),
  });
  return [head, scrolled(say("Nearest contexts"), h("table", {}, names, ...rows)), h("p.small.muted", {}, note)];
}

export function lensLook(ui, view) {
  const token = ui.get("tokens")[view.place];
  const now = stateAt(ui.get("hidden_state"), view.layers);
  const pick = state => ui.set("hidden_state", stateValue(state, view.layers));
  const ranks = [say("1st"), say("2nd"), say("3rd")];
  const names = [say("read"), ...ranks, say("entropy"), say("to the last"), say("what stands there")];
  const head = names.map(name => h("th", {}, name));
  const rows = [...view.rows].reverse().map(row => {
    const on = row.state === now;
    const button = h(
      "button",
      { type: "button", "aria-pressed": String(on), onclick: () => pick(row.state) },
      stateName(row.state, view.layers),
    );
    const cells = row.best.map(best => {
      const wash = `background:color-mix(in srgb, var(--accent) ${Math.round(40 * best.probability)}%, var(--paper))`;
      return h(
        "td",
        {},
        h("span.guess", { style: wash }, bidi(best.token)),
        h("span.muted", {}, ` ${percent(best.probability)}`),
      );
    });
    const rank = h("span.muted", {}, say(", number {rank}", { rank: thousands(row.rank) }));
    const own = h("td", {}, percent(row.truth), rank);
    const nats = value => h("td.number", {}, number(value, 2));
    return h(
      "tr",
      { class: on ? "on" : null },
      h("td", {}, button),
      ...cells,
      nats(row.entropy),
      nats(row.divergence),
      own,
    );
  });
  const about = title(
    say("Place {place}, {token}, read after every layer by the model's own head", {
      place: view.place,
      token: quoted(token?.original ?? token?.text ?? ""),
    }),
  );
  const note = say(
    "Entropy and distance (Kullback–Leibler) in nats; a blind guess has ln V = {blind}. " +
      "The head was trained on the last layer alone.",
    { blind: number(Math.log(view.vocabulary), 3) },
  );
  return [
    about,
    scrolled(say("Every layer read as the last"), h("table", {}, h("tr", {}, ...head), ...rows)),
    h("p.small.muted", {}, note),
  ];
}

export function neuronsLook(ui, view) {
  const token = ui.get("tokens")[view.place]?.text ?? "";
  const top = Math.max(1e-9, ...view.active.map(one => Math.abs(one.activation)));
  const active = view.active.map(one => ({
    label: `${view.layer}.${one.neuron}`,
    value: Math.max(0, one.activation) / top,
    best: one.neuron === view.neuron,
    title: say("Look at this neuron"),
    onclick: () => ui.set("neuron", one.neuron),
  }));
  const promoted = view.promoted || [];
  const most = Math.max(1e-9, ...promoted.map(one => one.logit));
  const words = promoted.map(one => ({ label: one.token, value: Math.max(0, one.logit) / most }));
  const contexts = view.contexts
    ? scrolled(
        say("Contexts"),
        h(
          "table",
          {},
          ...view.contexts.map(row =>
            h("tr", {}, h("td.number", {}, number(row.activation, 2)), h("td.text", {}, marked(row))),
          ),
        ),
      )
    : waiting(ui, view);
  const size = scale => value => number(value * scale, 2);
  const neuron = `${view.layer}.${view.neuron}`;
  const left = h("div", {}, title(say("Most active at {token}", { token: quoted(token) })), bars(active, size(top)));
  const middle = promoted.length
    ? h("div", {}, title(say("Words that {neuron} speaks for (logit)", { neuron })), bars(words, size(most)))
    : h("div", {}, h("p.muted", {}, say("This model has no vocabulary head to read neurons with.")));
  const right = h("div", {}, title(say("Contexts that move {neuron} most", { neuron })), contexts);
  return [h("div.neurons", {}, left, middle, right)];
}
