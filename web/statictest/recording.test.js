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

test("while stats of a recording are apart each is as of its own second, and it has ended when all have come to its end", () => {
  const page = new Page({ name: "a" }, { name: "b" }, { name: "c" });
  const to = START + 10_000, known = { from: START, to, read: 1, ended: true };
  const tell = (points) => {
    page.wait(0.1);
    page.tell(points, { recording: known });
  };
  const now = () => standing(page.model, page.model.moment(), { paused: false, cursor: null }).text;
  const of = (name) => page.model.momentOf(page.model.series.get(name), page.model.moment());
  tell([["a", START + 8000, 1], ["b", START + 300, 0]]);
  assert.equal(page.model.known(), 0);
  assert.equal(page.state("c").state, "empty");
  assert.match(now(), /^catching up · recording of up to /);

  tell([["a", to, 1], ["b", START + 2000, 0], ["c", to, 3]]);
  assert.equal(page.model.known(), START + 2000);
  assert.equal(progress(known, page.model.known()), 0.2);
  assert.match(now(), /^catching up · recording of .* – /);
  for (const [name, newest] of [["a", to], ["b", START + 2000]]) {
    assert.deepEqual(page.state(name), { state: "unknown", held: newest, note: "catching up", why: "the recording is still being read" });
    assert.equal(of(name).edge, newest);
    assert.equal(of(name).from, newest - 299);
  }

  // One may be at the end for long while another is still on its way.
  for (let i = 1; i <= 12; i++) {
    page.wait(1);
    tell([["b", START + 2000 + i, 0]]);
  }
  assert.match(now(), /^catching up · /);
  assert.equal(page.state("b").state, "unknown");
  assert.equal(of("b").edge, START + 2012);

  tell([["b", to, 7]]);
  assert.equal(now(), "recording ended");
  assert.deepEqual(["a", "b", "c"].map((name) => page.state(name).state), ["value", "value", "value"]);
});

test("a replay whose stats are at one second is of that second, and catches up while they are apart", () => {
  const page = new Page({ name: "a" }, { name: "b" });
  page.clocks = [START - 5000];
  const known = { from: START - 7000, to: START + 7000, read: 0.5 };
  const tell = (points) => {
    page.wait(0.5);
    page.tell(points, { recording: known });
  };
  for (let s = -5000; s < -4000; s += 100) tell([["a", START + s, 1], ["b", START + s - 1, 1]]);
  assert.ok(page.model.moment().past);
  assert.equal(page.model.moment().apart, false);
  assert.equal(page.state("b").state, "value");
  tell([["a", START - 3900, 1]]);
  assert.deepEqual(["a", "b"].map((name) => page.state(name).note), ["catching up", "catching up"]);
  tell([["a", START - 3800, 1], ["b", START - 3800, 1]]);
  assert.equal(page.state("b").state, "unknown"); // not in turns at each message
  for (let i = 1; i < 7; i++) tell([["a", START - 3800 + i, 1], ["b", START - 3800 + i, 1]]);
  assert.equal(page.state("b").state, "value");
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

test("a stat that never has a point does not keep a recording from its end", () => {
  const page = new Page({ name: "a" }, { name: "never" });
  const known = { from: START, to: START + 2, read: 1, ended: true };
  page.tell([["a", START + 2, 1]], { recording: known });
  assert.equal(page.model.known(), 0);
  for (let i = 0; i < 12; i++) {
    page.wait(1);
    page.tell([], { recording: known });
  }
  assert.equal(page.model.known(), START + 2);
  assert.equal(standing(page.model, page.model.moment(), { paused: false, cursor: null }).text, "recording ended");
});
