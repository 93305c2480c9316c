// Words with their probability now and before; click one to follow it.
import { bars } from "../kit/controls.js";
import { h, marked } from "../kit/dom.js";
import { say } from "../kit/language.js";

/** The bars of a look: `title` above them, `mark` says what the mark on a bar is. */
export function wordBars(ui, view, title, mark) {
  const alone = Boolean(ui.model.standalone);
  const pin = ui.get("pinned") || {};
  const pinned = new Map((pin.bars || []).map(row => [row.token, row.probability]));
  const rows = (view.bars || []).map(row => ({
    label: row.token,
    value: row.probability,
    before: pinned.has(row.token) && pin.look === view.look ? pinned.get(row.token) : row.before,
    best: row.watched,
    title: row.watched ? say("This word is followed") : say("Follow this word"),
    onclick: alone ? null : () => ui.call("follow", { word: row.token }).catch(() => {}),
  }));
  const note = pinned.size && pin.look === view.look ? say("the pinned state") : mark;
  const word = `\`${view.word.replaceAll("`", "ˋ")}\``;
  const said = say("The mark: {mark}. Followed: {word}; click another word to follow it.", { mark: note, word });
  return h("div.words", {}, h("h4", {}, title), bars(rows), h("p.small.muted", {}, ...marked(said)));
}
