package line

import "bytes"

const escape = 0x1b

// uncolored makes the part b[i:end] of a line one of its own without what terminals
// take for colors: ESC, [, parameters and a letter. It gives the new buffer and where
// the part is in it. Other escapes are left out alone.
func (sc *Scanner) uncolored(ev *Event, b []byte, i, end int) (plain []byte, start, stop int) {
	out := appendUncolored(sc.plain[:0], b[:end], i)
	stop = len(out)
	sc.plain = append(out, zeros[:]...)
	ev.within(sc.plain)
	return sc.plain, 0, stop
}

// appendUncolored appends b[i:] without colors.
func appendUncolored(out, b []byte, i int) []byte {
	for i < len(b) {
		next := bytes.IndexByte(b[i:], escape)
		if next < 0 {
			return append(out, b[i:]...)
		}
		out = append(out, b[i:i+next]...)
		i = afterColor(b, i+next, len(b))
	}
	return out
}

// afterColor gives the position after the escape at i.
func afterColor(b []byte, i, end int) int {
	i++
	if i >= end || b[i] != '[' {
		return i
	}
	for i++; i < end; i++ {
		switch c := b[i]; {
		case class[c]&isLetter != 0:
			return i + 1
		case c-'0' > 9 && c != ';' && c != '?':
			return i
		}
	}
	return i
}
