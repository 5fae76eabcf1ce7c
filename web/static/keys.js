// The keys of a large chart, in a table beside it: which line is whose, what each has now
// and had at least and at most, one alone, and of quantiles another one.

import { KEY_HUES, OUTSIDE, VALUE } from "./chart.js";
import { element, mark, write } from "./dom.js";
import { brief, quantile, visible } from "./format.js";

export class Keys {
  /** Of a stat; of quantiles the one that is shown first. onChange is called when another
   * is to be drawn. */
  constructor(stat, quantileShown, onChange) {
    Object.assign(this, { quantile: quantileShown, only: null, hues: new Map(), onChange });
    const head = ["key", "now", "min", "max"].map((text) => {
      const cell = element("th", "", text);
      cell.scope = "col";
      return cell;
    });
    [, this.end] = head;
    this.body = element("tbody");
    this.rows = [];
    const table = element("table", "", element("thead", "", element("tr", "", ...head)), this.body);
    this.root = element("div", "keys", ...(stat.at?.length > 1 ? [this.#choice(stat.at)] : []), table);
  }

  #choice(at) {
    const buttons = at.map((q) => {
      const button = element("button", "", quantile(q));
      button.type = "button";
      button.addEventListener("click", () => {
        this.quantile = q;
        buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(at[i] === q)));
        this.onChange();
      });
      button.setAttribute("aria-pressed", String(q === this.quantile));
      return button;
    });
    const choice = element("p", "choice", ...buttons);
    choice.setAttribute("role", "group");
    choice.setAttribute("aria-label", "Quantile");
    return choice;
  }

  /** Gives each line a hue, which its key keeps while it is drawn. */
  color(lines) {
    const names = new Set(lines.map((l) => l.name));
    for (const name of this.hues.keys()) if (!names.has(name)) this.hues.delete(name);
    for (const line of lines) {
      if (!this.hues.has(line.name)) {
        const taken = new Set(this.hues.values());
        this.hues.set(line.name, KEY_HUES.find((hue) => !taken.has(hue)) ?? KEY_HUES.at(-1));
      }
      line.hue = this.hues.get(line.name);
    }
  }

  /** Shows one key alone; null: all. */
  isolate(key) {
    this.only = key;
    this.onChange();
  }

  /** Whether a key stands back for another one. */
  beside(name) { return this.only !== null && this.only !== name; }

  /** Shows the lines' samples as numbers; whether they end now. */
  show(lines, samples, live) {
    write(this.end, live ? "now" : "last");
    lines.forEach((line, i) => {
      const row = this.rows[i] ??= this.#row();
      const numbers = [...samples[i].numbers].filter((_, at) => samples[i].kinds[at] === VALUE);
      row.name = line.name;
      row.swatch.style.setProperty("--swatch", `var(--${line.hue})`);
      write(row.key, visible(line.name));
      row.button.title = line.name;
      row.button.setAttribute("aria-pressed", String(this.only === line.name));
      mark(row.item, "beside", this.beside(line.name) ? "yes" : "");
      // The last second that could be known; one before it is not of now.
      const last = samples[i].kinds.findLastIndex((k) => k !== OUTSIDE);
      const newest = samples[i].kinds[last] === VALUE ? samples[i].numbers[last] : null;
      const figures = numbers.length ? [newest, numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))] : [null, null, null];
      figures.forEach((v, n) => write(row.figures[n], brief(v)));
      if (row.item.parentNode !== this.body) this.body.append(row.item);
    });
    this.rows.slice(lines.length).forEach(({ item }) => item.remove());
  }

  #row() {
    const swatch = element("i"), key = element("bdi");
    const button = element("button", "", swatch, key);
    button.type = "button";
    const figures = [element("td"), element("td"), element("td")];
    const row = { swatch, key, button, figures, item: element("tr", "", element("th", "", button), ...figures), name: "" };
    row.item.firstChild.scope = "row";
    button.addEventListener("click", () => {
      this.isolate(this.only === row.name ? null : row.name);
    });
    return row;
  }
}
