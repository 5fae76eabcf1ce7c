// How things stand, in a few words that are always visible: whether the page is
// connected, how far it is behind the log, and how much comes in.

import { write } from "./dom.js";
import { clock, span } from "./format.js";

/** standing gives {state, text, rate} of a model at a moment. */
export function standing(model, moment, { paused, cursor }) {
  const { now } = moment;
  if (cursor !== null) return { state: "past", text: `at ${clock(cursor, now)} · ${span(now - cursor)} ago` };
  if (paused) return { state: "paused", text: `paused at ${clock(moment.edge, now)} · ${span(model.now() - now)} ago` };
  if (!model.configured) return { state: "connecting", text: "connecting" };
  if (moment.lost) return { state: "lost", text: `not connected since ${clock(moment.lost, now)} · trying again` };
  if (moment.stale) return { state: "stale", text: `stale: no clock since ${clock(moment.stale, now)}` };
  if (!model.newest) return { state: "connecting", text: "connected · no second has closed yet" };

  const lines = model.series.get("pulse.lines");
  const came = lines?.at(lines.newest)?.in;
  const rate = typeof came === "number" ? `${came.toLocaleString("en")} lines/s` : "";
  if (moment.past) return { state: "live", text: `recording of ${clock(model.newest, now)}`, rate };
  const late = now - model.newest - 1;
  if (late > 3) return { state: "behind", text: `${span(late)} behind` };
  return { state: "live", text: `live · ${Math.max(0, model.lag ?? late).toFixed(1)} s behind`, rate };
}

/** Status shows it in elements, and announces each new state once to screen readers. */
export class Status {
  constructor(box, text, rate, announcer) {
    Object.assign(this, { box, text, rate, announcer, state: "" });
  }

  show({ state, text, rate }) {
    write(this.text, text);
    write(this.rate, rate ? `· ${rate}` : "");
    if (state === this.state) return;
    if (state !== "past" && this.state !== "past") write(this.announcer, text);
    this.state = this.box.dataset.state = state;
  }
}
