package web

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// media has the page looked at as on paper or on a screen, by a reader with preferences.
func media(on string, preferences map[string]string) chromedp.Action[chromedp.Void] {
	p := emulation.SetEmulatedMediaParams{Media: on}
	for name, value := range preferences {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: name, Value: value})
	}
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, p)
		return err
	})
}

// Who has own colors, wants more contrast, enlarges the page to the double, holds a phone or
// prints sees what others see; and no panel is drawn twice in a second.
func TestPreferences(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	page := func(width, height int64, where, on string, preferences map[string]string) {
		t.Helper()
		b.do(t, chromedp.EmulateViewport(width, height), media(on, preferences), chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+where))
		b.until(t, `document.querySelector(":is(.panel, .detail)[data-state=value]") && document.getElementById("status").dataset.state === "live"`)
	}
	check := func(what, expression string) {
		t.Helper()
		if !evaluate[bool](t, b, expression) {
			t.Error(what)
		}
	}

	for scheme, ink := range map[string]string{"dark": "255", "light": "0"} {
		page(1280, 800, "/#/routing", "screen", map[string]string{"forced-colors": "active", "prefers-color-scheme": scheme})
		b.until(t, painted+` >= 12`)
		check("the tab of the page is not told from others by own colors", `getComputedStyle(document.querySelector("#tabs [aria-current]")).outlineStyle === "solid"`)
		check("the bars of a ranked panel are not seen", `getComputedStyle(document.querySelector(".ranking li"), "::before").borderBottomStyle === "solid"`)
		check("the state has no dot", `getComputedStyle(document.querySelector("#status i")).backgroundColor === "rgb(`+ink+`, `+ink+`, `+ink+`)"`)
		// The line of a chart: all that is opaque on it.
		check("lines are drawn in other colors in "+scheme, `(() => {
			const canvas = document.querySelectorAll(".panel canvas")[5], { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
			let own = 0;
			for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255 && data[i] === `+ink+` && data[i + 1] === `+ink+` && data[i + 2] === `+ink+`) own++;
			return own > 50;
		})()`)
	}

	for _, scheme := range []string{"dark", "light"} {
		page(1280, 800, "/#/routing", "screen", map[string]string{"prefers-contrast": "more", "prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"})
		for _, selector := range []string{".panel h2", ".panel .figure", "#tabs a", ".scale .warn"} {
			if got := evaluate[float64](t, b, fmt.Sprintf(contrast, selector)); got < 7 {
				t.Errorf("with more contrast %s has %.1f in %s", selector, got, scheme)
			}
		}
		check("something moves for who wants nothing to move", `document.getAnimations().length === 0`)
	}

	page(794, 1123, "/#/routing", "print", map[string]string{"prefers-color-scheme": "dark"})
	check("paper is not white", `document.documentElement.dataset.theme === "light"`)
	check("paper does not say of when it is", `/as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/.test(document.querySelector("header").innerText)`)
	check("paper has buttons", `!document.querySelector(".tools").checkVisibility()`)

	for _, where := range []string{"/#/routing", "/#/all", "/#/stat/stat-16/300", "/#/fields"} {
		b.do(t, chromedp.EmulateViewport(640, 400), media("screen", nil), chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+where))
		b.until(t, `document.querySelector(":is(.panel, .detail)[data-state=value], .fields tbody")`)
		check(where+" is wider than a window that is enlarged to the double", `document.documentElement.scrollWidth <= 640`)
	}

	page(390, 844, "/#/routing", "screen", nil)
	check("a phone cuts what the state is", `(() => { const e = document.getElementById("status-text"); return e.scrollWidth <= e.clientWidth && /behind/.test(e.textContent); })()`)

	page(1280, 800, "/#/routing", "screen", nil)
	b.settle(t)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const clear = CanvasRenderingContext2D.prototype.clearRect, drawn = new Map(), begun = performance.now();
		CanvasRenderingContext2D.prototype.clearRect = function (...box) {
			drawn.set(this.canvas, (drawn.get(this.canvas) ?? 0) + 1);
			clear.apply(this, box);
		};
		window.often = null;
		setTimeout(() => { window.often = Math.max(...drawn.values()) - (performance.now() - begun) / 1000; }, 5000);
	}`))
	b.until(t, `window.often !== null`)
	if often := evaluate[float64](t, b, `window.often`); often > 2 {
		t.Errorf("a chart was drawn %.0f times more than seconds went by", often)
	}
	b.quietConsole(t)
}
