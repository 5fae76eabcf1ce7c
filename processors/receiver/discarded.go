package receiver

import (
	"log/slog"
	"sync"
	"time"

	"pulse/stats/aggregate"
	"pulse/stats/timing"
	"pulse/topics/throttle"
)

// A discardWatch warns, once a minute at most, of lines that are in no stat:
// while many of the lines of all partitions are late, since the numbers of such
// a stream are zeros that look true, and of each that cannot be read. By the
// wall clock, which decides here what is logged and nothing else.
type discardWatch struct {
	notices *throttle.Logger
	now     func() time.Time

	mu    sync.Mutex
	since time.Time // when the counting of sum began
	sum   aggregate.LineCounts
}

func newDiscardWatch(log *slog.Logger, now func() time.Time) *discardWatch {
	return &discardWatch{notices: &throttle.Logger{Log: log, Now: now}, now: now}
}

// add enters the lines of a segment.
func (w *discardWatch) add(c aggregate.LineCounts) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Unreadable > 0 {
		w.notices.Warn("lines are not counted in any stat because they are longer than 64 KiB or in a record that is not a pack: have the sender split them",
			"unreadable", c.Unreadable)
	}
	w.sum = w.sum.Add(c)
	now := w.now()
	if w.since.IsZero() {
		w.since = now
	}
	if now.Sub(w.since) < timing.LateOver*time.Second {
		return
	}
	if float64(w.sum.Late) > timing.LateShare*float64(w.sum.Lines) {
		w.notices.Warn("lines are too late to count in any stat: raise `lateness:` in the definitions, or check the sender's clock and what delays its lines",
			"late", w.sum.Late, "lines", w.sum.Lines)
	}
	w.since, w.sum = now, aggregate.LineCounts{}
}
