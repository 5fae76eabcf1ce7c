package line

var postgresFormat = &Format{
	Name: "postgres",
	Doc: []FormatDoc{{
		"PostgreSQL", "`2025-11-22 09:31:34.123 UTC [123] bob@shop LOG:  MESSAGE`, with the prefix `%m [%p] ` of PostgreSQL, Debian's with user and database, or RDS'",
		"`ps`, `user`, `database`, `host` (RDS), `level`; of durations `duration`, in ms; those of the message",
	}},
	Fields: []given{ofPs, ofUser, ofDatabase, ofHost, ofLevel},
	Samples: []Sample{
		{
			`2025-11-22 09:31:34.123 UTC [123] LOG:  duration: 12.5 ms  statement: SELECT 1`,
			"2025-11-22T09:31:34.123Z", map[string]string{"ps": "123", "level": "'LOG", "msg": "'duration: 12.5 ms  statement: SELECT 1", "duration": "12.5"},
		},
		{ // Debian
			`2025-11-22 10:31:34.123 CET [123] bob@shop ERROR:  relation "x" does not exist at character 15`,
			"2025-11-22T09:31:34.123Z", map[string]string{"ps": "123", "user": "'bob", "database": "'shop", "level": "'ERROR", "msg": `'relation "x" does not exist at character 15`},
		},
		{ // RDS
			`2025-11-22 09:31:34 UTC:10.0.0.1(5432):bob@shop:[123]:FATAL:  password authentication failed for user "bob"`,
			"2025-11-22T09:31:34Z", map[string]string{"ps": "123", "user": "'bob", "database": "'shop", "host": "'10.0.0.1", "level": "'FATAL", "msg": `'password authentication failed for user "bob"`},
		},
	},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		return sc.postgres(ev, b, o.rest, o.end)
	},
}

// postgres parses a line of PostgreSQL's log after its time and a blank or colon.
func (sc *Scanner) postgres(ev *Event, b []byte, i, end int) bool {
	c := cursor{b: b, i: i, end: end}
	var host, user, process span
	rds := b[i-1] == ':'
	if rds {
		host, user = c.to(':'), c.to(':')
		process = c.between('[', ']')
		c.skip(':')
		for at := host.start; at < host.end; at++ { // without the port
			if b[at] == '(' {
				host.end = at
			}
		}
	} else {
		process = c.between('[', ']')
		if !c.failed && b[c.i]-'A' >= 26 {
			user = c.word()
		}
	}
	level := c.to(':')
	if c.failed || !process.isNumber(b) || !isLevel(b[level.start:level.end]) || b[level.start]-'A' >= 26 || b[c.i] != ' ' || b[c.i+1] != ' ' {
		return false
	}
	name := cursor{b: b, i: user.start, end: user.end}
	if who := name.to('@'); !name.failed {
		sc.give(ev, ofUser, who)
		sc.give(ev, ofDatabase, name.rest())
	} else if user.end > user.start {
		return false
	}
	sc.give(ev, ofPs, process)
	sc.give(ev, ofHost, host)
	sc.give(ev, ofLevel, level)
	c.blanks()
	message := c.rest()
	if hasPrefix(b, message, "duration: ") {
		took := span{message.start + len("duration: "), word(b, message.start+len("duration: "))}
		if slot := sc.schema.Slot("duration"); slot != None && string(b[took.end:min(took.end+3, end)]) == " ms" {
			ev.put(slot, took.start, took.end, 0)
		}
		ev.put(sc.schema.at[ofMsg], message.start, message.end, asText)
		return true
	}
	sc.message(ev, b, message.start, message.end, loggerBody, level.start)
	return true
}
