package line

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxDepth is the greatest depth of objects whose keys are read: a deeper
	// one is kept as text, as arrays are.
	maxDepth = 8
	// maxNesting is the greatest depth of objects and arrays in a line.
	maxNesting = 128
	// maxPath is the greatest length of a key with those around it.
	maxPath = 256
	tooLong = -1
)

var jsonFormat = &Format{
	Name: "json",
	Doc: []FormatDoc{{
		"JSON", "`{\"time\":\"2012-11-22T09:31:34Z\",\"user\":{\"id\":7}}`",
		"each key, those within objects with dots (`user.id`) to a depth of 8; an array is text, null is missing",
	}, {
		"Docker's JSON", "`{\"log\":\"LINE\\n\",\"stream\":\"stdout\",\"time\":\"2012-11-22T09:31:34.123456789Z\"}`",
		"`log`, `stream`, `time`; those of the line, in any format of these",
	}, {
		"journald's JSON", "`{\"__REALTIME_TIMESTAMP\":\"1353576694123456\",\"MESSAGE\":\"LINE\",\"PRIORITY\":\"6\"}`",
		"each key; those of the line, in any format of these, also where journald writes the line as the numbers of its bytes",
	}},
	Samples: []Sample{{
		`{"time":"2012-11-22T09:31:34.5Z","level":"info","n":-1.5e3,"user":{"id":7},"tags":[1,2],"none":null,"msg":"m"}`,
		"2012-11-22T09:31:34.5Z", map[string]string{"time": "'2012-11-22T09:31:34.5Z", "level": "'info", "n": "-1500", "user.id": "7", "tags": "'[1,2]", "msg": "'m"},
	}, {
		`{"log":"{\"status\":500,\"n\":1}\n","stream":"stdout","time":"2012-11-22T09:31:36.1Z"}`,
		"2012-11-22T09:31:36.1Z", map[string]string{
			"log": "'{\"status\":500,\"n\":1}\n", "stream": "'stdout", "time": "'2012-11-22T09:31:36.1Z", "status": "500", "n": "1", "msg": `'{"status":500,"n":1}`,
		},
	}, {
		`{"_HOSTNAME":"web-1","__REALTIME_TIMESTAMP":"1353576694123456","PRIORITY":"6","SYSLOG_IDENTIFIER":"shop","MESSAGE":"status=500 path=\"/a\""}`,
		"2012-11-22T09:31:34.123456Z", map[string]string{
			"_HOSTNAME": "'web-1", "__REALTIME_TIMESTAMP": "1353576694123456", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "'shop", "MESSAGE": "'status=500 path=\"/a\"",
			"status": "500", "path": "'/a", "msg": "'status=500 path=\"/a\"",
		},
	}},
	Fields: []given{ofStream},
	first:  oneOf("{"),
	line:   (*Scanner).jsonLine,
}

// jsonLine parses a line that is a JSON object. Its time is that of the first
// of the keys time, timestamp, ts, t and @timestamp that has one, and msg is
// the whole line if it has no such key.
func (sc *Scanner) jsonLine(ev *Event, b []byte, start, end int) bool {
	sc.members = members{}
	if !sc.object(ev, b, start, end, wholeLine) {
		ev.dated = false
		return false
	}
	m := &sc.members
	if m.text.end > 0 {
		ev.half = end-start-(m.text.end-m.text.start) <= mostFrames && sc.skeletons.isAllText(b, start)
	}
	if !ev.inner {
		sc.unwrap(ev, b, start)
	}
	sc.defaultMessage(ev, start, end)
	return true
}

// unwrap parses the line that is in a member of the JSON object at i, if there is one: in
// that which the origin names, or in what journald and Docker write.
func (sc *Scanner) unwrap(ev *Event, b []byte, i int) {
	m := &sc.members
	if o := sc.origin; o != nil && o.unwrap != "" {
		if text, escaped, found := textMember(b, i, o.unwrap); found {
			b, first, last := sc.unwrapped(ev, b, text, escaped)
			sc.innerLine(ev, b, first, last)
		}
		return
	}
	switch {
	case m.text.end == 0:
		if m.journal && m.array.end > 0 {
			sc.journalBytes(ev, b)
		}
	case m.stream.end > 0:
		sc.containerLine(ev, b)
	case m.date && m.log:
		half := ev.half
		inner, first, last := sc.unwrapped(ev, b, m.text, m.escaped)
		if !sc.enveloped(ev, inner, first, last) {
			ev.half, ev.text[0] = half, b
		}
	case m.journal:
		b, first, last := sc.unwrapped(ev, b, m.text, m.escaped)
		sc.innerLine(ev, b, first, last)
	}
}

