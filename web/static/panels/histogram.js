// A histogram: a heat strip, time to the right and buckets upwards; the darker,
// the more of a second's values are in a bucket.

import { Chart, NOTHING, sample } from "../chart.js";
import { element, write } from "../dom.js";
import { brief, exact } from "../format.js";

const COLUMNS = 100; // at most: seconds are added up to fit

export const histogram = {
  fits: (stat) => stat.kind === "histogram",
  size: () => ({ columns: 2, rows: 2 }),
  build(body, stat) {
    const figure = element("span", "figure"), unit = element("span", "unit"), note = element("span", "note");
    const canvas = element("canvas");
    body.append(element("p", "value", figure, unit, note), canvas);
    const chart = new Chart(canvas);
    let bounds = 0; // the number of them: the last count is beyond the last bound
    const sum = (value) => value ? value.counts.reduce((a, b) => a + b, 0) : null;

    const draw = ({ series, value, why, hue, colours, from, edge, due, cursor }) => {
      if (value) bounds = value.le.length;
      else for (let s = from; !bounds && s <= edge; s++) bounds = series.at(s)?.le.length ?? 0;
      write(figure, brief(sum(value)));
      write(unit, value ? "values" : "");
      write(note, why);
      chart.begin(from, edge, { right: 0 });
      const known = sample(series, from, edge, due, () => undefined);
      chart.missing(known, colours);

      const { g } = chart;
      const step = Math.ceil((edge - from + 1) / COLUMNS);
      const buckets = bounds + 1;
      const height = (chart.height - 4) / buckets;
      g.fillStyle = hue;
      for (let first = from; first <= edge; first += step) {
        const added = new Array(buckets).fill(0);
        for (let s = first; s < Math.min(first + step, edge + 1); s++) {
          if (known.kinds[s - from] === NOTHING) series.at(s)?.counts.forEach((n, i) => { added[i] += n; });
        }
        const all = added.reduce((a, b) => a + b, 0);
        if (!all) continue;
        added.forEach((n, i) => {
          if (!n) return;
          g.globalAlpha = 0.08 + 0.92 * Math.sqrt(n / all);
          g.fillRect(chart.x(first), chart.height - 2 - (i + 1) * height, Math.max(1, chart.pixel * step - 0.75), Math.max(1, height - 0.75));
        });
      }
      g.globalAlpha = 1;
      if (cursor !== null) chart.cursor(cursor, colours);
      return value ? value.counts.map((n, i) => `${i < value.le.length ? `up to ${exact(value.le[i])}` : "beyond"}: ${n}`).join(", ") : why || "no value";
    };
    return { chart, draw };
  },
};
