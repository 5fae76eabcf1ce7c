package web

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// What the lines panel shows can be looked at in columns and among its neighbors, taken away,
// and has a URL.
func TestLinesPanel(t *testing.T) {
	testkit.Long(t)
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/stat/stat-01"))
	b.until(t, `document.querySelector(".detail[data-state=value][data-loaded]")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("Enter"))
	b.until(t, `document.querySelectorAll(".lines li time[data-provisional]").length > 3 || document.querySelectorAll(".lines li").length > 3`)
	if title := evaluate[string](t, b, `document.querySelector(".lines time").title`); !strings.HasPrefix(title, "counts at ") || !strings.Contains(title, ", in the points up to ") || !strings.HasSuffix(title, "web-1, file /var/log/app.log") {
		t.Errorf("a line's time says %q", title)
	}
	b.until(t, `/ lines? read · (final|provisional: more may come at these seconds|\d+ provisional: more may come at these seconds)$/.test(document.querySelector(".lines [role=status]").textContent)`)

	click := func(what string) {
		t.Helper()
		b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector('`+what+`').click()`))
	}
	click(".lines .near")
	b.until(t, `document.querySelectorAll(".around code").length === 41 && document.querySelector(".around [aria-current] code").textContent === "level=info neighbor=0 path=/a‹202E›"`)
	b.until(t, `document.querySelector(".around p").textContent === "around it, of web-1 /var/log/app.log"`)
	click(".lines .near")
	b.until(t, `!document.querySelector(".around")`)

	click(".lines .choice button")
	b.until(t, `[...document.querySelectorAll(".lines .columns thead th")].map((c) => c.textContent).join() === "time,level,ms,second" && !document.querySelector(".lines ol li")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		window.saved = null;
		const make = URL.createObjectURL;
		URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return make(blob); };
		[...document.querySelectorAll(".lines .choice button")].find((b) => b.textContent === "JSON lines").click();
	}`))
	b.until(t, `window.saved && window.saved.trim().split("\n").every((l) => { const { time, text, at, fields } = JSON.parse(l); return time && text && at && fields.level === "error"; })`)
	url := evaluate[string](t, b, `location.href`)
	title := evaluate[string](t, b, `document.querySelector(".lines h3").textContent`)
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(url))
	b.until(t, `document.querySelectorAll(".lines li").length > 3`)
	if got := evaluate[string](t, b, `document.querySelector(".lines h3").textContent`); got != title {
		t.Errorf("opened again by its URL it is %q, want %q", got, title)
	}
	click(".lines .shut")
	b.until(t, `!location.hash.includes("lines=")`)
	b.quietConsole(t)
}

// The page of fields tells what the log contains, and begins stats and formats.
func TestFieldsPage(t *testing.T) {
	testkit.Long(t)
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/edge"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("#tabs a")].find((a) => a.textContent === "Fields").click()`))
	b.until(t, `document.querySelectorAll(".fields section").length === 2 && location.hash === "#/fields"`)
	const row = `[...document.querySelectorAll(".fields tbody tr")].find((r) => r.firstChild.textContent === "level")`
	b.until(t, `[...`+row+`.children].map((c) => c.innerText.trim()).slice(0, 4).join() === "level,100 %,text,3"`)
	b.until(t, `document.querySelector(".fields > .hush").textContent.startsWith("2,000 lines from ")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](row+`.querySelector("button").click()`))
	b.until(t, `document.querySelector(".fields pre").textContent === 'stats:\n  - {name: "by-level", count: lines, by: "level"}\n'`)
	b.do(t, chromedp.Evaluate[chromedp.Void](row+`.querySelector("button").click()`))
	b.until(t, `!document.querySelector(".fields pre")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".shapes button").click()`))
	b.until(t, `document.querySelector(".shapes pre").textContent.startsWith("formats:\n  - {name: NAME, pattern: 'user <f1> did ")`)
	b.do(t, chromedp.Navigate(server.URL()+"/#/edge"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5 && !document.querySelector(".fields")`)
	b.quietConsole(t)
}
