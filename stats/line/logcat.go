package line

import "bytes"

var logcatFormat = &Format{
	Name: "logcat",
	Doc: []FormatDoc{{
		"Android's logcat", "`11-22 09:31:34.123  1234  5678 E Tag: MESSAGE`, also with the year, the zone and the user, `11-22 09:31:34.123 E/Tag( 1234): MESSAGE` and `E/Tag( 1234): MESSAGE`",
		"`level`, `ps` (the process), `source` (the tag); those of the message",
	}},
	Fields: []given{ofLevel, ofPs, ofSource},
	Samples: []Sample{
		{
			`2025-11-22 09:31:34.123 +0000  1000  1234  5678 W ActivityManager: slow n=5`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'warning", "ps": "1234", "source": "'ActivityManager", "msg": "'slow n=5", "slow": "true", "n": "5"},
		},
		{
			`11-22 09:31:34.123  1234  5678 I chatty  : uid=1000 expire`,
			"", map[string]string{"level": "'info", "ps": "1234", "source": "'chatty", "msg": "'uid=1000 expire", "uid": "1000", "expire": "true"},
		},
		{
			`E/ActivityManager( 1234): ANR in com.example`,
			"", map[string]string{"level": "'error", "ps": "1234", "source": "'ActivityManager", "msg": "'ANR in com.example"},
		},
	},
	first: oneOf("01VDIWEFA"),
	line:  (*Scanner).logcat,
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		return sc.logcatRest(ev, b, o.rest, o.end) || sc.logcatTag(ev, b, o.rest, o.end)
	},
}

// logcat parses a line of Android's logcat whose time has no year, or which has none.
func (sc *Scanner) logcat(ev *Event, b []byte, start, end int) bool {
	if b[start]-'0' > 9 {
		return sc.logcatTag(ev, b, start, end)
	}
	month, ok1 := twoDigits(b, start)
	day, ok2 := twoDigits(b, start+3)
	clock, ok3 := clockSecond(b[start+6 : start+14])
	if !ok1 || !ok2 || !ok3 || b[start+2] != '-' || b[start+5] != ' ' || b[start+14] != '.' || month < 1 || month > 12 || day < 1 || day > daysIn(2000, month) {
		return false
	}
	nanos, i := fraction(b, start+15)
	if i < 0 || b[i] != ' ' {
		return false
	}
	if !sc.logcatRest(ev, b, i+1, end) && !sc.logcatTag(ev, b, i+1, end) {
		return false
	}
	if sc.clock.yearless(month, day, clock, nanos, sc.near, sc.zones) {
		sc.date(ev)
	}
	return true
}

// logcatRest parses the numbers of the user, if it is there, the process and the thread,
// the level, and the tag before a colon.
func (sc *Scanner) logcatRest(ev *Event, b []byte, i, end int) bool {
	c := cursor{b: b, i: spaces(b, i), end: end}
	var words [3]span
	n := 0
	for n < len(words) && c.i < end && b[c.i]-'0' <= 9 {
		words[n] = c.word()
		if !words[n].isNumber(b) {
			return false
		}
		n++
	}
	if n < 2 {
		return false
	}
	letter := c.word()
	colon := bytes.IndexByte(b[min(c.i, end):end], ':')
	if c.failed || letter.end-letter.start != 1 || colon <= 0 || colon > longestName {
		return false
	}
	tag := c.trimmed(span{c.i, c.i + colon})
	return sc.putLogcat(ev, b, letter.start, words[n-2], tag, c.i+colon+1, end)
}

// logcatTag parses E/Tag( 1234): MESSAGE.
func (sc *Scanner) logcatTag(ev *Event, b []byte, i, end int) bool {
	if b[i+1] != '/' {
		return false
	}
	c := cursor{b: b, i: i + 2, end: end}
	tag := c.to('(')
	process := c.to(')')
	c.skip(':')
	if c.failed || tag.end-tag.start > longestName {
		return false
	}
	if process = c.trimmed(process); !process.isNumber(b) {
		return false
	}
	return sc.putLogcat(ev, b, i, process, c.trimmed(tag), c.i, end)
}

func (sc *Scanner) putLogcat(ev *Event, b []byte, letter int, process, tag span, i, end int) bool {
	level, ok := letterLevel(b[letter])
	switch b[letter] {
	case 'V':
		level, ok = severities[7], true
	case 'A':
		level, ok = fatalText, true
	}
	if !ok {
		return false
	}
	ev.putConstant(sc.schema.at[ofLevel], level, asText)
	sc.giveNumber(ev, ofPs, process)
	sc.give(ev, ofSource, tag)
	i = min(spaces(b, i), end)
	sc.message(ev, b, i, end, loggerBody, letter)
	if ev.half {
		sc.pairs(ev, b, i, end, loggerBody)
	}
	return true
}
