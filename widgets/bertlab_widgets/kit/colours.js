// Colours: scales that begin at the page's own background, and Okabe and Ito's for categories.
import { h } from "./dom.js";

const mix = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);

/** 256 colours through the given stops, as packed RGBA for ImageData. */
export function ramp(stops) {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const x = (i / 255) * (stops.length - 1);
    const k = Math.min(Math.floor(x), stops.length - 2);
    const [r, g, b] = mix(stops[k], stops[k + 1], x - k);
    table[i] = ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
  }
  return table;
}

/** A packed colour for strokes and styles: "rgb(r g b)". */
export const cssColor = packed => `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`;

let probe = null; // one pixel, to let the browser parse colours
function parseColor(text) {
  probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = text;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// one hue, perceptually even, from the page to ink; and blue, the page, orange for differences
const SEQUENTIAL = {
  light: [
    [190, 215, 238],
    [110, 168, 214],
    [36, 104, 174],
    [8, 40, 96],
  ],
  dark: [
    [22, 58, 98],
    [38, 110, 176],
    [116, 182, 238],
    [226, 243, 255],
  ],
};
const DIVERGING = {
  light: [
    [
      [16, 82, 156],
      [134, 182, 222],
    ],
    [
      [244, 178, 112],
      [176, 74, 0],
    ],
  ],
  dark: [
    [
      [96, 174, 255],
      [44, 100, 166],
    ],
    [
      [172, 92, 20],
      [255, 176, 92],
    ],
  ],
};
const NAMES = ["paper", "ink", "muted", "line", "accent", "mark", "soft", "warn"];

/** Colours of the moment, read from the page's theme; zero is the page's own background. */
export function themeColors(element) {
  const span = h("span", { style: "display:none" });
  element.append(span);
  const read = name => {
    span.style.color = `var(--${name})`;
    return getComputedStyle(span).color;
  };
  const colors = Object.fromEntries(NAMES.map(name => [name, read(name)]));
  const style = getComputedStyle(element);
  colors.codeFont = style.getPropertyValue("--code");
  colors.wordFont = style.getPropertyValue("--words");
  span.remove();
  const paper = parseColor(colors.paper);
  colors.dark = paper[0] * 0.3 + paper[1] * 0.6 + paper[2] * 0.1 < 110;
  const theme = colors.dark ? "dark" : "light";
  colors.sequential = ramp([paper, ...SEQUENTIAL[theme]]);
  colors.diverging = ramp([...DIVERGING[theme][0], paper, ...DIVERGING[theme][1]]);
  return colors;
}

/** The colour of a signed value on a diverging scale that ends at `top`; what is below `floor` is the page's own. */
export function signedColor(colors, value, top, floor = 0) {
  if (!Number.isFinite(value) || Math.abs(value) < floor || !(top > 0)) return cssColor(colors.diverging[128]);
  return cssColor(colors.diverging[Math.round(128 + 127 * Math.max(-1, Math.min(1, value / top)))]);
}

// Okabe and Ito's colours without yellow, which is too pale on white; drawn towards the ink for contrast.
export const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "currentColor"];
const NONE = PALETTE.length - 1; // the place that is no colour
export const inkOf = place =>
  place >= NONE ? "var(--muted)" : `color-mix(in srgb, ${PALETTE[place]} 78%, var(--ink))`;
export const washOf = place =>
  place >= NONE ? "transparent" : `color-mix(in srgb, ${PALETTE[place]} 14%, var(--paper))`;
