// What the page knows: the stats, their points, the clocks, and which of the
// three states each stat is in.

import { span } from "./format.js";
import { readMarks } from "./marks.js";
import { ended } from "./recording.js";
import { inUnit, measures, scaled } from "./value.js";

const SLACK = 60; // seconds kept beyond the window
const GRACE = 3; // seconds after its end within which a second may close before it is called unknown
const YOUNG = 60; // seconds that are drawn at least, while there is not a window of them yet
const DAY = 86400;
const WHOLE = -1; // all seconds of a window are covered
const NAMED = 3; // partitions or ingesters that are named
const QUIET = 30; // seconds without a line that are worth a word
const SLEPT = 10; // seconds by the time of day without a message: the computer slept, or the tab was frozen
const SET = 1000; // ms by which the time of day moves against the other clock if it was set, or the computer slept
const TOGETHER = 2500; // ms for which all stats have to be at one second to be shown as of one again: two silent frames and more
const MOVING = 3; // seconds without news after which nothing is moving
const STUCK = 10; // the same of a recording that is known to be read: pieces of it come at once

/** Series has the points of one stat: a number, an object, or null for the value
 * of nothing. A second that it does not have is unknown. */
export class Series {
  constructor(stat, window) {
    this.stat = stat;
    this.size = window + SLACK;
    this.times = new Float64Array(this.size);
    this.values = new Array(this.size).fill(null);
    this.covers = new Int32Array(this.size).fill(WHOLE); // seconds of the window that are covered
    this.errors = new Float64Array(this.size); // of estimates, as shares of them
    this.gaps = []; // [first, last] second of each interval without a clock, oldest first
    this.first = 0; // the oldest second that was ever known
    this.newest = 0;
    this.fractional = false; // whether there was a value that is not whole
  }

  put(second, value) {
    const at = second % this.size;
    if (this.times[at] > second || second <= this.newest - this.size) return;
    this.times[at] = second;
    this.values[at] = value;
    this.covers[at] = WHOLE;
    this.errors[at] = 0;
    if (typeof value === "number" && !Number.isInteger(value)) this.fractional = true;
    if (second > this.newest) this.newest = second;
    if (!this.first || second < this.first) this.first = second;
  }

  gap(first, last) {
    this.put(last, null);
    this.gaps = this.gaps.filter((g) => g[1] > this.newest - this.size && g[1] !== last);
    this.gaps.push([first, last]);
    this.gaps.sort((a, b) => a[1] - b[1]);
  }

  /** The value of a second; undefined if it is not known. */
  at(second) {
    const i = second % this.size;
    return this.times[i] === second ? this.values[i] : undefined;
  }

  /** Says of a second's value how many seconds of its window were covered, if not all. */
  cover(second, seconds) {
    const i = second % this.size;
    if (this.times[i] === second) this.covers[i] = seconds;
  }

  /** Says of a second's value that it is an estimate, and how far it may be off. */
  estimate(second, error) {
    const i = second % this.size;
    if (this.times[i] === second) this.errors[i] = error;
  }

  /** How many seconds of the window of a second's value were covered; null if all were. */
  covered(second) {
    const i = second % this.size;
    return this.times[i] === second && this.covers[i] !== WHOLE ? this.covers[i] : null;
  }

  /** How far a second's value may be off, as a share of it; 0 if it is exact. */
  error(second) {
    const i = second % this.size;
    return this.times[i] === second ? this.errors[i] : 0;
  }

  /** Whether there was no clock in a second. */
  clockless(second) {
    return this.gaps.some(([first, last]) => first <= second && second <= last);
  }

  copy() {
    const c = Object.assign(Object.create(Series.prototype), this);
    c.times = this.times.slice();
    c.values = this.values.slice();
    c.covers = this.covers.slice();
    c.errors = this.errors.slice();
    c.gaps = this.gaps.slice();
    return c;
  }
}

/** Level of a stat's value: "", "warn" or "crit". Of quantiles and keys the worst counts.
 * If not all of its window was covered, but so many seconds, half of it or a day must have
 * been; and low values, which are what missing seconds look like unless they are shares,
 * wait for all of it. */
export function level(stat, value, covered = null) {
  if (covered !== null && (stat.reversed && stat.kind !== "slo" || covered < Math.min(stat.over / 2, DAY))) return "";
  const levels = measures(stat, value).map((v) => levelOf(stat, v));
  return ["crit", "warn"].find((l) => levels.includes(l)) ?? "";
}

