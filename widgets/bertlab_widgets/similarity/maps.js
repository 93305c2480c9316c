// The cells of every hidden state: asked for once, kept until the picture is of something else.
import { floats } from "../kit/numbers.js";

/** `of(view, state)` gives the cells of a state as numbers, or null while they are on their way. */
export function makeMaps(ui) {
  let key = "";
  let states = new Map();
  let asked = new Set();
  async function fetch(view, layer) {
    const wanted = view.key;
    if (asked.has(layer)) return;
    asked.add(layer);
    try {
      const { result, buffers } = await ui.call("maps", { layer });
      if (result.key !== key) return;
      const all = floats(buffers[0]);
      const size = all.length / result.count;
      for (let i = 0; i < result.count; i++) states.set(result.first + i, all.subarray(i * size, (i + 1) * size));
      ui.redraw();
    } catch {
      if (wanted === key) asked.delete(layer); // the error strip says what happened
    }
  }
  return {
    of(view, state) {
      if (!view.key) return null;
      if (view.key !== key) {
        key = view.key;
        states = new Map();
        asked = new Set();
      }
      if (!states.has(state)) fetch(view, view.whole ? 0 : state);
      return states.get(state) ?? null;
    },
  };
}
