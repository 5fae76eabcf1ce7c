// The recording that the server's own process reads: how much of it is on the page, and where
// all of it is to be seen once it has ended.

import { element, write } from "./dom.js";
import { clock } from "./format.js";
import { hashOf } from "./place.js";

/** ended says whether all of a recording is on a page whose newest second is known. */
export const ended = (recording, newest) => Boolean(recording?.ended) && newest >= recording.to;

/** progress is the share of a recording that is on the page; null while that is not known. What
 * has been read and is not closed yet does not count. */
export function progress({ from, to, read, ended: all }, newest) {
  if (!all && !read) return null;
  const shown = newest < from ? 0 : newest >= to ? 1 : (newest - from) / (to - from);
  return (all ? 1 : read) * shown;
}

/** RecordingBar shows it beneath the header; statOf names the stat that a link to all of it opens. */
export class RecordingBar {
  constructor(root, statOf) {
    Object.assign(this, { root, statOf, text: element("span"), bar: element("progress"), all: element("a", "", "see all of it"), closed: "" });
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", "How much of the recording is on the page");
    const close = element("button", "", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => {
      this.closed = this.of;
      root.hidden = true;
    });
    root.append(this.text, this.bar, this.all, close);
  }

  show({ recording, newest, window }, { now }) {
    this.of = recording ? `${recording.from} ${ended(recording, newest)}` : "";
    this.root.hidden = !recording || this.closed === this.of;
    if (this.root.hidden) return;
    const { from, to } = recording, share = progress(recording, newest), over = ended(recording, newest);
    const stat = this.statOf();
    this.bar.hidden = over;
    this.all.hidden = !over || !stat || to - from < window;
    if (stat) this.all.href = hashOf(["stat", stat, `${from}-${to}`]);
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
    write(this.text, over ? `recording of ${clock(from, now)} – ${clock(to, now)} ended`
      : `recording from ${clock(from, now)}${share === null ? "" : ` · ${Math.floor(100 * share)} %`}`);
  }
}
