package aggregate

import (
	"pulse/stats/line"
	"pulse/stats/value"
)

// Mean is the sum of the numbers of a field by their count, rounded once to a
// float64; null of no numbers.
func Mean(field line.Slot) Kind { return mean{field} }

type mean struct{ field line.Slot }

func (k mean) NewPartial() Partial { return &total{field: k.field} }
func (mean) NewWindow() Window     { return new(meanWindow) }
func (mean) Check(b []byte) error  { return new(total).Join(b) }

type meanWindow struct{ totalWindow }

func (w *meanWindow) Value() value.Value {
	if w.count == 0 {
		return nil
	}
	return value.Float(w.sum.Div(w.count))
}
