// The time zone in which the page tells times: the browser's, or UTC.

import { write } from "./dom.js";
import { offset, useUTC, zoneName } from "./format.js";

const KEPT = "pulse-zone"; // in the browser's storage

export class Zone {
  /** A button that tells it and changes it. */
  constructor(button, onChange) {
    Object.assign(this, { button, onChange });
    this.utc = localStorage.getItem(KEPT) === "utc";
    button.addEventListener("click", () => this.change());
    this.show();
  }

  change() {
    this.utc = !this.utc;
    localStorage.setItem(KEPT, this.utc ? "utc" : "local");
    this.show();
    this.onChange();
  }

  /** Tells the zone, which is another one when summer begins or ends. */
  show() {
    useUTC(this.utc);
    const name = zoneName(offset(Date.now() / 1000));
    if (name === this.button.textContent && this.told === this.utc) return;
    this.told = this.utc;
    write(this.button, name);
    this.button.setAttribute("aria-label", `Time zone ${name}`);
    this.button.title = `Times are in ${name}; press for ${this.utc ? "this browser's zone" : "UTC"} (z)`;
  }
}
