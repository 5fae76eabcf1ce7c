import assert from "node:assert/strict";
import { test } from "node:test";

import { make } from "../static/share.js";

test("a share link is asked for, and what goes wrong is told", async () => {
  const asked = [];
  const answering = (ok, body) => async (url, options) => {
    asked.push([url, options.method]);
    return { ok, text: async () => body, json: async () => JSON.parse(body) };
  };
  assert.deepEqual(await make("8h", answering(true, '{"url":"https://pulse/?share=x","until":"2026-11-22T20:00:00Z"}')),
    { url: "https://pulse/?share=x", until: "2026-11-22T20:00:00Z" });
  assert.deepEqual(await make("1h", answering(false, "a share link cannot make other share links: log in\n")),
    { error: "a share link cannot make other share links: log in" });
  assert.deepEqual(await make("1h", async () => { throw new TypeError("network"); }), { error: "the server does not answer" });
  assert.deepEqual(asked, [["/api/share?for=8h", "POST"], ["/api/share?for=1h", "POST"]]);
});
