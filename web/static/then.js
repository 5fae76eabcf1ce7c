// Then: the wall as it was at any second of the history.

import { clock, span } from "./format.js";
import { loadMarks } from "./marks.js";
import { note, placeOf } from "./place.js";
import { AHEAD, Player, choose, press } from "./player.js";
import { Usual } from "./usual.js";

const SPANS = [[3600, "1 h"], [6 * 3600, "6 h"], [86400, "24 h"], [7 * 86400, "7 d"], [14 * 86400, "14 d"]]; // that the slider reaches back
const BACK = 10; // seconds before now at which it opens

/** Reads messages, a line each. */
async function load(parameters, signal) {
  const answer = await fetch(`/api/then?${new URLSearchParams(parameters)}`, { signal });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

export class Then extends Player {
  /** In a section, opened by a button; live is the model of now. */
  constructor(root, button, live, onChange) {
    super(root, onChange);
    Object.assign(this, { button, live, reach: SPANS[0][0] });
    this.spans = choose("How far back the slider reaches", SPANS, this.reach, (s) => {
      this.reach = s;
      this.show();
    });
    root.append(...this.tools, this.spans, this.told, this.wrong, press("Now", "Now (n)", () => this.leave()));
    button.addEventListener("click", () => this.wall ? this.leave() : this.open(Math.floor(live.now()) - BACK));
  }

  /** Takes the configuration of the live page, by which the past is read too. */
  configure(config) {
    this.config = config;
    this.usual ??= new Usual(() => this.onChange(this.wall?.model ?? null));
    const at = Number(placeOf(location.hash).query.get("at"));
    if (at > 0 && !this.wall) this.open(at);
    else if (this.wall) this.open(this.wall.second);
  }

  bounds() {
    const now = Math.floor(this.live.now());
    return { from: Math.max(0, now - SPANS.at(-1)[0]), to: now - 1 };
  }

  async read(second, bare, signal) {
    const [messages, marks] = await Promise.all([load({ at: second, play: AHEAD, ...bare && { bare } }, signal), loadMarks(second - (bare ? 0 : this.live.window), second + AHEAD, signal)]);
    return { messages, marks };
  }

  words(second) {
    const now = Math.floor(this.live.now());
    return `${clock(second, now)} · ${span(now - second)} ago`;
  }

  /** What the page's header says of how things stand. */
  standing() { return `as it was at ${clock(Math.floor(this.wall.second), Date.now() / 1000)}`; }

  note(second) {
    this.button.setAttribute("aria-pressed", "true");
    note({ at: String(second) });
  }

  /** It has caught up. */
  ended() { this.leave(); }

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

  show() {
    super.show();
    const { to } = this.bounds(), at = this.asked ?? to;
    while (to - at > this.reach && this.reach < SPANS.at(-1)[0]) this.reach = SPANS[SPANS.findIndex(([s]) => s === this.reach) + 1][0];
    this.spans.value = this.reach;
    this.slider.min = to - this.reach;
  }
}
