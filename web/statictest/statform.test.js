import assert from "node:assert/strict";
import test from "node:test";

import { entryOf, formOf, freeName, wrongIn } from "../static/statform.js";

test("A form is one entry of YAML, of what its kind has", () => {
  for (const [form, want] of [
    [{ kind: "count", name: "errors", where: "status >= 500", by: "path", over: "5m", warn: "3", field: "left over" }, "{name: errors, count: lines, by: path, where: \"status >= 500\", over: 5m, warn: 3}"],
    [{ kind: "rate", name: "r", by: "path, host", unit: "/s" }, "{name: r, rate: second, by: [path, host], unit: /s}"],
    [{ kind: "quantiles", name: "ms", field: "x: y", crit: "1e3" }, "{name: ms, quantiles: \"x: y\", crit: 1000}"],
    [{ kind: "sum", name: "sum", field: "bytes" }, "{name: sum, sum: bytes}"],
    [{ kind: "ratio", name: "share", above: "errors", below: "all", where: "left over", over: "1s" }, "{name: share, ratio: [errors, all]}"],
  ]) {
    assert.equal(wrongIn(form, []), "");
    assert.equal(entryOf(form), want);
  }
});

test("What is missing or cannot be is said", () => {
  assert.match(wrongIn({ kind: "count", name: "a b" }, []), /letters/);
  assert.match(wrongIn({ kind: "count", name: "a" }, ["a"]), /already/);
  assert.match(wrongIn({ kind: "sum", name: "a" }, []), /field/);
  assert.match(wrongIn({ kind: "ratio", name: "a", above: "b" }, []), /two stats/);
  assert.match(wrongIn({ kind: "count", name: "a", over: "60" }, []), /unit/);
  assert.match(wrongIn({ kind: "count", name: "a", warn: "x" }, []), /number/);
});

test("A form begins with what a field proposes, under a name that is free", () => {
  assert.deepEqual(formOf("{name: \"ms\", quantiles: \"ms\", by: \"a, b\"}"), { kind: "quantiles", name: "ms", by: "a, b", where: "", field: "ms" });
  assert.deepEqual(formOf("- {name: paths, count: lines, by: path}"), { kind: "count", name: "paths", by: "path", where: "" });
  assert.equal(formOf("{name: \"different-ids\", unique: \"ids\"}"), null);
  assert.equal(freeName("$env[\"a b\"]", []), "env-a-b");
  assert.equal(freeName("a", ["a", "a-2"]), "a-3");
  assert.equal(freeName("é", []), "stat");
});
