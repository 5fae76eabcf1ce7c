package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/explain"
	"pulse/stats/line"
	"pulse/stats/survey"
	"pulse/topics"
)

// The page as a whole works: panels with numbers that change, and a quiet console.
func TestSmoke(t *testing.T) {
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(server.URL()))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 18 && `+painted+` >= 15`)
	b.until(t, `document.querySelector("#status").dataset.state === "live"`)
	before := evaluate[string](t, b, `document.querySelector(".figure").textContent`)
	b.until(t, fmt.Sprintf(`document.querySelector(".figure").textContent !== %q`, before))
	b.quietConsole(t)
}

// TestShareButton: where the server makes share links there is a button, and a dialog that
// shows the link.
func TestShareButton(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := newSynthetic(0).serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(server.URL()))
	// Live, it has had its socket's configuration, which hides the button.
	b.until(t, `document.querySelector("#status").dataset.state === "live" && getComputedStyle(document.querySelector("#share")).display === "none"`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		window.fetch = async (url) => new Response(JSON.stringify({ url: location.origin + "/?" + url, until: "2030-01-01T00:00:00Z" }));
		document.querySelector("#share").hidden = false;
	}`))
	b.do(t, chromedp.Click("#share"))
	b.until(t, `document.querySelector("#sharing").open && getComputedStyle(document.querySelector("#sharing [name=link]")).display === "none"`)
	b.do(t, chromedp.Click("#sharing .choice button"))
	b.until(t, `document.querySelector("#sharing [name=link]").value.endsWith("?/api/share?for=8h") && document.querySelector("#sharing [role=status]").textContent.startsWith("It ends at ")`)
	b.do(t, chromedp.Click("#sharing form button"))
	b.until(t, `!document.querySelector("#sharing").open`)
	b.quietConsole(t)
}

func TestPage(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1440, 900, "light"), chromedp.Navigate(server.URL()))

	b.until(t, `document.querySelectorAll(".panel").length === 18`)
	b.until(t, painted+` >= 15`)
	b.until(t, `document.querySelector("#status").dataset.state === "live"`)
	b.until(t, `document.title.endsWith("Routing · Pulse")`)
	b.until(t, `/^Time from a line's arrival to the screen: [\d.]+ s/.test(document.querySelector("#status").title)`)

	// Numbers change.
	before := evaluate[string](t, b, `document.querySelector(".figure").textContent`)
	b.until(t, fmt.Sprintf(`document.querySelector(".figure").textContent !== %q`, before))

	// Every page has its URL; all stats are on one made by itself, the internal ones too.
	b.do(t, press("3"))
	b.until(t, fmt.Sprintf(`location.hash === "#/all" && document.querySelectorAll(".panel").length === %d`, len(log.definitions.All())))
	b.do(t, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".panel")].at(-1).scrollIntoView()`))
	b.until(t, `[...document.querySelectorAll(".panel")].at(-1).textContent.includes("unreadable")`)
	b.do(t, press("["))
	b.until(t, `location.hash === "#/edge" && document.querySelectorAll(".panel").length === 5`)

	// A search finds, and escape goes back.
	b.do(t, press("/"), chromedp.KeyEvent("timeout"))
	b.until(t, `document.querySelectorAll(".panel").length === 1 && document.querySelector(".panel h2 .cut").textContent === "H12 timeout"`)
	b.do(t, press("Escape"))
	b.until(t, `location.hash === "#/edge" && document.querySelectorAll(".panel").length === 5`)

	// Arrow keys go from panel to panel.
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".panel").focus()`), press("ArrowRight"))
	if got := evaluate[string](t, b, `document.activeElement.querySelector("h2 .cut")?.textContent ?? ""`); got != "nginx 500" {
		t.Errorf("the arrow key led to %q, want the second panel", got)
	}

	// Paused, nothing moves, and the page says so.
	b.do(t, press(" "))
	b.until(t, `document.querySelector("#status").dataset.state === "paused"`)
	b.settle(t) // what had come before
	still := evaluate[string](t, b, `document.querySelector("main").textContent`)
	newest := server.store.Newest()
	eventually(t, "the log goes on", func() bool { return server.store.Newest() >= newest+2 })
	if now := evaluate[string](t, b, `document.querySelector("main").textContent`); now != still {
		t.Error("numbers changed while the page was paused")
	}
	b.do(t, press(" "))
	b.until(t, `document.querySelector("#status").dataset.state === "live"`)

	// The list of keys opens and closes.
	b.do(t, press("?"))
	b.until(t, `document.querySelector("#help").open`)
	b.do(t, chromedp.Click("#help button"))
	b.until(t, `!document.querySelector("#help").open`)

	// Light and dark, by preference and by switch.
	b.do(t, look(390, 844, "dark"))
	b.until(t, `document.documentElement.dataset.theme === "dark"`)
	b.do(t, press("t"))
	b.until(t, `document.documentElement.dataset.theme === "light"`)
	if wide := evaluate[int](t, b, `document.documentElement.scrollWidth`); wide > 390 {
		t.Errorf("on a phone the page is %d px wide, more than its 390", wide)
	}
	b.quietConsole(t)
}