/** Level of one number of a stat. */
export function levelOf(stat, v) {
  const past = (threshold) => threshold !== undefined && threshold !== null && (stat.reversed ? v <= threshold : v >= threshold);
  if (typeof v !== "number") return "";
  return past(stat.crit) ? "crit" : past(stat.warn) ? "warn" : "";
}

/** Stats of which those with equal titles have their names in these. */
export function apart(stats) {
  const times = new Map();
  for (const { title } of stats) times.set(title, (times.get(title) ?? 0) + 1);
  return stats.map((s) => times.get(s.title) > 1 && s.title !== s.name ? { ...s, title: `${s.title} · ${s.name}` } : s);
}

/** Names of things with what they are: "partition 3", "ingesters a, b", or of many "5 partitions"; "" of none. */
function plural(what, names) {
  if (names.length < 2) return names.length ? `${what} ${names[0]}` : "";
  return names.length > NAMED ? `${names.length} ${what}s` : `${what}s ${names.join(", ")}`;
}

/** parts gives the texts that a key of several fields is made of. */
function parts(key) {
  const texts = [""];
  for (const [piece] of key.matchAll(/\\+,|,|\\+|[^,\\]+/g)) {
    const slashes = piece.length - 1; // before a comma each of a text is two, and one more is that of the comma
    if (piece.at(-1) !== ",") texts[texts.length - 1] += piece;
    else if (slashes % 2) texts[texts.length - 1] += "\\".repeat(slashes >> 1) + ",";
    else {
      texts[texts.length - 1] += "\\".repeat(slashes >> 1);
      texts.push("");
    }
  }
  return texts;
}

/** Whose lines are off, in a few words. */
export function whose({ ingester, input, host }) {
  if (ingester) return `ingester ${ingester}`;
  if (!host) return input ? `input ${input}` : "an input";
  return input ? `${host} (${input})` : host;
}

/** All lines, and of which inputs they are. */
export function allOf(off) {
  const late = off.filter((o) => o.clock === "behind");
  const names = [...new Set(late.map((o) => o.ingester ? whose(o) : o.input && `input ${o.input}`))].filter(Boolean);
  return names.length && names.length <= NAMED ? `all lines of ${names.join(", ")}` : "all lines";
}

/** Whose clocks are off: {clock: "ahead" or "behind", ingester, or input and host, seconds}. A
 * line may come late by chance; one a minute ago and one now are of a clock. No method of the
 * class: a copy that is paused, or a view by a chip, has no private ones. */
function offClocks(model, { late, ahead }) {
  const stat = model.series.get("pulse.off-clock");
  if (!stat) return model.ahead;
  const before = new Set(stat.at(stat.newest - stat.stat.over)?.top.map((t) => t.key));
  const lines = (stat.at(stat.newest)?.top ?? []).map(({ key, value }) => {
    const [clock, ingester, input, host] = parts(key);
    return { clock, ingester, input, host, seconds: value, steady: before.has(key) };
  }).filter((o) => o.steady || (o.clock === "ahead" ? ahead : late) > 0);
  return [...model.ahead, ...lines.filter((o) => !model.ahead.some((a) => a.ingester === o.ingester))];
}

/** The oldest second that a model draws where another one is the newest. */
const fromOf = ({ window, first }, edge) => Math.max(edge - window + 1, Math.min(first, edge - YOUNG + 1));

/** The clocks of a browser: the time of day in milliseconds, and one that only goes on. */
const browser = { date: () => Date.now(), ticks: () => performance.now() };

