// A whole set: its rows as a list, beside it what is taken for what, or how sure the head is when it is right.
import { h } from "../kit/dom.js";
import { mark, say } from "../kit/language.js";
import { fillControls, LOOKS } from "./controls.js";
import { calibration, confusion } from "./counts.js";
import { rowList } from "./list.js";

function dataStage(ui) {
  const { get } = ui;
  ui.openRow = () => {
    if (get("row") >= 0 && get("view").opens) ui.call("open_row").catch(() => {});
  };
  const list = rowList(ui);
  const side = h("div.side");
  const body = h("div.data", {}, list.element, side);
  const waiting = h("div.invitation", { hidden: true }, h("span"));
  ui.stage.append(body, waiting);
  const drawControls = fillControls(ui);
  return () => {
    const view = get("view");
    if (!view.sources) return;
    waiting.hidden = !view.nothing;
    body.hidden = Boolean(view.nothing);
    const unnamed = view.file && !get("source");
    waiting.firstChild.textContent = unnamed ? say("Name a file above, then Enter.") : say("Nothing is predicted yet.");
    drawControls(view);
    if (view.nothing) return;
    const focus = side.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    body.dataset.look = get("look");
    body.classList.toggle("stale", Boolean(view.stale));
    const draw = { confusion, calibration }[get("look")];
    const stale = view.stale ? [h("p.small.warned", { role: "note" }, view.stale)] : [];
    side.replaceChildren(...stale, ...(draw ? draw(ui, view) : []));
    if (focus) side.querySelector(`[aria-label="${CSS.escape(focus)}"]`)?.focus();
    list.draw(view);
  };
}

export const spec = {
  name: "data",
  height: 330,
  stage: dataStage,
  keys: [
    ["↑ ↓", mark("in the list: the next row becomes the text of all panels")],
    ["Enter", mark("in the list: open the row in Run tasks")],
    ["1 2 3", mark("What for what, How sure, Rows")],
    ["Esc", mark("all rows again")],
  ],
  onKey(event, ui) {
    const look = LOOKS[Number(event.key) - 1];
    if (look) ui.set("look", look[0]);
    else if (event.key === "Escape" && (ui.get("row") >= 0 || ui.get("bin") >= 0 || ui.get("cell").length)) {
      ui.setAll({ cell: [], bin: -1, row: -1 });
    } else return false;
    return true;
  },
};
