import assert from "node:assert/strict";
import { test } from "node:test";

import { Series, apart, level, levelOf } from "../static/model.js";
import { Page, START } from "./page.js";

test("a true zero and the value of nothing are values", () => {
  const page = new Page({ name: "a" }, { name: "b" });
  assert.deepEqual(page.state("a"), { state: "empty", why: "nothing yet" });
  page.run(2, { a: 0, b: null });
  assert.equal(page.state("a").state, "value");
  assert.equal(page.state("b").state, "value");
  assert.equal(page.model.series.get("a").at(START + 1), 0);
  assert.equal(page.model.series.get("b").at(START + 1), null);
  assert.equal(page.model.series.get("a").at(START + 2), undefined);
});

test("points of a second may come together, from a place on", () => {
  const page = new Page({ name: "a" }, { name: "b" }, { name: "c" });
  page.run(1, { a: 1, b: 2, c: 3 });
  page.wait(2);
  const changed = page.tell([["c", START + 2, null, START + 1]], { seconds: [[START + 1, 0, 4, null], [START + 2, 1, 5]] });
  assert.deepEqual([...changed].map((s) => s.stat.name).sort(), ["a", "b", "c"]);
  const at = (name, second) => page.model.series.get(name).at(second);
  assert.deepEqual([at("a", START + 1), at("a", START + 2), at("b", START + 1), at("b", START + 2)], [4, undefined, null, 5]);
});

test("what has not closed in time is unknown, the last known value held, and who is behind is told", () => {
  const page = new Page({ name: "a" });
  page.run(5, { a: 7 });
  for (let i = 0; i < 3; i++) {
    page.wait(1);
    page.clocks = [page.at, START + 5, page.at]; // partition 1 stops
    page.tell();
    assert.equal(page.state("a").state, "value", `${i + 1} s on`);
  }
  page.wait(1);
  page.clocks = [page.at, START + 5, page.at];
  page.tell();
  assert.deepEqual(page.state("a"), { state: "unknown", held: START + 4, note: "partition 1 behind", why: "partition 1 is 4 s behind" });
  page.run(1, { a: 8 });
  assert.equal(page.state("a").state, "value");
});

test("who is behind", () => {
  const page = new Page({ name: "a" });
  page.run(1, { a: 1 });
  page.wait(20);
  const told = (clocks, ingesters) => {
    [page.clocks, page.ingesters] = [clocks, ingesters];
    page.tell();
    const { who, brief, why } = page.model.behind(START, page.model.moment());
    return [who, brief, why];
  };
  const now = page.at, then = START + 1;
  assert.deepEqual(told([now, now, now]), ["the merger", "the merger", "the merger of this stat is 20 s behind"]);
  assert.deepEqual(told([then, then, now]), ["partitions 0, 1", "partitions 0, 1", "partitions 0, 1: the last is 20 s behind"]);
  assert.deepEqual(told([then, then, then, then, now]), ["4 partitions", "4 partitions", "4 partitions: the last is 20 s behind"]);
  assert.deepEqual(told([-1, now]), ["partition 0", "partition 0", "partition 0 has no ingester yet"]);
  assert.deepEqual(told([then, then], ["web-1"]), ["ingester web-1", "web-1", "all partitions: the log of ingester web-1 is 20 s behind"]);
  assert.deepEqual(told([then, then], ["a", "b"]), ["ingesters a, b", "ingesters a, b", "all partitions: the log of ingesters a, b is 20 s behind"]);
  assert.deepEqual(told([then, then]), ["all partitions", "all partitions", "all partitions: the log is 20 s behind"]);
});

test("without a clock all is stale", () => {
  const page = new Page({ name: "a" });
  page.run(3, { a: 7 });
  for (let i = 0; i < 12; i++) {
    page.wait(1);
    page.tell();
  }
  assert.equal(page.model.moment().stale, 0);
  page.wait(1);
  page.tell();
  assert.equal(page.model.moment().stale, START + 3);
  assert.deepEqual(page.state("a"), { state: "stale", why: "" });
});

