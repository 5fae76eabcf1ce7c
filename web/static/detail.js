// One stat, large: axes, exact values under a crosshair, any range of time beside
// that of an hour, a day or a week before, the lines behind a point, what defines
// the stat, and its points to take away.

import { Chart, KEY_HUES, VALUE } from "./chart.js";
import { download, element, mark, resting, write } from "./dom.js";
import { Explained } from "./explain.js";
import { brief, clock, coverage, dated, fine, isolated, marksOfTime, noneIn, offset, reach, span, split, tick, timeUnit, visible, within } from "./format.js";
import { BY_SECOND, Seconds, load, stepFor } from "./history.js";
import { Lines } from "./lines.js";
import { drawAlerts } from "./alerts.js";
import { MarkList, drawMarks, loadMarks, told } from "./marks.js";
import { level, levelOf } from "./model.js";
import { Keys } from "./keys.js";
import { NO_LINES, may } from "./may.js";
import { drawUsual } from "./usual.js";
import { chipsOf, chipsOfKey, conditionOf } from "./narrow.js";
import { pinches } from "./pinch.js";
import { panelOf } from "./panels/registry.js";
import { hashOf, note, placeOf } from "./place.js";

const WINDOWS = [[300, "5 min"], [3600, "1 h"], [86400, "24 h"], [604800, "7 d"]];
const ALL = "all"; // all there is, as far as the server gives it at once
const BEFORE = [[3600, "hour"], [86400, "day"], [604800, "week"]];
const MARGIN = { left: 56, right: 14, foot: 26 };
const TICKS = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]; // seconds between marks of time
const TICK_WIDTH = 90; // px between them, at least
const LEAST_RANGE = 10; // seconds
const MOST_RANGE = 31 * 86400; // seconds that the server gives at once
const PLAIN = new Set(["seconds", "uncovered", "covered", "of", "approx"]); // columns of a table that are no values
const FILLING = 10; // seconds after which a range is read again whose past is being worked out
const DRAG = 6; // px that the pointer moves before it selects

/** A range in a URL: a window up to now, "3600", or seconds, "1764000000-1764003600". */
export function parseRange(text) {
  const [, from, to] = /^(\d{1,12})-(\d{1,12})$/.exec(text) ?? [];
  if (from && Number(to) - Number(from) >= LEAST_RANGE - 1 && Number(to) - Number(from) < MOST_RANGE) return { from: Number(from), to: Number(to) };
  if (text === ALL) return { window: MOST_RANGE, all: true };
  const window = Number(text);
  return { window: WINDOWS.some(([w]) => w === window) ? window : WINDOWS[0][0] };
}

/** The round numbers between two, four to eight of them. */
function* round(lo, hi) {
  const unit = 10 ** Math.floor(Math.log10((hi - lo) / 4));
  const step = [5, 2, 1].find((s) => s * unit <= (hi - lo) / 4) * unit;
  for (let i = Math.ceil(lo / step); i * step <= hi * (1 + 1e-9); i++) yield Number((i * step).toPrecision(12));
}

const format = ({ window, all, from, to }) => all ? ALL : window ? String(window) : `${from}-${to}`;

