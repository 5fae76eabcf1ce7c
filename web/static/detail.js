// One stat, large: axes, exact values under a crosshair, a longer window, what
// defines it, and its points to take away.

import { Chart, sample } from "./chart.js";
import { element, mark, write } from "./dom.js";
import { clock, exact, brief, split } from "./format.js";
import { Series, level } from "./model.js";
import { shapeOf } from "./panels/registry.js";

const WINDOWS = [[300, "5 min"], [3600, "1 h"]];
const MARGIN = { left: 56, right: 14, foot: 26 };
const TICKS = [10, 30, 60, 120, 300, 600, 900]; // seconds between marks of time
const TICK_WIDTH = 90; // px between them, at least

export class Detail {
  /** In a root element; view gives {model, moment}, onCursor hears of the second
   * that the reader points at, and onLeave of the wish to go back. */
  constructor(root, view, colours, { onCursor, onLeave }) {
    Object.assign(this, { root, view, colours, onCursor, onLeave, name: "", cursor: null, frame: 0 });
    new ResizeObserver(() => this.#resize()).observe(root);
    root.addEventListener("keydown", (e) => this.#walk(e));
  }

  /** Shows a stat with a window of seconds. */
  show(name, window) {
    const { model } = this.view();
    const stat = model.series.get(name)?.stat;
    this.name = stat ? name : "";
    this.cursor = null;
    if (!stat) {
      this.root.replaceChildren(element("p", "hush", `There is no stat called “${name}”.`));
      return;
    }
    this.stat = stat;
    this.window = WINDOWS.some(([w]) => w === window) ? window : WINDOWS[0][0];
    this.lines = shapeOf(stat).lines?.(stat) ?? [];
    this.figure = element("span", "figure");
    this.unit = element("span", "unit");
    this.note = element("span", "note");
    this.mark = element("span", "mark");
    this.tip = element("p", "tip");
    this.tip.setAttribute("role", "status");
    this.canvas = element("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${stat.title} over time; left and right go from second to second`);
    this.plot = element("div", "plot", this.canvas, this.tip);
    this.chart = new Chart(this.canvas);

    const windows = WINDOWS.map(([w, text]) => {
      const a = element("a", "", text);
      a.href = `#/stat/${encodeURIComponent(name)}/${w}`;
      if (w === this.window) a.setAttribute("aria-current", "true");
      return a;
    });
    const nav = element("nav", "", ...windows);
    nav.setAttribute("aria-label", "Window");
    const press = (text, how) => {
      const button = element("button", "", text);
      button.type = "button";
      button.addEventListener("click", how);
      return button;
    };
    const back = press("←", this.onLeave);
    back.setAttribute("aria-label", "Back");
    const facts = [["name", stat.name], ["kind", stat.kind + (stat.per === 60 ? " per minute" : stat.per ? " per second" : "")], ["field", stat.field],
      ["where", stat.where], ["over", `${stat.over} s`], ["warn", stat.warn], ["crit", stat.crit], ["", stat.reversed ? "low values are the bad ones" : ""], ["", stat.help]]
      .filter(([, v]) => v !== undefined && v !== "" && v !== null)
      .map(([k, v]) => element("div", "", element("dt", "", k), element("dd", "", String(v))));
    this.box = element("article", "detail",
      element("div", "detail-head", back, element("h2", "", stat.title), element("p", "value", this.mark, this.figure, this.unit, this.note), nav,
        element("p", "take", press("CSV", () => this.#save("csv")), press("JSON", () => this.#save("json")), press("PNG", () => this.#savePicture()))),
      this.plot, element("dl", "definition", ...facts));
    this.root.replaceChildren(this.box);

    this.canvas.addEventListener("pointermove", (e) => this.#pointAt(this.chart.second(e.clientX - this.canvas.getBoundingClientRect().left)));
    this.canvas.addEventListener("pointerleave", () => this.#pointAt(null));
    this.#load();
    this.#resize();
  }

  /** Forgets the stat: another thing is shown. */
  hide() {
    this.name = "";
    this.#pointAt(null);
  }

  /** Asks for it to be drawn. */
  touch() {
    if (this.name && !this.frame) this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.#draw();
    });
  }

  /** A longer window than the model's is read once from the server; what comes after is the model's. */
  async #load() {
    const { model, moment } = this.view();
    this.older = null;
    if (this.window <= model.window) return;
    const { name, window } = this;
    try {
      const answer = await fetch(`/api/stats/${encodeURIComponent(name)}?from=${moment.edge - window + 1}&to=${moment.edge}`);
      if (!answer.ok) throw new Error(await answer.text());
      const series = new Series(this.stat, window);
      for (const p of (await answer.json()).points) {
        const second = Date.parse(p.time) / 1000;
        if (p.stale_since) series.gap(Date.parse(p.stale_since) / 1000, second);
        else series.put(second, p.value);
      }
      if (this.name !== name || this.window !== window) return;
      this.older = series;
      this.touch();
    } catch (error) {
      if (this.name === name) write(this.note, String(error.message).trim());
    }
  }

  /** The points to draw. */
  #series(model) {
    const live = model.series.get(this.name);
    if (!this.older) return live;
    for (let s = live.newest - model.window; s <= live.newest; s++) {
      const v = live.at(s);
      if (v !== undefined) this.older.put(s, v);
    }
    this.older.gaps = [...this.older.gaps.filter(([, last]) => !live.gaps.some((g) => g[1] === last)), ...live.gaps];
    return this.older;
  }

  #resize() {
    if (!this.name || !this.canvas.isConnected) return;
    const { width, height } = this.plot.getBoundingClientRect();
    this.chart.resize(width, height, devicePixelRatio || 1);
    this.chart.weight = this.window > 300 ? 1.5 : 2;
    this.#draw();
  }

  #draw() {
    if (!this.name || !this.chart.width) return;
    const { model, moment } = this.view();
    const { chart, colours, stat } = this;
    const live = model.series.get(this.name);
    if (!live) return;
    const series = this.#series(model);
    const { state, why } = model.state(live, moment);
    const now = state === "value" || state === "stale" && !why ? live.at(live.newest) : null;
    const worth = state === "value" ? level(stat, now) : "";
    mark(this.box, "state", state);
    mark(this.box, "level", worth);
    const figures = this.lines.map(({ name, pick }) => {
      const [text, unit] = split(now === null ? null : pick(now) ?? null, this.lines.length > 1 ? "" : stat.unit ?? "", live.fractional);
      write(this.unit, this.lines.length > 1 ? stat.unit ?? "" : unit);
      return name ? `${name} ${text}` : text;
    });
    write(this.figure, figures.join("  ") || "–");
    if (why || this.older || this.window <= model.window) write(this.note, why);

    const from = this.older ? moment.edge - this.window + 1 : moment.from;
    const hue = state === "stale" ? colours.faint : worth ? colours[worth] : colours.ok;
    const samples = this.lines.map((l) => sample(series, from, moment.edge, moment.due, l.pick));
    chart.begin(from, moment.edge, MARGIN);
    chart.scale(samples, [stat.warn, stat.crit]);
    this.#axes();
    if (samples.length) chart.missing(samples[0], colours);
    chart.threshold(stat.warn, colours.warn);
    chart.threshold(stat.crit, colours.crit);
    samples.forEach((s, i) => {
      const weight = 1 - i / samples.length;
      chart.area(s, this.lines[i].hue ? colours[this.lines[i].hue] : hue, { stepped: true, depth: colours.depth * weight, alpha: 0.4 + 0.6 * weight });
    });
    this.#tell(series, moment, hue);
  }

  #axes() {
    const { chart, colours } = this;
    const { g } = chart;
    g.font = `12px ${getComputedStyle(document.documentElement).fontFamily}`;
    g.textBaseline = "middle";
    g.lineWidth = 1;
    g.textAlign = "right";
    for (let i = 0; i <= 4; i++) {
      const v = chart.lo + (chart.hi - chart.lo) * i / 4;
      const y = Math.round(chart.y(v)) + 0.5;
      g.strokeStyle = colours.edge;
      g.beginPath();
      g.moveTo(chart.left, y);
      g.lineTo(chart.width, y);
      g.stroke();
      g.fillStyle = colours.dim;
      g.fillText(brief(v), chart.left - 8, y);
    }
    g.textAlign = "center";
    const step = TICKS.find((t) => t * chart.pixel >= TICK_WIDTH) ?? TICKS.at(-1);
    const offset = new Date(chart.edge * 1000).getTimezoneOffset() * 60;
    for (let s = Math.ceil((chart.from - offset) / step) * step + offset; s <= chart.edge; s += step) {
      const x = chart.x(s);
      if (x < chart.left + 20 || x > chart.width - 30) continue;
      g.fillText(clock(s, s).slice(0, step < 60 ? 8 : 5), x, chart.height - 10);
    }
  }

  /** Draws the crosshair and says what is under it. */
  #tell(series, moment, hue) {
    const { chart, colours, cursor, stat } = this;
    this.tip.hidden = cursor === null || cursor < chart.from || cursor > chart.edge;
    if (this.tip.hidden) return;
    chart.cursor(cursor, colours);
    const value = series.at(cursor);
    const parts = this.lines.map((l) => [l.name, value === undefined || value === null ? null : l.pick(value) ?? null]);
    for (const [, v] of parts) if (typeof v === "number") chart.dot(cursor, v, hue, colours.panel);
    const told = value === undefined ? (series.clockless(cursor) ? "no clock" : "unknown")
      : value === null ? `none in ${stat.over} s`
        : parts.map(([name, v]) => `${name ? `${name} ` : ""}${exact(v)}`).join(" · ") + ` ${stat.unit ?? ""}`;
    write(this.tip, `${clock(cursor, moment.now)}   ${told}`);
    const x = chart.x(cursor), width = this.tip.offsetWidth;
    this.tip.style.setProperty("--x", `${Math.round(x + 14 + width > chart.width ? x - 14 - width : x + 14)}px`);
  }

