// The ways to draw a stat, by the shape that its definition gives its values. A
// new shape is a new file and a line here.

import { counts } from "./counts.js";
import { histogram } from "./histogram.js";
import { number } from "./number.js";
import { quantiles } from "./quantiles.js";
import { ranking } from "./ranking.js";

/** A shape has
 *   fits(stat): whether it draws the values of this one;
 *   size(stat): the grid cells it takes, {columns, rows};
 *   lines(stat, value): what a large chart of it has, [{name, pick, hue}], their names
 *   beside them if labelled, or heat: true, if that is a heat strip;
 *   build(body, stat): makes its elements in body, and gives a function
 *   draw(view) that shows a view (see panel.js) and returns how it reads aloud. */
const shapes = [ranking, quantiles, counts, histogram, number];

/** shapeOf finds how to draw a stat. */
export const shapeOf = (stat) => shapes.find((shape) => shape.fits(stat));
