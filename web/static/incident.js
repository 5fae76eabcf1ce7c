// Incidents: the page of one, which plays what the socket would have said then; and on the
// live page a list of them, with a form that saves one.

import { element, mark, write } from "./dom.js";
import { clock, span } from "./format.js";

const AHEAD = 60; // seconds that are asked for at a time
const LOW = 30; // seconds that are left when more are asked for
const SPEEDS = [1, 5, 20, 60];

/** The id of the incident that this is the page of; "" on the live page. */
export const incidentHere = () => /^\/incident\/([a-z0-9-]+)$/.exec(globalThis.location?.pathname ?? "")?.[1] ?? "";

const unix = (time) => Date.parse(time) / 1000;
const iso = (second) => new Date(second * 1000).toISOString().replace(".000Z", "Z");

/** ask asks the server, and gives the answer; an error says why not. */
async function ask(url, options = {}) {
  const answer = await fetch(url, { ...options, ...options.body && { headers: { "Content-Type": "application/json" } } });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

/** Player is the source of a page's messages, and the bar that says when they are of. Its
 * clock stands at the second that is shown. */
export class Player {
  constructor(id, root) {
    Object.assign(this, { id, root, second: 0, ahead: [], speed: 1, playing: false, title: "", quietUntil: 0 });
    this.clock = { date: () => (this.second + 1) * 1000, ticks: () => 0 };
    this.slider = element("input");
    this.slider.type = "range";
    this.slider.setAttribute("aria-label", "Second");
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    this.toggle = element("button", "", "Play");
    this.toggle.type = "button";
    this.toggle.setAttribute("aria-pressed", "false");
    this.toggle.addEventListener("click", () => this.play(!this.playing));
    this.rate = element("select", "", ...SPEEDS.map((s) => {
      const option = element("option", "", `${s} ×`);
      option.value = s;
      return option;
    }));
    this.rate.setAttribute("aria-label", "Speed");
    this.rate.addEventListener("change", () => { this.speed = Number(this.rate.value); });
    this.name = element("bdi");
    this.note = element("bdi", "about");
    this.when = element("output");
    const back = element("a", "", "to the live page");
    back.href = "/";
    root.replaceChildren(element("strong", "", "Incident ", this.name), this.toggle, this.rate, this.slider, this.when, this.note, back);
    root.hidden = false;
  }

  /** Begins at the second of the URL; the messages go to onMessage. */
  connect(onMessage, onState) {
    Object.assign(this, { onMessage, onState });
    const at = new URLSearchParams(location.search).get("at");
    this.seek(at ? /^\d+$/.test(at) ? Number(at) : unix(at) : 0);
  }

  /** Shows a second; 0: the incident's first. */
  async seek(second) {
    this.wanted = second;
    if (this.seeking) return;
    this.seeking = true;
    try {
      // Only the last one that was wanted meanwhile.
      for (let at; at !== this.wanted;) {
        at = this.wanted;
        const answer = await this.#load(at);
        this.bounds = { from: unix(answer.incident.first), to: unix(answer.incident.to) };
        this.#describe(answer.incident);
        this.second = answer.at;
        this.ahead = answer.frames;
        this.onState("open");
        answer.messages.forEach(this.onMessage);
        this.#show();
      }
    } catch (error) {
      this.play(false);
      write(this.when, error.message);
      mark(this.root, "failed", "yes");
    } finally {
      this.seeking = false;
    }
  }

  /** Goes some seconds on, or back. */
  step(seconds) {
    if (this.bounds) this.seek(Math.min(Math.max(this.second + seconds, this.bounds.from), this.bounds.to));
  }

  #load(at) { return ask(`/api/incidents/${this.id}/frames?${new URLSearchParams({ seconds: AHEAD, ...at && { at } })}`); }

  #describe({ name, note, from, to }) {
    this.title = name;
    write(this.name, name);
    write(this.note, note);
    this.name.title = `${from} to ${to}`;
    this.slider.min = this.bounds.from;
    this.slider.max = this.bounds.to;
  }

  /** Plays, or stands still. */
  play(on) {
    this.playing = on && this.bounds && this.second < this.bounds.to;
    this.toggle.setAttribute("aria-pressed", String(this.playing));
    write(this.toggle, this.playing ? "Stop" : "Play");
    clearInterval(this.timer);
    if (!this.playing) {
      if (this.bounds) this.#show();
      return;
    }
    let last = performance.now(), due = 0;
    this.timer = setInterval(() => {
      const now = performance.now();
      due = Math.min(due + (now - last) / 1000 * this.speed, AHEAD);
      last = now;
      if (this.seeking) return;
      for (; due >= 1 && this.ahead.length; due--) this.#next();
      this.#show();
      if (this.second >= this.bounds.to) this.play(false);
      else if (this.ahead.length < LOW) this.#more();
    }, 100);
  }

  #next() {
    this.second++;
    this.ahead.shift().forEach(this.onMessage);
  }

  /** Asks for what comes after what is there. */
  async #more() {
    const end = this.second + this.ahead.length;
    if (this.asking || end >= this.bounds.to) return;
    this.asking = true;
    try {
      const { frames } = await this.#load(end);
      if (this.second + this.ahead.length === end) this.ahead.push(...frames);
    } catch (error) {
      this.play(false);
      write(this.when, error.message);
    } finally {
      this.asking = false;
    }
  }

  #show() {
    this.slider.value = this.second;
    write(this.when, iso(this.second));
    const url = new URL(location.href);
    url.searchParams.set("at", iso(this.second));
    // Browsers take a hundred changes of a URL in half a minute, and no more.
    if (url.href !== location.href && (!this.playing || performance.now() > this.quietUntil)) {
      this.quietUntil = performance.now() + 500;
      history.replaceState(null, "", url);
    }
  }

  /** What the page's header says of how things stand. */
  standing() { return { state: "past", text: `incident · ${iso(this.second)}` }; }
}

