package line

import "bytes"

var eximFormat = &Format{
	Name: "exim",
	Doc: []FormatDoc{{
		"Exim's main log", "`2025-11-22 09:31:34 1rAbCd-0001aB-2x <= bob@example.com H=mx.example.com [1.2.3.4] P=esmtps S=1234`, and other signs for `<=`, `Completed`",
		"`message_id`, `name` (the sign), `address`, `http_host` (the address of the other host), `ps` if it is there; each key: `S`, the bytes, `QT`, `H` and so on",
	}},
	Fields: []given{ofName, httpHost, ofPs},
	Names:  []string{"message_id", "address"},
	Samples: []Sample{
		{
			`2025-11-22 09:31:34 1rAbCd-0001aB-2x <= bob@example.com H=mx.example.com [1.2.3.4] P=esmtps S=1234`,
			"2025-11-22T09:31:34Z", map[string]string{
				"message_id": "'1rAbCd-0001aB-2x", "name": "'<=", "address": "'bob@example.com", "http_host": "'1.2.3.4", "H": "'mx.example.com", "P": "'esmtps", "S": "1234",
			},
		},
		{
			`2025-11-22 09:31:34.123 +0000 [1234] 1rAbCd-000000001aB-2xYz => alice@example.org R=dnslookup T=remote_smtp H=mx.example.org [5.6.7.8]:25 C="250 OK" QT=1.2s`,
			"2025-11-22T09:31:34.123Z", map[string]string{
				"ps": "1234", "message_id": "'1rAbCd-000000001aB-2xYz", "name": "'=>", "address": "'alice@example.org", "http_host": "'5.6.7.8", "R": "'dnslookup", "T": "'remote_smtp",
				"H": "'mx.example.org", "C": "'250 OK", "QT": "1200",
			},
		},
		{
			`2025-11-22 09:31:34 1rAbCd-0001aB-2x Completed`,
			"2025-11-22T09:31:34Z", map[string]string{"message_id": "'1rAbCd-0001aB-2x", "name": "'Completed"},
		},
	},
	dated: (*Scanner).exim,
}

// exim parses what Exim's main log says of a message.
func (sc *Scanner) exim(ev *Event, b []byte, o opening) bool {
	c := cursor{b: b, i: o.rest, end: o.end}
	var process span
	if b[c.i] == '[' {
		process = c.between('[', ']')
	}
	id, sign := c.word(), c.word()
	if c.failed || !isEximID(b, id) {
		return false
	}
	address := span{c.i, c.i}
	switch string(b[sign.start:sign.end]) {
	case "<=", "=>", "->", ">>", "*>", "**", "==":
		address = c.word()
	case "Completed":
	default:
		return false
	}
	s := sc.schema
	sc.giveNumber(ev, ofPs, process)
	sc.giveNamed(ev, "message_id", id)
	sc.give(ev, ofName, sign)
	if a := address; a.end > a.start {
		sc.giveNamed(ev, "address", a)
	}
	if open := index(b, min(c.i, o.end), o.end, '['); open >= 0 {
		if close := index(b, open, o.end, ']'); close >= 0 && isAddress(b, open+1, close) {
			ev.put(s.at[httpHost], open+1, close, asText)
		}
	}
	last := o.end
	if b[sign.start] == '*' || b[sign.start] == '=' && b[sign.start+1] == '=' { // behind a colon is why it failed
		if colon := bytes.Index(b[min(c.i, last):last], []byte(": ")); colon >= 0 {
			last = c.i + colon
		}
	}
	if c.i < last {
		sc.attributes(ev, b, c.i, last, loggerBody, int32(loggerBody)*roots)
		if last < o.end {
			sc.withoutColon(ev, b, span{c.i, last})
		}
	}
	sc.defaultMessage(ev, o.start, o.end)
	return true
}

// withoutColon puts the last of attributes again, which has taken the colon behind them for its
// own.
func (sc *Scanner) withoutColon(ev *Event, b []byte, of span) {
	first := of.start + bytes.LastIndexByte(b[of.start:of.end], ' ') + 1
	equals := index(b, first, of.end, '=')
	if equals < 0 {
		return
	}
	if key, _ := sc.schema.bodies[loggerBody].keys.find(b, first, equals); key != 0 {
		ev.putValue(b, equals+1, of.end, units|exponents, key)
	}
}

// isEximID reports whether a word names a message: 1rAbCd-0001aB-2x, or longer since 4.97.
func isEximID(b []byte, of span) bool {
	const short, long = len("1rAbCd-0001aB-2x"), len("1rAbCd-000000001aB-2xYz")
	n := of.end - of.start
	if n != short && n != long || b[of.start+6] != '-' || n == short && b[of.start+13] != '-' || n == long && b[of.start+18] != '-' {
		return false
	}
	for _, c := range b[of.start:of.end] {
		if class[c]&isAlnum == 0 && c != '-' {
			return false
		}
	}
	return true
}
