package oracle

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/fixed"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/stats/value"
	"pulse/stats/window"
)

// A Whole has each stat once, over all lines of a log. Which lines count is as an
// Evaluator has it, and it is fed alike; a value is that of a window of all seconds
// from the first counted line to the last, less those without a clock. So a rate is
// the mean rate, and a quantile is the nearest rank of all numbers, exact to four
// digits. A delta adds up what it grew in each second, so that a number's predecessor
// is not older than its expire.
//
// What it holds is bounded, however long the log is: of each stat the partial of a
// second, with as many keys as there is room for, and in quantiles by key two million
// different numbers (see aggregate.Limiter). It is for one goroutine.
type Whole struct {
	lateness    int64
	program     *program.Program
	folder      *program.Folder
	stats       []wholeStat
	lines       *window.Series // of all counted lines, for their seconds
	first, last int64          // at which lines count; -1 if there are none
	stale       []timing.Interval
}

// A wholeStat is a stat with its state.
type wholeStat struct {
	*stats.Stat
	total    *window.Total      // nil: it has one of the others, or is anyLine
	growth   *growth            // nil: it is not a delta
	combined aggregate.Combined // nil: it is not a single number of the values of others
}

// An Estimate says how far a value is one.
type Estimate struct {
	Approx float64          // its standard error, as a share of the value
	Beyond aggregate.Beyond // what there was no room for; of a delta in the worst second
}

// A growth is of a delta. What it grew in the seconds of the log adds up; but which
// number was before matters, so that the seconds are passed one by one.
type growth struct {
	series *window.Series
	next   int64 // the first second that was not passed
	sum    fixed.Number
	most   Estimate // the greatest of any second
	some   bool     // a second had a value
}

// NewWhole fails if program.Compile does.
func NewWhole(d *stats.Definitions) (*Whole, error) {
	d = withAnyLine(d)
	p, err := program.Compile(d)
	if err != nil {
		return nil, err
	}
	w := &Whole{lateness: d.Lateness, program: p, folder: p.NewFolder(), first: -1, last: -1}
	for i, s := range d.All() {
		one := wholeStat{Stat: s}
		switch {
		case s.Name == anyLine:
			w.lines = window.NewSeries(p.Kind(i), s)
		case s.OfStats() && s.Expire > 0: // of deltas: its value is made of theirs
			one.combined = p.Kind(i).(aggregate.Combined)
		case s.Expire > 0: // a delta
			one.growth = &growth{series: window.NewSeries(p.Kind(i), &stats.Stat{Window: 1, Expire: s.Expire})}
		default:
			one.total = window.NewTotal(p.Kind(i))
		}
		w.stats = append(w.stats, one)
	}
	return w, nil
}

// Pack folds the lines of a pack.
func (w *Whole) Pack(p program.Pack) { w.folder.Fold(p) }

// Undecodable accounts for a record that is not a pack; see Folder.Undecodable.
func (w *Whole) Undecodable(value []byte, second int64) { w.folder.Undecodable(value, second) }

// Counts gives the account of all lines so far.
func (w *Whole) Counts() aggregate.LineCounts { return w.folder.Counts() }

// Notices gives what was noticed of all lines so far.
func (w *Whole) Notices() stats.Notices {
	n := w.folder.Notices()
	n.Beyond = map[string]aggregate.Beyond{}
	w.Each(func(s *stats.Stat, _ value.Value, e Estimate) { n.Beyond[s.Name] = e.Beyond })
	return n
}

// Begin says that a source partition is covered from a second on, and not before.
func (w *Whole) Begin(second int64) { w.Stale(0, second) }

// Stale says that the seconds [from, to) had no clock.
func (w *Whole) Stale(from, to int64) { w.stale = append(w.stale, timing.Interval{From: from, To: to}) }

// Advance says that the watermark, of several partitions the least, is now at a
// second.
func (w *Whole) Advance(watermark int64) {
	w.flush()
	w.pass(watermark - w.lateness)
}

// Close says that the log has ended. The last second is for Evaluator.Close alone.
func (w *Whole) Close(int64) {
	w.flush()
	w.pass(math.MaxInt64)
}

// flush joins what was folded.
func (w *Whole) flush() { w.folder.Flush(w.joinFragment) }

func (w *Whole) compiled() *program.Program { return w.program }

// joinFragment joins what was folded of a stat.
func (w *Whole) joinFragment(stat int, fragment []byte) {
	if err := w.join(stat, fragment); err != nil {
		panic(fmt.Sprintf("oracle: a fragment that was just made does not join: %v", err))
	}
}

func (w *Whole) join(stat int, fragment []byte) error {
	switch s := w.stats[stat]; {
	case s.total != nil:
		return s.total.Join(fragment, 0, math.MaxInt64)
	case s.growth != nil:
		return s.growth.series.Join(fragment, nil)
	case s.Name == anyLine:
		return w.lines.Join(fragment, func(second int64) {
			if w.first < 0 || second < w.first {
				w.first = second
			}
			w.last = max(w.last, second)
		})
	}
	return nil
}

// pass passes the seconds before end: no line is of them any more.
func (w *Whole) pass(end int64) {
	w.lines.Forget(end - 1)
	for _, s := range w.stats {
		g := s.growth
		if g == nil {
			continue
		}
		for _, second := range g.series.Between(g.next, end) {
			if n, ok := fixed.Parse(g.series.Value(second, 1)); ok { // null is not a number
				g.sum, g.some = g.sum.Add(n), true
				g.most.Approx = max(g.most.Approx, g.series.Approx())
				if b := g.series.Beyond(); b.Share > g.most.Beyond.Share {
					g.most.Beyond = b
				}
			}
		}
		g.next = max(g.next, end)
		g.series.Forget(end - 1)
	}
}

// Span returns the seconds from the first counted line to the last, and how many of
// them had a clock; -1, -1 and 0 if no line counts.
func (w *Whole) Span() (from, to, seconds int64) {
	if w.first < 0 {
		return -1, -1, 0
	}
	seconds = w.last + 1 - w.first
	slices.SortFunc(w.stale, func(a, b timing.Interval) int { return cmp.Compare(a.From, b.From) })
	next := w.first
	for _, g := range w.stale {
		if from, to := max(g.From, next), min(g.To, w.last+1); from < to {
			seconds -= to - from
			next = to
		}
	}
	return w.first, w.last, seconds
}

// Each calls f with each stat, in the order of Definitions.All, and its value.
func (w *Whole) Each(f func(s *stats.Stat, v value.Value, e Estimate)) {
	_, _, seconds := w.Span()
	values := make(map[string]value.Value, len(w.stats))
	estimates := make(map[string]Estimate)
	for _, s := range w.stats {
		switch {
		case s.total != nil:
			values[s.Name] = s.total.Value(max(seconds, 1))
			estimates[s.Name] = Estimate{s.total.Approx(), s.total.Beyond()}
		case s.growth != nil && s.growth.some:
			values[s.Name] = value.Number(s.growth.sum.String())
			estimates[s.Name] = s.growth.most
		}
	}
	for _, s := range w.stats {
		if s.combined != nil {
			var of []value.Value
			var errors []float64
			for _, name := range s.Of {
				of, errors = append(of, values[name]), append(errors, estimates[name].Approx)
			}
			v, approx := s.combined.Combine(of, errors)
			values[s.Name], estimates[s.Name] = v, Estimate{Approx: approx}
		}
		if s.Name != anyLine {
			f(s.Stat, values[s.Name], estimates[s.Name])
		}
	}
}
