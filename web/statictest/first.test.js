import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { connect } from "../static/socket.js";

const first = readFileSync(new URL("../static/first.js", import.meta.url), "utf8");

/** A browser that counts the sockets which its page opens. */
function browser() {
  const sockets = [];
  class WebSocket {
    static OPEN = 1;
    readyState = 0;
    constructor(url) { sockets.push(url); }
    close() {}
  }
  const location = { protocol: "http:", host: "pulse", pathname: "/", href: "http://pulse/" };
  const window = { location, WebSocket, URL };
  window.window = window;
  return { window, sockets };
}

// Both scripts are loaded at once, and either may be there first.
for (const order of [["first", "socket"], ["socket", "first"]]) test(`a page has one socket: ${order}`, (t) => {
  const { window, sockets } = browser();
  for (const [name, value] of Object.entries({ window, location: window.location, WebSocket: window.WebSocket, addEventListener() {}, document: { addEventListener() {} } })) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]);
  }
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const script of order) {
    if (script === "first") runInNewContext(first, window);
    else connect(() => {}, () => {});
  }
  assert.deepEqual(sockets, ["ws://pulse/ws?points=together"]);
});
