// One panel: its title, mark and state are the same for every shape of value.

import { element, mark, write } from "./dom.js";
import { clock, span } from "./format.js";
import { level } from "./model.js";
import { panelOf } from "./panels/registry.js";

let ids = 0;

export class Panel {
  /** A panel for a series of a model. */
  constructor(series) {
    const { stat } = series;
    this.name = stat.name;
    const panel = panelOf(stat);
    this.size = panel.size(stat);
    this.visible = false;
    this.drawn = false;
    this.spoken = element("span", "unseen");
    this.spoken.id = `p${++ids}`;
    this.who = element("span", "who");
    this.at = element("span", "at");
    this.ago = element("span", "ago");
    this.held = element("span", "held", this.who, this.at, this.ago);
    const title = element("h3", "", element("span", "", stat.title), this.held, element("span", "mark"));
    title.title = [stat.title === stat.name ? "" : stat.name, stat.help].filter(Boolean).join("\n");
    this.element = element("article", "panel", title);
    this.element.tabIndex = -1;
    this.element.setAttribute("aria-label", stat.title);
    this.element.setAttribute("aria-describedby", this.spoken.id);
    this.element.classList.toggle("wide", this.size.columns > 1);
    this.element.classList.toggle("tall", this.size.rows > 1);
    const { chart, draw } = panel.build(this.element, stat);
    this.element.append(this.spoken);
    this.chart = chart;
    this.canvas = chart?.canvas;
    this.canvas?.setAttribute("aria-hidden", "true");
    this.drawValue = draw;
  }

  /** Draws how things stand: model at moment, or at the second that the reader points at. */
  draw(model, moment, colours, cursor) {
    const series = model.series.get(this.name);
    if (!series || this.chart && !this.chart.width) return;
    this.drawn = true;
    const { stat } = series;
    let { state, why, brief, held = 0 } = model.state(series, moment);
    // What is drawn as the value: the newest, if that is one, the last known, or that of the cursor.
    let value = state === "value" || held || state === "stale" && !why ? series.at(series.newest) : null;
    if (cursor !== null) {
      value = series.at(cursor) ?? null;
      const known = series.at(cursor) !== undefined;
      [state, why, held] = known ? ["value", "", 0] : series.clockless(cursor) ? ["stale", "no clock", 0] : ["unknown", "not known", 0];
    }
    const worth = state === "value" || held ? level(stat, value) : "";
    const hue = state === "stale" ? colours.faint : worth ? colours[worth] : colours.ok;
    mark(this.element, "state", state);
    mark(this.element, "level", worth);
    mark(this.element, "past", cursor === null ? "" : "yes");
    const note = held ? `${brief} behind` : why;
    this.#date(held, moment.now, note, why);
    const text = this.drawValue({
      series, value, cursor, colours, hue, shown: state === "value",
      why: held && this.size.columns > 1 ? "" : note, // where it is wide the title has room for it
      point: held ? [colours.panel, hue] : [hue, colours.panel],
      from: moment.from, edge: moment.edge, due: moment.due,
    });
    const trouble = { warn: ", warning", crit: ", critical" }[worth] ?? "";
    const since = held ? `unknown, ${why}; ${span(moment.now - held - 1)} ago: ` : state === "value" ? "" : `${state}: `;
    write(this.spoken, since + text + trouble);
  }

  /** Says beside the title of when the value is, if it is not of now. */
  #date(held, now, note, why) {
    const told = held ? `unknown since ${clock(held + 1, now)}: ${why}` : "";
    if (this.element.title !== told) this.element.title = told;
    write(this.who, held && this.size.columns > 1 ? note : "");
    write(this.at, held ? clock(held, now) : "");
    write(this.ago, held ? `${span(now - held - 1)} ago` : "");
  }
}
