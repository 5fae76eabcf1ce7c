package line

// logfmtLine parses a line of attributes. Its time is that of the first of the
// keys time, timestamp, ts, t and @timestamp that has one, and msg is the whole
// line if it has no such key.
func (sc *Scanner) logfmtLine(ev *Event, b []byte, start, end int) bool {
	if !looksLikeAttributes(b, start, end) {
		return false
	}
	sc.attributes(ev, b, start, end, wholeLine, int32(wholeLine)*roots)
	sc.defaultMessage(ev, start, end)
	return true
}

func (sc *Scanner) defaultMessage(ev *Event, start, end int) {
	if s := sc.schema.msg; s != None && !ev.Has(s) {
		ev.put(s, start, end, asText)
	}
}
