// Incidents: the page of one, which plays what the socket would have said then; and on the
// live page a list of them, with a form that saves one.

import { element, write } from "./dom.js";
import { clock, span } from "./format.js";
import { AHEAD, Player } from "./player.js";

const unix = (time) => Date.parse(time) / 1000;
const iso = (second) => new Date(second * 1000).toISOString().replace(".000Z", "Z");

/** ask asks the server, and gives the answer; an error says why not. */
async function ask(url, options = {}) {
  const answer = await fetch(url, { ...options, ...options.body && { headers: { "Content-Type": "application/json" } } });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

/** The player of one incident, which has no other page. Its messages are those that the
 * socket would have sent, its URL says which second's points are the newest. */
export class IncidentPlayer extends Player {
  constructor(id, root, onChange) {
    super(root, onChange);
    Object.assign(this, { id, title: "", quietUntil: 0 });
    this.name = element("bdi");
    this.about = element("bdi", "about");
    const back = element("a", "", "to the live page");
    back.href = "/";
    root.append(element("strong", "", "Incident ", this.name), ...this.tools, this.told, this.wrong, this.about,
      element("span", "about", "without marks, alerts and what is usual, which are not kept"), back);
  }

  /** Begins at the second of the URL, and gives the configuration of that time to onConfig. */
  async connect(onConfig) {
    this.root.hidden = false;
    try {
      const { name, note, from, first, to } = await ask(`/api/incidents/${this.id}`);
      Object.assign(this, { title: name, span: { from: unix(first) + 1, to: unix(to) + 1 } });
      write(this.name, name);
      write(this.about, note);
      this.name.title = `${from} to ${to}`;
      const at = new URLSearchParams(location.search).get("at") ?? from;
      const { messages } = await this.#load(unix(to), 0);
      this.asked = (/^\d+$/.test(at) ? Number(at) : unix(at)) + 1;
      const { role: may, session } = await ask("/api/who");
      onConfig(this.config = { ...messages.find((m) => m.type === "config"), may, session });
      await this.open(this.asked);
    } catch (error) {
      this.fail(error.message);
    }
  }

  #load(at, seconds, signal) { return ask(`/api/incidents/${this.id}/frames?${new URLSearchParams({ at, seconds })}`, { signal }); }

  configure() {} // it has its own
  leave() {} // the live page is another one

  bounds() { return this.span ?? { from: 0, to: 0 }; }

  async read(second, bare, signal) {
    const { messages, frames } = await this.#load(second - 1, AHEAD, signal);
    return { messages: [...bare ? [] : messages.filter((m) => m.type === "history"), ...frames.flat()], marks: { marks: [], more: 0 } };
  }

  words(second) { return iso(second - 1); }

  standing() { return `incident · ${iso(Math.floor(this.wall.second) - 1)}`; }

  note(second) {
    const url = new URL(location.href);
    url.searchParams.set("at", iso(second - 1));
    // Browsers take a hundred changes of a URL in half a minute, and no more.
    if (url.href !== location.href && (!this.playing || second === this.span.to || performance.now() > this.quietUntil)) {
      this.quietUntil = performance.now() + 500;
      history.replaceState(null, "", url);
    }
  }

  ended() { if (this.playing) this.toggle(); }
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
