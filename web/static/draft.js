// A draft: definitions that are tried on the end of the log while they are written, beside
// what is drawn today, and then saved.

import { download, element, write } from "./dom.js";
import { Editor } from "./editor.js";
import { Grid } from "./grid.js";
import { load, readFields } from "./history.js";
import { Model, Series } from "./model.js";
import { StatForm, formOf } from "./statform.js";

const TYPED = 600; // ms after the last key until the text is tried
const AGAIN = 3000; // ms until it is tried once more where that could not be done
const KEPT = "pulse-draft"; // where the browser keeps it while its tab is open

/** A model of what a page's socket would have said, which knows no other time. */
function modelOf(messages) {
  const time = { at: messages[0].now };
  const model = new Model({ date: () => time.at * 1000, ticks: () => 0 });
  model.connected = true;
  model.configure(messages[0]);
  for (const message of messages.slice(1)) model.past(message);
  return { model, apply: (message) => {
    time.at = message.now;
    return model.apply(message);
  } };
}

/** What a model says of so many seconds: of more than it has, with what the server has. */
class Longer {
  constructor(live, names, seconds) {
    this.live = live;
    this.series = new Map(names.map((name) => [name, new Series(live.series.get(name).stat, seconds)]));
    this.view = Object.assign(Object.create(live), { window: seconds, series: this.series });
    this.asked = new AbortController();
    this.copy();
    if (seconds > live.window) for (const name of names) this.#fill(name, seconds);
  }

  async #fill(name, seconds) {
    const of = this.series.get(name), { newest } = this.live;
    try {
      const { series } = await load(of.stat, newest - seconds + 1, newest - 1, this.asked.signal);
      for (let second = newest - seconds + 1; second < newest; second++) this.#put(of, series, second);
      for (const [first, last] of series.gaps) of.gap(first, last);
      this.view.first = Math.min(this.live.first, of.first || Infinity);
    } catch {
      // What the page has by itself is shown.
    }
  }

  #put(of, series, second) {
    const value = series.at(second);
    if (value === undefined) return;
    of.put(second, value);
    const covered = series.covered(second), error = series.error(second);
    if (covered !== null) of.cover(second, covered);
    if (error) of.estimate(second, error);
  }

  /** Takes what has come. */
  copy() {
    for (const [name, of] of this.series) {
      const live = this.live.series.get(name);
      if (!live) continue;
      for (let second = Math.max(of.newest - 10, live.newest - live.size + 1, 1); second <= live.newest; second++) this.#put(of, live, second);
      for (const [first, last] of live.gaps) if (last > of.newest - of.size) of.gap(first, last);
    }
  }

  end() { this.asked.abort(); }
}

/** Definitions with one more entry of a list: at the list's beginning if the text has it, as
 * deep as its entries are, else at the end. */
export function joined(text, more) {
  const { from, to, insert } = joining(text, more);
  return text.slice(0, from) + insert + text.slice(to);
}

/** Where and what joined writes. */
function joining(text, more) {
  const [head, entry] = more.split("\n");
  const found = new RegExp(`^${head}[ \\t]*\n((?:[ \\t]*(?:#.*)?\n)*)([ \\t]*)- `, "m").exec(text);
  if (!found) return { from: text.length, to: text.length, insert: `${text && !text.endsWith("\n") ? "\n" : ""}${more}` };
  const at = found.index + found[0].length - found[2].length - 2;
  return { from: at, to: at, insert: `${found[2]}${entry.trim()}\n` };
}

