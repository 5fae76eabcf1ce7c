// The connection to the server: one websocket that is opened again, for ever.

const LEAST_WAIT = 300, MOST_WAIT = 8000; // ms before trying again
const SILENCE = 5000; // ms without a message after which a connection is dead: the server speaks each second
const OPENING = 10000; // ms that a connection may take to be made
const FIRST = 60000; // ms that the first message may take then: it is long, and a line may be slow

/** connect calls onMessage with each message, and onState with "open" when a
 * connection has spoken and "closed" when it has ended. */
export function connect(onMessage, onState) {
  let socket, wait = LEAST_WAIT, retry, watchdog;
  let pace = () => {}; // tells the server that a hidden tab needs little

  const open = () => {
    clearTimeout(retry);
    const first = window.firstSocket; // see first.js
    window.firstSocket = undefined;
    const begun = first?.socket.readyState <= WebSocket.OPEN;
    const mine = socket = begun ? first.socket : new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws?points=together`);
    let spoken = false;
    const within = (ms) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(close, ms);
    };
    // A connection that died without a word may take minutes to say so: it is
    // given up at once, and what it still says is not listened to.
    pace = () => { if (mine.readyState === WebSocket.OPEN) mine.send(document.hidden ? "slow" : "fast"); };
    const close = () => {
      if (socket !== mine) return;
      socket = null;
      clearTimeout(watchdog);
      mine.close();
      onState("closed");
      retry = setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(MOST_WAIT, wait * 1.7);
    };
    within(OPENING);
    mine.onopen = () => {
      within(FIRST);
      if (document.hidden) pace();
    };
    mine.onmessage = (event) => {
      if (socket !== mine) return;
      within(SILENCE);
      onMessage(JSON.parse(event.data));
      if (!spoken) {
        spoken = true;
        wait = LEAST_WAIT;
        onState("open");
      }
    };
    mine.onclose = mine.onerror = close;
    if (begun) queueMicrotask(() => {
      if (mine.readyState === WebSocket.OPEN) mine.onopen();
      for (const event of first.heard) mine.onmessage(event);
    });
  };

  const now = () => {
    if (socket) return;
    wait = LEAST_WAIT;
    open();
  };
  addEventListener("online", now);
  document.addEventListener("visibilitychange", () => {
    if (socket) pace();
    else if (!document.hidden) now();
  });
  open();
}
