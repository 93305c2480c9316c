// Numbers in words, values for axes, and bytes as they come from the kernel.
import { say } from "./language.js";

/** A probability for an audience: two significant digits, no exponent; as `percent` in panel/words.py writes it. */
export function percent(p) {
  return Number.isFinite(p) ? say("{number} %", { number: hundredths(p) }) : "–";
}

function hundredths(p) {
  const value = 100 * p;
  if (value === 0) return "0";
  if (Math.abs(value) < 0.001) return "< 0.001";
  if (Math.abs(value) >= 99.5) return Math.abs(value) < 99.995 ? value.toFixed(2).replace(/0$/, "") : value.toFixed(0);
  const digits = Math.max(0, 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}

/** A difference of two probabilities, in percentage points, with its sign. */
export function points(difference) {
  if (!Number.isFinite(difference)) return "–";
  return say("{number} points", { number: `${difference < 0 ? "−" : "+"}${hundredths(Math.abs(difference))}` });
}

/** A plain number with a fixed count of significant digits, a real minus sign, never an exponent. */
export function number(x, digits = 3) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x < 0 ? "−∞" : "∞";
  const size = Math.abs(x);
  const places = size === 0 ? 0 : Math.max(0, Math.min(6, digits - 1 - Math.floor(Math.log10(size))));
  return x.toFixed(places).replace("-", "−");
}

/** A whole number with its thousands apart. */
export const thousands = count => count.toLocaleString("en");

/** The letter of an ending or a segment: A to Z, then numbers. */
export const letterOf = i => (i < 26 ? String.fromCharCode(65 + i) : String(i + 1));

/** Round values for an axis from 0 to about `top`. */
export function ticks(top, count = 4) {
  if (!(top > 0)) return [0];
  const raw = top / count;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * [1, 2, 5, 10].find(f => f * size >= raw);
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

/** Put labels that would overlap beside each other: heights -> heights at least `gap` apart, within 0 and `bottom`. */
export function spread(heights, gap, bottom) {
  const order = heights.map((y, i) => [y, i]).sort((a, b) => a[0] - b[0]);
  const result = [...heights];
  let last = -Infinity;
  for (const [y, i] of order) {
    result[i] = Math.max(y, last + gap);
    last = result[i];
  }
  const over = last - bottom;
  if (over > 0) for (const [, i] of order) result[i] -= over;
  return result;
}

/** Bytes as they come from the kernel (DataView, ArrayBuffer or typed array) -> Uint8Array without a copy. */
export function bytes(data) {
  if (!data) return new Uint8Array(0);
  if (data instanceof Uint8Array) return data;
  return data.buffer ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
}

/** Bytes of 32-bit floats -> Float32Array. */
export function floats(data) {
  const raw = bytes(data);
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
}

/** Weights travel as round(255 * sqrt(p)): fine steps where they are small. This undoes it. */
export const WEIGHT = Float32Array.from({ length: 256 }, (_, q) => (q / 255) ** 2);

/** Signed weights travel as 128 + round(127 * sign(w) * sqrt(|w|)). This undoes it. */
export const SIGNED = Float32Array.from({ length: 256 }, (_, q) => {
  const x = (q - 128) / 127;
  return Math.sign(x) * x * x;
});
