package aggregate

import (
	"encoding/binary"
	"math/bits"

	"pulse/stats/fixed"
	"pulse/stats/line"
)

// totaling is what kinds share that keep the count and the sum of a field's
// numbers.
type totaling struct{ field line.Slot }

func (k totaling) NewPartial() Partial { return &total{field: k.field} }
func (totaling) Check(b []byte) error  { return new(total).Join(b) }
func (k totaling) measured() line.Slot { return k.field }

// total is how many numbers there are, as a uvarint, and their sum.
type total struct {
	field line.Slot
	count uint64
	sum   fixed.Number
}

func (p *total) Fold(ev *line.Event) bool {
	n, ok := ev.Number(p.field)
	if ok {
		p.count++
		p.sum = p.sum.Add(n)
	}
	return ok
}

// FoldBatch and ByHash implement BatchFolder.
func (p *total) FoldBatch(units []uint64) {
	var hi, lo, carry uint64
	for _, n := range units {
		lo, carry = bits.Add64(lo, n, 0)
		hi += carry
	}
	p.count += uint64(len(units))
	p.sum = p.sum.Add(fixed.Number{Hi: int64(hi), Lo: lo})
}

func (p *total) ByHash() bool { return false }

func (p *total) Empty() bool { return p.count == 0 }
func (p *total) Reset()      { p.count, p.sum = 0, fixed.Number{} }

func (p *total) AppendTo(b []byte) []byte {
	if p.count == 0 {
		return b
	}
	return p.sum.AppendBinary(binary.AppendUvarint(b, p.count))
}

func (p *total) Join(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	count, rest, ok := uvarint(b, maxCount)
	if !ok || count == 0 {
		return ErrMalformed
	}
	sum, size := fixed.DecodeBinary(rest)
	if size == 0 || size < len(rest) {
		return ErrMalformed
	}
	p.count += count
	p.sum = p.sum.Add(sum)
	return nil
}

// totalWindow is the total of some seconds.
type totalWindow struct {
	count uint64
	sum   fixed.Number
}

func (w *totalWindow) Add(p Partial) {
	t := p.(*total)
	w.count += t.count
	w.sum = w.sum.Add(t.sum)
}

func (w *totalWindow) Sub(p Partial) {
	t := p.(*total)
	w.count -= t.count
	w.sum = w.sum.Sub(t.sum)
}

func (w *totalWindow) add(other *totalWindow) {
	w.count += other.count
	w.sum = w.sum.Add(other.sum)
}
