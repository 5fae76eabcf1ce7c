// What is usual: what a stat was in the same minute of the days before.

import { measures } from "./value.js";

const MINUTE = 60;
const AGAIN = 300; // seconds after which what is usual is asked for again
const RETRY = 60; // and after which, if that failed
const ENOUGH = 3; // days that must be known for something to be far from usual
const FAR = 2; // times what is usual, or its part

export class Usual {
  /** onNews is called when something else is known. */
  constructor(onNews) {
    Object.assign(this, { onNews, stats: new Map(), from: 0, days: 0, asked: -Infinity, wrong: "" });
  }

  /** Asks what is usual around a second, if that was not asked lately. */
  async ask(second) {
    if (!second || Math.abs(second - this.asked) < AGAIN) return;
    this.asked = second;
    try {
      const answer = await fetch(`/api/usual?${new URLSearchParams({ at: second })}`);
      if (!answer.ok) throw new Error((await answer.text()).trim());
      this.take(await answer.json());
    } catch (error) {
      this.wrong = error.message;
      this.asked = second - AGAIN + RETRY;
    }
  }

  take({ from, days, stats }) {
    Object.assign(this, { from: Date.parse(from) / 1000, days, wrong: "", stats: new Map(stats.map((s) => [s.stat, s])) });
    this.onNews();
  }

  /** Whether enough days are known of any stat to say that something is far from usual. */
  get enough() { return [...this.stats.values()].some((s) => s.days >= ENOUGH); }

  /** What is usual of a stat at a second, in its unit: {low, mid, high, days, of}; null: that is not known. */
  of(stat, second) {
    const known = this.stats.get(stat.name);
    const band = known?.minutes[Math.floor((second - this.from) / MINUTE)];
    if (!band) return null;
    const [low, mid, high] = band.map((v) => v * (stat.scale ?? 1));
    return { low, mid, high, days: known.days, of: this.days };
  }

  /** How a value stands to what is usual: {text, far}; text is empty where it is as on one of the days. */
  compare(stat, second, value) {
    const usual = this.of(stat, second);
    const numbers = usual && value !== null && value !== undefined ? measures(stat, value).filter((v) => typeof v === "number") : [];
    if (!numbers.length) return { text: "", far: false };
    const v = Math.max(...numbers);
    if (usual.low <= v && v <= usual.high) return { text: "", far: false };
    const { text, far } = times(v, usual.mid);
    return { text: text && `${text}${usual.days < usual.of ? ` of ${usual.days} ${usual.days === 1 ? "day" : "days"}` : ""}`, far: far && usual.days >= ENOUGH };
  }
}

/** A value as so many times of what is usual, and whether that is far. */
export function times(v, usual) {
  if (usual === 0) return { text: "usually 0", far: true };
  const ratio = v / usual;
  if (ratio < 0) return { text: "usually of the other sign", far: true };
  if (ratio < 0.005) return { text: `${ratio ? "< 0.01" : "0"} × usual`, far: true };
  const text = ratio >= 9.95 ? ratio.toFixed(0) : ratio.toFixed(ratio < 0.095 ? 2 : 1);
  return { text: text === "1.0" ? "" : `${text} × usual`, far: ratio >= FAR || ratio <= 1 / FAR };
}

/** Draws on a chart what is usual of a stat, minute by minute. */
export function drawUsual(chart, usual, stat, colors) {
  const { g } = chart;
  if (!usual?.stats.has(stat.name) || chart.hi === undefined) return;
  const inside = (v) => Math.min(chart.hi, Math.max(chart.lo, v));
  g.fillStyle = colors.dim;
  g.globalAlpha = 0.14;
  for (let minute = chart.from - chart.from % MINUTE; minute <= chart.edge; minute += MINUTE) {
    const band = usual.of(stat, minute);
    if (!band || band.low > chart.hi) continue;
    const left = Math.max(chart.left, chart.x(minute)), right = Math.min(chart.x(chart.edge), chart.x(minute + MINUTE));
    const top = chart.y(inside(band.high)), bottom = chart.y(inside(band.low));
    g.fillRect(left, top, Math.max(0, right - left), Math.max(1.5, bottom - top));
  }
  g.globalAlpha = 1;
}
