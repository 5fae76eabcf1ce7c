// What is different: which values of which fields explain that a stat is not what it was.

import { element, write } from "./dom.js";
import { brief, clock, exact, offset, percent, span, visible } from "./format.js";
import { readExplained } from "./history.js";

export const MOST = 3600; // seconds that are compared at most
const BASELINES = [[3600, "an hour before"], [86400, "a day before"], [604800, "a week before"]];
const SVG = "http://www.w3.org/2000/svg";


/** A table of rows of texts and elements under a head. */
function table(head, rows) {
  const cells = (texts, tag, scope) => element("tr", "", ...texts.map((text, i) => {
    const cell = element(i ? tag : "th", "", text);
    if (cell.localName === "th") cell.scope = i || scope === "col" ? "col" : "row";
    return cell;
  }));
  return element("table", "", element("thead", "", cells(head, "th", "col")), element("tbody", "", ...rows.map((row) => cells(row, "td"))));
}

/** A field and its value, which may be anything. */
function named({ field, value }) {
  const e = element("span", "named", element("bdi", "", `${visible(field)} = `), element("bdi", "", visible(value)));
  e.title = `${field} = ${value}`;
  return e;
}

/** How the numbers of a field are spread: those of before as a ground, those of now as a line over it. */
function shape({ field, edges, now, before }) {
  const [width, height] = [240, 40];
  const most = Math.max(...now.parts, ...before.parts);
  const path = (name, parts) => {
    const e = document.createElementNS(SVG, "path");
    const steps = parts.map((part, i) => `V${(height - part / most * height).toFixed(1)}H${((i + 1) * width / parts.length).toFixed(1)}`);
    e.setAttribute("class", name);
    e.setAttribute("d", `M0 ${height}${steps.join("")}V${height}`);
    return e;
  };
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${visible(field)} from ${brief(edges[0])} to ${brief(edges.at(-1))}: as a line now, as a ground before`);
  picture.append(path("before", before.parts), path("now", now.parts));
  return element("div", "shape", element("span", "", brief(edges[0])), picture, element("span", "", brief(edges.at(-1))));
}

/** Two conditions that both hold, the first may be empty. */
export const both = (first, second) => first.trim() ? `${/\|\||\?/.test(first) ? `(${first.trim()})` : first.trim()} && ${second}` : second;

/** A second as the browser's field for a date and a time has it, and back, in the zone of times. */
const local = (second) => new Date((second + offset(second)) * 1000).toISOString().slice(0, 19);
const secondOf = (text) => {
  const there = Math.floor(Date.parse(`${text}Z`) / 1000);
  return there - offset(there - offset(there));
};

export class Explained {
  /** In a section. onAsk is called with what is asked, {from, to, against, where}, or null
   * when the reader has closed it; onLines when lines that meet a condition are wanted. */
  constructor(root, { onAsk, onLines }) {
    Object.assign(this, { root, onAsk, onLines });
    this.title = element("h3");
    const shut = element("button", "shut", "Close");
    shut.type = "button";
    shut.addEventListener("click", () => {
      this.hide();
      this.onAsk(null);
    });
    this.choice = element("select");
    this.choice.setAttribute("aria-label", "Against");
    this.at = element("input");
    Object.assign(this.at, { type: "datetime-local", step: 1 });
    this.at.setAttribute("aria-label", "The first second that it is compared with");
    this.where = element("input", "where");
    Object.assign(this.where, { type: "search", placeholder: "only lines that meet a condition", maxLength: 1000, spellcheck: false });
    this.where.setAttribute("aria-label", "Only lines that meet this condition");
    const form = element("form", "", element("label", "", "against ", this.choice), this.at, this.where);
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.#ask({ where: this.where.value.trim() });
    });
    this.choice.addEventListener("change", () => this.#ask({ against: this.choice.value === "" ? null : this.of.from - Number(this.choice.value) }));
    this.at.addEventListener("change", () => { if (this.at.value) this.#ask({ against: secondOf(this.at.value) }); });
    this.told = element("p", "hush");
    this.told.setAttribute("role", "status");
    this.found = element("div");
    root.append(this.title, shut, form, this.told, this.found);
  }

  hide() {
    this.asked?.abort();
    this.root.hidden = true;
  }

  /** Shows what is different in the seconds [from, to] of a stat: against as many from
   * another second on, null is just before, of the lines that meet a condition. */
  show(stat, from, to, now, { against = null, where = "" } = {}) {
    this.of = { stat, from, to, now, against, where };
    this.#read();
  }

  #ask(changes) {
    Object.assign(this.of, changes);
    this.#read();
  }

  async #read() {
    const { stat, from, to, now, against, where } = this.of;
    this.onAsk(this.of);
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    const length = to - from + 1, since = against ?? from - length;
    write(this.title, `What is different in ${clock(from, now)} to ${clock(to, now)}, against ${against === null ? `the ${span(length)} before` : `${clock(since, now)} to ${clock(since + length - 1, now)}`}`);
    const ago = [["", `the ${span(length)} before`], ...BASELINES.filter(([s]) => s >= length).map(([s, text]) => [String(s), text])];
    const other = against === null ? "" : String(from - against);
    if (!ago.some(([s]) => s === other)) ago.push([other, "a chosen time"]);
    this.choice.replaceChildren(...ago.map(([s, text]) => {
      const option = element("option", "", text);
      option.value = s;
      option.selected = s === other;
      return option;
    }));
    this.at.value = local(since);
    this.where.value = where;
    write(this.told, "reading…");
    this.found.replaceChildren();
    this.root.hidden = false;
    if (length > MOST) {
      write(this.told, `that is ${span(length)}: choose an hour at most, by dragging over the chart`);
      return;
    }
    try {
      const { answer } = await readExplained({ stat: stat.name, from, to, ...against !== null && { against }, ...where && { where } }, asked.signal, ({ read }) => write(this.told, `reading… ${read.lines.toLocaleString("en")} lines`));
      if (!asked.signal.aborted) this.#answer(answer);
    } catch (error) {
      if (!asked.signal.aborted) write(this.told, error.message);
    }
  }

  #answer(answer) {
    write(this.told, sentence(answer));
    if (answer.values.length) {
      this.found.append(table([answer.new ? "Most frequent" : "Value", answer.new ? "Share" : "Explains", "Lines", "Before", "Share", "Share before", element("span", "unseen", "Actions")], answer.values.map((v) =>
        [named(v), percent(answer.new ? Math.max(v.share, v.share_before) : v.part), brief(v.lines), brief(v.before), percent(v.share), percent(v.share_before), this.#actions(v)])));
    }
    if (answer.numbers.length) {
      const numbers = table(["Numbers", "p10", "p50", "p90", "p99", "max"], answer.numbers.flatMap(({ field, now: is, before }) =>
        [[visible(field), is], ["before", before]].map(([name, d]) => [name, ...[d.p10, d.p50, d.p90, d.p99, d.max].map((v) => brief(v))])));
      answer.numbers.forEach((n, i) => {
        const cell = element("td", "", shape(n));
        cell.colSpan = 6;
        numbers.tBodies[0].children[3 * i + 1].after(element("tr", "", cell));
      });
      this.found.append(numbers);
    }
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** What may be done with a value: its lines, only these, or all but these. */
  #actions({ field, value, where }) {
    const act = (text, about, how) => {
      const button = element("button", "", text);
      button.type = "button";
      button.title = about;
      button.setAttribute("aria-label", `${text}: ${visible(field)} = ${visible(value)}`);
      button.addEventListener("click", how);
      return button;
    };
    const is = where.includes(" || ") ? `(${where})` : where;
    return element("span", "actions",
      act("lines", "the lines that have it", () => this.onLines(this.of, both(this.of.where, is))),
      act("only", "only the lines that have it", () => this.#ask({ where: both(this.of.where, is) })),
      act("without", "the lines that do not have it", () => this.#ask({ where: both(this.of.where, `!(${where})`) })));
  }
}

/** An answer in a sentence. */
function sentence(a) {
  const bound = a.bound ? ` whose ${visible(a.bound.field)} is ${a.bound.less ? "below" : "above"} ${exact(a.bound.than)}` : "";
  const read = Math.min(a.read, a.read_before);
  const told = [`${brief(a.lines)} lines${bound}, ${brief(a.before)} before`];
  if (read < 1) told.push(`≈ estimated from ${percent(read)} of the log`);
  if (a.expired) told.push("some of the log is no longer kept");
  if (!a.values.length) told.push(`no value of a field explains it better than chance, of ${a.tried.toLocaleString("en")} that were tried`);
  else if (a.new) told.push("one of the two has no lines: these are the most frequent values of the other");
  else told.push(`${a.tried.toLocaleString("en")} values were tried`);
  return told.join(" · ");
}
