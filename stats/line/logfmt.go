package line

var logfmtFormat = &Format{
	Name: "logfmt",
	Doc: []FormatDoc{{
		"logfmt", "`time=2012-11-22T09:31:34Z level=info msg=\"two words\" connect=1ms cached`",
		"each key; a word alone is true",
	}},
	Samples: []Sample{{
		`time=2012-11-22T09:31:34Z level=info msg="two words" connect=1ms cached`,
		"2012-11-22T09:31:34Z", map[string]string{"time": "'2012-11-22T09:31:34Z", "level": "'info", "msg": "'two words", "connect": "1", "cached": "true"},
	}},
	first: func(c byte) bool { return class[c]&inPlain != 0 && c != '{' && c != '<' },
	line:  (*Scanner).logfmtLine,
}

// logfmtLine parses a line of attributes. Its time is that of the first of the
// keys time, timestamp, ts, t and @timestamp that has one, and msg is the whole
// line if it has no such key.
func (sc *Scanner) logfmtLine(ev *Event, b []byte, start, end int) bool {
	if !looksLikeAttributes(b, start, end) {
		return false
	}
	sc.attributes(ev, b, start, end, wholeLine, int32(wholeLine)*roots)
	if &ev.text[0][0] != &b[0] { // it is without its colors now
		start, end = 0, len(sc.plain)-len(zeros)
	}
	if !ev.dated {
		sc.datePair(ev, ev.text[0], start, end)
	}
	sc.defaultMessage(ev, start, end)
	return true
}

func (sc *Scanner) defaultMessage(ev *Event, start, end int) {
	if s := sc.schema.at[ofMsg]; s != None && !ev.Has(s) {
		ev.put(s, start, end, asText)
	}
}
