package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
)

// tell gives stats the values of points at each second, from the one before now on,
// with clocks that are past it, until the test ends.
func tell(t testing.TB, s *Server, points ...stats.Snapshot) {
	told := int64(0)
	say := func() {
		now := time.Now()
		if told == now.Unix()-1 {
			return
		}
		told = now.Unix() - 1
		for _, p := range points {
			p.Time, p.Version = told, s.store.gen
			s.store.Upsert(p, now)
		}
		s.store.Clocks(topics.Clocks{Version: s.store.gen, Seconds: []int64{now.Unix()}}, now)
	}
	say()
	often := time.NewTicker(50 * time.Millisecond)
	t.Cleanup(often.Stop)
	go func() {
		for {
			select {
			case <-often.C:
				say()
			case <-t.Context().Done():
				return
			}
		}
	}()
}

// At three sizes and in both schemes every page fits its window's width, is
// drawn, and has text that stands off its ground.
func TestSizesAndSchemes(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	for _, size := range [][2]int64{{390, 844}, {1280, 800}, {1920, 1080}} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%dx%d-%s", size[0], size[1], scheme), func(t *testing.T) {
				for _, where := range []string{"routing", "edge", "all", "find/nginx", "stat/stat-06/3600"} {
					b.do(t, look(size[0], size[1], scheme), chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/"+where))
					b.until(t, fmt.Sprintf(`document.documentElement.dataset.theme === %q && document.querySelector(":is(.panel, .detail)[data-state=value]")`, scheme))
					if wide := evaluate[int64](t, b, `document.documentElement.scrollWidth`); wide > size[0] {
						t.Errorf("%s is %d px wide in a window of %d", where, wide, size[0])
					}
					if cut := evaluate[string](t, b, `[...document.querySelectorAll(".panel .figure")].filter((f) => f.getBoundingClientRect().right > f.closest(".panel").getBoundingClientRect().right).map((f) => f.textContent).join(" ")`); cut != "" {
						t.Errorf("in %s the figures %q reach out of their panels", where, cut)
					}
				}
				// WCAG's contrast of the dimmest text, a title, and of the figures.
				for selector, least := range map[string]float64{".detail .unit": 4.5, ".detail .figure": 4.5, "#tabs a": 4.5} {
					if got := evaluate[float64](t, b, fmt.Sprintf(contrast, selector)); got < least {
						t.Errorf("%s has a contrast of %.1f, want at least %.1f", selector, got, least)
					}
				}
			})
		}
	}
	b.quietConsole(t)
}

// contrast is JavaScript: that of an element's text with the page's ground.
const contrast = `(() => {
	const light = (color) => {
		const [r, g, b] = color.match(/[\d.]+/g).map(Number).map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const pair = [light(getComputedStyle(document.querySelector(%q)).color), light(getComputedStyle(document.body).backgroundColor)].sort((a, b) => b - a);
	return (pair[0] + 0.05) / (pair[1] + 0.05);
})()`

// On a wall there is nothing to press, and the pages take turns.
func TestKiosk(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1920, 1080, "dark"), chromedp.Navigate(server.URL()+"/?kiosk&every=1s"))
	b.until(t, `document.querySelectorAll(".panel").length === 18`)
	if shown := evaluate[string](t, b, `getComputedStyle(document.querySelector(".tools")).display`); shown != "none" {
		t.Errorf("the tools are shown on the wall, as %s", shown)
	}
	b.until(t, `location.hash === "#/edge" && document.querySelectorAll(".panel").length === 5`)
	b.until(t, `location.hash === "#/routing" && document.querySelectorAll(".panel").length === 18`)
	// A mouse that was left there changes nothing.
	b.do(t, chromedp.Evaluate[chromedp.Void](pointAtFirst))
	b.settle(t)
	if evaluate[int](t, b, `document.querySelectorAll(".panel[data-past]").length`) > 0 {
		t.Error("a mouse on the wall shows the past")
	}
	b.quietConsole(t)
}

// pointAtFirst is JavaScript: the mouse points at the first panel's chart.
const pointAtFirst = `{
	const canvas = document.querySelector(".panel canvas"), box = canvas.getBoundingClientRect();
	canvas.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + box.width / 3, clientY: box.top + 5, pointerType: "mouse", bubbles: true}));
}`

