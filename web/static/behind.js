// What is behind links and buttons has a script of its own, for which no number waits.

const LEAST_WAIT = 500, MOST_WAIT = 8000; // ms before trying again
const ENOUGH = 3; // failures after which it is asked why
const CALM = 60000; // ms between two times that the page is loaded again

const url = new URL("./later.js", import.meta.url).href;

const pause = (ms) => new Promise((resolve) => {
  setTimeout(resolve, ms);
  addEventListener("online", resolve, { once: true });
});

/** Whether the server has no such script: it has been changed, and has others. */
async function gone() {
  try {
    return (await fetch(url, { method: "HEAD" })).status === 404;
  } catch {
    return false; // it is the connection
  }
}

/** Gives what later.js has when it is there: as often as it does not come it is asked for
 * again, and onFail is called. It fits the scripts alone that the page was loaded with: where
 * the server has others by now, the page is loaded again. */
export async function behind(onFail) {
  for (let n = 1, wait = LEAST_WAIT; ; n++, wait = Math.min(MOST_WAIT, wait * 2)) {
    try {
      return (await import(n === 1 ? url : `${url}?${n}`)).parts; // some browsers ask once for each address
    } catch {
      onFail();
    }
    await pause(wait);
    const again = performance.getEntriesByType("navigation")[0]?.type === "reload";
    if (n >= ENOUGH && (!again || performance.now() > CALM) && await gone()) location.reload();
  }
}
