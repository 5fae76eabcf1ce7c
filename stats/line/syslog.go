package line

import "bytes"

var syslogFormat = &Format{
	Name: "syslog",
	Doc: []FormatDoc{
		{
			"RFC 5424", "`<134>1 2012-11-30T06:45:29Z host app web.3 - - MESSAGE`, also without structured data, as Heroku sends it, and with an octet count before it",
			"`level` and `facility` by syslog's names, `host`, `source` (the application), `ps` (the process); those of the message. Structured data gives none",
		},
		{
			"RFC 3164", "`<34>Oct 11 22:14:15 host su[12]: MESSAGE`, also without the priority, and with a year, `Oct 11 2025 22:14:15`; and as rsyslog and journalctl have it, with an RFC 3339 time: `2012-10-11T22:14:15.123+02:00 host su[12]: MESSAGE`, where the tag is needed if there is no priority, and a level (`WARN`) is not a host",
			"as RFC 5424; `source` is the tag. Of a message that begins with a date and what loggers write (log4j) `level` if there is no priority, `logger`, `caller`, and those of its own message",
		},
	},
	Fields: []given{ofLevel, ofFacility, ofHost, ofSource, ofPs, ofLogger, ofCaller},
	Samples: []Sample{
		{
			`<134>1 2012-11-30T06:45:29+00:00 a.example.com app web.3 - - at=info status=200`,
			"2012-11-30T06:45:29Z", map[string]string{
				"level": "'info", "facility": "'local0", "host": "'a.example.com", "source": "'app", "ps": "'web.3", "msg": "'at=info status=200", "at": "'info", "status": "200",
			},
		},
		{
			`83 <40>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed`,
			"2012-11-30T06:45:29Z", map[string]string{"level": "'emerg", "facility": "'syslog", "source": "'app", "ps": "'web.3", "msg": "'State changed"},
		},
		{ // what a logger wrote
			`<134>1 2025-11-22T09:31:35Z web-1 shop 12 - - 2025-11-22 09:31:34,123 ERROR [main] com.example.Cart - n=1`,
			"2025-11-22T09:31:35Z", map[string]string{
				"level": "'info", "facility": "'local0", "host": "'web-1", "source": "'shop", "ps": "12", "logger": "'com.example.Cart", "msg": "'n=1", "n": "1",
			},
		},
		{
			`2025-11-22T09:31:35Z web-1 shop[12]: 2025-11-22 09:31:34.123 | INFO     | __main__:main:5 - sold n=1`,
			"2025-11-22T09:31:35Z", map[string]string{
				"level": "'INFO", "host": "'web-1", "source": "'shop", "ps": "12", "caller": "'__main__:main:5", "msg": "'sold n=1", "sold": "true", "n": "1",
			},
		},
		{
			`<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed`,
			"", map[string]string{"level": "'crit", "facility": "'auth", "host": "'mymachine", "source": "'su", "ps": "12", "msg": "''su root' failed"},
		},
		{
			`2012-10-11T22:14:15.123+02:00 mymachine su[12]: failed n=1`,
			"2012-10-11T20:14:15.123Z", map[string]string{"host": "'mymachine", "source": "'su", "ps": "12", "msg": "'failed n=1", "failed": "true", "n": "1"},
		},
		{
			`<134>1 2025-11-22T09:31:35Z lb haproxy 12 - - 1.2.3.4:33317 [22/Nov/2025:09:31:34.655] http-in~ http-in/<NOSRV> -1/-1/-1/-1/+5 400 187 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"`,
			"2025-11-22T09:31:35Z", map[string]string{
				"level": "'info", "facility": "'local0", "host": "'lb", "source": "'haproxy", "ps": "12", "http_host": "'1.2.3.4", "http_frontend": "'http-in~", "http_backend": "'http-in",
				"http_request_time": "0.005", "http_status": "400", "http_bytes": "187", "http_flags": "'PR--",
				"msg": `'1.2.3.4:33317 [22/Nov/2025:09:31:34.655] http-in~ http-in/<NOSRV> -1/-1/-1/-1/+5 400 187 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"`,
			},
		},
		{
			`<134>1 2025-11-22T09:31:34Z fw app - - - CEF:0|Co|Firewall|1|7|Blocked|Low|src=10.0.0.1 act=`,
			"2025-11-22T09:31:34Z", map[string]string{
				"level": "'info", "facility": "'local0", "host": "'fw", "source": "'app", "vendor": "'Co", "code": "7", "name": "'Blocked", "severity": "'Low", "src": "'10.0.0.1",
				"msg": "'CEF:0|Co|Firewall|1|7|Blocked|Low|src=10.0.0.1 act=",
			},
		},
	},
	first: func(c byte) bool { return c == '<' || class[c]&isAlnum != 0 },
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		if b[start]-'0' <= 9 {
			if start = octetCount(b, start); start == 0 {
				return false
			}
		}
		if b[start] == '<' {
			return sc.syslog(ev, b, start, end) || sc.bsd(ev, b, start, end)
		}
		return b[start+3] == ' ' && (monthOf(b[start:start+3]) > 0 || b[start+4]-'0' <= 9) && sc.bsd(ev, b, start, end)
	},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		return sc.clock.strict && sc.bsd(ev, b, o.start, o.end)
	},
}

