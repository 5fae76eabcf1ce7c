// A draft: definitions that are tried on the end of the log while they are written, beside
// what is drawn today.

import { element, write } from "./dom.js";
import { Grid } from "./grid.js";
import { Model } from "./model.js";

const TYPED = 600; // ms after the last key until the text is tried
const AGAIN = 5000; // ms until it is tried on what has come since

/** A model of what a page's socket would have said at a moment, at which it stands still. */
function modelOf(messages) {
  const at = messages[0].now * 1000;
  const model = new Model({ date: () => at, ticks: () => 0 });
  model.connected = true;
  model.configure(messages[0]);
  for (const message of messages.slice(1)) model.past(message);
  return model;
}

/** Definitions with one more entry of a list: at the list's beginning if the text has it, as
 * deep as its entries are, else at the end. */
export function joined(text, more) {
  const [head, entry] = more.split("\n");
  const found = new RegExp(`^${head}[ \\t]*\n((?:[ \\t]*(?:#.*)?\n)*)([ \\t]*)- `, "m").exec(text);
  if (!found) return `${text}${text && !text.endsWith("\n") ? "\n" : ""}${more}`;
  const at = found.index + found[0].length - found[2].length - 2;
  return `${text.slice(0, at)}${found[2]}${entry.trim()}\n${text.slice(at)}`;
}

export class Draft {
  /** A button, and the dialog that it opens; live gives the model of now. */
  constructor(button, dialog, live) {
    Object.assign(this, { button, dialog, live, model: new Model(), stat: "" });
    const part = (selector) => dialog.querySelector(selector);
    this.area = part("textarea");
    this.told = part("[role=status]");
    this.errors = part(".errors");
    this.choice = part("select");
    this.lines = part(".lines");
    const view = (model) => () => ({ model: model(), moment: model().moment() });
    this.grid = new Grid(part(".new"), view(() => this.model), () => {}, () => {});
    this.today = new Grid(part(".old"), view(live), () => {}, () => {});
    button.addEventListener("click", () => this.open());
    dialog.addEventListener("close", () => this.#stop());
    this.area.addEventListener("input", () => this.#soon(TYPED));
    this.choice.addEventListener("change", () => this.#try());
    part(".copy").addEventListener("click", () => {
      navigator.clipboard?.writeText(this.area.value).then(() => write(this.told, "Copied."), () => this.area.select());
    });
    part(".download").addEventListener("click", () => this.#download());
  }

  /** Says whether the server tries drafts. */
  offer(offered) { this.button.hidden = !offered; }

  /** Opens with a list of one more entry, such as "stats:\n  - {…}\n", if drafts are tried;
   * gives whether they are. */
  begin(more) {
    if (!this.button.hidden) this.open(more);
    return !this.button.hidden;
  }

  async open(more = "") {
    this.dialog.showModal();
    if (!this.area.value) {
      try {
        const answer = await fetch("/api/definitions");
        if (!answer.ok) throw new Error((await answer.text()).trim());
        this.area.value = (await answer.json()).text;
      } catch (error) {
        write(this.told, error.message);
        return;
      }
    }
    if (more) this.area.value = joined(this.area.value, more);
    this.#try();
  }

  #soon(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#try(), ms);
  }

  #stop() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.grid.hide();
    this.today.hide();
    this.shown = "";
  }

  async #try() {
    clearTimeout(this.timer);
    this.asked?.abort();
    if (!this.dialog.open) return;
    const asked = this.asked = new AbortController();
    try {
      const body = JSON.stringify({ text: this.area.value, stat: this.choice.value });
      const answer = await fetch("/api/draft", { method: "POST", body, signal: asked.signal, headers: { "Content-Type": "application/json" } });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      this.#take(await answer.json());
    } catch (error) {
      if (asked.signal.aborted) return;
      write(this.told, error.message);
    }
    this.#soon(AGAIN);
  }

  #take(answer) {
    this.errors.replaceChildren(...answer.errors.map((e) => this.#error(e)));
    if (answer.errors.length) {
      write(this.told, "");
      return; // what was drawn last stays
    }
    this.model = modelOf(answer.messages);
    const names = answer.changed;
    write(this.told, names.length ? "" : "It means the same as the definitions at work.");
    this.choice.replaceChildren(...names.map((name) => {
      const option = element("option", "", name);
      option.selected = name === answer.stat;
      return option;
    }));
    this.choice.parentElement.hidden = names.length < 2;
    const old = names.filter((name) => this.live().series.has(name));
    const shown = JSON.stringify([names, old, answer.messages[0].stats]);
    if (shown !== this.shown) {
      this.shown = shown;
      this.grid.show([names], "Nothing is drawn otherwise.");
      this.today.show([old], "There is no stat of that name today.");
    }
    this.grid.touch();
    this.today.touch();
    this.#show(answer);
  }

  /** A mistake; a click goes to where it stands. */
  #error({ line, column, message }) {
    const button = element("button", "", line ? `line ${line}, column ${column}` : "the file");
    button.type = "button";
    button.addEventListener("click", () => {
      const before = this.area.value.split("\n").slice(0, Math.max(0, line - 1)).join("\n").length;
      const at = Math.min(this.area.value.length, before + (line > 1 ? 1 : 0) + Math.max(0, column - 1));
      this.area.focus();
      this.area.setSelectionRange(at, at);
    });
    return element("li", "", button, " ", element("bdi", "", message));
  }

  /** Shows lines that the stat counts, and some that it just does not. */
  #show({ stat, lines, counted, counts, not }) {
    const listed = (title, all) => all.length ? [element("h3", "", title), element("ul", "", ...all.map(({ text, why }) =>
      element("li", "", element("code", "", element("bdi", "", text)), ...why ? [element("span", "why", element("bdi", "", why))] : [])))] : [];
    this.lines.replaceChildren(...stat ? [
      element("p", "", `${counted.toLocaleString("en")} lines are counted by ${stat}; ${lines.toLocaleString("en")} were read`),
      ...listed("It counts", counts), ...listed("It does not count", not)] : []);
  }

  #download() {
    const url = URL.createObjectURL(new Blob([this.area.value], { type: "application/yaml" }));
    const link = element("a");
    link.href = url;
    link.download = "stats.yaml";
    link.click();
    URL.revokeObjectURL(url);
  }
}
