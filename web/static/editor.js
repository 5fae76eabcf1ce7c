// An editor of definitions: a text area with line numbers, marks where mistakes stand, and a
// list of what may stand at the cursor. What it writes can be undone as what a reader types.

import { completions } from "./complete.js";
import { element, write } from "./dom.js";

const AUTO = 8; // offers that are read aloud, at most

/** Writes into a text area over [from, to], as typing does, so that it can be undone. */
function type(area, from, to, text) {
  area.focus();
  area.setSelectionRange(from, to);
  if (document.execCommand(text ? "insertText" : "delete", false, text)) return;
  area.setRangeText(text, from, to, "end"); // where there is no such command
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The line and column of a place in a text, from 1. */
function lineOf(text, at) {
  const before = text.slice(0, at);
  return { line: before.split("\n").length, column: at - before.lastIndexOf("\n") };
}

export class Editor {
  /** In a box with a text area; onInput is called when its text is another one. */
  constructor(box, onInput) {
    this.area = box.querySelector("textarea");
    this.onInput = onInput;
    this.schema = {};
    this.fields = [];
    this.all = [];
    this.active = -1;
    this.wrong = [];
    this.numbers = element("pre", "numbers");
    this.numbers.setAttribute("aria-hidden", "true");
    this.marks = element("div", "marks");
    this.marks.setAttribute("aria-hidden", "true");
    this.list = element("ul", "offers");
    this.list.id = "draft-offers";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "What may stand here");
    this.list.hidden = true;
    this.spoken = element("p", "unseen");
    this.spoken.setAttribute("role", "status");
    this.area.before(this.numbers, this.marks);
    this.area.after(this.list, this.spoken);
    this.pen = document.createElement("canvas").getContext("2d");
    this.area.wrap = "off";
    for (const [name, value] of [["autocomplete", "list"], ["controls", this.list.id], ["haspopup", "listbox"]]) this.area.setAttribute(`aria-${name}`, value);
    this.area.addEventListener("input", (e) => {
      this.#typed();
      onInput();
      // An input method is left alone until the word is there; what a page writes asks for nothing.
      if (!e.isComposing && /^(insertText|deleteContentBackward)$/.test(e.inputType)) {
        this.#offer(false);
        this.typing = true;
      } else this.shut();
    });
    this.area.addEventListener("keydown", (e) => this.#key(e));
    this.area.addEventListener("scroll", () => this.#place());
    for (const name of ["blur", "pointerdown"]) this.area.addEventListener(name, () => this.shut());
    this.list.addEventListener("pointerdown", (e) => {
      e.preventDefault(); // the focus stays
      const item = e.target.closest("[role=option]");
      if (item) this.#take(this.all[[...this.list.children].indexOf(item)]);
    });
    new ResizeObserver(() => this.#typed()).observe(this.area);
  }

  get text() { return this.area.value; }

  /** Takes the fields that the log has, which take a moment to be read. */
  know(fields) {
    this.fields = fields;
    if (this.typing && this.active < 0) this.#offer(false);
  }

  /** Begins with a text. */
  begin(text) {
    this.area.value = text;
    this.area.setSelectionRange(0, 0);
    this.area.scrollTop = 0;
    this.#typed();
  }

  /** Writes a text over [from, to], which can be undone, and selects what was written. */
  replace(from, to, text) {
    type(this.area, from, to, text);
    this.area.setSelectionRange(from, from + text.length);
    this.show(from);
  }

  /** Goes to a line and column, from 1. */
  go(line, column) {
    const before = this.text.split("\n").slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0);
    const at = Math.min(this.text.length, before + Math.max(0, column - 1));
    this.area.focus();
    this.area.setSelectionRange(at, at);
    this.show(at);
  }

  /** Scrolls to a place. */
  show(at) {
    const y = (lineOf(this.text, at).line - 1) * this.#line();
    if (y < this.area.scrollTop || y > this.area.scrollTop + this.area.clientHeight - 2 * this.#line()) this.area.scrollTop = Math.max(0, y - this.area.clientHeight / 3);
  }

  /** Marks mistakes, [{line, column, message}], where they stand. */
  mark(wrong) {
    this.wrong = wrong.filter((w) => w.line);
    if (wrong.length) this.area.setAttribute("aria-invalid", "true");
    else this.area.removeAttribute("aria-invalid");
    const lines = this.text.split("\n");
    this.marks.replaceChildren(...this.wrong.slice(0, 200).map(({ line, column, message }) => {
      const text = lines[line - 1] ?? "", from = Math.max(0, column - 1);
      const word = /^(?:[^\s,{}[\]]+|\S|)/.exec(text.slice(from))[0];
      const e = element("span", "");
      e.title = message;
      Object.assign(e, { line, before: text.slice(0, from), word: word || " " });
      return e;
    }));
    this.#place();
  }

  #line() { return parseFloat(getComputedStyle(this.area).lineHeight); }

  #width(text) {
    this.pen.font = getComputedStyle(this.area).font;
    return this.pen.measureText(text.replaceAll("\t", "  ")).width;
  }

  #typed() {
    const lines = this.text.split("\n").length;
    if (lines !== this.count) {
      this.count = lines;
      write(this.numbers, Array.from({ length: lines }, (_, i) => i + 1).join("\n"));
    }
    this.marks.replaceChildren(); // where they stood is not where they stand
    this.#place();
  }

  /** Puts what is beside and behind the text where that is. */
  #place() {
    const { scrollTop, scrollLeft } = this.area;
    const line = this.#line(), style = getComputedStyle(this.area);
    const left = this.area.offsetLeft + parseFloat(style.paddingLeft) + parseFloat(style.borderLeftWidth), top = parseFloat(style.paddingTop) + parseFloat(style.borderTopWidth);
    this.numbers.style.setProperty("--y", `${top - scrollTop}px`);
    for (const e of this.marks.children) {
      e.style.setProperty("--x", `${left + this.#width(e.before) - scrollLeft}px`);
      e.style.setProperty("--y", `${top + (e.line - 1) * line - scrollTop}px`);
      e.style.setProperty("--w", `${this.#width(e.word)}px`);
    }
  }

  /** Offers what may stand at the cursor; asked: because the reader wants it. */
  #offer(asked) {
    const { selectionStart: at, selectionEnd } = this.area;
    const { from, to, all } = at === selectionEnd ? completions(this.text, at, this.schema, this.fields) : { all: [] };
    const word = this.text.slice(from, to);
    Object.assign(this, { from, to, all });
    if (!all.length || !asked && (!word || all.length === 1 && all[0].text === word)) {
      this.shut();
      if (asked) write(this.spoken, "nothing to offer here");
      return;
    }
    this.list.replaceChildren(...all.map(({ text, about }, i) => {
      const item = element("li", "", element("b", "", text), ...about ? [" ", element("span", "", about)] : []);
      item.id = `draft-offer-${i}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      return item;
    }));
    this.list.hidden = false;
    const { line } = lineOf(this.text, from), height = this.#line();
    const before = this.text.slice(this.text.lastIndexOf("\n", from - 1) + 1, from);
    const x = this.area.offsetLeft + 10 + this.#width(before) - this.area.scrollLeft;
    this.list.style.setProperty("--x", `${Math.max(0, Math.min(x, this.area.offsetLeft + this.area.offsetWidth - Math.min(420, this.area.offsetWidth)))}px`);
    this.list.style.setProperty("--y", `${this.area.offsetTop + 10 + line * height - this.area.scrollTop}px`);
    this.#choose(asked ? 0 : -1);
    if (!asked) write(this.spoken, `${all.length === 1 ? "1 offer" : `${all.length} offers`}: ${all.slice(0, AUTO).map((o) => o.text).join(", ")}`);
  }

  /** Closes the list of offers. */
  shut() {
    this.list.hidden = true;
    this.active = -1;
    this.typing = false;
    this.area.removeAttribute("aria-activedescendant");
  }

  #choose(n) {
    this.list.children[this.active]?.setAttribute("aria-selected", "false");
    this.active = n;
    const item = this.list.children[n];
    if (!item) {
      this.area.removeAttribute("aria-activedescendant");
      return;
    }
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", item.id);
  }

  #take(offer) {
    this.shut();
    type(this.area, this.from, this.to, offer.insert);
  }

  #key(e) {
    if (e.isComposing || e.altKey || e.metaKey) return;
    const open = !this.list.hidden;
    const act = (how) => {
      e.preventDefault();
      e.stopPropagation();
      how();
    };
    if (e.ctrlKey) {
      if (e.key === " ") act(() => this.#offer(true));
    } else if (open && e.key === "ArrowDown") act(() => this.#choose((this.active + 1) % this.all.length));
    else if (open && e.key === "ArrowUp") act(() => this.#choose(this.active < 1 ? this.all.length - 1 : this.active - 1));
    else if (open && e.key === "Escape") act(() => this.shut());
    else if (open && e.key === "Enter" && this.active >= 0) act(() => this.#take(this.all[this.active]));
    else if (e.key === "Enter" && !e.shiftKey) {
      // The next line begins where this one does, or below what it opens.
      const { selectionStart: from, selectionEnd: to } = this.area;
      const line = this.text.slice(this.text.lastIndexOf("\n", from - 1) + 1, from);
      const indent = /^ *(?:- +)?/.exec(line)[0].replaceAll("-", " ") + (/:\s*$/.test(line) ? "  " : "");
      if (indent) act(() => type(this.area, from, to, `\n${indent}`));
    } else if (/^(Arrow|Home|End|Page|Tab)/.test(e.key)) this.shut();
  }
}
