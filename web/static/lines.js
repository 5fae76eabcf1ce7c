// The lines behind a point, as they are found; those of a key, and those that meet a
// condition. Each with the lines around it, and with its fields as columns.

import { download, element, mark, write } from "./dom.js";
import { clock, visible } from "./format.js";
import { readAround, readLines } from "./history.js";
import { chipsOfKey, conditionOf } from "./narrow.js";

const USUAL = 100, MOST = 1000; // lines that are asked for
const COLUMNS = 12; // fields that have a column, those of most lines

const shown = (text) => text.split("\n").map(visible).join("\n");

function button(text, about, how) {
  const b = element("button", "", text);
  b.type = "button";
  b.title = about;
  b.addEventListener("click", how);
  return b;
}

/** The fields that have columns: those that most of the lines have, by name where as many do. */
export function columnsOf(lines) {
  const having = new Map();
  for (const { fields } of lines) for (const name of Object.keys(fields ?? {})) having.set(name, (having.get(name) ?? 0) + 1);
  return [...having].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, COLUMNS).map(([name]) => name);
}

export class Lines {
  /** In a section; onAsk is called with what is asked, {first, last, where}, or null when
   * the reader has closed it. onStart starts a stat of such lines, {kind, where}; null: nobody
   * can. */
  constructor(root, onAsk, onStart = () => null) {
    Object.assign(this, { root, onAsk, onStart, found: null });
    this.title = element("h3");
    const shut = button("Close", "", () => {
      this.hide();
      onAsk(null);
    });
    shut.className = "shut";
    this.where = element("input");
    this.where.type = "search";
    this.where.placeholder = "status >= 500 && line contains \"timeout\"";
    this.where.setAttribute("aria-label", "Only lines that meet this condition");
    this.where.maxLength = 1000;
    this.where.spellcheck = false;
    const form = element("form", "", this.where);
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      Object.assign(this.of, { where: this.where.value.trim(), limit: USUAL });
      this.#read();
    });
    this.columns = button("Columns", "Fields as columns", () => {
      this.columns.setAttribute("aria-pressed", String(this.columns.getAttribute("aria-pressed") !== "true"));
      this.#list();
    });
    this.columns.setAttribute("aria-pressed", "false");
    this.copied = button("Copy", "Copy these lines", () => this.#copy());
    this.more = button("More", `Up to ${MOST.toLocaleString("en")} lines`, () => {
      this.of.limit = MOST;
      this.#read();
    });
    this.start = button("Start a stat", "A stat that counts these lines", () => this.onStart()?.({ kind: "count", name: `${this.of.stat.name}-some`, where: this.#condition() }));
    this.tools = element("p", "choice", this.columns, this.copied, this.start, button("JSON lines", "Save these lines, with their fields", () => this.#save()), this.more);
    this.status = element("p", "hush");
    this.status.setAttribute("role", "status");
    this.list = element("ol");
    this.table = element("div", "columns");
    root.append(this.title, shut, form, this.tools, this.status, this.list, this.table);
  }

  hide() {
    this.asked?.abort();
    this.root.hidden = true;
  }

  /** Shows the lines of a stat that count at the seconds [first, last], of a key if one is
   * given, and of a condition, if it is not empty. */
  show(stat, first, last, now, key, where) {
    this.of = { stat, first, last, now, key, where, limit: USUAL };
    this.where.value = where;
    this.root.hidden = false;
    this.root.scrollIntoView({ block: "nearest" });
    this.#read();
  }

  async #read() {
    const { stat, first, last, now, key, where, limit } = this.of;
    this.onAsk(this.of);
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    const when = `${clock(first, now)} to ${clock(last, now)}${key === null ? "" : `, ${visible(key)}`}`;
    write(this.title, `Lines of ${when}`);
    write(this.status, "searching…");
    this.found = null;
    this.#list();
    const show = (found) => {
      if (asked.signal.aborted) return;
      const n = found.lines.length, before = this.found?.lines.length ?? 0;
      const how = `${found.read.lines.toLocaleString("en")} line${found.read.lines === 1 ? "" : "s"} read`;
      const open = found.lines.filter((l) => !l.final).length;
      const sure = !n ? "" : open ? ` · ${open === n ? "provisional" : `${open} provisional`}: more may come at these seconds` : " · final";
      if (n) write(this.title, `${found.more ? `${n} or more` : n} line${n === 1 ? "" : "s"} of ${when}${found.expired ? "; some have expired" : ""}`);
      const none = found.expired ? "expired: these lines are no longer kept" : found.stopped ? "no lines found yet" : "no lines found";
      const stopped = found.stopped ? " · stopped after 20 s, before all was read" : "";
      write(this.status, !found.done ? `searching… ${how}` : (n ? how + sure : `${none}; ${how}`) + stopped);
      this.found = found;
      if (n !== before || found.done) this.#list();
    };
    try {
      show(await readLines({ stat: stat.name, from: first, to: last, limit, fields: true, ...where && { where }, ...key !== null && { key } }, asked.signal, show));
    } catch (error) {
      if (!asked.signal.aborted) write(this.status, error.message);
    }
  }

  /** The condition that all these lines meet. */
  #condition() {
    const { stat, key, where } = this.of;
    const chips = key === null ? [] : chipsOfKey(stat, key) ?? [];
    return [stat.where, conditionOf(chips), where].filter(Boolean).map((c, _, all) => all.length > 1 && /\|\||\?|\bor\b/.test(c) ? `(${c})` : c).join(" && ");
  }

  /** Draws what was found, as lines or as columns. */
  #list() {
    const lines = this.found?.lines ?? [];
    const asColumns = this.columns.getAttribute("aria-pressed") === "true";
    this.tools.hidden = !lines.length;
    this.start.hidden = !this.onStart();
    this.more.hidden = !this.found?.done || !this.found.more || this.of.limit === MOST;
    this.list.replaceChildren(...asColumns ? [] : lines.map((l) => this.#line(l)));
    this.table.replaceChildren(...asColumns && lines.length ? [this.#columns(lines)] : []);
  }

  /** The second at which a line counts, and in which points. */
  #time(l) {
    const second = Date.parse(l.time) / 1000, { over } = this.found, { now } = this.of;
    const e = element("time", "", clock(second, now));
    e.title = `counts at ${clock(second, now)}${over > 1 ? `, in the points up to ${clock(second + over - 1, now)}` : ""}; ${l.final ? "final" : "provisional: more lines may come at this second"}; ${l.ingester}${Object.entries(l.origin ?? {}).map(([k, v]) => `, ${k} ${visible(v)}`).join("")}`;
    mark(e, "provisional", l.final ? "" : "yes");
    return e;
  }

  #line(l) {
    const near = button("±20", "The lines around it, of the same source", () => this.#around(l, item, near));
    near.setAttribute("aria-expanded", "false");
    near.className = "near";
    const item = element("li", "", this.#time(l), element("code", "", shown(l.text)), near);
    return item;
  }

  #columns(lines) {
    const names = columnsOf(lines);
    const head = element("tr", "", ...["time", ...names].map((name) => {
      const cell = element("th", "", element("bdi", "", visible(name)));
      cell.scope = "col";
      return cell;
    }));
    return element("table", "", element("thead", "", head), element("tbody", "", ...lines.map((l) => {
      const row = element("tr", "", element("td", "", this.#time(l)), ...names.map((name) => {
        const value = l.fields?.[name];
        const cell = element("td", "", element("bdi", "", value === undefined ? "" : visible(String(value))));
        cell.title = value === undefined ? "" : String(value);
        return cell;
      }));
      row.title = l.text;
      return row;
    })));
  }

  /** Shows the lines around one, or hides them again. */
  async #around(l, item, near) {
    const open = near.getAttribute("aria-expanded") !== "true";
    near.setAttribute("aria-expanded", String(open));
    const had = item.nextElementSibling;
    if (had?.classList.contains("around")) had.remove();
    if (!open) return;
    const box = element("li", "around", element("p", "hush", "reading…"));
    item.after(box);
    try {
      const { lines, ingester, origin } = await readAround(l.at, this.asked.signal);
      const source = [ingester, ...Object.values(origin).map(visible)].join(" ");
      box.replaceChildren(element("p", "", `around it, of ${source}`), element("ol", "", ...lines.map((n) => {
        const one = element("li", "", element("code", "", shown(n.text)));
        if (n.at === l.at) one.setAttribute("aria-current", "true");
        return one;
      })));
    } catch (error) {
      if (this.asked.signal.aborted) return;
      box.replaceChildren(element("p", "hush", error.message));
    }
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.found.lines.map((l) => l.text).join("\n"));
      write(this.copied, "Copied");
      setTimeout(() => write(this.copied, "Copy"), 2000);
    } catch {
      getSelection().selectAllChildren(this.list); // to be copied by hand
    }
  }

  #save() {
    const text = this.found.lines.map((l) => JSON.stringify(l)).join("\n");
    download(`${this.of.stat.name}.jsonl`, new Blob([text, "\n"], { type: "application/x-ndjson" }));
  }
}
