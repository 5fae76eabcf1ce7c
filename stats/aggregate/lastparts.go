package aggregate

import (
	"math"

	"pulse/stats/value"
)

// lastParts is the kinds last-sum, last-mean, last-max and last-count: the newest
// number of each part that has one in the last seconds. Beyond the room that a
// second has for parts they are estimates (see parts.go).
type lastParts struct {
	parts
	of    func(w *partsWindow) value.Value // of one part at least
	empty value.Value                      // of none
}

func newLastParts(p Parameters, of func(*partsWindow) value.Value) *lastParts {
	return &lastParts{parts: parts{field: p.Field, by: p.By, room: capacity(p.Over)}, of: of}
}

func (k *lastParts) NewPartial() Partial { return k.newPartial() }
func (k *lastParts) NewWindow() Window   { return &lastPartsWindow{k.newWindow(), k} }

// StandardError implements Estimator. What is estimated of the parts left out has that
// of the mean of a sample, where lines are spread over parts at random.
func (w *lastPartsWindow) StandardError() float64 {
	if w.exact() {
		return 0
	}
	left := 1 - float64(len(w.members))/float64(w.count())
	return thousandths(left / math.Sqrt(float64(len(w.members))))
}

type lastPartsWindow struct {
	*partsWindow
	kind *lastParts
}

func (w *lastPartsWindow) Value(Span) value.Value {
	if len(w.members) == 0 { // a second that leaves parts out keeps others
		return w.kind.empty
	}
	return w.kind.of(w.partsWindow)
}
