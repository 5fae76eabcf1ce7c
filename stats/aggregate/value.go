package aggregate

import (
	"math"
	"math/big"
	"strings"

	"pulse/stats/formula"
	"pulse/stats/value"
)

var valueKind = Description{
	Name:    "value",
	Aliases: []string{"formula", "expression", "calc"},
	Doc: "Arithmetic over the values of other stats of the file, with the same window and keys: `+ - * /`, parentheses, numbers, and `sum(http-*)` of all whose name the pattern fits. " +
		"An exact decimal where that has at most 40 digits, else rounded to 15; null where one of them is, and where something is divided by 0.",
	Example: []string{"value: 100 * errors / requests", "value: requests - errors"},
	Takes:   TakesFormula,
	Options: byKey(),
	Shape:   value.ShapeNumber,
	Null:    true,
	New:     func(p Parameters) Kind { return newCombined(arithmetic{p.Formula}, p) },
}

// arithmetic is a value's.
type arithmetic struct{ formula *formula.Formula }

func (a arithmetic) Combine(of []value.Value, errors []float64) (value.Value, float64) {
	operands := make([]formula.Operand, len(of))
	for i, v := range of {
		if n, ok := v.(value.Number); ok {
			operands[i] = formula.Operand{Value: n.Rat(), Error: errors[i]}
		}
	}
	r, e := a.formula.Value(operands)
	v := rational(r)
	switch {
	case v == nil:
		return nil, 0
	case math.IsInf(e, 0) || math.IsNaN(e):
		return v, 1 // of what a float64 takes for 0
	}
	const noise = 1e-9 // of the calculation
	return v, thousandths(e - min(e/2, noise))
}

// counts: keys rank by the lines of all stats together.
func (arithmetic) counts(int) bool { return true }

// maxDigits is how many digits an exact value of arithmetic has at most.
const maxDigits = 40

// rational writes a number: exactly if it is a decimal that is not too long.
func rational(r *big.Rat) value.Value {
	if r == nil {
		return nil
	}
	const bits = 4 * maxDigits // a digit has less
	if r.Num().BitLen() <= bits && r.Denom().BitLen() <= bits {
		if places, exact := r.FloatPrec(); exact {
			text := r.FloatString(places)
			if digits := strings.TrimLeft(strings.Replace(text, ".", "", 1), "-0"); len(digits) <= maxDigits {
				return value.Number(text)
			}
		}
	}
	f, _ := r.Float64()
	return digits15(f)
}
