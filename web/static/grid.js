// The grid of panels: which there are, how large they are, and when they are drawn.

import { KEY_HUES } from "./chart.js";
import { element, resting } from "./dom.js";
import { fill, fit } from "./layout.js";
import { Panel } from "./panel.js";
import { intervals } from "./interval.js";

const TITLE = 24; // px of a row's title, as the style sheet has it
const BUDGET = 30; // ms of drawing in one frame; what is left waits for the next

export class Grid {
  /** A grid in a root element; view gives {model, moment} to draw, and onOpen
   * hears the name of a stat that is to be shown large, and of a key if it is to be alone.
   * onWhy hears of which stat, and in which seconds, it is asked what is different. */
  constructor(root, view, onOpen, onWhy) {
    this.root = root;
    this.view = view;
    this.panels = [];
    this.rows = [];
    this.byElement = new Map();
    this.dirty = new Set();
    this.frame = 0;
    this.cursor = null; // the second that the reader points at
    this.colors = {};

    this.sizes = new ResizeObserver((entries) => {
      for (const entry of entries) this.#resized(entry);
    });
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const panel = this.byElement.get(target);
        if (!panel) continue;
        if (isIntersecting && !panel.visible) this.touch(panel);
        panel.visible = isIntersecting;
      }
    }, { rootMargin: "100px" });
    new ResizeObserver(() => this.#fit()).observe(root);
    addEventListener("resize", () => this.#fit());
    addEventListener("theme", () => this.readColors());
    addEventListener("beforeprint", () => this.#print());
    this.rest = resting(() => this.#pointAt(null));
    root.addEventListener("pointermove", (e) => this.#point(e));
    root.addEventListener("pointerleave", () => this.#pointAt(null));
    root.addEventListener("pointercancel", () => this.#pointAt(null));
    root.addEventListener("keydown", (e) => this.#walk(e));
    root.addEventListener("click", (e) => this.#open(e.target));
    this.onOpen = onOpen;
    this.onWhy = onWhy;
    intervals(root, (target) => this.byElement.get(target.closest(".panel")), (panel, from, to) => onWhy(panel.name, from, to));
    root.addEventListener("focusin", (e) => this.#stay(e.target.closest(".panel")));
    this.readColors();
  }

  /** Shows rows of names of stats, each under its title if they have some; text where there
   * are none. */
  show(rows, emptyText, titles = []) {
    const { model } = this.view();
    const before = new Map(this.panels.map((p) => [p.stat, p])); // a panel goes on where only its place is another
    this.hide();
    const panelOf = (series) => before.get(series.stat) ?? new Panel(series);
    const shown = rows.map((names, i) => ({ title: titles[i], panels: names.filter((n) => model.series.has(n)).map((n) => panelOf(model.series.get(n))) })).filter((r) => r.panels.length);
    const sections = shown.map(({ title, panels }) => {
      const section = element("section", "row", ...title ? [element("h2", "row-title", title)] : [], ...panels.map((p) => p.element));
      if (title) section.setAttribute("aria-label", title);
      return section;
    });
    this.rows = shown.map((r) => r.panels);
    this.titled = titles.length > 0;
    this.panels = this.rows.flat();
    for (const panel of this.panels) {
      this.byElement.set(panel.element, panel);
      panel.element.tabIndex = -1;
      panel.element.style.removeProperty("--more");
    }
    this.fitted = "";
    this.#fit(); // measured while there is little to lay out
    this.root.replaceChildren(...sections);
    if (!this.panels.length) this.root.append(element("p", "hush", emptyText));
    else this.panels[0].element.tabIndex = 0;
    for (const panel of this.panels) {
      // An observer tells it two frames later, and a page that is opened appears at once.
      panel.visible = panel.element.getBoundingClientRect().top < innerHeight;
      this.seen.observe(panel.element);
      this.sizes.observe(panel.sized);
    }
  }

  /** Takes the panels away: something else has the root. */
  hide() {
    this.sizes.disconnect();
    this.seen.disconnect();
    this.byElement.clear();
    this.dirty.clear();
    this.rows = this.panels = [];
    this.#pointAt(null);
  }

  #open(target) {
    const panel = this.byElement.get(target.closest?.(".panel"));
    if (panel) this.onOpen(panel.name, target.closest("li")?.key);
  }

  /** Asks for one panel, or every panel, to be drawn as if it never was. */
  touch(panel) {
    for (const p of panel ? [panel] : this.panels) {
      p.blank = true;
      this.dirty.add(p);
    }
    this.#ask();
  }

  /** Asks for what is drawn as at another beat to be drawn. */
  keepUp({ beat }) {
    for (const p of this.panels) if (p.visible && p.beat !== beat) this.dirty.add(p);
    this.#ask();
  }

  /** Whether something waits to be drawn. */
  get busy() { return this.frame !== 0; }

  #ask() {
    if (!this.frame && this.dirty.size) this.frame = requestAnimationFrame(() => this.#draw());
  }

  /** Asks for the panels of some series to be drawn. */
  changed(series) {
    const names = new Set([...series].map(({ stat }) => stat.name));
    for (const panel of this.panels) if (names.has(panel.name)) this.dirty.add(panel);
    this.#ask();
  }

  #draw() {
    this.frame = 0;
    const { model, moment } = this.view();
    const start = performance.now();
    for (const panel of this.dirty) {
      this.dirty.delete(panel);
      if (!panel.visible) continue;
      const first = !panel.drawn;
      panel.draw(model, moment, this.colors, this.cursor);
      // A page that is opened appears at once.
      if (!first && performance.now() - start > BUDGET) break;
    }
    this.#ask();
  }

  /** Draws every panel, also those that are out of sight: no frame comes before the paper. */
  #print() {
    const { model, moment } = this.view();
    for (const panel of this.panels) {
      panel.blank = true;
      panel.draw(model, moment, this.colors, null);
    }
  }

  #resized(entry) {
    const panel = this.byElement.get(entry.target.closest(".panel"));
    const { width, height } = entry.contentRect;
    if (!panel || !width || !height) return;
    panel.chart?.resize(width, height, devicePixelRatio || 1);
    // A canvas that was resized is blank: it must not wait for the next frame.
    panel.blank = true;
    const { model, moment } = this.view();
    if (panel.visible) panel.draw(model, moment, this.colors, this.cursor);
  }

  /** The room for the panels, in px: {width, height, gap}. */
  #room() {
    const style = getComputedStyle(this.root), px = (name) => parseFloat(style.getPropertyValue(name));
    return {
      width: this.root.clientWidth - px("padding-left") - px("padding-right"),
      height: innerHeight - this.root.getBoundingClientRect().top - scrollY - px("padding-top") - px("padding-bottom"),
      gap: px("--gap"),
    };
  }

  #fit({ width, height, gap } = this.#room()) {
    const told = `${width} ${height} ${gap}`;
    if (!this.rows.length || told === this.fitted) return;
    this.fitted = told;
    const titles = this.titled ? this.rows.length * TITLE : 0;
    const cell = fit(this.rows.map((r) => r.map((p) => p.size)), width, height - titles, gap);
    this.root.style.setProperty("--columns", cell.columns);
    this.root.style.setProperty("--cell-width", `${cell.width.toFixed(1)}px`);
    this.root.style.setProperty("--row", `${cell.height}px`);
    for (const row of this.rows) {
      const { columns, more } = fill(row.map((p) => p.size), cell.columns);
      row[0].element.parentElement.style.setProperty("--columns", columns);
      row[0].element.style.setProperty("--more", more);
    }
  }

  /** Takes the colors from the style sheet. */
  readColors() {
    const probe = element("i", "probe");
    this.root.append(probe);
    const style = getComputedStyle(probe);
    for (const name of ["ok", "warn", "crit", "faint", "dim", "ink", "panel", "edge", "mark", ...KEY_HUES]) {
      probe.style.setProperty("--of", `var(--${name})`); // a system color has no digits before it is computed
      this.colors[name] = `#${style.color.match(/\d+/g).slice(0, 3).map((n) => Number(n).toString(16).padStart(2, "0")).join("")}`;
    }
    probe.remove();
    this.colors.depth = document.documentElement.dataset.theme === "dark" ? 0.26 : 0.2;
    this.touch();
  }

  #point(e) {
    const panel = this.byElement.get(e.target.closest?.(".panel"));
    // On a wall nobody points; and a pointer that was not moved says nothing new.
    if (document.body.classList.contains("kiosk") || this.cursor === null && e.clientX === this.x && e.clientY === this.y) return;
    [this.x, this.y] = [e.clientX, e.clientY];
    if (e.pointerType !== "mouse" || !panel?.chart) {
      this.#pointAt(null);
      return;
    }
    const box = panel.canvas.getBoundingClientRect();
    this.#pointAt(e.clientY < box.top ? null : panel.chart.second(e.clientX - box.left));
  }

  #pointAt(second) {
    this.rest(second !== null);
    if (second === this.cursor) return;
    this.cursor = second;
    this.root.dispatchEvent(new CustomEvent("cursor", { detail: second }));
    this.touch();
  }

  /** Asks what is different in what a panel shows: the one with the focus, or under the pointer. */
  why() {
    const panel = this.byElement.get(this.root.querySelector(".panel:focus-within") ?? this.root.querySelector(".panel:hover"));
    if (!panel) return;
    const { model, moment } = this.view(), { from, edge } = model.momentOf(model.series.get(panel.name), moment);
    this.onWhy(panel.name, from, edge);
  }

  /** Arrow keys go from panel to panel, as the eye would. */
  #walk(e) {
    const here = e.target.closest(".panel");
    if (!this.byElement.has(here) || e.altKey || e.ctrlKey || e.metaKey) return;
    if (e.key === "Enter") this.#open(here);
    if (!e.key.startsWith("Arrow")) return;
    e.preventDefault();
    const at = (el) => {
      const b = el.getBoundingClientRect();
      return { x: b.left + b.width / 2, y: b.top + b.height / 2 };
    };
    const from = at(here);
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    let best = null, least = Infinity;
    for (const { element: el } of this.panels) {
      if (el === here) continue;
      const to = at(el);
      const along = (to.x - from.x) * dx + (to.y - from.y) * dy;
      const aside = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
      if (along > 4 && along + aside * 3 < least) [best, least] = [el, along + aside * 3];
    }
    best?.focus();
    best?.scrollIntoView({ block: "nearest" });
  }

  /** The panel that has the focus is the one that tab comes back to. */
  #stay(el) {
    if (!el) return;
    for (const p of this.panels) p.element.tabIndex = p.element === el ? 0 : -1;
  }
}
