package aggregate

import (
	"cmp"

	"pulse/stats/value"
)

var rateKind = Description{
	Name:    "rate",
	Doc:     "Lines per second, or per minute: those in the window by its covered seconds, rounded once to a float64.",
	Example: []string{"rate: second", "rate: minute"},
	Takes:   TakesWord,
	Words: []Word{
		{Text: "second", Per: 1, Over: 10, Unit: "/s"},
		{Text: "minute", Per: 60, Over: 70, Unit: "/min"},
	},
	Options: append(byKey(), overMonth(60)),
	Shape:   value.ShapeNumber,
	Ratio:   true,
	New:     func(p Parameters) Kind { return rate{per: uint64(p.Per)} },
}

// rate is the lines × per / the covered seconds.
type rate struct {
	counting
	per uint64
}

func (k rate) NewWindow() Window { return &rateWindow{rate: k} }

type rateWindow struct {
	countWindow
	rate rate
}

func (w *rateWindow) Value(span Span) value.Value {
	return value.Float(float64(w.count*w.rate.per) / float64(span.Covered))
}

func (w *rateWindow) compare(o Window) int { return cmp.Compare(w.count, o.(*rateWindow).count) }
func (w *rateWindow) absorb(other Window)  { w.count += other.(*rateWindow).count }
