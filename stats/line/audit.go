package line

var auditFormat = &Format{
	Name: "auditd",
	Doc: []FormatDoc{{
		"Linux's audit log", "`type=SYSCALL msg=audit(1763803894.123:242): arch=c000003e syscall=2 success=no`",
		"each key",
	}},
	Samples: []Sample{{
		`type=SYSCALL msg=audit(1763803894.123:242): arch=c000003e syscall=2 success=no exe="/usr/bin/cat"`,
		"2025-11-22T09:31:34.123Z", map[string]string{"type": "'SYSCALL", "arch": "'c000003e", "syscall": "2", "success": "'no", "exe": "'/usr/bin/cat", "msg": "'audit(1763803894.123:242):"},
	}},
	first: oneOf("t"),
	line:  (*Scanner).audit,
}

// audit parses what auditd writes, which has its time in msg.
func (sc *Scanner) audit(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	kind := c.word()
	if !hasPrefix(b, kind, "type=") || !hasPrefix(b, c.rest(), "msg=audit(") {
		return false
	}
	c.i += len("msg=audit(")
	at := c.to(':')
	if c.failed || !sc.clock.any(b, at.start, at.end) {
		return false
	}
	sc.date(ev)
	sc.attributes(ev, b, start, end, wholeLine, int32(wholeLine)*roots)
	return true
}
