package web

import (
	"testing"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// On a phone two fingers zoom, and what is to be touched has 24 px at least.
func TestPhone(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(390, 844, "light"), chromedp.Navigate(server.URL()+"/#/stat/stat-00"))
	b.until(t, `document.querySelector(".detail[data-state=value]")`)
	if small := evaluate[string](t, b, `[...document.querySelectorAll("button, select, nav a, input:not([type=range]):not([type=checkbox])")].filter((e) => {
		const { width, height } = e.getBoundingClientRect();
		return e.checkVisibility() && width > 0 && (width < 24 || height < 24);
	}).map((e) => (e.getAttribute("aria-label") ?? e.textContent ?? "") + " " + JSON.stringify(e.getBoundingClientRect())).join("\n")`); small != "" {
		t.Errorf("these are small:\n%s", small)
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const canvas = document.querySelector(".plot canvas"), { left, top } = canvas.getBoundingClientRect();
		const touch = (type, pointerId, x) => canvas.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerType: "touch", pointerId, isPrimary: pointerId === 7, button: 0, clientX: left + x, clientY: top + 50 }));
		canvas.setPointerCapture = () => {};
		touch("pointerdown", 7, 150);
		touch("pointerdown", 8, 250);
		touch("pointermove", 7, 100);
		touch("pointermove", 8, 300);
		touch("pointerup", 7, 100);
		touch("pointerup", 8, 300);
	}`))
	b.until(t, `/stat-00\/\d+-\d+/.test(location.hash)`)
	if seconds := evaluate[int](t, b, `{ const [, from, to] = /(\d+)-(\d+)/.exec(location.hash.split("stat-00")[1]); to - from; }`); seconds < 120 || seconds > 180 {
		t.Errorf("half of 300 s is %d s", seconds)
	}
	b.quietConsole(t)
}
