// Pure helpers of the similarity matrix and of hidden states. The folder of bertlab_widgets is in BERTLAB_WIDGETS.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const load = path => import(pathToFileURL(`${process.env.BERTLAB_WIDGETS}/${path}.js`));
const pure = await load("similarity/pure");
const layers = await load("kit/layers");

test("the sums of rows and columns are those of the matrix", () => {
  const sums = pure.margins([1, 2, -3, 4, 5, 6], 2, 3);
  assert.deepEqual([...sums.rows], [0, 15]);
  assert.deepEqual([...sums.columns], [5, 7, 3]);
  assert.equal(sums.all, 15);
  assert.equal(sums.most, 6);
});

test("the strongest cell leaves special tokens out", () => {
  assert.deepEqual(pure.strongest([9, 1, 2, 3, 4, 5], 2, 3, [[0], [2]]), [1, 1]);
  assert.equal(pure.strongest([1], 1, 1, [[0], []]), null);
});

test("arrows stay inside the matrix", () => {
  assert.deepEqual(pure.nextCell([0, 2], "ArrowRight", 2, 3), [0, 2]);
  assert.deepEqual(pure.nextCell([0, 2], "ArrowDown", 2, 3), [1, 2]);
  assert.equal(pure.nextCell([0, 2], "Enter", 2, 3), null);
});

test("a cell is the tokens of its row and of its column", () => {
  assert.deepEqual(
    pure.positionsOf(
      [
        [0, -1],
        [1, -1],
        [1, -1],
        [-1, 0],
        [-1, 1],
      ],
      1,
      1,
    ),
    [1, 2, 4],
  );
});

test("the stretch of a long side holds what is chosen", () => {
  assert.deepEqual(pure.stretch(10, 200, 11), { first: 0, count: 10 });
  assert.deepEqual(pure.stretch(100, 110, 11, 50), { first: 45, count: 10 });
  assert.deepEqual(pure.stretch(100, 110, 11, 99), { first: 90, count: 10 });
});

test("the last hidden state stays the last one, and others keep their number", () => {
  assert.equal(layers.stateAt(-1, 7), 6);
  assert.equal(layers.stateAt(99, 7), 6);
  assert.equal(layers.stateValue(6, 7), -1);
  assert.equal(layers.stateValue(2, 7), 2);
  assert.equal(layers.stateName(0, 7), "embeddings");
  assert.equal(layers.stateName(6, 7), "layer 5, the last");
});

test("an axis holds every value and ends in tenths", () => {
  assert.deepEqual(layers.axisRange([0.2, 0.9]), [0, 1]);
  assert.deepEqual(layers.axisRange([-0.13, Number.NaN]), [-0.2, 1]);
});

test("a missing value is a gap in the line", () => {
  const same = value => value;
  assert.equal(layers.pathThrough([1, null, 3, 4], same, same), "M0.0,1.0M2.0,3.0L3.0,4.0");
});