// A panel opens to a large view of its stat, with a longer window.
func TestDetail(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	server := log.serve(t, nil)
	b := openBrowser(t)
	b.do(t, look(1440, 900, "dark"), chromedp.Navigate(server.URL()+"/#/edge"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
	b.do(t, chromedp.Click(".panel:nth-child(2)"))
	b.until(t, `location.hash === "#/stat/stat-01" && document.querySelector(".detail h2")?.textContent === "nginx 500"`)
	b.until(t, `document.querySelector(".detail").dataset.state === "value" && document.querySelector(".definition").textContent.includes("per minute")`)

	// Exact values under the crosshair, from the keyboard too.
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("ArrowLeft"))
	b.until(t, `/\d\d:\d\d:\d\d +[\d.]+ \/min/.test(document.querySelector(".tip").textContent)`)
	b.until(t, `document.querySelector("#status").dataset.state === "past"`)

	if link := evaluate[string](t, b, `document.querySelector(".definition a").href + " " + document.querySelector(".definition a").rel`); link != "https://example.com/runbook noopener noreferrer" {
		t.Errorf("the link is %q", link)
	}

	// Longer windows: what the page does not have comes from the server.
	pick := func(nav int, text string) {
		t.Helper()
		b.do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void [...document.querySelectorAll(".detail nav")[%d].querySelectorAll("a")].find((a) => a.textContent === %q).click()`, nav, text)))
	}
	pointAt := func(x int) {
		t.Helper()
		b.do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void document.querySelector(".plot canvas").dispatchEvent(new PointerEvent("pointermove", {clientX: %d, clientY: 300}))`, x)))
	}
	const loaded = `document.querySelector(".detail").dataset.loaded === "yes"`
	pick(0, "1 h")
	b.until(t, `location.hash === "#/stat/stat-01/3600" && `+loaded)
	pointAt(200)
	b.until(t, `/\d\d:\d\d:\d\d +[\d.]+ \/min/.test(document.querySelector(".tip").textContent)`)
	pick(0, "7 d")
	b.until(t, `location.hash === "#/stat/stat-01/604800" && `+loaded)
	pointAt(300)
	b.until(t, `/\d\d:\d\d:\d\d and 10 min on +[\d.]+ to [\d.]+ \/min/.test(document.querySelector(".tip").textContent)`)

	// Beside the day before: two values under the crosshair.
	pick(1, "−day")
	b.until(t, `location.hash === "#/stat/stat-01/604800/86400" && document.querySelectorAll(".detail nav")[1].querySelector("[aria-current]").textContent === "−day"`)
	pick(0, "24 h")
	b.until(t, `location.hash === "#/stat/stat-01/86400/86400" && `+loaded)
	pointAt(300)
	b.until(t, `document.querySelector(".tip").textContent.split("\n").length === 2`)
	pick(1, "−day")
	b.until(t, `location.hash === "#/stat/stat-01/86400"`)

	// Each comparison is with the value of just then.
	pick(0, "5 min")
	for before, text := range map[int64]string{3600: "−hour", 86400: "−day", 604800: "−week"} {
		pick(1, text)
		b.until(t, fmt.Sprintf(`location.hash === "#/stat/stat-01/300/%d"`, before))
		pointAt(600)
		date := time.Unix(time.Now().Unix()-before, 0).Format(time.DateOnly) + " "
		if before < 12*3600 {
			date = "" // of the last half day the time alone is told
		}
		b.until(t, fmt.Sprintf(`/^\S+ +[\d.]+ \/min\n%s\d\d:\d\d:\d\d +[\d.]+ \/min$/.test(document.querySelector(".tip").textContent)`, date))
		told := strings.Split(evaluate[string](t, b, `document.querySelector(".tip").textContent`), "\n")
		at := tipTime(t, told[0])
		if then := tipTime(t, told[1]); at-then != before {
			t.Errorf("%s is beside a second %d s before it: %q", text, at-then, told)
		}
		for i, second := range []int64{at, at - before} {
			if want := log.curves["stat-01"](second) + " /min"; !strings.HasSuffix(told[i], "   "+want) {
				t.Errorf("%s: at %d the value is told as %q, want %s", text, second, told[i], want)
			}
		}
	}
	pick(1, evaluate[string](t, b, `document.querySelectorAll(".detail nav")[1].querySelector("[aria-current]").textContent`))
	pick(0, "24 h")
	b.until(t, `location.hash === "#/stat/stat-01/86400" && `+loaded)

	// To drag is to zoom, and the range is in the URL.
	drag := func(from, to int) {
		t.Helper()
		b.do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{
			const canvas = document.querySelector(".plot canvas");
			const fire = (type, x) => canvas.dispatchEvent(new PointerEvent(type, {clientX: x, clientY: 300, button: 0, bubbles: true}));
			canvas.setPointerCapture = null;
			fire("pointerdown", %d); fire("pointermove", %[2]d); fire("pointerup", %[2]d);
		}`, from, to)))
	}
	drag(900, 930)
	b.until(t, `/^#\/stat\/stat-01\/\d+-\d+$/.test(location.hash) && `+loaded)
	if seconds := evaluate[int](t, b, `(([from, to]) => to - from)(location.hash.split("/")[3].split("-"))`); seconds < 1200 || seconds > 3000 {
		t.Errorf("30 px of a day in 1,350 are %d s", seconds)
	}
	b.do(t, press("ArrowDown"))
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".plot canvas").focus()`), press("ArrowUp"))
	b.do(t, chromedp.Evaluate[chromedp.Void](`void history.back()`))

	// To click is to see the lines, as text.
	pick(0, "5 min")
	b.until(t, `location.hash === "#/stat/stat-01/300"`)
	drag(900, 900)
	b.until(t, `document.querySelectorAll(".lines li").length === 7 && document.querySelector(".lines code").textContent.startsWith("level=error <b>stat</b>=stat-01")`)
	b.until(t, `document.querySelector(".lines h3").textContent.startsWith("7 lines of ")`)
	b.do(t, chromedp.Click(".lines:not(.different) .shut"))
	b.until(t, `document.querySelector(".lines").hidden`)
	pick(0, "24 h")
	b.until(t, `location.hash === "#/stat/stat-01/86400" && `+loaded)
	drag(300, 300)
	b.until(t, `document.querySelector(".lines").textContent.includes("expired")`)

	// What is drawn can be taken away.
	b.do(t, chromedp.Evaluate[chromedp.Void](`{
		window.saved = {};
		URL.createObjectURL = (blob) => { window.last = blob; return "blob:none"; };
		HTMLAnchorElement.prototype.click = function () { if (this.download) window.last.text().then((text) => { window.saved[this.download] = text; }); };
		for (const button of document.querySelectorAll(".take button")) button.click();
	}`))
	b.until(t, `Object.keys(window.saved).length === 3`)
	if csv := evaluate[[]string](t, b, `window.saved["stat-01.csv"].split("\n")`); csv[0] != "time,seconds,min,max,last,uncovered" || len(csv) < 1400 || !strings.HasPrefix(csv[1], "20") || strings.Count(csv[1], ",") != 5 {
		t.Errorf("the CSV has %d lines, and begins %q %q", len(csv), csv[0], csv[1])
	}
	if rows := evaluate[int](t, b, `JSON.parse(window.saved["stat-01.json"]).points.length`); rows < 1400 {
		t.Errorf("the JSON has %d points", rows)
	}
	if png := evaluate[bool](t, b, `window.saved["stat-01.png"].includes("PNG")`); !png {
		t.Error("the PNG is none")
	}

	// Every shape can be large.
	for _, st := range log.definitions.Stats {
		b.do(t, chromedp.Navigate(server.URL()+"/#/stat/"+st.Name+"/86400/604800"))
		b.until(t, fmt.Sprintf(`document.querySelector(".detail h2")?.textContent.startsWith(%q) && location.hash.includes(%q) && `, st.Title, "/"+st.Name+"/")+loaded)
	}
	b.do(t, chromedp.Navigate(server.URL()+"/#/edge"), chromedp.Navigate(server.URL()+"/#/stat/stat-01"))

	b.do(t, press("Escape"))
	b.until(t, `location.hash === "#/edge" && document.querySelectorAll(".panel[data-state=value]").length === 5`)
	b.do(t, chromedp.Navigate(server.URL()+"/#/stat/nothing"))
	b.until(t, `document.querySelector("main").textContent.includes("There is no stat called")`)
	b.quietConsole(t)
}

// tipTime reads the second that a line under the crosshair begins with: a time of
// the day, the one that is nearest, or one with its date.
func tipTime(t *testing.T, line string) int64 {
	t.Helper()
	text, _, _ := strings.Cut(line, "   ")
	now := time.Now()
	if at, err := time.ParseInLocation(time.DateTime, text, now.Location()); err == nil {
		return at.Unix()
	}
	at, err := time.ParseInLocation(time.DateTime, now.Format(time.DateOnly)+" "+text, now.Location())
	if err != nil {
		t.Fatalf("%q begins with no time", line)
	}
	if at.Sub(now) > 12*time.Hour {
		at = at.AddDate(0, 0, -1)
	}
	return at.Unix()
}

// What is not known is shown as not known: the three states of a stat.
func TestStates(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t)
	b := openBrowser(t)
	b.do(t, chromedp.Navigate(server.URL()))
	state := func(name string) string {
		return fmt.Sprintf(`document.querySelectorAll(".panel")[%d]?.dataset.state`, map[string]int{"a": 0, "b": 1}[name])
	}
	figure := func(n int) string {
		return fmt.Sprintf(`document.querySelectorAll(".panel")[%d].querySelector(".figure").textContent`, n)
	}
	gen := server.store.gen
	b.until(t, state("a")+` === "empty"`)

	// a has a true zero, b the value of nothing: both are values.
	now := time.Now().Unix()
	put(server.store, point("a", now-1, "0"), point("b", now-1, "null"))
	server.store.Clocks(topics.Clocks{Version: gen, Seconds: []int64{now, now, now}}, time.Now())
	b.until(t, state("a")+` === "value" && `+figure(0)+` === "0"`)
	b.until(t, state("b")+` === "value" && `+figure(1)+` === "–"`)

	// Partition 1 stops: the seconds that follow are unknown, and why is told.
	eventually(t, "a stat without a point for many seconds is shown as unknown", func() bool {
		at := time.Now().Unix()
		server.store.Clocks(topics.Clocks{Version: gen, Seconds: []int64{at, now, at}}, time.Now())
		return !evaluate[bool](t, b, state("a")+` === "value"`)
	})
	// What is known last is there still, and does not look as if it were of now.
	b.until(t, state("a")+` === "unknown" && `+figure(0)+` === "0"`)
	b.until(t, `/^\d+ s ago$/.test(document.querySelector(".ago").textContent) && document.querySelector(".note").textContent === "partition 1 behind"`)
	b.until(t, `/^unknown since \d\d:\d\d:\d\d: partition 1 is \d+ s behind$/.test(document.querySelector(".panel").title)`)
	b.until(t, `document.querySelector("#status").dataset.state === "behind" && / · partition 1$/.test(document.querySelector("#status-text").textContent)`)

	// It comes back, and so does the value, with a hole in between.
	now = time.Now().Unix()
	put(server.store, point("a", now-1, "7"), point("b", now-1, "8"))
	b.until(t, state("a")+` === "value" && `+figure(0)+` === "7"`)
}

// Where what comes is late the numbers are zeros that look true: the header says so,
// in the color of a warning, and names the hosts or the input and by how much.
func TestLate(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	server := quiet(t)
	const clocks = `{"key":"behind,,drain shop,db-1","value":90},{"key":"ahead,,drain shop,db-2","value":90}`
	// A log that goes on, of whose lines so many are late; told anew it has another revision.
	in, late, next, revision := 50, 49, time.Now().Unix()-12, 0
	feed := func() {
		for ; next < time.Now().Unix(); next++ {
			for _, p := range []stats.Snapshot{
				point("a", next, "0"), point("b", next, "null"),
				point(stats.LinesStat, next, fmt.Sprintf(`{"in":%d,"counted":%d,"late":%d,"unreadable":0,"ahead":0}`, in, in-late, late)),
				point(stats.OffClockStat, next, `{"top":[`+clocks+`],"other":null,"distinct":2}`),
			} {
				put(server.store, revised(p, revision, false))
			}
		}
		server.store.Clocks(topics.Clocks{Version: server.store.gen, Seconds: []int64{next}}, time.Now())
	}
	b := openBrowser(t)
	until := func(condition string) {
		t.Helper()
		testkit.Eventually(t, condition, func() error {
			feed()
			if !evaluate[bool](t, b, condition) {
				return errors.New(evaluate[string](t, b, `document.querySelector("#status-text").textContent`))
			}
			return nil
		})
	}
	feed()
	b.do(t, chromedp.Navigate(server.URL()))
	until(`document.querySelector("#status").dataset.state === "late" && document.querySelector("#status-text").textContent === "49 of 50 lines/s late · db-1 (drain shop) is 90 s behind"
		&& document.querySelector("#status").title.includes("raise lateness")`)
	if !evaluate[bool](t, b, `getComputedStyle(document.querySelector("#status i")).backgroundColor === (() => {
		const probe = document.createElement("i");
		probe.style.color = "var(--warn)";
		document.body.append(probe);
		const color = getComputedStyle(probe).color;
		probe.remove();
		return color;
	})()`) {
		t.Error("the mark of late lines does not have the color of a warning")
	}
	// All of it late: no panel shows the zero as what goes on.
	late, next, revision = 50, time.Now().Unix()-12, 1
	until(`document.querySelector("#status-text").textContent === "all lines of input drain shop are 90 s late" && document.querySelector(".panel").dataset.state === "unknown" && document.querySelector(".panel").innerText.includes("all lines late")`)
	// Clocks that have been off for a minute, of few lines.
	in, late, next, revision = 500, 1, time.Now().Unix()-80, 2
	until(`document.querySelector("#status-text").textContent === "db-1 (drain shop) is 90 s behind · 1 more" && document.querySelector(".panel").dataset.state === "value"
		&& document.querySelector("#status").title.includes("db-2 (drain shop) is 90 s ahead")`)
}

// The page is never quiet about a connection that is gone, and finds back.
func TestReconnect(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	log := newSynthetic(0)
	c := Config{Definitions: log.definitions, Addr: "127.0.0.1:0"}
	run := func() (server *Server, stop func()) {
		server, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		server.fill = log.run(server.store)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- server.Run(ctx) }()
		return server, func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}
	server, stop := run()
	b := openBrowser(t)
	b.do(t, chromedp.Navigate(server.URL()))
	b.until(t, `document.querySelector("#status").dataset.state === "live"`)
	c.Addr = strings.TrimPrefix(server.URL(), "http://localhost") // the same port
	stop()
	b.until(t, `document.querySelector("#status").dataset.state === "lost"`)
	// Those that can be seen: the others are drawn when they are. What was known last
	// stays, and is dated; its trouble is counted, and the tab says that it is not of now.
	const seen = `[...document.querySelectorAll(".panel")].filter((p) => p.getBoundingClientRect().top < innerHeight)`
	b.until(t, seen+`.every((p) => p.dataset.state === "unknown")`)
	if bad := evaluate[string](t, b, seen+`.filter((p) => !/\d/.test(p.querySelector(".figure, .amount").textContent) && !p.innerText.includes("connect time")
		|| !/^\d+ s ago$/.test(p.querySelector(".ago").textContent) || !p.innerText.includes("not connected")).map((p) => p.innerText).join("; ")`); bad != "" {
		t.Errorf("without a connection these have no figure, or do not say of when it is: %s", bad)
	}
	b.until(t, `/^not connected · (▲1 )?(△1 )?.*Routing · Pulse$/.test(document.title)`)
	if !evaluate[bool](t, b, `document.querySelector("#tabs .crit").textContent === "▲1" && decodeURIComponent(document.querySelector("#icon").href).includes("#7a848d")`) {
		t.Errorf("without a connection the trouble is counted no more, or the icon is as ever: %s", evaluate[string](t, b, `document.querySelector("#tabs").innerText`))
	}
	_, stop = run()
	defer stop()
	b.until(t, `document.querySelector("#status").dataset.state === "live"`)
	b.until(t, `document.querySelector(".panel").dataset.state === "value"`)
	b.until(t, `/^▲1 .*Routing · Pulse$/.test(document.title) && decodeURIComponent(document.querySelector("#icon").href).includes("#c4262e")`)
}

// payloads are 500 texts that would run a script, or become an element, where
// one of many ways of putting text into a page, its URL or its scripts is used.
func payloads() (all []string) {
	scripts := []string{
		`<script>window.hit=1</script>`, `<img src=x onerror=window.hit=1>`, `<svg onload=window.hit=1>`, `<svg><script>window.hit=1</script></svg>`,
		`<iframe srcdoc="<script>parent.hit=1</script>">`, `<iframe src="javascript:parent.hit=1">`, `<details open ontoggle=window.hit=1>`,
		`<input autofocus onfocus=window.hit=1>`, `<video><source onerror=window.hit=1></video>`, `<math><mtext><img src=x onerror=window.hit=1></mtext></math>`,
		`<style>@import "javascript:window.hit=1"</style>`, `<link rel=stylesheet href="data:text/css,*{display:none}">`, `<base href="https://evil.example/">`,
		`<meta http-equiv=refresh content="0;url=javascript:window.hit=1">`, `<object data="javascript:window.hit=1">`, `<form action="javascript:window.hit=1"><button autofocus>`,
		`<template><script>window.hit=1</script></template>`, `<noscript><p title="</noscript><img src=x onerror=window.hit=1>">`, `javascript:window.hit=1`,
		`data:text/html,<script>opener.hit=1</script>`, `${window.hit=1}`, `{{constructor.constructor('window.hit=1')()}}`, `__proto__`, `constructor`, `;window.hit=1;`,
	}
	around := []string{
		`%s`, `"%s`, `'%s`, `">%s`, `'>%s`, "`%s`", `</title>%s`, `</script>%s`, `--> %s`, `]]>%s`,
		`<!-- %s`, `\u003c%s`, `&lt;%s&gt;`, "\u2028%s", "\u202e%s", "\ufeff%s", "\x00%s", "%s\n", `"}],"stats":[{"name":"%s`, `#/stat/../%s?x=`,
	}
	for _, script := range scripts {
		for _, a := range around {
			all = append(all, fmt.Sprintf(a, script))
		}
	}
	return all
}

