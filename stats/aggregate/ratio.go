package aggregate

import (
	"math"
	"strconv"

	"pulse/stats/value"
)

var ratioKind = Description{
	Name: "ratio",
	Doc: "One stat's value by another's, to 15 digits; also null where the second is 0. Both have one number and the same window, which is the ratio's, and are in the file. " +
		"With `by` each key's value by each key's, of two stats with the same `by`.",
	Example: []string{"ratio: [errors, requests]"},
	Takes:   TakesStats,
	Options: byKey(),
	Shape:   value.ShapeNumber,
	Null:    true,
	New:     func(p Parameters) Kind { return newCombined(quotient{}, p) },
}

// quotient is a ratio's.
type quotient struct{}

// Combine is the quotient of two numbers to 15 significant digits, in which their own
// being rounded does not show. It is null where one of them is.
func (quotient) Combine(of []value.Value, errors []float64) (value.Value, float64) {
	a, okA := of[0].(value.Number)
	b, okB := of[1].(value.Number)
	if !okA || !okB {
		return nil, 0
	}
	return digits15(a.Float64() / b.Float64()), thousandths(math.Hypot(errors[0], errors[1]))
}

// counts: of keys those of the second stat count, of which the first is a share.
func (quotient) counts(stat int) bool { return stat == 1 }

// digits15 is a float64 rounded to 15 significant digits; null if it is not finite.
func digits15(f float64) value.Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'e', 14, 64), 64) // what was printed can be read
	return value.Float(f)
}
