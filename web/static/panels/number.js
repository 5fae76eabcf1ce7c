// A number: the figure with its unit, over an area of the last minutes.

import { Chart, sample } from "../chart.js";
import { element, write } from "../dom.js";
import { exact, noneIn, span, split, timeUnit } from "../format.js";

const COUNTS = new Set(["count", "rate"]); // kinds whose zero is that of no line

export const number = {
  fits: () => true,
  size: () => ({ columns: 1, rows: 1 }),
  lines: () => [{ name: "", pick: (v) => v }],
  build(body, stat) {
    const figure = element("span", "figure"), unit = element("span", "unit"), note = element("span", "note");
    const canvas = element("canvas");
    body.append(element("p", "value", figure, unit, note), canvas);
    const chart = new Chart(canvas);
    let scale; // the unit of the figure
    let some = false; // whether the chart has anything but zeros

    const draw = ({ series, value, shown, why, hue, colors, from, edge, due, cursor, point, still }) => {
      const own = value === null ? scale : timeUnit(value, stat.unit ?? "", scale);
      if (cursor === null) scale = own;
      const [text, suffix] = split(value, stat.unit ?? "", series.fractional, own);
      write(figure, text);
      write(unit, text === "–" ? "" : suffix);
      let seconds;
      if (!still) {
        seconds = sample(series, from, edge, due);
        chart.begin(from, edge);
        some = chart.scale([seconds], [stat.warn, stat.crit]);
      }
      // A zero that was nothing else is told from one that has just come.
      const never = value === 0 && !some && COUNTS.has(stat.kind) ? `no line in ${span(edge - from + 1)}` : "";
      write(note, why || (value === null && shown ? noneIn(stat.over) : shown ? never : ""));
      if (still) return "";
      chart.missing(seconds, colors);
      chart.threshold(stat.warn, colors.warn);
      chart.threshold(stat.crit, colors.crit);
      chart.area(seconds, hue, { stepped: seconds.level, depth: colors.depth });
      if (cursor !== null) chart.cursor(cursor, colors);
      const at = cursor ?? series.newest;
      if (typeof value === "number" && at <= edge && at >= from) chart.dot(at, value, ...point);
      return text === "–" ? why || "no value" : `${exact(value)} ${stat.unit ?? ""}`;
    };
    return { chart, draw };
  },
};
