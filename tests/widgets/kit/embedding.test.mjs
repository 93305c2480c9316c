// Pure helpers of the panel of the embeddings.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const load = path => import(pathToFileURL(`${process.env.BERTLAB_WIDGETS}/${path}.js`));
const { addedIn, cosineOf, stacked } = await load("embedding/pure");

test("shares lie behind each other, negative ones to the left", () => {
  const pieces = stacked([
    ["word", 0.75],
    ["position", -0.25],
    ["token_type", 0.5],
  ]);
  assert.deepEqual(pieces, [
    ["word", 0, 0.75],
    ["position", -0.25, 0],
    ["token_type", 0.75, 1.25],
  ]);
});

test("a model without position vectors adds two parts", () => {
  assert.deepEqual(addedIn({ word: 1, token_type: 2, sum: 3 }), ["word", "token_type"]);
});

test("a cosine comes back from its byte", () => {
  assert.deepEqual([255, 128, 1, 0].map(cosineOf), [1, 0, -1, -1]);
});
