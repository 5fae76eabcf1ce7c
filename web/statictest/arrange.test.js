import assert from "node:assert/strict";
import { test } from "node:test";

import { kept, move, put, yaml } from "../static/arrange.js";
import { clock, useUTC, zoneName } from "../static/format.js";

test("panels are put before and after others, and rows that are empty go", () => {
  const rows = [["a", "b"], ["c"]];
  assert.deepEqual(put(rows, "c", "a"), [["c", "a", "b"]]);
  assert.deepEqual(put(rows, "a", "b", true), [["b", "a"], ["c"]]);
  assert.deepEqual(put(rows, "a", "a"), rows);
  assert.deepEqual(move(rows, "a", { by: 1 }), [["b", "a"], ["c"]]);
  assert.deepEqual(move(rows, "a", { by: -1 }), rows);
  assert.deepEqual(move(rows, "a", { row: 1 }), [["b"], ["a", "c"]]);
  assert.deepEqual(move(rows, "b", { row: -1 }), [["b"], ["a"], ["c"]]);
  assert.deepEqual(move(rows, "c", { row: 1 }), [["a", "b"], ["c"]]);
  assert.deepEqual(rows, [["a", "b"], ["c"]]);
});

test("pages are YAML that reads back", () => {
  assert.equal(yaml([{ title: "Site: a", rows: [["requests", "no"], ["x/y.z-1"]] }]), `pages:
  - title: "Site: a"
    rows:
      - [requests, "no"]
      - [x/y.z-1]
`);
});

test("what is kept of a page holds while the page has the same stats", () => {
  const pages = () => [{ title: "p", rows: [["a", "b"]] }];
  const with_ = (text) => {
    const all = pages();
    kept(all, text);
    return all[0].rows;
  };
  assert.deepEqual(with_('{"p":[["b"],["a"]]}'), [["b"], ["a"]]);
  for (const text of [null, "", "{", "null", '{"p":[["b"]]}', '{"p":[["b","a","c"]]}', '{"p":"x"}', '{"q":[["b"],["a"]]}']) assert.deepEqual(with_(text), [["a", "b"]], text);
});

test("times are told in UTC where that is chosen, and zones have names", () => {
  useUTC(true);
  assert.equal(clock(1_700_000_000, 1_700_000_000), "22:13:20");
  assert.equal(clock(1_700_000_000, 1_800_000_000), "2023-11-14 22:13:20");
  useUTC(false);
  assert.deepEqual([0, 7200, -12600, 20700].map(zoneName), ["UTC", "UTC+2", "UTC−3:30", "UTC+5:45"]);
});
