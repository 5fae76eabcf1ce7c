package aggregate

import "pulse/stats/value"

var meanKind = Description{
	Name:    "mean",
	Aliases: []string{"average", "avg"},
	Doc:     "The sum of the field's numbers by their count, rounded once to a float64.",
	Example: []string{"mean: ms"},
	Options: append(byKey(), overMonth(60)),
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return mean{totaling{p.Field}} },
}

type mean struct{ totaling }

func (mean) NewWindow() Window { return new(meanWindow) }

type meanWindow struct{ totalWindow }

func (w *meanWindow) Value(Span) value.Value {
	if w.count == 0 {
		return nil
	}
	return value.Float(w.sum.Div(w.count))
}

func (w *meanWindow) absorb(other Window) { w.add(&other.(*meanWindow).totalWindow) }

func (w *meanWindow) compare(other Window) int {
	o := other.(*meanWindow)
	return widen(w.sum).times(o.count).cmp(widen(o.sum).times(w.count))
}
