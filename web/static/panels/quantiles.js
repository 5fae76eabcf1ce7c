// Quantiles: a figure for each, over lines with the bands between them.

import { Chart, sample } from "../chart.js";
import { element, mark, write } from "../dom.js";
import { brief, exact, noneIn, quantile, timeUnit } from "../format.js";
import { levelOf } from "../model.js";

export const quantiles = {
  fits: (stat) => stat.shape === "quantiles",
  size: (stat) => ({ columns: stat.at.length > 2 ? 2 : 1, rows: 1 }),
  lines: (stat) => stat.at.map((q) => ({ name: quantile(q), pick: (v) => v[q] })),
  build(body, stat) {
    const at = stat.at.map((q) => ({ key: String(q), figure: element("dd", "figure"), name: quantile(q) }));
    const unit = element("div", "unit", stat.unit ?? ""), note = element("div", "note");
    const canvas = element("canvas");
    body.append(element("div", "figures", element("dl", "", ...at.map(({ figure, name }) => element("div", "", element("dt", "", name), figure))), unit, note), canvas);
    const chart = new Chart(canvas);
    let scale; // the unit of the figures
    const ascending = at.map((_, i) => i).sort((a, b) => stat.at[a] - stat.at[b]);

    const draw = ({ series, value, shown, why, hue, worth, colors, from, edge, due, cursor, point, still }) => {
      const [name, size] = timeUnit(value && Math.max(...at.map(({ key }) => Math.abs(value[key] ?? 0))), stat.unit ?? "", scale);
      if (value && cursor === null) scale = [name, size];
      const figureOf = (v) => typeof v === "number" ? brief(v / size, series.fractional) : "–";
      // Only what is past its threshold has its color.
      const levels = at.map(({ key }) => worth ? levelOf(stat, value?.[key]) : "");
      const hues = levels.map((l) => l ? colors[l] : worth ? colors.ok : hue);
      at.forEach(({ key, figure }, i) => {
        write(figure, figureOf(value?.[key]));
        mark(figure, "level", levels[i] || (worth ? "ok" : ""));
      });
      write(unit, name);
      write(note, why || (value === null && shown ? noneIn(stat.over) : ""));

      if (still) return "";
      const samples = ascending.map((i) => sample(series, from, edge, due, (v) => v[at[i].key]));
      chart.begin(from, edge);
      chart.scale(samples, [stat.warn, stat.crit], 0.5); // else the tail alone would be seen
      chart.missing(samples[0], colors);
      chart.threshold(stat.warn, colors.warn);
      chart.threshold(stat.crit, colors.crit);
      samples.forEach((s, i) => {
        // The lowest is the darkest: most values lie under it.
        const weight = 1 - i / samples.length;
        if (i > 0) chart.band(samples[i - 1], s, hues[ascending[i]], colors.depth * (0.35 + 0.5 * weight));
        chart.area(s, hues[ascending[i]], { depth: i ? 0 : colors.depth, alpha: 0.35 + 0.65 * weight, line: i ? 0.8 : 1 });
      });
      if (cursor !== null) chart.cursor(cursor, colors);
      const second = cursor ?? series.newest;
      if (value && second >= from && second <= edge) {
        at.forEach(({ key }, i) => { if (typeof value[key] === "number") chart.dot(second, value[key], ...point.map((c) => c === hue ? hues[i] : c)); });
      }
      return value ? at.map(({ key, name }) => `${name} ${exact(value[key] ?? null)}`).join(", ") + ` ${stat.unit ?? ""}` : why || "no value";
    };
    return { chart, draw };
  },
};
