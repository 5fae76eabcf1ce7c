import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOCKLESS, NOTHING, OUTSIDE, UNKNOWN, VALUE, ceiling, sample } from "../static/chart.js";
import { Columns, Seconds, stepFor } from "../static/history.js";
import { Series } from "../static/model.js";

test("a chart of any length has columns enough, and not too many", () => {
  assert.deepEqual([300, 3600, 3601, 86400, 7 * 86400, 31 * 86400].map(stepFor), [1, 1, 60, 60, 600, 1800]);
});

test("each second is known, nothing, without a clock, unknown, or outside", () => {
  const s = new Series({ name: "a" }, 300);
  s.put(103, 7);
  s.put(104, null);
  s.gap(106, 108);
  s.put(109, 5);
  s.cover(109, 44);
  s.estimate(103, 0.01);
  const { kinds, numbers, hollow } = sample(s, 101, 112, 110);
  assert.deepEqual([...kinds], [OUTSIDE, OUTSIDE, VALUE, NOTHING, UNKNOWN, CLOCKLESS, CLOCKLESS, CLOCKLESS, VALUE, UNKNOWN, OUTSIDE, OUTSIDE]);
  assert.equal(numbers[2], 7);
  assert.deepEqual([...hollow], [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  const points = new Seconds(s);
  assert.deepEqual(points.at(103), { value: 7, covered: null, error: 0.01 });
  assert.deepEqual(points.at(109), { value: 5, covered: 44, error: 0 });
  assert.deepEqual(points.at(107), { clockless: true, before: false });
  assert.deepEqual(points.at(105), { clockless: false, before: false });
  assert.deepEqual(points.at(102), { clockless: false, before: true });
});

test("columns keep the least and the greatest", () => {
  const at = (t) => new Date(t * 1000).toISOString();
  const c = new Columns([
    { time: at(600), seconds: 60, min: 1, max: 9, last: 2 }, { time: at(660), seconds: 3, min: null, max: null, last: null },
    { time: at(720), seconds: 0, clockless: 60, min: null, max: null, last: null }, { time: at(840), seconds: 10, uncovered: 3, max: 4, min: null, last: 4 },
  ], 60);
  const { kinds, numbers, lows, from, step, hollow } = c.sample(570, 959, 900, (v) => v);
  assert.deepEqual([from, step], [540, 60]);
  assert.deepEqual([...kinds], [OUTSIDE, VALUE, NOTHING, CLOCKLESS, UNKNOWN, VALUE, UNKNOWN]);
  assert.deepEqual([numbers[1], lows[1], numbers[5], lows[5]], [9, 1, 4, 4]);
  assert.deepEqual([...hollow], [0, 0, 0, 0, 0, 1, 0]);
  assert.deepEqual(c.at(659), { value: 9, low: 1, min: 1, max: 9, last: 2, seconds: 60, uncovered: 0 });
  assert.deepEqual(c.at(725), { clockless: true, before: false });
  assert.deepEqual(c.at(10_000), { clockless: false, before: false });
  assert.deepEqual(c.at(500), { clockless: false, before: true });
});

test("columns of quantiles have the value of all their numbers", () => {
  const at = (t) => new Date(t * 1000).toISOString();
  const min = { 0.5: 1 }, max = { 0.5: 90 }, last = { 0.5: 40 }, value = { 0.5: 3 };
  const c = new Columns([{ time: at(600), seconds: 60, min, max, last, value, numbers: 7 }, { time: at(660), seconds: 20, min, max, last }], 60);
  const { numbers, lows } = c.sample(600, 719, 700, (v) => v[0.5]);
  assert.deepEqual([...numbers], [3, 90]);
  assert.deepEqual([...lows], [3, 1]);
  assert.deepEqual(c.at(610), { value, min, max, last, seconds: 60, uncovered: 0 });
  assert.deepEqual(c.at(660), { value: max, low: min, min, max, last, seconds: 20, uncovered: 0 });
});

test("an axis ends at a round number", () => {
  assert.deepEqual([0, 0.7, 1, 1.1, 97, 101, 4200].map(ceiling), [1, 0.8, 1, 1.25, 100, 125, 5000]);
});
