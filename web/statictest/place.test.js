import assert from "node:assert/strict";
import test from "node:test";

import { hashOf, placeOf } from "../static/place.js";

test("A place is what its hash says, whatever is in its parts", () => {
  for (const path of [["stat", "a/b?c#d", "300", "0", "key = 100 %, ü"], ["all"], ["find", "?"]]) {
    const hash = hashOf(path, { different: "1-2", where: "a == \"b&c\"" }, "");
    const place = placeOf(hash);
    assert.deepEqual(place.path, path);
    assert.equal(place.query.get("different"), "1-2");
    assert.equal(place.query.get("where"), "a == \"b&c\"");
  }
  assert.deepEqual(placeOf("").path, [""]);
  assert.deepEqual(placeOf("#/all").path, ["all"]);
  assert.deepEqual(placeOf("#/stat/100%").path, ["stat", "100%"]);
  assert.equal(hashOf(["all"], {}, ""), "#/all");
});

test("What is looked at alone goes along to other places, and nothing else does", () => {
  const from = hashOf(["edge"], new URLSearchParams([["only", "a=b"], ["only", "c=d"], ["lines", "1-2"]]), "");
  assert.deepEqual([...placeOf(hashOf(["all"], { where: "x" }, from)).query], [["where", "x"], ["only", "a=b"], ["only", "c=d"]]);
});
