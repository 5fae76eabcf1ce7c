// A model at a time of the tests' own, fed as the server does it.

import { Model } from "../static/model.js";

export const START = 1_700_000_000; // the second at which a test begins

export class Page {
  /** A page of stats, each {name, …}; what is not given is that of a number. */
  constructor(...stats) {
    this.at = START;
    this.ticks = 0;
    this.clocks = [START, START, START];
    this.model = new Model({ date: () => this.at * 1000, ticks: () => this.ticks });
    this.model.connected = true;
    this.stats = stats.map((s) => ({ title: s.name, kind: "rate", shape: "number", over: 10, ...s }));
    this.configure();
  }

  /** The first messages: history is runs of [name, first second, value, …]. */
  configure({ history = [], covered, approx, ...more } = {}) {
    const changed = this.model.configure({ type: "config", window: 300, timing: { clockless: 12, late_over: 10, late_share: 0.05, unreadable_over: 60 }, version: "g", pages: [], stats: this.stats, ...this.head(), ...more });
    this.model.past({ type: "history", history: this.#placed(history), covered: this.#placed(covered), approx: this.#placed(approx), last: true, ...this.head() });
    return changed;
  }

  #placed(runs) { return runs?.map(([name, ...run]) => [this.stats.findIndex((s) => s.name === name), ...run]); }

  head() { return { now: this.at, clocks: this.clocks, ingesters: this.ingesters }; }

  /** Lets seconds go by in which the server says nothing. */
  wait(seconds) {
    this.at += seconds;
    this.ticks += seconds * 1000;
  }

  /** A frame with points, [name, second, value, stale since]. */
  tell(points = [], more = {}) {
    return this.model.apply({ type: "points", points: this.#placed(points), ...this.head(), ...more });
  }

  /** Lets seconds go by in which all clocks go on, and each stat has a value. */
  run(seconds, values) {
    for (let i = 0; i < seconds; i++) {
      this.wait(1);
      this.clocks = this.clocks.map(() => this.at);
      this.tell(Object.entries(values).map(([name, value]) => [name, this.at - 1, value]));
    }
  }

  state(name) { return this.model.state(this.model.series.get(name), this.model.moment()); }
}
