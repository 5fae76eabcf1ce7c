// Extents of the past, as the server has them: second by second, or for longer
// times in columns of minutes and more that keep the least and the greatest.

import { CLOCKLESS, NOTHING, OUTSIDE, UNKNOWN, VALUE, sample } from "./chart.js";
import { Series } from "./model.js";
import { incidentHere } from "./place.js";
import { scaled } from "./value.js";

export const BY_SECOND = 3600; // seconds that are read one by one
const STEPS = [60, 120, 300, 600, 900, 1800, 3600]; // seconds of a column
const MOST = 1500; // columns

/** The seconds of a column of a chart of so many seconds. */
export const stepFor = (seconds) => seconds <= BY_SECOND ? 1 : STEPS.find((s) => seconds / s <= MOST) ?? STEPS.at(-1);

/** Second by second: a Series, with what a chart and a table need of it. */
export class Seconds {
  constructor(series) { this.series = series; }
  step = 1;

  sample(from, edge, due, pick) { return sample(this.series, from, edge, due, pick); }

  /** What is known of a second: {value, covered, error} if there is one, or whether it
   * had no clock, or was before the first: {clockless, before}. */
  at(second) {
    const value = this.series.at(second);
    if (value === undefined) return { clockless: this.series.clockless(second), before: second < this.series.first };
    return { value, covered: this.series.covered(second), error: this.series.error(second) };
  }
}

/** Columns of several seconds. Of quantiles a column has the value of all its numbers, once
 * its minutes are over; until then, and of other stats, its seconds' least and greatest. */
export class Columns {
  constructor(extents, step) {
    this.step = step;
    this.byTime = new Map(extents.map((s) => [Date.parse(s.time) / 1000, s]));
    this.first = Math.min(...this.byTime.keys());
  }

  sample(from, edge, due, pick) {
    const { step } = this;
    const start = from - from % step;
    const n = Math.floor((edge - start) / step) + 1;
    const kinds = new Uint8Array(n), numbers = new Float64Array(n), lows = new Float64Array(n), hollow = new Uint8Array(n);
    const number = (value) => {
      const v = value === null || value === undefined ? null : pick(value);
      return typeof v === "number" ? v : null;
    };
    for (let i = 0; i < n; i++) {
      const time = start + i * step;
      const c = this.byTime.get(time);
      const whole = c?.value ? number(c.value) : null;
      const high = whole ?? (c ? number(c.max) : null);
      if (high !== null) [kinds[i], numbers[i], lows[i]] = [VALUE, high, whole ?? number(c.min) ?? high];
      else if (c?.seconds) kinds[i] = NOTHING;
      else if (c?.clockless) kinds[i] = CLOCKLESS;
      else kinds[i] = time < this.first || time > due ? OUTSIDE : UNKNOWN;
      hollow[i] = c?.uncovered ? 1 : 0;
    }
    return { kinds, numbers, lows, from: start, step, hollow };
  }

  /** What is known of the column that a second is in. */
  at(second) {
    const c = this.byTime.get(second - second % this.step);
    if (!c) return { clockless: false, before: second < this.first };
    if (!c.seconds) return { clockless: c.clockless > 0, before: false };
    const { min, max, last, seconds, uncovered = 0 } = c;
    return { ...c.value ? { value: c.value } : { value: max, low: min }, min, max, last, seconds, uncovered };
  }
}

/** Where the server answers about what this page shows. */
const api = incidentHere() ? `/api/incidents/${incidentHere()}` : "/api";

/** Reads the seconds [from, to] of a stat of an incident. */
async function loadKept(stat, from, to, signal) {
  if (to - from >= BY_SECOND) throw new Error("of an incident an hour at most is shown");
  const answer = await fetch(`${api}/points?${new URLSearchParams({ stat: stat.name, from: Math.max(0, from), to })}`, { signal });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Reads the seconds [from, to] of a stat from the server. */
export async function load(stat, from, to, signal) {
  if (api !== "/api") return series(stat, from, to, await loadKept(stat, from, to, signal));
  const step = stepFor(to - from + 1);
  const query = new URLSearchParams({ from: Math.max(0, from), to, ...step > 1 && { step } });
  const answer = await fetch(`/api/stats/${encodeURIComponent(stat.name)}?${query}`, { signal });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  const { points, extents, filling } = await answer.json();
  const read = extents ? new Columns(extents.map((s) => ({ ...s, min: scaled(stat, s.min), max: scaled(stat, s.max), last: scaled(stat, s.last), value: scaled(stat, s.value ?? null) })), step) : series(stat, from, to, points);
  // While the past of a new stat is worked out: from when on it is there, and is to be.
  if (filling) read.filling = { from: Date.parse(filling.from) / 1000, goal: Date.parse(filling.goal) / 1000 };
  return read;
}

/** Points as a series. */
function series(stat, from, to, points) {
  const series = new Series(stat, to - from + 1);
  for (const p of points) {
    const second = Date.parse(p.time) / 1000;
    if (p.stale_since) series.gap(Date.parse(p.stale_since) / 1000, second);
    else {
      series.put(second, scaled(stat, p.value));
      if (p.of) series.cover(second, p.covered);
      if (p.approx) series.estimate(second, p.approx);
    }
  }
  return new Seconds(series);
}

/** Reads the lines of a query, as the API has it; heard gets what is found so far. */
export const readLines = (query, signal, heard) => growing(`${api}/lines?${new URLSearchParams(query)}`, signal, heard);

/** Reads the lines around a place. */
export const readAround = (at, signal) => growing(`${api}/lines/around?${new URLSearchParams({ at })}`, signal, () => {});

/** Reads points of some lines alone; heard is told how much has been read. */
export const readNarrowed = (query, signal, heard) => growing(`${api}/narrowed?${new URLSearchParams(query)}`, signal, heard);

/** Reads what lines have; heard is told how much has been read. */
export const readFields = (query, signal, heard) => growing(`${api}/fields?${new URLSearchParams(query)}`, signal, heard);

/** Reads what is different, as the API has it; heard is told how much has been read. */
export const readExplained = (query, signal, heard) => growing(`${api}/explain?${new URLSearchParams(query)}`, signal, heard);

/** Reads an answer that grows: each line of it is the answer so far, which heard gets;
 * the last one is returned. */
async function growing(url, signal, heard) {
  const answer = await fetch(url, { signal, headers: { Accept: "application/x-ndjson" } });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", newest = { error: "the connection ended before all was read; try again" };
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (text + (done ? "\n" : value)).split("\n");
    text = lines.pop();
    const whole = lines.findLast(Boolean);
    if (whole) {
      newest = JSON.parse(whole);
      if (newest.error) break;
      if (!newest.done) heard(newest);
    }
    if (done || newest.done) break;
  }
  if (newest.error || !newest.done) throw new Error(newest.error ?? "the connection ended before all was read; try again");
  return newest;
}
