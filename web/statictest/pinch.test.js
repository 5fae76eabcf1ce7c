import assert from "node:assert/strict";
import { test } from "node:test";

import { pinched } from "../static/pinch.js";

test("the seconds under two fingers stay under them", () => {
  assert.deepEqual(pinched([100, 200], [100, 200], 300), [0, 300]);
  assert.deepEqual(pinched([100, 200], [50, 250], 300), [75, 225]); // apart: closer
  assert.deepEqual(pinched([100, 200], [100, 150], 300), [-100, 500]); // together: further
  assert.equal(pinched([100, 200], [100, 100], 300), null);
});
