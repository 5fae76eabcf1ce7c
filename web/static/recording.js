// The recording that the server's own process reads: how much of it is on the page, and where
// all of it is to be seen once it has ended.

import { element, write } from "./dom.js";
import { clock } from "./format.js";
import { hashOf } from "./place.js";

/** ended says whether all of a recording is on a page all of whose stats have come to a second. */
export const ended = (recording, known) => Boolean(recording?.ended) && known >= recording.to;

/** progress is the share of a recording that is on the page; null while that is not known. What
 * has been read and is not closed yet in all stats does not count. */
export function progress({ from, to, read, ended: all }, known) {
  if (!all && !read) return null;
  const shown = known < from ? 0 : known >= to ? 1 : (known - from) / (to - from);
  return (all ? 1 : read) * shown;
}

/** RecordingBar shows it beneath the header; statOf gives the stat that a link opens all of. */
export class RecordingBar {
  constructor(root, statOf) {
    Object.assign(this, { root, statOf, text: element("span"), bar: element("progress"), all: element("a"), closed: "" });
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", "How much of the recording is on the page");
    const close = element("button", "", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => {
      this.closed = this.of;
      this.#hide(true);
    });
    root.append(this.text, this.bar, this.all, close);
  }

  #hide(hidden) {
    if (this.root.hidden === hidden) return;
    this.root.hidden = hidden;
    dispatchEvent(new Event("resize")); // the grid has less room, or more
  }

  show(model, { now }) {
    const { recording, window } = model, known = model.known(), over = ended(recording, known);
    this.of = recording ? `${recording.from} ${over}` : "";
    this.#hide(!recording || this.closed === this.of);
    if (this.root.hidden) return;
    const { from, to } = recording, share = progress(recording, known);
    const stat = this.statOf();
    this.bar.hidden = over;
    this.all.hidden = !over || !stat || to - from < window;
    if (stat) {
      this.all.href = hashOf(["stat", stat.name, `${from}-${to}`]);
      write(this.all, `all of it as one chart: ${stat.title}`);
    }
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
    write(this.text, over ? `recording of ${clock(from, now)} – ${clock(to, now)} ended`
      : `recording from ${clock(from, now)}${share === null ? "" : ` · ${Math.floor(100 * share)} %`}`);
  }
}
