package line

import (
	"bytes"
	"math/bits"
)

// A Scanner parses lines by a Schema. It learns from the lines it sees what
// the next may look like, which makes it faster and changes nothing else. It
// is for one goroutine.
type Scanner struct {
	schema    *Schema
	origin    *origin // of the lines; nil: none
	clock     clock
	guess     guess
	stops     stops       // of the attributes or the JSON object that is read
	whos      [whos]who   // of Pulse lines
	other     who         // one that is not kept
	tail      tail        // of an access line
	between   clfBetween  // of an access line
	members   members     // of a JSON line
	skeletons skeletons   // of JSON lines
	key       []byte      // of the JSON member that is read, with those around it and its padding
	plain     []byte      // a line without its colors, or that was in another one
	depth     int         // of lines in others
	columns   []w3cColumn // of W3C lines; nil: those of servers that nobody configured
	near      int64       // when the lines are read; -1 if it is not known
	zones     bool        // whether a zone is guessed by it

	own     ownReading
	origins map[Origin]*origin // that are ready
	headers headers            // of Pulse lines
}

// NewScanner makes a Scanner.
func (s *Schema) NewScanner() *Scanner {
	sc := &Scanner{schema: s, near: -1, own: s.formats.newReading()}
	sc.guess.forget()
	sc.skeletons.forget()
	return sc
}

// Parse parses the line buf[start:end] into ev. A trailing CR is not part of
// it, and neither are blanks and a mark of UTF-8 before it, but of the field line.
// buf must have Padding bytes after end, of which the first is LF, CR or
// NUL. Parse does not fail: a line that no format fits has the fields unparsed
// (true) and line, and the time of a timestamp that it begins with.
func (sc *Scanner) Parse(ev *Event, buf []byte, start, end int) {
	if end > start && buf[end-1] == '\r' {
		end--
	}
	first, s := start, sc.schema
	ev.reset(s, buf)
	if sc.guess.unknown >= relearn {
		sc.guess.forget()
	}
	ev.put(s.at[ofLine], start, end, asText)
	if o := sc.origin; o != nil {
		o.parse(sc, ev, buf, start, end)
	} else if start = begin(buf, start, end); !sc.fits(ev, buf, start, end) && !sc.recolored(ev, buf, start, end, nil) {
		ev.unparsed(s, first, end)
	}
	if sc.own.inner != nil {
		sc.fitFields(ev)
	}
}

// recolored parses a line without its colors, if it has any, by a format (nil: the
// one that it has).
func (sc *Scanner) recolored(ev *Event, b []byte, start, end int, f *Format) bool {
	if bytes.IndexByte(b[start:end], escape) < 0 {
		return false
	}
	b, start, end = sc.uncolored(ev, b, start, end)
	if start = begin(b, start, end); f == nil {
		return sc.fits(ev, b, start, end)
	}
	return f.parse(sc, ev, b, start, end)
}

// begin gives where what counts of a line begins: after a mark of UTF-8, which a
// file may begin with, and blanks.
func begin(b []byte, start, end int) int {
	if b[start]-'!' < 0xef-'!' { // as most do
		return start
	}
	return afterBlanks(b, start, end)
}

func afterBlanks(b []byte, start, end int) int {
	if bytes.HasPrefix(b[start:end], utf8Mark) {
		start += len(utf8Mark)
	}
	return spaces(b, start)
}

var utf8Mark = []byte("\xef\xbb\xbf")

// recognize parses the line by the format that it has, if it has one.
func (sc *Scanner) recognize(ev *Event, b []byte, start, end int) bool {
	if start == end {
		return false
	}
	c := b[start]
	if c-'0' <= 9 && (b[start+4] == '-' || b[start+4] == '/' || b[start+4] == '.') {
		if i := sc.clock.stamp(b, start); i >= 0 {
			if i == end && !sc.clock.strict {
				return false // more likely one that was cut off
			}
			sc.date(ev)
			if !endsTime(b[i]) {
				if i = afterZone(b, i, end); !endsTime(b[i]) {
					return false
				}
			}
			o := openingOf(b, start, i, end)
			for _, f := range tryDated {
				if f.dated(sc, ev, b, o) {
					ev.format = f.id
					return true
				}
			}
			return false
		}
	}
	for _, f := range tries[c] {
		if f.line(sc, ev, b, start, end) {
			ev.format = f.id
			return true
		}
	}
	return false
}

