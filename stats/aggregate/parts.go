package aggregate

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"pulse/stats/fixed"
	"pulse/stats/line"
)

// Kinds over parts (lastparts.go, delta.go) follow a gauge or a counter that
// several parts of a system report: what the texts of some fields are names the
// part. A second keeps each part's newest number alone, with its time.
//
// A second has room for so many parts (see capacity). Of more it keeps those
// whose names have the least hashes; of the others it keeps how many lines they
// had, and the sum and the greatest of their numbers. All of that follows from
// the second's lines alone: it is free of order and grouping, whatever comes.
//
// How many parts the lines are of that were left out is estimated from those that
// are kept, which are a random sample since their hashes are: a part has as many
// lines there as here. That is exact where all parts report equally often, be it
// each second or once ever, and an estimate elsewhere.

// parts is what these kinds share.
type parts struct {
	field line.Slot
	by    []line.Slot // none: there is one part
	room  int
}

func (k *parts) newPartial() Partial {
	return &reports{parts: k, keyer: keyer{fields: k.by}}
}

func (k *parts) newWindow() *partsWindow {
	return &partsWindow{members: make(map[string]*part)}
}

// A tallied is an account of lines: how many, and of their numbers the sum and
// the greatest.
type tallied struct {
	lines    uint64
	sum      fixed.Number
	greatest fixed.Number
}

func (t *tallied) add(u tallied) {
	if t.lines == 0 || u.lines > 0 && u.greatest.Cmp(t.greatest) > 0 {
		t.greatest = u.greatest
	}
	t.lines += u.lines
	t.sum = t.sum.Add(u.sum)
}

func (t *tallied) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, t.lines)
	return t.greatest.AppendBinary(t.sum.AppendBinary(b))
}

func readTallied(b []byte) (t tallied, rest []byte, ok bool) {
	if t.lines, b, ok = uvarint(b, maxCount); !ok || t.lines == 0 {
		return t, nil, false
	}
	for _, n := range [...]*fixed.Number{&t.sum, &t.greatest} {
		var size int
		if *n, size = fixed.DecodeBinary(b); size == 0 {
			return t, nil, false
		}
		b = b[size:]
	}
	return t, b, true
}

// reports is the partial: the parts' newest numbers. Its bytes are 0, or 1 and
// the account of the parts that are left out; then for each part, by name
// ascending, the chunk of its name, its reading, and the account of its lines.
type reports struct {
	*parts
	keyer
	keys keyTable[report]
	out  tallied
}

type report struct {
	newest reading
	lines  tallied
}

func (p *reports) Fold(ev *line.Event) bool {
	s, ok := newReading(ev, p.field)
	if !ok {
		return false
	}
	if key, ok := p.key(ev); ok {
		p.add(key, report{s, tallied{1, s.number, s.number}})
		if len(p.keys.entries) >= 2*p.room {
			p.trim()
		}
	}
	return true
}

func (p *reports) add(key []byte, r report) {
	hash := hashKey(key)
	if e := p.keys.find(key, hash); e != nil {
		if r.newest.compare(e.value.newest) > 0 {
			e.value.newest = r.newest
		}
		e.value.lines.add(r.lines)
		return
	}
	p.keys.add(key, hash).value = r
}

// trim leaves out the parts for which there is no room.
func (p *reports) trim() {
	p.keys.keep(p.room,
		func(a, b *keyEntry[report]) int { return 0 }, // by their hashes
		func(e *keyEntry[report]) { p.out.add(e.value.lines) })
}

func (p *reports) Empty() bool { return len(p.keys.entries) == 0 && p.out.lines == 0 }

func (p *reports) Reset() {
	p.keys.reset()
	p.out = tallied{}
}

func (p *reports) AppendTo(b []byte) []byte {
	if p.Empty() {
		return b
	}
	p.trim()
	if p.out.lines == 0 {
		b = append(b, keysExact)
	} else {
		b = p.out.appendTo(append(b, keysDropped))
	}
	for _, i := range p.keys.sorted(p.keys.byKey) {
		e := &p.keys.entries[i]
		b = appendChunk(b, p.keys.key(e))
		b = e.value.newest.appendTo(b)
		b = e.value.lines.appendTo(b)
	}
	return b
}

func (k *parts) Check(b []byte) error {
	_, err := k.read(b, func([]byte, report) {})
	return err
}

