import assert from "node:assert/strict";
import test from "node:test";

import { chipText, chipsOf, chipsOfKey, conditionOf, isOf, keep } from "../static/narrow.js";

const by = { name: "s", by: ["endpoint", "method"], shape: "keyed" };

test("Chips are read from a URL as they were written", () => {
  const chips = [{ field: "endpoint", value: "/a=b&c" }, { field: "method", value: "" }];
  const query = new URLSearchParams(chips.map((c) => ["only", chipText(c)]));
  assert.deepEqual(chipsOf(new URLSearchParams(query.toString())), chips);
  assert.deepEqual(chipsOf(new URLSearchParams("only=nothing&only==x&only=")), []);
});

test("The condition of chips is one of the definitions' language", () => {
  assert.equal(conditionOf([]), "");
  assert.equal(conditionOf([{ field: "endpoint", value: "/a\"b" }, { field: "a-b", value: "500" }, { field: "ok", value: "true" }]),
    "endpoint == \"/a\\\"b\" && $env[\"a-b\"] == \"500\" && (ok == true || ok == \"true\")");
});

test("A key is of chips of its fields, and of no others", () => {
  assert.deepEqual(chipsOfKey({ by: ["endpoint"] }, "/a,b"), [{ field: "endpoint", value: "/a,b" }]);
  assert.equal(chipsOfKey(by, "/a,b,GET"), null);
  assert.ok(isOf(by, "/cart,GET", [{ field: "method", value: "GET" }]));
  assert.ok(!isOf(by, "/cart,GET", [{ field: "method", value: "GET" }, { field: "endpoint", value: "/" }]));
  assert.ok(!isOf(by, "/cart,GET", [{ field: "host", value: "GET" }]));
});

test("Of a value those keys are kept, and what was not kept is told from none", () => {
  const value = { top: [{ key: "/cart,GET", value: 3 }, { key: "/cart,PUT", value: 2 }, { key: "/,GET", value: 1 }], other: 9, distinct: 7 };
  assert.deepEqual(keep(by, value, [{ field: "endpoint", value: "/cart" }]), { value: { top: value.top.slice(0, 2), other: null, distinct: 2 }, lost: false });
  assert.equal(keep(by, value, [{ field: "endpoint", value: "/other" }]).lost, true);
  assert.equal(keep(by, { ...value, distinct: 3 }, [{ field: "endpoint", value: "/other" }]).lost, false);
  assert.deepEqual(keep(by, null, []), { value: null, lost: false });
  assert.deepEqual(keep(by, undefined, []), { value: undefined, lost: false });
});
