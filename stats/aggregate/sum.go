package aggregate

import "pulse/stats/value"

var sumKind = Description{
	Name:    "sum",
	Doc:     "The sum of the field's numbers, an exact decimal.",
	Example: []string{"sum: ms"},
	Options: append(byKey(), overMonth(60)),
	Shape:   value.ShapeNumber,
	Ratio:   true,
	New:     func(p Parameters) Kind { return sum{totaling{p.Field}} },
}

type sum struct{ totaling }

func (sum) NewWindow() Window { return new(sumWindow) }

// weighted says that keys weigh as much as their numbers.
func (sum) weighted() {}

type sumWindow struct{ totalWindow }

func (w *sumWindow) Value(Span) value.Value { return decimal(w.sum) }
func (w *sumWindow) compare(o Window) int   { return w.sum.Cmp(o.(*sumWindow).sum) }
func (w *sumWindow) absorb(other Window)    { w.add(&other.(*sumWindow).totalWindow) }
