package aggregate

import (
	"cmp"

	"pulse/stats/value"
)

var countKind = Description{
	Name:    "count",
	Doc:     "How many lines there are in the window, an exact integer.",
	Example: []string{"count: lines"},
	Takes:   TakesWord,
	Words:   []Word{{Text: "lines"}},
	Options: append(byKey(), overMonth(60)),
	Shape:   value.ShapeNumber,
	Ratio:   true,
	New:     func(Parameters) Kind { return counter{} },
}

type counter struct{ counting }

func (counter) NewWindow() Window { return new(counterWindow) }

type counterWindow struct{ countWindow }

func (w *counterWindow) Value(Span) value.Value { return value.Count(w.count) }
func (w *counterWindow) compare(o Window) int   { return cmp.Compare(w.count, o.(*counterWindow).count) }
func (w *counterWindow) absorb(other Window)    { w.count += other.(*counterWindow).count }
