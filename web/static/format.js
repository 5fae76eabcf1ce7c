// Numbers and times as people read them.

const SUFFIXES = ["", "k", "M", "G", "T", "P"];

/** A number with three significant digits, and two at least of a small one: 8.99,
 * 82.2, 15.3k, 0.0041. Where fractional is true a whole number keeps its decimals,
 * so that the figure does not change its width from second to second. Nothing but
 * zero reads as zero. */
export function brief(v, fractional = false) {
  if (v === null || v === undefined) return "–";
  let a = Math.abs(v), step = 0;
  if (a >= 1e18 || (a > 0 && a < 1e-4)) return v.toExponential(1).replaceAll("-", "−").replace("+", "");
  if (a < 1000 && Number.isInteger(v) && !(fractional && a > 0)) return String(v).replace("-", "−");
  while (a >= 999.5 && step < SUFFIXES.length - 1) [a, step] = [a / 1000, step + 1];
  const small = a < 0.9995 ? 1 - Math.floor(Math.log10(a)) : 0; // decimals of two significant digits
  const decimals = a >= 99.95 ? 0 : a >= 9.995 ? 1 : a >= 0.9995 || fractional ? Math.max(2, small) : Math.max(3, small);
  return (v < 0 ? "−" : "") + a.toFixed(decimals) + SUFFIXES[step];
}

/** A round number, without the zeros that say nothing: 2.5, 15k. */
export const short = (v) => brief(v).replace(/(\.\d*?)0+([kMGTP]?)$/, "$1$2").replace(/\.([kMGTP]?)$/, "$1");

/** A number with all the digits that it has, nine decimals at most; two significant
 * digits of one that is less. */
export const exact = (v) => v === null || v === undefined ? "none"
  : v !== 0 && Math.abs(v) < 1e-8 ? brief(v) : NINE_DECIMALS.format(v);

const NINE_DECIMALS = new Intl.NumberFormat("en", { maximumFractionDigits: 9 }); // to make one takes long

/** A number beside others, with six significant digits; what is whole has all that it has. */
export const fine = (v) => typeof v !== "number" || Number.isInteger(v) || Math.abs(v) < 1e-8 ? exact(v) : SIX_DIGITS.format(v);

const SIX_DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });

const TIMES = [["s", 1], ["ms", 1e-3], ["µs", 1e-6], ["ns", 1e-9]]; // in seconds
const OF_TIME = { s: 1, sec: 1, second: 1, seconds: 1, ms: 1e-3, milliseconds: 1e-3, µs: 1e-6, μs: 1e-6, us: 1e-6, microseconds: 1e-6, ns: 1e-9, nanoseconds: 1e-9 };

/** The unit in which a time is short, and how many of the stat's unit it has: 4,420 ms are
 * shown in s, 0.0000005 s in µs. Another unit, and a time that is short as it is, stays; so
 * does the one before, down to its half, if that is given: 1.01 s and 985 ms by turns would mislead. */
export function timeUnit(v, unit, before) {
  const size = OF_TIME[unit], a = Math.abs(v ?? 0);
  if (before && a >= before[1] / 2 && a < 999.5 * before[1]) return before;
  if (!size || !a || (a >= 1e-3 && a < 999.5)) return [unit, 1];
  const [name, seconds] = TIMES.find(([, s]) => a * size >= 0.1 * s) ?? TIMES.at(-1);
  return [name, seconds / size];
}

/** A figure and its unit apart, a time in a unit of timeUnit's. The unit of bytes takes the
 * suffix: 8.93 and MB/s. */
export function split(v, unit, fractional, [time, size] = timeUnit(v, unit)) {
  if (size !== 1) return [brief(v / size, fractional), time];
  const text = brief(v, fractional);
  const suffix = /[kMGTP]$/.exec(text);
  if (suffix && /^(B|bytes)(\/|$)/.test(unit)) return [text.slice(0, -1), suffix[0] + unit.replace(/^bytes/, "B")];
  return [text, unit];
}

/** A number of a scale beside figures in a unit: in the unit of time that these have, too. */
export function tick(v, unit) {
  const [name, size] = timeUnit(v, unit);
  return size === 1 ? short(v) : `${short(v / size)} ${name}`;
}

