package line

var mysqlSlowFormat = &Format{
	Name: "mysql-slow",
	Doc: []FormatDoc{{
		"MySQL's and MariaDB's slow log", "`# Query_time: 1.2  Lock_time: 0.0001 Rows_sent: 1  Rows_examined: 1000`, and the lines `# Time: …`, `# User@Host: …` and `# Thread_id: …` around it, each alone or as one event (`--join 'start:^# Time'`)",
		"each name with its number or word (`Query_time` and `Lock_time` are seconds), `user`. `Time` is the time, or else `SET timestamp`",
	}},
	Fields: []given{ofUser},
	Names: []string{
		"Query_time", "Lock_time", "Rows_sent", "Rows_examined", "Rows_affected", "Bytes_sent", "Thread_id", "Schema", "QC_hit", "Full_scan", "Full_join", "Filesort", "Id",
	},
	Samples: []Sample{
		{
			`# Query_time: 1.200000  Lock_time: 0.000100 Rows_sent: 1  Rows_examined: 1000`,
			"", map[string]string{"Query_time": "1.2", "Lock_time": "0.0001", "Rows_sent": "1", "Rows_examined": "1000"},
		},
		{
			`# Time: 2025-11-22T09:31:34.123456Z`,
			"2025-11-22T09:31:34.123456Z", map[string]string{},
		},
		{
			`# User@Host: bob[bob] @ localhost [10.0.0.1]  Id:    12`,
			"", map[string]string{"user": "'bob", "Id": "12"},
		},
	},
	first: oneOf("#"),
	line:  (*Scanner).mysqlSlow,
}

// mysqlSlow parses the lines of the slow log that begin with a number sign.
func (sc *Scanner) mysqlSlow(ev *Event, b []byte, start, end int) bool {
	l := span{start, end}
	if !hasPrefix(b, l, "# Time: ") && !hasPrefix(b, l, "# User@Host: ") && !hasPrefix(b, l, "# Query_time: ") && !hasPrefix(b, l, "# Thread_id: ") && !hasPrefix(b, l, "# Schema: ") {
		return false
	}
	keys := sc.schema.bodies[loggerBody].keys
	c := cursor{b: b, i: start, end: end}
	for c.i < end {
		w := c.next()
		switch {
		case w.end == w.start:
		case b[w.start] == '#' || b[w.end-1] != ':':
			if string(b[w.start:w.end]) == "SET" {
				set := c.next()
				if hasPrefix(b, set, "timestamp=") && b[set.end-1] == ';' && !ev.dated && sc.clock.any(b, set.start+len("timestamp="), set.end-1) {
					sc.date(ev)
				}
				c.i = end // the statement
			}
		case hasPrefix(b, w, "User@Host"):
			who := c.next()
			for at := who.start; at < who.end; at++ {
				if b[at] == '[' {
					who.end = at
				}
			}
			sc.give(ev, ofUser, who)
		case hasPrefix(b, w, "Time:"):
			v := c.next()
			if i := sc.clock.shortYear(b, v.start); i >= 0 { // until MySQL 5.6
				sc.date(ev)
				c.i = i
			} else if sc.clock.any(b, v.start, v.end) {
				sc.date(ev)
			}
		default:
			v := c.next()
			if key, _ := keys.find(b, w.start, w.end-1); key != 0 && v.end > v.start {
				ev.putValue(b, v.start, v.end, 0, key)
			}
		}
	}
	sc.defaultMessage(ev, start, end)
	return true
}

// next gives the next word, also of the next line; an empty one at the end.
func (c *cursor) next() span {
	for c.i < c.end && c.b[c.i] <= ' ' {
		c.i++
	}
	if c.i >= c.end {
		return span{c.end, c.end}
	}
	return c.word()
}
