// Pure helpers of the layers panel. The folder of bertlab_widgets is given in BERTLAB_WIDGETS.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const pure = await import(pathToFileURL(`${process.env.BERTLAB_WIDGETS}/layers/pure.js`));

test("a unit has room for the points of every layer, and is the same in both directions", () => {
  const paths = [
    [0.5, -1],
    [2, 0],
  ];
  assert.equal(pure.unitOf(paths, 400, 300), 100);
  assert.equal(pure.unitOf(paths, 400, 100), 50);
});

test("labels do not cover each other, and the chosen one is always shown", () => {
  const points = Array.from({ length: 30 }, () => ({ x: 100, y: 100, label: "word" }));
  const kept = points.map((_, i) => i === 29);
  const placed = pure.placeLabels(points, { width: 200, height: 200, size: 11, kept });
  assert.ok(placed[29]);
  assert.ok(placed.filter(Boolean).length <= 4);
});

test("a label at the edge turns inwards", () => {
  const [place] = pure.placeLabels([{ x: 195, y: 50, label: "words" }], {
    width: 200,
    height: 100,
    size: 11,
    kept: [true],
  });
  assert.equal(place.anchor, "end");
});

test("a sentence is parted by characters, not by code units", () => {
  assert.deepEqual(pure.inThree({ text: "🍕 bank.", start: 2, end: 6 }), ["🍕 ", "bank", "."]);
});

test("only a whole word is found", () => {
  assert.deepEqual(pure.wordIn("🍕 riverbank, Bank", "bank"), { start: 13, end: 17 });
  assert.equal(pure.wordIn("banks", "bank"), null);
});