// The second that the reader points at is shown by all panels.
func TestSharedCrosshair(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/edge"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
	// Fifteen seconds are over sooner here.
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const later = setTimeout;
		window.setTimeout = (f, ms) => later(f, ms === 15000 ? 1500 : ms);
	}`))
	b.do(t, chromedp.Evaluate[chromedp.Void](pointAtFirst))
	b.until(t, `document.querySelectorAll(".panel[data-past]").length === 5 && document.querySelector("#status").dataset.state === "past"`)
	// All figures are those of one second.
	b.until(t, `/^at \d\d:\d\d:\d\d · \d+ (s|min) ago$/.test(document.querySelector("#status-text").textContent)`)
	// A mouse that rests is let go, and has to move to point again.
	b.until(t, `document.querySelectorAll(".panel[data-past]").length === 0 && document.querySelector("#status").dataset.state === "live"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](pointAtFirst))
	b.settle(t)
	if evaluate[int](t, b, `document.querySelectorAll(".panel[data-past]").length`) > 0 {
		t.Error("a mouse that was not moved shows the past again")
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](strings.Replace(pointAtFirst, "/ 3", "/ 4", 1)))
	b.until(t, `document.querySelectorAll(".panel[data-past]").length === 5`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector("main").dispatchEvent(new PointerEvent("pointerleave"))`))
	b.until(t, `document.querySelectorAll(".panel[data-past]").length === 0 && document.querySelector("#status").dataset.state === "live"`)
}

// Where no clock runs the whole page loses its color, and says since when.
func TestStalePage(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t)
	since := time.Now().Unix() - 100
	put(server.store, point("a", since-1, "7"), point("b", since-1, "8"))
	server.store.Clocks(topics.Clocks{Version: server.store.gen, Seconds: []int64{since}}, time.Now())
	b := openBrowser(t)
	b.do(t, chromedp.Navigate(server.URL()))
	b.until(t, `document.body.classList.contains("stale") && document.querySelector(".panel").dataset.state === "stale"`)
	b.until(t, fmt.Sprintf(`document.querySelector("#status-text").textContent === "stale: no ingester since " + new Date(%d).toTimeString().slice(0, 8)`, since*1000))
	if weight := evaluate[string](t, b, `getComputedStyle(document.querySelector(".figure")).fontWeight`); weight != "400" {
		t.Errorf("the last figure of a stale page has the weight %s, like one of now", weight)
	}
	for _, scheme := range []string{"light", "dark"} {
		b.do(t, look(1280, 800, scheme))
		b.until(t, fmt.Sprintf(`document.documentElement.dataset.theme === %q`, scheme))
		if got := evaluate[float64](t, b, fmt.Sprintf(contrast, ".figure")); got < 4.5 {
			t.Errorf("%s: the last figure of a stale page has a contrast of %.2f", scheme, got)
		}
	}
	b.until(t, `/^stale · /.test(document.title)`)
}

// A log that is steadily ten seconds late has a number in every panel, of whatever
// shape: the last that is known, dimmed, dated, with who is behind, and never as
// those of a live one.
func TestHeld(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	log.lag, log.ingesters = 10, []string{"web-1"}
	server := log.serve(t, nil)
	b := openBrowser(t)
	for _, size := range [][2]int64{{390, 844}, {1280, 800}, {2560, 1440}} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(t, look(size[0], size[1], scheme), chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/routing"))
			b.until(t, `document.querySelectorAll(".panel[data-state=unknown]").length >= 6`)
			b.until(t, `/^1[012] s behind · ingester web-1$/.test(document.querySelector("#status-text").textContent)`)
			const seen = `[...document.querySelectorAll(".panel[data-state=unknown]")]`
			if bad := evaluate[string](t, b, seen+`.filter((p) => !/^1[012] s ago$/.test(p.querySelector(".ago").textContent) || !p.querySelector(".ago").offsetWidth || !p.innerText.includes("web-1 behind")
				|| !/^unknown since .*: all partitions: the log of ingester web-1 is 1\d s behind$/.test(p.title)).map((p) => p.innerText).join("; ")`); bad != "" {
				t.Errorf("%d px, %s: not dated, or not said who is behind: %s", size[0], scheme, bad)
			}
			if bad := evaluate[string](t, b, `(() => {
				const probe = document.createElement("i");
				probe.style.color = "var(--dim)";
				document.body.append(probe);
				const dim = getComputedStyle(probe).color;
				probe.remove();
				return `+seen+`.flatMap((p) => [...p.querySelectorAll(".figure, .amount, .key")]).filter((f) => getComputedStyle(f).color !== dim || getComputedStyle(f).fontWeight > 400).map((f) => f.textContent).join(" ");
			})()`); bad != "" {
				t.Errorf("%d px, %s: these look live: %s", size[0], scheme, bad)
			}
		}
	}
	// Every shape has a number: those of the first row, quantiles, keys, a histogram.
	b.until(t, `document.querySelectorAll(".panel[data-state=unknown]").length === 18`)
	if empty := evaluate[string](t, b, `[...document.querySelectorAll(".panel")].filter((p) => !/[0-9]/.test([...p.querySelectorAll(".figure, .amount")].map((f) => f.textContent).join("")) && p.querySelector("h2").textContent.includes("connect time") === false).map((p) => p.innerText).join("; ")`); empty != "" {
		t.Errorf("without a number: %s", empty)
	}
	// And it goes on, ten seconds behind.
	before := evaluate[string](t, b, `document.querySelector(".figure").textContent + document.querySelector(".amount").textContent`)
	b.until(t, fmt.Sprintf(`document.querySelector(".figure").textContent + document.querySelector(".amount").textContent !== %q`, before))
	b.until(t, `/^\d[\d,.]* \/s$/.test(document.querySelector(".panel .unseen").textContent.split(" ago: ")[1])`)
	// The large view too.
	b.do(t, chromedp.Click(".panel"))
	b.until(t, `document.querySelector(".detail")?.dataset.state === "unknown" && /\d/.test(document.querySelector(".detail .figure").textContent)
		&& /^\d\d:\d\d:\d\d · 1[012] s ago · web-1 behind$/.test(document.querySelector(".detail .note").textContent)`)
	b.quietConsole(t)
}

// A revised point moves, and one of a lower revision that comes later does not.
func TestRevisionsMove(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t, &stats.Stat{Name: "a", Kind: "rate", Per: 1, Window: 10})
	b := openBrowser(t)
	b.do(t, chromedp.Navigate(server.URL()))
	second := time.Now().Unix() - 1
	for _, c := range []struct {
		revision    int
		value, want string
	}{{0, "7", "7"}, {2, "9", "9"}, {1, "8", "9"}} {
		server.store.Upsert(stats.Snapshot{Stat: "a", Time: second, Value: json.RawMessage(c.value), Revision: c.revision, Version: server.store.gen}, time.Now())
		server.store.Clocks(topics.Clocks{Version: server.store.gen, Seconds: []int64{second + 1}}, time.Now())
		frames := server.hub.frames.Load()
		eventually(t, "frames go on", func() bool { return server.hub.frames.Load() > frames+1 })
		b.until(t, fmt.Sprintf(`document.querySelector(".figure").textContent === %q`, c.want))
	}
}

// Trouble is told by a mark, an edge and weight, and read aloud: not by color
// alone. Of a reversed stat low values are the trouble.
func TestMarks(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t,
		&stats.Stat{Name: "well", Kind: "max", Window: 10, Warn: ptr(10), Crit: ptr(20)},
		&stats.Stat{Name: "warn", Kind: "max", Window: 10, Warn: ptr(10), Crit: ptr(20)},
		&stats.Stat{Name: "crit", Kind: "max", Window: 10, Warn: ptr(10), Crit: ptr(20)},
		&stats.Stat{Name: "low", Kind: "max", Window: 10, Warn: ptr(10), Crit: ptr(5), Reversed: true},
		&stats.Stat{Name: "high", Kind: "max", Window: 10, Warn: ptr(10), Crit: ptr(5), Reversed: true},
	)
	b := openBrowser(t)
	b.do(t, chromedp.Navigate(server.URL()))
	b.until(t, `document.querySelectorAll(".panel").length >= 5`) // in the order of the definitions, while none is past a threshold
	var points []stats.Snapshot
	for stat, value := range map[string]string{"well": "9.9", "warn": "10", "crit": "20", "low": "5", "high": "11"} {
		points = append(points, stats.Snapshot{Stat: stat, Value: json.RawMessage(value)})
	}
	tell(t, server, points...)
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length >= 5`)
	got := evaluate[string](t, b, `[...document.querySelectorAll(".panel")].slice(0, 5).map((p) => [
		p.dataset.level ?? "", getComputedStyle(p.querySelector(".mark"), "::before").content.replaceAll('"', "").replace("none", ""),
		getComputedStyle(p.querySelector(".figure")).fontWeight, getComputedStyle(p, "::before").width.replace("auto", ""), p.querySelector(".unseen").textContent.split(", ")[1] ?? "",
	].join(" ")).join("\n")`)
	want := strings.Join([]string{"  600  ", "warn △ 700 4px warning", "crit ▲ 700 4px critical", "crit ▲ 700 4px critical", "  600  "}, "\n")
	if got != want {
		t.Errorf("the panels tell\n%s, want\n%s", got, want)
	}
}

