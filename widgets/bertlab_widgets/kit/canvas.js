// Canvases that are sharp on every screen, texts that fit, and maps of numbers.

/** A canvas sized for the screen's pixels; returns its context, scaled to CSS pixels. */
export function fitCanvas(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** As much of a text as has room, with a sign that there is more. */
export function clipped(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let characters = [...text];
  while (characters.length > 1 && context.measureText(`${characters.join("")}…`).width > room) {
    characters = characters.slice(0, -1);
  }
  return `${characters.join("")}…`;
}

const IDEOGRAPHS = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]{1,2}$/u;

/** The characters of a label that stays upright where others are turned: one or two Chinese ones; else null. */
export const upright = text => (IDEOGRAPHS.test(text) ? [...text] : null);

/** A text turned by a quarter, upwards from its place; Chinese characters stand upright above each other. */
export function upwards(context, text, x, y) {
  const characters = upright(text);
  context.save();
  if (characters) {
    context.textAlign = "center";
    context.textBaseline = "bottom";
    const high = context.measureText(characters[0]).width;
    characters.reverse().forEach((character, above) => context.fillText(character, x, y - above * high));
    context.restore();
    return;
  }
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  context.textAlign = "left";
  context.fillText(text, 0, 0);
  context.restore();
}

/** Bytes (0 to 255) as a picture of `width` columns in the colours of a table: a canvas to draw from. */
export function pictureOf(raw, width, height, table) {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[raw[i]];
  const buffer = new OffscreenCanvas(width, height);
  buffer.getContext("2d").putImageData(image, 0, 0);
  return buffer;
}

/** Maximum over blocks of factor x factor: large maps keep their thin diagonals. */
export function poolMax(source, size, factor, middle = 0) {
  if (factor === 1) return { data: source, size };
  const small = Math.ceil(size / factor);
  const data = new Uint8Array(small * small).fill(middle);
  for (let y = 0; y < size; y++) {
    const row = Math.floor(y / factor) * small;
    for (let x = 0; x < size; x++) {
      const at = row + Math.floor(x / factor);
      const q = source[y * size + x];
      if (Math.abs(q - middle) > Math.abs(data[at] - middle)) data[at] = q;
    }
  }
  return { data, size: small };
}
