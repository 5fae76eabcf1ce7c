import assert from "node:assert/strict";
import test from "node:test";

import { joined } from "../static/draft.js";
import { both } from "../static/explain.js";
import { formatText, statText } from "../static/fields.js";
import { columnsOf } from "../static/lines.js";

test("Columns are the fields of most lines, a dozen at most", () => {
  assert.deepEqual(columnsOf([{ fields: { b: 1, a: 2 } }, { fields: { a: 3, c: 0 } }, { text: "" }]), ["a", "b", "c"]);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, i]));
  assert.equal(columnsOf([{ fields: many }]).length, 12);
});

test("Two conditions hold together, whatever they are", () => {
  assert.equal(both("", "a == 1"), "a == 1");
  assert.equal(both("b == 2 && c", "a == 1"), "b == 2 && c && a == 1");
  assert.equal(both("b == 2 || c", "a == 1"), "(b == 2 || c) && a == 1");
});

test("What begins a stat or a format is YAML", () => {
  assert.equal(statText("{name: \"ms\", quantiles: \"ms\"}"), "stats:\n  - {name: \"ms\", quantiles: \"ms\"}\n");
  assert.equal(formatText("it's <f1>"), "formats:\n  - {name: NAME, pattern: 'it''s <f1>'}\n");
});

test("A stat is begun in the list that there is", () => {
  const more = statText("{name: x}");
  assert.equal(joined("", more), more);
  assert.equal(joined("lateness: 2s", more), "lateness: 2s\nstats:\n  - {name: x}\n");
  assert.equal(joined("stats:\n- name: a\n  rate: second\n", more), "stats:\n- {name: x}\n- name: a\n  rate: second\n");
  assert.equal(joined("define:\n  a: b\nstats:\n  # all\n\n    - {name: a}\n", more), "define:\n  a: b\nstats:\n  # all\n\n    - {name: x}\n    - {name: a}\n");
});
