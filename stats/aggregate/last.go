package aggregate

import (
	"cmp"
	"encoding/binary"
	"slices"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/timing"
	"pulse/stats/value"
)

var lastKind = Description{
	Name:    "last",
	Aliases: []string{"gauge"},
	Doc:     "The newest of the field's numbers by its line's time, of equal times the greater: an exact decimal.",
	Example: []string{"last: ms"},
	Options: append(byKey(), over(60)),
	Shape:   value.ShapeNumber,
	Null:    true,
	Ratio:   true,
	New:     func(p Parameters) Kind { return last{p.Field} },
}

type last struct{ field line.Slot }

func (k last) NewPartial() Partial { return &newest{last: k} }
func (last) NewWindow() Window     { return new(lastWindow) }
func (last) Check(b []byte) error  { return new(newest).Join(b) }
func (k last) measured() line.Slot { return k.field }

// A reading is a number with its time.
type reading struct {
	second int64
	nanos  uint32
	number fixed.Number
}

// newReading gives the number of a field with the time of its event.
func newReading(ev *line.Event, field line.Slot) (s reading, ok bool) {
	if s.number, ok = ev.Number(field); ok {
		s.second, s.nanos = ev.Nanos()
		s.second = max(s.second, 0) // fragments have no other
	}
	return s, ok
}

// compare orders readings by time, then number.
func (s reading) compare(t reading) int {
	return cmp.Or(cmp.Compare(s.second, t.second), cmp.Compare(s.nanos, t.nanos), s.number.Cmp(t.number))
}

// maxNanos bounds the part of a second in a reading's time.
const maxNanos = 1e9 - 1

// appendTo appends the time, as two uvarints, and the number.
func (s reading) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.second))
	b = binary.AppendUvarint(b, uint64(s.nanos))
	return s.number.AppendBinary(b)
}

// readReading reads what appendTo appended.
func readReading(b []byte) (s reading, rest []byte, ok bool) {
	second, b, ok := uvarint(b, timing.LastSecond)
	if !ok {
		return s, nil, false
	}
	nanos, b, ok := uvarint(b, maxNanos)
	if !ok {
		return s, nil, false
	}
	number, size := fixed.DecodeBinary(b)
	if size == 0 {
		return s, nil, false
	}
	return reading{int64(second), uint32(nanos), number}, b[size:], true
}

// newest is the newest reading.
type newest struct {
	last
	some    bool
	reading reading
}

func (p *newest) Fold(ev *line.Event) bool {
	s, ok := newReading(ev, p.field)
	if ok {
		p.add(s)
	}
	return ok
}

func (p *newest) add(s reading) {
	if !p.some || s.compare(p.reading) > 0 {
		p.some, p.reading = true, s
	}
}

func (p *newest) Empty() bool { return !p.some }
func (p *newest) Reset()      { p.some, p.reading = false, reading{} }

func (p *newest) AppendTo(b []byte) []byte {
	if !p.some {
		return b
	}
	return p.reading.appendTo(b)
}

func (p *newest) Join(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	s, rest, ok := readReading(b)
	if !ok || len(rest) > 0 {
		return ErrMalformed
	}
	p.add(s)
	return nil
}

type lastWindow struct{ readings readings }

func (w *lastWindow) Add(p Partial) {
	if p := p.(*newest); p.some {
		w.readings.add(p.reading)
	}
}

func (w *lastWindow) Sub(p Partial) {
	if p := p.(*newest); p.some {
		w.readings.sub(p.reading)
	}
}

func (w *lastWindow) Value(Span) value.Value {
	if len(w.readings) == 0 {
		return nil
	}
	return decimal(w.readings.newest().number)
}

func (w *lastWindow) compare(other Window) int {
	return w.readings.newest().number.Cmp(other.(*lastWindow).readings.newest().number)
}

func (w *lastWindow) absorb(other Window) {
	if o := other.(*lastWindow).readings; len(o) > 0 {
		w.readings.add(o.newest())
	}
}

// readings are those of some seconds, ascending. What comes is most often the
// newest, and what goes the oldest.
type readings []reading

// add puts a reading in its place and returns where.
func (s *readings) add(x reading) (i int) {
	for i = len(*s); i > 0 && (*s)[i-1].compare(x) > 0; i-- {
	}
	*s = slices.Insert(*s, i, x)
	return i
}

// sub takes a reading out that was added, and returns where it was.
func (s *readings) sub(x reading) (i int) {
	i, _ = slices.BinarySearchFunc(*s, x, reading.compare)
	if i == 0 {
		*s = (*s)[1:]
	} else {
		*s = slices.Delete(*s, i, i+1)
	}
	return i
}

func (s readings) newest() reading { return s[len(s)-1] }