export class Draft {
  /** A button, and the dialog that it opens; live gives the model of now. */
  constructor(button, dialog, live) {
    Object.assign(this, { button, dialog, live, tried: null, base: "", tag: "" });
    const part = (selector) => dialog.querySelector(selector);
    this.editor = new Editor(part(".editor"), () => this.#edited());
    this.told = part(".told");
    this.errors = part(".errors");
    this.stats = part("[name=stat]");
    this.minutes = part("[name=minutes]");
    this.lines = part(".lines");
    this.save = part(".save");
    this.question = part(".question");
    this.starter = part(".start");
    this.form = new StatForm(part(".stat-form"), () => this.editor.text, (entry) => {
      this.#ask(false);
      this.#write(`stats:\n  - ${entry}\n`);
    });
    const view = (model) => () => ({ model: model(), moment: model().moment() });
    this.empty = new Model();
    this.grid = new Grid(part(".new"), view(() => this.tried?.model ?? this.empty), () => {}, () => {});
    this.today = new Grid(part(".old"), view(() => this.longer?.view ?? live()), () => {}, () => {});
    button.addEventListener("click", () => this.open());
    dialog.addEventListener("close", () => this.#stop());
    document.addEventListener("visibilitychange", () => {
      if (!dialog.open) return;
      if (document.hidden) this.#rest();
      else this.#try();
    });
    for (const choice of [this.stats, this.minutes]) choice.addEventListener("change", () => this.#try());
    this.starter.addEventListener("click", () => {
      const open = this.starter.getAttribute("aria-expanded") !== "true";
      this.#ask(open);
      if (open) this.form.show({ kind: "count" }, this.editor.fields);
    });
    part(".copy").addEventListener("click", () => {
      navigator.clipboard?.writeText(this.editor.text).then(() => write(this.told, "Copied."), () => this.editor.area.select());
    });
    part(".download").addEventListener("click", () => download("stats.yaml", new Blob([this.editor.text], { type: "application/yaml" })));
    this.save.addEventListener("click", () => this.#confirm());
  }

  /** Says whether the server tries drafts. */
  offer(offered) { this.button.hidden = !offered; }

  get offered() { return !this.button.hidden; }

  /** Opens with a list of one more entry, such as "formats:\n  - {…}\n", or with the form of a
   * stat if it is one, if drafts are tried; gives whether they are. */
  begin(more) {
    if (!this.offered) return false;
    const [head, entry] = more.split("\n");
    const said = head === "stats:" ? formOf(entry) : null;
    if (said) this.start(said);
    else this.open().then(() => this.#write(more));
    return true;
  }

  /** Opens the form of a stat with what is said of it: {kind, name, field, where, by}. */
  async start(said) {
    await this.open();
    this.#ask(true);
    this.form.show(said, this.editor.fields);
  }

  async open() {
    if (!this.dialog.open) this.dialog.showModal();
    this.editor.area.focus();
    this.#learn();
    const had = this.editor.text !== "";
    try {
      const file = await this.#file();
      if (!had) this.#restore(file);
    } catch (error) {
      write(this.told, error.message);
      return;
    }
    this.#try();
  }

  /** The definitions file as it is now. */
  async #file() {
    const answer = await fetch("/api/definitions");
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const file = await answer.json();
    file.text = file.text.replaceAll("\r\n", "\n"); // as a text area has it
    this.save.hidden = !file.tag;
    return file;
  }

  /** Begins with the file, or with what was written of it before the page was loaded. */
  #restore(file) {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT));
    } catch {
      // There is none, or the browser keeps nothing.
    }
    this.base = file.text;
    this.tag = file.tag ?? "";
    this.editor.begin(kept?.text ?? file.text);
    if (!kept || kept.text === file.text) return;
    this.base = kept.base;
    this.tag = kept.tag;
    this.#choose("This is what you had written before the page was loaded again.", [["Begin with the file as it is", () => this.#take(file)]]);
  }

  /** Takes a file's text over what is written, which can be undone. */
  #take(file) {
    this.editor.replace(0, this.editor.text.length, file.text);
    this.editor.go(1, 1);
    this.base = file.text;
    this.tag = file.tag ?? "";
    this.#keep();
  }

  #keep() {
    try {
      if (this.editor.text === this.base) sessionStorage.removeItem(KEPT);
      else sessionStorage.setItem(KEPT, JSON.stringify({ text: this.editor.text, base: this.base, tag: this.tag }));
    } catch {
      // It is kept while the page is open.
    }
  }

