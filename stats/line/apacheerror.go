package line

var apacheErrorFormat = &Format{
	Name: "apache-error",
	Doc: []FormatDoc{{
		"Apache's error log", "`[Sat Nov 22 09:31:34.123456 2025] [core:error] [pid 12:tid 13] [client 1.2.3.4:5] MESSAGE`",
		"`level`, `source` (the module), `ps`, `http_host`, `code` (`AH00128`)",
	}},
	Fields: []given{ofLevel, ofSource, ofPs, httpHost, ofCode},
	Samples: []Sample{
		{
			`[Sat Nov 22 09:31:34.123456 2025] [core:error] [pid 12:tid 4328636416] [client 1.2.3.4:5678] AH00128: File does not exist: /srv/favicon.ico`,
			"2025-11-22T09:31:34.123456Z", map[string]string{
				"level": "'error", "source": "'core", "ps": "12", "http_host": "'1.2.3.4", "code": "'AH00128", "msg": "'AH00128: File does not exist: /srv/favicon.ico",
			},
		},
		{ // 2.2
			`[Sat Nov 22 09:31:34 2025] [error] [client 1.2.3.4] client denied by server configuration: /srv/test`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'error", "http_host": "'1.2.3.4", "msg": "'client denied by server configuration: /srv/test"},
		},
		{
			`[Sat Nov 22 09:31:34.5 2025] [mpm_event:notice] [pid 1] AH00489: Apache/2.4.62 (Unix) configured -- resuming normal operations`,
			"2025-11-22T09:31:34.5Z", map[string]string{
				"level": "'notice", "source": "'mpm_event", "ps": "1", "code": "'AH00489", "msg": "'AH00489: Apache/2.4.62 (Unix) configured -- resuming normal operations",
			},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).apacheError,
}

// apacheError parses a line of Apache's error log, as 2.2 and 2.4 write it.
func (sc *Scanner) apacheError(ev *Event, b []byte, start, end int) bool {
	if !isWeekday(b[start+1 : start+4]) {
		return false
	}
	i := sc.clock.weekday(b, start+1)
	if i < 0 || b[i] != ']' {
		return false
	}
	c := cursor{b: b, i: i + 1, end: end}
	c.blanks()
	level := c.between('[', ']')
	module := span{level.start, level.start}
	for at := level.start; at < level.end; at++ {
		if b[at] == ':' {
			module.end, level.start = at, at+1
			break
		}
	}
	if c.failed || !isLevel(b[level.start:level.end]) && string(b[level.start:min(level.start+5, end)]) != "trace" {
		return false
	}
	sc.date(ev)
	sc.give(ev, ofLevel, level)
	sc.give(ev, ofSource, module)
	for !c.failed && c.i < end && b[c.i] == '[' {
		from := c.i
		switch what := c.between('[', ']'); {
		case c.failed:
			c.i = from
		case hasPrefix(b, what, "pid "):
			sc.giveNumber(ev, ofPs, span{what.start + 4, digits(b, what.start+4)})
		case hasPrefix(b, what, "client "):
			sc.give(ev, httpHost, span{what.start + 7, withoutPort(b, what.start+7, what.end)})
		default: // of the message
			c.i, c.failed = from, true
		}
	}
	message := span{min(c.i, end), end}
	if code := (span{message.start, word(b, message.start)}); code.end < end && code.end-code.start == len("AH00128:") && hasPrefix(b, code, "AH") && b[code.end-1] == ':' {
		code.end--
		sc.give(ev, ofCode, code)
	}
	ev.put(sc.schema.at[ofMsg], message.start, message.end, asText)
	ev.half = true
	return true
}

// hasPrefix reports whether a span begins with a text.
func hasPrefix(b []byte, s span, text string) bool {
	return s.end-s.start >= len(text) && string(b[s.start:s.start+len(text)]) == text
}
