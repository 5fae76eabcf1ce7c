import assert from "node:assert/strict";
import { test } from "node:test";

import { ended, progress } from "../static/recording.js";
import { standing } from "../static/status.js";
import { Page, START } from "./page.js";

const recording = { from: START, to: START + 100, read: 0.5 };

test("of a recording is on the page what was read and has closed", () => {
  assert.equal(progress(recording, 0), 0);
  assert.equal(progress(recording, START + 50), 0.25);
  assert.equal(progress(recording, START + 102), 0.5);
  assert.equal(progress({ ...recording, read: 1, ended: true }, START + 50), 0.5);
  assert.equal(progress({ ...recording, read: undefined, ended: true }, START + 100), 1);
  assert.equal(progress({ ...recording, read: undefined }, START + 50), null);
  assert.equal(progress({ from: START, to: START, read: 1 }, START), 1);
});

test("a recording has ended when its last second is on the page", () => {
  assert.equal(ended(null, START), false);
  assert.equal(ended(recording, START + 100), false);
  assert.equal(ended({ ...recording, ended: true }, START + 99), false);
  assert.equal(ended({ ...recording, ended: true }, START + 100), true);
});

test("what has ended is not stale, and the page says so until other lines come", () => {
  const page = new Page({ name: "a" });
  page.run(3, { a: 1 });
  const known = { recording: { from: START, to: START + 2, read: 1, ended: true } };
  for (let i = 0; i < 60; i++) {
    page.wait(1);
    page.tell([], known);
  }
  const now = () => standing(page.model, page.model.moment(), { paused: false, cursor: null });
  assert.deepEqual(now(), { state: "live", text: "recording ended" });
  assert.equal(page.state("a").state, "value");
  page.tell();
  assert.equal(now().state, "stale");
});
