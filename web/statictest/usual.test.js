import assert from "node:assert/strict";
import { test } from "node:test";

import { findTrouble, nextTurn } from "../static/trouble.js";
import { Usual, times } from "../static/usual.js";
import { Page, START } from "./page.js";

const known = (days, ...minutes) => ({ from: new Date((START - START % 60 - 300) * 1000).toISOString(), days: 7, stats: [{ stat: "a", days, minutes }] });

test("a value is told as so many times of what is usual", () => {
  assert.deepEqual([[23, 10], [100, 10], [4, 10], [0.3, 10], [10.1, 10], [5, 0], [0, 5], [0.01, 5], [-3, 5]].map(([v, u]) => times(v, u).text),
    ["2.3 × usual", "10 × usual", "0.4 × usual", "0.03 × usual", "", "usually 0", "0 × usual", "< 0.01 × usual", "usually of the other sign"]);
  assert.deepEqual([[19, 10], [20, 10], [6, 10], [5, 10]].map(([v, u]) => times(v, u).far), [false, true, false, true]);
});

test("what is within the band of the days is usual; of fewer days it says so, and nothing is far", () => {
  let news = 0;
  const usual = new Usual(() => { news++; });
  const stat = { name: "a", shape: "number" };
  assert.equal(usual.compare(stat, START, 5).text, "");
  assert.equal(usual.enough, false);
  usual.take(known(7, ...Array(10).fill([5, 10, 30])));
  assert.equal(news, 1);
  assert.equal(usual.enough, true);
  assert.deepEqual([usual.compare(stat, START, 29), usual.compare(stat, START, 40), usual.compare(stat, START, null)],
    [{ text: "", far: false }, { text: "4.0 × usual", far: true }, { text: "", far: false }]);
  assert.equal(usual.compare({ ...stat, scale: 100 }, START, 4000).text, "4.0 × usual");
  assert.equal(usual.compare({ ...stat, shape: "quantiles" }, START, { 0.5: 9, 0.99: 40 }).text, "4.0 × usual");
  usual.take(known(2, ...Array(10).fill([5, 10, 30])));
  assert.deepEqual(usual.compare(stat, START, 40), { text: "4.0 × usual of 2 days", far: false });
  assert.equal(usual.enough, false);
  usual.take(known(1, [1, 1, 1], null));
  assert.equal(usual.of(stat, START), null);
});

test("trouble is what is past a threshold or far from usual, the newest first", () => {
  const page = new Page({ name: "a" }, { name: "b", warn: 10, crit: 20 }, { name: "c", crit: 5 }, { name: "d" });
  page.run(10, { a: 1, b: 25, c: 1, d: 1 });
  page.model.usual = new Usual(() => {});
  page.model.usual.take(known(7, ...Array(16).fill([1, 1, 2])));
  page.run(3, { a: 9, b: 25, c: 1, d: 1 });
  page.run(2, { a: 9, b: 12, c: 7, d: 1 });
  const found = findTrouble(page.model, page.model.moment());
  assert.deepEqual(found.map(({ name, since, level, usual }) => [name, since - START, level, usual]), [["c", 13, "crit", ""], ["a", 10, "", "9.0 × usual"], ["b", 0, "warn", ""]]);
});

test("on a wall the pages with something critical take turns, and only they", () => {
  const pages = [{ rows: [["a"]] }, { rows: [["b"], ["c"]] }, { rows: [["d"]] }];
  const turns = (critical, from) => {
    const seen = [];
    for (let i = 0, at = from; i < 4; i++) seen.push(at = nextTurn(pages, at, new Set(critical)));
    return seen;
  };
  assert.deepEqual(turns([], 0), [1, 2, 0, 1]);
  assert.deepEqual(turns(["c"], 2), [1, 1, 1, 1]);
  assert.deepEqual(turns(["a", "d"], 1), [2, 0, 2, 0]);
});
