// The pages: those of the definitions, one of all stats, one of internal stats, and what
// a search finds; each with a URL of its own after the #.

import { arranged } from "./arrange.js";
import { element, mark, write } from "./dom.js";
import { iconOf } from "./icon.js";
import { level } from "./model.js";
import { may } from "./may.js";
import { chipText, chipsOf } from "./narrow.js";
import { hashOf, placeOf } from "./place.js";
import { blind } from "./status.js";
import { findTrouble, nextTurn } from "./trouble.js";

const INTERNAL = "pulse."; // begins the names of internal stats

const slug = (title) => title.toLowerCase().normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "") || "page";

export class Pages {
  /** Tabs in nav; onOpen is called with {rows, empty}, {fields: true}, or
   * {stat, range, before, key, query} for one stat that is shown large, when another page is opened. */
  constructor(nav, onOpen) {
    this.nav = nav;
    this.onOpen = onOpen;
    this.all = [];
    addEventListener("hashchange", () => this.open());
  }

  /** Takes the pages of a model. */
  configure(model) {
    const taken = new Set(["all", "trouble", "pulse", "find", "stat", "fields"]);
    const unique = (title) => {
      let name = slug(title);
      for (let n = 2; taken.has(name); n++) name = `${slug(title)}-${n}`;
      taken.add(name);
      return name;
    };
    const stats = model.stats.filter((s) => !s.mark).map((s) => s.name); // marks stand on the charts
    this.model = model;
    this.all = model.pages.map((p) => ({ slug: unique(p.title), title: p.title, rows: p.rows }));
    arranged(this.all);
    this.turns = this.all.length; // how many take turns on a wall
    this.all.push({ slug: "all", title: "All stats", rows: [stats], grouped: true });
    this.all.push({ slug: "trouble", title: "Trouble", rows: [] });
    const own = stats.filter((name) => name.startsWith(INTERNAL));
    if (own.length) this.all.push({ slug: "pulse", title: "Pulse itself", rows: [own] });
    if (may("lines")) this.all.push({ slug: "fields", title: "Fields", rows: [], fields: true });
    this.tabs = this.all.map((page) => {
      const crit = element("b", "crit"), warn = element("b", "warn");
      const link = element("a", "", page.title, crit, warn);
      return { link, slug: page.slug, crit, warn, names: new Set(page.rows.flat()) };
    });
    this.nav.replaceChildren(...this.tabs.map((t) => t.link));
    this.open();
  }

  /** Opens the page that the URL names, or the first. */
  open() {
    if (!this.all.length) return;
    const { path: [where, query = "", range = "", before = "", key = ""], query: parameters } = placeOf(location.hash);
    this.query = where === "find" ? query : "";
    this.stat = where === "stat" ? query : "";
    if (this.stat) this.back ??= this.here ?? `#/${this.all[0].slug}`;
    else [this.back, this.here] = [undefined, location.hash || "#/"];
    const found = this.all.findIndex((p) => p.slug === where);
    this.current = this.query || this.stat ? -1 : Math.max(0, found);
    this.tabs.forEach(({ link, slug: of }, i) => {
      link.href = hashOf([of]);
      if (i === this.current) {
        link.setAttribute("aria-current", "page");
        // Not scrollIntoView, which would move the page too.
        this.nav.scrollLeft = Math.min(this.nav.scrollLeft, link.offsetLeft - this.nav.offsetLeft);
      } else link.removeAttribute("aria-current");
    });
    const page = this.stat ? { title: this.model.series.get(this.stat)?.stat.title ?? this.stat, stat: this.stat, range, before, key, query: parameters } : this.query ? this.#search(this.query) : { empty: "There are no stats on this page.", ...this.all[this.current], ...this.#troubled() && this.#trouble(), ...this.all[this.current].grouped && this.#grouped(this.all[this.current].rows.flat()) };
    this.title = page.title;
    this.order = page.grouped ? JSON.stringify({ rows: page.rows, titles: page.titles }) : "";
    this.onOpen({ ...page, chips: chipsOf(parameters) });
  }

