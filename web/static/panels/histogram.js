// A histogram: a heat strip, time to the right and buckets upwards; the darker,
// the more of a second's values are in a bucket.

import { Chart, NOTHING, sample } from "../chart.js";
import { element, write } from "../dom.js";
import { brief, exact, short } from "../format.js";

const COLUMNS = 100; // at most: seconds are added up to fit
const LARGE = 240; // of a large chart
const MARK = 16; // px between two bounds that are written, at least

/** heat draws counts of buckets from a second to another, in columns of so many
 * seconds; countsAt gives those of a second, every so many seconds. */
function heat(chart, from, edge, step, buckets, hue, countsAt, every = 1) {
  const { g } = chart;
  const height = heightOf(chart, buckets);
  g.fillStyle = hue;
  for (let first = from; first <= edge; first += step) {
    const added = new Array(buckets).fill(0);
    for (let s = first; s < Math.min(first + step, edge + 1); s += every) countsAt(s)?.forEach((n, i) => { added[i] += n; });
    const all = added.reduce((a, b) => a + b, 0);
    if (!all) continue;
    const left = Math.max(chart.left, chart.x(first));
    const width = Math.max(1, chart.x(first + step) - left - (chart.pixel * step > 3 ? 0.75 : 0));
    added.forEach((n, i) => {
      if (!n) return;
      g.globalAlpha = 0.08 + 0.92 * Math.sqrt(n / all);
      g.fillRect(left, chart.bottom - 2 - (i + 1) * height, width, Math.max(1, height - 0.75));
    });
  }
  g.globalAlpha = 1;
}

const heightOf = (chart, buckets) => (chart.bottom - 4) / buckets;

export const histogram = {
  fits: (stat) => stat.shape === "histogram",
  large: {
    draw({ chart, points, stat, from, edge, due, hue, colors }) {
      chart.missing(points.sample(from, edge, due, () => undefined), colors);
      const step = points.step > 1 ? points.step : Math.ceil((edge - from + 1) / LARGE);
      heat(chart, from - from % step, edge, step, stat.buckets.length + 1, hue, (second) => points.at(second).value?.counts, points.step);
    },
    marks(stat, chart) {
      const height = heightOf(chart, stat.buckets.length + 1), every = Math.ceil(MARK / height);
      return stat.buckets.map((b, i) => ({ y: chart.bottom - 2 - (i + 1) * height, text: short(b) })).filter((_, i) => i % every === 0);
    },
    words: (value) => value.counts.map((n, i) => `${i < value.le.length ? `≤ ${brief(value.le[i])}` : "more"}: ${n}`).join("  "),
  },
  columns: (stat) => [...stat.buckets, "more"].map((b, i) => ({ name: `up to ${b}`, pick: (v) => v.counts[i] })),
  size: () => ({ columns: 2, rows: 2 }),
  build(body, stat) {
    const figure = element("span", "figure"), unit = element("span", "unit"), note = element("span", "note");
    const canvas = element("canvas");
    body.append(element("p", "value", figure, unit, note), canvas);
    const chart = new Chart(canvas);
    const sum = (value) => value ? value.counts.reduce((a, b) => a + b, 0) : null;

    const draw = ({ series, value, why, hue, colors, from, edge, due, cursor, still }) => {
      write(figure, brief(sum(value)));
      write(unit, value ? "values" : "");
      write(note, why);
      if (still) return "";
      chart.begin(from, edge, { right: 0 });
      const known = sample(series, from, edge, due, () => undefined);
      chart.missing(known, colors);

      const step = Math.ceil((edge - from + 1) / COLUMNS);
      heat(chart, from, edge, step, stat.buckets.length + 1, hue, (second) => known.kinds[second - from] === NOTHING ? series.at(second)?.counts : undefined);
      if (cursor !== null) chart.cursor(cursor, colors);
      return value ? value.counts.map((n, i) => `${i < value.le.length ? `up to ${exact(value.le[i])}` : "beyond"}: ${n}`).join(", ") : why || "no value";
    };
    return { chart, draw };
  },
};
