import assert from "node:assert/strict";
import { test } from "node:test";

import { measures, scaled } from "../static/value.js";

const keyed = { top: [{ key: "a", value: 3 }, { key: "b", value: null }], other: 9, distinct: 7 };
const quantiles = { top: [{ key: "a", value: { 0.5: 1, 0.9: 2.5 } }], other: { 0.5: 7, 0.9: 8 }, distinct: 2 };
const histogram = { le: [1, 2], counts: [3, 4, 5] };

test("the numbers of a value that are in the stat's unit", () => {
  for (const [stat, value, want] of [
    [{ shape: "number" }, 7, [7]], [{ shape: "number" }, 0, [0]], [{ shape: "number" }, null, []], [{ shape: "number" }, undefined, []],
    [{ shape: "quantiles" }, { 0.5: 1, 0.99: null }, [1]],
    [{ shape: "keyed", key_shape: "number" }, keyed, [3]], [{ shape: "keyed", key_shape: "quantiles" }, quantiles, [1, 2.5]],
    [{ shape: "histogram" }, histogram, []], [{ shape: "counts" }, { in: 3, late: 1 }, []],
  ]) assert.deepEqual(measures(stat, value), want, JSON.stringify([stat, value]));
});

test("a scale is of all of them, and of nothing else", () => {
  const scale = 100;
  for (const [stat, value, want] of [
    [{ shape: "number", scale }, 0.07, 7], [{ shape: "number", scale }, 0.014, 1.4], [{ shape: "number", scale }, null, null],
    [{ shape: "number" }, 0.07, 0.07],
    [{ shape: "keyed", key_shape: "number", scale }, keyed, { top: [{ key: "a", value: 300 }, { key: "b", value: null }], other: 900, distinct: 7 }],
    [{ shape: "keyed", key_shape: "quantiles", scale }, quantiles, { top: [{ key: "a", value: { 0.5: 100, 0.9: 250 } }], other: { 0.5: 700, 0.9: 800 }, distinct: 2 }],
    [{ shape: "histogram", scale }, histogram, histogram],
  ]) assert.deepEqual(scaled(stat, value), want, JSON.stringify([stat, value]));
});