// containerLine parses the line of a container that Docker keeps as JSON:
//
//	{"log":"the line\n","stream":"stdout","time":"2012-11-22T09:31:34.123456789Z"}
func (sc *Scanner) containerLine(ev *Event, b []byte) {
	stream := sc.members.stream
	b, first, last := sc.unwrapped(ev, b, sc.members.text, sc.members.escaped)
	sc.inner(ev, b, first, last, inOuter, placed{ofStream, stream})
}

// journalBytes parses a line that journald writes as the numbers of its bytes, as it does
// where one of them is a control character, such as that of a color, or is not UTF-8.
func (sc *Scanner) journalBytes(ev *Event, b []byte) {
	out := ev.text[1]
	first := len(out)
	for i := sc.members.array.start; b[i] != ']'; {
		i = spaces(b, i+1)
		n, at := 0, i
		for ; b[i]-'0' <= 9 && i-at < 4; i++ {
			n = 10*n + int(b[i]-'0')
		}
		if i = spaces(b, i); i == at || n > 255 || b[i] != ',' && b[i] != ']' {
			return // it is another array
		}
		out = append(out, byte(n))
	}
	last := len(out)
	ev.text[1] = append(out, zeros[:]...)
	b, first, last = sc.cleaned(ev, ev.text[1], first, last)
	sc.innerLine(ev, b, first, last)
}

// unwrapped gives the line that is a text of JSON, without its end.
func (sc *Scanner) unwrapped(ev *Event, b []byte, text span, escaped bool) (line []byte, first, last int) {
	first, last = text.start, text.end
	if escaped {
		first, last = ev.unescape(b, first, last)
		b = ev.text[1]
	}
	return sc.cleaned(ev, b, first, last)
}

// cleaned gives a line without its end and its colors.
func (sc *Scanner) cleaned(ev *Event, b []byte, first, last int) ([]byte, int, int) {
	b, first, last = sc.uncolored(ev, b, first, last)
	for last > first && (b[last-1] == '\n' || b[last-1] == '\r') {
		last--
		b[last] = 0
	}
	return b, first, last
}

// members are those of a JSON line that say what it is.
type members struct {
	text    span // of log, message, msg or MESSAGE
	escaped bool // it has escapes
	array   span // that is there in place of text
	stream  span
	journal bool // it is journald's
	log     bool // the text is of log
	date    bool // there is a number date, as Fluent Bit has it beside log
}

// mostFrames is the greatest length of the members that are about the line, in bytes.
const mostFrames = 200

// note takes note of a text whose key says what it is.
func (m *members) note(key uint32, text span, escaped bool) {
	switch {
	case key&textKey != 0:
		m.text, m.escaped, m.log = text, escaped, key&logKey != 0
	case key&journalKey != 0:
		m.journal = true
	default:
		m.stream = text
	}
}

// object puts the fields of the JSON object b[i:end], and reports whether it is
// one. Keys of objects in it are joined by dots. An array is kept as its text,
// null is a missing value.
//
// The keys that followed the last one before are tried first, as with attributes.
func (sc *Scanner) object(ev *Event, b []byte, i, end int, kind bodyKind) bool {
	if sc.bySkeleton(ev, b, i, end, kind) {
		return true
	}
	root := kind.objectRoot()
	sc.guess.at = root
	sc.skeletons.begin(i, kind)
	i = sc.nested(ev, b, i, end, kind, 0, 0, root)
	if i < 0 || spaces(b, i) < end {
		return false
	}
	sc.skeletons.end(b, i, end)
	return true
}