// Keys with several quantiles each are ranked, with all of them in figures.
func TestQuantilesByKey(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t, &stats.Stat{Name: "times", Unit: "ms", Kind: "quantiles", Field: "ms", GroupBy: []string{"path"}, Top: 10, Quantiles: []float64{0.5, 0.99}, Window: 60, Crit: ptr(900)})
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/find/times"))
	tell(t, server, stats.Snapshot{Stat: "times", Value: json.RawMessage(`{"top":[{"key":"/a","value":{"0.5":40,"0.99":950}},{"key":"/b","value":{"0.5":20,"0.99":80}}],"other":null,"distinct":2}`)})
	b.until(t, `document.querySelectorAll(".ranking li").length === 2`)
	if got := evaluate[string](t, b, `[...document.querySelectorAll(".ranking li")].map((l) => l.innerText.replace(/\s+/g, " ") + " " + l.className).join("|")`); got != "/a 40 950 crit|/b 20 80 " {
		t.Errorf("the keys are shown as %q", got)
	}
	if got := evaluate[string](t, b, `[...document.querySelector(".ranking .heads").children].map((h) => h.innerText).join("|") + [...document.querySelectorAll(".ranking .crit.amount")].map((a) => a.innerText)`); got != "path in ms|p50|p99950" {
		t.Errorf("the heads, and what is critical, are %q", got)
	}
	if got := evaluate[int](t, b, `new Set([...document.querySelectorAll(".ranking .amount:last-child, .ranking .heads > :last-child")].map((a) => Math.round(a.getBoundingClientRect().right))).size`); got != 1 {
		t.Errorf("p99 stands in %d columns", got)
	}
	// The order is that of the bars, whatever the log's was. All may be told of one second.
	tell(t, server, stats.Snapshot{Stat: "times", Revision: 1, Value: json.RawMessage(`{"top":[{"key":"/a","value":{"0.5":10,"0.99":950}},{"key":"/b","value":{"0.5":20,"0.99":80}}],"other":null,"distinct":2}`)})
	b.until(t, `[...document.querySelectorAll(".ranking li .key")].map((k) => k.textContent).join() === "/b,/a" && document.querySelectorAll(".ranking li")[1].style.getPropertyValue("--share") === "50.0%"`)
	told := server.store.Newest()
	eventually(t, "another second is told", func() bool { return server.store.Newest() > told })
	tell(t, server, stats.Snapshot{Stat: "times", Revision: 2, Value: json.RawMessage(`{"top":[{"key":"/a","value":{"0.5":40,"0.99":950}},{"key":"/b","value":{"0.5":20,"0.99":80}}],"other":null,"distinct":2}`)})
	shot(t, b, "ranked")
	b.until(t, `document.querySelector(".panel .unseen").textContent === "\u2068/a\u2069 p50 40 p99 950 ms, \u2068/b\u2069 p50 20 p99 80 ms, critical"`)

	b.do(t, chromedp.Click(".panel"))
	keys := func() string {
		return evaluate[string](t, b, `[...document.querySelectorAll(".keys tbody tr")].map((r) => r.innerText.replace(/\s+/g, " ") + (r.dataset.beside ? " beside" : "")).join("|")`)
	}
	b.until(t, `document.querySelectorAll(".keys tbody tr").length === 2`)
	if got := keys(); got != "/a 40 10 40|/b 20 20 20" {
		t.Errorf("the keys beside the chart are %q", got)
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".keys .choice button:last-child").click(); document.querySelector(".keys tbody button").click()`))
	b.until(t, `document.querySelector(".keys tr[data-beside]")`)
	if got := keys(); got != "/a 950 950 950|/b 80 80 80 beside" {
		t.Errorf("with p99 and one key alone they are %q", got)
	}
	hues := evaluate[int](t, b, `new Set([...document.querySelectorAll(".keys i")].map((i) => getComputedStyle(i).backgroundColor)).size`)
	if hues != 2 {
		t.Errorf("two keys have %d colors", hues)
	}
	b.quietConsole(t)
}

// Whatever a key is, the amounts stay where they are, and read as they are.
func TestOddKeys(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t, &stats.Stat{Name: "paths", Unit: "/s", Kind: "rate", Per: 1, GroupBy: []string{"path"}, Top: 10, Window: 10})
	b := openBrowser(t)
	long := "/" + strings.Repeat("ab", 60)
	text, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	tell(t, server, stats.Snapshot{Stat: "paths", Value: json.RawMessage(`{"top":[{"key":` + string(text) + `,"value":31},{"key":"/a\u202e31.5","value":21.5},{"key":"/\u001b[31mred","value":11}],"other":4,"distinct":7}`)})
	for _, width := range []int64{390, 1280} {
		b.do(t, look(width, 800, "light"), chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/find/paths"))
		b.until(t, `document.querySelectorAll(".ranking li").length === 4`)
		if out := evaluate[string](t, b, `[...document.querySelectorAll(".ranking .amount")].filter((a) => a.getBoundingClientRect().right > a.closest(".panel").getBoundingClientRect().right).map((a) => a.textContent).join(" ")`); out != "" {
			t.Errorf("%d px: a long key pushes out the amounts %s", width, out)
		}
	}
	if got := evaluate[string](t, b, `[...document.querySelectorAll(".ranking .key")].slice(1).map((k) => k.textContent).join(" ")`); got != "/a‹202E›31.5 /␛[31mred other (4)" {
		t.Errorf("the keys are shown as %q", got)
	}
	if title := evaluate[string](t, b, `document.querySelector(".ranking .key").title`); title != long {
		t.Errorf("the whole key is told as %q", title)
	}
	b.do(t, chromedp.Click(".panel"))
	b.until(t, `document.querySelector(".detail[data-state]")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("ArrowLeft"), press("ArrowRight"))
	b.until(t, `document.querySelector(".tip").textContent.includes("\u2068/a‹202E›31.5\u2069 21.5\n")`)
	b.quietConsole(t)
}

