package line

var nagiosFormat = &Format{
	Name: "nagios",
	Doc: []FormatDoc{{
		"Nagios, Icinga 1, Naemon", "`[1763803894] SERVICE ALERT: web-1;HTTP;CRITICAL;HARD;3;Connection refused`, and other words for `SERVICE ALERT`",
		"`name` (`SERVICE ALERT`); of alerts and states `host`, `source` (the service), `code` (`CRITICAL`), and the text as `msg`",
	}},
	Fields: []given{ofName, ofHost, ofSource, ofCode},
	Samples: []Sample{
		{
			`[1763803894] SERVICE ALERT: web-1;HTTP;CRITICAL;HARD;3;Connection refused`,
			"2025-11-22T09:31:34Z", map[string]string{"name": "'SERVICE ALERT", "host": "'web-1", "source": "'HTTP", "code": "'CRITICAL", "msg": "'Connection refused"},
		},
		{
			`[1763803894] CURRENT HOST STATE: web-1;UP;HARD;1;PING OK`,
			"2025-11-22T09:31:34Z", map[string]string{"name": "'CURRENT HOST STATE", "host": "'web-1", "code": "'UP", "msg": "'PING OK"},
		},
		{
			`[1763803894] EXTERNAL COMMAND: SCHEDULE_FORCED_SVC_CHECK;web-1;HTTP;1763803894`,
			"2025-11-22T09:31:34Z", map[string]string{"name": "'EXTERNAL COMMAND", "msg": "'SCHEDULE_FORCED_SVC_CHECK;web-1;HTTP;1763803894"},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).nagios,
}

// nagios parses the log of Nagios and of what came from it.
func (sc *Scanner) nagios(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	at := c.between('[', ']')
	if c.failed || !at.isNumber(b) || at.end-at.start != len("1763803894") {
		return false
	}
	name := c.to(':')
	if c.failed || name.end == name.start {
		return false
	}
	for _, letter := range b[name.start:name.end] {
		if letter-'A' >= 26 && letter != ' ' {
			return false
		}
	}
	c.blanks()
	var host, service span
	of := 0
	switch string(b[name.start:name.end]) {
	case "SERVICE ALERT", "CURRENT SERVICE STATE", "INITIAL SERVICE STATE":
		of = 2
	case "HOST ALERT", "CURRENT HOST STATE", "INITIAL HOST STATE":
		of = 1
	case "SERVICE NOTIFICATION", "HOST NOTIFICATION", "EXTERNAL COMMAND", "PASSIVE SERVICE CHECK", "PASSIVE HOST CHECK", "SERVICE FLAPPING ALERT", "HOST FLAPPING ALERT",
		"SERVICE DOWNTIME ALERT", "HOST DOWNTIME ALERT", "SERVICE EVENT HANDLER", "HOST EVENT HANDLER", "GLOBAL SERVICE EVENT HANDLER", "GLOBAL HOST EVENT HANDLER",
		"ACKNOWLEDGE SVC PROBLEM", "LOG ROTATION", "LOG VERSION", "TIMEPERIOD TRANSITION":
	default:
		return false
	}
	message := span{min(c.i, end), end}
	if of > 0 {
		if host = c.to(';'); of == 2 {
			service = c.to(';')
		}
		state := c.to(';')
		c.to(';') // SOFT or HARD
		c.to(';') // the attempt
		if c.failed {
			return false
		}
		message.start = min(c.i, end)
		sc.give(ev, ofHost, host)
		sc.give(ev, ofSource, service)
		sc.give(ev, ofCode, state)
	}
	if sc.clock.any(b, at.start, at.end) {
		sc.date(ev)
	}
	sc.give(ev, ofName, name)
	ev.put(sc.schema.at[ofMsg], message.start, message.end, asText)
	return true
}
