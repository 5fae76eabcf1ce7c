// Counts of lines, Pulse's own account: those that came in as an area, those
// that were late or unreadable in front of it, and as figures whatever is counted
// beside them.

import { Chart, sample } from "../chart.js";
import { element, write } from "../dom.js";
import { brief, exact, split } from "../format.js";

const OWN = new Set(["in", "counted", "bytes"]); // have a place of their own, or say nothing new

export const counts = {
  fits: (stat) => stat.shape === "counts",
  size: () => ({ columns: 2, rows: 1 }),
  lines: () => [{ name: "in", pick: (v) => v.in }, { name: "late", pick: (v) => v.late, hue: "warn" }, { name: "unreadable", pick: (v) => v.unreadable, hue: "crit" }],
  build(body) {
    const came = element("dd", "figure"), bytes = element("dd", "figure"), bytesUnit = element("dt");
    const beside = new Map(); // figures by what they count
    const note = element("div", "note");
    const canvas = element("canvas");
    const figures = element("dl", "",
      element("div", "", element("dt", "", "in/s"), came),
      element("div", "", bytesUnit, bytes));
    body.append(element("div", "figures", figures, note), canvas);
    const chart = new Chart(canvas);

    const draw = ({ series, value, why, hue, colors, from, edge, due, cursor, point, still }) => {
      write(came, brief(value?.in ?? null));
      const [text, unit] = split(value?.bytes ?? null, "B/s");
      write(bytes, text);
      write(bytesUnit, unit);
      for (const key of Object.keys(value ?? {})) {
        if (OWN.has(key) || beside.has(key)) continue;
        beside.set(key, element("dd", "figure"));
        figures.append(element("div", "", element("dt", "", key), beside.get(key)));
      }
      beside.forEach((figure, key) => write(figure, brief(value?.[key] ?? null)));
      write(note, why);

      if (still) return "";
      const all = sample(series, from, edge, due, (v) => v.in);
      const lost = sample(series, from, edge, due, (v) => v.late + v.unreadable || undefined);
      chart.begin(from, edge);
      chart.scale([all]);
      chart.missing(sample(series, from, edge, due, (v) => v.in ?? 0), colors);
      chart.area(all, hue, { depth: colors.depth });
      chart.area(lost, colors.warn, { depth: 0.5 });
      if (cursor !== null) chart.cursor(cursor, colors);
      const second = cursor ?? series.newest;
      if (typeof value?.in === "number" && second >= from && second <= edge) chart.dot(second, value.in, ...point);
      return value ? Object.entries(value).map(([k, v]) => `${k} ${exact(v)}`).join(", ") : why || "no value";
    };
    return { chart, draw };
  },
};
