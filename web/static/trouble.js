// Trouble: which stats are past their thresholds or far from usual, and since when.

import { level } from "./model.js";

/** The stats in trouble, those that came into it last first: {name, since, level, usual}. */
export function findTrouble(model, moment) {
  const found = [];
  for (const [name, series] of model.series) {
    const { state, held } = model.state(series, moment);
    if (state !== "value" && !held) continue;
    const { stat, newest } = series, { from } = model.momentOf(series, moment);
    const worth = (second) => level(stat, series.at(second), series.covered(second));
    const far = (second) => model.usual?.compare(stat, second, series.at(second)).far ?? false;
    const now = worth(newest);
    const bad = now ? worth : far(newest) ? far : null;
    if (!bad) continue;
    let since = newest;
    while (since > from && series.at(since - 1) !== undefined && bad(since - 1)) since--;
    found.push({ name, since, level: now, usual: model.usual?.compare(stat, newest, series.at(newest)).text ?? "" });
  }
  const rank = { crit: 0, warn: 1, "": 2 };
  return found.sort((a, b) => b.since - a.since || rank[a.level] - rank[b.level] || (a.name < b.name ? -1 : 1));
}

/** Which page is next on a wall where pages take turns: where something is critical only
 * the pages that have it do. */
export function nextTurn(pages, current, critical) {
  const all = pages.map((_, i) => i), grave = all.filter((i) => pages[i].rows.flat().some((name) => critical.has(name)));
  const turns = grave.length ? grave : all;
  return turns.find((i) => i > current) ?? turns[0];
}
