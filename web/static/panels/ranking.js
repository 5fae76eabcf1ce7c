// Values by key: a short ranked table with bars, and what the others add up to.

import { element, write } from "../dom.js";
import { brief, exact } from "../format.js";

const MOST = 12; // keys that are shown
const LEAST_HEIGHT = 17; // px of a row

export const ranking = {
  fits: (stat, value) => Array.isArray(value?.top),
  size: () => ({ columns: 2, rows: 2 }),
  build(body, stat) {
    const list = element("ol", "ranking");
    const note = element("span", "note"), instead = element("p", "value", element("span", "figure", "–"), note);
    const rows = Array.from({ length: MOST + 1 }, () => {
      const key = element("span", "key"), amount = element("span", "amount");
      return { item: element("li", "", key, amount), key, amount };
    });
    body.append(instead, list);

    const draw = ({ value, why }) => {
      const room = Math.max(1, Math.floor(list.clientHeight / LEAST_HEIGHT) - 1);
      const top = (value?.top ?? []).slice(0, Math.min(MOST, room));
      const most = Math.max(...top.map((t) => t.value), 0) || 1;
      const fractional = top.some((t) => !Number.isInteger(t.value));
      const lines = top.map((t) => ({ key: t.key, amount: brief(t.value, fractional), share: t.value / most }));
      const rest = (value?.distinct ?? 0) - top.length;
      if (rest > 0) lines.push({ key: `other (${rest.toLocaleString("en")})`, amount: brief(value.other, fractional), share: 0, other: true });
      lines.forEach((line, i) => {
        const { item, key, amount } = rows[i];
        write(key, line.key);
        write(amount, line.amount);
        item.className = line.other ? "other" : "";
        item.style.setProperty("--share", `${Math.max(0, line.share * 100).toFixed(1)}%`);
        if (item.parentNode !== list) list.append(item);
      });
      rows.slice(lines.length).forEach(({ item }) => item.remove());
      write(note, why || (value?.top ? "" : `none in ${stat.over} s`));
      instead.hidden = lines.length > 0;
      return lines.length ? top.slice(0, 3).map((t) => `${t.key} ${exact(t.value)} ${stat.unit ?? ""}`).join(", ") : why || "no value";
    };
    return { chart: null, draw };
  },
};
