// What is different: which values of which fields explain that a stat is not what it was.

import { element, write } from "./dom.js";
import { brief, clock, exact, span, visible } from "./format.js";
import { readExplained } from "./history.js";

export const MOST = 3600; // seconds that are compared at most

const percent = (share) => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;

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

export class Explained {
  /** In a section; onShut is called when the reader has closed it. */
  constructor(root, onShut) {
    Object.assign(this, { root, onShut });
  }

  hide() {
    this.asked?.abort();
    this.root.hidden = true;
  }

  /** Asks what is different in the seconds [from, to] of a stat, and shows it. */
  async show(stat, from, to, now) {
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    const length = to - from + 1;
    const title = element("h3", "", `What is different in ${clock(from, now)} to ${clock(to, now)}, against the ${span(length)} before`);
    const shut = element("button", "", "Close");
    shut.type = "button";
    shut.addEventListener("click", () => {
      this.hide();
      this.onShut();
    });
    const told = element("p", "hush", "reading…");
    told.setAttribute("role", "status");
    this.root.hidden = false;
    this.root.replaceChildren(title, shut, told);
    if (length > MOST) {
      write(told, `that is ${span(length)}: choose an hour at most, by dragging over the chart`);
      return;
    }
    try {
      const { answer } = await readExplained(stat.name, from, to, asked.signal, ({ read }) => write(told, `reading… ${read.lines.toLocaleString("en")} lines`));
      if (asked.signal.aborted) return;
      write(told, sentence(answer));
      if (answer.values.length) {
        const values = table([answer.new ? "Most frequent" : "Value", answer.new ? "Share" : "Explains", "Lines", "Before", "Share", "Share before"], answer.values.map((v) =>
          [named(v), percent(v.part), brief(v.lines), brief(v.before), percent(v.share), percent(v.share_before)]));
        this.root.append(values);
      }
      if (answer.numbers.length) {
        this.root.append(table(["Numbers", "p10", "p50", "p90", "p99", "max"], answer.numbers.flatMap(({ field, now: is, before }) =>
          [[visible(field), is], ["before", before]].map(([name, d]) => [name, ...[d.p10, d.p50, d.p90, d.p99, d.max].map((v) => brief(v))]))));
      }
    } catch (error) {
      if (!asked.signal.aborted) write(told, error.message);
    }
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