// Whatever a log, a stat or a key is called, it is text: 500 payloads as the
// stats' names, titles, units, helps, fields, conditions and links, as keys, as a
// page's title, in what is searched for, and as lines.
func TestInjection(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	all := payloads()
	if len(all) != 500 {
		t.Fatalf("%d payloads", len(all))
	}
	d := &stats.Definitions{}
	var pages []stats.Page
	for i, p := range all {
		st := &stats.Stat{Name: p, Title: p, Unit: p, Help: p, Link: p, Where: p, Kind: "rate", Window: 10}
		switch i % 3 {
		case 0:
			st.GroupBy, st.Top = []string{p}, 20
		case 1:
			st.Kind, st.Field = "mean", p
		}
		d.Stats = append(d.Stats, st)
		if i%50 == 0 {
			pages = append(pages, stats.Page{Title: p})
		}
		pages[i/50].Rows = append(pages[i/50].Rows, []string{p})
	}
	d.Pages = pages
	server, err := New(Config{Definitions: d, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	server.raw = injected(all)
	server.fill = func(ctx context.Context, ready func()) error {
		second := time.Now().Unix() - 1
		for i, st := range d.Stats {
			v := []byte("1")
			if st.Top > 0 {
				top := []map[string]any{}
				for k := range 20 {
					top = append(top, map[string]any{"key": all[(i+k)%len(all)], "value": 20 - k})
				}
				var err error
				if v, err = json.Marshal(map[string]any{"top": top, "other": 1, "distinct": 40}); err != nil {
					return err
				}
			}
			server.store.Upsert(stats.Snapshot{Stat: st.Name, Time: second, Value: v, Version: server.store.gen}, time.Now())
		}
		ready()
		<-ctx.Done()
		return nil
	}
	start(t, server)
	b := openBrowser(t)
	b.do(t, chromedp.Navigate(server.URL()+"/#/all"))
	b.until(t, fmt.Sprintf(`document.querySelectorAll(".panel").length === %d && document.querySelectorAll(".ranking li").length > 12`, len(d.All())))

	// Each payload large with its lines, searched for, and each page.
	b.do(t, chromedp.Evaluate[chromedp.Void](`void (async () => {
		const frame = () => new Promise((done) => requestAnimationFrame(done));
		const names = [...document.querySelectorAll(".panel h2 > span:first-child")].map((e) => e.textContent);
		window.odd = 0;
		const look = async (hash) => {
			location.hash = hash;
			await frame();
			window.odd += document.querySelectorAll("main :is(img, svg, iframe, script, style, video, math, form:not(.lines > form), object, details, base, meta, link, input:not(.lines > form > input), template), nav :not(a, b)").length;
		};
		for (const name of names) {
			await look("#/stat/" + encodeURIComponent(name) + "/" + encodeURIComponent(name));
			document.querySelector(".plot canvas")?.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
		}
		for (const name of names.filter((_, i) => i % 10 === 0)) await look("#/find/" + encodeURIComponent(name));
		for (const a of document.querySelectorAll("#tabs a")) await look(a.getAttribute("href"));
		await look("#/stat/" + encodeURIComponent(names[0]));
		document.querySelector(".plot canvas").dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
		window.looked = names.length;
	})()`))
	b.until(t, fmt.Sprintf(`window.looked === %d`, len(d.All())))
	b.until(t, `document.querySelectorAll(".lines li").length === 100`)
	if evaluate[bool](t, b, `"hit" in window`) {
		t.Error("a payload ran as a script")
	}
	if n := evaluate[int](t, b, `window.odd`); n > 0 {
		t.Errorf("payloads became %d elements", n)
	}
	if n := evaluate[int](t, b, `[...document.querySelectorAll("main a")].filter((a) => !["http:", "https:"].includes(a.protocol)).length`); n > 0 {
		t.Errorf("%d links are to what is no page", n)
	}
	if got := evaluate[string](t, b, `document.querySelector(".detail h2").textContent`); got != all[0] {
		t.Errorf("a title is shown as %q, want %q as it is", got, all[0])
	}
	if got := evaluate[string](t, b, `document.querySelectorAll(".lines code")[1].textContent`); got != all[1] {
		t.Errorf("a line is shown as %q, want %q as it is", got, all[1])
	}
	// Around a line, as columns, and among all fields of the log.
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".lines .near").click()`))
	b.until(t, `document.querySelectorAll(".around code").length === 41`)
	if got := evaluate[string](t, b, `document.querySelectorAll(".around code")[1].textContent`); got != all[1] {
		t.Errorf("a line around another is shown as %q, want %q as it is", got, all[1])
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](`void document.querySelector(".lines .choice button").click()`))
	b.until(t, `document.querySelectorAll(".lines .columns tbody tr").length === 100`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = "#/fields"`))
	b.until(t, `document.querySelectorAll(".fields tbody tr").length > 50`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll(".fields td:last-child button").forEach((e) => e.click())`))
	if script := evaluate[string](t, b, `[...document.querySelectorAll("main *")].filter((e) => !["ARTICLE", "DIV", "H2", "H3", "BUTTON", "P", "SECTION", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "BDI", "SPAN", "SMALL", "CODE", "PRE"].includes(e.tagName)).map((e) => e.tagName).join()`); script != "" {
		t.Errorf("the page of fields has the elements %s", script)
	}
	for _, said := range b.said() {
		if !strings.Contains(said, "Failed to load resource") || strings.Contains(said, "evil.example") {
			t.Error("console:", said)
		}
	}
}

// injected are the lines of every stat.
type injected []string

func (all injected) Lines(context.Context, lineQuery, func(foundLines)) (found foundLines, err error) {
	for _, p := range all[:usualLines] {
		found.lines = append(found.lines, foundLine{second: time.Now().Unix(), text: p, ingester: "i", from: line.Origin("").With("file", p), fields: map[string]any{p: p, "field": p}})
	}
	return found, nil
}

func (all injected) Around(_ context.Context, at place) (neighborhood, error) {
	n := neighborhood{ingester: "i", found: true}
	for _, p := range all[:41] {
		n.lines = append(n.lines, neighbor{at, p})
	}
	return n, nil
}

func (all injected) Narrowed(context.Context, narrowedQuery, func(readSoFar)) (narrowed, error) {
	return narrowed{}, nil
}

func (all injected) Explain(_ context.Context, q explain.Question, _ func(readSoFar)) (explain.Answer, error) {
	a := explain.Answer{Question: q, Lines: 20, Before: 10, Read: 1, ReadBefore: 1, Tried: len(all), Values: []explain.Value{}, Numbers: []explain.Numbers{}}
	for _, p := range all {
		a.Values = append(a.Values, explain.Value{Field: p, Value: p, Where: p, Lines: 10, Share: 0.5, Part: 1})
	}
	return a, nil
}

func (all injected) Survey(context.Context, int64, int64, func(readSoFar)) (surveyed, error) {
	found := surveyed{Survey: survey.New(survey.NewReader(nil, 0)), whole: true}
	for _, p := range all {
		logged, err := json.Marshal(map[string]any{"field": p, p: "value"})
		if err != nil {
			return found, err
		}
		for _, text := range []string{string(logged), p} {
			if err := found.Add("", []byte(text)); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

// BenchmarkPage measures the time that scripts, and everything, take of a page
// with 200 moving panels, as a share of one core, and how its memory grows;
// -benchtime 60x is ten minutes.
func BenchmarkPage(b *testing.B) {
	server := newSynthetic(182).serve(b, nil)
	c := openBrowser(b)
	c.do(b, look(2560, 1440, "dark"), chromedp.Navigate(server.URL()+"/#/all"))
	c.until(b, `document.querySelectorAll(".panel[data-state=value]").length > 100`)
	metrics := func() map[string]float64 {
		got := map[string]float64{}
		c.do(b, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			all, err := cdp.Call(ctx, t, performance.GetMetrics, cdp.Empty{})
			for _, m := range all.Metrics {
				got[m.Name] = m.Value
			}
			return err
		}))
		return got
	}
	c.do(b, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}) // of CPU time, whatever else runs
		return err
	}))
	// kept is the memory that is still in use when all that is not was collected.
	kept := func() float64 {
		c.do(b, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, heapprofiler.CollectGarbage, cdp.Empty{})
			return err
		}))
		return metrics()["JSHeapUsedSize"] / 1e6
	}
	begun := kept()
	for b.Loop() {
		before, start := metrics(), time.Now()
		time.Sleep(10 * time.Second)
		after, took := metrics(), time.Since(start).Seconds()
		b.ReportMetric(100*(after["ScriptDuration"]-before["ScriptDuration"])/took, "%script")
		b.ReportMetric(100*(after["TaskDuration"]-before["TaskDuration"])/took, "%main-thread")
	}
	b.ReportMetric(kept()-begun, "heap-growth-MB")
}

// TestScreenshots takes pictures of the page, for looking at it, into the folder
// that PULSE_SCREENSHOTS names.
func TestScreenshots(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	dir := os.Getenv("PULSE_SCREENSHOTS")
	if dir == "" {
		t.Skip("PULSE_SCREENSHOTS names no folder to put pictures into")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server := newSynthetic(178).serve(t, nil)
	now := time.Now().Unix()
	one := newSynthetic(0)
	one.silent = func(stat string, second, _ int64) bool {
		return stat == "stat-03" && second > now-40 || stat == "stat-11" && second > now-170 && second < now-120
	}
	waiting := newSynthetic(0)
	waiting.silent = func(_ string, second, _ int64) bool { return second > now-25 }
	waiting.clock = func(p int, second int64) int64 {
		if p == 3 {
			return min(second, now-25) + 1
		}
		return second + 1
	}
	stale := newSynthetic(0)
	stale.silent = func(_ string, second, _ int64) bool { return second > now-120 }
	stale.clock = func(_ int, second int64) int64 { return min(second, now-120) + 1 }
	// A gap of 16 s half a minute ago: the windows that reach into it are not covered whole.
	unsure := newSynthetic(0)
	unsure.doubt = func(st *stats.Stat, p *stats.Snapshot) {
		missing := min(p.Time, now-30) - max(p.Time-st.Window, now-46)
		if missing > 0 && st.Window > missing {
			p.Covered, p.Of = st.Window-missing, st.Window
		}
		if st.Kind == "unique" || st.Top > 0 {
			p.Approx = 0.0065
		}
	}
	late := newSynthetic(178)
	late.lag, late.ingesters = 10, []string{"web-1-4f2a"}
	servers := map[string]*Server{"late": late.serve(t, nil), "one": one.serve(t, nil), "waiting": waiting.serve(t, nil), "stale": stale.serve(t, nil), "unsure": unsure.serve(t, nil)}
	setNotes(servers["unsure"].store, map[string][]string{
		"stat-03": {"no line has had `statsu`; did you mean `status`?"},
		"stat-06": {"2,000 values of `service` were text"},
		"stat-16": {"312 keys are beyond the room for keys: 4 % of lines"},
	})
	b := openBrowser(t)
	for _, c := range []struct {
		name, path    string
		dark          bool
		width, height int64
		script        string
	}{
		{"laptop-light", "/#/routing", false, 1440, 900, ""},
		{"laptop-dark", "/#/routing", true, 1440, 900, ""},
		{"laptop-five", "/#/edge", false, 1440, 900, ""},
		{"laptop-all", "/#/all", false, 1440, 900, ""},
		{"wall-dark", "/?kiosk#/routing", true, 2560, 1440, ""},
		{"wall-five", "/?kiosk#/edge", true, 2560, 1440, ""},
		{"wall-all", "/#/all", true, 2560, 1440, ""},
		{"one-light", "/", false, 1440, 900, ""},
		{"waiting-dark", "/", true, 1440, 900, ""},
		{"late-light", "/", false, 1280, 800, ""},
		{"late-five", "/#/edge", true, 1280, 800, ""},
		{"late-all", "/#/all", false, 1280, 800, ""},
		{"late-wall", "/?kiosk#/routing", true, 2560, 1440, ""},
		{"late-wall-all", "/?kiosk#/all", true, 2560, 1440, ""},
		{"late-phone", "/#/routing", false, 390, 844, ""},
		{"late-detail", "/#/stat/stat-06", false, 1280, 800, ""},
		{"stale-light", "/", false, 1440, 900, ""},
		{"unsure-light", "/", false, 1440, 900, ""},
		{"unsure-dark", "/", true, 1440, 900, ""},
		{"unsure-wall", "/?kiosk", true, 2560, 1440, ""},
		{"unsure-phone", "/", false, 390, 844, ""},
		{"unsure-detail", "/#/stat/stat-03", false, 1440, 900, ""},
		{"detail-light", "/#/stat/stat-03", false, 1440, 900, ""},
		{"detail-dark", "/#/stat/stat-06/3600", true, 1440, 900, ""},
		{"detail-week", "/#/stat/stat-00/604800/86400", false, 1440, 900, ""},
		{"detail-heat", "/#/stat/stat-17/86400", true, 1440, 900, ""},
		{"detail-keys", "/#/stat/stat-16/3600", false, 1440, 900, ""},
		{"detail-lines", "/#/stat/stat-01/300", false, 1440, 900, `{
			const canvas = document.querySelector(".plot canvas");
			canvas.focus();
			canvas.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
		}`},
		{"detail-explain", fmt.Sprintf("/#/stat/stat-01/300?different=%d-%d&of=status+%%3E%%3D+500", now-60, now-1), false, 1440, 1300, ""},
		{"detail-explain-dark", fmt.Sprintf("/#/stat/stat-01/300?different=%d-%d&against=%d", now-60, now-1, now-3660), true, 1440, 1300, ""},
		{"detail-explain-phone", fmt.Sprintf("/#/stat/stat-01/300?different=%d-%d", now-60, now-1), true, 390, 1700, ""},
		{"log-lines", fmt.Sprintf("/#/stat/stat-01/300?lines=%d-%d", now-80, now-10), false, 1440, 1500, `document.querySelector(".lines .near").click()`},
		{"log-columns", fmt.Sprintf("/#/stat/stat-01/300?lines=%d-%d", now-80, now-10), true, 1440, 1300, `document.querySelector(".lines .choice button").click()`},
		{"log-fields", "/#/fields", false, 1440, 1100, `document.querySelectorAll(".fields td:last-child button")[2].click()`},
		{"log-chips", "/?#/routing?only=domain%3Dshop.example.com", false, 1440, 900, `document.querySelector(".offer").click()`},
		{"log-chips-dark", "/#/routing?only=domain%3Dshop.example.com", true, 1440, 900, `document.querySelectorAll(".offer")[2].click()`},
		{"log-fields-dark", "/#/fields", true, 1440, 1100, ""},
		{"log-fields-phone", "/#/fields", false, 390, 1400, ""},
		{"find-light", "/#/find/l", false, 1440, 900, ""},
		{"phone-detail", "/#/stat/stat-03", true, 390, 844, ""},
		{"help-light", "/#/edge", false, 1440, 900, `document.getElementById("help").showModal()`},
		{"phone-light", "/#/routing", false, 390, 844, ""},
		{"phone-dark", "/#/edge", true, 390, 844, ""},
	} {
		if only := os.Getenv("PULSE_SCREENSHOT"); !strings.HasPrefix(c.name, only) {
			continue
		}
		from := server
		if kind, _, _ := strings.Cut(c.name, "-"); servers[kind] != nil {
			from = servers[kind]
		}
		scheme := "light"
		if c.dark {
			scheme = "dark"
		}
		b.do(t, look(c.width, c.height, scheme), chromedp.Navigate("about:blank"), chromedp.Navigate(from.URL()+c.path))
		b.until(t, `[...document.querySelectorAll(".panel, .detail")].filter((p) => p.dataset.state).length > 4 || document.querySelector(".detail[data-state][data-loaded], .fields tbody")`)
		b.settle(t)
		if c.script != "" {
			evaluate[any](t, b, c.script)
			b.settle(t)
		}
		png, err := chromedp.Run(b, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, c.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.quietConsole(t)
}