export class Model {
  constructor(clocks = browser) {
    this.clock = clocks;
    this.window = 300;
    this.timing = { clockless: Infinity, late_over: 0, late_share: 1, unreadable_over: 0 }; // the rules of time, in seconds
    this.stats = [];
    this.series = new Map(); // by name
    this.pages = [];
    this.notes = new Map(); // by name: what was not understood of a stat's lines, in sentences
    this.usual = null; // what is usual, if that is asked for
    this.marks = []; // of the seconds that are drawn, oldest first
    this.moreMarks = 0; // that are not told one by one
    this.configured = false;
    this.loading = false; // whether history is still to come
    this.clocks = [];
    this.ingesters = []; // that these clocks are of, as far as is known
    this.ahead = []; // ingesters whose clocks are so far ahead that they do not count; see off
    this.first = Infinity; // the oldest second of all stats
    this.newest = 0;
    this.offset = 0; // this browser's clock plus it is the server's
    this.offsets = [];
    this.parted = -Infinity; // when some stats of a recording were last seen further than others, by clock.ticks
    this.moved = -Infinity; // when the log was last seen to move, by clock.ticks
    this.connected = false;
    this.early = false; // whether what it knows came before the socket had spoken
    this.apart = NaN; // the time of day less the other clock, at the last message
    this.heard = this.clock.ticks(); // when the server was last heard of
    this.heardAt = this.clock.date(); // the same by the time of day
    this.lags = []; // how long after its end each of the last seconds was drawn, in seconds
  }

  /** The time in Unix seconds, by the server's clock. */
  now() { return this.clock.date() / 1000 + this.offset; }

  /** The server's first message: replaces everything; the history comes after it. It
   * reports whether the definitions are others than before. */
  configure(message) {
    const definitions = JSON.stringify([message.version, message.pages, message.stats]);
    const changed = definitions !== this.definitions;
    this.definitions = definitions;
    this.offsets = [];
    this.clocks = [];
    this.first = Infinity;
    this.newest = 0;
    this.lags = [];
    this.#head(message);
    this.window = message.window;
    this.timing = message.timing;
    this.pages = message.pages;
    this.stats = apart(message.stats.map(inUnit));
    this.series = new Map(this.stats.map((stat) => [stat.name, new Series(stat, this.window)]));
    this.loading = true;
    this.notes = new Map();
    [this.marks, this.moreMarks] = [[], 0];
    this.#marked(message);
    this.#certainty(message);
    this.parted = -Infinity;
    this.moved = this.recording ? this.clock.ticks() : -Infinity;
    this.configured = true;
    return changed;
  }

  /** A message with a piece of the history. It gives the series that changed. */
  past(message) {
    this.#head(message);
    const changed = new Set();
    for (const [place, first, ...values] of message.history) {
      const series = this.#at(place);
      if (!series) continue;
      if (values[0]?.stale) series.gap(first, values[0].stale);
      else values.forEach((v, i) => series.put(first + i, scaled(series.stat, v)));
      changed.add(series);
      this.newest = Math.max(this.newest, series.newest);
      if (series.first) this.first = Math.min(this.first, series.first);
    }
    this.#certainty(message);
    if (message.last) this.loading = false;
    this.#part();
    return changed;
  }

  /** The second that all stats of a recording have come to, 0 while one has none; of another log
   * the newest. A stat that has none where nothing moves any more is not waited for. */
  known() {
    if (!this.recording) return this.newest;
    const moving = this.clock.ticks() - this.moved < STUCK * 1000;
    let known = this.newest;
    for (const { newest } of this.series.values()) if (newest || moving) known = Math.min(known, newest);
    return known;
  }

