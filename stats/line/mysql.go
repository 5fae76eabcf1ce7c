package line

var mysqlFormat = &Format{
	Name: "mysql",
	Doc: []FormatDoc{{
		"MySQL, MariaDB", "`2025-11-22T09:31:34.123456Z 0 [System] [MY-010116] [Server] MESSAGE`, or without code and subsystem",
		"`ps` (the thread), `level`, `code`, `source` (the subsystem); those of the message",
	}},
	Fields: []given{ofPs, ofLevel, ofCode, ofSource},
	Samples: []Sample{
		{
			`2025-11-22T09:31:34.123456Z 7 [Warning] [MY-010068] [Server] CA certificate ca.pem is self signed.`,
			"2025-11-22T09:31:34.123456Z", map[string]string{"ps": "7", "level": "'Warning", "code": "'MY-010068", "source": "'Server", "msg": "'CA certificate ca.pem is self signed."},
		},
		{ // MariaDB
			`2025-11-22  9:31:34 0 [Note] mariadbd: ready for connections.`,
			"2025-11-22T09:31:34Z", map[string]string{"ps": "0", "level": "'Note", "msg": "'mariadbd: ready for connections."},
		},
		{ // MySQL 5.5
			`251122  9:31:34 [Note] Event Scheduler: Loaded 0 events`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'Note", "msg": "'Event Scheduler: Loaded 0 events"},
		},
	},
	first: oneOf("0123456789"),
	line:  (*Scanner).mysql55,
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		return sc.mysql(ev, b, o.rest, o.end)
	},
}

// mysql55 parses what MySQL up to 5.6 and MariaDB up to 10.1 write: a date of six digits, the
// hour with a blank for its first digit, and the level.
func (sc *Scanner) mysql55(ev *Event, b []byte, start, end int) bool {
	i := sc.clock.shortYear(b, start)
	if i < 0 || b[i] != ' ' {
		return false
	}
	c := cursor{b: b, i: i, end: end}
	c.blanks()
	level := c.between('[', ']')
	if c.failed || !isLevel(b[level.start:level.end]) {
		return false
	}
	sc.date(ev)
	sc.give(ev, ofLevel, level)
	sc.message(ev, b, c.i, end, loggerBody, level.start)
	return true
}

// mysql parses a line of MySQL's error log after its time.
func (sc *Scanner) mysql(ev *Event, b []byte, i, end int) bool {
	c := cursor{b: b, i: i, end: end}
	thread := c.word()
	level := c.between('[', ']')
	if c.failed || !thread.isNumber(b) || !isLevel(b[level.start:level.end]) {
		return false
	}
	sc.give(ev, ofPs, thread)
	sc.give(ev, ofLevel, level)
	if c.i < end && hasPrefix(b, span{c.i, end}, "[MY-") {
		code, subsystem := c.between('[', ']'), c.between('[', ']')
		if !c.failed {
			sc.give(ev, ofCode, code)
			sc.give(ev, ofSource, subsystem)
		}
	}
	sc.message(ev, b, c.i, end, loggerBody, level.start)
	return true
}
