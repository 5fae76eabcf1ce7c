// The time zone in which the page tells times: the browser's, or UTC.

import { write } from "./dom.js";
import { offset, useUTC } from "./format.js";

const KEPT = "pulse-zone"; // in the browser's storage

/** A zone's name at a second: UTC, UTC+2, UTC−3:30. */
export function zoneName(seconds) {
  if (!seconds) return "UTC";
  const minutes = Math.abs(seconds) / 60, rest = minutes % 60;
  return `UTC${seconds < 0 ? "−" : "+"}${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

export class Zone {
  /** A button that tells it and changes it. */
  constructor(button, onChange) {
    Object.assign(this, { button, onChange });
    this.utc = localStorage.getItem(KEPT) === "utc";
    button.addEventListener("click", () => this.change());
    this.#show();
  }

  change() {
    this.utc = !this.utc;
    localStorage.setItem(KEPT, this.utc ? "utc" : "local");
    this.#show();
    this.onChange();
  }

  #show() {
    useUTC(this.utc);
    const name = zoneName(offset(Date.now() / 1000));
    write(this.button, name);
    this.button.setAttribute("aria-label", `Time zone ${name}`);
    this.button.title = `Times are in ${name}; press for ${this.utc ? "this browser's zone" : "UTC"} (z)`;
  }
}
