package line

import (
	"bytes"
	"math/bits"
)

// pulseAttributes reads b[i:end] as attributes of a Pulse message: words, each alone (its value is
// true) or followed by = and a value, plain or between double quotes. A key is of letters,
// digits, _ - and ., a plain value has / and : too, and all else separates.
//
// The keys that followed the last one before are tried first, as in attributes, whose loop this is
// but for where keys and values end. In one loop for both each key and value would ask which it is of.
func (sc *Scanner) pulseAttributes(ev *Event, b []byte, i, end int, root int32) {
	g, s := &sc.guess, &sc.stops
	resting := g.rest()
	if resting {
		root = idleRoot
	}
	s.find(b, i, end, pulseClasses)
	at := &g.nodes[root] // the node of the last key
	first, wrong := i, g.wrong
	for {
		if b[i] == ' ' {
			i++
		}
		n := &g.nodes[at.next] // most often; at the line's end no node matches
		if !n.match(b, i) {
			guessed := i
			for i < end && class[b[i]]&(inKey|isEscape) == 0 {
				i++
			}
			if i >= end {
				g.note(wrong)
				return
			}
			if b[i] == escape {
				plain, i, stop := sc.uncoloredAttributes(ev, b, first, end)
				sc.pulseAttributes(ev, plain, i, stop, root)
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
			if out := s.in(s.first, i); out != 0 {
				i += bits.TrailingZeros64(out)
			} else {
				i = keyEnd(b, i)
			}
			key, _ = sc.schema.bodies[pulseBody].keys.find(b, start, i)
			if b[i] != '=' {
				if key != 0 {
					ev.putConstant(keySlot(key), trueText, 0)
				}
				continue
			}
			i++
			if !resting {
				at = g.learnKey(at, root, pulseBody, b, start, i, key)
			}
		}

		// i is after the = now.
		value := i
		if out := s.in(s.second, i); out != 0 {
			i += bits.TrailingZeros64(out)
		} else {
			i = plainEnd(b, i)
		}
		switch {
		case i > value:
			if key != 0 {
				ev.put(keySlot(key), value, i, 0)
			}
		case b[i] == '"':
			i = sc.pulseQuoted(ev, b, i, end, key)
		default: // nothing is not a value
			ev.putConstant(keySlot(key), trueText, 0)
		}
	}
}

// pulseQuoted puts the value in the quotes at i in a Pulse message and gives the position after it. A
// quote that is not closed is not a value.
func (sc *Scanner) pulseQuoted(ev *Event, b []byte, i, end int, key uint32) int {
	if close := bytes.IndexByte(b[i+1:end], '"'); close >= 0 {
		ev.put(keySlot(key), i+1, i+1+close, 0)
		return i + close + 2
	}
	ev.putConstant(keySlot(key), trueText, 0)
	return i
}
