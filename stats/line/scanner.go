package line

import "bytes"

// A Scanner parses lines by a Schema. It learns from the lines it sees what
// the next may look like, which makes it faster and changes nothing else. It
// is for one goroutine.
type Scanner struct {
	schema *Schema
	clock  clock
	guess  guess
	path   []byte // of the JSON key that is read, with its padding
}

// NewScanner makes a Scanner.
func (s *Schema) NewScanner() *Scanner {
	return &Scanner{schema: s, guess: newGuess()}
}

// Parse parses the line buf[start:end] into ev. A trailing CR is not part of
// it. buf must have Padding bytes after end, of which the first is LF, CR or
// NUL. Parse does not fail: a line that no format fits has the fields unparsed
// (true) and line, and the time of a timestamp that it begins with.
func (sc *Scanner) Parse(ev *Event, buf []byte, start, end int) {
	if end > start && buf[end-1] == '\r' {
		end--
	}
	s := sc.schema
	ev.reset(s, buf)
	ev.put(s.line, start, end, asText)
	if sc.format(ev, buf, start, end) {
		return
	}
	ev.clearFields()
	ev.put(s.line, start, end, asText)
	ev.putConstant(s.unparsed, trueText, 0)
}

// format parses the line by the format that it has, if any. The first byte
// tells most of them apart.
func (sc *Scanner) format(ev *Event, b []byte, start, end int) bool {
	if start == end {
		return false
	}
	switch c := b[start]; {
	case c == '{':
		return sc.jsonLine(ev, b, start, end)
	case c == '<':
		return sc.syslog(ev, b, start, end)
	case c-'0' <= 9:
		if b[start+4] == '-' {
			if i := sc.clock.timestamp(b, start); i >= 0 {
				sc.date(ev)
				return b[i] == ' ' && (sc.heroku(ev, b, i+1, end) || sc.pulse(ev, b, i+1, end))
			}
		}
		if i := octetCount(b, start); i > 0 {
			return sc.syslog(ev, b, i, end)
		}
	}
	return sc.accessLine(ev, b, start, end) || sc.logfmtLine(ev, b, start, end)
}

// date gives the event the time that the clock read.
func (sc *Scanner) date(ev *Event) {
	ev.lineSecond, ev.lineNanos, ev.dated = sc.clock.second, sc.clock.nanos, sc.clock.dated
}

// message parses what comes after a header of Heroku's as a JSON object, as an
// access line or as attributes, if it looks like one of them.
func (sc *Scanner) message(ev *Event, b []byte, i, end int, kind bodyKind) {
	s := sc.schema
	if i >= end {
		return
	}
	ev.put(s.msg, i, end, asText)
	switch {
	case b[i] == '{':
		m := ev.mark()
		if !sc.object(ev, b, i, end, kind) {
			ev.rewind(&m)
		}
	case sc.access(ev, b, i, end):
	case looksLikeAttributes(b, i, end):
		sc.attributes(ev, b, i, end, kind)
	}
}

// index gives the position of c in b[i:end], or -1.
func index(b []byte, i, end int, c byte) int {
	if j := bytes.IndexByte(b[i:end], c); j >= 0 {
		return i + j
	}
	return -1
}

// word gives the end of the word at i: of the bytes above the space.
func word(b []byte, i int) int {
	for class[b[i]]&inWord != 0 {
		i++
	}
	return i
}
