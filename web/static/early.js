// The first numbers. A browser asks for them while the page's scripts come, since the page's
// header names their address: a trip or two sooner than a socket can say them.

const SOON = 3; // seconds for which they are of now

/** The first messages of the socket, the configuration and the newest seconds, if they have
 * come, and have not waited long for the scripts; else null. */
export async function early() {
  try {
    const answer = await fetch("/api/first");
    if (!answer.ok) return null;
    const messages = await answer.json();
    const came = performance.getEntriesByName(answer.url)[0]?.responseEnd || performance.now();
    const waited = (performance.now() - came) / 1000;
    for (const message of messages) message.now += waited;
    return waited < SOON ? messages : null;
  } catch {
    return null; // the socket tells, if there is a connection
  }
}
