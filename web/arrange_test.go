package web

import (
	"testing"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// Panels are arranged with the keyboard and by dragging, stay so when the page is loaded
// again, and can be taken away as YAML; times are told in the zone that is chosen.
func TestArrange(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/edge"))
	order := `[...document.querySelectorAll("main .panel")].map((p) => p.getAttribute("aria-label")).join()`
	b.until(t, order+` === "nginx requests,nginx 500,nginx 502,nginx 503,nginx 504"`)
	b.do(t, press("o"))
	b.until(t, `!document.getElementById("arrange").hidden && document.querySelector(".panel").draggable`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		document.querySelector(".panel").focus();
		document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", shiftKey: true, bubbles: true }));
	}`))
	b.until(t, order+` === "nginx 500,nginx requests,nginx 502,nginx 503,nginx 504" && document.activeElement.getAttribute("aria-label") === "nginx requests"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const [first, , , , last] = document.querySelectorAll(".panel"), at = first.getBoundingClientRect();
		const event = (type, clientX) => new DragEvent(type, { bubbles: true, cancelable: true, clientX, clientY: at.top + 5 });
		last.dispatchEvent(event("dragstart", 0));
		first.dispatchEvent(event("dragover", at.left + 2));
		first.dispatchEvent(event("drop", at.left + 2));
	}`))
	want := `"nginx 504,nginx 500,nginx requests,nginx 502,nginx 503"`
	b.until(t, order+` === `+want)
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/edge"))
	b.until(t, order+` === `+want)
	b.do(t, press("o"), chromedp.Evaluate[chromedp.Void](`{ // a finger drags by the title
		const [first, , third] = document.querySelectorAll(".panel"), at = (panel) => panel.querySelector("h2").getBoundingClientRect();
		const touch = (type, { left, top }) => first.querySelector("h2").dispatchEvent(new PointerEvent(type, { bubbles: true, pointerType: "touch", isPrimary: true, clientX: left + 5, clientY: top + 5 }));
		touch("pointerdown", at(first));
		touch("pointermove", at(third));
		window.over = third.dataset.over;
		touch("pointerup", at(third));
	}`))
	b.until(t, `window.over === "yes" && `+order+` === "nginx 500,nginx 504,nginx requests,nginx 502,nginx 503"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("#arrange button")[1].click()`))
	b.until(t, order+` === "nginx requests,nginx 500,nginx 502,nginx 503,nginx 504"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("#arrange button")[2].click()`))
	b.until(t, `document.getElementById("arrange").hidden`)
	b.do(t, press("z"))
	b.until(t, `document.getElementById("zone").textContent === "UTC" && localStorage.getItem("pulse-zone") === "utc"`)
	b.quietConsole(t)
}