test("a gap in the clocks is a stale interval", () => {
  const page = new Page({ name: "a" });
  page.run(2, { a: 7 });
  page.wait(30);
  page.clocks = page.clocks.map(() => page.at);
  page.tell([["a", page.at - 1, null, START + 2]]);
  const series = page.model.series.get("a");
  assert.deepEqual(page.state("a"), { state: "stale", why: "no ingester" });
  assert.deepEqual([START + 1, START + 2, page.at - 1].map((s) => series.clockless(s)), [false, true, true]);
});

test("a connection that is lost makes what follows unknown, and the last value is held", () => {
  const page = new Page({ name: "a" });
  page.run(3, { a: 7 });
  page.model.connected = false;
  page.wait(3);
  assert.equal(page.state("a").state, "value");
  page.wait(1);
  assert.deepEqual(page.state("a"), { state: "unknown", held: START + 2, note: "not connected", why: "not connected" });
  assert.equal(page.model.moment().lost, START + 3);
  page.wait(3600);
  assert.equal(page.state("a").held, START + 2);
});

test("a recording of another time is shown as it goes", () => {
  const page = new Page({ name: "a" });
  for (let i = 0; i < 5; i++) {
    page.wait(1);
    page.clocks = [1_000_000 + i, 1_000_000 + i];
    page.tell([["a", 1_000_000 + i - 1, i]]);
  }
  const moment = page.model.moment();
  assert.ok(moment.past);
  assert.equal(moment.edge, 1_000_003);
  assert.equal(page.state("a").state, "value");
});

test("the server's clock is that of the least delayed message", () => {
  const page = new Page({ name: "a" });
  const now = page.at;
  for (const delay of [0.3, 0.05, 0.8]) page.tell([], { now: now + 100 - delay });
  assert.equal(page.model.now().toFixed(2), (now + 99.95).toFixed(2));
});

test("a clock that is set is not averaged with what it was", () => {
  const page = new Page({ name: "a" });
  page.run(40, { a: 1 });
  const at = page.at;
  page.model.clock.date = () => (page.at + 3600) * 1000; // the browser's, not the server's
  assert.equal(page.state("a").note, "not connected");
  page.run(1, { a: 2 });
  assert.equal(Math.round(page.model.now()), at + 1);
  assert.equal(page.state("a").state, "value");
});

test("after sleep the last value is held until the server is heard of, and is no recording", () => {
  const page = new Page({ name: "a" });
  page.run(20, { a: 1 });
  page.at += 3600; // the other clock stands still meanwhile
  const { past, lost } = page.model.moment();
  assert.equal(past, false);
  assert.equal(lost, page.at - 3600);
  assert.deepEqual([page.state("a").state, page.state("a").held], ["unknown", page.at - 3601]);
  page.clocks = page.clocks.map(() => page.at);
  page.tell([["a", page.at - 1, 2]]);
  assert.equal(page.state("a").state, "value");
});

test("history comes in runs, and changes after it", () => {
  const page = new Page({ name: "a" }, { name: "b" });
  page.configure({ history: [["a", START - 2, null], ["a", START - 9, 1, 2.5], ["a", START - 5, { stale: START - 3 }]] });
  const a = page.model.series.get("a");
  assert.deepEqual([-10, -9, -8, -7, -4, -3, -2, -1].map((s) => a.at(START + s)), [undefined, 1, 2.5, undefined, undefined, null, null, undefined]);
  assert.ok(a.clockless(START - 4) && a.fractional);
  const changed = page.tell([["a", START - 8, 3], ["b", START - 1, 9]]);
  assert.deepEqual([...changed].map((s) => s.stat.name), ["a", "b"]);
  assert.equal(a.at(START - 8), 3);
  assert.equal(page.model.newest, START - 1);
  assert.equal(page.tell([["nothing", START, 1]]).size, 0);
});

