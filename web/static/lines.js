// The lines behind a point, as they are found; those of a key, and those that meet a
// condition.

import { element, write } from "./dom.js";
import { clock, visible } from "./format.js";
import { readLines } from "./history.js";

export class Lines {
  /** In a section; onAsk is called with what is asked, {first, last, where}, or null when
   * the reader has closed it. */
  constructor(root, onAsk) {
    Object.assign(this, { root, onAsk });
    this.title = element("h3");
    const shut = element("button", "shut", "Close");
    shut.type = "button";
    shut.addEventListener("click", () => {
      this.hide();
      onAsk(null);
    });
    this.where = element("input");
    this.where.type = "search";
    this.where.placeholder = "status >= 500 && line contains \"timeout\"";
    this.where.setAttribute("aria-label", "Only lines that meet this condition");
    this.where.maxLength = 1000;
    this.where.spellcheck = false;
    const form = element("form", "", this.where);
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.of.where = this.where.value.trim();
      this.#read();
    });
    this.status = element("p", "hush");
    this.status.setAttribute("role", "status");
    this.list = element("ol");
    root.append(this.title, shut, form, this.status, this.list);
  }

  hide() {
    this.asked?.abort();
    this.root.hidden = true;
  }

  /** Shows the lines of a stat that count at the seconds [first, last], of a key if one is
   * given, and of a condition; without one that of before holds. */
  show(stat, first, last, now, key, where = this.where.value.trim()) {
    this.of = { stat, first, last, now, key, where };
    this.where.value = where;
    this.root.hidden = false;
    this.root.scrollIntoView({ block: "nearest" });
    this.#read();
  }

  async #read() {
    const { stat, first, last, now, key, where } = this.of;
    this.onAsk(this.of);
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    const when = `${clock(first, now)} to ${clock(last, now)}${key === null ? "" : `, ${visible(key)}`}`;
    write(this.title, `Lines of ${when}`);
    write(this.status, "searching…");
    this.list.replaceChildren();
    let shown = 0;
    const show = (found) => {
      if (asked.signal.aborted) return;
      const n = found.lines.length;
      const how = `${found.read.lines.toLocaleString("en")} line${found.read.lines === 1 ? "" : "s"} read`;
      if (n) write(this.title, `${found.more ? `${n} or more` : n} line${n === 1 ? "" : "s"} of ${when}${found.expired ? "; some have expired" : ""}`);
      write(this.status, !found.done ? `searching… ${how}` : n ? how : `${found.expired ? "expired: these lines are no longer kept" : "no lines found"}; ${how}`);
      if (n === shown && !found.done) return; // only more was read
      shown = n;
      this.list.replaceChildren(...found.lines.map((l) =>
        element("li", "", element("time", "", clock(Date.parse(l.time) / 1000, now)), element("code", "", l.text.split("\n").map(visible).join("\n")))));
    };
    try {
      show(await readLines({ stat: stat.name, from: first, to: last, ...where && { where }, ...key !== null && { key } }, asked.signal, show));
    } catch (error) {
      if (!asked.signal.aborted) write(this.status, error.message);
    }
  }
}
