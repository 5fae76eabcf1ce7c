import assert from "node:assert/strict";
import { test } from "node:test";

import { accepted, blind, standing } from "../static/status.js";
import { Page, START } from "./page.js";

const LINES = "pulse.lines";
const counts = (came, late = 0, unreadable = 0) => ({ a: 0, [LINES]: { in: came, counted: came - late, late, unreadable, ahead: 0 } });
const lines = () => new Page({ name: "a" }, { name: LINES, kind: "lines", shape: "counts", over: 1 });
const now = (page, options = {}) => standing(page.model, page.model.moment(), { paused: false, cursor: null, ...options });

test("how soon a line is on the screen follows from when its second was drawn", () => {
  for (const [lags, q, want] of [[[0], 0.5, 0.5], [[0.2], 0.99, 1.19], [[0.1, 0.1, 0.1, 2.1], 0.75, 1.1], [[0.1, 0.3], 0.5, 0.7]]) {
    assert.equal(Number(accepted(lags, q).toFixed(3)), want);
  }
});

test("a live page says how far it is behind, and how much comes in", () => {
  const page = lines();
  page.run(3, counts(1234));
  page.wait(0.25);
  page.model.drawn(START + 2);
  page.model.drawn(START + 2);
  assert.deepEqual(now(page), { state: "live", text: "live · 0.3 s behind", rate: "1,234 lines/s",
    hint: "Time from a line's arrival to the screen: 0.75 s (median), 1.24 s (99th percentile), over the last 2 s." });
});

test("late lines are told, as far as they are more than a few", () => {
  const page = lines();
  page.run(12, counts(50, 2));
  assert.equal(now(page).state, "live");
  page.run(12, counts(50, 49));
  assert.deepEqual([now(page).state, now(page).text], ["late", "49 of 50 lines/s late"]);
  assert.match(now(page).hint, /raise lateness/);
  page.run(12, counts(50, 0));
  assert.equal(now(page).state, "live");
});

const OFF = "pulse.off-clock";
const offClock = (...top) => ({ top: top.map(([key, value]) => ({ key, value })), other: null, distinct: top.length });
const clocks = () => new Page({ name: "a" }, { name: LINES, kind: "lines", shape: "counts", over: 1 }, { name: OFF, kind: "max", shape: "keyed", key_shape: "number", over: 60 });

test("when all lines are late their input and its lag are named, and no zero is shown", () => {
  const page = clocks();
  page.run(12, counts(50, 0));
  assert.equal(page.state("a").state, "value");
  page.run(12, { ...counts(50, 50), [OFF]: offClock(["behind,,drain shop,db-1", 90], ["behind,,drain shop,db\\,2", 80]) });
  assert.deepEqual([now(page).state, now(page).text], ["behind", "all lines of input drain shop are 90 s late"]);
  assert.match(now(page).hint, /\n\ndb-1 \(drain shop\) is 90 s behind\ndb,2 \(drain shop\) is 80 s behind$/);
  assert.deepEqual(page.state("a"), { state: "unknown", held: 0, note: "all lines late", why: "all lines of input drain shop are late, and in no stat" });
  assert.equal(page.state(LINES).state, "value");
  page.run(1, counts(50, 0));
  assert.equal(page.state("a").state, "value");
});

test("lines that are ahead are told, with whose they are and by how much", () => {
  const page = clocks();
  page.run(12, { a: 1, [LINES]: { in: 50, counted: 50, late: 0, unreadable: 0, ahead: 20 }, [OFF]: offClock(["ahead,,syslog,db-1", 90]) });
  assert.deepEqual([now(page).state, now(page).text], ["late", "20 of 50 lines/s ahead of time · db-1 (syslog) is 90 s ahead"]);
  assert.match(now(page).hint, /clocks/);
  assert.equal(page.state("a").state, "value");
});

