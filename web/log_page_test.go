package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// What the lines panel shows can be looked at in columns and among its neighbors, taken away,
// and has a URL.
func TestLinesPanel(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
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
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		document.querySelector(".lines input").value = "slow";
		document.querySelector(".lines form").requestSubmit();
	}`))
	b.until(t, `document.querySelector(".lines [role=status]").textContent.endsWith(" · stopped after 20 s, before all was read")`)
	click(".lines .shut")
	b.until(t, `!location.hash.includes("lines=")`)
	b.quietConsole(t)
}

// The page of fields tells what the log contains, and begins stats and formats.
func TestFieldsPage(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
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

// A key becomes a chip that holds for all panels: those by its field show it alone, of others
// the numbers are worked out if the reader wants that. The URL says so, and the lines are of
// it.
func TestChips(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	for _, st := range log.definitions.Stats {
		if st.Top > 0 {
			st.GroupBy = []string{"endpoint"}
		}
	}
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/all"))
	// Found and clicked at once: the rows are drawn anew with each second.
	b.until(t, `(() => {
		const rows = document.querySelectorAll(".ranking li"), key = rows[1]?.querySelector(".key");
		if (!key || rows.length <= 3 || document.querySelectorAll(".panel[data-state=value]").length <= 10) return false;
		window.chosen = key.textContent;
		rows[1].click();
		return true;
	})()`)
	key := evaluate[string](t, b, `window.chosen`)
	b.until(t, `document.querySelector(".detail[data-state=value] .chip + button:not([hidden])")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".detail .chip + button").click()`))
	b.until(t, `document.querySelector("#only button")?.textContent.includes("endpoint = ") && location.hash.startsWith("#/all?only=endpoint")`)
	b.until(t, fmt.Sprintf(`[...document.querySelectorAll(".ranking ol")].some((r) => r.querySelectorAll("li").length === 1 && r.textContent.includes(%q))`, key))
	const plain = `document.querySelector(".panel:has(.value .figure)")`
	b.until(t, plain+`.innerText.includes("not by endpoint")`)
	b.until(t, `/^read \d+ (s|min), about \d+ (s|min)$/.test(`+plain+`.querySelector(".offer").textContent)`)
	if far := evaluate[int](t, b, `document.querySelectorAll(".panel[data-state=value]").length`); far > 4 {
		t.Errorf("%d panels have a value, which are not by endpoint", far)
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](plain+`.querySelector(".offer").click()`))
	b.until(t, plain+`.dataset.state === "value" && /^of \d\d:\d\d:\d\d, read again$/.test(`+plain+`.querySelector(".offer").textContent) && location.hash.startsWith("#/all")`)
	// Its lines and what is different are of the chip's lines.
	b.do(t, chromedp.Evaluate[chromedp.Void](plain+`.click()`))
	b.until(t, `document.querySelector(".detail .remark")?.textContent.startsWith("not filtered: it is not by endpoint")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("Enter"))
	b.until(t, fmt.Sprintf(`document.querySelector(".lines input").value === %q`, "endpoint == \""+key+"\""))
	// The same by its URL alone, and all lines again.
	url := evaluate[string](t, b, `location.href.replace(/#.*[?]/, "#/all?").replace(/&lines.*/, "")`)
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(url))
	b.until(t, `document.querySelector("#only button") && [...document.querySelectorAll(".ranking ol")].some((r) => r.querySelectorAll("li").length === 1)`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#only button").click()`))
	b.until(t, `document.querySelector("#only").hidden && location.hash === "#/all" && document.querySelectorAll(".ranking li").length > 3 && document.querySelectorAll(".panel[data-state=value]").length > 10`)
	b.quietConsole(t)
}
