// Pure helpers of the kit and the panels. The folder of bertlab_widgets is given in BERTLAB_WIDGETS.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const load = path => import(pathToFileURL(`${process.env.BERTLAB_WIDGETS}/${path}.js`));
const numbers = await load("kit/numbers");
const canvas = await load("kit/canvas");
const strip = await load("kit/strip");
const { standaloneModel } = await load("kit/standalone");
const heads = await load("heads/pure");
const tokens = await load("tokens/source");
const { moved } = await load("app/app");

test("probabilities read as Python writes them", () => {
  for (const [p, text] of JSON.parse(process.env.BERTLAB_PERCENTS)) assert.equal(numbers.percent(p), text);
});

test("numbers never show an exponent, and have a real minus", () => {
  assert.equal(numbers.number(-0.61461), "−0.615");
  assert.equal(numbers.number(3.4028e-5), "0.000034");
  assert.equal(numbers.number(123456), "123456");
  assert.equal(numbers.number(-Infinity), "−∞");
  assert.equal(numbers.number(null), "–");
});

test("the threshold lets at most so many strokes through, strongest first", () => {
  const histogram = new Uint32Array(256);
  histogram[250] = 10;
  histogram[100] = 20;
  histogram[40] = 1000;
  assert.equal(heads.strokeThreshold(histogram, 30, 20), 41);
  assert.equal(heads.strokeThreshold(histogram, 5000, 20), 20);
  assert.equal(heads.strokeThreshold(histogram, 15, 20), 101);
});

test("pooling keeps a thin diagonal", () => {
  const size = 8,
    map = new Uint8Array(size * size);
  for (let i = 0; i < size; i++) map[i * size + i] = 200;
  const pooled = canvas.poolMax(map, size, 4);
  assert.equal(pooled.size, 2);
  assert.deepEqual([...pooled.data], [200, 0, 0, 200]);
});

test("pooling of signed maps keeps what is farthest from the middle", () => {
  assert.deepEqual([...canvas.poolMax(Uint8Array.from([128, 130, 20, 140]), 2, 2, 128).data], [20]);
});

test("a label of one or two Chinese characters stays upright, every other one is turned", () => {
  assert.deepEqual(canvas.upright("今"), ["今"]);
  assert.deepEqual(canvas.upright("巴黎"), ["巴", "黎"]);
  for (const text of ["it", "[CLS]", "##的", "。a", "三个字", ""]) assert.equal(canvas.upright(text), null);
  const drawn = [];
  const context = {
    save() {},
    restore() {},
    translate() {},
    rotate: angle => drawn.push(angle),
    measureText: () => ({ width: 12 }),
    fillText: (...text) => drawn.push(text),
  };
  canvas.upwards(context, "巴黎", 40, 90);
  assert.deepEqual(drawn.splice(0), [
    ["黎", 40, 90],
    ["巴", 40, 78],
  ]); // read from the top down
  canvas.upwards(context, "it", 40, 90);
  assert.deepEqual(drawn, [-Math.PI / 2, ["it", 0, 0]]);
});

test("arrows stop at the edge of the grid", () => {
  assert.deepEqual(heads.neighbour(0, 0, "ArrowUp", 6, 12), [0, 0]);
  assert.deepEqual(heads.neighbour(5, 11, "ArrowRight", 6, 12), [5, 11]);
  assert.deepEqual(heads.neighbour(2, 3, "ArrowDown", 6, 12), [3, 3]);
});

test("heads are averaged, hidden tokens left out, rows refilled", () => {
  const half = Math.round(255 * Math.sqrt(0.5)),
    maps = [Uint8Array.from([255, 0, half, half]), Uint8Array.from([0, 255, half, half])];
  const near = (a, b) => a.forEach((x, i) => assert.ok(Math.abs(x - b[i]) < 0.01, `${a} ${b}`));
  near([...heads.combine(maps, 2, numbers.WEIGHT, [true, true], false)], [0.5, 0.5, 0.5, 0.5]);
  near([...heads.combine(maps, 2, numbers.WEIGHT, [false, true], false)], [0, 0, 0, 0.5]);
  near([...heads.combine(maps, 2, numbers.WEIGHT, [false, true], true)], [0, 0, 0, 1]);
});

test("a weight survives its journey as one byte to within a third of a percent", () => {
  for (const w of [0, 0.001, 0.02, 0.33, 0.71, 1])
    assert.ok(Math.abs(numbers.WEIGHT[Math.round(255 * Math.sqrt(w))] - w) < 0.004);
});

test("characters outside the first plane are counted as Python counts them", () => {
  const rows = [{ word: null }, { word: 0, segment: 0, start: 0, end: 1 }, { word: 1, segment: 0, start: 2, end: 4 }];
  assert.deepEqual(tokens.cover("🍕 ab", rows, 0), [1, null, 2, 2]);
});

test("a page without a kernel answers with what was computed beforehand", async () => {
  const model = standaloneModel(
    { masked: [], view: 1 },
    { "code:{}": { result: "x = 1" } },
    { "masked:[2]": { view: { $bytes: "AQI=" } } },
  );
  const seen = [];
  model.on("change:view", () => seen.push([...model.get("view")]));
  model.set("masked", [2]);
  model.save_changes();
  assert.deepEqual(seen, [[1, 2]]);
  const reply = await new Promise(resolve => {
    model.on("msg:custom", resolve);
    model.send({ id: 7, call: "code", args: {} });
  });
  assert.deepEqual(reply, { id: 7, result: "x = 1" });
});

test("a patch may change one entry of a trait and leave the others", () => {
  const model = standaloneModel({ path: "", view: { a: 1, b: 2 } }, {}, { 'path:"x"': { "view.b": 3 } });
  model.set("path", "x");
  model.save_changes();
  assert.deepEqual(model.get("view"), { a: 1, b: 3 });
});

test("a difference of probabilities is told in points, with its sign", () => {
  assert.equal(numbers.percent(1.2345), "123 %");
  assert.equal(numbers.points(0.0312), "+3.1 points");
  assert.equal(numbers.points(-0.5), "−50 points");
});

test("labels that would overlap are put beside each other, inside the box", () => {
  assert.deepEqual(numbers.spread([10, 11, 50], 5, 100), [10, 15, 50]);
  assert.deepEqual(numbers.spread([98, 99], 5, 100), [95, 100]);
});

test("axes have round values", () => {
  assert.deepEqual(numbers.ticks(1, 4), [0, 0.5, 1]);
  assert.deepEqual(numbers.ticks(0), [0]);
});

test("a click selects a token alone, a second one lets it go, shift adds", () => {
  assert.deepEqual(strip.picked([2], 3, false), [3]);
  assert.deepEqual(strip.picked([3], 3, false), []);
  assert.deepEqual(strip.picked([5], 3, true), [3, 5]);
  assert.deepEqual(strip.picked([3, 5], 3, true), [5]);
});

test("arrows go round the tabs, Home and End to the first and the last", () => {
  assert.deepEqual(
    ["ArrowRight", "ArrowLeft", "Home", "End"].map(key => moved(key, 2, 3)),
    [0, 1, 0, 2],
  );
  assert.equal(moved("ArrowLeft", 0, 3), 2);
  assert.equal(moved("x", 1, 3), null);
});
