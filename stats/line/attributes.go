package line

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// attributes reads b[i:end] as attributes: words, each alone (its value is
// true) or followed by = and a value, plain or between double quotes.
//
// This is logfmt: words end at spaces, and quoted text has the escapes of JSON. The attributes
// of Pulse messages are read by pulseAttributes.
//
// The keys that followed the last one before are tried first: two comparisons
// instead of a loop over the key's bytes and a look-up. The root is what stands
// for the last key at the beginning.
func (sc *Scanner) attributes(ev *Event, b []byte, i, end int, kind bodyKind, root int32) {
	g := &sc.guess
	bd := &sc.schema.bodies[kind]
	resting := g.rest()
	if resting {
		root = idleRoot
	}
	at := &g.nodes[root] // the node of the last key
	first, wrong := i, g.wrong
	for {
		if b[i] == ' ' {
			i++
		}
		n := &g.nodes[at.next] // most often; at the line's end no node matches
		if !n.match(b, i) {
			guessed := i
			for i < end && class[b[i]]&(inPlain|isEscape) == 0 {
				i++
			}
			if i >= end {
				g.note(wrong)
				return
			}
			if b[i] == escape {
				plain, i, stop := sc.uncoloredAttributes(ev, b, first, end)
				sc.attributes(ev, plain, i, stop, kind, root)
				return
			}
			if i > guessed {
				n = g.follow(at, b, i)
			} else if n = &g.nodes[at.other]; n.match(b, i) {
				at.next, at.other = at.other, at.next
			} else {
				n = nil
			}
		}
		var key uint32
		if n != nil {
			at, wrong = n, 0
			key = n.key
			i += int(n.size)
		} else {
			start := i
			wrong++
			for class[b[i]]&inPlain != 0 {
				i++
			}
			key, _ = bd.keys.find(b, start, i)
			if b[i] != '=' {
				if kind >= syslogBody && isUnit(b, span{start, i}) && sc.unitOf(ev, b, first, start, i, bd) {
					continue
				}
				if key != 0 && mayBeAlone(b[start:i]) {
					ev.putConstant(keySlot(key), trueText, 0)
				}
				continue
			}
			i++
			if !resting {
				at = g.learnKey(at, root, kind, b, start, i, key)
			}
		}

		// i is after the = now.
		if b[i] == '"' {
			i = sc.quoted(ev, b, i+1, end, key)
			continue
		}
		value := i
		i = word(b, i)
		last := i
		if c := b[value]; c == '\'' || c == '`' {
			value, last, i = singleQuoted(b, value, i, end)
		}
		if key != 0 {
			if c := b[last-1]; (c == ',' || c == ';') && last > value+1 { // as in a list: took=5, n=6
				last--
			}
			if key&^slotMask == 0 { // as most are
				ev.put(keySlot(key), value, last, units|exponents)
			} else {
				if key&sumKey != 0 {
					last = listEnd(b, i, end)
					i = last
				}
				sc.putMarked(ev, b, value, last, units|exponents, key)
			}
		}
	}
}

// uncoloredAttributes is uncolored, and puts the message again if it is what the attributes are in.
func (sc *Scanner) uncoloredAttributes(ev *Event, b []byte, first, end int) (plain []byte, start, stop int) {
	plain, start, stop = sc.uncolored(ev, b, first, end)
	if msg := sc.schema.at[ofMsg]; msg != None && ev.Has(msg) && ev.values[msg].is(first, end) {
		ev.put(msg, start, stop, asText)
	}
	return plain, start, stop
}

// listEnd gives the end of a list of numbers, with blanks after its commas or around its
// colons, whose first item ends at i.
func listEnd(b []byte, i, end int) int {
	for i < end && b[i] == ' ' {
		next := span{i + 1, min(word(b, i+1), end)}
		joins := next.end == next.start+1 && (b[next.start] == ':' || b[next.start] == ',')
		joined := b[i-1] == ',' || b[i-1] == ':'
		if next.end == next.start || !joins && !joined || !isList(b, next) {
			break
		}
		i = next.end
	}
	return i
}

// singleQuoted gives the value between single quotes or backticks at i, of which the first word ends at
// next, and the position after it; what is there, if the quote is not closed before a blank,
// a comma, a semicolon or the end.
func singleQuoted(b []byte, i, next, end int) (value, last, after int) {
	for at := i + 1; at < end; at++ {
		if b[at] == b[i] && (at+1 == end || b[at+1] == ' ' || b[at+1] == ',' || b[at+1] == ';') {
			return i + 1, at, at + 1
		}
	}
	return i, next, next
}

// unitOf takes the word b[start:end] for the unit of the number before it, as in took=1.5 s,
// and reports whether there is one. Attributes begin at first.
func (sc *Scanner) unitOf(ev *Event, b []byte, first, start, end int, bd *body) bool {
	last := start - 1
	if last <= first {
		return false
	}
	begin := last
	for begin > first && b[begin-1] > ' ' {
		begin--
	}
	equals := index(b, begin, last, '=')
	if equals < 0 || b[last] != ' ' {
		return false
	}
	if _, ok := parseNumber(b[equals+1:last], exponents); !ok {
		return false
	}
	if key, _ := bd.keys.find(b, begin, equals); key != 0 {
		ev.putValue(b, equals+1, end, units|exponents, key)
	}
	return true
}

