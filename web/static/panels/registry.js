// The panels there are. A new one is a file here and a line in the list.

import { counts } from "./counts.js";
import { histogram } from "./histogram.js";
import { number } from "./number.js";
import { quantiles } from "./quantiles.js";
import { ranking } from "./ranking.js";

/** A panel draws the values of a shape, small in the grid and large. It has
 *   fits(stat): whether it draws the values of this one;
 *   size(stat): the grid cells it takes, {columns, rows};
 *   build(body, stat): makes its elements in body, and gives {chart, draw}: a Chart,
 *     or list, the element whose height counts, and a function draw(view) that shows a view (see panel.js) and
 *     returns how it reads aloud; if the view is still the chart stays as it is;
 *   lines(stat, value): what a large chart of it has, [{name, pick, hue}], the names
 *     beside the lines if it is labeled;
 * or in place of lines, if its large chart is another,
 *   large: {draw(view), marks(stat, chart), words(value)}: draws it, gives the marks of
 *     its axis of values, [{y, text}], and tells a value in words;
 *   columns(stat): those of its table, [{name, pick}]. */
const panels = [ranking, quantiles, counts, histogram, number];

/** panelOf finds how to draw a stat. */
export const panelOf = (stat) => panels.find((panel) => panel.fits(stat));
