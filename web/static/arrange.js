// Panels arranged by hand: by dragging, or with shift and the arrow keys. The order is kept in
// this browser, and taken away as YAML for a definitions file.

import { element, mark, write } from "./dom.js";

const KEPT = "pulse-arranged"; // in the browser's storage: rows by the page's title
const WORDS = new Set(["null", "true", "false", "yes", "no", "on", "off", "y", "n"]); // that YAML reads as other than texts

const scalar = (name) => /^[A-Za-z][\w./-]*$/.test(name) && !WORDS.has(name.toLowerCase()) ? name : JSON.stringify(name);

/** Pages, {title, rows}, as a definitions file has them. */
export const yaml = (pages) => ["pages:", ...pages.flatMap(({ title, rows }) =>
  [`  - title: ${scalar(title)}`, "    rows:", ...rows.map((names) => `      - [${names.map(scalar).join(", ")}]`)])].join("\n") + "\n";

/** Rows with a name put before another one; after it, if asked. */
export function put(rows, name, other, after = false) {
  if (name === other) return rows;
  return rows.map((names) => names.filter((n) => n !== name).flatMap((n) => n !== other ? [n] : after ? [n, name] : [name, n])).filter((names) => names.length);
}

/** Rows with a name one place on, -1 or 1, or one row on: a row of its own beyond the last. */
export function move(rows, name, { by = 0, row = 0 }) {
  const r = rows.findIndex((names) => names.includes(name));
  if (r < 0) return rows;
  if (by) {
    const flat = rows[r], to = flat[flat.indexOf(name) + by];
    return to === undefined ? rows : put(rows, name, to, by > 0);
  }
  const moved = rows.map((names) => names.filter((n) => n !== name)), to = r + row;
  if (to >= 0 && to < moved.length) moved[to] = row < 0 ? [...moved[to], name] : [name, ...moved[to]];
  else if (to < 0) moved.unshift([name]);
  else moved.push([name]);
  return moved.filter((names) => names.length);
}

/** What is kept of pages, as far as it fits: those have the same stats still, and none else. */
export function kept(pages, text) {
  let known = {};
  try { known = JSON.parse(text ?? "{}") ?? {}; } catch { /* another program's */ }
  for (const page of pages) {
    const rows = known[page.title];
    const names = (r) => [...new Set(r.flat())].sort().join();
    if (Array.isArray(rows) && rows.every((r) => Array.isArray(r)) && names(rows) === names(page.rows)) page.rows = rows;
  }
}

export class Arrange {
  /** In a section, of a grid's panels and pages. */
  constructor(root, grid, pages) {
    Object.assign(this, { root, grid, pages });
    const press = (text, how) => {
      const b = element("button", "", text);
      b.type = "button";
      b.addEventListener("click", how);
      return b;
    };
    this.told = element("span");
    this.told.setAttribute("role", "status");
    root.append(element("p", "", "Drag panels, with a finger by their titles, or move the one with the focus with shift and the arrows."),
      press("Copy YAML", () => this.#copy()), press("As in the file", () => this.#reset()), press("Done", () => this.toggle(false)), this.told);
    const name = (e) => grid.byElement.get(e.target.closest?.(".panel"))?.name;
    grid.root.addEventListener("dragstart", (e) => { this.dragged = this.on ? name(e) : undefined; });
    grid.root.addEventListener("dragover", (e) => { if (this.dragged && name(e)) e.preventDefault(); });
    grid.root.addEventListener("drop", (e) => {
      if (!this.dragged || !name(e)) return;
      e.preventDefault();
      this.#drop(e.target, e.clientX);
    });
    // Fingers drag by the title, since elsewhere they scroll.
    grid.root.addEventListener("pointerdown", (e) => {
      if (this.on && e.pointerType === "touch" && e.target.closest("h2")) this.dragged = name(e);
    });
    grid.root.addEventListener("pointermove", (e) => {
      if (e.pointerType === "touch" && this.dragged) this.#over(document.elementFromPoint(e.clientX, e.clientY));
    });
    grid.root.addEventListener("pointerup", (e) => {
      if (e.pointerType !== "touch" || !this.dragged) return;
      this.#over(null);
      this.#drop(document.elementFromPoint(e.clientX, e.clientY), e.clientX);
    });
    grid.root.addEventListener("pointercancel", (e) => {
      if (e.pointerType !== "touch") return;
      this.#over(null);
      this.dragged = undefined;
    });
    grid.root.addEventListener("keydown", (e) => {
      const how = { ArrowLeft: { by: -1 }, ArrowRight: { by: 1 }, ArrowUp: { row: -1 }, ArrowDown: { row: 1 } }[e.key];
      if (!this.on || !e.shiftKey || !how || !name(e)) return;
      e.preventDefault();
      e.stopImmediatePropagation();
      this.#set(move(this.page.rows, name(e), how), name(e));
    }, true);
    grid.root.addEventListener("click", (e) => { if (this.on) e.stopImmediatePropagation(); }, true);
  }

  get page() { return this.pages.all[this.pages.current]; }

  /** Begins or ends; a page that others make, such as that of trouble, has no order. */
  toggle(on = !this.on) {
    if (on && (!this.page || !this.page.rows.length)) return;
    this.on = on;
    this.root.hidden = !on;
    write(this.told, "");
    document.body.classList.toggle("arranging", on);
    this.#draggable();
  }

  /** Puts the panel that is dragged beside the one that has an element: on the side that a
   * place is on. */
  #drop(target, x) {
    const panel = target?.closest(".panel"), other = this.grid.byElement.get(panel)?.name, { dragged } = this;
    this.dragged = undefined;
    if (!other || other === dragged) return;
    const { left, width } = panel.getBoundingClientRect();
    this.#set(put(this.page.rows, dragged, other, x > left + width / 2), dragged);
  }

  /** Shows the panel beside which a finger would put another one. */
  #over(target) {
    const panel = target?.closest(".panel") ?? null;
    for (const p of this.grid.panels) mark(p.element, "over", p.element === panel ? "yes" : "");
  }

  #draggable() { for (const p of this.grid.panels) p.element.draggable = this.on; }

  #set(rows, name) {
    this.page.rows = rows;
    const all = Object.fromEntries(this.pages.all.filter((p) => p.rows.length).map((p) => [p.title, p.rows]));
    localStorage.setItem(KEPT, JSON.stringify(all));
    this.pages.open();
    this.#draggable();
    this.grid.panels.find((p) => p.name === name)?.element.focus();
  }

  #reset() {
    localStorage.removeItem(KEPT);
    this.pages.configure(this.pages.model);
    this.#draggable();
  }

  #copy() {
    const { pages } = this;
    const text = yaml(pages.turns ? pages.all.slice(0, pages.turns) : [this.page]);
    navigator.clipboard?.writeText(text).then(() => write(this.told, "Copied."), () => write(this.told, text));
  }
}

/** What this browser keeps of pages is put into them. */
export const arranged = (pages) => kept(pages, localStorage.getItem(KEPT));
