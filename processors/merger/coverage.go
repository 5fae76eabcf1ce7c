package merger

import (
	"cmp"
	"math"
	"slices"

	"pulse/stats/timing"
)

// coverage knows which seconds are covered: those from the stream's first on, but
// for stale ones. Whether a second is covered is known when it closes, and changes later
// only as an earlier first line of a recording comes in time.
type coverage struct {
	first int64             // MaxInt64: not known yet
	stale []timing.Interval // ascending, apart from each other; maxIntervals at most
}

// add adds a stale interval.
func (c *coverage) add(from, to int64) {
	i, _ := slices.BinarySearchFunc(c.stale, from, func(g timing.Interval, from int64) int { return cmp.Compare(g.To, from) })
	n := i
	for ; n < len(c.stale) && c.stale[n].From <= to; n++ {
		from, to = min(from, c.stale[n].From), max(to, c.stale[n].To)
	}
	c.stale = slices.Replace(c.stale, i, n, timing.Interval{From: from, To: to})
	if last := len(c.stale) - 1; last >= maxIntervals {
		c.stale[last-1].To = c.stale[last].To
		c.stale = c.stale[:last]
	}
}

// of returns how many of the last seconds, so many, through a second are
// covered.
func (c *coverage) of(second, seconds int64) int64 {
	from, to := max(second+1-seconds, c.first), second+1
	covered := max(to-from, 0)
	for _, g := range slices.Backward(c.stale) {
		if g.To <= from {
			break
		}
		covered -= max(min(g.To, to)-max(g.From, from), 0)
	}
	return covered
}

// isStale reports whether a second is in a stale interval.
func (c *coverage) isStale(second int64) bool {
	return slices.ContainsFunc(c.stale, func(g timing.Interval) bool { return g.Contains(second) })
}

// forget forgets the stale intervals before a second.
func (c *coverage) forget(second int64) {
	n, _ := slices.BinarySearchFunc(c.stale, second, func(g timing.Interval, second int64) int { return cmp.Compare(g.To, second+1) })
	c.stale = slices.Delete(c.stale, 0, n)
}

// nextStale is where the next stale interval after a second begins; MaxInt64: none is known.
func (c *coverage) nextStale(second int64) int64 {
	for _, g := range c.stale {
		if g.From > second {
			return g.From
		}
	}
	return math.MaxInt64
}
