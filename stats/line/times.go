package line

import (
	"slices"
	"sync"
)

// scanners are those of Times, which want no field.
var scanners = sync.Pool{New: func() any {
	s, err := NewSchema()
	if err != nil {
		panic(err) // no field is not too many
	}
	return &timeScanner{scanner: s.NewScanner()}
}}

type timeScanner struct {
	scanner *Scanner
	event   Event
	buf     []byte
}

// Times reads the own times of lines: those that Parse finds, faster where many have
// the same second. The zero Times is ready. It is for one goroutine.
type Times struct {
	clock clock
	from  Origin
	named bool         // it names a format
	own   *timeScanner // where there are formats of a definitions file
}

// Of says that lines may be of the formats that a Schema has beside those of Pulse;
// nil: of none.
func (t *Times) Of(s *Schema) {
	if t.own = nil; s != nil {
		t.own = &timeScanner{scanner: s.NewScanner()}
	}
}

// From says where the lines that come next are from: their format and the zone
// of their times.
func (t *Times) From(o Origin) {
	t.from, t.named, t.clock.zone = o, false, nil
	for key, value := range o.Fields() {
		t.named = t.named || key == FormatField
		if key == ZoneField {
			t.clock.zone, _ = ParseZone(value)
		}
	}
}

// Near gives a line's own time in Unix nanoseconds, and whether it has one. The line
// was written before a time, in Unix seconds: a time without a year is the newest one
// in UTC that is not more than a day later than that; with a time below 0 it is not
// known. A line longer than MaxLen has none. Near does not guess zones, so that a
// clock made of such times goes on as they do. Parse finds the same if it is told that
// clock by Scanner.NearRecorded.
func (t *Times) Near(b []byte, second int64) (unixNanos int64, ok bool) {
	// Where a line begins with a timestamp the rest says nothing about its time, unless a
	// container's line is behind it.
	const timestamps = 64 // none is as long, but digits or letters may go on from it
	if n := len(b); !t.named && t.own == nil && n >= timestamps && n <= MaxLen && b[0]-'0' <= 9 {
		var head [2*timestamps + Padding]byte
		copy(head[:2*timestamps], b)
		c := &t.clock
		if i := c.stamp(head[:], 0); i >= 0 && i < timestamps && c.dated && head[i] != escape && string(head[i:i+len(" std")]) != " std" {
			return c.second*1e9 + int64(c.nanos), true
		}
	}
	return t.parsed(b, second)
}

// parsed is Near by parsing the line.
func (t *Times) parsed(b []byte, second int64) (unixNanos int64, ok bool) {
	if n := len(b); n > MaxLen && (n > MaxLen+1 || b[n-1] != '\r') {
		return 0, false
	}
	x := t.own
	if x == nil {
		x = scanners.Get().(*timeScanner)
		defer scanners.Put(x)
	}
	x.buf = append(x.buf[:0], b...)
	x.buf = append(x.buf, make([]byte, Padding)...)
	x.scanner.From(t.from)
	x.scanner.near = second
	x.scanner.Parse(&x.event, x.buf, 0, len(b))
	at, nanos, ok := x.event.Time()
	return at*1e9 + int64(nanos), ok
}

// IsTime says whether a field's value is a time: a date and a time of day in any form that
// lines have them in, or a Unix time if a line's own time has the field's name.
func IsTime(name, value string) bool {
	b := append([]byte(value), make([]byte, Padding)...)
	if _, number := parseNumber(b[:len(value)], exponents); number && !slices.Contains(timeNames, name) {
		return false
	}
	var c clock
	return c.any(b, 0, len(value))
}
