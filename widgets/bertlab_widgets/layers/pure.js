// What can be computed without a page: the frame of a cloud, labels that do not cover each other, parts of a sentence.

/** The pixels of a unit with which the points of every layer have room, alike in both directions. */
export function unitOf(paths, width, height) {
  const most = [1e-9, 1e-9];
  for (const layer of paths) {
    layer.forEach((value, i) => {
      most[i % 2] = Math.max(most[i % 2], Math.abs(value));
    });
  }
  return Math.min(width / 2 / most[0], height / 2 / most[1]);
}

/** Where each label goes, {x, y, anchor} in the order given: null where there is no room; `kept` ones always go. */
export function placeLabels(points, { width, height, size, kept }) {
  const boxes = points.map(({ x, y }) => [x - 4, y - 4, x + 4, y + 4]);
  const free = box => {
    const inside = box[0] >= 0 && box[2] <= width && box[1] >= 0 && box[3] <= height;
    return (
      inside &&
      boxes.every(other => box[2] <= other[0] || box[0] >= other[2] || box[3] <= other[1] || box[1] >= other[3])
    );
  };
  const order = points.map((_, i) => i).sort((a, b) => Number(kept[b]) - Number(kept[a]) || a - b);
  const placed = points.map(() => null);
  for (const i of order) {
    const { x, y, label } = points[i];
    const wide = [...label].reduce((sum, letter) => sum + (letter.codePointAt(0) > 0x2e7f ? 1 : 0.62) * size, 0);
    const choices = [
      [x + 7, y, "start", [x + 6, y - size / 2, x + 7 + wide, y + size / 2]],
      [x - 7, y, "end", [x - 7 - wide, y - size / 2, x - 6, y + size / 2]],
      [x, y - size, "middle", [x - wide / 2, y - 1.5 * size, x + wide / 2, y - 0.5 * size]],
      [x, y + size, "middle", [x - wide / 2, y + 0.5 * size, x + wide / 2, y + 1.5 * size]],
    ];
    const best = choices.find(([, , , box]) => free(box)) ?? (kept[i] ? choices[0] : null);
    if (!best) continue;
    placed[i] = { x: best[0], y: best[1], anchor: best[2] };
    boxes.push(best[3]);
  }
  return placed;
}

/** A sentence in three parts, the middle one its token. */
export function inThree({ text, start, end }) {
  const letters = [...text]; // characters as Python counts them
  return [letters.slice(0, start).join(""), letters.slice(start, end).join(""), letters.slice(end).join("")];
}

/** The place of a word in a sentence as {start, end}; null where it is not. */
export function wordIn(text, word) {
  const letters = "[\\p{L}\\p{N}_]";
  const found = new RegExp(`(?<!${letters})${word}(?!${letters})`, "iu").exec(text);
  if (!found) return null;
  const start = [...text.slice(0, found.index)].length;
  return { start, end: start + [...found[0]].length };
}
