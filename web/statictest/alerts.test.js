import assert from "node:assert/strict";
import test from "node:test";
import { drawAlerts, standing, subject, summary, undelivered } from "../static/alerts.js";

const at = (second) => new Date(second * 1000).toISOString();

test("what goes on is apart from what is silenced and what was", () => {
  const incidents = [{ alert: "a", kind: "firing", since: at(100) }, { alert: "b", kind: "firing", since: at(90), silence: { id: "s" } }, { alert: "c", kind: "firing", since: at(1), until: at(5) }];
  const { loud, quiet } = standing(incidents);
  assert.deepEqual([loud.map((i) => i.alert), quiet.map((i) => i.alert)], [["a"], ["b"]]);
});

test("the band names three, and for how long", () => {
  const loud = ["a", "b", "c", "d", "e"].map((alert, i) => ({ alert, kind: i ? "firing" : "unknown", since: at(100 - i), ...(i === 1 ? { key: "/x\u202e" } : {}) }));
  assert.equal(summary(loud, () => 160), "a not known for 60 s, b /x‹202E› for 61 s, c for 62 s, and 2 more");
  assert.equal(subject({ alert: "a", key: "" }), "a ");
});

test("routes that cannot deliver are named once, with all that waits", () => {
  const route = (partition, waiting, error) => ({ route: "pager", kind: "slack", partition, waiting, error });
  assert.deepEqual(undelivered([route(0, 1, ""), route(1, 2, "away\u202e"), { route: "ok", kind: "slack", waiting: 0 }, { route: "no", kind: "webhook", waiting: 0, error: "404" }]),
    ["pager (slack) has 3 waiting: away‹202E›", "no (webhook) refused alerts: 404"]);
});

test("a bar is drawn where something fired, within the chart", () => {
  const drawn = [];
  const chart = { from: 100, edge: 200, x: (second) => (second - 100) * 2, g: { fillRect: (...r) => drawn.push(r) } };
  drawAlerts(chart, [{ kind: "firing", since: at(50), until: at(110) }, { kind: "firing", since: at(150) }, { kind: "firing", since: at(120), until: at(120), withdrawn: {} },
    { kind: "firing", since: at(10), until: at(20) }, { kind: "unknown", since: at(250) }], { crit: "red", warn: "amber" });
  assert.deepEqual(drawn, [[0, 0, 20, 3], [100, 0, 100, 3], [100, 0, 2, 9]]);
});