// mayBeAlone reports whether a word without a value is a key, and not one of a sentence or
// in parentheses.
func mayBeAlone(w []byte) bool {
	const not = "()[]<>,;"
	last := w[len(w)-1]
	return last != ':' && strings.IndexByte(not, last) < 0 && strings.IndexByte(not, w[0]) < 0
}

func keySlot(key uint32) Slot { return Slot(key&slotMask) - 1 }

// quoted puts the quoted text at i, with its escapes undone, and gives the
// position after its end. A text that is not closed goes to the end.
func (sc *Scanner) quoted(ev *Event, b []byte, i, end int, key uint32) int {
	flags := units | exponents
	close, escaped := closingQuote(b, i, end)
	next := close + 1
	if close < 0 {
		close, next, flags = end, end, onlyText
	}
	if key == 0 {
		return next
	}
	first := i
	if escaped {
		first, close = ev.unescape(b, i, close)
		flags |= inUnescaped
	}
	sc.putMarked(ev, ev.text[flags>>textShift&3], first, close, flags, key)
	return next
}

// putMarked puts the value of a key, which is b[start:end], and reads it as the line's time
// if the key's marks say so.
func (sc *Scanner) putMarked(ev *Event, b []byte, start, end int, flags value, key uint32) {
	ev.putValue(b, start, end, flags, key)
	if key&timeKey != 0 {
		sc.dateBy(ev, b, start, end)
	}
}

// putValue puts the value of a key, which is b[start:end]: of some lists a part alone.
func (e *Event) putValue(b []byte, start, end int, flags value, key uint32) {
	if key&(sumKey|firstKey) != 0 {
		list := span{start, end}
		first := list.first(b)
		switch {
		case key&firstKey != 0 && first.end > first.start:
			if last := clientEnd(b, first.start, first.end); isAddress(b, first.start, last) {
				end = last
			}
		case first == list:
		case key&sumKey != 0 && isList(b, list) && isSeconds(b, first):
			e.putNumber(keySlot(key), list.sum(b))
			return
		}
	}
	e.put(keySlot(key), start, end, flags)
}

// dateBy gives the event the time that the value is, if it is the first.
func (sc *Scanner) dateBy(ev *Event, b []byte, start, end int) {
	if !ev.dated && sc.clock.any(b, start, end) {
		sc.date(ev)
	}
}

// closingQuote gives the position of the double quote that ends the text at i,
// or -1, and whether there is a backslash before it.
func closingQuote(b []byte, i, end int) (close int, escaped bool) {
	for {
		if i = quoteOrBackslash(b, i, end); i >= end {
			return -1, escaped
		}
		if b[i] == '"' {
			return i, escaped
		}
		i, escaped = i+2, true // what follows a backslash ends nothing
	}
}

// looksLikeAttributes reports whether b[i:end] begins with an attribute that
// has a value, or with words that could be keys and then one. A date, an address, a
// number and a path could not.
func looksLikeAttributes(b []byte, i, end int) bool {
	first := i // of the word
	for i < end {
		plain := uint8(inKey) // while all bytes are
		for class[b[i]]&inSource != 0 || b[i] == '#' || b[i] == '@' || b[i] == ':' {
			plain &= class[b[i]]
			i++
		}
		switch c := b[i]; {
		case c == '=':
			return i > first && (plain != 0 && class[b[first]]&isLetter != 0 || couldBeKey(b[first:i], true))
		case c == ' ' && i > first:
			if !couldBeKey(b[first:i], false) {
				return false
			}
			for b[i] == ' ' {
				i++
			}
			first = i
		case c >= utf8.RuneSelf:
			_, n := utf8.DecodeRune(b[i:end])
			if n == 1 { // bytes of any value are not words
				return false
			}
			i += n
		default:
			return false
		}
	}
	return false
}

// couldBeKey reports whether a word can be a key, of a value if it has one. A key
// may have a colon, a number sign or a slash in it (db#queries, k8s.io/name).
func couldBeKey(w []byte, hasValue bool) bool {
	c := w[0]
	if class[c]&isAlnum == 0 && c != '_' && c != '@' && c < utf8.RuneSelf {
		return false
	}
	if hasValue {
		return !bytes.Contains(w, []byte("//")) && (c-'0' > 9 || !bytes.ContainsAny(w, "-.:/"))
	}
	last := len(w) - 1
	if c-'0' <= 9 {
		return isQueueID(w)
	}
	return bytes.IndexAny(w, "/@") <= 0 && bytes.IndexByte(w[:last], ':') < 0
}

// isQueueID reports whether a word is what names a message in Postfix's queue: letters and
// digits, and a colon.
func isQueueID(w []byte) bool {
	letters := 0
	for _, c := range w[:len(w)-1] {
		if class[c]&isAlnum == 0 {
			return false
		}
		if c-'0' > 9 {
			letters++
		}
	}
	return w[len(w)-1] == ':' && len(w) > len("12345:") && letters > 0
}
