package aggregate

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"strconv"

	"github.com/caio/go-tdigest/v4"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

const (
	// maxCounted is how many different values a window has at most whose
	// quantiles are those of the counts themselves.
	maxCounted = 1000
	// compression of the t-digest beyond that.
	compression = 100
)

// Quantiles gives quantiles of the numbers of a field, each in (0, 1], as an
// object in the order of at: {"0.5":18,"0.95":90}; null of no numbers.
//
// Numbers count with four significant digits, so that integers up to 9,999 are
// themselves. Quantile q of n of them is the one with the nearest rank, the
// ceil(q n)-th smallest; in a window of more than 1,000 different ones it is a
// t-digest's, fed from the sorted counts with a fixed seed, and within 0.5 % of
// the ranks.
//
// Measured on 3,000 to 100,000 numbers of five distributions, the t-digest is
// off by up to 0.13 % of the ranks and takes 0.1 to 0.3 ms for a value, where
// nearest ranks on the same counts are exact and take 0.2 µs.
func Quantiles(field line.Slot, at []float64) Kind {
	k := &quantiles{field: field}
	for _, q := range at {
		text := value.Float(q)
		units, _ := fixed.Parse([]byte(text))
		k.at = append(k.at, quantile{q, min(units.Lo, 1e9), string(text)})
	}
	return k
}

type quantiles struct {
	field line.Slot
	at    []quantile
}

type quantile struct {
	q     float64
	units uint64 // q as the decimal it was written, times 10^9
	text  string // that decimal
}

// rank is ceil(q n), 1 at least.
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

func (k *quantiles) Check(b []byte) error {
	return eachValue(b, func(uint32, uint64) {})
}

// values is the partial of Quantiles: how often each code is there. Its bytes
// are, by code ascending, the step from the code before, or at first the code
// itself, and the count, as uvarints.
type values struct {
	field line.Slot
	codes table
	order []uint64 // for AppendTo, kept for its memory
}

func (p *values) Fold(ev *line.Event) {
	if n, ok := ev.Number(p.field); ok {
		p.codes.add(uint64(code(n)), 1)
	}
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
	digest *tdigest.TDigest // nil until it is needed
	rng    *digestRNG
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

func (w *quantilesWindow) Value() value.Value {
	if w.counts.total == 0 {
		return nil
	}
	digested := w.counts.distinct > maxCounted
	if digested {
		w.feed()
	}
	all := make(value.Quantiles, len(w.at))
	for i, q := range w.at {
		var code uint32
		if digested {
			code = floatCode(w.digest.Quantile(q.q))
		} else {
			code = w.counts.rank(q.rank(w.counts.total))
		}
		all[i] = value.Quantile{At: q.text, Number: decimal(decode(code))}
	}
	return all
}

// feed makes the t-digest of the window's counts. Neighbours go in together, as
// one weighted value, while they have no more of the ranks than the t-digest
// itself would allow a centroid there: 4 n q (1-q) / compression of n.
func (w *quantilesWindow) feed() {
	if w.digest == nil {
		w.rng = new(digestRNG)
		// Its options cannot be refused: the compression is above 1.
		w.digest, _ = tdigest.New(tdigest.Compression(compression), tdigest.RandomNumberGenerator(w.rng))
	}
	w.digest.Reset()
	w.rng.pcg.Seed(1, 1)

	total := float64(w.counts.total)
	before, count, sum := 0.0, 0.0, 0.0 // ranks before the neighbours; they; their values
	add := func() {
		if count > 0 {
			// It refuses only what is not a number, and there is none.
			_ = w.digest.AddWeighted(sum/count, uint64(count))
		}
		before, count, sum = before+count, 0, 0
	}
	w.counts.each(func(code uint32, n uint64) {
		more := count + float64(n)
		q := (before + more/2) / total
		if more > float64(4*total*q*(1-q))/compression {
			add()
		}
		count += float64(n)
		sum += float64(decodeFloat(code) * float64(n)) // not fused: the same on all processors
	})
	add()
}

// floatCode is the code of a t-digest's value.
func floatCode(f float64) uint32 {
	const limit = 1e18 - 1e3 // 18 digits, and rounded to four the greatest code
	n, _ := fixed.Parse(strconv.AppendFloat(nil, min(max(f, -limit), limit), 'f', -1, 64))
	return code(n)
}

// digestRNG is a generator for the t-digest that can be seeded again.
type digestRNG struct{ pcg rand.PCG }

func (r *digestRNG) Float32() float32 { return float32(r.pcg.Uint64()>>40) / (1 << 24) }
func (r *digestRNG) Intn(n int) int   { return int(r.pcg.Uint64() % uint64(n)) }
