// What the values of stats are. The server says the shape of each stat's values
// with its definition: number, quantiles, keyed, histogram or counts. Null is the
// value of nothing, whatever the shape.

/** By shape: a value with each of its numbers that are in the stat's unit replaced by
 * what f gives of it. A count has no unit. */
export const UNITS = {
  number: (stat, v, f) => f(v),
  quantiles: (stat, v, f) => Object.fromEntries(Object.entries(v).map(([q, n]) => [q, n === null ? n : f(n)])),
  keyed: (stat, v, f) => {
    const ofKey = (its) => mapped({ shape: stat.key_shape }, its, f);
    return { ...v, top: v.top.map((t) => ({ ...t, value: ofKey(t.value) })), other: ofKey(v.other) };
  },
  histogram: (stat, v) => v,
  counts: (stat, v) => v,
};

/** mapped gives a value with f of each of its numbers that are in the stat's unit. */
export function mapped(stat, value, f) {
  return value === null || value === undefined ? value : UNITS[stat.shape](stat, value, f);
}

/** measures gives the numbers that thresholds are about: those in the stat's unit,
 * of keys those that have a value of their own. */
export function measures(stat, value) {
  const numbers = [];
  mapped(stat, value?.top ? { ...value, other: null } : value, (n) => {
    numbers.push(n);
    return n;
  });
  return numbers;
}

/** times gives a number by a scale; fifteen digits hide what that adds. */
const times = (n, scale) => typeof n === "number" ? Number((n * scale).toPrecision(15)) : n;

/** scaled gives a value in the unit that the stat is shown in: a ratio in percent is a
 * hundred times what the server has. inUnit does the same with its thresholds. */
export const scaled = (stat, value) => stat.scale ? mapped(stat, value, (n) => times(n, stat.scale)) : value;
export const inUnit = (stat) => stat.scale ? { ...stat, warn: times(stat.warn, stat.scale), crit: times(stat.crit, stat.scale) } : stat;
