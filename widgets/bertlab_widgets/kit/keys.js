// The keyboard: the panel's keys first, and nothing without a modifier reaches the notebook, where "x" cuts a cell.
import { mark } from "./language.js";

const FIELDS = "input[type=text], input[type=number], textarea";

/** What holds in every panel, as [key, meaning]. */
export const COMMON_KEYS = [
  ["← →", mark("move along the tokens")],
  [mark("Enter, click"), mark("select a token")],
  [mark("Shift-click"), mark("add a token")],
  [mark("Double-click"), mark("solo")],
  ["Esc", mark("clear the selection")],
  ["?", mark("show or hide these keys")],
];

/** Guard `root`: `onKey(event)` is asked for keys that are not typed into a field; true = handled. */
export function guardKeys(root, onKey) {
  root.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.target.matches(FIELDS) && onKey(event)) event.preventDefault();
    event.stopPropagation();
  });
}
