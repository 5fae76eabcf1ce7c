import assert from "node:assert/strict";
import { test } from "node:test";

import { brief, clock, coverage, exact, fine, isolated, marksOfTime, noneIn, percent, quantile, reach, short, span, split, tick, timeUnit, visible, within } from "../static/format.js";

test("a figure has three significant digits, and two at least of a small one", () => {
  for (const [v, want, fractional] of [
    [0, "0"], [7, "7"], [999, "999"], [-3, "−3"], [null, "–"], [undefined, "–"],
    [8.987, "8.99"], [82.15, "82.2"], [15345, "15.3k"], [999.7, "1.00k"], [1e6, "1.00M"], [123456789, "123M"], [-1500, "−1.50k"],
    [0.5, "0.500"], [0.05, "0.050"], [0.004, "0.0040"], [0.00012, "0.00012"], [0.00999, "0.0100"],
    [5e-7, "5.0e−7"], [-5e-7, "−5.0e−7"], [2e18, "2.0e18"],
    [7, "7.00", true], [0, "0", true], [0.5, "0.50", true], [0.004, "0.0040", true], [0.041, "0.041", true],
  ]) assert.equal(brief(v, fractional), want, `${v}`);
});

test("nothing but zero reads as zero", () => {
  for (let e = -300; e < 300; e += 3) {
    for (const v of [1.4 * 10 ** e, -9.6 * 10 ** e]) {
      for (const text of [brief(v), brief(v, true), exact(v), short(v)]) assert.match(text, /[1-9]/, `${v} reads ${text}`);
    }
  }
});

test("an axis has no zeros that say nothing", () => {
  assert.deepEqual([2500, 15000, 0.5, 100, 0, 0.005].map(short), ["2.5k", "15k", "0.5", "100", "0", "0.005"]);
});

test("a number in full", () => {
  assert.deepEqual([1234567.25, 0.1, null, 2e-9].map(exact), ["1,234,567.25", "0.1", "none", "2.0e−9"]);
});

test("the unit of bytes takes the suffix", () => {
  assert.deepEqual(split(8930000, "B/s"), ["8.93", "MB/s"]);
  assert.deepEqual(split(8930000, "bytes"), ["8.93", "MB"]);
  assert.deepEqual(split(8930000, "/s"), ["8.93M", "/s"]);
  assert.deepEqual(split(12, "B"), ["12", "B"]);
  assert.deepEqual(split(null, "ms"), ["–", "ms"]);
});

test("a time is in the unit in which it is short", () => {
  for (const [v, unit, want] of [
    [4420, "ms", ["4.42", "s"]], [5e-7, "s", ["0.500", "µs"]], [0.0004, "s", ["0.400", "ms"]], [2e-11, "s", ["0.020", "ns"]],
    [1.5e9, "ns", ["1.50", "s"]], [250000, "us", ["0.250", "s"]], [-1500, "ms", ["−1.50", "s"]],
    [0, "ms", ["0", "ms"]], [999, "ms", ["999", "ms"]], [0.05, "s", ["0.050", "s"]], [15345, "s", ["15.3k", "s"]], [4420, "m", ["4.42k", "m"]], [4420, "ms/s", ["4.42k", "ms/s"]],
  ]) assert.deepEqual(split(v, unit), want, `${v} ${unit}`);
  assert.deepEqual(timeUnit(null, "ms"), ["ms", 1]);
});

test("a unit of time stays while the figure is not half of it, and a scale has it too", () => {
  const seconds = timeUnit(1010, "ms");
  assert.deepEqual(split(985, "ms", false, timeUnit(985, "ms", seconds)), ["0.985", "s"]);
  assert.deepEqual(timeUnit(499, "ms", seconds), ["ms", 1]);
  assert.deepEqual(timeUnit(1010, "ms", ["ms", 1]), ["s", 1000]);
  assert.deepEqual([tick(2000, "ms"), tick(500, "ms"), tick(17000, "/s"), tick(0, "ms"), tick(0.5, "%")], ["2 s", "500", "17k", "0", "0.5"]);
});

test("a tip has six digits, and all of what is whole", () => {
  assert.deepEqual([3.123456789, 14233.5678, 123456789, 0.000123456789, 0, 5e-9, null].map(fine), ["3.12346", "14,233.6", "123,456,789", "0.000123457", "0", "5.0e−9", "none"]);
});

