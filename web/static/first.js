// The socket is opened before the page's scripts are there: on a slow line they take as long
// to come as its first messages. socket.js goes on with it, or has one already where this
// comes later. An incident has none.
"use strict";
if (!("firstSocket" in window) && !location.pathname.startsWith("/incident/") && !new URL(location.href).username) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws?points=together`), heard = [];
  socket.onmessage = (event) => { if (heard.push(event) > 2000) socket.close(); }; // minutes: nobody goes on with it
  window.firstSocket = { socket, heard };
}
