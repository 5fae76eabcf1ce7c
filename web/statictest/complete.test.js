import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { completions, placeIn, schemasAt, statsIn, yamlText } from "../static/complete.js";

const schema = JSON.parse(readFileSync(new URL("../../stats/schema.json", import.meta.url)));
const fields = [{ field: "status", types: ["number"], top: [{ value: "200" }, { value: "500" }] }, { field: "path", types: ["text"], top: [{ value: "/cart" }] }, { field: "x-id", types: ["text"], top: [] }];

/** What is offered at the mark | of a text. */
const offered = (text) => completions(text.replace("|", ""), text.indexOf("|"), schema, fields).all.map((o) => o.text);

/** A text after an offer is taken at its mark. */
const taken = (text, name) => {
  const plain = text.replace("|", "");
  const { from, to, all } = completions(plain, text.indexOf("|"), schema, fields);
  return plain.slice(0, from) + all.find((o) => o.text === name).insert + plain.slice(to);
};

test("A place of YAML is known by its keys", () => {
  const at = (text) => {
    const place = placeIn(text.replace("|", ""), text.indexOf("|"));
    return place && `${place.path.join(".")} ${place.key ? "key" : "value"} ${place.word}`;
  };
  for (const [text, want] of [
    ["|", " key "], ["sta|", " key sta"], ["lateness: |", "lateness value "],
    ["stats:\n  - |", "stats.- key "], ["stats:\n- na|", "stats.- key na"], ["stats:\n  - name: a\n    ra|", "stats.- key ra"],
    ["stats:\n  - name: a\n    rate: sec|", "stats.-.rate value sec"], ["stats:\n  - {na|", "stats.- key na"],
    ["stats:\n  - {name: a, rate: |", "stats.-.rate value "], ["stats:\n  - {name: a,\n     rate: second, wh|", "stats.- key wh"],
    ["stats:\n  - {name: a, by: [p|", "stats.-.by.- value p"], ["stats:\n  - {name: a, by: [p], |", "stats.- key "],
    ["stats:\n  - {name: \"a: {b\", |", "stats.- key "], ["stats: # all {\n  - |", "stats.- key "], ["stats:\n  # na|", null],
    ["stats:\n  - {name: a}\npages:\n  - title: x\n    rows: [[a, |", "pages.-.rows.-.- value "],
    ["pages:\n  - rows:\n      - [a|", "pages.-.rows.-.- value a"], ["stats:\n  - name: a\n    help: |", "stats.-.help value "],
    ["define:\n  bad: >-\n    status|", null], ["define:\n  bad: >-\n    x\n  wo|", "define key wo"],
    ["stats:\r\n  - name: a\r\n    ra|", "stats.- key ra"], ["alerts:\n- name: a\n  when: er|", "alerts.-.when value er"],
  ]) assert.equal(at(text), want, JSON.stringify(text));
});

test("Keys and values come from the schema, and a kind leaves out what does not go with it", () => {
  assert.ok(offered("|").includes("stats"));
  assert.ok(!offered("stats: []\n|").includes("stats"));
  const keys = offered("stats:\n  - {|");
  for (const key of ["name", "rate", "quantiles", "where"]) assert.ok(keys.includes(key), key);
  const more = offered("stats:\n  - {name: a, quantiles: ms, |");
  assert.ok(more.includes("at") && !more.includes("name") && !more.includes("count") && !more.includes("buckets"), more.join(" "));
  assert.deepEqual(offered("stats:\n  - {name: a, rate: |"), ["second", "minute"]);
  assert.deepEqual(offered("stats:\n  - {name: a, rate: mi|"), ["minute"]);
  assert.equal(offered("stats:\n  - {name: a, over: |")[0], "10s");
  assert.ok(schemasAt(schema, ["stats", "-", "rate"])[0].description.includes("per second"));
  assert.equal(taken("stats:\n  - {na|", "name"), "stats:\n  - {name: ");
});

test("Fields, their values and stats are offered where they may stand", () => {
  assert.deepEqual(offered("stats:\n  - {name: a, sum: |"), ["status", "path", "x-id"]);
  assert.deepEqual(offered("stats:\n  - {name: a, count: lines, by: [pa|"), ["path"]);
  assert.equal(taken("stats:\n  - {name: a, where: st|", "status"), "stats:\n  - {name: a, where: status");
  assert.equal(taken("stats:\n  - {name: a, where: x|", "$env[\"x-id\"]"), "stats:\n  - {name: a, where: $env[\"x-id\"]");
  assert.deepEqual(offered("stats:\n  - {name: a, where: status == 5|"), ["500"]);
  assert.deepEqual(offered("stats:\n  - {name: a, where: \"path == |"), ["'/cart'"]);
  assert.deepEqual(offered("stats:\n  - {name: a, where: path == |"), ["\"/cart\""]);
  assert.equal(taken("stats:\n  - {name: a, where: status > 1 and pa|", "path"), "stats:\n  - {name: a, where: status > 1 and path");
  assert.deepEqual(offered("stats:\n  - {name: errors, count: lines}\n  - {name: all, count: lines}\n  - {name: share, ratio: [er|"), ["errors"]);
  assert.deepEqual(offered("stats:\n  - {name: errors, count: lines}\npages:\n  - {title: a, rows: [[|"), ["errors"]);
  assert.deepEqual(statsIn("stats:\n  - name: a\n  - {name: \"b c\", x: 1}\n- {over: 1s, name: d}"), ["a", "b c", "d"]);
});

test("A text is quoted where YAML would read it as something else", () => {
  for (const [text, want] of [["a-b", "a-b"], ["", "\"\""], ["true", "\"true\""], ["1", "\"1\""], ["a: b", "\"a: b\""], ["a, b", "\"a, b\""], ["it's \"x\"", "\"it's \\\"x\\\"\""], ["# no", "\"# no\""]]) assert.equal(yamlText(text), want);
});

test("A large file takes no time worth noting, and half a file is no error", () => {
  const text = "stats:\n" + "  - {name: a, rate: second, where: \"status >= 500\"} # all\n".repeat(4000);
  assert.equal(placeIn(text + "  - {na", text.length + 7).word, "na");
  const odd = "a: {b: [c, \"d\\\"\ne: 'f\n- - x\n\t- y: |\n  z\n}]:,";
  for (let i = 0; i <= odd.length; i++) completions(odd, i, schema, fields);
});