// A name that does not fit loses its middle, as the ends tell names of one kind apart.
func TestCutNames(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	title := "requests of the checkout service in eu-west-1, by status class, in production, p99"
	server := quiet(t, &stats.Stat{Name: "a", Title: title, Kind: "rate", Window: 10}, &stats.Stat{Name: "b", Title: "short", Kind: "rate", Window: 10})
	b := openBrowser(t)
	b.do(t, look(800, 600, "light"), chromedp.Navigate(server.URL()+"/#/all"))
	b.until(t, `document.querySelector(".panel h2 .cut")`)
	if got := evaluate[string](t, b, `(() => {
		const name = document.querySelector(".panel h2 .cut"), [head, tail] = name.children;
		return [name.textContent, head.scrollWidth > head.clientWidth, tail.scrollWidth > tail.clientWidth, tail.textContent].join("|");
	})()`); got != title+"|true|false|tion, p99" {
		t.Errorf("the title is %s", got)
	}
	b.quietConsole(t)
}

// What is different is shown by a key, by a button, and of the seconds over which the pointer
// is dragged with shift.
func TestExplained(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/stat/stat-01"))
	b.until(t, `document.querySelector(".detail[data-state=value][data-loaded]")`)
	b.do(t, press("w")) // wherever the focus is
	b.until(t, `document.querySelectorAll(".different tbody tr").length === 5`)
	if got := evaluate[string](t, b, `[...document.querySelectorAll(".different tbody tr:first-child")].map((r) => [...r.children].map((c) => c.textContent).join("|")).join(" ")`); got != "customer = acme‹202E›<b>|98 %|260|20|21 %|2.0 %|linesonlywithout service|8|21|960|1.21k|1.90k" {
		t.Errorf("what is different is %q", got)
	}
	if got := evaluate[string](t, b, `document.querySelector(".different .hush").textContent`); got != "1.24k lines, 1.00k before · 312 values were tried" {
		t.Errorf("told is %q", got)
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const canvas = document.querySelector(".plot canvas"), box = canvas.getBoundingClientRect();
		const at = (type, x) => canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + x, clientY: box.top + 50, button: 0, shiftKey: true, bubbles: true }));
		canvas.setPointerCapture = null;
		at("pointerdown", 300);
		at("pointermove", 500);
		at("pointerup", 500);
	}`))
	b.until(t, `/against the \d\d s before/.test(document.querySelector(".different h3").textContent)`)

	// Both distributions are drawn, between the same edges.
	b.until(t, `[...document.querySelectorAll(".different svg path")].map((p) => p.getAttribute("class") + p.getAttribute("d").split("H").length).join() === "before25,now25"`)
	b.until(t, `[...document.querySelectorAll(".shape span")].map((s) => s.textContent).join() === "2,1.20k"`)

	// Only the lines of a value, and all but these; the URL says so, and opens it again.
	act := func(n int) {
		t.Helper()
		b.do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void document.querySelectorAll(".different .actions button")[%d].click()`, n)))
	}
	act(2)
	b.until(t, `document.querySelectorAll(".different .actions").length === 1 && document.querySelector(".different .where").value === '!(customer == "acme\u202e<b>")'`)
	act(1)
	b.until(t, `document.querySelector(".different .where").value === '!(customer == "acme\u202e<b>") && endpoint startsWith "/long"'`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		const choice = document.querySelector(".different select");
		choice.value = "86400";
		choice.dispatchEvent(new Event("change"));
	}`))
	b.until(t, `/against \d{4}-\d\d-\d\d \d\d:\d\d:\d\d to /.test(document.querySelector(".different h3").textContent)`)
	title := evaluate[string](t, b, `document.querySelector(".different h3").textContent`)
	url := evaluate[string](t, b, `location.href`)
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(url))
	b.until(t, `document.querySelector(".different tbody tr")`)
	if got := evaluate[string](t, b, `document.querySelector(".different h3").textContent + document.querySelector(".different select").value + document.querySelector(".different .where").value`); got != title+"86400!(customer == \"acme\u202e<b>\") && endpoint startsWith \"/long\"" {
		t.Errorf("opened again by its URL it is %q", got)
	}
	// The lines of a value are those of the same seconds that meet the condition too.
	act(0)
	b.until(t, `document.querySelector(".lines input").value === '!(customer == "acme\u202e<b>") && endpoint startsWith "/long" && endpoint startsWith "/long"'`)
	b.until(t, `/lines=\d+-\d+/.test(location.hash) && location.hash.match(/lines=([\d-]+)/)[1] === location.hash.match(/different=([\d-]+)/)[1]`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".different .shut").click()`))
	b.until(t, `document.querySelector(".different").hidden && document.activeElement === document.querySelector(".plot canvas") && !location.hash.includes("different")`)
	b.quietConsole(t)
}

