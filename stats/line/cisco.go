package line

var ciscoFormat = &Format{
	Name: "cisco",
	Doc: []FormatDoc{{
		"Cisco (IOS, NX-OS, ASA)", "`<189>45: rtr1: *Nov 22 2025 09:31:34.123: %SYS-5-CONFIG_I: MESSAGE`, with or without all that is before the time; also after an RFC 3164 header",
		"`level` (by the message's digit), `facility` of a priority, `host`, `source` (`SYS`), `code` (`CONFIG_I`); those of the message",
	}},
	Fields: []given{ofLevel, ofFacility, ofHost, ofSource, ofCode},
	Samples: []Sample{
		{ // IOS, with a sequence number; the asterisk says that the clock is not synchronized
			`<189>45: *Nov 22 2025 09:31:34.123: %SYS-5-CONFIG_I: Configured from console by vty0`,
			"2025-11-22T09:31:34.123Z", map[string]string{
				"level": "'notice", "facility": "'local7", "source": "'SYS", "code": "'CONFIG_I", "msg": "'Configured from console by vty0",
			},
		},
		{ // with its name and a zone
			`<187>46: rtr1: Nov 22 2025 10:31:34.123 CET: %LINK-3-UPDOWN: Interface Gi0/1, changed state to up`,
			"2025-11-22T09:31:34.123Z", map[string]string{
				"level": "'err", "facility": "'local7", "host": "'rtr1", "source": "'LINK", "code": "'UPDOWN", "msg": "'Interface Gi0/1, changed state to up",
			},
		},
		{ // ASA, with its name behind the time
			`<166>Nov 22 2025 09:31:34 fw1 : %ASA-6-302013: Built outbound TCP connection 1`,
			"2025-11-22T09:31:34Z", map[string]string{
				"level": "'info", "facility": "'local4", "host": "'fw1", "source": "'ASA", "code": "302013", "msg": "'Built outbound TCP connection 1",
			},
		},
	},
	first: func(c byte) bool { return c == '<' || c == '*' || c == '.' || c == '%' || c-'0' <= 9 || c-'A' < 26 },
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		i, priority := start, -1
		if b[i] == '<' {
			if i, priority = priorityAt(b, i); i < 0 {
				return false
			}
		}
		if !sc.cisco(ev, b, i, end) {
			return false
		}
		if priority >= 0 {
			ev.putConstant(sc.schema.at[ofFacility], facilities[priority>>3], asText)
		}
		return true
	},
}

// cisco parses what Cisco's devices write after a priority, or after the header of a
// server that passed it on: a sequence number, a name, an asterisk or a point if the clock
// is not synchronized, and a time, each if it is there, and then the message with its tag.
func (sc *Scanner) cisco(ev *Event, b []byte, i, end int) bool {
	var host span
	for range 2 {
		w := span{i, min(word(b, i), end)}
		if w.end <= w.start+1 || b[w.end-1] != ':' || b[w.start] == '%' {
			break
		}
		if w.end--; !w.isNumber(b) {
			if class[b[w.start]]&isLetter == 0 && !isAddress(b, w.start, w.end) || !looksLikeHost(b[w.start:w.end]) {
				return false
			}
			host = w
		}
		i = w.end + 2
	}
	if b[i] == ':' && b[i+1] == ' ' { // NX-OS
		i += len(": ")
	}
	if b[i] == '*' || b[i] == '.' {
		i++
	}
	dated := false
	if b[i] != '%' {
		if i, dated = sc.clock.cisco(b, i, sc.near, sc.zones); i < 0 {
			return false
		}
		c := cursor{b: b, i: i, end: end}
		if c.has(' ') {
			host = c.word()
		}
		if c.skip(':'); c.failed || b[c.i] != ' ' {
			return false
		}
		i = c.i + 1
	}
	c := cursor{b: b, i: i, end: end}
	c.skip('%')
	tag := c.to(':')
	source, level, code, ok := ciscoTag(b, tag)
	if c.failed || !ok {
		return false
	}
	if dated && !ev.dated {
		sc.date(ev)
	}
	sc.give(ev, ofHost, host)
	sc.give(ev, ofSource, source)
	sc.give(ev, ofCode, code)
	if slot := sc.schema.at[ofLevel]; slot != None && !ev.Has(slot) {
		ev.putConstant(slot, severities[level], asText)
	}
	c.blanks()
	if sc.message(ev, b, c.i, end, syslogBody, source.start); c.i >= end {
		ev.put(sc.schema.at[ofMsg], end, end, asText)
	}
	return true
}

// ciscoTag reads SYS-5-CONFIG_I: the facility, which may have more parts, the level and
// what names the message.
func ciscoTag(b []byte, tag span) (source span, level byte, code span, ok bool) {
	for i := tag.start; i < tag.end; i++ {
		switch c := b[i]; {
		case c == '-' && b[i+1]-'0' <= 7 && b[i+2] == '-' && i > tag.start && !ok:
			source, level, code, ok = span{tag.start, i}, b[i+1]-'0', span{i + 3, tag.end}, true
		case c-'A' >= 26 && c-'0' > 9 && c != '_' && c != '-' && c-'a' >= 26:
			return source, level, code, false
		}
	}
	return source, level, code, ok && code.end > code.start
}

// cisco reads Nov 22 2025 09:31:34.123 CET, with or without the year, the fraction and the
// zone. It gives the position after it, -1 if there is none, and whether its year is known.
func (c *clock) cisco(b []byte, p int, near int64, zones bool) (next int, dated bool) {
	const named = len("Nov ")
	year := int64(-1)
	if b[p]-'0' <= 9 && digits(b, p) == p+4 && b[p+4] == ' ' { // NX-OS has the year first
		century, _ := twoDigits(b, p)
		of, _ := twoDigits(b, p+2)
		year, p = century*100+of, p+len("2025 ")
	}
	month := monthOf(b[p : p+3])
	i := p + named
	if b[i] == ' ' {
		i++
	}
	first := i
	day, i := dayAt(b, first)
	if month == 0 || b[p+3] != ' ' || i == first || b[i] != ' ' || day < 1 || day > daysIn(2000, month) {
		return -1, false
	}
	i++
	if year < 0 && digits(b, i) == i+4 && b[i+4] == ' ' {
		century, _ := twoDigits(b, i)
		of, _ := twoDigits(b, i+2)
		year, i = century*100+of, i+5
	}
	clock, ok := clockSecond(b[i : i+8])
	if i += 8; !ok {
		return -1, false
	}
	nanos := uint32(0)
	if b[i] == '.' {
		if nanos, i = fraction(b, i+1); i < 0 {
			return -1, false
		}
	}
	if year >= 0 {
		days, ok := daysSince1970(year, month, day)
		if i = c.zoned(b, i, days*86400+clock, nanos); !ok || i < 0 {
			return -1, false
		}
		return i, c.dated
	}
	name, end := zoneName(b, i)
	if end == 0 {
		return i, c.yearless(month, day, clock, nanos, near, zones)
	}
	return end, c.yearlessIn(name, month, day, clock, nanos, near)
}