// deepest is how many lines may be in one another.
const deepest = 3

// known parses a line that is in another one, as b[i:end], by the format that it has, if
// it has one. The time of the outer one counts, if it has one.
func (sc *Scanner) known(ev *Event, b []byte, i, end int) bool {
	second, nanos, dated := ev.lineSecond, ev.lineNanos, ev.dated
	m, known := ev.mark(), false
	ev.half = false
	if sc.depth < deepest {
		sc.depth++
		known = sc.fits(ev, b, begin(b, i, end), end) || sc.recolored(ev, b, i, end, nil)
		sc.depth--
	}
	if !known {
		ev.rewind(&m)
		ev.text[0] = b
	}
	if dated {
		ev.lineSecond, ev.lineNanos, ev.dated = second, nanos, true
	}
	return known
}

// enveloped is known of a line in an envelope. Its own time counts, and where it has none
// that of the envelope.
func (sc *Scanner) enveloped(ev *Event, b []byte, i, end int) bool {
	second, nanos, dated := ev.lineSecond, ev.lineNanos, ev.dated
	ev.dated, ev.zoneless = false, false
	known := sc.known(ev, b, i, end)
	if dated && !(known && ev.dated && (!ev.zoneless || near(ev.lineSecond, second))) {
		ev.lineSecond, ev.lineNanos, ev.dated = second, nanos, true
	}
	return known
}

// near reports whether a line may have been written at a second, if its envelope has
// another one: a time without a zone that is further from it is that of a clock on a wall.
func near(line, envelope int64) bool {
	const before, after = 14 * 60, 60 // all zones are further apart
	return envelope-line <= before && line-envelope <= after
}

// innerLine is enveloped, or takes the line for a message that gives no field.
func (sc *Scanner) innerLine(ev *Event, b []byte, i, end int) bool {
	known := sc.enveloped(ev, b, i, end)
	if !known {
		ev.put(sc.schema.at[ofMsg], i, end, asText)
		ev.half = true
	}
	return known
}

// A placed is a field of an outer line's header, and where it is.
type placed struct {
	field given
	at    span
}

// inner is innerLine, with fields of the outer line's header, which are in b.
func (sc *Scanner) inner(ev *Event, b []byte, i, end int, flags value, headers ...placed) bool {
	wasInner := ev.inner
	known := sc.innerLine(ev, b, i, end)
	if ev.inner && !wasInner {
		flags |= inOuter
	}
	for _, h := range headers {
		ev.put(sc.schema.at[h.field], h.at.start, h.at.end, flags|asText)
	}
	return known
}

// date gives the event the time that the clock read. Its two bools must not be neighbors in the
// clock: they would be read as one word just after each was written alone, which takes longer
// than all else here, since the processor waits until both are in the cache.
func (sc *Scanner) date(ev *Event) {
	ev.lineSecond, ev.lineNanos, ev.dated, ev.zoneless = sc.clock.second, sc.clock.nanos, sc.clock.dated, sc.clock.zoneless
}

// message parses what comes after a header as a JSON object, as attributes, or
// as a message of another format, if it looks like one of them. Its source begins
// at the position of that name.
func (sc *Scanner) message(ev *Event, b []byte, i, end int, kind bodyKind, source int) {
	if i >= end {
		return
	}
	ev.put(sc.schema.at[ofMsg], i, end, asText)
	switch {
	case b[i] == '{':
		ev.half = !sc.tryObject(ev, b, i, end, kind)
	case looksLikeAttributes(b, i, end):
		if b[end-1] == '}' && kind >= syslogBody {
			if at := bytes.Index(b[i:end], []byte(` {"`)); at > 0 && sc.tryObject(ev, b, i+at+1, end, kind) {
				end = i + at
			}
		}
		sc.attributes(ev, b, i, end, kind, kind.root(b, source))
	default:
		ev.half = !sc.oddMessage(ev, b, i, end, kind, source)
	}
}