// Over a panel of the wall the mouse drags over an interval to ask what is different in it; w asks
// about all that it shows. A click alone still opens it.
func TestIntervalOfPanel(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	drag := func(by int) {
		t.Helper()
		b.do(t, chromedp.Navigate("about:blank"), look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/edge"))
		b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
		b.do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{
			const canvas = document.querySelector(".panel canvas"), box = canvas.getBoundingClientRect();
			const at = (type, x) => canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + x, clientY: box.top + 5, button: 0, pointerType: "mouse", bubbles: true }));
			at("pointerdown", 100);
			at("pointermove", 100 + %[1]d);
			window.selected = document.querySelectorAll(".panel .selection").length;
			at("pointerup", 100 + %[1]d);
			canvas.dispatchEvent(new MouseEvent("click", { bubbles: true }));
		}`, by)))
	}
	drag(80)
	b.until(t, `window.selected === 1 && /^#\/stat\/stat-00.*[?]different=\d+-\d+/.test(location.hash) && document.querySelector(".different tbody tr")`)
	if length := evaluate[int](t, b, `(([from, to]) => to - from)(location.hash.match(/different=([\d-]+)/)[1].split("-"))`); length < 20 || length > 120 {
		t.Errorf("80 px of a panel are %d s", length)
	}
	drag(2)
	b.until(t, `window.selected === 0 && location.hash === "#/stat/stat-00" && document.querySelector(".different")?.hidden`)
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/edge"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelectorAll(".panel")[1].focus()`), press("w"))
	b.until(t, `/^#\/stat\/stat-01.*[?]different=/.test(location.hash) && document.querySelector(".different tbody tr")`)
	b.quietConsole(t)
}

