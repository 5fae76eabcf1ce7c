// Drawing on canvas: an axis of seconds, an axis of values, and what is between.

const RIGHT = 9; // px kept free on the right, for the dot of the newest point
const FOOT = 4; // px below the zero line, so that a zero is seen
const STEPS = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8, 10]; // tops of the value axis: it must not move each second

/** Colors that people who see few of them can tell apart too, by their names in the style sheet. */
export const KEY_HUES = Array.from({ length: 8 }, (_, i) => `key${i + 1}`);

/** What is known of a second. */
export const UNKNOWN = 0;
export const VALUE = 1;
export const NOTHING = 2;
export const CLOCKLESS = 3;
export const OUTSIDE = 4;

/** sample gives what is known of each second from one to another: {kinds, numbers,
 * from, step, level, hollow}. It is level if most seconds have the number of the one
 * before, and hollow where not all of a value's window was covered. pick takes the number to draw out of a value. Seconds before a series
 * began are outside, as are those whose time to close has not run out. Where a step is
 * more than a second, numbers are the greatest of each and lows the least. */
export function sample(series, from, edge, due, pick = (v) => v) {
  const n = edge - from + 1;
  const kinds = new Uint8Array(n), numbers = new Float64Array(n);
  let pairs = 0, equal = 0, hollow = null;
  for (let i = 0; i < n; i++) {
    const second = from + i;
    const value = series.at(second);
    const number = value === undefined || value === null ? null : pick(value);
    if (typeof number === "number") {
      [kinds[i], numbers[i]] = [VALUE, number];
      if (series.covered(second) !== null) (hollow ??= new Uint8Array(n))[i] = 1;
      if (i && kinds[i - 1] === VALUE) {
        pairs++;
        if (numbers[i - 1] === number) equal++;
      }
    } else if (series.gaps.length && series.clockless(second)) kinds[i] = CLOCKLESS;
    else if (value !== undefined) kinds[i] = NOTHING;
    else kinds[i] = !series.first || second < series.first || second > due ? OUTSIDE : UNKNOWN;
  }
  return { kinds, numbers, lows: numbers, from, step: 1, level: equal * 2 > pairs, hollow };
}

