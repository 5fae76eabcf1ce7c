package aggregate

import (
	"encoding/binary"
	"math/bits"
	"slices"

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
func (*quantiles) packable() bool        { return true }
func (k *quantiles) measured() line.Slot { return k.field }

func (k *quantiles) Check(b []byte) error {
	return eachValue(b, func(uint32, uint64) {})
}

// values is how often each code is there. Its bytes
// are, by code ascending, the step from the code before, or at first the code
// itself, and the count, as uvarints.
type values struct {
	field  line.Slot
	codes  table    // but for the recent ones; see settled
	recent []uint32 // codes in the order of their lines: to sort them costs less than to look each up

	// For ascending, kept for their memory.
	scratch []uint32
	packed  []uint64
	order   []slot
}

// maxRecent bounds the codes that are not in the table yet.
const maxRecent = 8 << 10

func (p *values) Fold(ev *line.Event) bool {
	n, ok := ev.Number(p.field)
	if ok {
		if len(p.recent) == maxRecent {
			p.settled()
		}
		p.recent = append(p.recent, code(n))
	}
	return ok
}

// settled gives the table of all codes.
func (p *values) settled() *table {
	p.eachRecent(func(code uint32, n uint64) { p.codes.add(uint64(code), n) })
	p.recent = p.recent[:0]
	return &p.codes
}

// eachRecent sorts the recent codes, and calls f with each and how often it is there.
func (p *values) eachRecent(f func(code uint32, n uint64)) {
	p.scratch = slices.Grow(p.scratch[:0], len(p.recent))[:len(p.recent)]
	sortCodes(p.recent, p.scratch, 0)
	for i := 0; i < len(p.recent); {
		code, first := p.recent[i], i
		for i++; i < len(p.recent) && p.recent[i] == code; i++ {
		}
		f(code, uint64(i-first))
	}
}

// ascending gives the codes with their counts. They are valid until it is called again.
func (p *values) ascending() []slot {
	p.order = p.order[:0]
	if p.codes.len == 0 {
		p.eachRecent(func(code uint32, n uint64) { p.order = append(p.order, slot{uint64(code), n}) })
		return p.order
	}
	const indexBits = 32
	slots := p.settled().slots
	p.packed = p.packed[:0]
	for i, s := range slots {
		if s.n != 0 {
			p.packed = append(p.packed, s.key<<indexBits|uint64(i))
		}
	}
	n := len(p.packed)
	p.packed = slices.Grow(p.packed, n)[:2*n]
	sortCodes(p.packed[:n], p.packed[n:], indexBits)
	for _, packed := range p.packed[:n] {
		p.order = append(p.order, slots[packed&(1<<indexBits-1)])
	}
	return p.order
}

// Slim implements Slimmer.
func (p *values) Slim() { p.scratch, p.packed, p.order = nil, nil, nil }

func (p *values) Empty() bool { return p.codes.len == 0 && len(p.recent) == 0 }

func (p *values) Reset() {
	p.codes.reset()
	p.recent = p.recent[:0]
}

func (p *values) AppendTo(b []byte) []byte {
	before := uint64(0)
	for _, s := range p.ascending() {
		b = binary.AppendUvarint(b, s.key-before)
		b = binary.AppendUvarint(b, s.n)
		before = s.key
	}
	return b
}

func (p *values) Join(b []byte) error {
	// Twice over the bytes: nothing is added unless all can be.
	different := 0
	if err := eachValue(b, func(uint32, uint64) { different++ }); err != nil {
		return err
	}
	p.codes.reserve(different)
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
	for _, s := range p.(*values).settled().slots {
		if s.n != 0 {
			w.counts.add(uint32(s.key), s.n)
		}
	}
}

func (w *quantilesWindow) Sub(p Partial) {
	for _, s := range p.(*values).settled().slots {
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
