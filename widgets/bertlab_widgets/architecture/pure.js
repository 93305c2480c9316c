// Numbers and places of the map, without a page.
import { sayN } from "../kit/language.js";

/** "22.7 M", "147,456" */
export const large = count => (count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : count.toLocaleString("en"));

/** "91 MB", "4.6 kB", "384 bytes" */
export function size(count) {
  for (const [unit, step] of [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ]) {
    if (count >= step) return `${(count / step).toFixed(count >= 10 * step ? 0 : 1)} ${unit}`;
  }
  return sayN("{count} byte", "{count} bytes", count);
}

/** Where a key leads in a column of `count` entries from `at`; in a list of rows left and right step too. */
export function nextIn(key, at, count, sideways) {
  const step = { ArrowDown: 1, ArrowUp: -1, ...(sideways ? { ArrowRight: 1, ArrowLeft: -1 } : {}) }[key];
  if (key === "Home" && count) return 0;
  if (key === "End" && count) return count - 1;
  if (!step || at < 0) return null;
  const next = at + step;
  if (next < 0 && key === "ArrowLeft") return null; // back to the parts
  return Math.max(0, Math.min(count - 1, next));
}

/** A round number not below `top`, for the end of an axis. */
export function roundUp(top) {
  if (!(top > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(top));
  return [1, 1.5, 2, 3, 4, 5, 8, 10].map(f => f * step).find(value => value >= top - 1e-9 * top);
}