test("only nothing is 0 %, and only all is 100 %", () => {
  assert.deepEqual([0, 0.0001, 0.004, 0.0949, 0.0996, 0.42, 0.994, 0.9961, 0.99999, 1].map(percent),
    ["0 %", "< 0.1 %", "0.4 %", "9.5 %", "10 %", "42 %", "99 %", "99.6 %", "> 99.9 %", "100 %"]);
});

test("of a long window nothing is told in its unit", () => {
  assert.deepEqual([60, 86400, 30 * 86400].map(noneIn), ["none in 60 s", "none in 24 h", "none in 30 d"]);
});

test("when summer ends an hour is told from the one before, and marks of time stay round", () => {
  const { TZ } = process.env;
  process.env.TZ = "Europe/Berlin";
  const autumn = Date.parse("2026-10-25T01:00:00Z") / 1000, spring = Date.parse("2026-03-29T01:00:00Z") / 1000;
  try {
    assert.equal(clock(autumn - 1800, autumn + 3600), "02:30:00 UTC+2");
    assert.equal(clock(autumn + 1800, autumn + 3600), "02:30:00");
    const marks = (at, step, hours) => [...marksOfTime(at - hours * 3600, at + hours * 3600, step)].map((s) => clock(s, s).slice(0, 5));
    assert.deepEqual(marks(autumn, 3600, 2), ["01:00", "02:00", "02:00", "03:00", "04:00"]);
    assert.deepEqual(marks(autumn, 7200, 5), ["22:00", "00:00", "02:00", "04:00", "06:00"]);
    assert.deepEqual(marks(spring, 7200, 5), ["22:00", "00:00", "03:00", "04:00", "06:00", "08:00"]);
    assert.deepEqual(marks(autumn, 86400, 48), ["00:00", "00:00", "00:00", "00:00"]);
    assert.deepEqual(marks(spring, 86400, 48), ["00:00", "00:00", "00:00", "00:00"]);
  } finally {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  }
});

test("lengths of time", () => {
  assert.deepEqual([-3, 0.4, 99, 100, 5999, 6000, 48 * 3600 - 1, 48 * 3600, 5000 * 86400].map(span),
    ["0 s", "0 s", "99 s", "2 min", "100 min", "2 h", "48 h", "2 d", "5,000 d"]);
});

test("a second has its date if it is not of the last half day", () => {
  const noon = new Date(2026, 10, 22, 12, 0, 5).getTime() / 1000;
  assert.equal(clock(noon, noon + 60), "12:00:05");
  assert.equal(clock(noon, noon + 12 * 3600), "2026-11-22 12:00:05");
  assert.equal(clock(noon, noon - 86400), "2026-11-22 12:00:05");
});

test("names of quantiles", () => {
  assert.deepEqual([0.5, 0.95, 0.999, 0.07, 1].map(quantile), ["p50", "p95", "p99.9", "p7", "p100"]);
});

test("how sure a number is", () => {
  assert.deepEqual([[44, 60], [299, 300], [5400, 86400], [86399, 86400], [0, 90000], [3 * 86400 + 59, 30 * 86400], [86460, 36 * 3600]].map(([covered, over]) => coverage(covered, over)),
    ["44 of 60 s", "299 of 300 s", "1.5 of 24 h", "23.9 of 24 h", "0 of 25 h", "3 of 30 d", "24 of 36 h"]);
  assert.deepEqual([10, 70, 3600, 7200, 86400, 259200].map(reach), ["10 s", "70 s", "3600 s", "2 h", "24 h", "3 d"]);
  assert.deepEqual([0.006, 0.0065, 0.0163, 0.2, 0.01].map(within), ["±0.6 %", "±0.65 %", "±1.63 %", "±20 %", "±1 %"]);
});

test("what a log has does not hide, or turn what is around it", () => {
  assert.equal(visible("a\x00\x1b[31m\n\x7f\x85\u202eb\u200bc\ufeff"), "a␀␛[31m␊␡‹0085›‹202E›b‹200B›c‹FEFF›");
  const others = "/cart?q=1 é 日本 عربي 👩‍💻";
  assert.equal(visible(others), others);
  assert.equal(isolated("عربي\u2069"), "\u2068عربي‹2069›\u2069");
});
