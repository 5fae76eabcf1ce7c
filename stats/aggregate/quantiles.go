package aggregate

import (
	"encoding/binary"
	"math/bits"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

var quantilesKind = Description{
	Name:    "quantiles",
	Aliases: []string{"quantile", "percentile", "percentiles"},
	Doc:     "Nearest ranks of the field's numbers. They count with four significant digits; quantile q of n numbers is the ceil(q n)-th smallest.",
	Example: []string{"quantiles: ms, at: [0.5, 0.99]"},
	Options: append(keys(), rankBy(1, RankCount), over(60), Option{
		Name: "at", Doc: "Which quantiles.",
		Type: Numbers, Least: 0.000001, Most: 1, Elements: 20, Decimals: 6, Element: "quantile",
		Default: []float64{0.5, 0.95, 0.99},
	}),
	Shape: value.ShapeQuantiles,
	Null:  true,
	New: func(p Parameters) Kind {
		k := newQuantiles(p.Field, p.At).(*quantiles)
		if p.Rank > 0 {
			k.ranked = quantileOf(p.Rank)
		}
		return k
	},
}

// newQuantiles has quantiles in the order of at: {"0.5":18,"0.95":90}. Numbers are
// counted by codes, so that integers up to 9,999 are themselves (see code.go). A
// window has 450,000 different ones at most.
func newQuantiles(field line.Slot, at []float64) Kind {
	k := &quantiles{field: field}
	for _, q := range at {
		k.at = append(k.at, quantileOf(q))
	}
	return k
}

func quantileOf(q float64) quantile {
	text := value.Float(q)
	units, _ := fixed.Parse([]byte(text))
	return quantile{min(units.Lo, 1e9), string(text)}
}

type quantiles struct {
	field  line.Slot
	at     []quantile
	ranked quantile // by which keys are the greatest; none: by how many numbers they have
}

type quantile struct {
	units uint64 // the quantile as the decimal that was written, times 10^9
	text  string // that decimal
}

// rank is the quantile times n, rounded up, and 1 at least.
func (q quantile) rank(n uint64) uint64 {
	const unit = 1e9
	hi, lo := bits.Mul64(q.units, n)
	rank, rest := bits.Div64(hi, lo, unit)
	if rest > 0 {
		rank++
	}
	return max(rank, 1)
}

func (k *quantiles) NewPartial() Partial { return &values{field: k.field} }
func (k *quantiles) NewWindow() Window   { return &quantilesWindow{quantiles: k} }
func (*quantiles) packable()             {}
func (k *quantiles) measured() line.Slot { return k.field }

func (k *quantiles) Check(b []byte) error {
	return eachValue(b, func(uint32, uint64) {})
}

// values is how often each code is there. Its bytes
// are, by code ascending, the step from the code before, or at first the code
// itself, and the count, as uvarints.
type values struct {
	field line.Slot
	codes table
	order []uint64 // for AppendTo, kept for its memory
}

func (p *values) Fold(ev *line.Event) bool {
	n, ok := ev.Number(p.field)
	if ok {
		p.codes.add(uint64(code(n)), 1)
	}
	return ok
}

func (p *values) Empty() bool { return p.codes.len == 0 }
func (p *values) Reset()      { p.codes.reset() }

func (p *values) AppendTo(b []byte) []byte {
	p.order = p.codes.sorted(p.order[:0])
	before := uint64(0)
	for _, code := range p.order {
		b = binary.AppendUvarint(b, code-before)
		b = binary.AppendUvarint(b, p.codes.count(code))
		before = code
	}
	return b
}

func (p *values) Join(b []byte) error {
	// Twice over the bytes: nothing is added unless all can be.
	if err := eachValue(b, func(uint32, uint64) {}); err != nil {
		return err
	}
	return eachValue(b, func(code uint32, n uint64) { p.codes.add(uint64(code), n) })
}

// eachValue calls f with each code and count of a partial's bytes.
func eachValue(b []byte, f func(code uint32, n uint64)) error {
	code := uint64(0)
	for first := true; len(b) > 0; first = false {
		step, rest, ok := uvarint(b, codes-1)
		if !ok {
			return ErrMalformed
		}
		n, rest, ok := uvarint(rest, maxCount)
		if !ok || n == 0 {
			return ErrMalformed
		}
		code += step
		if code >= codes || step == 0 && !first {
			return ErrMalformed
		}
		f(uint32(code), n)
		b = rest
	}
	return nil
}

type quantilesWindow struct {
	*quantiles
	counts histogram
}

func (w *quantilesWindow) Add(p Partial) {
	for _, s := range p.(*values).codes.slots {
		if s.n != 0 {
			w.counts.add(uint32(s.key), s.n)
		}
	}
}

func (w *quantilesWindow) Sub(p Partial) {
	for _, s := range p.(*values).codes.slots {
		if s.n != 0 {
			w.counts.sub(uint32(s.key), s.n)
		}
	}
}

func (w *quantilesWindow) Value(Span) value.Value {
	if w.counts.total == 0 {
		return nil
	}
	all := make(value.Quantiles, len(w.at))
	for i, q := range w.at {
		all[i] = value.Quantile{At: q.text, Number: decimal(decode(w.counts.rank(q.rank(w.counts.total))))}
	}
	return all
}
