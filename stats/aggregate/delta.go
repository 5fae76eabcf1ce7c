package aggregate

import (
	"pulse/stats/fixed"
	"pulse/stats/value"
)

var deltaKind = Description{
	Name:    "delta",
	Aliases: []string{"counter", "increase"},
	Doc:     "By how much a counter grew, all parts together, an exact decimal; without `by` there is one part. A number below the one before began anew at 0.",
	Example: []string{"delta: ms, by: user"},
	Options: []Option{byFields(""), over(60), expire()},
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New: func(p Parameters) Kind {
		return &delta{parts{field: p.Field, by: p.By, room: capacity(p.Over + p.Expire)}}
	},
}

// delta counts each number of a part by what it is more than the part's number
// before, which may lie up to expire seconds before the window; so all growth
// counts once, however seldom a part reports. A number less than the one before
// began anew at 0, and one that has none before is where counting begins. Of the
// numbers of a second the newest counts. It is null where the window has no number;
// a part that a second left out did not grow then (see parts.go).
type delta struct{ parts }

func (k *delta) NewPartial() Partial { return k.newPartial() }
func (k *delta) NewWindow() Window {
	w := &deltaWindow{partsWindow: k.newWindow(), grown: make(map[int64]growth)}
	w.moved = w.move
	return w
}

// A growth is what the numbers of a second amount to.
type growth struct {
	by       fixed.Number
	readings int
}

type deltaWindow struct {
	*partsWindow
	grown map[int64]growth // by the second of the later number
}

// move counts reading i of a part, or takes it back.
func (w *deltaWindow) move(s readings, i int, comes bool) {
	change := func(at reading, by fixed.Number, readings int) {
		g := w.grown[at.second]
		if !comes {
			by, readings = by.Neg(), -readings
		}
		if g.by, g.readings = g.by.Add(by), g.readings+readings; g == (growth{}) {
			delete(w.grown, at.second)
			return
		}
		w.grown[at.second] = g
	}
	var own fixed.Number
	if i > 0 {
		own = grew(s[i-1], s[i])
	}
	change(s[i], own, 1)
	if i+1 < len(s) { // it comes between two
		next := grew(s[i], s[i+1])
		if i > 0 {
			next = next.Sub(grew(s[i-1], s[i+1]))
		}
		change(s[i+1], next, 0)
	}
}

// grew is by how much a counter grew from one reading to the next: a lesser
// number is one that began anew at 0.
func grew(from, to reading) fixed.Number {
	if to.number.Cmp(from.number) < 0 {
		return to.number
	}
	return to.number.Sub(from.number)
}

func (w *deltaWindow) Value(span Span) value.Value {
	var sum fixed.Number
	some := false
	for second, g := range w.grown { // adding is free of order
		if second >= span.Since {
			sum, some = sum.Add(g.by), some || g.readings > 0
		}
	}
	if !some {
		return nil
	}
	return decimal(sum)
}

// StandardError implements Estimator: the share of lines of parts left out, whose
// growth is missing.
func (w *deltaWindow) StandardError() float64 {
	return share(w.out.lines, w.lines)
}
