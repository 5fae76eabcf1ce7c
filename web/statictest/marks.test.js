import assert from "node:assert/strict";
import { test } from "node:test";

import { told } from "../static/marks.js";
import { Page, START } from "./page.js";

const at = (second) => new Date(second * 1000).toISOString();

test("marks come with messages, all that there are, and are forgotten with other definitions", () => {
  const page = new Page({ name: "a" });
  const changed = page.tell([], { marks: { marks: [{ time: at(START), name: "deploy", text: "v1" }], more: 2 } });
  assert.equal(changed.size, 1);
  assert.deepEqual([page.model.marks.map((m) => m.second), page.model.moreMarks], [[START], 2]);
  page.tell();
  assert.equal(page.model.marks.length, 1);
  page.configure();
  assert.equal(page.model.marks.length, 0);
});

test("the marks near a second are told, the nearest first, and not all of many", () => {
  const marks = [-40, -3, 0, 2, 3, 4, 90].map((by) => ({ second: START + by, name: "n", text: String(by), lines: 1 }));
  const lines = told(marks, { pixel: 1 }, START + 1, START);
  assert.equal(lines.length, 5);
  assert.match(lines[0], /n \u2068(0|2)\u2069$/);
  assert.equal(lines.at(-1), "and 1 more");
  assert.deepEqual(told(marks, { pixel: 1 }, START + 50, START), []);
});
