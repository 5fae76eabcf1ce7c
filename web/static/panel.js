// One panel: its title, mark and state are the same for every shape of value.

import { cut, element, mark, write } from "./dom.js";
import { clock, coverage, span, tick, within } from "./format.js";
import { drawAlerts } from "./alerts.js";
import { drawMarks } from "./marks.js";
import { level } from "./model.js";
import { drawUsual } from "./usual.js";
import { Offer } from "./narrow.js";
import { panelOf } from "./panels/registry.js";

let ids = 0;

const LEAST_SCALE = 42; // px of a chart that has room to say its scale
const APART = 12; // px between two thresholds that are both told

export class Panel {
  /** A panel for a series of a model. */
  constructor(series) {
    const { stat } = series;
    this.stat = stat;
    this.name = stat.name;
    const panel = panelOf(stat);
    this.size = panel.size(stat);
    this.visible = false;
    this.drawn = false;
    this.blank = true; // the chart is to be drawn however little has changed
    this.spoken = element("span", "unseen");
    this.spoken.id = `p${++ids}`;
    this.who = element("span", "who");
    this.at = element("span", "at");
    this.ago = element("span", "ago");
    this.held = element("span", "held", this.who, this.at, this.ago);
    this.sure = element("span", "sure");
    this.usual = element("span", "usual");
    this.remark = element("p", "remark");
    const name = element("span", "cut");
    cut(name, stat.title);
    const title = element("h2", "", name, this.held, this.sure, this.usual, element("span", "mark"));
    this.title = title;
    this.about = [stat.title === stat.name ? "" : stat.name, stat.help].filter(Boolean).join("\n");
    this.element = element("article", "panel", title, this.remark);
    this.element.tabIndex = -1;
    this.element.setAttribute("aria-label", stat.title);
    this.element.setAttribute("aria-describedby", this.spoken.id);
    this.element.classList.toggle("wide", this.size.columns > 1);
    this.element.classList.toggle("tall", this.size.rows > 1);
    const { chart, list, draw } = panel.build(this.element, stat);
    this.chart = chart;
    this.sized = chart?.canvas ?? list;
    this.limits = [["warn", stat.warn], ["crit", stat.crit]].filter(([, v]) => v !== undefined && v !== null)
      .map(([hue, v]) => ({ v, text: `${stat.reversed ? "≤" : "≥"} ${tick(v, stat.unit)}`, element: element("span", hue) }));
    this.unit = stat.unit;
    this.top = element("span");
    this.span = element("span", "span");
    this.scale = element("div", "scale", this.top, this.span, ...this.limits.map((l) => l.element));
    this.scale.setAttribute("aria-hidden", "true");
    this.offer = new Offer();
    this.element.append(...(chart ? [this.scale] : []), this.spoken, this.offer.button);
    this.canvas = chart?.canvas;
    this.canvas?.setAttribute("aria-hidden", "true");
    this.drawValue = draw;
  }

