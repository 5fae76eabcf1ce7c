// Package formula has arithmetic over the values of stats: + - * / and parentheses, exact
// until the result is written.
package formula

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Bounds on a formula.
const (
	MaxText  = 4 << 10 // bytes
	MaxTerms = 200     // names and numbers in it
	MaxStats = 1_000   // that it is made of, with those that patterns stand for
)

// A Formula is arithmetic over stats, which have numbers from 0. It does not change once
// it is bound.
type Formula struct {
	Text string // as it was written

	root       node
	references []Reference
	numbers    []Reference
	stats      [][]int // of each reference, the numbers of its stats
}

// A Reference is where a formula names a stat, or with sum(http-*) all those that a
// pattern fits.
type Reference struct {
	Text    string
	Offset  int // of a byte of the formula's text
	Pattern bool
}

// References gives the references in the order of the text.
func (f *Formula) References() []Reference { return f.references }

// Numbers gives what is a number in the text, as a Reference is written.
func (f *Formula) Numbers() []Reference { return f.numbers }

// Bind says of each reference which stats it names, by their numbers.
func (f *Formula) Bind(stats [][]int) { f.stats = stats }

// String is equal for formulas of the same meaning that are written alike but for blanks.
// It has the numbers of the stats.
func (f *Formula) String() string { return f.root.text(f) }

// An Operand is the value of a stat.
type Operand struct {
	Value *big.Rat // nil: null
	Error float64  // the standard error of an estimate, as a share of it
}

// Value is what the values of the stats amount to, and the standard error of an estimate
// as a share of it. It is nil if one of them is, and if something is divided by 0.
// Errors are taken for independent of each other.
func (f *Formula) Value(of []Operand) (v *big.Rat, share float64) {
	v, err := f.root.value(f, of)
	switch {
	case v == nil || err == 0:
		return v, 0
	case v.Sign() == 0:
		return v, 1
	}
	return v, err / math.Abs(float(v))
}

// A node gives its value and the standard error of that.
type node interface {
	value(f *Formula, of []Operand) (*big.Rat, float64)
	text(f *Formula) string
}

// A constant is a number in the text.
type constant struct {
	written string
	number  *big.Rat
}

func (c *constant) value(*Formula, []Operand) (*big.Rat, float64) { return c.number, 0 }
func (c *constant) text(*Formula) string                          { return c.written }

// A sum is of the stats of the reference with this number.
type sum int

func (s sum) value(f *Formula, of []Operand) (*big.Rat, float64) {
	total, err := new(big.Rat), 0.0
	for _, stat := range f.stats[s] {
		o := of[stat]
		if o.Value == nil {
			return nil, 0
		}
		total.Add(total, o.Value)
		if o.Error > 0 {
			err = math.Hypot(err, o.Error*float(o.Value))
		}
	}
	return total, err
}

func (s sum) text(f *Formula) string {
	var numbers []string
	for _, stat := range f.stats[s] {
		numbers = append(numbers, strconv.Itoa(stat))
	}
	return "#" + strings.Join(numbers, "+")
}

// A binary is two nodes with one of + - * / between them.
type binary struct {
	operator byte
	a, b     node
}

func (n *binary) value(f *Formula, of []Operand) (*big.Rat, float64) {
	a, errA := n.a.value(f, of)
	b, errB := n.b.value(f, of)
	if a == nil || b == nil {
		return nil, 0
	}
	v := new(big.Rat)
	switch n.operator {
	case '+':
		return v.Add(a, b), math.Hypot(errA, errB)
	case '-':
		return v.Sub(a, b), math.Hypot(errA, errB)
	case '*':
		return v.Mul(a, b), scaledError(errA, b, errB, a)
	}
	if b.Sign() == 0 {
		return nil, 0
	}
	v.Quo(a, b)
	if errA == 0 && errB == 0 {
		return v, 0
	}
	return v, scaledError(errA, new(big.Rat).SetInt64(1), errB, v) / math.Abs(float(b))
}

// scaledError joins two errors, each times a number.
func scaledError(errA float64, a *big.Rat, errB float64, b *big.Rat) float64 {
	if errA == 0 && errB == 0 {
		return 0
	}
	return math.Hypot(errA*float(a), errB*float(b))
}

func (n *binary) text(f *Formula) string {
	return "(" + n.a.text(f) + string(n.operator) + n.b.text(f) + ")"
}

func float(r *big.Rat) float64 {
	f, _ := r.Float64()
	return f
}
