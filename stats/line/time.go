package line

import (
	"math/bits"
	"sync"
)

// Times that count as a line's own: from 1970 to before 2262, so that Unix
// nanoseconds fit 64 bits.
const (
	maxSecond = 9214646400 // 2262-01-01T00:00:00Z
	// minUnix is the least number that is taken for a Unix time: seconds
	// from 2001-09-09 on. A smaller one is rather a duration or a counter.
	minUnix = 1e9
)

// A clock reads times and remembers the second and the zone it read last,
// since the next line most often has the same.
type clock struct {
	second int64 // what was read last, in UTC
	nanos  uint32
	dated  bool // whether it is within the bounds

	iso, clf         lastSecond
	isoZone, clfZone lastZone
}

// A lastSecond is the text of a date and time, and its seconds as if in UTC.
type lastSecond struct {
	a, b, c uint64
	local   int64
}

type lastZone struct {
	text   uint64 // its six bytes
	offset int64
}

const sixBytes = 1<<48 - 1

// timestamp reads an RFC 3339 time at b[p:]: up to nine digits of a fraction,
// a zone of the form Z, +hh:mm or +hhmm. It gives the position after it, or
// -1 if there is none.
func (c *clock) timestamp(b []byte, p int) int {
	l := &c.iso
	if load(b, p) != l.a || load(b, p+8) != l.b || load(b, p+11) != l.c || l.a == 0 {
		local, ok := isoSecond(b[p : p+19])
		if !ok {
			return -1
		}
		*l = lastSecond{load(b, p), load(b, p+8), load(b, p+11), local}
	}
	i := p + 19
	nanos := uint32(0)
	if b[i] == '.' {
		i++
		if six, ok := sixDigits(load(b, i)); ok {
			nanos = six * 1000
			i += 6
			for scale := uint32(100); b[i]-'0' <= 9; scale /= 10 {
				if scale == 0 {
					return -1
				}
				nanos += uint32(b[i]-'0') * scale
				i++
			}
		} else {
			first := i
			for scale := uint32(1e8); b[i]-'0' <= 9; scale /= 10 {
				if scale == 0 {
					return -1
				}
				nanos += uint32(b[i]-'0') * scale
				i++
			}
			if i == first {
				return -1
			}
		}
	}
	offset, n := int64(0), 1
	if b[i] != 'Z' {
		z := &c.isoZone
		if zone := load(b, i) & sixBytes; zone == z.text && zone != 0 {
			offset, n = z.offset, 6
		} else {
			var ok bool
			offset, n, ok = zoneOffset(b[i : i+6])
			if !ok {
				return -1
			}
			if n == 6 {
				*z = lastZone{zone, offset}
			}
		}
	}
	c.set(l.local-offset, nanos)
	return i + n
}

// clfLength is the length of a time of the common log format.
const clfLength = len("22/Nov/2012:09:31:34 -0800")

// common reads a time of the common log format at b[p:] and gives the position
// after it, or -1.
func (c *clock) common(b []byte, p int) int {
	l := &c.clf
	if load(b, p) != l.a || load(b, p+8) != l.b || load(b, p+12) != l.c || l.a == 0 {
		local, ok := clfSecond(b[p : p+20])
		if !ok {
			return -1
		}
		*l = lastSecond{load(b, p), load(b, p+8), load(b, p+12), local}
	}
	z := &c.clfZone
	if zone := load(b, p+20) & sixBytes; zone != z.text || zone == 0 {
		offset, n, ok := zoneOffset(b[p+21 : p+27])
		if !ok || n != 5 || b[p+20] != ' ' {
			return -1
		}
		*z = lastZone{zone, offset}
	}
	c.set(l.local-z.offset, 0)
	return p + clfLength
}

func (c *clock) set(second int64, nanos uint32) {
	c.second, c.nanos, c.dated = second, nanos, uint64(second) < maxSecond
}

// any reads a whole value as a time: an RFC 3339 timestamp, or a Unix time in
// seconds (with a fraction), milliseconds, microseconds or nanoseconds, by its
// size. Eight bytes can be read after b[end].
func (c *clock) any(b []byte, start, end int, flags value) bool {
	if end-start >= 20 && c.timestamp(b, start) == end {
		return c.dated
	}
	if end == start || b[start]-'0' > 9 || flags&asText != 0 {
		return false
	}
	n, ok := parseNumber(b[start:end], flags&^durations)
	if !ok || n.Hi < 0 {
		return false
	}
	whole, fraction := bits.Div64(uint64(n.Hi), n.Lo, 1e9) // it fits
	if whole < minUnix {
		return false
	}
	unit := uint64(1e9) // nanoseconds of the number's unit
	for bound := uint64(1e11); unit > 1 && whole >= bound; bound *= 1000 {
		unit /= 1000
	}
	perSecond := 1e9 / unit
	c.set(int64(whole/perSecond), uint32(whole%perSecond*unit+fraction/perSecond))
	return c.dated
}

// isoSecond reads 2012-11-22T09:31:34 as if in UTC.
func isoSecond(b []byte) (int64, bool) {
	if b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	century, ok1 := twoDigits(b, 0)
	year, ok2 := twoDigits(b, 2)
	month, ok3 := twoDigits(b, 5)
	day, ok4 := twoDigits(b, 8)
	clock, ok5 := clockSecond(b[11:19])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return 0, false
	}
	days, ok := daysSince1970(century*100+year, month, day)
	return days*86400 + clock, ok
}