// tryObject puts the fields of b[i:end] if it is a JSON object.
func (sc *Scanner) tryObject(ev *Event, b []byte, i, end int, kind bodyKind) bool {
	m := ev.mark()
	if sc.object(ev, b, i, end, kind) {
		return true
	}
	ev.rewind(&m)
	return false
}

// oddMessage parses a message of another format, a colored one, a quoted text
// with attributes after it, and a text with a JSON object after it.
func (sc *Scanner) oddMessage(ev *Event, b []byte, i, end int, kind bodyKind, source int) bool {
	if (kind == syslogBody || kind == hostlessBody) && b[i]-'0' <= 9 && sc.loggedMessage(ev, b, i, end, kind, source) {
		return true
	}
	for _, f := range tryMessage[b[i]] {
		if f.message(sc, ev, b, i, end) {
			return true
		}
	}
	if bytes.IndexByte(b[i:end], escape) >= 0 {
		root := kind.root(b, source)
		b, i, end = sc.uncolored(ev, b, i, end)
		ev.put(sc.schema.at[ofMsg], i, end, asText)
		if looksLikeAttributes(b, i, end) {
			sc.attributes(ev, b, i, end, kind, root)
			return true
		}
	}
	if i < end && b[i] == '"' {
		if close, _ := closingQuote(b, i+1, end); close >= 0 && b[close+1] == ' ' && looksLikeAttributes(b, close+2, end) {
			sc.attributes(ev, b, close+2, end, kind, int32(kind)*roots)
			return true
		}
	}
	if cee := []byte("@cee:"); bytes.HasPrefix(b[i:end], cee) { // rsyslog's word for JSON
		if at := spaces(b, i+len(cee)); b[at] == '{' {
			return sc.tryObject(ev, b, at, end, kind)
		}
	}
	if at := afterBrackets(b, i, end); at > i && looksLikeAttributes(b, at, end) {
		sc.attributes(ev, b, at, end, kind, int32(kind)*roots)
		return true
	}
	for end > i && (b[end-1] == ' ' || bytes.HasSuffix(b[i:end], []byte(" []"))) { // what Monolog writes for nothing
		end--
		if b[end] == ']' {
			end -= len(" [")
		}
	}
	if end > i && b[end-1] == '}' {
		if at := bytes.Index(b[i:end], []byte(" {")); at >= 0 {
			return sc.tryObject(ev, b, i+at+1, end, kind)
		}
	}
	return false
}

// afterBrackets gives the position after parts in brackets that a message begins with:
// Linux has the time since its start there, ufw what became of a packet, and others the
// request.
func afterBrackets(b []byte, i, end int) int {
	for i < end && b[i] == '[' {
		close := index(b, i, end, ']')
		if close < 0 || b[close+1] != ' ' {
			break
		}
		for i = close + 1; i < end && b[i] == ' '; i++ {
		}
	}
	return i
}

// loggedMessage parses what a logger wrote, with a date of its own, after syslog's header:
//
//	2025-11-22 09:31:34,123 ERROR [main] com.example.Shop - sold out
func (sc *Scanner) loggedMessage(ev *Event, b []byte, i, end int, kind bodyKind, source int) bool {
	at := sc.clock.date(b, i)
	if at < 0 || b[at] != ' ' {
		return false
	}
	second, nanos, dated := sc.clock.second, sc.clock.nanos, sc.clock.dated
	var h logHeader
	c := cursor{b: b, i: at, end: end}
	if !c.beforeLevel(&h) {
		return false
	}
	c.afterLevel(&h)
	sc.give(ev, ofLevel, h.level)
	sc.give(ev, ofSource, h.source)
	sc.give(ev, ofLogger, h.source)
	sc.give(ev, ofPs, h.ps)
	sc.give(ev, ofCaller, h.caller)
	if i = min(c.i, end); i == end {
		ev.put(sc.schema.at[ofMsg], i, end, asText)
	}
	sc.message(ev, b, i, end, kind, source)
	ev.half = false
	sc.clock.second, sc.clock.nanos, sc.clock.dated = second, nanos, dated // for the header's year
	return true
}