test("a series keeps its window and forgets what is before", () => {
  const s = new Series({ name: "a" }, 300);
  for (let t = START; t < START + 1000; t++) s.put(t, t);
  assert.equal(s.at(START + 999), START + 999);
  assert.equal(s.at(START + 999 - 300), START + 699);
  assert.equal(s.at(START), undefined);
  s.put(START + 10, 5); // too old
  assert.equal(s.at(START + 10), undefined);
});

test("a paused page stands still", () => {
  const page = new Page({ name: "a" });
  page.run(3, { a: 7 });
  const frozen = page.model.freeze(), { edge } = frozen.moment();
  page.run(30, { a: 8 });
  assert.equal(frozen.moment().edge, edge);
  assert.equal(frozen.series.get("a").at(START + 20), undefined);
  assert.equal(page.model.series.get("a").at(START + 20), 8);
});

test("levels: the worst number counts, and of a reversed stat low values are the trouble", () => {
  const number = { shape: "number", warn: 10, crit: 20 }, reversed = { shape: "number", warn: 10, crit: 5, reversed: true };
  for (const [stat, value, want] of [
    [number, 9.9, ""], [number, 10, "warn"], [number, 19.9, "warn"], [number, 20, "crit"], [number, null, ""],
    [reversed, 11, ""], [reversed, 10, "warn"], [reversed, 5, "crit"],
    [{ shape: "number" }, 1e9, ""], [{ shape: "number", warn: 0 }, 0, "warn"],
    [{ shape: "quantiles", crit: 900 }, { 0.5: 40, 0.99: 950 }, "crit"], [{ shape: "quantiles", crit: 900 }, { 0.5: null, 0.99: 80 }, ""],
    [{ ...number, shape: "keyed", key_shape: "number" }, { top: [{ key: "a", value: 3 }, { key: "b", value: 12 }], other: 99, distinct: 500 }, "warn"],
    [{ ...number, shape: "keyed", key_shape: "quantiles" }, { top: [{ key: "a", value: { 0.5: 1, 0.9: 25 } }], other: null, distinct: 1 }, "crit"],
    [{ ...number, shape: "histogram" }, { le: [1, 2], counts: [90, 90, 90] }, ""],
    [{ ...number, shape: "counts" }, { in: 100 }, ""],
  ]) assert.equal(level(stat, value), want, JSON.stringify([stat, value]));
});

test("a ratio in percent is a hundred times what the server has, and so are its thresholds", () => {
  const page = new Page({ name: "a", kind: "ratio", unit: "%", scale: 100, warn: 0.05, crit: 0.07 });
  page.configure({ history: [["a", START - 2, 0.01, null]] });
  page.run(1, { a: 0.07 });
  const series = page.model.series.get("a");
  assert.deepEqual([-2, -1, 0].map((s) => series.at(START + s)), [1, null, 7]);
  assert.equal(level(series.stat, series.at(START)), "crit");
  assert.deepEqual([series.stat.warn, series.stat.crit], [5, 7]);
});

test("the page learns whether the definitions are others", () => {
  const page = new Page({ name: "a", scale: 100, warn: 1 });
  assert.equal(page.configure(), false);
  assert.equal(page.configure({ version: "h" }), true);
  assert.equal(page.configure({ version: "h", stats: [{ ...page.stats[0], warn: 2 }] }), true);
});