// A key is shown alone by a click on its row, with a URL of its own; its lines are those of the
// key, and of a condition.
func TestKeyAlone(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	begun, own := time.Now().Unix(), log.curves["stat-16"]
	log.curves["stat-16"] = func(second int64) string {
		if second > begun-100 {
			return strings.Replace(own(second), "www.example.net", "new.example.net", 1)
		}
		return own(second)
	}
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()+"/#/all"))
	b.until(t, `!document.body.classList.contains("loading") && document.querySelectorAll(".ranking li").length > 3`)
	key := evaluate[string](t, b, `document.querySelectorAll(".ranking .key")[1].textContent`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll(".ranking li")[1].click()`))
	b.until(t, `document.querySelector(".detail[data-state=value] .chip")?.textContent.endsWith(" ×")`)
	b.until(t, `document.querySelectorAll(".keys tr[data-beside]").length > 1`)
	if hash := evaluate[string](t, b, `location.hash`); !strings.HasSuffix(hash, "/300/0/"+key) {
		t.Errorf("the URL ends with %s, want the key %s", hash, key)
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("Enter"))
	b.until(t, fmt.Sprintf(`document.querySelector(".lines li code")?.textContent.endsWith("key=%s where=")`, key))
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		document.querySelector(".lines input").value = 'line contains "x"';
		document.querySelector(".lines form").requestSubmit();
	}`))
	b.until(t, `document.querySelector(".lines li code")?.textContent.endsWith('where=line contains "x"')`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".chip").click()`))
	b.until(t, `document.querySelector(".chip").hidden && !document.querySelector(".keys tr[data-beside]") && !location.hash.includes("/0/")`)
	// A key that was among the greatest and is not any more has no value of now.
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = "#/stat/stat-16/300/0/www.example.net"`))
	b.until(t, `/^www\.example\.net–\d/.test([...document.querySelectorAll(".keys tbody tr")].find((row) => row.textContent.startsWith("www."))?.textContent)`)
	b.quietConsole(t)
}