  /** Learns what the editor offers: the schema once, and the fields of the last minutes. */
  async #learn() {
    try {
      if (!this.editor.schema.properties) this.editor.schema = await (await fetch("/api/schema.json")).json();
      const { formats } = await readFields({}, AbortSignal.timeout(30000), () => {});
      const all = new Map();
      for (const field of formats.flatMap((f) => f.fields)) if (!all.has(field.field)) all.set(field.field, field);
      this.editor.know([...all.values()]);
    } catch {
      // It offers less.
    }
  }

  #edited() {
    this.#keep();
    this.#choose("");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#try(), TYPED);
  }

  /** Writes an entry into the list that it is of. */
  #write(more) {
    const { from, to, insert } = joining(this.editor.text, more);
    this.editor.replace(from, to, insert);
  }

  /** Opens the form of a stat, or closes it. */
  #ask(open) {
    this.starter.setAttribute("aria-expanded", String(open));
    this.form.form.hidden = !open;
  }

  /** Asks the reader something, with answers [[text, act]]; "" asks nothing. */
  #choose(text, answers = []) {
    this.question.hidden = !text;
    this.question.replaceChildren(...text ? [element("span", "", text), ...answers.map(([label, act]) => {
      const b = element("button", "", label);
      b.type = "button";
      b.addEventListener("click", () => {
        this.#choose("");
        this.editor.area.focus();
        act();
      });
      return b;
    })] : []);
    if (text && answers.length && this.dialog.contains(document.activeElement) && document.activeElement === this.save) this.question.querySelector("button").focus();
  }

  #rest() {
    clearTimeout(this.timer);
    this.asked?.abort();
  }

  #stop() {
    this.#rest();
    this.editor.shut();
    this.longer?.end();
    this.longer = null;
    this.grid.hide();
    this.today.hide();
    this.shown = "";
  }

  async #try() {
    this.#rest();
    if (!this.dialog.open || document.hidden) return;
    const asked = this.asked = new AbortController();
    try {
      const body = JSON.stringify({ text: this.editor.text, stat: this.stats.value, minutes: Number(this.minutes.value) });
      const answer = await fetch("/api/draft", { method: "POST", body, signal: asked.signal, headers: { "Content-Type": "application/json", Accept: "application/x-ndjson" } });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        const lines = (text + (value ?? "")).split("\n");
        text = lines.pop();
        for (const line of lines) {
          const said = JSON.parse(line);
          if (said.error) throw new Error(said.error);
          if (said.errors) this.#begun(said);
          else this.#news(said);
        }
        if (done) break;
      }
      if (this.errors.childElementCount) return; // until it is edited
    } catch (error) {
      if (asked.signal.aborted) return;
      write(this.told, error instanceof TypeError ? "not connected; retrying…" : error.message);
    }
    this.timer = setTimeout(() => this.#try(), AGAIN);
  }

  /** The first that is said of a draft. */
  #begun(answer) {
    this.errors.replaceChildren(...answer.errors.map((e) => this.#error(e)));
    this.editor.mark(answer.errors);
    if (answer.errors.length) {
      write(this.told, answer.errors.length === 1 ? "1 mistake" : `${answer.errors.length} mistakes`);
      return; // what was drawn last stays
    }
    this.answer = answer;
    this.tried = modelOf(answer.messages);
    const { drawn, changed, gone } = answer;
    write(this.told, [changed.length ? "" : "Its stats mean the same as those at work.", gone.length ? `Without ${gone.join(", ")}, which are at work.` : "",
      changed.length > drawn.length ? `${changed.length} stats change; the first ${drawn.length} are drawn.` : ""].filter(Boolean).join(" "));
    this.stats.replaceChildren(...changed.map((name) => {
      const option = element("option", "", name);
      option.selected = name === answer.stat;
      return option;
    }));
    this.stats.parentElement.hidden = changed.length < 2;
    const old = drawn.filter((name) => this.live().series.has(name)), seconds = 60 * Number(this.minutes.value);
    const shown = JSON.stringify([drawn, old, seconds, answer.messages[0].stats]);
    if (shown !== this.shown) {
      this.shown = shown;
      this.longer?.end();
      this.longer = new Longer(this.live(), old, seconds);
      this.grid.show([drawn], "Nothing is drawn otherwise.");
      this.today.show([old], "There is no stat of that name today.");
    }
    this.#draw(answer);
  }

  /** What has come since. */
  #news(news) {
    for (const message of news.messages) this.tried.apply(message);
    this.#draw(news);
  }

  #draw(found) {
    this.longer?.copy();
    this.grid.touch();
    this.today.touch();
    this.#show(this.answer.stat, found);
  }

  /** A mistake; a click goes to where it stands. */
  #error({ line, column, message }) {
    const button = element("button", "", line ? `line ${line}, column ${column}` : "the file");
    button.type = "button";
    button.addEventListener("click", () => this.editor.go(line, column));
    return element("li", "", button, " ", element("bdi", "", message));
  }

  /** Shows lines that the stat counts, and some that it just does not. */
  #show(stat, { lines, counted, counts, not }) {
    const listed = (title, all) => all.length ? [element("h3", "", title), element("ul", "", ...all.map(({ text, why }) =>
      element("li", "", element("code", "", element("bdi", "", text)), ...why ? [element("span", "why", element("bdi", "", why))] : [])))] : [];
    this.lines.replaceChildren(...stat ? [
      element("p", "", `${counted.toLocaleString("en")} lines are counted by ${stat}; ${lines.toLocaleString("en")} were read`),
      ...listed("It counts", counts), ...listed("It does not count", not)] : []);
  }

  /** Asks before everybody gets other definitions. */
  #confirm() {
    if (this.errors.childElementCount) {
      write(this.told, "It has mistakes, and cannot be saved.");
      this.editor.area.focus();
      return;
    }
    const { changed = [], gone = [] } = this.answer ?? {};
    const some = (names) => names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
    const had = (name) => this.live().series.has(name);
    const added = changed.filter((name) => !had(name)), other = changed.filter(had);
    this.#choose(`Save it for everybody? ${[added.length ? `It adds ${some(added)}.` : "", other.length ? `It changes ${some(other)}.` : "", changed.length ? "" : "No stat changes.", gone.length ? `It is without ${some(gone)}.` : ""].filter(Boolean).join(" ")}`,
      [["Yes, save it", () => this.#save()], ["No", () => {}]]);
  }

  async #save() {
    const text = this.editor.text;
    write(this.told, "saving…");
    try {
      const answer = await fetch("/api/definitions", { method: "PUT", body: JSON.stringify({ text, tag: this.tag }), headers: { "Content-Type": "application/json" } });
      const said = await answer.text();
      if (answer.status === 409) {
        const file = await this.#file();
        write(this.told, said.trim());
        this.#choose("Somebody else has changed the file since. Yours is still here.", [
          ["Take theirs instead", () => this.#take(file)], ["Keep mine, to be saved over theirs", () => { [this.base, this.tag] = [file.text, file.tag]; }]]);
        return;
      }
      if (!answer.ok) throw new Error(said.trim());
      const { version, tag, waits } = JSON.parse(said);
      this.base = text;
      this.tag = tag;
      this.#keep();
      write(this.told, waits ? `Saved as version ${version}. This server goes on as it was: ${waits}` : `Saved as version ${version}, and being rolled out.`);
    } catch (error) {
      write(this.told, error instanceof TypeError ? "not saved: not connected" : error.message);
    }
  }
}
