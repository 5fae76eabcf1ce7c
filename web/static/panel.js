// One panel: its title, mark and state are the same for every shape of value.

import { element, mark, write } from "./dom.js";
import { level } from "./model.js";
import { shapeOf } from "./panels/registry.js";

let ids = 0;

export class Panel {
  /** A panel for a series of a model. */
  constructor(series) {
    const { stat } = series;
    this.name = stat.name;
    this.shape = shapeOf(stat);
    this.size = this.shape.size(stat);
    this.visible = false;
    this.drawn = false;
    this.spoken = element("span", "unseen");
    this.spoken.id = `p${++ids}`;
    const title = element("h3", "", element("span", "", stat.title), element("span", "mark"));
    title.title = [stat.title === stat.name ? "" : stat.name, stat.help].filter(Boolean).join("\n");
    this.element = element("article", "panel", title);
    this.element.tabIndex = -1;
    this.element.setAttribute("aria-label", stat.title);
    this.element.setAttribute("aria-describedby", this.spoken.id);
    this.element.classList.toggle("wide", this.size.columns > 1);
    this.element.classList.toggle("tall", this.size.rows > 1);
    const { chart, draw } = this.shape.build(this.element, stat);
    this.element.append(this.spoken);
    this.chart = chart;
    this.canvas = chart?.canvas;
    this.canvas?.setAttribute("aria-hidden", "true");
    this.drawShape = draw;
  }

  /** Draws how things stand: model at moment, or at the second that the reader points at. */
  draw(model, moment, colours, cursor) {
    const series = model.series.get(this.name);
    if (!series || this.chart && !this.chart.width) return;
    this.drawn = true;
    const { stat } = series;
    let { state, why } = model.state(series, moment);
    // What is drawn as the value: the newest, if that is one, or that of the cursor.
    let value = state === "value" || state === "stale" && !why ? series.at(series.newest) : null;
    if (cursor !== null) {
      value = series.at(cursor) ?? null;
      const known = series.at(cursor) !== undefined;
      [state, why] = known ? ["value", ""] : series.clockless(cursor) ? ["stale", "no clock"] : ["unknown", "not known"];
    }
    const worth = state === "value" ? level(stat, value) : "";
    mark(this.element, "state", state);
    mark(this.element, "level", worth);
    mark(this.element, "past", cursor === null ? "" : "yes");
    const text = this.drawShape({
      series, value, why, cursor, colours, shown: state === "value", level: worth,
      hue: state === "stale" ? colours.faint : worth ? colours[worth] : colours.ok,
      from: moment.from, edge: moment.edge, due: moment.due,
    });
    const trouble = { warn: ", warning", crit: ", critical" }[worth] ?? "";
    write(this.spoken, (state === "value" ? "" : `${state}: `) + text + trouble);
  }
}