// A Pulse without lines does not look healthy: it says so, and what to do.
func TestNothingComes(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t, &stats.Stat{Name: "errors", Kind: "count", Window: 10}, &stats.Stat{Name: stats.LinesStat, Subject: stats.SubjectAccount, Kind: "lines", Window: 1})
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()))
	b.until(t, `!document.querySelector("#welcome").hidden`)
	if got := evaluate[string](t, b, `[document.querySelector("#welcome h2").textContent, document.querySelectorAll("#welcome code").length, document.querySelector("#welcome p").textContent].join("|")`); got != "No line has come yet|3|1 stat waits for lines: errors" {
		t.Errorf("an empty Pulse says %s", got)
	}
	now := time.Now().Unix() - 1
	for second := now - 40; second <= now; second++ {
		put(server.store, stats.Snapshot{Stat: "errors", Time: second, Value: json.RawMessage("0"), Version: server.store.gen},
			stats.Snapshot{Stat: stats.LinesStat, Time: second, Value: json.RawMessage(`{"in":0,"counted":0,"late":0,"unreadable":0,"ahead":0,"bytes":0}`), Version: server.store.gen})
	}
	b.until(t, `document.querySelector("#welcome h2").textContent.startsWith("No line has come in 4")`)
	b.until(t, `document.querySelector(".panel .note").textContent.startsWith("no line in ")`)
	put(server.store, stats.Snapshot{Stat: stats.LinesStat, Time: now, Revision: 1, Value: json.RawMessage(`{"in":1,"counted":1,"late":0,"unreadable":0,"ahead":0,"bytes":9}`), Version: server.store.gen},
		stats.Snapshot{Stat: "errors", Time: now, Revision: 1, Value: json.RawMessage("1"), Version: server.store.gen})
	b.until(t, `document.querySelector("#welcome").hidden && document.querySelector(".panel .note").textContent === ""`)
	b.quietConsole(t)
}

// All that can be pressed is reached by the tab key and has a name for screen readers.
func TestKeyboardAndNames(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"))
	for where, want := range map[string]string{
		"edge": "Pulse: first page, Routing, Edge, All stats, Trouble, Pulse itself, Fields, Find a stat, Pause, Then, Time zone UTC, Full screen, Light or dark, Incidents, Help, nginx requests",
		"stat/stat-01/3600": "Pulse: first page, Routing, Edge, All stats, Trouble, Pulse itself, Fields, Find a stat, Pause, Then, Time zone UTC, Full screen, Light or dark, Incidents, Help, " +
			"Back, 5 min, 1 h, 24 h, 7 d, all, −hour, −day, −week, What is different, CSV, JSON, PNG, nginx 500 over time",
	} {
		b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL()+"/#/"+where))
		b.until(t, `document.querySelector(":is(.panel, .detail)[data-state=value]")`)
		var reached []string
		for range strings.Count(want, ",") + 1 {
			b.do(t, chromedp.KeyEvent("\t"))
			reached = append(reached, evaluate[string](t, b, `(() => {
				const e = document.activeElement;
				return (e.getAttribute("aria-label") ?? e.labels?.[0]?.querySelector(".unseen").textContent ?? e.firstChild?.textContent ?? "").split(";")[0];
			})()`))
		}
		if got := strings.Join(reached, ", "); got != want {
			t.Errorf("on %s tab reaches\n%s, want\n%s", where, got, want)
		}
		var nodes []*accessibility.Node
		b.do(t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			tree, err := cdp.Call(ctx, target, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
			if err == nil {
				nodes = tree.Nodes
			}
			return err
		}))
		for _, n := range nodes {
			if n.Ignored || n.Role == nil {
				continue
			}
			role, name := string(n.Role.Value), ""
			if n.Name != nil {
				name = string(n.Name.Value)
			}
			if strings.Contains(`"link" "button" "searchbox" "image" "navigation" "article" "main"`, role) && strings.Trim(name, `"`) == "" {
				t.Errorf("on %s a %s has no name", where, role)
			}
		}
	}
}

