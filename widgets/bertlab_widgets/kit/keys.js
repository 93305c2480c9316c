// The keyboard: the panel's keys first, and nothing without a modifier reaches the notebook, where "x" cuts a cell.

const FIELDS = "input[type=text], input[type=number], textarea";

/** What holds in every panel, as [key, meaning]. */
export const COMMON_KEYS = [
  ["← →", "move along the tokens"],
  ["Enter, click", "select a token"],
  ["Shift-click", "add a token"],
  ["Double-click", "solo"],
  ["Esc", "clear the selection"],
  ["?", "show or hide these keys"],
];

/** Guard `root`: `onKey(event)` is asked for keys that are not typed into a field; true = handled. */
export function guardKeys(root, onKey) {
  root.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.target.matches(FIELDS) && onKey(event)) event.preventDefault();
    event.stopPropagation();
  });
}
