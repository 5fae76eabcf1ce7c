package merger

import (
	"cmp"
	"math"
	"slices"

	"pulse/stats/timing"
)

// coverage knows which seconds are covered: those from the stream's first on, but
// for gaps. Whether a second is covered is known when it closes, and changes later
// only as an earlier first line of a recording comes in time.
type coverage struct {
	first int64             // MaxInt64: not known yet
	gaps  []timing.Interval // ascending, apart from each other
}

// add adds a gap.
func (c *coverage) add(from, to int64) {
	i, _ := slices.BinarySearchFunc(c.gaps, from, func(g timing.Interval, from int64) int { return cmp.Compare(g.To, from) })
	n := i
	for ; n < len(c.gaps) && c.gaps[n].From <= to; n++ {
		from, to = min(from, c.gaps[n].From), max(to, c.gaps[n].To)
	}
	c.gaps = slices.Replace(c.gaps, i, n, timing.Interval{From: from, To: to})
}

// of returns how many of the last seconds, so many, up to and with a second are
// covered.
func (c *coverage) of(second, seconds int64) int64 {
	from, to := max(second+1-seconds, c.first), second+1
	covered := max(to-from, 0)
	for _, g := range slices.Backward(c.gaps) {
		if g.To <= from {
			break
		}
		covered -= max(min(g.To, to)-max(g.From, from), 0)
	}
	return covered
}

// inGap reports whether a second is in a gap.
func (c *coverage) inGap(second int64) bool {
	return slices.ContainsFunc(c.gaps, func(g timing.Interval) bool { return g.Contains(second) })
}

// forget forgets the gaps before a second.
func (c *coverage) forget(second int64) {
	n, _ := slices.BinarySearchFunc(c.gaps, second, func(g timing.Interval, second int64) int { return cmp.Compare(g.To, second+1) })
	c.gaps = slices.Delete(c.gaps, 0, n)
}

// nextGap is where the next gap after a second begins; MaxInt64: none is known.
func (c *coverage) nextGap(second int64) int64 {
	for _, g := range c.gaps {
		if g.From > second {
			return g.From
		}
	}
	return math.MaxInt64
}
