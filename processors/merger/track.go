package merger

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/timing"
	"pulse/stats/window"
)

// A track is the state of one stat: its series, and the points that have been
// published and are not final yet.
type track struct {
	name   string
	number int // among the partition's
	stat   *stats.Stat
	series *window.Series
	minute *window.Total // what the partition's open minute has come to; nil: the kind has no digests

	open     []point // seconds that are closed and not final, ascending; stale ones are not among them
	from, to int64   // the seconds touched since the last publishing are in [from, to]; from > to: none

	// content has, of the internal stat, the seconds with lines that are not
	// final. Such a second is not stale, whoever covers it: that lines came
	// in is known, and every line is accounted for.
	own     bool
	content []int64

	due []stats.Snapshot // what is to be emitted: see outbox.go
}

// A point is the value of one second.
type point struct {
	second   int64
	revision int
	value    json.RawMessage
	approx   float64 // its standard error, as a share of it
	beyond   aggregate.Beyond
	covered  int64 // of the window's seconds
	stale    bool  // it was, and what it was before does not count
	withheld bool  // it is before the stream's first second, and was not published
}

var null = json.RawMessage("null")

// touch notes that a fragment changed a second.
func (t *track) touch(second int64) {
	if t.from > t.to {
		t.from, t.to = second, second
	}
	t.from, t.to = min(t.from, second), max(t.to, second)
	if !t.own {
		return
	}
	if i, found := slices.BinarySearch(t.content, second); !found {
		t.content = slices.Insert(t.content, i, second)
	}
}

// uncovered is seconds that have no value. If records were lost, then the windows
// that contain such a second have none either.
type uncovered struct {
	timing.Interval
	lost   bool
	offset int64 // of the cover that said so
}

// end is the second after the last that has no value.
func (u uncovered) end(over int64) int64 {
	if u.lost {
		return u.To + over - 1
	}
	return u.To
}

// staleUntil returns the end of the interval without values that a second is in,
// or the second itself if it has a value.
func (t *track) staleUntil(second int64, intervals []uncovered) int64 {
	end := second
	for again := true; again; {
		again = false
		for _, s := range intervals {
			if s.From <= end && end < s.end(t.whole()) && !(t.own && !s.lost && t.hasLines(end)) {
				end, again = t.cut(end, s), true
			}
		}
	}
	return end
}

// whole is how many seconds have to be there for a value. Of a long window those that are
// lost are not covered.
func (t *track) whole() int64 {
	if t.stat.Long() {
		return 1
	}
	return t.stat.Lookback()
}

// cut returns how far an interval goes from second on: the internal stat has values
// where lines are.
func (t *track) cut(second int64, s uncovered) int64 {
	end := s.end(t.whole())
	if !t.own || s.lost {
		return end
	}
	if i, _ := slices.BinarySearch(t.content, second); i < len(t.content) {
		end = min(end, t.content[i])
	}
	return end
}

// nextContent is the next second after one that has lines, of the internal stat;
// MaxInt64 of others.
func (t *track) nextContent(second int64) int64 {
	if i, _ := slices.BinarySearch(t.content, second+1); i < len(t.content) {
		return t.content[i]
	}
	return math.MaxInt64
}

func (t *track) hasLines(second int64) bool {
	_, found := slices.BinarySearch(t.content, second)
	return found
}

// A closing is what tracks have to publish.
type closing struct {
	next, least int64 // the seconds [next, least) close
	final       int64 // all before it are final
	end         int64 // no second from it on is published
	intervals   []uncovered
	coverage    *coverage
}

