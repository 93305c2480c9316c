// What can be computed without a page: names, neighbours in the grid, which lines are worth drawing, means of maps.

export const headName = (layer, head) => `${layer}.${head}`;
export const sameHead = ([a, b], layer, head) => a === layer && b === head;

/** A token inside a sentence, for `marked`; as `quoted` in panel/words.py writes it. */
export const quoted = token => `\`${token.replaceAll("`", "ˋ")}\``;

/** The smallest byte value to draw so that at most `limit` of the counted weights are drawn. */
export function strokeThreshold(histogram, limit, least) {
  let count = 0;
  let q = 255;
  for (; q >= least; q--) {
    count += histogram[q];
    if (count > limit) return q + 1;
  }
  return least;
}

/** Of [row, key, q, weight, ...] the places of each row's strongest entry, and of those that are nearly as strong. */
export function strongestOf(candidates, share = 0.6) {
  const best = new Map();
  for (let c = 0; c < candidates.length; c += 4) {
    best.set(candidates[c], Math.max(best.get(candidates[c]) ?? 0, candidates[c + 2]));
  }
  const kept = new Set();
  for (let c = 0; c < candidates.length; c += 4) {
    const most = best.get(candidates[c]);
    const q = candidates[c + 2];
    if (q === most || (q > 80 && q ** 2 > share * most ** 2)) kept.add(c);
  }
  return kept;
}

/** Where an arrow key leads in the grid. */
export function neighbour(layer, head, key, layers, heads) {
  const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
  const [down, right] = moves[key] || [0, 0];
  return [Math.min(layers - 1, Math.max(0, layer + down)), Math.min(heads - 1, Math.max(0, head + right))];
}

/** Mean of several heads' byte maps, as weights; `visible[j]` false leaves key j out, `renormalise` refills rows. */
export function combine(maps, size, table, visible, renormalise) {
  const weights = new Float32Array(size * size);
  const share = 1 / maps.length;
  for (const map of maps) for (let i = 0; i < weights.length; i++) weights[i] += table[map[i]] * share;
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let j = 0; j < size; j++) {
      if (!visible[j] || !visible[row]) weights[row * size + j] = 0;
      sum += weights[row * size + j];
    }
    if (renormalise && sum > 0) for (let j = 0; j < size; j++) weights[row * size + j] /= sum;
  }
  return weights;
}

/** The stretch of `count` places out of `total` with `middle` in its middle: [first, behind the last]. */
export function windowAround(middle, count, total) {
  const first = Math.max(0, Math.min(total - count, middle - Math.floor(count / 2)));
  return [first, Math.min(total, first + count)];
}
