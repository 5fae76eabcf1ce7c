package line

import "bytes"

var postgresFormat = &Format{
	Name: "postgres",
	Doc: []FormatDoc{{
		"PostgreSQL", "`2025-11-22 09:31:34.123 UTC [123] bob@shop LOG:  MESSAGE`, with the prefix `%m [%p] ` of PostgreSQL, Debian's with user and database, RDS', or `%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h `",
		"`ps`, `user`, `database`, `host` (RDS), `level`; of durations `duration`, in ms; those of the message",
	}},
	Names:  []string{"duration"},
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
		{ // with a prefix of names
			`2025-11-22 09:31:34 UTC [123]: [3-1] user=bob,db=shop,app=[unknown],client=10.0.0.1 LOG:  duration: 1.234 ms`,
			"2025-11-22T09:31:34Z", map[string]string{"ps": "123", "user": "'bob", "database": "'shop", "host": "'10.0.0.1", "level": "'LOG", "msg": `'duration: 1.234 ms`, "duration": "1.234"},
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
		if c.has(':') {
			c.blanks()
		}
		if c.i < end && b[c.i] == '[' { // the number of the line
			c.between('[', ']')
		}
		switch {
		case c.failed || b[c.i]-'A' < 26:
		case hasPrefix(b, span{c.i, end}, "user="):
			return sc.postgresNamed(ev, b, c, process)
		default:
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
	sc.give(ev, ofHost, host)
	sc.postgresMessage(ev, b, c, process, level)
	return true
}

// postgresNamed parses what comes after the process if the prefix names its values, as log
// analyzers want it: user=bob,db=shop,app=psql,client=10.0.0.1 LOG:  MESSAGE.
func (sc *Scanner) postgresNamed(ev *Event, b []byte, c cursor, process span) bool {
	stop := bytes.Index(b[c.i:c.end], []byte(":  "))
	if stop < 0 {
		return false
	}
	level := span{c.i + stop, c.i + stop}
	for b[level.start-1]-'A' < 26 || b[level.start-1]-'0' <= 9 {
		level.start--
	}
	if !isLevel(bytes.TrimRight(b[level.start:level.end], "12345")) || // DEBUG1
		b[level.start-1] != ' ' {
		return false
	}
	for pair := range bytes.SplitSeq(b[c.i:level.start-1], []byte{','}) {
		name, v, _ := bytes.Cut(pair, []byte{'='})
		at := span{c.i + len(name) + 1, c.i + len(pair)}
		c.i += len(pair) + 1
		switch string(name) {
		case "user":
			sc.give(ev, ofUser, at)
		case "db":
			sc.give(ev, ofDatabase, at)
		case "client", "host":
			if n := bytes.IndexByte(v, '('); n >= 0 { // without the port
				at.end = at.start + n
			}
			sc.give(ev, ofHost, at)
		}
	}
	c.i = level.end + 1
	sc.postgresMessage(ev, b, c, process, level)
	return true
}

// postgresMessage parses what comes after the level and its colon.
func (sc *Scanner) postgresMessage(ev *Event, b []byte, c cursor, process, level span) {
	end := c.end
	sc.give(ev, ofPs, process)
	sc.give(ev, ofLevel, level)
	c.blanks()
	message := c.rest()
	if hasPrefix(b, message, "duration: ") {
		took := span{message.start + len("duration: "), word(b, message.start+len("duration: "))}
		if slot := sc.schema.Slot("duration"); slot != None && string(b[took.end:min(took.end+3, end)]) == " ms" {
			ev.put(slot, took.start, took.end, 0)
		}
		ev.put(sc.schema.at[ofMsg], message.start, message.end, asText)
		return
	}
	sc.message(ev, b, message.start, message.end, loggerBody, level.start)
}
