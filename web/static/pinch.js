// Two fingers on a chart: the seconds under them stay under them.

/** The range [from, to] that has two seconds at two places, px from the chart's left end, of a
 * width. */
export function pinched([a, b], [x, y], width) {
  const pixel = (y - x) / (b - a); // width of a second
  if (!(pixel > 0) || !Number.isFinite(pixel)) return null;
  const from = a - x / pixel;
  return [Math.round(from), Math.round(from + width / pixel)];
}

/** Calls onRange with the seconds that a chart is to show after two fingers were on its canvas;
 * onBegin when the second one comes. */
export function pinches(canvas, chart, onBegin, onRange) {
  const fingers = new Map(); // their places, by pointer
  let held = null; // the seconds under them at first
  const x = (e) => e.clientX - canvas.getBoundingClientRect().left;
  const over = (e) => {
    const places = [...fingers.values()].sort((a, b) => a - b);
    fingers.delete(e.pointerId);
    if (!held || fingers.size > 1) return;
    const range = e.type === "pointerup" && pinched(held, places.map((p) => p - chart.left), chart.width - chart.left);
    held = null;
    if (range) onRange(...range);
  };
  canvas.addEventListener("pointerdown", (e) => {
    if (e.pointerType !== "touch") return;
    fingers.set(e.pointerId, x(e));
    if (fingers.size !== 2) return;
    held = [...fingers.values()].sort((a, b) => a - b).map((p) => chart.from + (p - chart.left) / chart.pixel);
    onBegin();
  });
  canvas.addEventListener("pointermove", (e) => { if (fingers.has(e.pointerId)) fingers.set(e.pointerId, x(e)); });
  for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, over);
}