export class Detail {
  /** In a root element; view gives {model, moment}. onCursor hears of the second
   * that the reader points at, onLeave of the wish to go back, and onLook of what
   * is to be looked at: a name, a range and an offset; onStart starts a stat of some lines, or
   * gives null where nobody can. */
  constructor(root, view, colors, { onCursor, onLeave, onLook, onNarrow, onStart }) {
    Object.assign(this, { root, view, colors, onCursor, onLeave, onLook, onNarrow, onStart, name: "", cursor: null, frame: 0 });
    new ResizeObserver(() => this.#resize()).observe(root);
    root.addEventListener("keydown", (e) => this.#press(e));
    this.rest = resting(() => this.#pointAt(null));
  }

  /** Shows a stat in a range of time; beside it, if asked, so many seconds before; of its
   * keys one alone, if it is named. The parameters of its URL say what else is open. */
  show(name, range, before, key, query) {
    const { model } = this.view();
    const stat = model.series.get(name)?.stat;
    this.hide();
    if (!stat) {
      this.root.replaceChildren(element("p", "hush", `There is no stat called “${name}”.`));
      return;
    }
    const again = this.stat === stat && this.box?.isConnected;
    Object.assign(this, { name, stat, range: parseRange(range), before: BEFORE.some(([s]) => s === Number(before)) ? Number(before) : 0 });
    this.panel = panelOf(stat);
    this.data = this.other = this.older = this.begun = null;
    this.aborts = new AbortController();
    if (!again) this.#build();
    if (this.keys) {
      this.keys.only = key || null;
      this.#chip();
    }
    this.#choices();
    this.#told("");
    this.#load();
    this.#resize();
    this.#reopen(query);
  }

  /** Opens again what a URL says: what is different in some seconds, and the lines of some. */
  #reopen(query) {
    const { now } = this.view().moment;
    const seconds = (text) => /^(\d{1,12})-(\d{1,12})$/.exec(text ?? "")?.slice(1).map(Number);
    const different = seconds(query.get("different")), lines = seconds(query.get("lines"));
    const against = query.get("against");
    if ((lines || different) && this.#refused()) return;
    if (lines) this.lines.show(this.stat, ...lines, now, this.keys?.only ?? null, query.get("where") ?? "");
    if (different) this.explained.show(this.stat, ...different, now, { against: against === null ? null : Number(against), where: query.get("of") ?? "" });
  }

  #build() {
    const { stat } = this;
    const press = (text, how) => {
      const button = element("button", "", text);
      button.type = "button";
      button.addEventListener("click", how);
      return button;
    };
    this.figure = element("span", "figure");
    this.unit = element("span", "unit");
    this.note = element("span", "note");
    this.mark = element("span", "mark");
    this.tip = element("p", "tip");
    this.tip.setAttribute("role", "status");
    this.canvas = element("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${stat.title} over time; left and right move, up and down zoom${may("lines") ? ", enter shows the lines" : ""}`);
    this.selection = element("div", "selection");
    this.selection.hidden = true;
    this.legend = element("p", "legend", element("i"), element("span"));
    this.legend.hidden = true;
    this.plot = element("div", "plot", this.canvas, this.selection, this.legend, this.tip);
    this.keys = this.panel.labeled ? new Keys(stat, this.panel.shown(stat), () => this.#isolated()) : null;
    this.chip = element("button", "chip");
    this.chip.type = "button";
    this.chip.hidden = true;
    this.chip.addEventListener("click", () => this.keys.isolate(null));
    this.everywhere = press("in all panels", () => this.onNarrow(chipsOfKey(this.stat, this.keys.only)));
    this.everywhere.title = "Only lines of this key, in all panels";
    this.everywhere.hidden = true;
    this.chart = new Chart(this.canvas);
    this.windows = element("nav");
    this.windows.setAttribute("aria-label", "Window");
    this.versus = element("nav");
    this.versus.setAttribute("aria-label", "Compare with");
    const back = press("←", this.onLeave);
    back.setAttribute("aria-label", "Back");
    this.remarks = element("div", "remarks");
    this.filling = element("p", "filling");
    const lines = element("section", "lines");
    lines.setAttribute("aria-label", "Lines");
    lines.hidden = true;
    this.marks = new MarkList();
    this.lines = new Lines(lines, (asked) => {
      note({ lines: asked && `${asked.first}-${asked.last}`, where: asked?.where || null });
      if (!asked) this.canvas.focus();
    }, this.onStart);
    const different = element("section", "lines different");
    different.setAttribute("aria-label", "What is different");
    different.hidden = true;
    this.explained = new Explained(different, {
      onAsk: (asked) => {
        note({ different: asked && `${asked.from}-${asked.to}`, against: asked?.against ?? null, of: asked?.where || null });
        if (!asked) this.canvas.focus();
      },
      onLines: ({ from, to }, where) => this.lines.show(stat, from, to, this.view().moment.now, this.keys?.only ?? null, where),
    });
    const why = press("What is different", () => this.why());
    why.title = "Which values of which fields explain it (w); shift and drag: of some seconds";
    this.box = element("article", "detail",
      element("div", "detail-head", back, element("h2", "", stat.title), this.chip, this.everywhere, element("p", "value", this.mark, this.figure, this.unit, this.note), this.windows, this.versus,
        element("p", "take", ...may("lines") ? [why] : [], press("CSV", () => this.#save("csv")), press("JSON", () => this.#save("json")), press("PNG", () => this.#savePicture()))),
      this.remarks, this.filling, element("div", "charted", this.plot, ...(this.keys ? [this.keys.root] : [])), lines, different, this.marks.root, this.#definition());
    this.box.setAttribute("aria-label", stat.title);
    this.root.replaceChildren(this.box);

    const x = (e) => e.clientX - this.canvas.getBoundingClientRect().left;
    pinches(this.canvas, this.chart, () => this.#dropped(), (from, to) => this.#zoom(from, Math.min(to, Math.floor(this.view().moment.now))));
    this.canvas.addEventListener("pointerdown", (e) => {
      if (e.pointerType === "touch" && !e.isPrimary || e.button !== 0) return;
      this.drag = { from: x(e), moved: false };
      this.canvas.setPointerCapture?.(e.pointerId);
    });
    this.canvas.addEventListener("pointermove", (e) => {
      this.#pointAt(this.#snap(this.chart.second(x(e))));
      this.rest(true);
      if (!this.drag) return;
      this.drag.moved ||= Math.abs(x(e) - this.drag.from) > DRAG;
      if (!this.drag.moved) return;
      const [left, right] = [this.drag.from, x(e)].sort((a, b) => a - b);
      this.selection.hidden = false;
      this.selection.style.setProperty("--left", `${left}px`);
      this.selection.style.setProperty("--width", `${right - left}px`);
    });
    this.canvas.addEventListener("pointerup", (e) => {
      const { drag } = this;
      this.#dropped();
      if (!drag) return;
      const seconds = [Math.min(drag.from, x(e)), Math.max(drag.from, x(e))].map((at) => this.chart.second(at));
      if (drag.moved && e.shiftKey) this.#explain(...seconds);
      else if (drag.moved) this.#zoom(...seconds);
      else this.#showLines(this.cursor ?? this.#snap(this.chart.second(x(e)))); // of what the crosshair tells
    });
    this.canvas.addEventListener("pointercancel", () => this.#dropped());
    this.canvas.addEventListener("pointerleave", () => { if (!this.drag) this.#pointAt(null); });
  }

  #dropped() {
    this.drag = null;
    this.selection.hidden = true;
  }

  #definition() {
    const { stat } = this;
    const kind = stat.kind + (stat.per === 60 ? " per minute" : stat.per ? " per second" : "");
    const facts = [["name", stat.name], ["kind", kind], ["of", stat.formula ?? stat.of?.join(" / ")], ["field", stat.field], ["by", stat.by?.join(", ")], ["top", stat.top],
      ["where", stat.where], ["over", reach(stat.over)], ["at", stat.at?.join(", ")], ["buckets", stat.buckets?.join(", ")],
      ["warn", stat.warn], ["crit", stat.crit], ["", stat.reversed ? "low values are bad" : ""], ["", stat.help]]
      .filter(([, v]) => v !== undefined && v !== "" && v !== null)
      .map(([k, v]) => element("div", "", element("dt", "", k), element("dd", "", String(v))));
    if (/^https?:\/\//.test(stat.link ?? "")) {
      const link = element("a", "", stat.link);
      link.href = stat.link;
      link.rel = "noopener noreferrer";
      facts.push(element("div", "", element("dt", "", "link"), element("dd", "", link)));
    }
    return element("dl", "definition", ...facts);
  }

  /** The links to other windows, and to what was before. */
  #choices() {
    const choice = (text, range, before, current) => {
      const a = element("a", "", text);
      a.href = this.#link(range, before);
      if (current) a.setAttribute("aria-current", "true");
      return a;
    };
    const { range, before } = this;
    this.windows.replaceChildren(...WINDOWS.map(([w, text]) => choice(text, { window: w }, before, range.window === w)), choice(ALL, { window: MOST_RANGE, all: true }, before, range.all === true));
    if (!range.window) {
      const { now } = this.view().moment;
      this.windows.append(choice(`${clock(range.from, now)} · ${span(range.to - range.from + 1)}`, range, before, true));
    }
    this.versus.replaceChildren(...BEFORE.map(([s, text]) => choice(`−${text}`, range, before === s ? 0 : s, before === s)));
  }

  #link(range, before) {
    const key = this.keys?.only ?? null;
    return hashOf(["stat", this.name, format(range), ...before || key !== null ? [String(before || 0)] : [], ...key === null ? [] : [key]]);
  }

  /** A key is shown alone, or all are again: the URL says so. */
  #isolated() {
    this.#chip();
    history.replaceState(null, "", hashOf(placeOf(this.#link(this.range, this.before)).path, placeOf(location.hash).query, ""));
    this.#choices();
    this.touch();
  }

  /** Says which key is shown alone, and takes it back. */
  #chip() {
    const { only } = this.keys;
    this.chip.hidden = only === null;
    this.everywhere.hidden = only === null || chipsOfKey(this.stat, only) === null;
    write(this.chip, only === null ? "" : `${this.stat.by?.join(", ") ?? "key"} = ${isolated(only)} ×`);
    this.chip.title = only === null ? "" : `Show all keys, not ${only} alone`;
  }

  /** Looks at the seconds [from, to]. */
  #zoom(from, to) {
    const short = LEAST_RANGE - (to - from + 1);
    if (short > 0) [from, to] = [from - Math.ceil(short / 2), to + Math.ceil(short / 2)];
    this.onLook(this.#link({ from: Math.max(0, from), to }, this.before));
  }

  /** Forgets the stat: another thing is shown. */
  hide() {
    this.name = "";
    this.aborts?.abort();
    this.lines?.hide();
    this.explained?.hide();
    this.#pointAt(null);
  }

  /** Asks for it to be drawn. */
  touch() {
    if (this.name && !this.frame) this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.#draw();
    });
  }

  /** Asks for it to be drawn if it was drawn as at another beat. */
  keepUp({ beat }) { if (beat !== this.beat) this.touch(); }

  /** The seconds that are drawn: {from, edge, due}. */
  #span(moment) {
    const { range } = this;
    if (!range.window) return { from: range.from, edge: range.to, due: moment.due };
    if (range.window <= this.view().model.window) return moment;
    return { from: range.all && this.begun || moment.edge - range.window + 1, edge: moment.edge, due: moment.due };
  }

  /** What the model does not have is read from the server. */
  async #load() {
    const { model, moment } = this.view();
    const { stat, aborts, range, before } = this;
    const series = model.series.get(stat.name);
    let { from, edge } = this.#span(series ? model.momentOf(series, moment) : moment);
    this.loadedAt = edge;
    const get = async (first, last) => {
      try {
        return await load(stat, first, last, aborts.signal);
      } catch (error) {
        if (!aborts.signal.aborted) this.#told(error.message);
        return null;
      }
    };
    if (range.all) { // from the first that is known on, as finely as that allows
      const whole = await get(edge - MOST_RANGE + 1, edge);
      if (aborts.signal.aborted || aborts !== this.aborts) return;
      from = this.begun = whole && Number.isFinite(whole.first) ? Math.min(Math.max(whole.first, edge - MOST_RANGE + 1), edge - LEAST_RANGE) : edge - MOST_RANGE + 1;
    }
    const live = range.window <= model.window;
    const marked = live ? null : loadMarks(from, edge, aborts.signal).catch((error) => this.#told(aborts.signal.aborted ? "" : error.message));
    const [data, other, marks] = await Promise.all([live ? null : get(from, edge), before ? get(from - before, edge - before) : null, marked]);
    if (aborts.signal.aborted || aborts !== this.aborts) return;
    this.older = marks ?? null;
    [this.data, this.other] = [data ?? this.data, other ?? this.other];
    this.touch();
  }

  /** Says what went wrong, where the reason of a state has its place. */
  #told(text) {
    this.wrong = text;
    if (this.note) write(this.note, text);
  }

  /** The points to draw: those that were read, and what has come since. */
  #points(model) {
    const live = model.series.get(this.name);
    if (this.range.window <= model.window) return new Seconds(live);
    if (!this.data) return new Seconds(live);
    if (this.range.window && this.data instanceof Seconds) {
      const { series } = this.data;
      for (let s = live.newest - model.window; s <= live.newest; s++) {
        const v = live.at(s);
        if (v !== undefined) series.put(s, v);
      }
      series.gaps = [...series.gaps.filter(([, last]) => !live.gaps.some((g) => g[1] === last)), ...live.gaps];
    }
    return this.data;
  }

  #resize() {
    if (!this.name || !this.canvas.isConnected) return;
    const { width, height } = this.plot.getBoundingClientRect();
    this.chart.resize(width, height, devicePixelRatio || 1);
    this.chart.weight = this.range.window === WINDOWS[0][0] ? 2 : 1.5;
    this.#draw();
  }

  #draw() {
    if (!this.name || !this.chart.width) return;
    const { model, moment: page } = this.view();
    const { chart, colors, stat, panel } = this;
    const live = model.series.get(this.name);
    if (!live) return;
    const moment = model.momentOf(live, page);
    const { from, edge, due } = this.#span(moment);
    const points = this.#points(model);
    this.beat = moment.beat;
    // A window that goes on is read again when a column is full.
    if (this.range.window > model.window && edge - this.loadedAt >= (this.data?.filling ? FILLING : Math.max(60, stepFor(edge - from + 1)))) this.#load();

    const { state, why, note, held } = model.state(live, moment);
    const now = state === "value" || held || state === "stale" && !why ? live.at(live.newest) : null;
    const covered = now === null ? null : live.covered(live.newest), error = now === null ? 0 : live.error(live.newest);
    const worth = state === "value" || held ? level(stat, now, covered) : "";
    mark(this.box, "state", state);
    mark(this.box, "hollow", covered === null ? "" : "yes");
    mark(this.box, "approx", error ? "yes" : "");
    mark(this.box, "level", worth);
    mark(this.box, "loaded", this.range.window <= model.window || this.data ? "yes" : "");
    this.drawn = panel.lines?.(stat, live.at(live.newest), this.keys?.quantile) ?? [];
    const only = this.keys?.only ?? null;
    // One that is not among the greatest now may have been.
    if (only !== null && !this.drawn.some((l) => l.name === only)) this.drawn = [...this.drawn.slice(0, KEY_HUES.length - 1), panel.line(stat, only, this.keys.quantile)];
    this.keys?.color(this.drawn);
    const many = this.drawn.length > 1;
    const values = (panel.labeled ? [] : this.drawn).map(({ pick }) => now === null ? null : pick(now) ?? null);
    const [unit, size] = timeUnit(Math.max(...values.map((v) => Math.abs(v ?? 0))), stat.unit ?? ""); // one for all
    const figures = values.map((v, i) => {
      const [text, own] = many ? [brief(v === null ? null : v / size, live.fractional), unit] : split(v, stat.unit ?? "", live.fractional);
      write(this.unit, own);
      return this.drawn[i].name ? `${this.drawn[i].name} ${text}` : text;
    });
    write(this.figure, figures.join("  ") || (panel.large || this.drawn.length ? "" : "–"));
    const sure = [covered === null ? "" : coverage(covered, stat.over), error ? within(error) : "", model.usual?.compare(stat, live.newest, now).text ?? ""].filter(Boolean).join(" · ");
    write(this.note, this.wrong || (held ? `${moment.apart ? `up to ${clock(held, moment.now)}` : `${clock(held, moment.now)} · ${span(moment.now - held - 1)} ago`} · ${note}` : why || sure));
    const filling = this.data?.filling;
    write(this.filling, filling ? `The past of this stat is being worked out of the log: it is there from ${clock(filling.from, moment.now)} on, and goes back to ${clock(filling.goal, moment.now)}.` : "");
    this.#remark(model.notes.get(this.name) ?? []);
    this.note.title = held ? why : "";

    const hue = state === "stale" ? colors.faint : worth ? colors[worth] : colors.ok;
    const samples = this.drawn.map((l) => points.sample(from, edge, due, l.pick));
    const others = this.other ? this.drawn.map((l) => this.other.sample(from - this.before, edge - this.before, due, l.pick)) : [];
    chart.begin(from, edge, MARGIN);
    chart.scale([...samples, ...others], [stat.warn, stat.crit]);
    panel.large?.draw({ chart, points, stat, from, edge, due, hue, colors });
    this.#axes();
    this.keys?.show(this.drawn, samples, this.range.window > 0);
    if (samples.length) chart.missing(samples[0], colors);
    chart.threshold(stat.warn, colors.warn);
    chart.threshold(stat.crit, colors.crit);
    others.forEach((s) => {
      const moved = { ...s, from: s.from + this.before };
      chart.spread(moved, colors.dim, 0.12);
      chart.area(moved, colors.dim, { depth: 0, alpha: 0.55, line: 0.7 });
    });
    samples.forEach((s, i) => {
      const weight = 1 - i / samples.length, line = s.step > 1 ? 0.8 : 1;
      if (this.keys) { // fills would lie on each other
        const beside = this.keys.beside(this.drawn[i].name);
        chart.area(s, colors[this.drawn[i].hue], { stepped: true, depth: 0, alpha: beside ? 0.15 : 1, line: beside ? 0.7 : line });
        return;
      }
      // Of several lines only that is colored which is past its threshold.
      const own = many && worth ? colors[levelOf(stat, values[i]) || "ok"] : hue;
      chart.spread(s, own, 0.25 * weight);
      chart.area(s, own, { stepped: true, depth: colors.depth * weight, alpha: 0.4 + 0.6 * weight, line });
    });
    const { marks, more } = this.#marked(model, from, edge);
    if (!panel.large) drawUsual(chart, model.usual, stat, colors);
    drawMarks(chart, marks, colors);
    drawAlerts(chart, model.alerts?.of(stat.name) ?? [], colors);
    this.marks.show(marks, more, moment.now);
    this.#legend(others, from, edge);
    this.#tell(points, moment, hue);
  }

  /** Says which line is of when, or that nothing is known of then. */
  #legend(others, from, edge) {
    const { before } = this;
    this.legend.hidden = !before || !this.other;
    if (this.legend.hidden) return;
    const [, what] = BEFORE.find(([s]) => s === before), { now } = this.view().moment;
    const known = this.panel.large ? null : others.some((s) => s.kinds.some((k) => k === VALUE));
    mark(this.legend, "none", known ? "" : "yes");
    write(this.legend.lastChild, known === null ? `a ${what} before cannot be drawn with it` : `${known ? "" : "nothing is known of "}${clock(from - before, now)} to ${clock(edge - before, now)}, a${what === "hour" ? "n" : ""} ${what} before`);
  }

  /** The marks of what is drawn: those that were read, and what has come since. */
  #marked(model, from, edge) {
    const within = (m) => from <= m.second && m.second <= edge;
    if (!this.older) return { marks: model.marks.filter(within), more: this.range.window <= model.window ? model.moreMarks : 0 };
    const known = new Set(this.older.marks.map((m) => JSON.stringify([m.second, m.name, m.text])));
    const since = model.marks.filter((m) => !known.has(JSON.stringify([m.second, m.name, m.text])));
    return { marks: [...this.older.marks, ...since].filter(within), more: this.older.more };
  }

