// A form for the simple kinds of stats, which writes what it says as YAML.

import { statsIn, yamlText } from "./complete.js";
import { element, write } from "./dom.js";

/** The kinds that the form has: what is asked for beside the name, and the entry's own keys. */
const KINDS = {
  count: { label: "how many lines", has: ["where", "by"], keys: () => ({ count: "lines" }) },
  rate: { label: "lines a second", has: ["where", "by"], keys: () => ({ rate: "second" }) },
  sum: { label: "the sum of a field", has: ["field", "where", "by"], keys: ({ field }) => ({ sum: field }) },
  quantiles: { label: "quantiles of a field", has: ["field", "where", "by"], keys: ({ field }) => ({ quantiles: field }) },
  ratio: { label: "the ratio of two stats", has: ["above", "below"], keys: ({ above, below }) => ({ ratio: [above, below] }) },
};

const NAME = /^[A-Za-z0-9._/-]+$/;

/** What is wrong with what a form says; "" if nothing is. */
export function wrongIn(form, stats) {
  const { has } = KINDS[form.kind];
  if (!NAME.test(form.name ?? "")) return "a name has letters, digits and . _ - /";
  if (stats.includes(form.name)) return `there is a stat ${form.name} already`;
  for (const name of ["field", "above", "below"]) if (has.includes(name) && !form[name]) return `${name === "field" ? "a field" : "two stats"} must be named`;
  if (form.over && !/^\d+(s|m|h|d)$/.test(form.over)) return "a window is a number with its unit, such as 60s or 5m";
  for (const name of ["warn", "crit"]) if (form[name] && !Number.isFinite(Number(form[name]))) return `${name} must be a number`;
  return "";
}

/** The entry of a file's stats that a form says. */
export function entryOf(form) {
  const { has, keys } = KINDS[form.kind];
  const words = (text) => text.split(",").map((w) => w.trim()).filter(Boolean);
  const text = (value) => Array.isArray(value) ? `[${value.map(yamlText).join(", ")}]` : yamlText(value);
  const all = { name: form.name, ...keys(form) };
  if (has.includes("by") && words(form.by ?? "").length) {
    const by = words(form.by);
    all.by = by.length === 1 ? by[0] : by;
  }
  if (has.includes("where") && form.where) all.where = form.where;
  const out = Object.entries(all).map(([key, value]) => `${key}: ${text(value)}`);
  if (form.over && form.kind !== "ratio") out.push(`over: ${form.over}`);
  if (form.unit) out.push(`unit: ${text(form.unit)}`);
  for (const name of ["warn", "crit"]) if (form[name]) out.push(`${name}: ${Number(form[name])}`);
  return `{${out.join(", ")}}`;
}

/** What a form begins with of an entry such as {name: "ms", quantiles: "ms", by: "path"}; null of
 * a kind that it does not have. */
export function formOf(entry) {
  const said = Object.fromEntries([...entry.matchAll(/([\w-]+): ("(?:[^"\\]|\\.)*"|[^,}]+)/g)].map(([, key, value]) => [key, value.startsWith("\"") ? JSON.parse(value) : value.trim()]));
  const kind = Object.keys(KINDS).find((k) => k in said);
  return kind === undefined ? null : { kind, name: said.name ?? "", by: said.by ?? "", where: said.where ?? "", ...KINDS[kind].has.includes("field") && { field: said[kind] } };
}

/** A name that no stat has yet. */
export function freeName(name, stats) {
  const base = name.replaceAll(/[^A-Za-z0-9._/-]+/g, "-").replaceAll(/^-+|-+$/g, "") || "stat";
  for (let n = 1; ; n++) {
    const one = n === 1 ? base : `${base}-${n}`;
    if (!stats.includes(one)) return one;
  }
}

export class StatForm {
  /** In a form; onAdd is called with an entry. text gives the definitions that it is for. */
  constructor(form, text, onAdd) {
    Object.assign(this, { form, text, onAdd });
    const field = (name, label, attributes = {}) => {
      const input = element("input");
      Object.assign(input, { name, autocomplete: "off", spellcheck: false, ...attributes });
      if (attributes.options) input.setAttribute("list", attributes.options);
      return element("label", "", `${label} `, input);
    };
    const kind = element("select", "", ...Object.entries(KINDS).map(([name, { label }]) => {
      const option = element("option", "", label);
      option.value = name;
      return option;
    }));
    kind.name = "kind";
    kind.addEventListener("change", () => this.#fit());
    this.lists = { fields: element("datalist"), stats: element("datalist") };
    this.lists.fields.id = "form-fields";
    this.lists.stats.id = "form-stats";
    this.told = element("p", "");
    this.told.setAttribute("role", "alert");
    form.replaceChildren(
      element("label", "", "It is ", kind), field("name", "Name", { maxLength: 200 }), field("field", "Field", { options: "form-fields" }),
      field("above", "Stat", { options: "form-stats" }), field("below", "by stat", { options: "form-stats" }),
      field("where", "Only lines where", { placeholder: "status >= 500", maxLength: 1000 }), field("by", "By key", { options: "form-fields", placeholder: "path" }),
      field("over", "Window", { placeholder: "60s", size: 6 }), field("unit", "Unit", { size: 6, maxLength: 20 }),
      field("warn", "Warns from", { inputMode: "decimal", size: 6 }), field("crit", "Critical from", { inputMode: "decimal", size: 6 }),
      element("button", "", "Write it into the draft"), this.told, this.lists.fields, this.lists.stats);
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      const said = this.#said();
      const wrong = wrongIn(said, statsIn(text()));
      write(this.told, wrong);
      if (!wrong) onAdd(entryOf(said));
    });
    this.#fit();
  }

  #said() { return Object.fromEntries([...new FormData(this.form)].map(([name, value]) => [name, value.trim()])); }

  /** Shows what its kind asks for. */
  #fit() {
    const { has } = KINDS[this.form.elements.kind.value];
    for (const name of ["field", "above", "below", "where", "by"]) this.form.elements[name].parentElement.hidden = !has.includes(name);
    this.form.elements.over.parentElement.hidden = this.form.elements.kind.value === "ratio";
  }

  /** Begins with what is said, and with fields that the log has. */
  show(said, fields) {
    const stats = statsIn(this.text());
    const options = (names) => names.map((name) => {
      const option = element("option");
      option.value = name;
      return option;
    });
    this.lists.fields.replaceChildren(...options(fields.map((f) => f.field)));
    this.lists.stats.replaceChildren(...options(stats));
    this.form.reset();
    for (const [name, value] of Object.entries(said)) if (value !== undefined) this.form.elements[name].value = value;
    if (said.name) this.form.elements.name.value = freeName(said.name, stats);
    write(this.told, "");
    this.#fit();
    this.form.elements.name.focus();
    this.form.elements.name.select();
  }
}
