// Predict first: the stage, the answer and what is pinned stay hidden until a guess is committed.
import { h, textButton } from "./dom.js";
import { say } from "./language.js";

/** The veil over the stage. `get("gate_choices")` are the answers that may be given, where they can be listed. */
export function predictGate(ui) {
  const { get } = ui;
  const id = `bertlab-guess-${Math.random().toString(36).slice(2)}`;
  const label = say("Your guess");
  const field = h("input", { type: "text", "aria-label": label, autocomplete: "off", spellcheck: "false", id });
  const question = h("label", { for: id });
  const choices = h("div.choices", { role: "group", "aria-label": say("What may be answered") });
  const hint = h("span.small.muted", { role: "status" });
  const commit = text => {
    const guess = text.trim();
    hint.textContent = guess ? "" : say("Write a guess first: a wrong one is welcome.");
    if (guess) ui.set("guess", guess);
    else field.focus();
  };
  field.addEventListener("keydown", event => {
    if (event.key === "Enter") commit(field.value);
  });
  const button = textButton(say("Commit the guess"), () => commit(field.value));
  const veil = h("div.veil", { hidden: true }, question, choices, h("div", {}, field, " ", button), hint);
  let wasClosed = false;
  function draw() {
    const closed = Boolean(get("predict_first") && !get("guess"));
    const offered = get("gate_choices") || [];
    veil.hidden = !closed;
    ui.root.dataset.gate = closed ? "closed" : "open";
    question.textContent = get("gate_question") || say("What will the panel show?");
    choices.replaceChildren(...offered.map(name => h("button", { type: "button", onclick: () => commit(name) }, name)));
    if (closed && !wasClosed) {
      field.value = "";
      hint.textContent = "";
    }
    wasClosed = closed;
  }
  return { element: veil, draw };
}
