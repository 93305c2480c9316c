// What can be computed without a page: sums of a matrix, its strongest cell, where an arrow leads.

/** Sums of the rows and of the columns of a matrix that is given row by row. */
export function margins(cells, rows, columns) {
  const sums = { rows: new Float64Array(rows), columns: new Float64Array(columns), all: 0, most: 0 };
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = cells[i * columns + j];
      sums.rows[i] += value;
      sums.columns[j] += value;
      sums.all += value;
      sums.most = Math.max(sums.most, Math.abs(value));
    }
  }
  return sums;
}

/** The place of the largest cell among those whose row and column are not left out: [row, column]. */
export function strongest(cells, rows, columns, leftOut = [[], []]) {
  const [without, across] = leftOut.map(list => new Set(list));
  let best = null;
  for (let i = 0; i < rows; i++) {
    if (without.has(i)) continue;
    for (let j = 0; j < columns; j++) {
      if (across.has(j)) continue;
      if (!best || cells[i * columns + j] > cells[best[0] * columns + best[1]]) best = [i, j];
    }
  }
  return best;
}

/** Where an arrow key leads from a cell; null where it is none of the four. */
export function nextCell([row, column], key, rows, columns) {
  const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
  if (!moves[key]) return null;
  const clamp = (value, count) => Math.max(0, Math.min(count - 1, value));
  return [clamp(row + moves[key][0], rows), clamp(column + moves[key][1], columns)];
}

/** The positions of the strip that stand for a row and a column; `marks[position]` is [row, column]. */
export function positionsOf(marks, row, column) {
  const found = [];
  marks.forEach(([r, c], i) => {
    if ((row !== null && r === row) || (column !== null && c === column)) found.push(i);
  });
  return found;
}

/** How many rows and columns are shown, and which, round the chosen ones: {first, count} of a side. */
export function stretch(count, room, least, chosen) {
  const most = Math.max(3, Math.floor(room / least));
  if (count <= most) return { first: 0, count };
  const first = Math.max(0, Math.min(count - most, (chosen ?? 0) - Math.floor(most / 2)));
  return { first, count: most };
}
