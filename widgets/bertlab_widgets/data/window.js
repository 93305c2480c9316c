// Which rows of a long list are in sight. Pure: no element is touched here.

const TALLEST = 8_000_000; // pixels; browsers draw nothing far beyond this

/**
 * The rows in sight, with a few around: {height, first, last, top(i)}; lists taller than browsers take are squeezed.
 */
export function windowOf({ count, rowHeight, scrollTop, room, around = 6 }) {
  const full = count * rowHeight;
  const height = Math.min(full, TALLEST);
  const scrollable = Math.max(1, height - room);
  const share = full > height ? (full - room) / scrollable : 1; // how far a pixel of scrolling leads
  const at = Math.min(scrollTop, scrollable) * share;
  const first = Math.max(0, Math.floor(at / rowHeight) - around);
  const last = Math.min(count, Math.ceil((at + room) / rowHeight) + around);
  return { height, first, last, top: i => i * rowHeight - at + Math.min(scrollTop, scrollable) };
}

/** Where to scroll so that row `i` is in sight: as little as possible. */
export function scrollFor(i, { count, rowHeight, scrollTop, room }) {
  const full = count * rowHeight;
  const height = Math.min(full, TALLEST);
  const share = full > height ? (full - room) / Math.max(1, height - room) : 1;
  const at = scrollTop * share;
  const wanted = Math.max(Math.min(at, i * rowHeight), (i + 1) * rowHeight - room);
  return Math.max(0, Math.min(height - room, wanted / share));
}

/** The first rows of the pages that hold `first` to `last`. */
export function pagesOf(first, last, page) {
  const pages = [];
  for (let start = Math.floor(first / page) * page; start < last; start += page) pages.push(start);
  return pages;
}

/** The cells of a matrix as rows of counts, from [[row, column, count], ...]. */
export function grid(cells, height, width) {
  const rows = Array.from({ length: height }, () => new Array(width).fill(0));
  for (const [row, column, count] of cells) if (row < height && column < width) rows[row][column] = count;
  return rows;
}
