package aggregate

import (
	"cmp"
	"encoding/binary"

	"pulse/stats/line"
	"pulse/stats/value"
)

// maxExact is how many different values are counted exactly, in a second and in
// a window.
const maxExact = 1000

var uniqueKind = Description{
	Name:    "unique",
	Any:     true,
	Aliases: []string{"distinct", "cardinality"},
	Doc:     "How many different values the field has, of whatever type. Up to 1,000 in the window it is exact, beyond that an estimate.",
	Example: []string{"unique: user"},
	Options: append(byKey(), overMonth(60)),
	Shape:   value.ShapeNumber,
	Ratio:   true,
	New:     func(p Parameters) Kind { return unique{p.Field} },
}

// unique counts values by their 64-bit hashes. Beyond maxExact it is HyperLogLog's
// estimate, with a relative standard error of 0.57 %: within 2 % in 9,995 of 10,000
// cases. Both follow from the set of values alone, but for two different values
// with the same hash.
type unique struct{ field line.Slot }

func (k unique) NewPartial() Partial { return &set{field: k.field} }
func (unique) NewWindow() Window     { return new(uniqueWindow) }
func (unique) measured() line.Slot   { return line.None }
func (k unique) counted() line.Slot  { return k.field }

// uniqueRoom is the greatest room for keys of values by key: each may have as many values
// as a stat without keys has, and takes up to a megabyte then.
const uniqueRoom = 400

// keyed implements selfKeyed.
func (unique) keyed(b *by) Kind {
	b.room = min(b.room, uniqueRoom)
	return b
}

// The first byte of a set's bytes: what follows is its hashes, ascending, eight
// bytes each, big endian; or the registers.
const (
	setExact  = 0
	setSketch = 1
)

func (unique) Check(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	kind, b := b[0], b[1:]
	switch kind {
	case setExact:
		if len(b) == 0 || len(b)%8 != 0 || len(b) > 8*maxExact {
			return ErrMalformed
		}
		for i := 8; i < len(b); i += 8 {
			if binary.BigEndian.Uint64(b[i-8:]) >= binary.BigEndian.Uint64(b[i:]) {
				return ErrMalformed
			}
		}
		return nil
	case setSketch:
		if checkRegisters(b) {
			return nil
		}
	}
	return ErrMalformed
}

// set is the hashes of the values, or, of more than
// maxExact, registers.
type set struct {
	field    line.Slot
	hashes   hashSet
	ranks    []uint8 // registers long once it was needed
	sketched bool    // hashes is empty then
}

func (p *set) Fold(ev *line.Event) bool {
	if ev.Has(p.field) {
		p.add(ev.Hash(p.field))
	}
	return true
}

// FoldBatch and ByHash implement BatchFolder.
func (p *set) FoldBatch(hashes []uint64) {
	for len(hashes) > 0 {
		if p.sketched {
			addRanks(p.ranks, hashes)
			return
		}
		if hashes = hashes[p.hashes.known(hashes):]; len(hashes) > 0 {
			p.add(hashes[0])
			hashes = hashes[1:]
		}
	}
}

func (p *set) ByHash() bool { return true }

func (p *set) add(hash uint64) {
	if p.sketched {
		register, rank := place(hash)
		p.ranks[register] = max(p.ranks[register], rank)
		return
	}
	if p.hashes.len < maxExact {
		p.hashes.add(hash)
		return
	}
	if !p.hashes.has(hash) {
		p.sketch()
		p.add(hash)
	}
}

// sketch goes over to registers.
func (p *set) sketch() {
	if p.sketched {
		return
	}
	if p.ranks == nil {
		p.ranks = make([]uint8, registers)
	}
	p.sketched = true
	for hash := range p.hashes.all {
		p.add(hash)
	}
	p.hashes.reset()
}

func (p *set) Empty() bool { return !p.sketched && p.hashes.len == 0 }

func (p *set) Reset() {
	p.hashes.reset()
	if p.sketched {
		p.sketched = false
		clear(p.ranks)
	}
}