/** A share in percent: only nothing is 0 %, and only all is 100 %. */
export function percent(share) {
  const p = share * 100;
  if (p <= 0 || p === 100) return `${p} %`;
  if (p < 0.05) return "< 0.1 %";
  if (p < 100 && p >= 99.95) return "> 99.9 %";
  return `${p.toFixed(p < 9.95 || p >= 99.5 ? 1 : 0)} %`;
}

/** A length of time: 12 s, 4 min, 3 h, 2 d. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return `${s} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400).toLocaleString("en")} d`;
}

const pad = (n) => String(n).padStart(2, "0");

let utc = false;

/** Has times told in UTC, or in the browser's zone. */
export const useUTC = (on) => { utc = on; };

/** How many seconds the zone of times is ahead of UTC at a second. */
export const offset = (second) => utc ? 0 : -new Date(second * 1000).getTimezoneOffset() * 60;

/** A zone by how far it is ahead of UTC: UTC, UTC+2, UTC−3:30. */
export function zoneName(seconds) {
  if (!seconds) return "UTC";
  const minutes = Math.abs(seconds) / 60, rest = minutes % 60;
  return `UTC${seconds < 0 ? "−" : "+"}${Math.floor(minutes / 60)}${rest ? `:${pad(rest)}` : ""}`;
}

/** The date and the time of day of a second. */
function told(second) {
  const d = new Date((second + offset(second)) * 1000);
  return [`${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`, `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`];
}

/** A second as the wall shows it: the time of day, with the date if it is not of the last day,
 * and with the zone if that is another than now: an hour comes twice when summer ends. */
export function clock(second, now) {
  const [date, time] = told(second), ahead = offset(second);
  return [Math.abs(now - second) < 12 * 3600 ? "" : date, time, ahead === offset(now) ? "" : zoneName(ahead)].filter(Boolean).join(" ");
}

/** A second for who sees it elsewhere and at another time, with the date and the zone. */
export const dated = (second) => [...told(second), zoneName(offset(second))].join(" ");

/** The seconds between two that are round by the clock of then, every so many: the clock may be
 * set in between, when summer begins or ends. */
export function* marksOfTime(from, to, step) {
  const round = (s) => {
    const there = Math.ceil((s + offset(s)) / step) * step;
    const same = there - offset(s), set = there - offset(same);
    return (same + offset(same)) % step === 0 || set < s || offset(set) !== offset(same) ? same : set;
  };
  for (let s = round(from); s <= to; s = round(s + 1)) yield s;
}

/** The name of a quantile: 0.5 is p50, 0.999 is p99.9. */
export const quantile = (q) => `p${Number((q * 100).toPrecision(6))}`;

/** The unit in which a window is short: days and hours of windows of several, else seconds. */
const unit = (over) => [[86400, "d"], [3600, "h"]].find(([size]) => over >= 2 * size && over % size === 0) ?? [1, "s"];

/** What is said of a window that has nothing. */
export const noneIn = (over) => `none in ${reach(over)}`;

/** How long a window is: 60 s, 24 h, 30 d. */
export function reach(over) {
  const [size, name] = unit(over);
  return `${over / size} ${name}`;
}

/** So many seconds of a window: 44 of 60 s, 3.2 of 30 d. It is whole only if the window is. */
export function coverage(covered, over) {
  const [size] = unit(over);
  return `${Math.floor(covered / size * 10) / 10} of ${reach(over)}`;
}

/** How far an estimate may be off, given as a share of it: ±0.6 %. */
export const within = (error) => `±${brief(error * 100).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")} %`;

// What is not seen, or turns what is around it: controls, separators of lines, what
// changes the direction of text, and blanks without width.
const UNSEEN = /[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g;

/** A text from a log with what is not seen made visible: ␛, ‹202E›. */
export const visible = (text) => text.replace(UNSEEN, (c) => {
  const code = c.charCodeAt(0);
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "␡" : `‹${code.toString(16).toUpperCase().padStart(4, "0")}›`;
});

/** A text from a log within other text, whose direction it does not change. */
export const isolated = (text) => `\u2068${visible(text)}\u2069`;
