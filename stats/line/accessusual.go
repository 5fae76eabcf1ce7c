package line

import (
	"bytes"
	"math/bits"
)

// A clfBetween is what an access line had between its client and its request, with no user and
// a time: ` - - [22/Nov/2012:09:31:34 -0800] "`. Until the next second most lines have the same.
type clfBetween struct {
	words  [5]uint64 // at 0, 8, 16, 24 and 27; the first is 0: there was none yet
	second int64     // of the time
}

const betweenLength = len(` - - [`) + clfLength + len(`] "`)

// is reports whether b[i:end] begins with it.
func (l *clfBetween) is(b []byte, i, end int) bool {
	if end-i < betweenLength {
		return false
	}
	p := (*[betweenLength]byte)(b[i:])
	differ := (load(p[:], 0) ^ l.words[0]) | (load(p[:], 8) ^ l.words[1]) | (load(p[:], 16) ^ l.words[2]) |
		(load(p[:], 24) ^ l.words[3]) | (load(p[:], 27) ^ l.words[4])
	return differ == 0 && l.words[0] != 0 // which a line of zeros would be like
}

// learn remembers what is at b[i:], if it is like this, and its time is what the clock says.
func (l *clfBetween) learn(b []byte, i int, c *clock) {
	p := (*[betweenLength]byte)(b[i:])
	if string(p[:6]) == ` - - [` && string(p[betweenLength-3:]) == `] "` {
		*l = clfBetween{[5]uint64{load(p[:], 0), load(p[:], 8), load(p[:], 16), load(p[:], 24), load(p[:], 27)}, c.second}
	}
}

// access parses what anyAccess does. Of most lines, whose client is an address of IPv4 without
// a user, it compares what is between that and the request with the last one in whole.
func (sc *Scanner) access(ev *Event, b []byte, i, end int, original bool) bool {
	host, hostEnd := i, word(b, i)
	if !sc.between.is(b, hostEnd, end) || !plainClient(b, host, hostEnd) {
		return sc.anyAccess(ev, b, i, end, original)
	}
	request := hostEnd + betweenLength
	requestEnd := request + bytes.IndexByte(b[request:end], '"')
	if requestEnd < request || b[requestEnd-1] == '\\' {
		return sc.anyAccess(ev, b, i, end, original)
	}
	x := load(b, requestEnd+1) ^ (' ' | '0'<<8 | '0'<<16 | '0'<<24 | ' '<<32)
	if x&0xff000000ff|notDigits(x)&(0x808080<<8) != 0 {
		return sc.anyAccess(ev, b, i, end, original)
	}
	status := requestEnd + 2
	size := status + 4
	y := load(b, size) ^ '0'*ones
	n := bits.TrailingZeros64(notDigits(y)) >> 3
	if n == 0 && b[size] == '-' {
		n = 1
	}
	sizeEnd := size + n
	if n == 0 || sizeEnd < end && b[sizeEnd] != ' ' {
		return sc.anyAccess(ev, b, i, end, original)
	}
	sc.clock.set(sc.between.second, 0)
	s := sc.schema
	ev.put(s.at[httpHost], host, hostEnd, asText)
	if s.ofRequest {
		sc.request(ev, b, request, requestEnd)
	}
	if s.statuses != nil {
		n := x>>8&0xff*100 + x>>16&0xff*10 + x>>24&0xff
		ev.putWhole(s.at[httpStatus], status, status+3, n, s.statuses[n])
	} else {
		ev.put(s.at[httpStatus], status, status+3, 0)
	}
	if b[size] != '-' {
		ev.put(s.at[httpBytes], size, sizeEnd, 0)
	}
	if s.pastBytes {
		sc.usualTail(ev, b, sizeEnd, end, original)
	}
	return true
}

// usualTail parses what afterBytes does of a line without a word before the request.
func (sc *Scanner) usualTail(ev *Event, b []byte, i, end int, original bool) {
	referrer := i + len(` "`)
	referrerEnd := referrer + 1
	if load(b, i)&sixBytes != noReferrer {
		if i+2 >= end || b[i+1] != '"' {
			sc.afterBytes(ev, b, i, end, span{}, false, original)
			return
		}
		referrerEnd = referrer + bytes.IndexByte(b[referrer:end], '"')
		if referrerEnd < referrer || b[referrerEnd-1] == '\\' || b[referrerEnd+1] != ' ' || b[referrerEnd+2] != '"' {
			sc.afterBytes(ev, b, i, end, span{}, false, original)
			return
		}
	}
	agent := referrerEnd + len(`" "`)
	agentEnd := agent + bytes.IndexByte(b[agent:end], '"')
	if agentEnd < agent || b[agentEnd-1] == '\\' {
		sc.afterBytes(ev, b, i, end, span{}, false, original)
		return
	}
	s := sc.schema
	putPresent(ev, s.at[httpReferrer], b, referrer, referrerEnd)
	putPresent(ev, s.at[httpUserAgent], b, agent, agentEnd)
	if i = agentEnd + 1; i < end {
		sc.tail.reset()
		sc.afterAgent(ev, b, i, end, false, 0, original)
	}
}

// noReferrer is what an access line without a referrer has between the bytes and the agent.
var noReferrer = load([]byte(` "-" "  `), 0) & sixBytes
