package line

import "bytes"

const (
	escape = 0x1b
	bell   = 0x07
)

// uncolored makes the part b[i:end] of a line one of its own without what tells terminals
// something, such as colors (ECMA-48). It gives the new buffer and where the part is in it.
func (sc *Scanner) uncolored(ev *Event, b []byte, i, end int) (plain []byte, start, stop int) {
	out := appendUncolored(sc.plain[:0], b[:end], i)
	stop = len(out)
	sc.plain = append(out, zeros[:]...)
	ev.within(sc.plain)
	return sc.plain, 0, stop
}

// appendUncolored appends b[i:] without what tells terminals something.
func appendUncolored(out, b []byte, i int) []byte {
	for i < len(b) {
		next := bytes.IndexByte(b[i:], escape)
		if next < 0 {
			return append(out, b[i:]...)
		}
		out = append(out, b[i:i+next]...)
		i = afterEscape(b, i+next)
	}
	return out
}

// afterEscape gives the position after the escape at i and what belongs to it: a sequence
// that begins with [, such as a color; a text that is not shown, such as a title or a link's
// address; what chooses a set of characters; or one byte. Of what is not ended the escape
// and the byte after it are left out alone, and of others the escape.
func afterEscape(b []byte, i int) int {
	i++
	if i == len(b) {
		return i
	}
	switch c := b[i]; {
	case c == '[':
		return afterSequence(b, i+1)
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		for at := i + 1; at < len(b); at++ {
			switch {
			case b[at] == bell && c == ']':
				return at + 1
			case b[at] == escape && at+1 < len(b) && b[at+1] == '\\':
				return at + 2
			}
		}
		return i + 1
	case c-' ' <= '/'-' ':
		for i < len(b) && b[i]-' ' <= '/'-' ' {
			i++
		}
		return min(i+1, len(b))
	case c-'0' <= '_'-'0':
		return i + 1
	}
	return i
}

// afterSequence gives the position after the parameters at i and the byte that ends them.
func afterSequence(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c-'@' <= '~'-'@':
			return i + 1
		case c-' ' > '?'-' ' || c == ' ': // a blank could end it, but no terminal is told so
			return i
		}
	}
	return i
}
