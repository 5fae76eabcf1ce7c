// How things stand, in a few words that are always visible: whether the page is
// connected, how far it is behind the log, and how much comes in.

import { write } from "./dom.js";
import { clock, span } from "./format.js";
import { allOf, whose } from "./model.js";
import { ended } from "./recording.js";

const UNREADABLE_HINT = "Lines over 64 KiB, and records that Pulse did not write, are not counted in any stat; the receivers' log says where they come from.";
const AHEAD_HINT = "Lines more than 5 s ahead of their ingester count when they came: set the clocks and zones of the machines that write them.";
const LATE_HINT = "Late lines are not counted in any stat: raise lateness in the definitions, or check the sender's clock and what delays its lines.";

const CLOCK_HINT = "Set these clocks, or the zones of their times: lines more than 5 s ahead count when they came, and late ones are in no stat.";
const CATCHING_HINT = "The recording is read as fast as may be, and some stats have come further than others: each says up to when it is known.";

const offBy = (o) => `${whose(o)} is ${span(o.seconds)} ${o.clock}`;

/** brief says in a few words whose clocks are off: those of the first, and of how many others. */
function brief(off) {
  const more = off.length - 1;
  return off.length ? `${offBy(off[0])}${more ? ` · ${more} more` : ""}` : "";
}

const count = (n) => n.toLocaleString("en", { maximumFractionDigits: n < 10 ? 1 : 0 });

/** How many of the newest lines could not be read. */
function unreadable(lines, { unreadable_over: over }) {
  let lost = 0;
  for (let second = lines.newest; second > lines.newest - over; second--) lost += lines.at(second)?.unreadable ?? 0;
  return lost;
}

/** The q-quantile of the time from when a line is accepted to when its second is drawn, if
 * lines come evenly: each is accepted up to a second before its second's end. */
export function accepted(lags, q) {
  let [low, high] = [0, Math.max(0, ...lags) + 1];
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2;
    const share = lags.reduce((sum, lag) => sum + Math.min(1, Math.max(0, middle - lag)), 0) / lags.length;
    [low, high] = share < q ? [middle, high] : [low, middle];
  }
  return high;
}

/** standing gives {state, text, rate, hint} of a model at a moment; then is what a player
 * says of it. */
export function standing(model, moment, { paused, then, cursor }) {
  const { now } = moment;
  if (cursor !== null) return { state: "past", text: `at ${clock(cursor, now)} · ${span(now - cursor)} ago` };
  if (then) return { state: "paused", text: then };
  if (paused) return { state: "paused", text: `paused at ${clock(moment.edge, now)} · ${span(model.now() - now)} ago` };
  if (!model.configured || model.early) return { state: "connecting", text: "connecting" };
  if (moment.lost) return { state: "lost", text: `not connected since ${clock(moment.lost, now)} · reconnecting` };
  if (moment.stale) return { state: "stale", text: `stale: no ingester since ${clock(moment.stale, now)}` };
  if (!model.newest) return { state: "connecting", text: model.loading ? "loading" : "connected · no second has closed yet" };

  const lines = model.series.get("pulse.lines");
  const came = lines?.at(lines.newest)?.in;
  const rate = typeof came === "number" ? `${came.toLocaleString("en")} lines/s` : "";
  const behind = now - model.newest - 1;
  if (!moment.past && model.newest < moment.due) {
    const { who, why } = model.behind(model.newest, moment);
    return { state: "behind", text: `${span(behind)} behind · ${who}`, hint: why };
  }
  if (model.notice) return { state: "late", text: model.notice, rate };
  const { came: each, late, ahead, all, off } = model.times();
  const list = off.map(offBy).join("\n");
  const told = (hint) => list ? `${hint}\n\n${list}` : hint;
  if (all) {
    const by = Math.max(0, ...off.filter((o) => o.clock === "behind").map((o) => o.seconds));
    return { state: "behind", text: `${allOf(off)} are ${by ? `${span(by)} late` : "late"}`, rate, hint: told(LATE_HINT) };
  }
  if (late || ahead) {
    const [n, word, mine] = late ? [late, "late", "behind"] : [ahead, "ahead of time", "ahead"];
    return { state: "late", text: [`${count(n)} of ${count(each)} lines/s ${word}`, brief(off.filter((o) => o.clock === mine))].filter(Boolean).join(" · "), hint: told(late ? LATE_HINT : AHEAD_HINT) };
  }
  if (off.length) return { state: "late", text: brief(off), rate, hint: told(CLOCK_HINT) };
  const lost = lines && unreadable(lines, model.timing);
  if (lost) return { state: "late", text: `${count(lost)} ${lost === 1 ? "line" : "lines"} unreadable in a minute`, rate, hint: UNREADABLE_HINT };
  if (moment.apart) {
    const known = model.known();
    return { state: "live", text: `catching up · recording of ${known ? `${clock(known, now)} – ${clock(model.newest, known)}` : `up to ${clock(model.newest, now)}`}`, hint: CATCHING_HINT };
  }
  if (ended(model.recording, model.known())) return { state: "live", text: "recording ended" };
  if (moment.past) return { state: "live", text: `recording of ${clock(model.newest, now)}${now > model.newest ? ` · ${span(now - model.newest)} ago` : ""}`, rate };
  const [p50, p99] = [0.5, 0.99].map((q) => accepted(model.lags, q).toFixed(2));
  return { state: "live", text: `live · ${Math.max(0, model.lags.at(-1) ?? behind).toFixed(1)} s behind`, rate,
    hint: model.lags.length > 1 ? `Time from a line's arrival to the screen: ${p50} s (median), ${p99} s (99th percentile), over the last ${span(model.lags.length)}.` : "" };
}

const SHORTLY = 3; // seconds without a connection that are not worth a word in the title

/** blind gives in a word why what the page shows is not of now; "" if it is. */
export const blind = (moment) => moment.lost && moment.now - moment.lost > SHORTLY ? "not connected" : moment.stale ? "stale" : "";

/** Status shows it in elements, and announces each new state once to screen readers. */
export class Status {
  constructor(box, text, rate, announcer) {
    Object.assign(this, { box, text, rate, announcer, state: "" });
  }

  show({ state, text, rate, hint = "" }) {
    write(this.text, text);
    if (this.box.title !== hint) this.box.title = hint;
    write(this.rate, rate ? `· ${rate}` : "");
    if (state === this.state) return;
    if (state !== "past" && this.state !== "past") write(this.announcer, text);
    this.state = this.box.dataset.state = state;
  }
}