func (p *set) AppendTo(b []byte) []byte {
	if p.sketched {
		return appendRegisters(append(b, setSketch), p.ranks)
	}
	if p.hashes.len == 0 {
		return b
	}
	b = append(b, setExact)
	var buf [maxExact]uint64
	for _, hash := range p.hashes.sorted(buf[:0]) {
		b = binary.BigEndian.AppendUint64(b, hash)
	}
	return b
}

func (p *set) Join(b []byte) error {
	if err := (unique{}).Check(b); err != nil || len(b) == 0 {
		return err
	}
	kind, b := b[0], b[1:]
	if kind == setSketch {
		p.sketch()
		joinRegisters(p.ranks, b)
		return nil
	}
	if !p.sketched {
		p.hashes.reserve(len(b) / 8)
	}
	for ; len(b) > 0; b = b[8:] {
		p.add(binary.BigEndian.Uint64(b))
	}
	return nil
}

// uniqueWindow counts for each hash, and for each rank of each register, the
// seconds that have it, so that a second can be taken out.
type uniqueWindow struct {
	hashes   table    // of the seconds that are exact
	sketches int      // seconds that are not
	past     *settled // of seconds that settled; nil: none did

	sketched bool
	union    // of sketches and hashes, kept while the window is a sketch
}

func (w *uniqueWindow) Add(p Partial) {
	s := p.(*set)
	if s.sketched {
		w.sketch()
		w.sketches++
		for register, rank := range s.ranks {
			if rank > 0 {
				w.raise(register, rank)
			}
		}
		return
	}
	for hash := range s.hashes.all {
		w.addHash(hash)
	}
}

// addHash enters that one second more has a hash.
func (w *uniqueWindow) addHash(hash uint64) {
	if w.hashes.add(hash, 1) == 0 && w.sketched {
		w.raise(place(hash))
	}
}

// subHash enters that one second less has it.
func (w *uniqueWindow) subHash(hash uint64) {
	if w.hashes.sub(hash, 1) == 0 && w.sketched {
		w.lower(place(hash))
	}
}

func (w *uniqueWindow) Sub(p Partial) {
	s := p.(*set)
	if s.sketched {
		w.sketches--
		for register, rank := range s.ranks {
			if rank > 0 {
				w.lower(register, rank)
			}
		}
		return
	}
	for hash := range s.hashes.all {
		w.subHash(hash)
	}
}

// sketch begins to keep registers.
func (w *uniqueWindow) sketch() {
	if w.sketched {
		return
	}
	w.sketched = true
	w.begin()
	for _, s := range w.hashes.slots {
		if s.n != 0 {
			w.raise(place(s.key))
		}
	}
	if w.past == nil {
		return
	}
	for register := range w.past.steps {
		if rank := w.past.rank(register); rank > 0 {
			w.raise(register, rank)
		}
	}
}

// unsketch ends it.
func (w *uniqueWindow) unsketch() {
	w.sketched = false
	w.end()
}

func (w *uniqueWindow) Value(Span) value.Value { return value.Count(w.estimate()) }

// estimate is how many values there are.
func (w *uniqueWindow) estimate() uint64 {
	n := uint64(w.hashes.len)
	if w.sketches > 0 || n > maxExact || w.past != nil && w.past.sketch >= w.past.from {
		w.sketch()
		n = estimate(&w.histogram)
	} else if w.sketched {
		w.unsketch()
	}
	return n
}

func (w *uniqueWindow) compare(other Window) int {
	return cmp.Compare(w.estimate(), other.(*uniqueWindow).estimate())
}

// absorb adds the values that another window has.
func (w *uniqueWindow) absorb(other Window) {
	o := other.(*uniqueWindow)
	if o.sketches > 0 {
		w.sketch()
		w.sketches += o.sketches
		for _, s := range o.places.slots {
			if s.n != 0 {
				w.raise(int(s.key>>rankBits), uint8(s.key&(1<<rankBits-1)))
			}
		}
	}
	for _, s := range o.hashes.slots {
		if s.n != 0 {
			w.addHash(s.key)
		}
	}
}

// StandardError implements Estimator.
func (w *uniqueWindow) StandardError() float64 {
	if w.sketched {
		return registersError
	}
	return 0
}
