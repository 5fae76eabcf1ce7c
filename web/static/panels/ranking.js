// Values by key: a short ranked table with bars, and what the others add up to.

import { cut, element, write } from "../dom.js";
import { brief, exact, isolated, noneIn, quantile, timeUnit, visible } from "../format.js";
import { level } from "../model.js";

const MOST = 12; // keys that are shown
const MOST_LINES = 8; // of a large chart: as many as have a hue of their own
const LEAST_HEIGHT = 17; // px of a row

/** The number that a key's bar shows: of quantiles the first that is asked for. */
const shown = (stat) => stat.at?.[0];
const length = (stat, value, q = shown(stat)) => typeof value === "number" ? value : value?.[q] ?? 0;

/** What a row says: its numbers in a unit of so many of the stat's. */
function digits(stat, value, fractional, [unit, size]) {
  if (value === null) return brief(value);
  const figure = (v) => brief(v === null ? null : v / size, fractional && typeof value !== "object");
  const text = typeof value !== "object" ? figure(value) : stat.at.map((q) => figure(value[q] ?? null)).join("  ");
  if (unit === "" || unit.startsWith("/")) return text; // that of rates is plain from the title
  return /^(B|bytes)$/.test(unit) && /[kMGTP]$/.test(text) ? `${text}B` : `${text} ${unit}`;
}

/** All numbers of a value. */
const numbers = (stat, value) => typeof value === "number" ? [value] : stat.at?.map((q) => value?.[q] ?? 0) ?? [];

const aloud = (stat, value) => value === null || typeof value !== "object" ? `${exact(value)} ${stat.unit ?? ""}`
  : stat.at.map((q) => `${quantile(q)} ${exact(value[q] ?? null)}`).join(" ") + ` ${stat.unit ?? ""}`;

export const ranking = {
  fits: (stat) => stat.shape === "keyed",
  labeled: true,
  shown,
  lines: (stat, value, q) => (value?.top ?? []).slice(0, MOST_LINES).map(({ key }) => ranking.line(stat, key, q)),
  line: (stat, key, q) => ({
    name: key, pick: (v) => {
      const found = v.top.find((t) => t.key === key);
      return found && length(stat, found.value, q);
    },
  }),
  size: () => ({ columns: 2, rows: 2 }),
  build(body, stat) {
    const list = element("ol", "ranking");
    const note = element("span", "note"), instead = element("p", "value", element("span", "figure", "–"), note);
    const rows = Array.from({ length: MOST + 1 }, () => {
      const key = element("span", "key cut"), amount = element("span", "amount");
      return { item: element("li", "", key, amount), key, amount };
    });
    body.append(instead, list);
    const ofKey = { ...stat, shape: stat.key_shape };

    let room = 1; // for how many keys

    const draw = ({ value, why, blank }) => {
      if (blank) room = Math.max(1, Math.floor(list.clientHeight / LEAST_HEIGHT) - 1);
      const top = (value?.top ?? []).slice(0, Math.min(MOST, room));
      const most = Math.max(...top.map((t) => length(stat, t.value)), 0) || 1;
      const scale = timeUnit(Math.max(...top.flatMap((t) => numbers(stat, t.value)).map(Math.abs), 0), stat.unit ?? "");
      const fractional = top.some((t) => typeof t.value === "number" && !Number.isInteger(t.value));
      const lines = top.map((t) => ({
        key: t.key, amount: digits(stat, t.value, fractional, scale), share: length(stat, t.value) / most, worth: level(ofKey, t.value),
        dropped: t.dropped ? "a second had no room for this key" : "",
      }));
      const rest = (value?.distinct ?? 0) - top.length;
      // Other is of what is not in the value's own top; of fewer rows it would be less than the truth.
      if (rest > 0) lines.push({ key: `other (${rest.toLocaleString("en")})`, amount: top.length === value.top.length ? digits(stat, value.other, fractional, scale) : "", share: 0, other: true });
      lines.forEach((line, i) => {
        const { item, key, amount } = rows[i];
        cut(key, visible(line.key));
        if (key.title !== line.key) key.title = line.key;
        write(amount, line.amount);
        amount.title = line.dropped ?? "";
        item.key = line.other ? "" : line.key; // for who clicks on it
        item.className = line.other ? "other" : line.worth ?? "";
        item.style.setProperty("--share", `${Math.max(0, line.share * 100).toFixed(1)}%`);
        if (item.parentNode !== list) list.append(item);
      });
      rows.slice(lines.length).forEach(({ item }) => item.remove());
      write(note, why || noneIn(stat.over));
      instead.hidden = lines.length > 0;
      return lines.length ? top.slice(0, 3).map((t) => `${isolated(t.key)} ${aloud(stat, t.value)}`).join(", ") : why || "no value";
    };
    return { chart: null, list, draw };
  },
};