/** ceiling is the least round number that is not less than v. */
export function ceiling(v) {
  if (!(v > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(v));
  return STEPS.find((s) => s * unit >= v) * unit;
}

export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.g = canvas.getContext("2d");
    this.width = this.height = 0;
    this.ratio = 1;
  }

  /** Sets the size: CSS pixels, and device pixels for each. */
  resize(width, height, ratio) {
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    [this.width, this.height, this.ratio] = [width, height, ratio];
    this.weight = Math.min(2.5, Math.max(1.5, height / 85)); // of lines: those of a wall are seen from afar
  }

  /** Clears, and sets the axis of seconds and what is kept free around it. */
  begin(from, edge, { left = 0, right = RIGHT, foot = FOOT } = {}) {
    const { g, ratio } = this;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, this.width, this.height);
    g.globalAlpha = 1;
    g.lineJoin = this.weight > 1.5 ? "round" : "bevel"; // of thin lines none can tell, and it takes a fifth less
    g.lineCap = this.weight > 1.5 ? "round" : "butt";
    [this.from, this.edge] = [from, edge];
    [this.left, this.foot] = [left, foot];
    this.bottom = foot > FOOT ? this.height - foot : this.height; // of what goes from top to bottom
    this.pixel = (this.width - left - right) / Math.max(1, edge - from); // width of a second
  }

  /** Sets the axis of values so that it has zero, all samples, and those of the
   * thresholds that are near. A power below 1 gives small values more room. It reports
   * whether a sample is not zero. */
  scale(samples, thresholds = [], power = 1) {
    let lo = 0, hi = 0;
    for (const { kinds, numbers, lows } of samples) {
      for (let i = 0; i < kinds.length; i++) {
        if (kinds[i] !== VALUE) continue;
        if (numbers[i] > hi) hi = numbers[i];
        if (lows[i] < lo) lo = lows[i];
      }
    }
    const some = hi > 0 || lo < 0;
    hi = hi > 0 || lo === 0 ? ceiling(hi * 1.03) : 0;
    lo = lo < 0 ? -ceiling(-lo * 1.03) : 0;
    for (const t of thresholds) if (t > hi && t <= hi * 1.5) hi = ceiling(t * 1.03);
    [this.lo, this.hi, this.power] = [lo, hi, lo < 0 ? 1 : power];
    this.top = this.foot > FOOT ? 18 : Math.min(6, this.height * 0.12);
    return some;
  }

  x(second) { return this.left + (second - this.from) * this.pixel; }
  y(v) {
    const share = ((v - this.lo) / (this.hi - this.lo)) ** this.power;
    return this.height - this.foot - share * (this.height - this.foot - this.top);
  }

  /** The second under a place, within the axis. */
  second(x) { return Math.round(Math.min(this.edge, Math.max(this.from, this.from + (x - this.left) / this.pixel))); }

  /** Calls f(first, last) for each interval of one kind of seconds. */
  static intervals(kinds, kind, f) {
    for (let i = 0; i < kinds.length; i++) {
      if (kinds[i] !== kind) continue;
      const first = i;
      while (i + 1 < kinds.length && kinds[i + 1] === kind) i++;
      f(first, i);
    }
  }

  /** The lines of a sample: its intervals of values, not joined where something is
   * missing; and where it is hollow in pieces of their own. */
  #trace({ kinds, numbers, from, step, hollow }, stepped, f) {
    Chart.intervals(kinds, VALUE, (begin, end) => {
      for (let first = begin, last; first <= end; first = last + 1) {
        const open = hollow?.[first] ?? 0;
        for (last = first; last < end && (hollow?.[last + 1] ?? 0) === open; last++);
        const start = first > begin ? first - 1 : first; // the pieces meet
        const path = new Path2D();
        const x = (i) => this.x(from + i * step);
        path.moveTo(begin === end ? x(start) - 1 : x(start), this.y(numbers[start]));
        for (let i = start + 1; i <= last; i++) {
          if (stepped && numbers[i] !== numbers[i - 1]) path.lineTo(x(i), this.y(numbers[i - 1]));
          // A level interval is one line.
          if (i < last && numbers[i] === numbers[i - 1] && numbers[i] === numbers[i + 1]) continue;
          path.lineTo(x(i), this.y(numbers[i]));
        }
        if (begin === end) path.lineTo(x(start) + 1, this.y(numbers[start]));
        f(path, x(start), x(last), open);
      }
    });
  }

  /** A sample as a line with the area under it, without one where it is hollow. */
  area(sample, hue, { stepped = false, depth = 0.2, alpha = 1, line = 1 } = {}) {
    const { g } = this;
    const base = this.y(0);
    const fill = g.createLinearGradient(0, this.top, 0, this.height);
    fill.addColorStop(0, hue);
    fill.addColorStop(1, `${hue}30`); // hues are #rrggbb
    this.#trace(sample, stepped && this.pixel * sample.step > 1.5, (path, left, right, hollow) => {
      if (depth && !hollow) {
        const under = new Path2D(path);
        under.lineTo(right, base);
        under.lineTo(left, base);
        g.globalAlpha = depth;
        g.fillStyle = fill;
        g.fill(under);
      }
      g.globalAlpha = alpha;
      g.strokeStyle = hue;
      g.lineWidth = this.weight * line * (hollow ? 0.8 : 1);
      g.setLineDash(hollow ? [1, 3 * this.weight] : []);
      g.stroke(path);
    });
    g.setLineDash([]);
    g.globalAlpha = 1;
  }

  /** What is between two samples, where both have values and they are not hollow. */
  band(low, high, hue, alpha) {
    const { g } = this;
    const both = low.kinds.map((k, i) => k === VALUE && high.kinds[i] === VALUE && !high.hollow?.[i] ? VALUE : OUTSIDE);
    g.globalAlpha = alpha;
    g.fillStyle = hue;
    Chart.intervals(both, VALUE, (first, last) => {
      g.beginPath();
      for (let i = first; i <= last; i++) g.lineTo(this.x(high.from + i * high.step), this.y(high.numbers[i]));
      for (let i = last; i >= first; i--) g.lineTo(this.x(low.from + i * low.step), this.y(low.numbers[i]));
      g.fill();
    });
    g.globalAlpha = 1;
  }

  /** What is between the least and the greatest values of each step. */
  spread(sample, hue, alpha) {
    if (sample.step > 1) this.band({ ...sample, numbers: sample.lows }, sample, hue, alpha);
  }

  /** The seconds without values: unknown ones hatched, those without a clock shaded. */
  missing({ kinds, from, step }, colors) {
    const { g } = this;
    const interval = (first, last, draw) => {
      // From the last known point to the next one, and to the end if there is none.
      const left = Math.max(this.left, this.x(from + (first - 1) * step));
      const right = last === kinds.length - 1 ? this.width : this.x(from + (last + 1) * step);
      draw(left, Math.max(2, right - left));
    };
    Chart.intervals(kinds, UNKNOWN, (first, last) => interval(first, last, (left, width) => {
      g.save();
      g.beginPath();
      g.rect(left, 0, width, this.bottom);
      g.clip();
      g.beginPath();
      // The hatching is fixed to the panel, so that it does not crawl.
      for (let x = Math.floor((left - this.height) / 6) * 6; x < left + width; x += 6) {
        g.moveTo(x, this.height);
        g.lineTo(x + this.height, 0);
      }
      g.strokeStyle = colors.faint;
      g.lineWidth = 1;
      g.globalAlpha = 0.7;
      g.stroke();
      g.restore();
    }));
    Chart.intervals(kinds, CLOCKLESS, (first, last) => interval(first, last, (left, width) => {
      g.globalAlpha = 0.16;
      g.fillStyle = colors.faint;
      g.fillRect(left, 0, width, this.bottom);
      g.globalAlpha = 1;
    }));
  }

  /** A threshold as a dashed hairline, if the axis has it. */
  threshold(v, hue) {
    if (v === undefined || v === null || v <= this.lo || v > this.hi) return;
    const { g } = this;
    const y = Math.round(this.y(v)) + 0.5;
    g.strokeStyle = hue;
    g.lineWidth = 1;
    g.globalAlpha = 0.6;
    g.setLineDash([2, 4]);
    g.beginPath();
    g.moveTo(this.left, y);
    g.lineTo(this.width, y);
    g.stroke();
    g.setLineDash([]);
    g.globalAlpha = 1;
  }

  /** A point, with a ring of the ground's color so that it stands off the line. */
  dot(second, v, hue, ground) {
    const { g } = this;
    g.beginPath();
    g.arc(this.x(second), this.y(v), 1.5 + this.weight, 0, 7);
    g.fillStyle = hue;
    g.strokeStyle = ground;
    g.lineWidth = 1.5;
    g.fill();
    g.stroke();
  }

  /** The second that the reader points at. */
  cursor(second, colors) {
    if (second < this.from || second > this.edge) return;
    const { g } = this;
    const x = Math.round(this.x(second)) + 0.5;
    g.strokeStyle = colors.dim;
    g.lineWidth = 1;
    g.globalAlpha = 0.6;
    g.beginPath();
    g.moveTo(x, 0);
    g.lineTo(x, this.bottom);
    g.stroke();
    g.globalAlpha = 1;
  }
}