// How sure a number is, and what was not understood of its lines, is told where it is
// shown: in the panel, aloud, and large.
func TestUnsure(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t,
		&stats.Stat{Name: "whole", Kind: "rate", Per: 60, Window: 60, Unit: "/min", Crit: ptr(20)},
		&stats.Stat{Name: "gap", Kind: "rate", Per: 60, Window: 60, Unit: "/min", Crit: ptr(20)},
		&stats.Stat{Name: "start", Kind: "rate", Per: 60, Window: 60, Unit: "/min", Crit: ptr(20)},
		&stats.Stat{Name: "estimate", Kind: "unique", Field: "user", Window: 60},
		&stats.Stat{Name: "ratio", Kind: "ratio", Unit: "%", Of: []string{"gap", "whole"}, Window: 60, Warn: ptr(0.003)},
	)
	setNotes(server.store, map[string][]string{"estimate": {"no line has had <i>`usr`</i>; did you mean `user`?"}})
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(server.URL()))
	tell(t, server,
		stats.Snapshot{Stat: "whole", Value: json.RawMessage("25")},
		stats.Snapshot{Stat: "gap", Value: json.RawMessage("24.5"), Covered: 44, Of: 60},
		stats.Snapshot{Stat: "start", Value: json.RawMessage("23"), Covered: 2, Of: 60},
		stats.Snapshot{Stat: "estimate", Value: json.RawMessage("12345"), Approx: 0.0065},
		stats.Snapshot{Stat: "ratio", Value: json.RawMessage("0.004")})
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
	got := evaluate[string](t, b, `[...document.querySelectorAll(".panel")].slice(0, 5).map((p) => [
		p.dataset.level ?? "", p.dataset.hollow ?? "", p.querySelector(".sure").textContent, p.querySelector(".remark").textContent,
		getComputedStyle(p.querySelector(".figure"), "::before").content.replaceAll('"', "").replace("none", ""), p.querySelector(".unseen").textContent,
	].join("|")).join("\n")`)
	want := strings.Join([]string{
		"crit|||||25 /min, critical",
		"crit|yes|44 of 60 s|||24.5 /min, of 44 of 60 s, critical",
		"|yes|2 of 60 s|||23 /min, of 2 of 60 s",
		"|||no line has had <i>`usr`</i>; did you mean `user`?|≈\u2009|12,345 , ±0.65 %",
		"warn|||||0.4 %, warning",
	}, "\n")
	if got != want {
		t.Errorf("the panels tell\n%s\nwant\n%s", got, want)
	}
	if figure := evaluate[string](t, b, `document.querySelectorAll(".panel")[4].querySelector(".figure").textContent`); figure != "0.40" {
		t.Errorf("a ratio of 0.004 in percent is shown as %q", figure)
	}
	b.until(t, `document.querySelectorAll("#tabs .crit")[0].textContent === "▲2"`)

	b.do(t, chromedp.Navigate(server.URL()+"/#/stat/gap"))
	b.until(t, `document.querySelector(".detail[data-hollow] .note").textContent === "44 of 60 s"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("ArrowLeft"), press("ArrowRight"))
	b.until(t, `document.querySelector(".tip").textContent.includes("24.5 /min · 44 of 60 s")`)
	b.do(t, chromedp.Navigate(server.URL()+"/#/stat/estimate"))
	b.until(t, `document.querySelector(".detail .note").textContent === "±0.65 %" && document.querySelector(".detail .remark").textContent.includes("<i>")`)
	setNotes(server.store, nil)
	b.until(t, `document.querySelectorAll(".detail .remark").length === 0`)
	b.quietConsole(t)
}

// slowly is a proxy to a server whose answers come at so many bytes a second in all, which
// may be changed. It gives its address, and counts the connections that became sockets.
func slowly(t *testing.T, s *Server, bytesPerSecond *atomic.Int64) (url string, sockets *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	const parts = 20 // of a second
	pass := make(chan struct{})
	line := time.NewTicker(time.Second / parts)
	t.Cleanup(line.Stop)
	go func() {
		for range line.C {
			select {
			case pass <- struct{}{}:
			case <-t.Context().Done():
				return
			}
		}
	}()
	sockets = &atomic.Int64{}
	go func() {
		for {
			browser, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", s.listener.Addr().String())
			if err != nil {
				browser.Close()
				continue
			}
			server.(*net.TCPConn).SetReadBuffer(4 << 10) //nolint:errcheck // what the line holds
			go func() {
				defer server.Close()
				b := make([]byte, 4<<10)
				for {
					n, err := browser.Read(b)
					if err != nil {
						return
					}
					if bytes.HasPrefix(b[:n], []byte("GET /ws")) {
						sockets.Add(1)
					}
					if _, err := server.Write(b[:n]); err != nil {
						return
					}
				}
			}()
			go func() {
				defer browser.Close()
				for {
					select {
					case <-pass:
					case <-t.Context().Done():
						return
					}
					if _, err := io.CopyN(browser, server, bytesPerSecond.Load()/parts); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), sockets
}

// On a line of 3 kB/s the page comes to show what there is, by one connection. The page's
// files come faster here: it is the numbers that take long, and that a page must wait for.
func TestSlowLine(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	var speed atomic.Int64
	speed.Store(100_000)
	url, sockets := slowly(t, server, &speed)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(url))
	b.until(t, `document.getElementById("zone")?.textContent`) // the scripts are there
	speed.Store(3000)
	b.until(t, `[...document.querySelectorAll(".panel .figure")].filter((f) => /\d/.test(f.textContent)).length >= 10`)
	t.Logf("the first figures are there after %v ms", evaluate[float64](t, b, `Math.round(performance.now())`))
	b.until(t, `!document.body.classList.contains("loading") && `+painted+` >= 12`)
	b.until(t, `document.querySelector("#status").dataset.state === "live"`)
	t.Logf("all is there after %v ms", evaluate[float64](t, b, `Math.round(performance.now())`))
	if n := sockets.Load(); n != 1 {
		t.Errorf("it took %d sockets", n)
	}
}