test("a clock that has been off for a minute is told however few its lines are", () => {
  const page = clocks();
  const off = offClock(["ahead,,syslog,db-1", 90], ["behind,web-3,,", 120], ["behind,,file,", 60]);
  page.run(60, { ...counts(500, 1), [OFF]: off });
  assert.equal(now(page).state, "live");
  page.run(1, { ...counts(500, 1), [OFF]: off });
  assert.deepEqual([now(page).state, now(page).text], ["late", "db-1 (syslog) is 90 s ahead · 2 more"]);
  assert.match(now(page).hint, /db-1 \(syslog\) is 90 s ahead\ningester web-3 is 2 min behind\ninput file is 60 s behind$/);
  page.run(1, { ...counts(500), [OFF]: offClock() });
  assert.equal(now(page).state, "live");
});

test("an ingester whose clock does not count is told, with its lead", () => {
  const page = clocks();
  page.run(2, counts(50));
  page.tell([], { ahead: { "web-1": 3600 } });
  assert.deepEqual([now(page).state, now(page).text], ["late", "ingester web-1 is 60 min ahead"]);
  page.tell();
  assert.equal(now(page).state, "live");
});

test("each line that could not be read is told for a minute", () => {
  const page = lines();
  page.run(3, counts(50));
  page.run(1, counts(50, 0, 1));
  page.run(59, counts(50));
  assert.deepEqual([now(page).state, now(page).text], ["late", "1 line unreadable in a minute"]);
  assert.match(now(page).hint, /64 KiB/);
  page.run(1, counts(50));
  assert.equal(now(page).state, "live");
  page.run(2, counts(50, 0, 4));
  assert.equal(now(page).text, "8 lines unreadable in a minute");
});

test("what is not live says what it is", () => {
  const page = lines();
  assert.deepEqual(now(page), { state: "connecting", text: "connected · no second has closed yet" });
  page.run(3, counts(50));
  assert.match(now(page, { paused: true }).text, /^paused at \d\d:\d\d:\d\d · 0 s ago$/);
  assert.match(now(page, { cursor: START }).text, /^at \d\d:\d\d:\d\d · 3 s ago$/);
  page.tell([], { notice: "new definitions are catching up" });
  assert.deepEqual([now(page).state, now(page).text], ["late", "new definitions are catching up"]);
  page.tell();
  for (let i = 0; i < 5; i++) {
    page.wait(1);
    page.clocks = [START + 3, page.at, page.at];
    page.tell();
  }
  assert.deepEqual(now(page), { state: "behind", text: "5 s behind · partition 0", hint: "partition 0 is 5 s behind" });
  page.clocks = [START + 3, START + 3, START + 3];
  page.configure({ history: [["a", START + 2, 1]] });
  for (let i = 0; i < 13; i++) {
    page.wait(1);
    page.tell();
  }
  assert.match(now(page).text, /^stale: no ingester since \d\d:\d\d:\d\d$/);
  page.model.connected = false;
  page.wait(1);
  assert.match(now(page).text, /^not connected since \d\d:\d\d:\d\d · reconnecting$/);
});

test("a recording says of when", () => {
  const page = lines();
  for (let i = 0; i < 3; i++) {
    page.wait(1);
    page.clocks = [1_000_001 + i];
    page.tell([["a", 1_000_000 + i, 1]]);
  }
  assert.match(now(page).text, /^recording of 1970-01-12 \d\d:46:42 · 19,664 d ago$/);
});

test("a title says why what is shown is not of now", () => {
  const page = lines();
  page.run(3, counts(50));
  const told = () => blind(page.model.moment());
  assert.equal(told(), "");
  page.model.connected = false;
  page.wait(2);
  assert.equal(told(), "");
  page.wait(2);
  assert.equal(told(), "not connected");
  page.model.connected = true;
  for (let i = 0; i < 12; i++) {
    page.wait(1);
    page.tell();
  }
  assert.equal(told(), "stale");
});
