// A click is a press and a release of the same button: a redraw between them would take it from under the pointer.

const CLICK = 50; // milliseconds after a release in which its click comes, from a finger too

/**
 * `draw` as a function that waits while a button inside `root` is held down, and then asks for `redraw()`. The press
 * itself may bring one about: it ends the typing in a field, whose text is sent and shown.
 */
export function afterPress(root, draw, redraw) {
  let held = false;
  let waiting = false;
  function release() {
    held = false;
    if (waiting) redraw();
    waiting = false;
  }
  function press(event) {
    if (!event.target.closest?.("button")) return;
    held = true;
    const ends = new AbortController();
    const end = () => {
      ends.abort();
      setTimeout(release, CLICK);
    };
    for (const name of ["pointerup", "pointercancel", "blur"])
      window.addEventListener(name, end, { signal: ends.signal });
  }
  root.addEventListener("pointerdown", press);
  return (...values) => {
    waiting = held;
    if (!held) draw(...values);
  };
}