// read calls f with each part of bytes that AppendTo made.
func (k *parts) read(b []byte, f func(key []byte, r report)) (out tallied, err error) {
	if len(b) == 0 {
		return out, nil
	}
	kind, b := b[0], b[1:]
	ok := true
	switch {
	case kind == keysExact && len(b) > 0:
	case kind == keysDropped:
		if out, b, ok = readTallied(b); !ok {
			return out, ErrMalformed
		}
	default:
		return out, ErrMalformed
	}
	var last []byte
	for n := 0; len(b) > 0; n++ {
		var r report
		var key []byte
		if key, b, ok = chunk(b, maxKey); !ok || n == k.room || n > 0 && bytes.Compare(key, last) <= 0 {
			return out, ErrMalformed
		}
		if r.newest, b, ok = readReading(b); !ok {
			return out, ErrMalformed
		}
		if r.lines, b, ok = readTallied(b); !ok {
			return out, ErrMalformed
		}
		f(key, r)
		last = key
	}
	return out, nil
}

func (p *reports) Join(b []byte) error {
	if err := p.Check(b); err != nil {
		return err
	}
	out, err := p.read(b, p.add)
	p.out.add(out)
	p.trim()
	return err
}

// partsWindow has the readings of each part, and what they amount to.
type partsWindow struct {
	members map[string]*part
	sum     fixed.Number // of the parts' newest numbers
	lines   uint64       // of all parts that are kept
	out     tallied      // of parts left out; its greatest is not kept
	leaving []*reports   // seconds that left parts out

	moved func(s readings, i int, comes bool) // if it is not nil: a part's reading i has come, or goes
}

type part struct{ readings readings }

func (w *partsWindow) Add(p Partial) {
	s := p.(*reports)
	for i := range s.keys.entries {
		e := &s.keys.entries[i]
		key := s.keys.key(e)
		m := w.members[string(key)]
		if m == nil {
			m = new(part)
			w.members[string(key)] = m
		} else {
			w.sum = w.sum.Sub(m.readings.newest().number)
		}
		at := m.readings.add(e.value.newest)
		if w.moved != nil {
			w.moved(m.readings, at, true)
		}
		w.sum = w.sum.Add(m.readings.newest().number)
		w.lines += e.value.lines.lines
	}
	if s.out.lines > 0 {
		w.out.lines += s.out.lines
		w.out.sum = w.out.sum.Add(s.out.sum)
		w.leaving = append(w.leaving, s)
	}
}

func (w *partsWindow) Sub(p Partial) {
	s := p.(*reports)
	for i := range s.keys.entries {
		e := &s.keys.entries[i]
		key := s.keys.key(e)
		m := w.members[string(key)]
		w.lines -= e.value.lines.lines
		w.sum = w.sum.Sub(m.readings.newest().number)
		if w.moved != nil {
			at, _ := slices.BinarySearchFunc(m.readings, e.value.newest, reading.compare)
			w.moved(m.readings, at, false)
		}
		m.readings.sub(e.value.newest)
		if len(m.readings) == 0 {
			delete(w.members, string(key))
			continue
		}
		w.sum = w.sum.Add(m.readings.newest().number)
	}
	if s.out.lines > 0 {
		w.out.lines -= s.out.lines
		w.out.sum = w.out.sum.Sub(s.out.sum)
		i := slices.Index(w.leaving, s)
		w.leaving = slices.Delete(w.leaving, i, i+1)
	}
}

// BeyondRoom implements Bounded.
func (w *partsWindow) BeyondRoom() Beyond {
	if w.out.lines == 0 {
		return Beyond{}
	}
	return Beyond{Keys: w.count() - uint64(len(w.members)), Share: share(w.out.lines, w.lines)}
}

// count is how many parts the window has.
func (w *partsWindow) count() uint64 {
	kept := uint64(len(w.members))
	if w.exact() {
		return kept + w.out.lines
	}
	return kept + uint64(math.Round(float64(w.out.lines)*w.share()))
}

// share is the part of the lines that are the newest of their parts.
func (w *partsWindow) share() float64 { return float64(len(w.members)) / float64(w.lines) }

// exact reports whether total is exact; else it is estimated.
func (w *partsWindow) exact() bool { return w.out.lines == 0 || w.lines == uint64(len(w.members)) }

// total is the sum of what the parts have, if that is exact.
func (w *partsWindow) total() fixed.Number { return w.sum.Add(w.out.sum) }

// estimate is the sum of what the parts have, if that is not.
func (w *partsWindow) estimate() float64 { return w.sum.Float64() + w.out.sum.Float64()*w.share() }
