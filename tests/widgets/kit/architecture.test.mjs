// Pure helpers of the map of the model.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const load = path => import(pathToFileURL(`${process.env.BERTLAB_WIDGETS}/${path}.js`));
const { large, nextIn, roundUp, size } = await load("architecture/pure");

test("counts and bytes read well", () => {
  assert.deepEqual([22893116, 147456, 7].map(large), ["22.9 M", "147,456", "7"]);
  assert.deepEqual([91572464, 4600, 45000, 384, 1.2e9].map(size), ["92 MB", "4.6 kB", "45 kB", "384 bytes", "1.2 GB"]);
});

test("keys lead through a column and stop at its ends", () => {
  assert.equal(nextIn("ArrowDown", 2, 5, false), 3);
  assert.equal(nextIn("ArrowDown", 4, 5, false), 4);
  assert.equal(nextIn("ArrowUp", 0, 5, false), 0);
  assert.equal(nextIn("ArrowRight", 1, 5, false), null);
  assert.equal(nextIn("ArrowRight", 1, 5, true), 2);
  assert.equal(nextIn("ArrowLeft", 0, 5, true), null);
  assert.equal(nextIn("End", 1, 5, true), 4);
  assert.equal(nextIn("x", 1, 5, true), null);
});

test("an axis ends at a round number", () => {
  assert.deepEqual([21.3, 0.07, 100, 0].map(roundUp), [30, 0.08, 100, 1]);
});
