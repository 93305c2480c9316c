// The pure helpers of the maps, of cut edges, of the game and of the ranks.
import assert from "node:assert/strict";
import test from "node:test";
import { roundTop } from "../../../widgets/bertlab_widgets/compare/heads.js";
import { crossedOut } from "../../../widgets/bertlab_widgets/intervene/edges.js";
import { exchangedTokens, shareOf } from "../../../widgets/bertlab_widgets/intervene/patch.js";
import { extent } from "../../../widgets/bertlab_widgets/intervene/prune.js";
import { sorted } from "../../../widgets/bertlab_widgets/intervene/reasons.js";
import { score } from "../../../widgets/bertlab_widgets/intervene/switches.js";
import { shades, stepped } from "../../../widgets/bertlab_widgets/kit/cells.js";

test("arrows stay within the map, other keys are none", () => {
  assert.deepEqual(stepped([0, 0], "ArrowUp", 3, 5), [0, 0]);
  assert.deepEqual(stepped([2, 4], "ArrowRight", 3, 5), [2, 4]);
  assert.deepEqual(stepped([1, 1], "ArrowDown", 3, 5), [2, 1]);
  assert.equal(stepped([1, 1], "x", 3, 5), null);
});

test("shades of signed values are symmetric round the middle, unknown ones are it", () => {
  assert.deepEqual([...shades([-2, -1, 0, 1, 2, null], 1, true)], [1, 1, 128, 255, 255, 128]);
  assert.deepEqual([...shades([0, 0.25, 1, 3], 1, false)], [0, 64, 255, 255]);
  assert.deepEqual([...shades([0, 0.25, 1], 1, false, true)], [0, 128, 255]);
});

test("an effect is a share with its sign", () => {
  assert.equal(shareOf(0.94), "94 %");
  assert.equal(shareOf(-0.2), "−20 %");
  assert.equal(shareOf(-1e-7), "< 0.001 %");
  assert.equal(shareOf(1.31), "131 %");
});

test("exchanged tokens are those of the text, whatever stands at the columns of the map", () => {
  const tokens = [{ text: "the" }, { text: "keys" }];
  const view = { differs: [1], columns: ["0", "1"], corrupt_tokens: ["the", "key"] };
  assert.deepEqual(exchangedTokens(view, tokens), [["keys", "key"]]);
  assert.deepEqual(exchangedTokens({}, tokens), []);
});

test("edges of all heads are crossed out in each of them, those of one head in it alone", () => {
  const cut = [
    [0, -1, 1, 2],
    [0, 3, 4, 5],
    [1, 3, 6, 7],
  ];
  assert.deepEqual(crossedOut(cut, 0, 3), [
    [1, 2],
    [4, 5],
  ]);
  assert.deepEqual(crossedOut(cut, 0, 2), [[1, 2]]);
  assert.deepEqual(crossedOut(cut, 0, -1), [[1, 2]]);
});

test("the score of the game is said against par", () => {
  assert.equal(score({ off: 0, par: null }), "0 switches · par is being sought");
  assert.equal(score({ off: 1, par: 2 }), "1 switch · par 2");
  assert.equal(score({ off: 2, par: 2, broken: true }), "Broken with 2 switches · par");
  assert.equal(score({ off: 1, par: 2, broken: true }), "Broken with 1 switch · 1 under par!");
  assert.equal(score({ off: 5, par: 2, broken: true }), "Broken with 5 switches · 3 over par");
  assert.equal(score({ off: 1, par: null, given_up: true }), "1 switch · no par: the greedy player gave up");
});

test("a curve of probabilities begins at 0, another one has room round it", () => {
  assert.deepEqual(extent([[0.5, 0.2], [0.1]], true), [0, 0.5]);
  const [low, high] = extent([[-1, -3]], false);
  assert.ok(low < -3 && high > -1);
  assert.deepEqual(extent([[2, 2]], false), [1.5, 2.5]);
});

test("ranks are sorted by a method, or stand in the order of the text", () => {
  const rows = [
    { place: 0, ranks: [2, 1] },
    { place: 1, ranks: [1, 1] },
  ];
  const methods = [["attention"], ["effect"]];
  assert.deepEqual(
    sorted(rows, methods, "attention").map(row => row.place),
    [1, 0],
  );
  assert.deepEqual(
    sorted(rows, methods, "effect").map(row => row.place),
    [0, 1],
  );
  assert.deepEqual(
    sorted(rows, methods, "place").map(row => row.place),
    [0, 1],
  );
});

test("a scale of shares ends at the next round value", () => {
  assert.equal(roundTop([0.01, Number.NaN]), 0.05);
  assert.equal(roundTop([0.44]), 0.5);
  assert.equal(roundTop([0.9]), 1);
  assert.equal(roundTop([]), 0.05);
});
