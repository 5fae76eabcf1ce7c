package line

var kernelFormat = &Format{
	Name: "kernel",
	Doc: []FormatDoc{{
		"Linux's kernel (dmesg)", "`[12345.678901] eth0: link up`, also with `<6>` or, as `dmesg -x` has it, `kern  :info  : ` before it; a time since the start dates nothing, that of `dmesg -T` does",
		"`level` and `facility` by syslog's names, if they are there; those of the message",
	}},
	Fields: []given{ofLevel, ofFacility},
	Samples: []Sample{
		{
			`[    1.678901] eth0: link up`,
			"", map[string]string{"msg": "'eth0: link up"},
		},
		{
			`<4>[12345.678901] usb: speed=480`,
			"", map[string]string{"level": "'warning", "facility": "'kern", "msg": "'usb: speed=480", "speed": "480"},
		},
		{
			`kern  :info  : [Sat Nov 22 09:31:34 2025] eth0: link up`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'info", "facility": "'kern", "msg": "'eth0: link up"},
		},
	},
	first: oneOf("[<kdu"),
	line:  (*Scanner).kernel,
}

// kernel parses what the kernel's ring buffer has, as dmesg prints it.
func (sc *Scanner) kernel(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	priority := -1
	var facility, level span
	switch {
	case b[start] == '<':
		if c.i, priority = priorityAt(b, start); c.i < 0 {
			return false
		}
	case b[start] != '[': // kern  :info  :
		if facility = c.column(); b[c.i] != ':' {
			return false
		}
		c.i++
		if level = c.column(); b[c.i] != ':' || b[c.i+1] != ' ' || facility.end == facility.start || level.end == level.start {
			return false
		}
		c.i += len(": ")
	}
	dated, i := false, spaces(b, c.i+1)
	if b[c.i] != '[' {
		return false
	}
	if at := digits(b, i); at > i && at < i+len("1763803894") && b[at] == '.' && digits(b, at+1) == at+len(".123456") {
		i = at + len(".123456")
	} else if i = sc.clock.weekday(b, c.i+1); i < 0 || level.end == 0 {
		return false
	} else {
		dated = true
	}
	c.i = i
	c.skip(']')
	if b[c.i] == '[' && b[spaces(b, c.i+1)]|0x20-'c' <= 't'-'c' { // the thread or the processor that wrote it
		c.to(']')
	}
	c.skip(' ')
	if c.failed {
		return false
	}
	if dated {
		sc.date(ev)
	}
	s := sc.schema
	if priority >= 0 {
		ev.putConstant(s.at[ofFacility], facilities[priority>>3], asText)
		ev.putConstant(s.at[ofLevel], severities[priority&7], asText)
	}
	sc.give(ev, ofFacility, facility)
	sc.give(ev, ofLevel, level)
	if c.i >= end {
		ev.put(s.at[ofMsg], end, end, asText)
	}
	sc.message(ev, b, c.i, end, syslogBody, start)
	return true
}

// column gives small letters and skips the blanks after them.
func (c *cursor) column() span {
	s := span{c.i, c.i}
	for c.b[s.end]-'a' < 26 || s.end > s.start && c.b[s.end]-'0' <= 9 {
		s.end++
	}
	c.i = spaces(c.b, s.end)
	return s
}
