import assert from "node:assert/strict";
import { test } from "node:test";

import { fill, fit, place } from "../static/layout.js";

const cells = (...sizes) => sizes.map(([columns, rows]) => ({ columns, rows }));
const one = [1, 1], wide = [2, 1], large = [2, 2];

test("cells flow into columns", () => {
  for (const [columns, rows, ...sizes] of [
    [6, 0], [6, 1, one, one], [2, 2, one, one, one], [3, 2, large, one, one], [3, 4, large, large, one], [1, 3, large, one], [4, 1, wide, wide],
  ]) assert.equal(place(cells(...sizes), columns), rows, `${sizes.join(" ")} in ${columns} columns`);
});

test("the grid is filled where it can be", () => {
  for (const [columns, want, ...sizes] of [
    [6, "4 0", large, large], [6, "3 0", one, one, one], [6, "6 0", one, one], [6, "5 0", one, one, one, one, one],
    [3, "3 1", one, one, one, one, one], [3, "3 0", one, one, one, one], [3, "3 0", large, one, one], [1, "1 0", wide],
  ]) assert.equal(Object.values(fill(cells(...sizes), columns)).join(" "), want, `${sizes.join(" ")} in ${columns} columns`);
});

test("what can fit a window does, and nothing is smaller than can be read", () => {
  for (const [width, height] of [[390, 700], [700, 500], [1280, 720], [1440, 820], [1920, 1000], [2560, 1360], [3840, 2080]]) {
    for (const count of [1, 5, 18, 60, 200]) {
      const groups = [cells(large, wide, ...Array(count).fill(one)), cells(...Array(count).fill(one))];
      const got = fit(groups, width, height, 10);
      const what = `${2 * count + 2} panels in ${width} × ${height}: ${JSON.stringify(got)}`;
      assert.ok(got.columns >= 1 && got.height >= 86, what);
      assert.ok(Math.abs(got.columns * got.width + (got.columns - 1) * 10 - width) < 1, what);
      if (width >= 620) assert.ok(got.width >= 150, what);
      const rows = groups.reduce((n, g) => n + place(g, got.columns), 0);
      const needed = rows * got.height + (rows - groups.length) * 10 + 20;
      if (count <= 5 && width >= 1280) assert.ok(needed <= height + 1, `${what} needs ${needed}`);
    }
  }
});
