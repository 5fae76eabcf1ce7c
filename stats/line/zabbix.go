package line

var zabbixFormat = &Format{
	Name: "zabbix",
	Doc: []FormatDoc{{
		"Zabbix", "`12345:20251122:093134.123 MESSAGE`",
		"`ps`; those of the message",
	}},
	Fields: []given{ofPs},
	Samples: []Sample{{
		` 12345:20251122:093134.123 cannot send list of active checks to "1.2.3.4": host [web-1] not found`,
		"2025-11-22T09:31:34.123Z", map[string]string{"ps": "12345", "msg": `'cannot send list of active checks to "1.2.3.4": host [web-1] not found`},
	}},
	first: oneOf("123456789"),
	line:  (*Scanner).zabbix,
}

// zabbix parses the log of Zabbix' server, proxy and agent, whose times have no zone.
func (sc *Scanner) zabbix(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	process := span{start, digits(b, start)}
	c.i = process.end
	c.skip(':')
	if c.failed || end-c.i < len("20251122:093134.123 ") || b[c.i+8] != ':' || b[c.i+15] != '.' {
		return false
	}
	century, ok1 := twoDigits(b, c.i)
	year, ok2 := twoDigits(b, c.i+2)
	month, ok3 := twoDigits(b, c.i+4)
	day, ok4 := twoDigits(b, c.i+6)
	hour, ok5 := twoDigits(b, c.i+9)
	minute, ok6 := twoDigits(b, c.i+11)
	second, ok7 := twoDigits(b, c.i+13)
	nanos, next := fraction(b, c.i+16)
	days, ok8 := daysSince1970(century*100+year, month, day)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 || !ok8 || hour > 23 || minute > 59 || second > 60 || next < 0 || b[next] != ' ' {
		return false
	}
	sc.clock.zoned(b, next, days*86400+hour*3600+minute*60+second, nanos)
	sc.date(ev)
	sc.giveNumber(ev, ofPs, process)
	sc.message(ev, b, next+1, end, loggerBody, start)
	if ev.half {
		sc.pairs(ev, b, next+1, end, loggerBody)
	}
	return true
}
