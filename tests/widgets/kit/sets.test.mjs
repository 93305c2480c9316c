// Which rows of a long list are in sight.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const load = path => import(pathToFileURL(`${process.env.BERTLAB_WIDGETS}/${path}.js`));
const { windowOf, scrollFor, pagesOf, grid } = await load("data/window");

const ROOM = { rowHeight: 27, room: 300 };

test("of many rows a few are in sight, each in its place", () => {
  const seen = windowOf({ count: 1000, scrollTop: 2700, ...ROOM });
  assert.equal(seen.height, 27000);
  assert.ok(seen.first <= 100 && seen.last >= 112 && seen.last - seen.first < 30);
  assert.equal(seen.top(100), 2700);
  assert.deepEqual(
    [windowOf({ count: 3, scrollTop: 0, ...ROOM })].map(({ first, last }) => [first, last]),
    [[0, 3]],
  );
  assert.equal(windowOf({ count: 0, scrollTop: 0, ...ROOM }).last, 0);
});

test("a list that is taller than browsers draw is squeezed, and its last row can be reached", () => {
  const count = 5_000_000;
  const top = windowOf({ count, scrollTop: 0, ...ROOM });
  assert.equal(top.height, 8_000_000);
  assert.equal(top.first, 0);
  const end = windowOf({ count, scrollTop: top.height - ROOM.room, ...ROOM });
  assert.equal(end.last, count);
  assert.ok(Math.abs(end.top(count - 1) + ROOM.rowHeight - top.height) < 1);
});

test("scrolling to a row goes as little as it must", () => {
  const place = { count: 1000, scrollTop: 2700, ...ROOM };
  assert.equal(scrollFor(101, place), 2700);
  assert.equal(scrollFor(50, place), 1350);
  assert.equal(scrollFor(200, place), 201 * 27 - 300);
  assert.equal(scrollFor(0, { ...place, count: 2 }), 0);
});

test("pages begin at multiples of their size", () => {
  assert.deepEqual(pagesOf(40, 120, 50), [0, 50, 100]);
  assert.deepEqual(pagesOf(50, 100, 50), [50]);
  assert.deepEqual(pagesOf(0, 0, 50), []);
});

test("cells become a matrix, and what lies outside of it is left out", () => {
  assert.deepEqual(
    grid(
      [
        [0, 1, 5],
        [1, 0, 2],
        [9, 9, 1],
      ],
      2,
      2,
    ),
    [
      [0, 5],
      [2, 0],
    ],
  );
});
