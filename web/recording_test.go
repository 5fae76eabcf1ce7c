package web

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

// TestRecording: messages say how much of the recording that this process reads has been sent,
// until something comes after it.
func TestRecording(t *testing.T) {
	var known Recording
	s := idle(t, func(c *Config) { c.Recording = func() Recording { return known } })
	has := func(want string) {
		t.Helper()
		if got := string(s.hub.appendHead(nil, "points")); !strings.Contains(got, want) || want == "" && strings.Contains(got, "recording") {
			t.Errorf("a message begins %s, want %q in it", got, want)
		}
	}
	has("")
	known = Recording{From: 1000, To: 1200, Read: 0.25}
	has(`,"recording":{"from":1000,"to":1200,"read":0.250}`)
	known.Read, known.Ended = 0, true
	put := func(second int64) {
		s.store.Upsert(stats.Snapshot{Stat: s.store.stats[0].Name, Time: second, Value: []byte("1"), Version: s.store.gen}, time.Unix(second, 0))
	}
	put(1200)
	has(`,"recording":{"from":1000,"to":1200,"ended":true}`)
	put(1200 + s.store.definitions.Lateness + 2)
	has("")
}

// TestPageOfRecordingThatFills: while one half of the stats of a recording is two hours behind the
// other, each panel says up to when it is known, and its chart ends there. It has ended when all
// have come to its end.
func TestPageOfRecordingThatFills(t *testing.T) {
	testkit.Long(t)
	const from, behind, to = 1_700_000_000, 1_700_002_000, 1_700_010_000
	log := newSynthetic(0)
	s := log.idle(t, func(c *Config) {
		c.Recording = func() Recording { return Recording{From: from, To: to, Read: 1, Ended: true} }
	})
	var whole atomic.Bool
	s.fill = func(ctx context.Context, ready func()) error {
		feed := func(last int64, odd bool) {
			for i, st := range s.store.stats {
				for second := last - Window; i%2 == 1 == odd && second <= last; second++ {
					value := json.RawMessage("null")
					if curve := log.curves[st.Name]; curve != nil {
						value = json.RawMessage(curve(second))
					}
					s.store.Upsert(stats.Snapshot{Stat: st.Name, Time: second, Value: value, Final: true, Version: s.store.gen}, time.Now())
				}
			}
		}
		feed(to, false)
		feed(behind, true)
		ready()
		for ctx.Err() == nil {
			if whole.Load() {
				feed(to, true)
			}
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	}
	onPort(t, s)
	b := openBrowser(t)
	b.do(t, look(1280, 4000, "light"), chromedp.Navigate(s.URL()+"/#/all"))
	b.until(t, `document.querySelector("#status-text").textContent.startsWith("catching up · recording of ")`)
	b.until(t, `document.querySelectorAll(".panel[data-state]").length > 20`)
	const told = `new Set([...document.querySelectorAll(".panel")].map((p) => [p.dataset.state, p.querySelector(".held .ago").textContent].join(" ")))`
	b.until(t, `[...`+told+`].sort().join(", ") === "unknown 01:00:00, unknown 22:46:40"`) // UTC
	if got := evaluate[float64](t, b, `document.querySelector("#recording progress").value`); got != 0.2 {
		t.Errorf("the bar says %v, want 0.2", got)
	}
	if got := evaluate[bool](t, b, `document.querySelector("#recording progress").hidden`); got {
		t.Error("there is no bar")
	}
	whole.Store(true)
	b.until(t, `document.querySelector("#status-text").textContent === "recording ended" && document.querySelector("#recording progress").hidden`)
	b.until(t, `[...`+told+`].join() === "value "`)
	if got := evaluate[string](t, b, `document.querySelector("#recording a").textContent`); !strings.HasPrefix(got, "all of it as one chart: ") {
		t.Errorf("the link says %q", got)
	}
	const top = `parseFloat(getComputedStyle(document.querySelector("#page")).getPropertyValue("--row"))`
	before := evaluate[float64](t, b, top)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(s.URL()+"/#/edge"))
	b.until(t, top+` !== `+fmt.Sprint(before)+` && !document.querySelector("#recording").hidden`)
	before = evaluate[float64](t, b, top)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#recording button").click()`))
	b.until(t, `document.querySelector("#recording").hidden && `+top+` > `+fmt.Sprint(before)) // the panels have its room
	b.quietConsole(t)
}
