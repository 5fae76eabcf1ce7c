// How many columns the grid has and how high its rows are: as large as fits the
// window without scrolling, and where nothing fits, a comfortable size.

const LEAST = { width: 160, height: 86 }; // of a panel that must fit
const COMFORTABLE = { width: 208, height: 112 }; // of one that need not
const WIDEST = 680; // at a width of 1440
const WIDER = 2.5; // times that a panel is as wide as others, at most
const RATIO = { least: 0.4, most: 0.85 }; // height by width: flatter is worse, higher is not needed

/** place gives the number of grid rows that cells ({columns, rows}) take when
 * they flow densely into a number of columns. */
export function place(cells, columns) {
  const taken = [];
  const free = (r, c, cell) => {
    for (let i = r; i < r + cell.rows; i++) for (let j = c; j < c + Math.min(cell.columns, columns); j++) if (taken[i]?.[j]) return false;
    return true;
  };
  for (const cell of cells) {
    const width = Math.min(cell.columns, columns);
    for (let at = 0; ; at++) {
      const r = Math.floor(at / columns), c = at % columns;
      if (c + width > columns || !free(r, c, cell)) continue;
      for (let i = r; i < r + cell.rows; i++) for (let j = c; j < c + width; j++) (taken[i] ??= [])[j] = true;
      break;
    }
  }
  return taken.length;
}

/** fill gives the columns that a row has of its own, and how many more than it asks for the
 * first cell takes, so that no hole is left: a row of one line reaches the edge, if its
 * cells do not become too wide, cells of which no two have room beside each other fill their
 * lines, and of several lines the first cell makes up for one hole. */
export function fill(cells, columns) {
  const widest = Math.min(columns, Math.max(...cells.map((c) => c.columns)));
  if (columns > 1 && cells.every((c) => Math.min(c.columns, columns) === widest) && widest * 2 > columns) return { columns: widest, more: 0 };
  const rows = place(cells, columns);
  const asked = cells.reduce((n, c) => n + Math.min(c.columns, columns), 0);
  if (cells.every((c) => c.rows === rows)) return { columns: asked * WIDER < columns ? columns : asked, more: 0 };
  const area = cells.reduce((n, c) => n + Math.min(c.columns, columns) * c.rows, 0);
  const wider = cells.map((c, i) => i ? c : { ...c, columns: c.columns + 1 });
  const fits = columns * rows - area === cells[0].rows && place(wider, columns) === rows;
  return { columns, more: fits ? 1 : 0 };
}

/** fit chooses {columns, width, height} of the cells for groups of panels in a window. */
export function fit(groups, width, height, gap) {
  const total = groups.flat().reduce((n, c) => n + c.columns * c.rows, 0);
  const breaks = (groups.length - 1) * gap * 2; // as the style sheet has it between rows
  const widthOf = (columns) => (width - gap * (columns - 1)) / columns;
  const rowsOf = (columns) => groups.reduce((n, g) => n + place(g, columns), 0);

  if (width < 620) return { columns: 2, width: widthOf(2), height: COMFORTABLE.height };
  let best = null;
  const most = Math.max(1, Math.floor((width + gap) / (LEAST.width + gap)));
  const widest = Math.min(width * 0.44, WIDEST * Math.max(1, width / 1440));
  for (let columns = 1; columns <= Math.min(most, total); columns++) {
    const w = widthOf(columns);
    if (w > widest && columns < Math.min(most, total)) continue;
    const rows = rowsOf(columns);
    const h = Math.min((height - breaks - gap * (rows - groups.length)) / rows, w * RATIO.most);
    if (h < LEAST.height) continue;
    // Large panels are good; holes in the grid and flat panels are not.
    const worth = total * w * h * (total / (rows * columns)) ** 1.5 * Math.min(1, h / w / RATIO.least);
    if (!best || worth > best.worth) best = { columns, width: w, height: Math.floor(h), worth };
  }
  if (best) return best;
  const columns = Math.max(2, Math.floor((width + gap) / (COMFORTABLE.width + gap)));
  return { columns, width: widthOf(columns), height: COMFORTABLE.height };
}