  /** Draws how things stand: model at moment, or at the second that the reader points at. */
  draw(model, moment, colors, cursor) {
    const series = model.series.get(this.name);
    if (!series || this.chart && !this.chart.width) return;
    this.drawn = true;
    this.beat = moment.beat;
    const { stat } = series;
    moment = model.momentOf(series, moment);
    let { state, why, note = why, held = 0 } = model.state(series, moment);
    // What is drawn as the value: the newest, if that is one, the last known, or that of the cursor.
    let value = state === "value" || held || state === "stale" && !why ? series.at(series.newest) : null;
    if (cursor !== null) {
      value = series.at(cursor) ?? null;
      const known = series.at(cursor) !== undefined;
      [state, why, held] = known ? ["value", "", 0] : series.clockless(cursor) ? ["stale", "no ingester", 0]
        : ["unknown", cursor < series.first ? "before the log began" : "not known", 0];
      note = why;
    }
    const second = cursor ?? series.newest;
    const covered = value === null ? null : series.covered(second), error = value === null ? 0 : series.error(second);
    const worth = state === "value" || held ? level(stat, value, covered) : "";
    const hue = state === "stale" ? colors.faint : worth ? colors[worth] : colors.ok;
    mark(this.element, "state", state);
    mark(this.element, "level", worth);
    mark(this.element, "past", cursor === null ? "" : "yes");
    mark(this.element, "hollow", covered === null ? "" : "yes");
    mark(this.element, "approx", error ? "yes" : "");
    this.#cover(covered, stat);
    this.#tell(model.notes.get(this.name) ?? [], error);
    this.#date(held, moment, note, why);
    const looks = `${hue} ${worth} ${state} ${held} ${covered === null} ${cursor}`;
    const { blank } = this, still = this.#still(moment, looks);
    const text = this.drawValue({
      series, value, cursor, colors, hue, worth, shown: state === "value",
      why: held && this.size.columns > 1 ? "" : note, // where it is wide the title has room for it
      point: held || covered !== null ? [colors.panel, hue] : [hue, colors.panel],
      from: moment.from, edge: moment.edge, due: moment.due, still, blank,
    });
    if (this.chart && !still) {
      drawUsual(this.chart, model.usual, stat, colors);
      drawMarks(this.chart, model.marks, colors);
      drawAlerts(this.chart, model.alerts?.of(stat.name) ?? [], colors);
      this.#measure();
    }
    this.offer.show(model.offer?.(this.name) ?? null);
    const unlike = model.usual?.compare(stat, second, value) ?? { text: "", far: false };
    write(this.usual, unlike.text);
    mark(this.element, "far", unlike.far ? "yes" : "");
    if (still) return;
    const trouble = { warn: ", warning", crit: ", critical" }[worth] ?? "";
    const since = held ? `unknown, ${why}; ${moment.apart ? `up to ${clock(held, held)}` : `${span(moment.now - held - 1)} ago`}: ` : state === "value" ? "" : `${state}: `;
    const sure = (covered === null ? "" : `, of ${coverage(covered, stat.over)}`) + (error ? `, ${within(error)}` : "");
    write(this.spoken, since + text + sure + trouble + (unlike.text && `, ${unlike.text}`));
  }

  /** Whether the chart can stay as it is: it has moved, but by less than a pixel, and looks as it
   * did; one that has not moved has other points. Of many small ones drawing is most of what a
   * page costs. */
  #still({ edge }, looks) {
    const { chart } = this;
    const still = chart !== null && !this.blank && looks === this.looks && edge > chart.edge && (edge - chart.edge) * chart.pixel * chart.ratio < 1;
    this.blank = false;
    this.looks = looks;
    return still;
  }

  /** Says what the chart's axes are, which change rarely: its top, its span and its thresholds. */
  #measure() {
    const { lo, hi, power, height, from, edge } = this.chart;
    const axes = `${lo} ${hi} ${height} ${edge - from}`;
    if (axes === this.axes || hi === undefined) return;
    this.axes = axes;
    this.scale.hidden = height < LEAST_SCALE;
    this.scale.style.setProperty("--height", `${height}px`);
    const place = (e, v, text) => {
      e.style.setProperty("--y", `${this.chart.y(v).toFixed(1)}px`);
      write(e, text);
    };
    place(this.top, hi, tick(hi, this.unit) + (power < 1 ? " √" : ""));
    write(this.span, (lo < 0 ? `${tick(lo, this.unit)} · ` : "") + span(edge - from + 1));
    const graver = this.limits.at(-1)?.v;
    for (const { v, text, element: e } of this.limits) {
      e.hidden = v <= lo || v > hi || v !== graver && Math.abs(this.chart.y(v) - this.chart.y(graver)) < APART;
      place(e, v, text);
    }
  }

  /** Says beside the title of when the value is, if it is not of now. */
  #date(held, { now, apart }, note, why) {
    const told = held ? `unknown since ${clock(held + 1, now)}: ${why}` : "";
    if (this.element.title !== told) this.element.title = told;
    write(this.who, held && this.size.columns > 1 ? note : "");
    write(this.at, held ? apart ? "up to" : clock(held, now) : "");
    write(this.ago, held ? apart ? clock(held, held) : `${span(now - held - 1)} ago` : "");
  }

  /** Says beside the title how much of the window the value is of, if it is not of all. */
  #cover(covered, stat) {
    write(this.sure, covered === null ? "" : coverage(covered, stat.over));
    if (covered !== null) this.sure.style.setProperty("--share", covered / stat.over);
  }

  /** Says below the title what was not understood, and on it how far an estimate may be off. */
  #tell(notes, error) {
    write(this.remark, notes.join(" · "));
    const title = notes.join("\n");
    if (this.remark.title !== title) this.remark.title = title;
    const text = [this.about, error ? `an estimate: ≈ ${within(error)}` : ""].filter(Boolean).join("\n");
    if (this.title.title !== text) this.title.title = text;
  }
}
