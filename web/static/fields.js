// What the log contains of late: its formats, their fields and values, and the shapes of
// lines that no format fits; a stat to begin with of each.

import { element, write } from "./dom.js";
import { brief, clock, percent, span, visible } from "./format.js";
import { readFields } from "./history.js";

const LAST = 300; // seconds that are looked at

const share = (n, of) => of ? percent(n / of) : "";

/** A stat of a field, as a definitions file has it. */
export const statText = (stat) => `stats:\n  - ${stat}\n`;

/** A format of a shape, as a definitions file has it. */
export const formatText = (pattern) => `formats:\n  - {name: NAME, pattern: '${pattern.replaceAll("'", "''")}'}\n`;

function row(tag, ...cells) {
  return element("tr", "", ...cells.map((content, i) => {
    const cell = element(i === 0 ? "th" : tag, "", ...[content].flat());
    if (cell.localName === "th") cell.scope = tag === "th" ? "col" : "row";
    return cell;
  }));
}

export class Fields {
  /** In a root element; now gives the time, and at the last second to look at, null is now.
   * onDraft is called with definitions to begin with, and gives true if it opens them where
   * they are edited. */
  constructor(root, now, at = () => null, onDraft = null) {
    Object.assign(this, { root, now, at, onDraft });
  }

  hide() {
    this.asked?.abort();
    this.asked = null;
  }

  async show() {
    this.hide();
    const asked = this.asked = new AbortController();
    const told = element("p", "hush", "reading…");
    told.setAttribute("role", "status");
    const again = element("button", "", "Read again");
    again.type = "button";
    again.addEventListener("click", () => this.show());
    const at = this.at(), what = at === null ? `the last ${span(LAST)} contain` : `the ${span(LAST)} up to ${clock(at, this.now())} contain`;
    const box = element("article", "fields", element("div", "detail-head", element("h2", "", `What ${what}`), again), told);
    this.root.replaceChildren(box);
    try {
      const found = await readFields(at === null ? {} : { to: at }, asked.signal, ({ read }) => write(told, `reading… ${read.lines.toLocaleString("en")} lines`));
      if (asked.signal.aborted) return;
      write(told, this.#sentence(found));
      box.append(...found.formats.filter((f) => f.fields.length).map((f) => this.#format(f, found.read.lines)));
      if (found.shapes.length) box.append(this.#shapes(found));
    } catch (error) {
      if (!asked.signal.aborted) write(told, error.message);
    }
  }

  #sentence({ read, whole, from, to, unreadable }) {
    const now = this.now();
    const told = [`${read.lines.toLocaleString("en")} lines from ${clock(Date.parse(from) / 1000, now)} to ${clock(Date.parse(to) / 1000, now)}`];
    if (!read.lines) told.push("no line came then");
    else if (!whole) told.push("≈ a part of them: the beginning of each tenth of that time");
    if (unreadable) told.push(`${unreadable.toLocaleString("en")} were too long to be looked at`);
    return told.join(" · ");
  }

  #format(f, lines) {
    const head = row("th", "Field", "In", "Is", "Values", "Most frequent", "Examples", element("span", "unseen", "Actions"));
    const body = element("tbody");
    for (const field of f.fields) {
      const top = field.distinct > 50 && !field.many && field.top[0].lines < 2 ? [] : field.top;
      const values = top.map((t) => element("span", "value-of", element("bdi", "", visible(t.value)), element("small", "", share(t.lines, field.lines))));
      const line = row("td", element("bdi", "", visible(field.field)), share(field.lines, f.lines), field.types.join(", "),
        `${field.many ? "> " : ""}${field.distinct.toLocaleString("en")}`, values, field.examples.map((e) => element("bdi", "value-of", visible(e))),
        field.stat ? [this.#start("Start a stat", `${visible(field.field)}: start a stat`, () => line, () => statText(field.stat))] : []);
      body.append(line);
    }
    const title = element("h3", "", `${visible(f.format)} · ${share(f.lines, lines)} of the lines`);
    return element("section", "lines", title, element("div", "columns", element("table", "", element("thead", "", head), body)),
      ...f.more ? [element("p", "hush", `and more fields than these ${brief(f.fields.length)}`)] : []);
  }

  #shapes({ shapes, rough, read }) {
    const body = element("tbody");
    for (const shape of shapes) {
      const line = row("td", element("code", "", visible(shape.example)), share(shape.lines, read.lines),
        shape.pattern ? [this.#start("Make a format", `${visible(shape.example)}: make a format`, () => line, () => formatText(shape.pattern))] : []);
      body.append(line);
    }
    return element("section", "lines shapes", element("h3", "", "Lines that no format fits, by their shape"),
      ...rough ? [element("p", "hush", "There are many shapes: those of few lines may have more than is said.")] : [],
      element("div", "columns", element("table", "", element("thead", "", row("th", "Example", "Of all lines", element("span", "unseen", "Actions"))), body)));
  }

  /** A button that shows definitions to begin with below its row, and opens them where they
   * can be edited. */
  #start(text, about, of, draft) {
    const button = element("button", "", text);
    button.type = "button";
    button.setAttribute("aria-label", about);
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      if (this.onDraft?.(draft())) return;
      const line = of(), open = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(open));
      if (!open) {
        line.nextElementSibling.remove();
        return;
      }
      const code = element("pre", "", draft());
      const copy = element("button", "", "Copy");
      copy.type = "button";
      copy.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(draft());
          write(copy, "Copied");
        } catch {
          getSelection().selectAllChildren(code); // to be copied by hand
        }
      });
      const cell = element("td", "draft", code, copy);
      cell.colSpan = line.children.length;
      line.after(element("tr", "", cell));
    });
    return button;
  }
}