/** Incidents is a button, and the dialog that it opens: a list, and a form to save one. */
export class Incidents {
  /** newest gives the newest second, which is offered as the end. */
  constructor(button, dialog, newest) {
    Object.assign(this, { dialog, newest });
    this.list = dialog.querySelector("#incident-list");
    this.form = dialog.querySelector("#incident-save");
    this.told = dialog.querySelector("[role=status]");
    button.addEventListener("click", () => this.open());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  open() {
    const to = this.newest() - 10; // a second is final when lines can no longer be late
    this.form.elements.from.value = iso(to - 600);
    this.form.elements.to.value = iso(to);
    write(this.told, "");
    this.dialog.showModal();
    return this.#load();
  }

  async #load() {
    try {
      const { incidents, edit } = await ask("/api/incidents");
      this.form.hidden = !edit;
      this.list.replaceChildren(...incidents.map((one) => this.#item(one, edit)));
      if (!incidents.length) this.list.append(element("li", "about", "No incident has been saved. pulse incident save NAME --from TIME --to TIME saves one."));
    } catch (error) {
      write(this.told, error.message);
    }
  }

  #item(one, edit) {
    const link = element("a", "", one.name);
    link.href = `/incident/${encodeURIComponent(one.id)}`;
    const from = unix(one.from), to = unix(one.to);
    const about = element("span", "about", ` ${clock(from, Date.now() / 1000)}, ${span(to - from + 1)}${one.whole ? "" : " · not whole: it is being saved, or that was interrupted"}`);
    const item = element("li", "", one.whole ? link : element("bdi", "", one.name), about);
    if (one.note) item.append(element("p", "", element("bdi", "", one.note)));
    if (edit) item.append(this.#remover(one));
    return item;
  }

  /** A button that deletes when it is pressed twice. */
  #remover(one) {
    const button = element("button", "", "Delete");
    button.type = "button";
    button.addEventListener("click", () => {
      if (button.textContent === "Delete") write(button, "Delete for good?");
      else this.#change(`/api/incidents/${encodeURIComponent(one.id)}`, { method: "DELETE" }, "");
    });
    return button;
  }

  #save() {
    const { name, from, to, note } = this.form.elements;
    return this.#change("/api/incidents", { method: "POST", body: JSON.stringify({ name: name.value, from: from.value, to: to.value, note: note.value }) }, "saving…");
  }

  async #change(url, options, meanwhile) {
    write(this.told, meanwhile);
    try {
      await ask(url, options);
      write(this.told, "");
      await this.#load();
    } catch (error) {
      write(this.told, error.message);
    }
  }
}