  /** All stats by the page that they are on, each once; before them what is past its
   * threshold now. */
  #grouped(stats) {
    const moment = this.model.moment(), left = new Set(stats);
    const take = (title, names) => {
      const rows = names.filter((name) => left.delete(name));
      return rows.length ? [{ title, rows }] : [];
    };
    const worth = (name) => {
      const series = this.model.series.get(name), { state, held } = this.model.state(series, moment);
      return state === "value" || held ? level(series.stat, series.at(series.newest), series.covered(series.newest)) : "";
    };
    const past = new Map(stats.map((name) => [name, worth(name)]));
    const groups = [
      ...take("Past their thresholds", ["crit", "warn"].flatMap((l) => stats.filter((name) => past.get(name) === l))),
      ...this.all.slice(0, this.turns).flatMap((p) => take(p.title, p.rows.flat())),
      ...take("Pulse itself", stats.filter((name) => name.startsWith(INTERNAL))),
    ];
    groups.splice(groups.length - (groups.at(-1)?.title === "Pulse itself" ? 1 : 0), 0, ...take("On no page", stats));
    return { rows: groups.map((g) => g.rows), titles: groups.map((g) => g.title) };
  }

  /** Whether the page of what is in trouble is open. */
  #troubled() { return this.all[this.current]?.slug === "trouble"; }

  /** What is in trouble, by name, and what is said if nothing is. */
  #inTrouble(moment) {
    const names = findTrouble(this.model, moment).map((t) => t.name);
    return { names, empty: this.model.usual?.enough ? "Nothing is past its threshold or far from usual."
      : "Nothing is past its threshold. What is usual is not known: that takes the same minutes of three days." };
  }

  /** That page: its rows, or what it says. */
  #trouble() {
    const { names, empty } = this.#inTrouble(this.model.moment());
    this.told = `${names} ${empty}`;
    return { rows: names.length ? [names] : [], empty };
  }

  /** Goes to the first page on which a stat is. */
  showing(name) {
    const at = this.all.slice(0, this.turns).findIndex((p) => p.rows.flat().includes(name));
    if (at >= 0) this.go(at);
  }

  /** Goes to the page whose turn it is on a wall. */
  turn() {
    if (this.turns > 1) this.go(nextTurn(this.all.slice(0, this.turns), this.current, this.critical ?? new Set()));
  }

  #search(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.model.stats.filter((s) => words.every((w) => `${s.name} ${s.title}`.toLowerCase().includes(w)));
    return { title: `“${query}”`, rows: [found.map((s) => s.name)], empty: `No stat is called “${query}”.` };
  }

  /** What a share link of what is open would be of. */
  shareable() {
    if (this.stat) return { stat: this.stat, title: this.title };
    return this.current >= 0 && this.current < this.turns ? { page: this.all[this.current].title, title: this.title } : {};
  }

  /** All values are known now: a page that is ordered by them is put in order. */
  known() {
    const page = this.all[this.current];
    if (page?.grouped && JSON.stringify(this.#grouped(page.rows.flat())) !== this.order) this.open();
  }

  /** Goes to a page by its number from 0, if there is one; n counts round if asked. */
  go(n, round = false) {
    const count = this.all.length;
    if (round) n = (n + count) % count;
    if (this.all[n]) location.hash = hashOf([this.all[n].slug]);
  }

  /** Shows one stat large; leave goes back to where it was. */
  look(name, key, parameters) { location.hash = hashOf(["stat", name, ...key ? ["300", "0", key] : []], parameters); }
  leave() { if (this.stat) location.hash = hashOf(placeOf(this.back).path); }

  /** Shows lines of some chips alone, here or on the page that was left. */
  narrow(chips, leave = false) {
    const { path, query } = placeOf(leave && this.back || location.hash);
    query.delete("only");
    for (const text of new Set(chips.map(chipText))) query.append("only", text);
    location.hash = hashOf(path, query, "");
  }

  /** Searches for a text; of none it goes back to where the search began. */
  find(text) {
    if (!this.query && text) this.before = this.all[this.current]?.slug;
    const hash = hashOf(text ? ["find", text] : [this.before ?? ""]);
    history.replaceState(null, "", hash);
    this.open();
  }

  /** Tells on each tab, and in the window's title, of the trouble on its page. */
  count(moment) {
    const worth = new Map();
    for (const [name, series] of this.model.series) {
      const { state, held } = this.model.state(series, moment);
      if (state === "value" || held) worth.set(name, level(series.stat, series.at(series.newest), series.covered(series.newest)));
    }
    this.critical = new Set([...worth].filter(([, w]) => w === "crit").map(([name]) => name));
    for (const name of this.model.alerts?.firing() ?? []) this.critical.add(name);
    if (this.#troubled()) {
      const { names, empty } = this.#inTrouble(moment);
      if (`${names} ${empty}` !== this.told) this.open();
    }
    this.tabs.forEach(({ link, crit, warn, names }, i) => {
      const counted = { warn: 0, crit: 0 };
      for (const name of names) if (worth.get(name)) counted[worth.get(name)]++;
      write(crit, counted.crit ? `▲${counted.crit}` : "");
      write(warn, counted.warn ? `△${counted.warn}` : "");
      crit.hidden = !counted.crit;
      warn.hidden = !counted.warn;
      const told = [counted.crit ? `${counted.crit} critical` : "", counted.warn ? `${counted.warn} warning` : ""].filter(Boolean).join(", ");
      mark(link, "trouble", told);
      link.title = told;
      if (i === this.current) this.trouble = [crit.textContent, warn.textContent].filter(Boolean).join(" ");
    });
    if (this.current < 0) this.trouble = "";
    const not = blind(moment), levels = new Set(worth.values());
    const title = [not, this.of, this.trouble, this.title, "Pulse"].filter(Boolean).join(" · ");
    if (document.title !== title) document.title = title;
    write(document.getElementById("title"), this.title);
    const link = document.getElementById("icon"), icon = iconOf(not ? "lost" : ["crit", "warn"].find((w) => levels.has(w)) ?? "ok");
    if (link.href !== icon) link.href = icon;
  }
}