// publish calls emit with what is new: amendments of open points, then the
// seconds that close, and of all of them those that are final once more, as final; a
// point appears once. The caller drops nothing before that. Each is emitted as it is
// made: where a clock leaps, a long window has a value for each of its seconds.
func (t *track) publish(c closing, emit func(stats.Snapshot)) {
	kept := t.open[:0]
	for _, p := range t.open {
		amended := t.amend(&p, c)
		if amended || p.second < c.final && !p.withheld {
			emit(t.snapshot(p, c))
		}
		if p.second >= c.final {
			kept = append(kept, p)
		}
	}
	clear(t.open[len(kept):])
	t.open = kept
	for second := c.next; second < min(c.least, c.end); {
		if first := c.coverage.first; second < first && !(t.own && t.hasLines(second)) {
			// There is none, unless an earlier line comes in time.
			if second < c.final {
				second = min(first, c.final, t.nextContent(second))
				continue
			}
			t.open = append(t.open, point{second: second, withheld: true})
			second++
			continue
		}
		if end := min(t.staleUntil(second, c.intervals), c.least); end > second {
			// Nothing can change it: a second that is not covered stays so.
			emit(stats.Snapshot{Stat: t.name, Time: end - 1, Value: null, Final: true, StaleSince: second})
			second = end
			continue
		}
		p := t.point(second, c)
		s := t.snapshot(p, c)
		end := t.runUntil(p, c)
		if end > second+1 {
			s.Since, s.Time = second, end-1
		}
		emit(s)
		if second >= c.final {
			t.open = append(t.open, p)
		}
		second = end
	}
	t.from, t.to = math.MaxInt64, -1
	n, _ := slices.BinarySearch(t.content, c.final)
	t.content = slices.Delete(t.content, 0, n)
}

// covered is how many seconds are covered of the window of a second.
func (t *track) covered(second int64, c closing) int64 {
	return c.coverage.of(t.stat.End(second), t.stat.Window)
}

// point makes a point.
func (t *track) point(second int64, c closing) point {
	covered := t.covered(second, c)
	value := t.series.Value(second, max(covered, 1))
	return point{second: second, value: value, approx: t.series.Approx(), beyond: t.series.Beyond(), covered: covered}
}

// runUntil returns the end of the run of final seconds that begins with a point and
// have its value, where many seconds close at once; else the next second. Seconds whose
// windows are not covered whole, and are not the same, are published one by one.
func (t *track) runUntil(p point, c closing) int64 {
	if c.least-c.next <= timing.Quiet {
		return p.second + 1
	}
	until := t.stat.Next(p.second) // as many seconds of its window are covered
	if p.covered == t.stat.Window {
		until = t.series.Until(p.second)
	}
	end := min(c.final, c.end, until, c.coverage.nextStale(p.second))
	for _, s := range c.intervals {
		if s.From > p.second {
			end = min(end, s.From)
		}
	}
	return max(end, p.second+1)
}

// amend brings an open point up to date and reports whether it has changed. A
// revision is a change of the value, so that revisions follow from the log: the
// value of the one before was made from the same log, by this process or by one
// that began at the same checkpoint.
func (t *track) amend(p *point, c closing) bool {
	switch {
	case p.stale || p.withheld && p.second < c.coverage.first:
		return false
	case t.staleUntil(p.second, c.intervals) > p.second:
		if !p.withheld {
			p.revision++
		}
		p.value, p.approx, p.beyond, p.covered, p.stale, p.withheld = null, 0, aggregate.Beyond{}, t.stat.Window, true, false
		return true
	case p.withheld:
		*p = t.point(p.second, c)
		return true
	case (p.second < t.from || p.second > t.to+t.stat.Lookback()-1) && p.covered == t.covered(p.second, c):
		return false
	}
	now := t.point(p.second, c)
	if now.covered == p.covered && now.approx == p.approx && now.beyond == p.beyond && bytes.Equal(now.value, p.value) {
		return false
	}
	now.revision = p.revision + 1
	*p = now
	return true
}

func (t *track) snapshot(p point, c closing) stats.Snapshot {
	s := stats.Snapshot{Stat: t.name, Time: p.second, Value: p.value, Approx: p.approx, Beyond: p.beyond, Revision: p.revision, Final: p.second < c.final}
	if p.covered < t.stat.Window {
		s.Covered, s.Of = p.covered, t.stat.Window
	}
	if p.stale {
		s.StaleSince = p.second
	}
	return s
}