// A span is a part of a buffer.
type span struct{ start, end int }

// index gives the position of c in b[i:end], or -1.
func index(b []byte, i, end int, c byte) int {
	if j := bytes.IndexByte(b[i:end], c); j >= 0 {
		return i + j
	}
	return -1
}

// Words of eight equal bytes.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// word gives the end of the word at i: of the bytes above the space. It looks
// at eight bytes at once: a byte below 0x21 borrows, which shows in its highest
// bit; what is above the first such byte may show too.
func word(b []byte, i int) int {
	for {
		x := load(b, i)
		if below := (x - ('!' * ones)) &^ x & highs; below != 0 {
			return i + bits.TrailingZeros64(below)>>3
		}
		i += 8
	}
}

// wordOr gives the end of the word at i or the first c or d in it.
func wordOr(b []byte, i int, c, d byte) int {
	cs, ds := uint64(c)*ones, uint64(d)*ones
	for {
		x := load(b, i)
		c, d := x^cs, x^ds
		if found := ((x-('!'*ones))&^x | (c-ones)&^c | (d-ones)&^d) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
		i += 8
	}
}

// sevens is all bits of eight bytes but the highest of each.
const sevens = 0x7f * ones

// within gives the highest bit of each byte of x, which are below 0x80, that is from low
// to high.
func within(x uint64, low, high byte) uint64 {
	return (x + uint64(0x80-low)*ones) &^ (x + uint64(0x7f-high)*ones)
}

// plainEnd gives the end of the bytes of class inValue at i.
func plainEnd(b []byte, i int) int {
	for {
		x := load(b, i)
		low := x & sevens
		out := (^(within(low|0x20*ones, 'a', 'z')|within(low, '-', ':'))&others(low, '_') | x) & highs
		if out != 0 {
			return i + bits.TrailingZeros64(out)>>3
		}
		i += 8
	}
}

// keyEnd gives the end of the bytes of class inKey at i.
func keyEnd(b []byte, i int) int {
	for {
		x := load(b, i)
		low := x & sevens
		out := (^(within(low|0x20*ones, 'a', 'z')|within(low, '-', '9')&others(low, '/'))&others(low, '_') | x) & highs
		if out != 0 {
			return i + bits.TrailingZeros64(out)>>3
		}
		i += 8
	}
}

// others gives the highest bit of each byte of x, which are below 0x80, that is not c.
func others(x uint64, c byte) uint64 { return (x ^ uint64(c)*ones) + sevens }

// notDigits gives the highest bit of each byte that is not a digit, of bytes of which each was
// XORed with '0': a digit is a byte up to 9 then.
func notDigits(x uint64) uint64 { return (x&sevens + (0x7f-9)*ones | x) & highs }

// quoteOrBackslash gives the position of the first double quote or backslash
// in b[i:end], or end.
func quoteOrBackslash(b []byte, i, end int) int {
	for ; i < end; i += 8 {
		x := load(b, i)
		quote, backslash := x^'"'*ones, x^'\\'*ones
		if found := ((quote-ones)&^quote | (backslash-ones)&^backslash) & highs; found != 0 {
			return min(i+bits.TrailingZeros64(found)>>3, end)
		}
	}
	return end
}

// quotes gives the highest bit of the first double quote or backslash in x, and perhaps
// some of the bytes above it.
func quotes(x uint64) uint64 {
	quote, backslash := x^'"'*ones, x^'\\'*ones
	return ((quote-ones)&^quote | (backslash-ones)&^backslash) & highs
}

// textEnd gives the position of the first double quote or backslash in the 16 bytes at i, or that
// after them. There is no branch that depends on where it is.
func textEnd(b []byte, i int) int {
	found, at := quotes(load(b, i+8)), 8
	if next := quotes(load(b, i)); next != 0 {
		found, at = next, 0
	}
	return i + at + bits.TrailingZeros64(found)>>3
}
