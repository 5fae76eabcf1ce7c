package line

import (
	"bytes"
	"math/bits"
	"time"

	"pulse/stats/timing"
)

// minUnix is the least number that is taken for a Unix time: seconds from
// 2001-09-09 on. A smaller one is rather a duration or a counter.
const minUnix = 1e9

// A clock reads times and remembers the second and the zone it read last,
// since the next line most often has the same.
type clock struct {
	second   int64 // what was read last, in UTC
	nanos    uint32
	dated    bool // whether it is within the bounds, and its zone is known
	named    bool // whether zoned found a zone
	zoneless bool // whether it had no zone and was taken for UTC's; not next to dated, see date
	strict   bool // whether it is as RFC 3339 has it

	zone    *time.Location            // of times that have none; nil: UTC
	regions map[string]*time.Location // by the names that lines have had; nil: there is no such zone

	iso, clf         lastSecond
	isoZone, clfZone lastZone
	local            lastLocal
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

// A lastLocal is a second as if in UTC, and how far its zone is east of it.
type lastLocal struct {
	zone          *time.Location
	local, offset int64
}

const sixBytes = 1<<48 - 1

// utcTwice is what Logplex writes after the Z of its own times.
var utcTwice = load([]byte("+00:00\x00\x00"), 0)

// timestamp reads an RFC 3339 time at b[p:]: up to nine digits of a fraction,
// a zone of the form Z, +hh:mm or +hhmm. It gives the position after it, or
// -1 if there is none.
func (c *clock) timestamp(b []byte, p int) int {
	if i := c.stamp(b, p); c.strict {
		return i
	}
	return -1
}

// stamp reads what timestamp reads, and what loggers make of it, which is not
// strict: a blank, a dash, an underscore or a small t for the T, slashes or points for the
// dashes of the date, a comma or a colon for the point, a zone after a blank, or none.
func (c *clock) stamp(b []byte, p int) int {
	c.strict = false
	l := &c.iso
	if load(b, p) != l.a || load(b, p+8) != l.b || load(b, p+11) != l.c || l.a == 0 {
		local, ok := isoSecond(b[p : p+19])
		if !ok {
			return -1
		}
		*l = lastSecond{load(b, p), load(b, p+8), load(b, p+11), local}
	}
	strict := b[p+10] == 'T'
	i := p + 19
	nanos := uint32(0)
	if b[i] == '.' || b[i] == ',' {
		strict = strict && b[i] == '.'
		if six, ok := sixDigits(load(b, i+1)); ok && b[i+7]-'0' > 9 { // as most have
			nanos, i = six*1000, i+7
		} else if nanos, i = fraction(b, i+1); i < 0 {
			return -1
		}
	} else if b[i] == ':' && digits(b, i+1) == i+4 && class[b[i+4]]&inValue == 0 { // milliseconds
		strict = false
		nanos, i = fraction(b, i+1)
	}
	if b[i] == 'Z' {
		if i++; load(b, i)&sixBytes == utcTwice {
			i += 6
		}
		c.set(l.local, nanos)
		c.strict = strict
		return i
	}
	z := &c.isoZone
	if zone := load(b, i) & sixBytes; zone == z.text && zone != 0 {
		c.set(l.local-z.offset, nanos)
		c.strict = strict
		return i + 6
	} else if b[i] == '+' || b[i] == '-' {
		offset, n, ok := zoneOffset(b[i : i+6])
		if !ok {
			return -1
		}
		if n == 6 {
			*z = lastZone{zone, offset}
		}
		if n == 3 && class[b[i+n]]&isAlnum != 0 {
			return -1
		}
		c.set(l.local-offset, nanos)
		c.strict = strict && n > 3
		return i + n
	}
	return c.zoned(b, i, l.local, nanos)
}

// fraction reads digits, of which those beyond the ninth do not count, and gives the
// nanoseconds that they are, and the position after them, or -1.
func fraction(b []byte, i int) (nanos uint32, next int) {
	first := i
	for scale := uint32(1e8); b[i]-'0' <= 9; scale /= 10 {
		nanos += uint32(b[i]-'0') * scale
		i++
	}
	if i == first {
		return 0, -1
	}
	return nanos, i
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

// set sets the time. Second 0 is what a clock says that was never set: no time.
func (c *clock) set(second int64, nanos uint32) {
	c.second, c.nanos, c.dated, c.zoneless = second, nanos, second > 0 && second < timing.LastLine, false
}

// day reads a time whose day comes first: 22/Nov/2012:09:31:34.123 -0800, with
// dashes or blanks for the slashes and a blank or two colons for the colon, or 22.11.2012
// 09:31:34, and as stamp has its fraction and zone. It gives the position after it, or -1.
func (c *clock) day(b []byte, p int) int {
	day, i := dayAt(b, p)
	separator := b[i]
	if i == p {
		return -1
	}
	month := int64(0)
	switch {
	case separator == '.' && b[i+3] == '.':
		if month, _ = twoDigits(b, i+1); digits(b, i+1) != i+3 {
			return -1
		}
		i += 4
	case (separator == '/' || separator == '-' || separator == ' ') && b[i+4] == separator:
		month = monthOf(b[i+1 : i+4])
		i += 5
	default:
		return -1
	}
	century, ok1 := twoDigits(b, i)
	year, ok2 := twoDigits(b, i+2)
	if i += 4; !ok1 || !ok2 || b[i] != ':' && b[i] != ' ' && b[i] != ',' {
		return -1
	}
	if b[i+1] == ':' && b[i] == ':' || b[i+1] == ' ' && b[i] == ',' { // Erlang's, and with a comma
		i++
	}
	days, ok := daysSince1970(century*100+year, month, day)
	clock, ok2 := clockSecond(b[i+1 : i+9])
	if i += 9; !ok || !ok2 {
		return -1
	}
	nanos := uint32(0)
	if b[i] == '.' || b[i] == ',' {
		if nanos, i = fraction(b, i+1); i < 0 {
			return -1
		}
	}
	return c.zoned(b, i, days*86400+clock, nanos)
}

// weekday reads a time that begins with one: as C's ctime has it, with a fraction
// as Apache does and a zone as date does (Thu Nov 22 09:31:34.123 UTC 2012), as
// RFC 1123 does (Thu, 22 Nov 2012 09:31:34 GMT), as JavaScript does (Thu Nov 22 2012
// 09:31:34 GMT+0000), or before a time of another form, as systemd and date have it
// (Thu 2012-11-22 09:31:34 UTC). It gives the position after it, or -1.
func (c *clock) weekday(b []byte, p int) int {
	if !isWeekday(b[p : p+3]) {
		return -1
	}
	if b[p+3] == ',' && b[p+4] == ' ' {
		if i := c.day(b, p+5); i >= 0 {
			return i
		}
		return c.shortYearLast(b, p+5)
	}
	if comma := bytes.Index(b[p+3:p+len("Wednesday, ")], []byte("day, ")); comma >= 0 {
		return c.shortYearLast(b, p+3+comma+len("day, "))
	}
	p += 4
	if b[p-1] != ' ' {
		return -1
	}
	if b[p]-'0' <= 9 {
		return c.date(b, p)
	}
	if !looksLikeBSD(b, p) {
		return c.month(b, p)
	}
	month, day, clock, ok := bsdSecond(b, p)
	i := p + bsdLength
	nanos := uint32(0)
	if ok && b[i] == '.' {
		nanos, i = fraction(b, i+1)
	}
	if !ok || i < 0 {
		return -1
	}
	zone, hasZone := i, false
	if next := meridiemEnd(b, i); next > 0 {
		i = next
	}
	if b[i] != ' ' {
		return -1
	}
	if class[b[i+1]]&isLetter != 0 || b[i+1] == '+' || b[i+1] == '-' {
		if i = word(b, i+1); b[i] != ' ' {
			return -1
		}
		hasZone = true
	}
	century, ok1 := twoDigits(b, i+1)
	year, ok2 := twoDigits(b, i+3)
	days, ok := daysSince1970(century*100+year, month, day)
	if !ok || !ok1 || !ok2 {
		return -1
	}
	if i += 5; class[b[i]]&isAlnum != 0 {
		return -1
	}
	if c.zoned(b, zone, days*86400+clock, nanos); hasZone && !c.named {
		c.dated = false // an unknown word
	}
	return i
}

// shortYearLast reads a time of RFC 850, 22-Nov-12 09:31:34 GMT, or RFC 822, with blanks for the
// dashes, from its day on. It gives the position after it, or -1.
func (c *clock) shortYearLast(b []byte, p int) int {
	day, i := dayAt(b, p)
	if i == p || b[i] != '-' && b[i] != ' ' || b[i+4] != b[i] {
		return -1
	}
	month := monthOf(b[i+1 : i+4])
	year, ok := twoDigits(b, i+5)
	if i += 7; !ok || b[i] != ' ' {
		return -1
	}
	if year += 2000; year >= 2070 { // as POSIX has it, but for a year
		year -= 100
	}
	days, ok := daysSince1970(year, month, day)
	clock, ok2 := clockSecond(b[i+1 : i+9])
	if !ok || !ok2 {
		return -1
	}
	return c.zoned(b, i+9, days*86400+clock, 0)
}

// month reads a time with a month first and a year: Nov 22 2012 09:31:34, also with the
// whole name of the month, commas after the day and the year, and no zero before the hour.
// It gives the position after it, or -1.
func (c *clock) month(b []byte, p int) int {
	month := monthOf(b[p : p+3])
	if month == 0 {
		return -1
	}
	i := p + 3
	for class[b[i]]&isLetter != 0 {
		i++
	}
	if name := b[p:i]; b[i] != ' ' || len(name) > 3 && !bytes.Equal(name, []byte(time.Month(month).String())) {
		return -1
	}
	i = spaces(b, i)
	day, next := dayAt(b, i)
	if next == i {
		return -1
	}
	if i = next; b[i] == ',' {
		i++
	}
	if b[i] != ' ' || digits(b, i+1) != i+5 {
		return -1
	}
	century, _ := twoDigits(b, i+1)
	year, _ := twoDigits(b, i+3)
	if i += 5; b[i] == ',' {
		i++
	}
	if b[i] == ' ' && b[i+1] == '@' && b[i+2] == ' ' { // Kibana's
		i += 2
	}
	days, ok := daysSince1970(century*100+year, month, day)
	clock, next := clockAt(b, i+1)
	if !ok || b[i] != ' ' || next < 0 {
		return -1
	}
	nanos := uint32(0)
	if i = next; b[i] == '.' || b[i] == ',' && b[i+1]-'0' <= 9 {
		if nanos, i = fraction(b, i+1); i < 0 {
			return -1
		}
	}
	return c.zoned(b, i, days*86400+clock, nanos)
}

// clockAt reads 09:31:34, also without the zero before the hour, and gives the position
// after it, or -1.
func clockAt(b []byte, i int) (clock int64, next int) {
	if b[i+1] != ':' {
		if clock, ok := clockSecond(b[i : i+8]); ok {
			return clock, i + 8
		}
		return 0, -1
	}
	padded := [8]byte{'0'}
	copy(padded[1:], b[i:])
	if clock, ok := clockSecond(padded[:]); ok {
		return clock, i + 7
	}
	return 0, -1
}

// commaDate reads 2012-11-22, 09:31:34, and gives the position after it, or -1.
func (c *clock) commaDate(b []byte, p int) int {
	const date = len("2012-11-22")
	var text [len("2012-11-22 09:31:34")]byte
	copy(text[copy(text[:], b[p:p+date]):], b[p+date+1:])
	second, ok := isoSecond(text[:])
	if !ok {
		return -1
	}
	return c.zoned(b, p+len(text)+1, second, 0)
}

// shortHour reads 2012-11-22 9:31:34, without the zero before the hour, and gives the position
// after it, or -1.
func (c *clock) shortHour(b []byte, p int) int {
	const date = len("2012-11-22 ")
	text := [len("2012-11-22 09:31:34")]byte{date: '0'}
	copy(text[:], b[p:p+date])
	copy(text[date+1:], b[p+date:])
	second, ok := isoSecond(text[:])
	if !ok {
		return -1
	}
	i, nanos := p+len(text)-1, uint32(0)
	if b[i] == '.' || b[i] == ',' && b[i+1]-'0' <= 9 {
		if nanos, i = fraction(b, i+1); i < 0 {
			return -1
		}
	}
	return c.zoned(b, i, second, nanos)
}

// compact reads a time without dashes: 20121122T093134.123Z, also with a blank or nothing
// for the T, and with colons, 20121122 09:31:34. It gives the position after it, or -1.
func (c *clock) compact(b []byte, p int) int {
	i := p + len("20121122")
	switch digits(b, p) - p {
	case len("20121122093134"):
	case len("20121122"):
		if b[i] != 'T' && b[i] != ' ' && b[i] != '-' && b[i] != '_' {
			return -1
		}
		i++
	default:
		return -1
	}
	clock, next := compactClock(b, i)
	century, _ := twoDigits(b, p)
	year, _ := twoDigits(b, p+2)
	month, _ := twoDigits(b, p+4)
	day, _ := twoDigits(b, p+6)
	days, ok := daysSince1970(century*100+year, month, day)
	if !ok || next < 0 {
		return -1
	}
	nanos := uint32(0)
	if i = next; b[i] == '.' || b[i] == ',' && b[i+1]-'0' <= 9 {
		if nanos, i = fraction(b, i+1); i < 0 {
			return -1
		}
	}
	second := days*86400 + clock
	switch {
	case b[i] == 'Z' && class[b[i+1]]&isAlnum == 0:
		c.set(second, nanos)
		return i + 1
	case b[i] == '+' || b[i] == '-':
		offset, n, ok := zoneOffset(b[i : i+6])
		if !ok {
			return -1
		}
		c.set(second-offset, nanos)
		return i + n
	}
	return c.zoned(b, i, second, nanos)
}

// compactClock reads 093134, or what clockAt reads, and gives the position after it, or -1.
func compactClock(b []byte, i int) (clock int64, next int) {
	if b[i+2] == ':' || b[i+1] == ':' {
		return clockAt(b, i)
	}
	if digits(b, i) != i+len("093134") {
		return 0, -1
	}
	clock, ok := clockSecond([]byte{b[i], b[i+1], ':', b[i+2], b[i+3], ':', b[i+4], b[i+5]})
	if !ok {
		return 0, -1
	}
	return clock, i + len("093134")
}

// shortYear reads a time whose year has two digits and comes first: 121122  9:31:34 or 121122
// 093134. It gives the position after it, or -1.
func (c *clock) shortYear(b []byte, p int) int {
	const date = len("121122")
	if digits(b, p) != p+date || b[p+date] != ' ' {
		return -1
	}
	year, _ := twoDigits(b, p)
	month, _ := twoDigits(b, p+2)
	day, _ := twoDigits(b, p+4)
	days, ok := daysSince1970(2000+year, month, day)
	clock, i := compactClock(b, spaces(b, p+date))
	if !ok || i < 0 {
		return -1
	}
	return c.zoned(b, i, days*86400+clock, 0)
}

func isWeekday(b []byte) bool {
	switch string(b) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// date reads a time of any of these forms at b[p:] and gives the position after it,
// or -1.
func (c *clock) date(b []byte, p int) int {
	switch {
	case b[p]-'0' > 9:
		if i := c.weekday(b, p); i >= 0 {
			return i
		}
		return c.month(b, p)
	case b[p+2] == '.':
		return c.day(b, p)
	case b[p+4]-'0' <= 9:
		return c.compact(b, p)
	case b[p+4] == '-' && b[p+10] == ',' && b[p+11] == ' ': // Airflow's
		return c.commaDate(b, p)
	case b[p+4] == '-' && b[p+12] == ':':
		return c.shortHour(b, p)
	case b[p+4] == '-' || b[p+4] == '/' || b[p+4] == '.' && b[p+7] == '.':
		return c.stamp(b, p)
	}
	return c.day(b, p)
}

// any reads a whole value as a time: of any form that date knows, also in
// brackets, or a Unix time in seconds (with a fraction), milliseconds, microseconds
// or nanoseconds, by its size. Eight bytes can be read after b[end].
func (c *clock) any(b []byte, start, end int) bool {
	if end-start >= len("2012-11-22T09:31:34Z") && b[start+4] == '-' && c.stamp(b, start) == end { // as most do
		return c.dated
	}
	for start < end && b[start] == ' ' {
		start++
	}
	for end > start && b[end-1] == ' ' {
		end--
	}
	if end-start >= len("22/Nov/12 09:31:34") {
		if b[start] == '[' && b[end-1] == ']' {
			start, end = start+1, end-1
		}
		if i := c.date(b, start); i == end || i >= 0 && afterZone(b, i, end) == end {
			return c.dated
		}
	} else if end-start >= len("20121122093134") && b[start+4]-'0' <= 9 && (b[start+8]-'0' > 9 || end-start == len("20121122093134")) && c.compact(b, start) == end {
		return c.dated
	}
	if end == start || b[start]-'0' > 9 {
		return false
	}
	n, ok := parseNumber(b[start:end], exponents)
	if !ok || n.Hi < 0 {
		return false
	}
	whole, fraction := bits.Div64(uint64(n.Hi), n.Lo, 1e9) // it fits
	return c.unix(whole, fraction)
}

// unix takes a number, in units and billionths of them, as a Unix time.
func (c *clock) unix(whole, fraction uint64) bool {
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

// isoSecond reads 2012-11-22T09:31:34 as if in UTC; dates may have slashes or points, and a
// blank, a dash or an underscore may stand for the T, the blank for the first digit of the
// hour too.
func isoSecond(b []byte) (int64, bool) {
	dashes, between := b[4] == '-' && b[7] == '-', b[10] == ' ' || b[10] == '-' || b[10] == '_'
	if !dashes && (b[4] != '/' && b[4] != '.' || b[7] != b[4] || !between) || b[10]|0x20 != 't' && !between || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	century, ok1 := twoDigits(b, 0)
	year, ok2 := twoDigits(b, 2)
	month, ok3 := twoDigits(b, 5)
	day, ok4 := twoDigits(b, 8)
	clock, ok5 := clockSecond(b[11:19])
	if b[10] == ' ' && b[11] == ' ' && b[12]-'0' <= 9 {
		minutes, ok := clockSecond([]byte{'0', '0', ':', b[14], b[15], ':', b[17], b[18]})
		clock, ok5 = int64(b[12]-'0')*3600+minutes, ok
	}
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

// clockSecond reads 09:31:34. A leap second, 60, is there at the end of a quarter of an
// hour alone, in whichever zone; it counts as the second after it, as in Unix time.
func clockSecond(b []byte) (int64, bool) {
	hour, ok1 := twoDigits(b, 0)
	minute, ok2 := twoDigits(b, 3)
	second, ok3 := twoDigits(b, 6)
	ok := ok1 && ok2 && ok3 && b[2] == ':' && b[5] == ':' && hour < 24 && minute < 60 && (second < 60 || second == 60 && minute%15 == 14)
	return hour*3600 + minute*60 + second, ok
}

// narrowBlank stands before AM and PM since the locale data of JDK 20.
const narrowBlank = "\u202f"

// meridiemEnd gives the position after AM or PM, also in small letters, after a blank at
// b[i:], 0 if there is neither.
func meridiemEnd(b []byte, i int) int {
	if b[i] == narrowBlank[0] && b[i+1] == narrowBlank[1] && b[i+2] == narrowBlank[2] {
		i += len(narrowBlank) - 1
	} else if b[i] != ' ' {
		return 0
	}
	if b[i+2]|0x20 != 'm' || b[i+1]|0x20 != 'a' && b[i+1]|0x20 != 'p' || class[b[i+3]]&isAlnum != 0 {
		return 0
	}
	return i + 3
}

// halfDay gives the second of a time of day in the half of the day that begins with
// a letter (a or p). It is not ok where they contradict each other: 15:00 AM, 0:00 PM.
func halfDay(half byte, second int64) (int64, bool) {
	const noon = 12 * 3600
	clock := second % 86400
	if half|0x20 == 'a' {
		if clock >= noon && clock < noon+3600 {
			return second - noon, true
		}
		return second, clock < noon
	}
	if clock < noon {
		return second + noon, clock >= 3600
	}
	return second, true
}

// dayAt reads a day of one or two digits, and gives the position after it.
func dayAt(b []byte, i int) (day int64, next int) {
	for next = i; next < i+2 && b[next]-'0' <= 9; next++ {
		day = day*10 + int64(b[next]-'0')
	}
	return day, next
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

// zoneOffset reads +hh:mm, +hhmm or +hh and gives the seconds east and its length.
func zoneOffset(b []byte) (offset int64, n int, ok bool) {
	if b[0] != '+' && b[0] != '-' {
		return 0, 0, false
	}
	hour, ok := twoDigits(b, 1)
	if !ok || hour > 23 {
		return 0, 0, false
	}
	next, minute := 3, int64(0)
	if b[3] == ':' || b[3]-'0' <= 9 {
		if b[3] == ':' {
			next = 4
		}
		if next+2 > len(b) {
			return 0, 0, false
		}
		if minute, ok = twoDigits(b, next); !ok || minute > 59 {
			return 0, 0, false
		}
		next += 2
	}
	offset = hour*3600 + minute*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, next, true
}

// sixDigits gives the number that the low six bytes of a little-endian word
// are in decimal.
func sixDigits(x uint64) (uint32, bool) {
	const zeros, highs, sixes = 0x303030303030, 0xf0f0f0f0f0f0, 0x060606060606
	x = x&sixBytes ^ zeros
	if x&highs != 0 || (x+sixes)&highs != 0 {
		return 0, false
	}
	// Neighbors to pairs, and the pairs are picked one by one.
	x = x*10 + x>>8
	return uint32(x&0xff)*10000 + uint32(x>>16&0xff)*100 + uint32(x>>32&0xff), true
}