// clfSecond reads 22/Nov/2012:09:31:34 as if in UTC.
func clfSecond(b []byte) (int64, bool) {
	if b[2] != '/' || b[6] != '/' || b[11] != ':' || b[14] != ':' || b[17] != ':' {
		return 0, false
	}
	day, ok1 := twoDigits(b, 0)
	century, ok2 := twoDigits(b, 7)
	year, ok3 := twoDigits(b, 9)
	clock, ok4 := clockSecond(b[12:20])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return 0, false
	}
	days, ok := daysSince1970(century*100+year, monthOf(b[3:6]), day)
	return days*86400 + clock, ok
}

// monthOf gives the month of a name such as Nov, 0 if there is none.
func monthOf(b []byte) int64 {
	for i, name := range [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"} {
		if string(b) == name {
			return int64(i + 1)
		}
	}
	return 0
}

// clockSecond reads 09:31:34.
func clockSecond(b []byte) (int64, bool) {
	hour, ok1 := twoDigits(b, 0)
	minute, ok2 := twoDigits(b, 3)
	second, ok3 := twoDigits(b, 6)
	ok := ok1 && ok2 && ok3 && b[2] == ':' && b[5] == ':' && hour < 24 && minute < 60 && second < 60
	return hour*3600 + minute*60 + second, ok
}

func twoDigits(b []byte, i int) (int64, bool) {
	x, y := b[i]-'0', b[i+1]-'0'
	return int64(x)*10 + int64(y), x <= 9 && y <= 9
}

// daysSince1970 counts days of the Gregorian calendar, and says whether there
// is such a date. (Howard Hinnant, "chrono-Compatible Low-Level Date
// Algorithms": years begin in March, so that the leap day is the last.)
func daysSince1970(year, month, day int64) (int64, bool) {
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	if month <= 2 {
		year--
	}
	era := year / 400
	if year < 0 {
		era = -1
	}
	inEra := year - era*400
	inYear := (153*((month+9)%12)+2)/5 + day - 1
	return era*146097 + inEra*365 + inEra/4 - inEra/100 + inYear - 719468, true
}

func daysIn(year, month int64) int64 {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// zoneOffset reads +hh:mm or +hhmm and gives the seconds east and its length.
func zoneOffset(b []byte) (offset int64, n int, ok bool) {
	if b[0] != '+' && b[0] != '-' {
		return 0, 0, false
	}
	hour, ok := twoDigits(b, 1)
	if !ok || hour > 23 {
		return 0, 0, false
	}
	at := 3
	if b[3] == ':' {
		at = 4
	}
	if at+2 > len(b) {
		return 0, 0, false
	}
	minute, ok := twoDigits(b, at)
	if !ok || minute > 59 {
		return 0, 0, false
	}
	offset = hour*3600 + minute*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, at + 2, true
}

// sixDigits gives the number that the low six bytes of a little-endian word
// are in decimal.
func sixDigits(x uint64) (uint32, bool) {
	const zeros, highs, sixes = 0x303030303030, 0xf0f0f0f0f0f0, 0x060606060606
	x = x&sixBytes ^ zeros
	if x&highs != 0 || (x+sixes)&highs != 0 {
		return 0, false
	}
	// Neighbours to pairs, and the pairs are picked one by one.
	x = x*10 + x>>8
	return uint32(x&0xff)*10000 + uint32(x>>16&0xff)*100 + uint32(x>>32&0xff), true
}

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

// Time gives a line's own time in Unix nanoseconds, and whether it has one: the
// time that Parse finds. A line longer than MaxLen has none, and neither has one
// whose time has no year.
func Time(b []byte) (unixNanos int64, ok bool) {
	var t Times
	return t.Near(b, -1)
}

// Times reads the times of lines as Time does, faster where many have the same
// second. The zero Times is ready. It is for one goroutine.
type Times struct {
	clock clock
}

// Near is Time for lines that were written before a time, in Unix seconds: a
// time without a year is the newest one in UTC that is not more than a day later
// than that. It does not guess zones, so that a clock made of such times goes on
// as they do. Parse finds the same if it is told that clock by Scanner.Near.
func (t *Times) Near(b []byte, second int64) (unixNanos int64, ok bool) {
	// Where a line begins with a timestamp the rest says nothing about its time.
	const timestamps = 64 // none is as long, and eight bytes are read at once
	if n := len(b); n >= timestamps && n <= MaxLen && b[0]-'0' <= 9 && b[4] == '-' {
		c := &t.clock
		if c.timestamp(b, 0) >= 0 {
			return c.second*1e9 + int64(c.nanos), c.dated
		}
	}
	return parsedTime(b, second)
}

// parsedTime is Near by parsing the line.
func parsedTime(b []byte, second int64) (unixNanos int64, ok bool) {
	if n := len(b); n > MaxLen && (n > MaxLen+1 || b[n-1] != '\r') {
		return 0, false
	}
	t := scanners.Get().(*timeScanner)
	defer scanners.Put(t)
	t.buf = append(t.buf[:0], b...)
	t.buf = append(t.buf, make([]byte, Padding)...)
	t.scanner.near = second
	t.scanner.Parse(&t.event, t.buf, 0, len(b))
	at, nanos, ok := t.event.Time()
	return at*1e9 + int64(nanos), ok
}