  #pointAt(second) {
    if (second === this.cursor) return;
    this.cursor = second;
    this.onCursor(second);
    this.touch();
  }

  #walk(e) {
    if (!this.name || !["ArrowLeft", "ArrowRight"].includes(e.key)) return;
    e.preventDefault();
    const by = (e.key === "ArrowLeft" ? -1 : 1) * (e.shiftKey ? 10 : 1);
    const { chart } = this;
    this.#pointAt(Math.min(chart.edge, Math.max(chart.from, (this.cursor ?? chart.edge) + by)));
  }

  #rows() {
    const series = this.#series(this.view().model);
    const rows = [];
    for (let s = this.chart.from; s <= this.chart.edge; s++) {
      const value = series.at(s);
      if (value !== undefined) rows.push({ time: new Date(s * 1000).toISOString().replace(".000", ""), value });
    }
    return rows;
  }

  #save(kind) {
    const rows = this.#rows();
    if (kind === "json") {
      download(`${this.name}.json`, new Blob([JSON.stringify({ stat: this.name, points: rows })], { type: "application/json" }));
      return;
    }
    const head = ["time", ...this.lines.map((l) => l.name || "value")].join(",");
    const body = rows.map(({ time, value }) => [time, ...this.lines.map((l) => value === null ? "" : l.pick(value) ?? "")].join(","));
    download(`${this.name}.csv`, new Blob([[head, ...body].join("\n"), "\n"], { type: "text/csv" }));
  }

  #savePicture() {
    this.canvas.toBlob((blob) => { if (blob) download(`${this.name}.png`, blob); });
  }
}

/** download gives a file to the reader. */
function download(name, blob) {
  const a = element("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}