  /** Notes whether some stats of a recording have come further than others. */
  #part() {
    if (this.recording && this.known() < this.newest - GRACE) this.parted = this.clock.ticks();
  }

  /** The series of the stat at a place. */
  #at(place) { return this.series.get(this.stats[place]?.name); }

  /** A message with changed points. It gives the series that changed. */
  apply(message) {
    this.#head(message);
    const changed = new Set();
    const before = this.newest;
    let further = false; // a stat of a recording, of which others may be at the end
    const put = (place, second, value, staleSince) => {
      const series = this.#at(place);
      if (!series) return;
      further ||= this.recording && second > series.newest;
      if (staleSince) series.gap(staleSince, second);
      else series.put(second, scaled(series.stat, value));
      changed.add(series);
      this.newest = Math.max(this.newest, second);
      this.first = Math.min(this.first, second);
    };
    for (const point of message.points) put(...point);
    for (const [second, first, ...values] of message.seconds ?? []) values.forEach((value, i) => put(first + i, second, value));
    for (const series of this.#certainty(message)) changed.add(series);
    if (this.#marked(message)) for (const series of this.series.values()) changed.add(series);
    if (this.newest > before || further) this.moved = this.clock.ticks();
    this.#part();
    return changed;
  }

  /** What a message says of marks, if it does: all that there are. */
  #marked({ marks }) {
    if (!marks) return false;
    [this.marks, this.moreMarks] = [readMarks(marks.marks), marks.more ?? 0];
    return true;
  }

  /** What a message says of how sure its points are, and of what was not understood.
   * It gives the series whose notes changed. */
  #certainty({ covered = [], approx = [], notes }) {
    for (const [place, first, ...seconds] of covered) seconds.forEach((n, i) => this.#at(place)?.cover(first + i, n));
    for (const [place, first, ...errors] of approx) errors.forEach((e, i) => this.#at(place)?.estimate(first + i, e));
    if (!notes) return [];
    const before = [...this.notes.keys()];
    this.notes = new Map();
    for (const [place, text] of notes) {
      const name = this.stats[place]?.name;
      this.notes.set(name, [...this.notes.get(name) ?? [], text]);
    }
    return [...before, ...this.notes.keys()].map((name) => this.series.get(name)).filter(Boolean);
  }

  /** Notes that a second has just been drawn for the first time. */
  drawn(second) {
    this.lags.push(Math.max(0, this.now() - (second + 1)));
    if (this.lags.length > this.window) this.lags.shift();
  }

  #head(message) {
    const date = this.clock.date(), ticks = this.clock.ticks();
    if (Math.abs(date - ticks - this.apart) > SET) this.offsets = []; // they are of another time of day
    this.apart = date - ticks;
    // The least delayed of the last messages has the truest time.
    this.offsets.push(message.now - date / 1000);
    if (this.offsets.length > 30) this.offsets.shift();
    this.offset = Math.max(...this.offsets);
    if (message.clocks.some((c, i) => c > (this.clocks[i] ?? 0))) this.moved = this.clock.ticks();
    this.clocks = message.clocks;
    this.ingesters = message.ingesters ?? [];
    this.ahead = Object.entries(message.ahead ?? {}).map(([ingester, seconds]) => ({ clock: "ahead", ingester, seconds }));
    this.notice = message.notice ?? ""; // about other definitions at work
    this.recording = message.recording ?? null; // that the server's process reads
    [this.heard, this.heardAt] = [ticks, date];
  }

  /** How things stand at this moment, for everything that is drawn:
   *   now: the time; from and edge: the oldest and newest second that are drawn; due: the newest that
   *   must be known, or is unknown; beat: what is drawn at one beat is as it is at another that
   *   equals it, unless points have come;
   *   past: the log is a recording of another time; apart: it is read so fast that some stats have
   *   come further than others, and each is drawn as of its own second: see momentOf; stale: since when no clock
   *   runs, else 0; lost: since when the server is not heard of, else 0. */
  moment() {
    const now = this.now();
    const still = (this.clock.ticks() - this.moved) / 1000;
    const silent = (this.clock.date() - this.heardAt) / 1000;
    const connected = this.connected && silent < SLEPT;
    const lostFor = connected ? 0 : Math.max((this.clock.ticks() - this.heard) / 1000, silent);
    const heardOf = Math.max(this.newest ? this.newest + 1 : 0, ...this.clocks);
    const away = now - heardOf;
    const over = ended(this.recording, this.known());
    const past = over || this.newest > 0 && (away > 60 || away < -GRACE) && still < (this.recording ? STUCK : MOVING) && silent < SLEPT;
    const stale = connected && heardOf > 0 && !past && still > MOVING && Math.abs(away) > this.timing.clockless ? heardOf : 0;
    // Of a recording that is read as fast as may be some partitions are hours ahead of others.
    const apart = Boolean(past && this.recording && !over && this.clock.ticks() - this.parted < TOGETHER);
    const due = past ? this.newest - GRACE : stale ? this.newest : Math.floor(now - 1 - GRACE);
    const edge = past || stale ? this.newest : Math.max(this.newest, due);
    const from = fromOf(this, edge);
    return { now, from, edge, due, past, apart, stale, lost: lostFor > 0 ? now - lostFor : 0, beat: `${edge} ${lostFor > GRACE} ${stale} ${apart}` };
  }

  /** A moment as it is for one stat: where stats are apart, its chart ends with its own newest
   * second, and the page does not say anything of the seconds after it. */
  momentOf({ newest }, moment) {
    return moment.apart && newest ? { ...moment, from: fromOf(this, newest), edge: newest, due: newest - GRACE } : moment;
  }

  /** State of a stat: "value", "unknown", "stale" or "empty" (nothing yet), and
   * why it is not a value; of an unknown one a short note of that, and the second of
   * its last known value, which is held: shown, but as what it was then. */
  state(series, moment) {
    if (!series.newest) return { state: "empty", why: moment.lost ? "not connected" : this.loading ? "loading" : "nothing yet" };
    if (moment.stale) return { state: "stale", why: "" };
    const held = series.clockless(series.newest) ? 0 : series.newest;
    if (moment.lost && moment.now - moment.lost > GRACE) return { state: "unknown", held, note: "not connected", why: "not connected" };
    if (moment.apart) return { state: "unknown", held, note: "catching up", why: "the recording is still being read" };
    if (series.newest < moment.due) {
      const { brief, why } = this.behind(series.newest, moment);
      return { state: "unknown", held, note: `${brief} behind`, why };
    }
    if (!held) return { state: "stale", why: "no ingester" };
    const { all, off } = this.times();
    if (all && !moment.past && !series.stat.name.startsWith("pulse.")) {
      return { state: "unknown", held: 0, note: "all lines late", why: `${allOf(off)} are late, and in no stat` };
    }
    return { state: "value", why: "" };
  }

  /** How the newest lines' own times stand to their ingesters' clocks: how many lines a second
   * come in; how many of them are late, and how many ahead, if that is more than a few; whether
   * all are late, so that the numbers of stats are not of what goes on; and whose lines have
   * been off for a minute on end, or, if that is more than a few, are now. */
  times() {
    const lines = this.series.get("pulse.lines");
    const { late_over: over, late_share: share } = this.timing;
    let came = 0, late = 0, ahead = 0, counted = 0, seconds = 0;
    for (let second = lines?.newest; second > lines?.newest - over; second--) {
      const counts = lines.at(second);
      if (!counts) continue;
      seconds++;
      came += counts.in;
      late += counts.late;
      ahead += counts.ahead;
      counted += counts.counted;
    }
    const few = (n) => n > share * came ? n / seconds : 0;
    const told = { came: came / seconds, late: few(late), ahead: few(ahead), all: late > 0 && counted === 0 };
    return { ...told, off: offClocks(this, told) };
  }

  /** For how many of the newest seconds no line has come, if that is all that is known, and
   * 0 if no second is; null if lines come, or the page does not know. */
  quiet(moment) {
    if (!this.configured || this.loading || !this.connected || moment.past || moment.stale) return null;
    const lines = this.series.get("pulse.lines");
    if (!this.newest || !lines) return this.newest ? null : 0;
    let seconds = 0;
    for (let second = lines.newest; second >= moment.from; second--) {
      const came = lines.at(second)?.in;
      if (came > 0) return null;
      if (came === 0) seconds++;
    }
    return seconds < QUIET ? null : seconds;
  }

  /** Who is behind, and why, that the second after the newest one has not closed, from
   * the clocks: {who, brief, why}. */
  behind(newest, moment) {
    const needed = newest + 2; // a second closes when every clock is past its end
    const late = this.clocks.map((clock, p) => ({ p, clock })).filter(({ clock }) => clock < needed);
    if (!late.length) return { who: "the merger", brief: "the merger", why: `the merger of this stat is ${span(moment.now - newest - 1)} behind` };
    const least = Math.min(...late.map(({ clock }) => clock));
    const by = least < 0 ? "has no ingester yet" : `is ${span(moment.now - least)} behind`;
    // An ingester ticks into every partition: where one goes on it is not the ingester that is behind.
    if (late.length === this.clocks.length && late.length > 1) {
      const who = plural("ingester", this.ingesters);
      const brief = this.ingesters.length === 1 ? this.ingesters[0] : who;
      return { who: who || "all partitions", brief: brief || "all partitions", why: `all partitions: the log${who && ` of ${who}`} ${by}` };
    }
    const who = plural("partition", late.map(({ p }) => p));
    return { who, brief: who, why: late.length > 1 ? `${who}: the last ${by}` : `${who} ${by}` };
  }

  /** A copy that stands still, for looking at while the page is paused. */
  freeze() {
    const frozen = Object.assign(Object.create(Model.prototype), this);
    frozen.series = new Map([...this.series].map(([name, s]) => [name, s.copy()]));
    const moment = this.moment();
    frozen.moment = () => moment;
    return frozen;
  }
}

