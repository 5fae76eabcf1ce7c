// An interval of seconds, by dragging over a chart of the wall.

import { element } from "./dom.js";

const DRAG = 6; // px that the pointer moves before it selects

/** Calls onInterval with a panel and two seconds, the first and the last, when the mouse was
 * dragged over its chart; panelOf gives the panel of an element. What was dragged is no click. */
export function intervals(root, panelOf, onInterval) {
  const box = element("div", "selection");
  let drag = null;
  const over = () => {
    box.remove();
    drag = null;
  };
  root.addEventListener("pointerdown", (e) => {
    const panel = panelOf(e.target);
    if (panel?.chart && e.pointerType === "mouse" && e.button === 0 && !document.body.classList.contains("kiosk")) drag = { panel, from: e.clientX, to: e.clientX };
  });
  root.addEventListener("pointermove", (e) => {
    if (!drag) return;
    drag.to = e.clientX;
    if (!drag.moved && Math.abs(drag.to - drag.from) <= DRAG) return;
    drag.moved = true;
    const { left, right } = drag.panel.canvas.getBoundingClientRect();
    const [a, b] = [drag.from, drag.to].map((x) => Math.min(Math.max(x, left), right)).sort((x, y) => x - y);
    box.style.setProperty("--left", `${a - drag.panel.element.getBoundingClientRect().left}px`);
    box.style.setProperty("--width", `${b - a}px`);
    if (!box.isConnected) drag.panel.element.append(box);
  });
  root.addEventListener("pointerup", () => {
    if (!drag) return;
    const { panel, from, to, moved } = drag;
    over();
    if (!moved) return;
    const { left } = panel.canvas.getBoundingClientRect();
    const seconds = [from, to].map((x) => panel.chart.second(x - left)).sort((x, y) => x - y);
    const swallow = (e) => e.stopPropagation();
    addEventListener("click", swallow, true);
    setTimeout(() => { // after the click, if there is one
      removeEventListener("click", swallow, true);
      onInterval(panel, ...seconds);
    });
  });
  root.addEventListener("pointercancel", over);
  root.addEventListener("pointerleave", over);
}
