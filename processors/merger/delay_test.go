package merger

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulse/stats/timing"
)

// TestDelay: each second that closes is measured from its beginning, but for seconds that no
// clock covered, and those of minutes ago or ahead.
func TestDelay(t *testing.T) {
	l := newLog(t, "lateness: 2s\nstats:\n  - {name: events, rate: second, over: 1s}\n")
	registry := prometheus.NewRegistry()
	registry.MustRegister(l.m.Metrics().Delay)
	measured := func(count uint64, sum float64) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		h := families[0].Metric[0].Histogram
		if h.GetSampleCount() != count || h.GetSampleSum() != sum {
			t.Errorf("%d seconds are measured, %g s in all, want %d and %g", h.GetSampleCount(), h.GetSampleSum(), count, sum)
		}
	}
	now := time.Unix(1001, 250e6)
	l.work.now = func() time.Time { return now }
	first := cover(0, -1, 0, -1, 1000)
	first.First, first.Stale = 1000, []timing.Interval{{From: 0, To: 1000}}
	l.send(segmentOf{cover: first})
	measured(0, 0) // nobody's clock was there before
	l.send(segmentOf{cover: cover(0, 0, 1, 1000, 1001), lines: at(1000), floor: 1000})
	measured(1, 1.25)
	now = time.Unix(1004, 0)
	l.send(segmentOf{cover: cover(0, 1, 2, 1001, 1003)}) // 1001 and 1002
	measured(3, 1.25+3+2)
	gap := cover(0, 2, 3, 1003, 1010)
	gap.Stale = []timing.Interval{{From: 1003, To: 1009}}
	now = time.Unix(1010, 0)
	l.send(segmentOf{cover: gap})
	measured(4, 6.25+1)
	now = time.Unix(1310, 0)
	l.send(segmentOf{cover: cover(0, 3, 4, 1010, 1012)}) // 1010 is 300 s ago, 1011 is 299
	measured(6, 7.25+300+299)
	l.send(segmentOf{cover: cover(0, 4, 5, 1012, 1013)})
	now = time.Unix(5000, 0)
	l.send(segmentOf{cover: cover(0, 5, 6, 1013, 1014)})
	now = time.Unix(1000, 0)
	l.send(segmentOf{cover: cover(0, 6, 7, 1014, 1015)}) // ahead
	measured(7, 606.25+298)
}
