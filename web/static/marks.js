// What stands on the charts at a second: deploys and other marks, from lines and people.

import { element } from "./dom.js";
import { clock, isolated, visible } from "./format.js";
import { incidentHere } from "./place.js";

const REACH = 5; // px from a mark at which it is told
const MOST_TOLD = 4; // marks that are told at a time

/** The marks of a message, with their seconds. */
export const readMarks = (list) => list.map((m) => ({ ...m, second: Date.parse(m.time) / 1000 }));

/** Marks near a second, as far as so many seconds, the nearest first. */
export const near = (marks, second, reach) => marks.filter((m) => Math.abs(m.second - second) <= reach)
  .sort((a, b) => Math.abs(a.second - second) - Math.abs(b.second - second));

/** A mark in words. */
export const words = ({ name, text, lines }) => [name, text && isolated(text), lines > 1 ? `(${lines} lines)` : ""].filter(Boolean).join(" ");

/** What marks near a second of a chart say, a line each. */
export function told(marks, chart, second, now) {
  const found = near(marks, second, Math.max(1, REACH / chart.pixel));
  const lines = found.slice(0, MOST_TOLD).map((m) => `◆ ${clock(m.second, now)}  ${words(m)}`);
  if (found.length > MOST_TOLD) lines.push(`and ${found.length - MOST_TOLD} more`);
  return lines;
}

/** Draws marks on a chart: a line with a diamond at its top. */
export function drawMarks(chart, marks, colors) {
  const { g } = chart;
  for (const { second } of marks) {
    if (second < chart.from || second > chart.edge) continue;
    const x = Math.round(chart.x(second)) + 0.5, size = 3.5;
    g.globalAlpha = 0.5;
    g.strokeStyle = g.fillStyle = colors.mark;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(x, size);
    g.lineTo(x, chart.bottom);
    g.stroke();
    g.globalAlpha = 1;
    g.beginPath();
    g.moveTo(x, 0);
    g.lineTo(x + size, size);
    g.lineTo(x, 2 * size);
    g.lineTo(x - size, size);
    g.fill();
  }
}

/** Reads the marks of the seconds [from, to]: {marks, more}; with an incident none are kept. */
export async function loadMarks(from, to, signal) {
  if (incidentHere()) return { marks: [], more: 0 };
  const answer = await fetch(`/api/marks?${new URLSearchParams({ from: Math.max(0, from), to })}`, { signal });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  const { marks, more = 0 } = await answer.json();
  return { marks: readMarks(marks), more };
}

/** The tip of the grid: what the mark under the pointer is. */
export class MarkTip {
  constructor(grid, view) {
    this.tip = element("p", "mark-tip");
    this.tip.hidden = true;
    this.tip.setAttribute("role", "status");
    document.body.append(this.tip);
    grid.root.addEventListener("pointermove", (e) => { [this.x, this.y] = [e.clientX, e.clientY]; });
    grid.root.addEventListener("cursor", ({ detail }) => {
      const chart = grid.panels.find((p) => p.chart?.pixel)?.chart;
      const { model, moment } = view();
      const lines = detail === null || !chart ? [] : told(model.marks, chart, detail, moment.now);
      this.tip.hidden = !lines.length;
      if (!lines.length) return;
      this.tip.textContent = lines.join("\n");
      this.tip.style.setProperty("--x", `${Math.max(4, Math.min(this.x + 14, innerWidth - this.tip.offsetWidth - 8))}px`);
      this.tip.style.setProperty("--y", `${Math.max(4, Math.min(this.y + 18, innerHeight - this.tip.offsetHeight - 8))}px`);
    });
  }
}

/** The marks of a large chart, as a list with their links. */
export class MarkList {
  constructor() {
    this.root = element("section", "lines marks");
    this.root.setAttribute("aria-label", "Marks");
    this.root.hidden = true;
    this.shown = "";
  }

  show(marks, more, now) {
    const key = JSON.stringify([marks.map((m) => [m.second, m.name, m.text, m.lines]), more]);
    if (key === this.shown) return;
    this.shown = key;
    this.root.hidden = !marks.length && !more;
    const rows = marks.toReversed().map((m) => {
      const time = element("time", "", clock(m.second, now));
      time.dateTime = m.time;
      const text = element("bdi", "", visible([m.name, m.text].filter(Boolean).join(" ")));
      if (!/^https?:\/\//.test(m.link ?? "")) return element("li", "", time, text);
      const link = element("a", "", text);
      link.href = m.link;
      link.rel = "noopener noreferrer";
      return element("li", "", time, link);
    });
    this.root.replaceChildren(element("h3", "", "Marks"), element("ol", "", ...rows));
    if (more) this.root.append(element("p", "hush", `and ${more.toLocaleString("en")} more: of a minute the first 100 are shown`));
  }
}