// nested reads the object at i, whose keys come after key[:prefix], and gives
// the position after it, or -1. The parent is the node of its own key, noNode if that has
// none.
func (sc *Scanner) nested(ev *Event, b []byte, i, end int, kind bodyKind, depth, prefix int, parent int32) int {
	g := &sc.guess
	i = spaces(b, i+1)
	if b[i] == '}' && i < end {
		return i + 1
	}
	for {
		if b[i] != '"' {
			return -1
		}
		first, last, escaped := i+1, 0, false
		n := g.member(b, first, parent)
		if n != noNode {
			i = first + int(g.nodes[n].size)
			last = i - len(`":`)
		} else {
			if last, escaped = closingQuote(b, first, end); last < 0 {
				return -1
			}
			if i = spaces(b, last+1); b[i] != ':' {
				return -1
			}
			i++
		}
		i = spaces(b, i)
		if i >= end {
			return -1
		}

		var key uint32
		length := tooLong // of the path with this key and a dot
		if b[i] == '{' || n == noNode && (prefix != 0 || escaped) {
			length = sc.join(ev, b, first, last, escaped, prefix)
		}
		switch {
		case n != noNode:
			key = g.nodes[n].key
		default:
			if prefix == 0 && !escaped {
				key, _ = sc.schema.bodies[kind].keys.find(b, first, last)
			} else if length > 0 {
				key, _ = sc.schema.bodies[kind].keys.find(sc.key, 0, length-1)
			}
			if !escaped && b[last+1] == ':' {
				n = g.learnMember(kind, b, first, last, key, parent)
			}
		}

		switch c := b[i]; {
		case c == '"':
			open := i + 1
			close, escaped := closingQuote(b, open, end)
			if close < 0 {
				return -1
			}
			sc.skeletons.learn(b, open, close, end, textValue, key, depth == 0)
			if key != 0 {
				sc.jsonMember(ev, b, open, close, escaped, key, depth == 0)
			}
			i = close + 1
		case c == '{' && depth+1 < maxDepth:
			if i = sc.nested(ev, b, i, end, kind, depth+1, length, n); i < 0 {
				return -1
			}
		case c == '{' || c == '[':
			first := i
			if i = skipNested(b, i, end); i < 0 {
				return -1
			}
			if c == '[' {
				sc.skeletons.learn(b, first, i, end, arrayValue, key, depth == 0)
			} else {
				sc.skeletons.at = nil
			}
			sc.jsonNested(ev, first, i, c, key, depth == 0)
		default:
			first := i
			if i = scalar(b, i); i < 0 {
				return -1
			}
			sc.skeletons.learn(b, first, i, end, scalarValue, key, depth == 0)
			if key != 0 {
				sc.jsonScalar(ev, b, first, i, key)
			}
		}
		i = spaces(b, i)
		if i >= end {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = spaces(b, i+1)
	}
}

// jsonMember puts a string, and takes note of what it says of the line; top, if it is a
// member of the object itself.
func (sc *Scanner) jsonMember(ev *Event, b []byte, start, end int, escaped bool, key uint32, top bool) {
	sc.jsonText(ev, b, start, end, escaped, key)
	if key&(textKey|streamKey|journalKey) != 0 && top {
		sc.members.note(key, span{start, end}, escaped)
	}
}

// jsonScalar puts a number or a boolean.
func (sc *Scanner) jsonScalar(ev *Event, b []byte, start, end int, key uint32) {
	if !isPresent(b, end) {
		return
	}
	ev.put(keySlot(key), start, end, exponents)
	if key&timeKey != 0 {
		sc.dateBy(ev, b, start, end)
		sc.members.date = sc.members.date || key&dateKey != 0
	}
}

// isPresent reports whether a scalar that ends at b[end] is a value: neither null nor NaN.
func isPresent(b []byte, end int) bool { return b[end-1]-'0' <= 9 || b[end-1] == 'e' }

// jsonNested puts the text of an array, or of an object that is too deep, which begins with c.
func (sc *Scanner) jsonNested(ev *Event, start, end int, c byte, key uint32, top bool) {
	ev.put(keySlot(key), start, end, asText)
	if c == '[' && key&textKey != 0 && top {
		sc.members.array = span{start, end}
	}
}

// jsonText puts a string.
func (sc *Scanner) jsonText(ev *Event, b []byte, start, end int, escaped bool, key uint32) {
	flags := asText | units | exponents
	if escaped {
		start, end = ev.unescape(b, start, end)
		flags |= inUnescaped
	}
	ev.putValue(ev.text[flags>>textShift&3], start, end, flags, key)
	if key&timeKey != 0 {
		sc.dateBy(ev, ev.text[flags>>textShift&3], start, end)
	}
}

// isAllText reports whether the members of the object at i, of which one is its text,
// have nothing else but what is about the line.
func isAllText(b []byte, i int) bool {
	for {
		first := spaces(b, i+1) + 1
		i, _ = closingQuote(b, first, len(b))
		if _, known := frameNames.find(b, first, i); !known {
			return false
		}
		i = spaces(b, spaces(b, i+1)+1) // after the colon
		switch b[i] {
		case '"':
			i, _ = closingQuote(b, i+1, len(b))
			i++
		case '{', '[':
			i = skipNested(b, i, len(b))
		default:
			i = scalar(b, i)
		}
		if i = spaces(b, i); b[i] != ',' {
			return true
		}
	}
}

// join writes the key b[start:end] with a dot after it behind path[:prefix],
// and gives the whole length, or tooLong.
func (sc *Scanner) join(ev *Event, b []byte, start, end int, escaped bool, prefix int) int {
	if prefix == tooLong || prefix+end-start+1 > maxPath {
		return tooLong
	}
	if sc.key == nil {
		sc.key = make([]byte, maxPath+Padding)
	}
	n := prefix
	if escaped {
		from := len(ev.text[1])
		first, last := ev.unescape(b, start, end)
		n += copy(sc.key[n:], ev.text[1][first:last])
		ev.text[1] = ev.text[1][:from]
	} else {
		n += copy(sc.key[n:], b[start:end])
	}
	sc.key[n] = '.'
	return n + 1
}

// spaces gives the first position from i on that has no white space.
func spaces(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' { // a line feed is behind each line
		i++
	}
	return i
}

