package receiver

import (
	"sync"
	"time"

	"pulse/processors"
	"pulse/stats"
)

// When late lines are told of: a share of those of a while. A few stragglers are
// what lateness is for.
const (
	lateOver  = 10 * time.Second
	lateShare = 0.05
)

// A lateWatch warns, once a minute at most, while many of the lines of all
// partitions are late: the numbers of such a stream are zeros that look true.
// By the wall clock, which decides here what is logged and nothing else.
type lateWatch struct {
	mu          sync.Mutex
	complaint   processors.Complaint
	now         func() time.Time
	since       time.Time // when the counting of the next two began
	lines, late uint64
}

// add enters the lines of a range.
func (w *lateWatch) add(c stats.LineCounts) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines += c.Lines
	w.late += c.Late
	now := w.now()
	if w.since.IsZero() {
		w.since = now
	}
	if now.Sub(w.since) < lateOver {
		return
	}
	if float64(w.late) > lateShare*float64(w.lines) {
		w.complaint.Say("lines are late and in no stat: raise `lateness:` in the definitions, or check the sender's clock and what delays its lines",
			"late", w.late, "lines", w.lines)
	}
	w.since, w.lines, w.late = now, 0, 0
}