test("how sure a point is comes beside it, until it comes again", () => {
  const page = new Page({ name: "a", over: 60 }, { name: "b" });
  page.configure({ history: [["a", START - 3, 1, 2, 3], ["b", START - 3, 1]], covered: [["a", START - 3, 42, 43]], approx: [["b", START - 3, 0.006]] });
  const a = page.model.series.get("a"), b = page.model.series.get("b");
  assert.deepEqual([-3, -2, -1].map((s) => a.covered(START + s)), [42, 43, null]);
  assert.deepEqual([b.covered(START - 3), b.error(START - 3), a.error(START - 3)], [null, 0.006, 0]);
  const changed = page.tell([["a", START - 2, 5], ["b", START, 7]], { covered: [[1, START, 0], [0, START - 700, 5]] });
  assert.deepEqual([...changed], [a, b]);
  assert.deepEqual([a.covered(START - 2), b.covered(START), a.covered(START - 700)], [null, 0, null]);
});

test("what was not understood stays until it is told anew", () => {
  const page = new Page({ name: "a" }, { name: "b" });
  const [a, b] = page.model.series.values();
  assert.deepEqual([...page.tell([], { notes: [[0, "one"], [0, "two"]] })], [a]);
  assert.deepEqual(page.model.notes.get("a"), ["one", "two"]);
  page.tell([["a", START, 1]]);
  assert.equal(page.model.notes.size, 1);
  assert.deepEqual([...page.tell([], { notes: [[1, "three"]] })], [a, b]);
  assert.deepEqual([...page.model.notes], [["b", ["three"]]]);
  page.configure();
  assert.equal(page.model.notes.size, 0);
});

test("an uncovered number alarms from half of its window on, and low ones not before all", () => {
  const stat = { shape: "number", over: 60, warn: 10, crit: 20 }, reversed = { ...stat, warn: 10, crit: 5, reversed: true };
  const month = { ...stat, over: 30 * 86400 }, budget = { ...reversed, kind: "slo", over: 30 * 86400 };
  for (const [its, value, covered, want] of [
    [stat, 25, null, "crit"], [stat, 25, 59, "crit"], [stat, 12, 30, "warn"], [stat, 25, 29, ""], [stat, 25, 0, ""],
    [reversed, 1, null, "crit"], [reversed, 1, 59, ""], [reversed, 11, 59, ""],
    [month, 25, 86399, ""], [month, 25, 86400, "crit"], [budget, 1, 86400, "crit"], [budget, 1, 86399, ""], [{ ...month, reversed: true }, 1, 86400, ""],
  ]) assert.equal(level(its, value, covered), want, `${value} of ${covered} s`);
});

test("while history is to come a stat without a point is loading", () => {
  const page = new Page({ name: "a" }, { name: "b" });
  page.model.configure({ type: "config", window: 300, timing: { clockless: 12, late_over: 10, late_share: 0.05, unreadable_over: 60 }, version: "g", pages: [], stats: page.stats, ...page.head() });
  assert.equal(page.state("a").why, "loading");
  const changed = page.model.past({ type: "history", history: [[1, START - 2, 1, 2]], ...page.head() });
  assert.deepEqual([...changed].map((s) => s.stat.name), ["b"]);
  assert.deepEqual([page.state("a").why, page.state("b").state, page.model.newest], ["loading", "value", START - 1]);
  page.model.past({ type: "history", history: [], last: true, ...page.head() });
  assert.equal(page.state("a").why, "nothing yet");
});

test("Stats with equal titles are told apart by their names", () => {
  const titles = (...stats) => apart(stats).map((s) => s.title);
  assert.deepEqual(titles({ name: "a", title: "time" }, { name: "b", title: "time" }, { name: "c", title: "other" }), ["time · a", "time · b", "other"]);
  assert.deepEqual(titles({ name: "time", title: "time" }, { name: "b", title: "time" }), ["time", "time · b"]);
});

test("A number has the level of the threshold that it is past", () => {
  assert.deepEqual([5, 10, 20, null].map((v) => levelOf({ warn: 10, crit: 20 }, v)), ["", "warn", "crit", ""]);
  assert.deepEqual([5, 10, 20].map((v) => levelOf({ warn: 10, crit: 5, reversed: true }, v)), ["crit", "warn", ""]);
});