  #axes() {
    const { chart, colors, panel, stat } = this;
    const { g } = chart;
    g.font = `12px ${getComputedStyle(document.documentElement).fontFamily}`;
    g.textBaseline = "middle";
    g.lineWidth = 1;
    g.textAlign = "right";
    g.fillStyle = colors.dim;
    if (panel.large) {
      for (const { y, text } of panel.large.marks(stat, chart)) g.fillText(text, chart.left - 8, y);
    } else for (const v of round(chart.lo, chart.hi)) {
      const y = Math.round(chart.y(v)) + 0.5;
      g.strokeStyle = colors.edge;
      g.beginPath();
      g.moveTo(chart.left, y);
      g.lineTo(chart.width, y);
      g.stroke();
      g.fillStyle = colors.dim;
      g.fillText(tick(v, stat.unit), chart.left - 8, y);
    }
    g.textAlign = "center";
    const step = TICKS.find((t) => t * chart.pixel >= TICK_WIDTH) ?? TICKS.at(-1);
    for (const s of marksOfTime(chart.from, chart.edge, step)) {
      const x = chart.x(s);
      if (x < chart.left + 20 || x > chart.width - 30) continue;
      const ahead = offset(s), midnight = step >= 1800 && (s + ahead) % 86400 === 0;
      const text = midnight ? new Date((s + ahead) * 1000).toLocaleDateString(undefined, { month: "short", day: "numeric", timeZone: "UTC" }) : clock(s, s).slice(0, step < 60 ? 8 : 5);
      g.fillText(text, x, chart.height - 10);
    }
  }

  /** The first second of the column that a second is in. */
  #snap(second) {
    const { step } = this.#points(this.view().model);
    return second - second % step;
  }

  /** Draws the crosshair and says what is under it. */
  #tell(points, moment, hue) {
    const { chart, colors, cursor } = this;
    this.tip.hidden = cursor === null || cursor < chart.from - points.step || cursor > chart.edge;
    if (this.tip.hidden) return;
    chart.cursor(Math.max(cursor, chart.from), colors);
    const lines = [`${clock(cursor, moment.now)}${points.step > 1 ? ` and ${span(points.step)} on` : ""}   ${this.#value(points.at(cursor), hue)}`];
    if (this.other) lines.push(`${clock(cursor - this.before, moment.now)}   ${this.#value(this.other.at(cursor - this.before))}`);
    lines.push(...told(this.#marked(this.view().model, chart.from, chart.edge).marks, chart, cursor, moment.now));
    write(this.tip, lines.join("\n"));
    const x = chart.x(cursor), width = this.tip.offsetWidth;
    this.tip.style.setProperty("--x", `${Math.round(x + 14 + width > chart.width ? x - 14 - width : x + 14)}px`);
  }

  /** Says what was not understood of the stat's lines. */
  #remark(notes) {
    const told = [...this.remarks.children].map((e) => e.textContent);
    if (told.join("\n") !== notes.join("\n")) this.remarks.replaceChildren(...notes.map((text) => element("p", "remark", text)));
  }

  /** A known value in words, and how sure it is; with dots at it, if it has a hue. */
  #value({ value, low, clockless, before, covered = null, error = 0, uncovered = 0, seconds = 0 }, hue) {
    const { chart, colors, cursor, stat } = this;
    if (value === undefined) return clockless ? "no ingester" : before ? "before the first value" : "unknown";
    if (value === null) return noneIn(stat.over);
    const sure = (covered !== null ? ` · ${coverage(covered, stat.over)}` : uncovered ? ` · ${uncovered} s incomplete` : "") + (error ? ` · ${within(error)}` : seconds && this.#estimated() ? " · estimates" : "");
    if (this.panel.large) return this.panel.large.words(value) + sure;
    const told = this.drawn.filter(({ name }) => !this.keys?.beside(name)).map(({ name, pick, hue: own }) => {
      const v = pick(value) ?? null;
      if (hue && own) hue = colors[own];
      const least = low === undefined || low === null ? undefined : pick(low);
      if (hue && typeof v === "number" && cursor >= chart.from) chart.dot(cursor, v, ...(covered !== null || uncovered ? [colors.panel, hue] : [hue, colors.panel]));
      const text = typeof least === "number" && least !== v ? `${fine(least)} to ${fine(v)}` : fine(v);
      return name ? `${isolated(name)} ${text}` : text;
    });
    return told.join(this.keys ? "\n" : " · ") + ` ${stat.unit ?? ""}${sure}`;
  }

  /** Whether the newest value is an estimate: of a column it is not kept, but then it is of more. */
  #estimated() {
    const live = this.view().model.series.get(this.name);
    return live.error(live.newest) > 0;
  }

  #pointAt(second) {
    this.rest(false);
    if (second === this.cursor) return;
    this.cursor = second;
    this.onCursor(second);
    this.touch();
  }

  #press(e) {
    if (!this.name || e.altKey || e.ctrlKey || e.metaKey || e.target !== this.canvas) return;
    const { chart } = this;
    const { step } = this.#points(this.view().model);
    const at = this.cursor ?? chart.edge - chart.edge % step;
    const length = chart.edge - chart.from + 1;
    const around = (n) => this.#zoom(Math.round(at - n / 2), Math.min(Math.round(at + n / 2), Math.floor(this.view().moment.now)));
    const move = (by) => this.#pointAt(Math.min(chart.edge, Math.max(chart.from, at + by * step * (e.shiftKey ? 10 : 1))));
    const actions = {
      ArrowLeft: () => move(-1),
      ArrowRight: () => move(1),
      ArrowUp: () => around(Math.max(LEAST_RANGE, length / 3)),
      ArrowDown: () => around(Math.min(MOST_RANGE - 1, length * 3)),
      Enter: () => this.#showLines(at),
    };
    if (!actions[e.key]) return;
    e.preventDefault();
    actions[e.key]();
  }

  /** Shows what is different in what the chart shows. */
  why() { this.#explain(this.chart.from, this.chart.edge); }

  /** Shows what is different in the seconds [from, to]. */
  #explain(from, to) {
    if (this.#refused()) return;
    this.explained.show(this.stat, Math.max(0, from), to, this.view().moment.now, { where: this.#where() });
  }

  /** Says why there are no lines to show, where the reader may not see any. */
  #refused() {
    if (!may("lines")) this.#told(NO_LINES);
    return !may("lines");
  }

  /** The condition of the lines that are shown alone, in all panels. */
  #where() { return conditionOf(chipsOf(placeOf(location.hash).query)); }

  /** Shows the lines that made the point, or the column, of a second. */
  #showLines(second) {
    if (this.#refused()) return;
    const { stat } = this;
    const { step } = this.#points(this.view().model);
    const last = second + step - 1;
    const first = Math.max(0, last - Math.min(BY_SECOND, stat.over + step - 1) + 1);
    this.lines.show(stat, first, last, this.view().moment.now, this.keys?.only ?? null, this.lines.of?.where || this.#where());
  }

  /** The points of what is drawn, as rows of a table. */
  #rows() {
    const points = this.#points(this.view().model);
    const rows = [];
    const { from, edge } = this.chart;
    for (let s = from - from % points.step; s <= edge; s += points.step) {
      const { value, low, min, max, last, seconds, covered, error, uncovered } = points.at(s);
      if (value === undefined) continue;
      const time = new Date(s * 1000).toISOString().replace(".000", "");
      rows.push(points.step > 1 ? { time, seconds, ...this.stat.shape === "quantiles" && { value: low === undefined ? value : null }, min, max, last, uncovered }
        : { time, value, covered: covered ?? this.stat.over, of: this.stat.over, approx: error });
    }
    return rows;
  }

  #save(kind) {
    const rows = this.#rows();
    if (kind === "json") {
      download(`${this.name}.json`, new Blob([JSON.stringify({ stat: this.name, points: rows })], { type: "application/json" }));
      return;
    }
    const lines = this.panel.columns?.(this.stat) ?? this.drawn;
    const columns = Object.keys(rows[0] ?? { time: "", value: null }).slice(1);
    const quote = (text) => /[",\r\n]|^[=+\-@\t]/.test(text) ? `"${/^[=+\-@\t]/.test(text) ? "'" : ""}${text.replaceAll("\"", "\"\"")}"` : text;
    const head = ["time"], cells = [];
    for (const c of columns) {
      if (PLAIN.has(c)) {
        head.push(c);
        cells.push((row) => row[c]);
      } else for (const { name, pick } of lines) {
        head.push(quote([name, c].filter((part) => part && (part !== "value" || !name)).join(" ")));
        cells.push((row) => row[c] === null || row[c] === undefined ? "" : pick(row[c]) ?? "");
      }
    }
    download(`${this.name}.csv`, new Blob([[head.join(","), ...rows.map((row) => [row.time, ...cells.map((f) => f(row))].join(","))].join("\n"), "\n"], { type: "text/csv" }));
  }

  /** The chart as it is, on its ground and with its title. */
  #savePicture() {
    const { canvas, chart, colors, stat } = this;
    const picture = element("canvas");
    const head = Math.round(34 * chart.ratio);
    picture.width = canvas.width;
    picture.height = canvas.height + head;
    const g = picture.getContext("2d");
    g.fillStyle = colors.panel;
    g.fillRect(0, 0, picture.width, picture.height);
    g.fillStyle = colors.dim;
    g.textBaseline = "middle";
    g.font = `${14 * chart.ratio}px ${getComputedStyle(document.documentElement).fontFamily}`;
    g.fillText(`${stat.title} ${stat.unit ? `(${stat.unit})` : ""}  ${dated(chart.from)} – ${dated(chart.edge)}`, 14 * chart.ratio, head / 2);
    g.drawImage(canvas, 0, head);
    picture.toBlob((blob) => { if (blob) download(`${this.name}.png`, blob); });
  }
}
