// Values by key: a short ranked table with bars, and what the others add up to.

import { cut, element, write } from "../dom.js";
import { brief, exact, isolated, noneIn, quantile, timeUnit, visible } from "../format.js";
import { level, levelOf } from "../model.js";

const MOST = 12; // keys that are shown
const MOST_LINES = 8; // of a large chart: as many as have a hue of their own
const LEAST_HEIGHT = 17; // px of a row

/** The number that a key's bar shows: of quantiles the one that ranks them, else the first that
 * is asked for. */
const shown = (stat) => stat.at?.includes(stat.rank) ? stat.rank : stat.at?.[0];
const length = (stat, value, q = shown(stat)) => typeof value === "number" ? value : value?.[q] ?? 0;

/** A number in a unit of so many of the stat's. */
const digits = (v, fractional, size) => brief(typeof v === "number" ? v / size : null, fractional);

/** The numbers of a key, one for each column. */
const cells = (stat, value) => stat.at ? stat.at.map((q) => value?.[q] ?? null) : [value];

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
    const count = stat.at?.length ?? 1, by = (stat.by ?? []).join(", ");
    const heads = Array.from({ length: count }, (_, i) => element("span", "", stat.at ? quantile(stat.at[i]) : ""));
    if (stat.at) heads[stat.at.indexOf(shown(stat))].className = "ranks";
    const unitOf = element("span", "unit-of");
    const head = element("p", "heads", element("span", "", element("bdi", "", visible(by)), unitOf), ...heads);
    const list = element("ol", "");
    const box = element("div", "ranking", head, list);
    box.style.setProperty("--numbers", count);
    const note = element("span", "note"), instead = element("p", "value", element("span", "figure", "–"), note);
    const rows = Array.from({ length: MOST + 1 }, () => {
      const key = element("span", "key cut"), amounts = heads.map(() => element("span", "amount"));
      return { item: element("li", "", key, ...amounts), key, amounts };
    });
    body.append(instead, box);
    const ofKey = { ...stat, shape: stat.key_shape };

    let room = 1; // for how many keys

    const draw = ({ value, why, blank }) => {
      if (blank) room = Math.max(1, Math.floor(box.clientHeight / LEAST_HEIGHT) - 2);
      const top = (value?.top ?? []).slice(0, Math.min(MOST, room)).sort((a, b) => length(stat, b.value) - length(stat, a.value));
      const most = Math.max(...top.map((t) => length(stat, t.value)), 0) || 1;
      const [unit, size] = timeUnit(Math.max(...top.flatMap((t) => cells(stat, t.value)).map(Math.abs), 0), stat.unit ?? "");
      const fractional = top.some((t) => typeof t.value === "number" && !Number.isInteger(t.value));
      const lines = top.map((t) => ({
        key: t.key, numbers: cells(stat, t.value), share: length(stat, t.value) / most, worth: level(ofKey, t.value),
        dropped: t.dropped ? "a second had no room for this key" : "",
      }));
      const rest = (value?.distinct ?? 0) - top.length;
      // Other is of what is not in the value's own top; of fewer rows it would be less than the truth.
      if (rest > 0) lines.push({ key: `other (${rest.toLocaleString("en")})`, numbers: top.length === value.top.length ? cells(stat, value.other) : null, share: 0, other: true });
      lines.forEach((line, i) => {
        const { item, key, amounts } = rows[i];
        cut(key, visible(line.key));
        if (key.title !== line.key) key.title = line.key;
        amounts.forEach((amount, n) => {
          const v = line.numbers?.[n];
          write(amount, line.numbers ? digits(v, fractional, size) : "");
          amount.title = line.dropped ?? "";
          amount.className = `amount ${line.other ? "" : levelOf(ofKey, v)}`.trim();
        });
        item.key = line.other ? "" : line.key; // for who clicks on it
        item.className = line.other ? "other" : line.worth ?? "";
        item.style.setProperty("--share", `${Math.max(0, line.share * 100).toFixed(1)}%`);
        if (item.parentNode !== list) list.append(item);
      });
      rows.slice(lines.length).forEach(({ item }) => item.remove());
      if (stat.at) write(unitOf, unit && ` in ${unit}`);
      else write(heads[0], unit || stat.kind);
      write(note, why || noneIn(stat.over));
      instead.hidden = lines.length > 0;
      head.hidden = !lines.length;
      return lines.length ? top.slice(0, 3).map((t) => `${isolated(t.key)} ${aloud(stat, t.value)}`).join(", ") : why || "no value";
    };
    return { chart: null, list: box, draw };
  },
};
