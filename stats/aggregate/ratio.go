package aggregate

import (
	"math"
	"strconv"

	"pulse/stats/line"
	"pulse/stats/value"
)

var ratioKind = Description{
	Name:    "ratio",
	Doc:     "One stat's value by another's, to 15 digits; also null where the second is 0. Both have one number and the same window, which is the ratio's, and are in the file.",
	Example: []string{"ratio: [errors, requests]"},
	Takes:   TakesStats,
	Shape:   value.ShapeNumber,
	Null:    true,
	New:     func(p Parameters) Kind { return &ratio{p.Of[0], p.Of[1]} },
}

// ratio is the quotient of two values over the same window, to 15 significant
// digits, in which their own being rounded does not show. It is null where one of
// them is. Its partial has the partials of both, so that they are of the same lines
// at any time.
type ratio struct{ numerator, denominator Kind }

func (k *ratio) NewPartial() Partial {
	return &pair{ratio: k, a: k.numerator.NewPartial(), b: k.denominator.NewPartial()}
}

func (k *ratio) NewWindow() Window {
	return &ratioWindow{k.numerator.NewWindow(), k.denominator.NewWindow()}
}

func (k *ratio) Check(b []byte) error {
	_, _, err := k.split(b)
	return err
}

func (k *ratio) split(b []byte) (numerator, denominator []byte, err error) {
	if len(b) == 0 {
		return nil, nil, nil
	}
	numerator, denominator, ok := chunk(b, maxCount)
	if !ok || len(b) == 1 || k.numerator.Check(numerator) != nil || k.denominator.Check(denominator) != nil {
		return nil, nil, ErrMalformed
	}
	return numerator, denominator, nil
}

// AppendRatio appends the bytes of a partial of a ratio whose two partials have
// these bytes.
func AppendRatio(b, numerator, denominator []byte) []byte {
	if len(numerator)+len(denominator) == 0 {
		return b
	}
	return append(appendChunk(b, numerator), denominator...)
}

// pair is the chunk of the numerator's bytes, then the
// denominator's.
type pair struct {
	*ratio
	a, b Partial
	buf  []byte
}

func (p *pair) Fold(ev *line.Event) bool {
	a, b := p.a.Fold(ev), p.b.Fold(ev)
	return a && b
}

func (p *pair) Empty() bool { return p.a.Empty() && p.b.Empty() }

func (p *pair) Reset() {
	p.a.Reset()
	p.b.Reset()
}

func (p *pair) AppendTo(b []byte) []byte {
	if p.Empty() {
		return b
	}
	p.buf = p.a.AppendTo(p.buf[:0])
	n := len(p.buf)
	p.buf = p.b.AppendTo(p.buf)
	return AppendRatio(b, p.buf[:n], p.buf[n:])
}

func (p *pair) Join(b []byte) error {
	numerator, denominator, err := p.split(b)
	if err != nil {
		return err
	}
	if err := p.a.Join(numerator); err != nil {
		return err
	}
	return p.b.Join(denominator) // which split has checked
}

type ratioWindow struct{ a, b Window }

func (w *ratioWindow) Add(p Partial) {
	s := p.(*pair)
	w.a.Add(s.a)
	w.b.Add(s.b)
}

func (w *ratioWindow) Sub(p Partial) {
	s := p.(*pair)
	w.a.Sub(s.a)
	w.b.Sub(s.b)
}

func (w *ratioWindow) Value(span Span) value.Value {
	return Quotient(w.a.Value(span), w.b.Value(span))
}

// Quotient is the value of a ratio of two numbers; it is null where one of them is.
func Quotient(numerator, denominator value.Value) value.Value {
	a, okA := numerator.(value.Number)
	b, okB := denominator.(value.Number)
	if !okA || !okB {
		return nil
	}
	q := a.Float64() / b.Float64()
	if math.IsNaN(q) || math.IsInf(q, 0) {
		return nil
	}
	q, _ = strconv.ParseFloat(strconv.FormatFloat(q, 'e', 14, 64), 64) // what was printed can be read
	return value.Float(q)
}

// StandardError implements Estimator.
func (w *ratioWindow) StandardError() float64 {
	return QuotientError(standardError(w.a), standardError(w.b))
}

// QuotientError is the standard error of a ratio of two estimates, as a share of it.
func QuotientError(a, b float64) float64 { return thousandths(math.Hypot(a, b)) }

func standardError(w Window) float64 {
	if e, ok := w.(Estimator); ok {
		return e.StandardError()
	}
	return 0
}
