// A player shows the wall of a second that is over, standing still or playing: of the
// history, or of an incident.

import { element, write } from "./dom.js";
import { Model } from "./model.js";

const SPEEDS = [1, 2, 5, 10, 30, 60]; // seconds of the log in one of the reader's
const STEP = 10; // seconds that an arrow key goes
const FRAME = 100; // ms between two steps while it plays
const SETTLE = 250; // ms after the slider's last move until it is read

export const AHEAD = 120; // seconds that are read at a time while it plays

/** What a second's messages make of a configuration: a model whose clock is that second. */
export class WallOf {
  constructor(config, second, usual) {
    this.second = second;
    this.model = new Model({ date: () => this.second * 1000, ticks: () => this.second * 1000 });
    this.model.configure({ ...config, now: second, clocks: [], ingesters: [], marks: undefined, notes: undefined, notice: "" });
    this.model.connected = true;
    this.model.usual = usual;
    this.model.now = () => this.second;
    this.model.behind = () => ({ who: "", brief: "not closed", why: "it had not closed by then; who was behind is not kept" });
    this.next = []; // messages of the seconds after it, in their order
    this.until = second; // up to which they are there
  }

  /** Takes a message of the history, or one of a second that is still to come. */
  take(message) {
    if (message.type === "history") {
      this.model.past(message);
      // What closed in the last seconds was moving.
      if (this.second - this.model.newest <= 3) this.model.moved = this.second * 1000;
    } else this.next.push(message);
  }

  /** Goes on to a later second. */
  advance(second) {
    this.second = second;
    this.model.heardAt = second * 1000; // what is read is no connection that may have died
    while (this.next.length && this.next[0].now <= second) this.model.apply(this.next.shift());
  }
}

export function press(text, label, how) {
  const b = element("button", "", text);
  b.type = "button";
  b.title = label;
  b.setAttribute("aria-label", label);
  b.addEventListener("click", how);
  return b;
}

export function choose(label, choices, chosen, how) {
  const select = element("select", "", ...choices.map(([value, text]) => {
    const option = element("option", "", text);
    option.value = value;
    return option;
  }));
  select.value = chosen;
  select.setAttribute("aria-label", label);
  select.addEventListener("change", () => how(Number(select.value)));
  return select;
}

/** Player is what players have in common. Seconds are those of the reader's clock: the newest
 * point of a second's wall is one of the second before. Each kind has
 *
 *   config                      by which its messages are read; null: it is not known yet
 *   bounds()                    {from, to}, the seconds that it can show
 *   read(second, bare, signal)  {messages, marks} of a second and AHEAD seconds after it; bare: of these alone
 *   words(second)               what the bar says of a second
 *   note(second)                writes it into the URL
 *   ended()                     is called at the last second */
export class Player {
  /** In a section. onChange is called with the model to show, null for that of now. */
  constructor(root, onChange) {
    Object.assign(this, { root, onChange, wall: null, asked: null, config: null, usual: null, speed: 1, playing: false });
    this.slider = element("input");
    Object.assign(this.slider, { type: "range", step: 1 });
    this.slider.setAttribute("aria-label", "Second that is shown");
    this.slider.addEventListener("input", () => this.#slide());
    this.play = press("▶", "Play", () => this.toggle());
    this.told = element("output");
    this.wrong = element("span", "wrong");
    this.wrong.setAttribute("role", "status");
    this.tools = [this.play, choose("Speed", SPEEDS.map((s) => [s, `${s} ×`]), 1, (s) => { this.speed = s; }),
      press("−", `${STEP} s back (←)`, () => this.step(-STEP)), this.slider, press("+", `${STEP} s on (→)`, () => this.step(STEP))];
  }

  /** Shows a second. */
  async open(second) {
    if (!this.config) return;
    this.aborts?.abort();
    const aborts = this.aborts = new AbortController(), { from, to } = this.bounds();
    second = Math.max(from, Math.min(Math.floor(second), to));
    this.asked = second;
    this.root.hidden = false;
    this.show();
    try {
      const { messages, marks } = await this.read(second, false, aborts.signal);
      if (aborts.signal.aborted) return;
      const wall = new WallOf(this.config, second, this.usual);
      for (const m of messages) wall.take(m);
      wall.until = second + AHEAD;
      this.wall = wall;
      this.marks = marks;
      this.fail("");
      this.#moved();
    } catch (error) {
      if (!aborts.signal.aborted) this.fail(error.message);
    }
  }

  /** Goes so many seconds on, or back. */
  step(by) { this.open((this.wall?.second ?? this.bounds().to + 1) + by); }

  toggle() {
    if (!this.wall) return;
    this.playing = !this.playing;
    write(this.play, this.playing ? "❚❚" : "▶");
    this.play.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.last = performance.now();
    clearInterval(this.timer);
    if (this.playing) this.timer = setInterval(() => this.#frame(), FRAME);
    else this.note(Math.floor(this.wall.second));
  }

  #slide() {
    this.asked = Number(this.slider.value);
    this.show();
    clearTimeout(this.sliding);
    this.sliding = setTimeout(() => this.open(this.asked), SETTLE);
  }

  #frame() {
    const now = performance.now(), { wall } = this, { to } = this.bounds();
    const next = Math.min(wall.second + (now - this.last) / 1000 * this.speed, to);
    this.last = now;
    if (wall.until < to && wall.until - next < AHEAD / 2) this.#more();
    if (next > wall.until) return; // it waits for what is read
    const whole = Math.floor(next) > Math.floor(wall.second);
    wall.advance(next);
    if (whole) this.#moved();
    if (next >= to) this.ended();
  }

  /** Reads what comes next while it plays. */
  async #more() {
    const { wall, aborts } = this;
    if (wall.reading) return;
    wall.reading = true;
    try {
      const from = wall.until;
      const { messages, marks } = await this.read(from, true, aborts.signal);
      for (const m of messages) wall.take(m);
      this.marks = { marks: [...this.marks.marks.filter((m) => m.second < from), ...marks.marks], more: marks.more };
      wall.until = Math.min(from + AHEAD, this.bounds().to);
    } catch (error) {
      if (!aborts.signal.aborted) this.fail(error.message);
    }
    wall.reading = false;
  }

  #moved() {
    const { wall } = this, second = Math.floor(wall.second);
    wall.model.marks = this.marks.marks.filter((m) => m.second <= second);
    this.asked = second;
    this.note(second);
    this.usual?.ask(second);
    this.show();
    this.onChange(wall.model);
  }

  /** Draws the bar. */
  show() {
    const { from, to } = this.bounds(), at = this.asked ?? to;
    Object.assign(this.slider, { min: from, max: to });
    this.slider.value = at;
    const text = this.words(at);
    write(this.told, text);
    this.slider.setAttribute("aria-valuetext", text);
  }

  /** Says what went wrong. */
  fail(text) { write(this.wrong, text); }
}