// scalar gives the position after the number or the word true, false, null, NaN or Infinity
// at i, or -1.
func scalar(b []byte, i int) int {
	switch b[i] {
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	case 'N': // Python writes what JSON does not know
		return literal(b, i, "NaN")
	case 'I':
		return literal(b, i, "Infinity")
	case '-':
		if i++; b[i] == 'I' {
			return literal(b, i, "Infinity")
		}
	}
	first := i
	i = digits(b, i)
	if i == first {
		return -1
	}
	if b[i] == '.' {
		first = i + 1
		if i = digits(b, first); i == first {
			return -1
		}
	}
	if b[i]|0x20 == 'e' {
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		first = i
		if i = digits(b, i); i == first {
			return -1
		}
	}
	return i
}

// scalarEnd is scalar, which looks at eight bytes at once: most scalars are no longer, and
// a comma or a brace follows.
func scalarEnd(b []byte, i int) int {
	x := load(b, i) ^ '0'*ones
	stops := notDigits(x)
	n := bits.TrailingZeros64(stops) >> 3
	if n > 0 && b[i+n] == '.' {
		whole := n
		if n = bits.TrailingZeros64(stops&(stops-1)) >> 3; n == whole+1 {
			n = 0
		}
	}
	if c := b[i+n]; n > 0 && (c == ',' || c == '}') {
		return i + n
	}
	return scalar(b, i)
}

func literal(b []byte, i int, text string) int {
	if string(b[i:i+len(text)]) == text {
		return i + len(text)
	}
	return -1
}

// skipNested gives the position after the object or array at i, or -1. Of what
// is in it, brackets and strings alone are looked at.
func skipNested(b []byte, i, end int) int {
	var open [maxNesting]byte
	depth := 0
	for i < end {
		switch c := b[i]; c {
		case '{', '[':
			if depth == maxNesting {
				return -1
			}
			open[depth] = c + 2 // what closes it, in ASCII
			depth++
		case '}', ']':
			depth--
			if open[depth] != c { // what begins at i is open until it is left
				return -1
			}
			if depth == 0 {
				return i + 1
			}
		case '"':
			close, _ := closingQuote(b, i+1, end)
			if close < 0 {
				return -1
			}
			i = close
		}
		i++
	}
	return -1
}

// unescape appends b[start:end] with its escapes undone to the unescaped text,
// and gives the place there. An escape that is not valid is kept as it is, and what
// tells terminals something is left out.
func (e *Event) unescape(b []byte, start, end int) (first, last int) {
	// Padding stays behind what was written, for reads of eight bytes.
	out := e.text[1]
	first = len(out)
	colored := false
	for i := start; i < end; {
		j := bytes.IndexByte(b[i:end], '\\')
		if j < 0 {
			out = append(out, b[i:end]...)
			break
		}
		out = append(out, b[i:i+j]...)
		i += j
		if i+1 >= end {
			out = append(out, '\\')
			break
		}
		c := b[i+1]
		i += 2
		switch c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case '"', '\\', '/':
		case 'u':
			r, ok := hex4(b, i, end)
			if !ok {
				out = append(out, '\\', 'u')
				continue
			}
			i += 4
			colored = colored || r == escape
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+6 <= end && b[i] == '\\' && b[i+1] == 'u' {
					low, _ = hex4(b, i+2, end)
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		default:
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	if colored {
		out = appendUncolored(out[:first], out, first)
	}
	last = len(out)
	out = append(out, zeros[:]...)
	e.text[1] = out
	return first, last
}

var zeros [Padding]byte

func hex4(b []byte, i, end int) (rune, bool) {
	if i+4 > end {
		return -1, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1, false
		}
	}
	return r, true
}
