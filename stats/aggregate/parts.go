package aggregate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
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

// parts is what these kinds share.
type parts struct {
	field line.Slot
	by    []line.Slot // none: there is one part
	room  int
	value func(w *partsWindow) json.RawMessage
}

func (k *parts) NewPartial() Partial {
	return &reports{parts: k, keyer: keyer{fields: k.by}}
}

func (k *parts) NewWindow() Window {
	return &partsWindow{parts: k, members: make(map[string]*part)}
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

func (p *reports) Fold(ev *line.Event) {
	s, ok := newReading(ev, p.field)
	if !ok {
		return
	}
	if key, ok := p.key(ev); ok {
		p.add(key, report{s, tallied{1, s.number, s.number}})
		if len(p.keys.entries) >= 2*p.room {
			p.trim()
		}
	}
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
	*parts
	members map[string]*part
	sum     fixed.Number // of the parts' newest numbers
	growth  fixed.Number // of all parts
	out     tallied      // of parts left out; its greatest is not kept
	leaving []*reports   // seconds that left parts out
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
		w.growth = w.growth.Add(m.readings.growthAt(at))
		w.sum = w.sum.Add(m.readings.newest().number)
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
		w.sum = w.sum.Sub(m.readings.newest().number)
		at, _ := slices.BinarySearchFunc(m.readings, e.value.newest, reading.compare)
		w.growth = w.growth.Sub(m.readings.growthAt(at))
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

// growthAt is by how much reading i makes its part's growth greater.
func (s readings) growthAt(i int) (n fixed.Number) {
	if i > 0 {
		n = n.Add(growth(s[i-1], s[i]))
	}
	if i+1 < len(s) {
		n = n.Add(growth(s[i], s[i+1]))
		if i > 0 {
			n = n.Sub(growth(s[i-1], s[i+1]))
		}
	}
	return n
}

// growth is that of a counter from one reading to the next: a lesser number is
// one that began anew at 0.
func growth(from, to reading) fixed.Number {
	if to.number.Cmp(from.number) < 0 {
		return to.number
	}
	return to.number.Sub(from.number)
}

func (w *partsWindow) Value() json.RawMessage { return w.value(w) }

// count is how many parts the window has.
func (w *partsWindow) count() uint64 { return uint64(len(w.members)) + w.out.lines }

// total is the sum of what they have.
func (w *partsWindow) total() fixed.Number { return w.sum.Add(w.out.sum) }
