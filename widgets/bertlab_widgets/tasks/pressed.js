// A click is a press and a release of the same button: a redraw between them would take it from under the pointer.

const CLICK = 50; // milliseconds after a release in which its click comes, from a finger too

/**
 * `draw` as a function that waits while a button of the panel is held down. The press itself may ask for a redraw: it
 * ends the typing in a field, whose text is sent and shown.
 */
export function afterPress(ui, draw) {
  let held = false;
  let waiting = false;
  function release() {
    held = false;
    if (waiting) ui.redraw();
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
  ui.root.addEventListener("pointerdown", press);
  return () => {
    waiting = held;
    if (!held) draw();
  };
}