// octetCount gives the position after a count of octets and its space, if a <
// follows: the framing of RFC 6587. It gives 0 if there is none.
func octetCount(b []byte, i int) int {
	j := digits(b, i)
	if j > i && b[j] == ' ' && b[j+1] == '<' {
		return j + 1
	}
	return 0
}

// syslog parses RFC 5424, and Heroku's way of it, which leaves the structured
// data out:
//
//	<134>1 2012-11-30T06:45:29+00:00 host app web.3 - message
//	<134>1 2012-11-30T06:45:29+00:00 host app web.3 - - message
//	<134>1 2012-11-30T06:45:29+00:00 host app web.3 - [id key="value"] message
//
// It gives level and facility by the syslog's names, host, source (the
// application), ps (the process), msg, and the fields of the message. The
// structured data gives no fields.
func (sc *Scanner) syslog(ev *Event, b []byte, i, end int) bool {
	s := sc.schema
	i++ // <
	priority, j := 0, i
	for ; b[j]-'0' <= 9 && j < i+3; j++ {
		priority = priority*10 + int(b[j]-'0')
	}
	if j == i || priority > 191 || b[j] != '>' {
		return false
	}
	version := j + 1
	if i = digits(b, version); i == version || i > version+3 || b[i] != ' ' {
		return false
	}
	i++
	dated := false
	if b[i] == '-' {
		i++
	} else if i = sc.clock.timestamp(b, i); i < 0 {
		return false
	} else {
		dated = true
	}
	var header [4]struct{ start, end int } // host, application, process, message id
	for k := range header {
		if b[i] != ' ' {
			return false
		}
		header[k].start = i + 1
		header[k].end = word(b, i+1)
		i = header[k].end
		if i == header[k].start {
			return false
		}
	}
	if i < end && b[i] != ' ' {
		return false
	}
	i++

	if dated {
		sc.date(ev)
	}
	ev.putConstant(s.at[ofFacility], facilities[priority>>3], asText)
	ev.putConstant(s.at[ofLevel], severities[priority&7], asText)
	kind := hostlessBody
	if host := header[0]; isHost(b[host.start:host.end]) {
		kind = syslogBody
		ev.put(s.at[ofHost], host.start, host.end, asText)
	}
	if last := header[1].end - 1; b[last] == ':' && last > header[1].start { // a tag, as in RFC 3164
		ev.put(s.at[ofSource], header[1].start, last, asText)
		i = header[2].start
	} else {
		putPresent(ev, s.at[ofSource], b, header[1].start, header[1].end)
		putPresent(ev, s.at[ofPs], b, header[2].start, header[2].end)
		i = structuredData(b, i, end)
	}
	if bytes.HasPrefix(b[min(i, end):end], utf8Mark) {
		i += len(utf8Mark)
	}
	sc.message(ev, b, i, end, kind, header[1].start)
	if ev.half {
		sc.pairs(ev, b, i, end, kind)
	}
	return true
}

// isHost reports whether the host of a header is one. Heroku's drains have the
// word host in its place, or the drain's token, d. and a UUID; Logplex itself
// has t. and a UUID.
func isHost(b []byte) bool {
	if len(b) == len("d.01234567-89ab-cdef-0123-456789abcdef") && (b[0] == 'd' || b[0] == 't') && b[1] == '.' {
		return b[10] != '-' || b[15] != '-' || b[20] != '-' || b[25] != '-'
	}
	return string(b) != "-" && string(b) != "host"
}

// structuredData gives the position after structured data at i and the space
// that follows it. Heroku leaves it out, so that what begins with a bracket is
// structured data only if it has a parameter or an @ in its name: a message
// may well begin with [info].
func structuredData(b []byte, i, end int) int {
	if i >= end {
		return end
	}
	if b[i] == '-' && (i+1 == end || b[i+1] == ' ') {
		return min(i+2, end)
	}
	j, known := i, false
	for j < end && b[j] == '[' {
		j++
		name := j
		for class[b[j]]&inPlain != 0 && b[j] != ']' {
			known = known || b[j] == '@'
			j++
		}
		if j == name {
			return i
		}
		for b[j] == ' ' {
			j++
			name := j
			for class[b[j]]&inPlain != 0 && b[j] != ']' {
				j++
			}
			if j == name || b[j] != '=' || b[j+1] != '"' {
				return i
			}
			close, _ := closingQuote(b, min(j+2, end), end)
			if close < 0 {
				return i
			}
			j, known = close+1, true
		}
		if b[j] != ']' {
			return i
		}
		j++
	}
	if !known || j < end && b[j] != ' ' {
		return i
	}
	return min(j+1, end)
}
