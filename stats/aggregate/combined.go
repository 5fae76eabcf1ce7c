package aggregate

import (
	"slices"

	"pulse/stats/line"
	"pulse/stats/value"
)

// Kinds whose value is made of the values of other stats share this file. The partial of
// such a stat has the partials of its stats, so that all are of the same lines at any time,
// and its window has their windows.

// A combiner makes a value of the values of other stats.
type combiner interface {
	// Combine is a number or null, and its standard error as a share of it, given those of
	// the stats' values.
	Combine(of []value.Value, errors []float64) (value.Value, float64)
	// counts reports whether the lines of the stat with this number count where keys
	// rank by how many lines they have.
	counts(stat int) bool
}

// A Combined is a Kind whose value is made of the values of other stats.
type Combined interface {
	Kind
	// Combine is the value of the stats' values, and its standard error, given theirs.
	Combine(of []value.Value, errors []float64) (value.Value, float64)
}

// newCombined makes a kind of the kinds p.Of.
func newCombined(c combiner, p Parameters) Kind {
	k := &combined{combiner: c, of: p.Of}
	if p.Top > 0 {
		return &combinedBy{combined: k, fields: len(p.By), top: p.Top, byLines: p.RankLines}
	}
	return k
}

type combined struct {
	combiner
	of []Kind
}

func (k *combined) NewPartial() Partial {
	t := &tuple{combined: k, parts: make([][]byte, len(k.of))}
	for _, kind := range k.of {
		t.of = append(t.of, kind.NewPartial())
	}
	return t
}

func (k *combined) NewWindow() Window {
	w := &combinedWindow{combined: k}
	for _, kind := range k.of {
		w.of = append(w.of, kind.NewWindow())
	}
	return w
}

func (k *combined) Check(b []byte) error {
	return k.read(b, func(stat int, part []byte) error { return k.of[stat].Check(part) })
}

// read calls f with the bytes of each stat's partial, of bytes that AppendTo made.
func (k *combined) read(b []byte, f func(stat int, part []byte) error) error {
	if len(b) == 0 {
		return nil
	}
	some := false
	for stat := range k.of {
		part, rest, ok := b, []byte(nil), true
		if stat < len(k.of)-1 {
			part, rest, ok = chunk(b, maxCount)
		}
		if some = some || len(part) > 0; !ok || !some && len(rest) == 0 {
			return ErrMalformed
		}
		if err := f(stat, part); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// AppendCombined appends the bytes of a partial whose stats' partials have these.
func AppendCombined(b []byte, of [][]byte) []byte {
	if !slices.ContainsFunc(of, func(part []byte) bool { return len(part) > 0 }) {
		return b
	}
	last := len(of) - 1
	for _, part := range of[:last] {
		b = appendChunk(b, part)
	}
	return append(b, of[last]...)
}

// tuple is the partial: the chunk of the bytes of each stat's partial but the last's,
// which come as they are.
type tuple struct {
	*combined
	of    []Partial
	parts [][]byte // to append them
}

func (p *tuple) Fold(ev *line.Event) bool {
	all := true
	for _, of := range p.of {
		all = of.Fold(ev) && all
	}
	return all
}

func (p *tuple) Empty() bool {
	for _, of := range p.of {
		if !of.Empty() {
			return false
		}
	}
	return true
}

func (p *tuple) Reset() {
	for _, of := range p.of {
		of.Reset()
	}
}

func (p *tuple) AppendTo(b []byte) []byte {
	for i, of := range p.of {
		p.parts[i] = of.AppendTo(p.parts[i][:0])
	}
	return AppendCombined(b, p.parts)
}

func (p *tuple) Join(b []byte) error {
	if err := p.Check(b); err != nil {
		return err
	}
	return p.read(b, func(stat int, part []byte) error { return p.of[stat].Join(part) }) // checked
}

type combinedWindow struct {
	*combined
	of    []Window
	error float64 // of what Value gave last
}

func (w *combinedWindow) Add(p Partial) {
	for i, of := range p.(*tuple).of {
		w.of[i].Add(of)
	}
}

func (w *combinedWindow) Sub(p Partial) {
	for i, of := range p.(*tuple).of {
		w.of[i].Sub(of)
	}
}

func (w *combinedWindow) Value(span Span) (v value.Value) {
	values, errors := valuesOf(w.of, span)
	v, w.error = w.Combine(values, errors)
	return v
}

// StandardError implements Estimator.
func (w *combinedWindow) StandardError() float64 { return w.error }

// valuesOf gives the values of windows with their standard errors.
func valuesOf[W Window](windows []W, span Span) (values []value.Value, errors []float64) {
	for _, w := range windows {
		values = append(values, w.Value(span))
		errors = append(errors, standardError(w))
	}
	return values, errors
}

func standardError(w Window) float64 {
	if e, ok := w.(Estimator); ok {
		return e.StandardError()
	}
	return 0
}
