// Then: the wall as it was at any second of the history, standing still or playing.

import { element, write } from "./dom.js";
import { clock, span } from "./format.js";
import { loadMarks } from "./marks.js";
import { Model } from "./model.js";
import { note, placeOf } from "./place.js";
import { Usual } from "./usual.js";

const SPEEDS = [1, 2, 5, 10, 30, 60]; // seconds of the log in one of the reader's
const SPANS = [[3600, "1 h"], [6 * 3600, "6 h"], [86400, "24 h"], [7 * 86400, "7 d"], [14 * 86400, "14 d"]]; // that the slider reaches back
const STEP = 10; // seconds that an arrow key goes
const AHEAD = 120; // seconds that are read at a time while it plays
const FRAME = 100; // ms between two steps while it plays
const SETTLE = 250; // ms after the slider's last move until it is read

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
    while (this.next.length && this.next[0].now <= second) this.model.apply(this.next.shift());
  }
}

/** Reads the messages of a second, and of so many after it. */
async function load(parameters, signal) {
  const answer = await fetch(`/api/then?${new URLSearchParams(parameters)}`, { signal });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

export class Then {
  /** In a section; live is the model of now. onChange is called with the model to show, null
   * for that of now. */
  constructor(root, button, live, onChange) {
    Object.assign(this, { root, button, live, onChange, wall: null, speed: 1, playing: false, config: null });
    const press = (text, label, how) => {
      const b = element("button", "", text);
      b.type = "button";
      b.title = label;
      b.setAttribute("aria-label", label);
      b.addEventListener("click", how);
      return b;
    };
    this.slider = element("input");
    Object.assign(this.slider, { type: "range", step: 1 });
    this.slider.setAttribute("aria-label", "Second that is shown");
    this.slider.addEventListener("input", () => this.#slide());
    const choose = (label, choices, chosen, how) => {
      const select = element("select", "", ...choices.map(([value, text]) => {
        const option = element("option", "", text);
        option.value = value;
        return option;
      }));
      select.value = chosen;
      select.setAttribute("aria-label", label);
      select.addEventListener("change", () => how(Number(select.value)));
      return select;
    };
    this.reach = SPANS[0][0];
    this.spans = choose("How far back the slider reaches", SPANS, this.reach, (s) => {
      this.reach = s;
      this.#show();
    });
    this.play = press("▶", "Play", () => this.toggle());
    this.told = element("output");
    this.wrong = element("span", "wrong");
    this.wrong.setAttribute("role", "status");
    root.append(this.play, choose("Speed", SPEEDS.map((s) => [s, `${s} ×`]), 1, (s) => { this.speed = s; }),
      press("−", `${STEP} s back (←)`, () => this.step(-STEP)), this.slider, press("+", `${STEP} s on (→)`, () => this.step(STEP)), this.spans, this.told, this.wrong, press("Now", "Now (n)", () => this.leave()));
    button.addEventListener("click", () => this.wall ? this.leave() : this.open(Math.floor(live.now()) - STEP));
  }

  /** Takes the configuration of the live page, by which the past is read too. */
  configure(config) {
    this.config = config;
    const { query } = placeOf(location.hash);
    const at = Number(query.get("at"));
    if (at > 0 && !this.wall) this.open(at);
    else if (this.wall) this.open(this.wall.second);
  }

  /** Shows a second. */
  async open(second) {
    if (!this.config) return;
    this.aborts?.abort();
    const aborts = this.aborts = new AbortController();
    second = Math.min(Math.floor(second), Math.floor(this.live.now()) - 1);
    this.asked = second;
    this.root.hidden = false;
    this.#show();
    try {
      const [messages, marks] = await Promise.all([load({ at: second, play: AHEAD }, aborts.signal), loadMarks(second - this.live.window, second + AHEAD, aborts.signal)]);
      if (aborts.signal.aborted) return;
      this.usual ??= new Usual(() => this.onChange(this.wall?.model ?? null));
      const wall = new WallOf(this.config, second, this.usual);
      for (const m of messages) wall.take(m);
      wall.until = second + AHEAD;
      this.wall = wall;
      this.marks = marks;
      this.usual.ask(second);
      this.#told("");
      this.#moved();
    } catch (error) {
      if (!aborts.signal.aborted) this.#told(error.message);
    }
  }

  /** Goes so many seconds on, or back. */
  step(by) { this.open((this.wall?.second ?? this.live.now()) + by); }

  toggle() {
    if (!this.wall) return;
    this.playing = !this.playing;
    write(this.play, this.playing ? "❚❚" : "▶");
    this.play.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.last = performance.now();
    clearInterval(this.timer);
    if (this.playing) this.timer = setInterval(() => this.#frame(), FRAME);
  }

  /** Back to now. */
  leave() {
    this.aborts?.abort();
    if (this.playing) this.toggle();
    this.wall = this.asked = null;
    this.root.hidden = true;
    this.button.setAttribute("aria-pressed", "false");
    note({ at: null });
    this.onChange(null);
  }

  #slide() {
    this.asked = Number(this.slider.value);
    this.#show();
    clearTimeout(this.sliding);
    this.sliding = setTimeout(() => this.open(this.asked), SETTLE);
  }

  #frame() {
    const now = performance.now(), { wall } = this;
    const next = wall.second + (now - this.last) / 1000 * this.speed;
    this.last = now;
    if (next >= this.live.now() - 1) {
      this.leave(); // it has caught up
      return;
    }
    if (wall.until - next < AHEAD / 2) this.#more();
    if (next > wall.until) return; // it waits for what is read
    const whole = Math.floor(next) > Math.floor(wall.second);
    wall.advance(next);
    if (whole) this.#moved();
  }

  /** Reads what comes next while it plays. */
  async #more() {
    const { wall, aborts } = this;
    if (wall.reading) return;
    wall.reading = true;
    try {
      const from = wall.until;
      const [messages, marks] = await Promise.all([load({ at: from, play: AHEAD, bare: true }, aborts.signal), loadMarks(from, from + AHEAD, aborts.signal)]);
      for (const m of messages) wall.take(m);
      this.marks = { marks: [...this.marks.marks.filter((m) => m.second < from), ...marks.marks], more: marks.more };
      wall.until = Math.min(from + AHEAD, Math.floor(this.live.now()));
    } catch (error) {
      if (!aborts.signal.aborted) this.#told(error.message);
    }
    wall.reading = false;
  }

  #moved() {
    const { wall } = this, second = Math.floor(wall.second);
    wall.model.marks = this.marks.marks.filter((m) => m.second <= second);
    this.asked = second;
    this.button.setAttribute("aria-pressed", "true");
    note({ at: String(second) });
    this.usual.ask(second);
    this.#show();
    this.onChange(wall.model);
  }

  #show() {
    const now = Math.floor(this.live.now()), at = this.asked ?? now;
    while (now - at > this.reach && this.reach < SPANS.at(-1)[0]) this.reach = SPANS[SPANS.findIndex(([s]) => s === this.reach) + 1][0];
    this.spans.value = this.reach;
    Object.assign(this.slider, { min: now - this.reach, max: now });
    this.slider.value = at;
    const text = `${clock(at, now)} · ${span(now - at)} ago`;
    write(this.told, text);
    this.slider.setAttribute("aria-valuetext", text);
  }

  #told(text) { write(this.wrong, text); }
}
