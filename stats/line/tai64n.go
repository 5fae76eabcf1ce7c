package line

var tai64nFormat = &Format{
	Name: "tai64n",
	Doc: []FormatDoc{{
		"TAI64N: multilog, svlogd, s6-log", "`@400000006921830007270e00 MESSAGE`",
		"those of the message, which may be a line of any format",
	}},
	Samples: []Sample{{
		`@400000006921830007270e00 {"level":"info","status":500}`,
		"2025-11-22T09:31:34.12Z", map[string]string{"level": "'info", "status": "500", "msg": `'{"level":"info","status":500}`},
	}},
	first: oneOf("@"),
	line:  (*Scanner).tai64n,
}

// tai64n parses lines that begin with a time as D. J. Bernstein's TAI64N has it. Its writers
// take ten seconds for the difference to UTC, whatever the leap seconds since 1970.
func (sc *Scanner) tai64n(ev *Event, b []byte, start, end int) bool {
	const (
		label   = len("@400000006921830007270e00")
		epoch   = 1<<62 + 10
		highest = 1e9 - 1 // of the nanoseconds
	)
	if end-start < label || b[start+label] != ' ' {
		return false
	}
	second, ok := hexNumber(b[start+1 : start+17])
	nanos, ok2 := hexNumber(b[start+17 : start+label])
	if !ok || !ok2 || second < epoch || second > epoch+1<<40 || nanos > highest {
		return false
	}
	sc.clock.set(int64(second-epoch), uint32(nanos))
	sc.date(ev)
	i := start + label + 1
	if !sc.logged(ev, b, i-1, end, false) && !sc.known(ev, b, i, end) {
		sc.message(ev, b, i, end, loggerBody, start)
		ev.half = true
	}
	return true
}

// hexNumber reads at most 16 hexadecimal digits in small letters.
func hexNumber(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		switch {
		case c-'0' <= 9:
			n = n<<4 | uint64(c-'0')
		case c-'a' < 6:
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
