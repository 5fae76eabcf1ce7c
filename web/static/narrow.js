// Only some lines: chips such as endpoint = /cart that hold for all panels. A panel by that
// field has the keys that are kept; of others the server can work the numbers out from the
// raw log, if the reader wants that.

import { element, write } from "./dom.js";
import { clock, isolated, span, visible } from "./format.js";
import { readNarrowed } from "./history.js";
import { may } from "./may.js";
import { Series } from "./model.js";
import { scaled } from "./value.js";

const SPEED = 300_000; // lines that the server works out in a second, about
const MOST = 3600; // seconds of the longest window that it works out

/** The chips of a URL's parameters: [{field, value}]. */
export const chipsOf = (query) => query.getAll("only").filter((text) => text.indexOf("=") > 0).map((text) => {
  const at = text.indexOf("="); // the value may have one, too
  return { field: text.slice(0, at), value: text.slice(at + 1) };
});

/** A chip as a parameter has it. */
export const chipText = ({ field, value }) => `${field}=${value}`;

const field = (name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `$env[${JSON.stringify(name)}]`;

/** The condition that lines of some chips meet, as a definitions file has it; "" of none. */
export const conditionOf = (chips) => chips.map(({ field: name, value }) => value === "true" || value === "false"
  ? `(${field(name)} == ${value} || ${field(name)} == "${value}")` : `${field(name)} == ${JSON.stringify(value)}`).join(" && ");

/** The chips of a stat's key; null if it cannot be told apart into its fields. */
export function chipsOfKey(stat, key) {
  if (stat.by?.length === 1) return [{ field: stat.by[0], value: key }];
  const values = key.split(",");
  return stat.by?.length === values.length ? stat.by.map((name, i) => ({ field: name, value: values[i] })) : null;
}

/** Whether a key of a stat is of some chips, all of whose fields it is by. */
export function isOf(stat, key, chips) {
  const own = chipsOfKey(stat, key);
  return own !== null && chips.every(({ field: name, value }) => own.find((o) => o.field === name)?.value === value);
}

/** A value by key with the keys of some chips alone; lost says that there were others, which
 * were not kept. */
export function keep(stat, value, chips) {
  if (!value?.top) return { value, lost: false };
  const top = value.top.filter((t) => isOf(stat, t.key, chips));
  return { value: { ...value, top, other: null, distinct: top.length }, lost: !top.length && value.distinct > value.top.length };
}

export class Narrow {
  /** Chips in a bar. onChange is called with those that are left when one is taken away,
   * onNews when a panel has something else to show. */
  constructor(bar, { onChange, onNews }) {
    Object.assign(this, { bar, onChange, onNews, chips: [], worked: new Map(), views: new WeakMap() });
  }

  /** Takes the chips of a URL. */
  set(chips) {
    if (JSON.stringify(chips) === JSON.stringify(this.chips)) return;
    this.chips = chips;
    this.aborts?.abort();
    this.aborts = new AbortController();
    this.worked = new Map();
    this.views = new WeakMap();
    this.bar.hidden = !chips.length;
    this.bar.replaceChildren(...chips.length ? [element("span", "", "Only lines of")] : [], ...chips.map((chip) => {
      const button = element("button", "chip", `${visible(chip.field)} = ${isolated(chip.value)} ×`);
      button.type = "button";
      button.title = `Show all lines, not those of ${chipText(chip)} alone`;
      button.addEventListener("click", () => this.onChange(this.chips.filter((c) => c !== chip)));
      return button;
    }));
  }

  get condition() { return conditionOf(this.chips); }

  /** Whether a stat's panel can be filtered from what is kept. */
  #kept(stat) { return this.chips.every((c) => stat.by?.includes(c.field)); }

  /** What a model looks like through the chips. */
  over(model) {
    if (!this.chips.length) return model;
    let view = this.views.get(model);
    if (view?.of === model.series) return view;
    const series = new Map([...model.series].map(([name, s]) => [name, this.#kept(s.stat) ? this.#keys(s) : this.#others(s)]));
    view = Object.assign(Object.create(model), {
      of: model.series, series, usual: null, // that is of all lines
      state: (s, moment) => this.#state(model, s, moment),
      offer: (name) => this.#offer(model, name),
    });
    this.views.set(model, view);
    return view;
  }

  /** A view for a stat that is shown large: one that cannot be filtered has all lines, and says so. */
  large(model, name) {
    const view = this.over(model), own = model.series.get(name);
    if (view === model || !own || this.#kept(own.stat)) return view;
    const told = `not filtered: it is not by ${this.chips.map((c) => c.field).join(", ")}; its lines, and what is different, are of ${this.condition} alone`;
    return Object.assign(Object.create(model), {
      state: (s, moment) => model.state(s, moment), notes: new Map([...model.notes, [name, [told, ...model.notes.get(name) ?? []]]]),
    });
  }

  #keys(own) {
    const view = Object.create(own);
    view.at = (second) => keep(own.stat, own.at(second), this.chips).value;
    return view;
  }

  #others(own) {
    return this.worked.get(own.stat.name)?.series ?? new Series(own.stat, 1);
  }

  #state(model, series, moment) {
    const { stat } = series, own = model.series.get(stat.name);
    if (this.#kept(stat)) {
      const state = model.state(own, moment);
      const { lost } = keep(stat, own.at(own.newest), this.chips);
      return lost && (state.state === "value" || state.held) ? { state: "unknown", why: "not kept then" } : state;
    }
    const worked = this.worked.get(stat.name);
    if (worked?.series) return { state: "value", why: "", note: "" };
    return { state: "unknown", why: worked?.told ?? `not by ${this.chips.map((c) => c.field).filter((f) => !stat.by?.includes(f)).join(", ")}` };
  }

  /** What a panel offers: {text, title, act}; null: nothing. */
  #offer(model, name) {
    const { stat } = model.series.get(name);
    if (this.#kept(stat) || name.startsWith("pulse.") || stat.over > MOST || !may("lines")) return null;
    const worked = this.worked.get(name);
    if (worked && !worked.series && !worked.failed) return null; // it is being read
    const seconds = model.window + stat.over;
    const lines = model.series.get("pulse.lines"), rate = lines?.at(lines.newest)?.in ?? 0;
    const takes = span(Math.max(1, rate * seconds / SPEED));
    const text = worked?.series ? `of ${clock(worked.to, model.now())}, read again` : `read ${span(seconds)}, about ${takes}`;
    return { text, title: `Works it out from the raw log, of ${this.condition}`, act: () => this.#work(model, stat) };
  }

  async #work(model, stat) {
    const worked = { told: "reading…" }, { signal } = this.aborts, { edge } = model.moment();
    const news = () => {
      this.views = new WeakMap();
      this.onNews();
    };
    this.worked.set(stat.name, worked);
    news();
    try {
      const query = { stat: stat.name, where: this.condition, from: Math.max(0, edge - model.window + 1), to: edge };
      const { points } = await readNarrowed(query, signal, ({ read }) => {
        worked.told = `reading… ${read.lines.toLocaleString("en")} lines`;
        this.onNews();
      });
      const series = new Series(stat, model.window), own = model.series.get(stat.name);
      for (const p of points) {
        const second = Date.parse(p.time) / 1000;
        if (own.at(second) === undefined) continue; // it is not known of all lines either
        series.put(second, scaled(stat, p.value));
        if (p.of) series.cover(second, p.covered);
      }
      Object.assign(worked, { series, to: edge });
    } catch (error) {
      if (signal.aborted) return;
      Object.assign(worked, { told: error.message, failed: true });
    }
    news();
  }
}

/** The button by which a panel offers to be worked out. */
export class Offer {
  constructor() {
    this.button = element("button", "offer");
    this.button.type = "button";
    this.button.hidden = true;
    this.button.addEventListener("click", (e) => {
      e.stopPropagation(); // it does not open the panel
      this.act();
    });
    this.button.addEventListener("keydown", (e) => { if (e.key === "Enter") e.stopPropagation(); });
  }

  show(offer) {
    this.button.hidden = !offer;
    if (!offer) return;
    this.act = offer.act;
    write(this.button, offer.text);
    if (this.button.title !== offer.title) this.button.title = offer.title;
  }
}
