package line

var mysqlGeneralFormat = &Format{
	Name: "mysql-general",
	Doc: []FormatDoc{{
		"MySQL's general log", "`2025-11-22T09:31:34.123456Z\t   12 Query\tselect 1`, with tabs",
		"`ps` (the connection), `name` (`Query`, `Connect` and so on), the statement as `msg`",
	}},
	Fields: []given{ofPs, ofName},
	Samples: []Sample{{
		"2025-11-22T09:31:34.123456Z\t   12 Query\tselect 1",
		"2025-11-22T09:31:34.123456Z", map[string]string{"ps": "12", "name": "'Query", "msg": "'select 1"},
	}},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		c := cursor{b: b, i: spaces(b, o.rest), end: o.end}
		if c.i >= c.end || b[c.i]-'0' > 9 {
			return false
		}
		connection := c.word()
		name := c.to('\t')
		if c.failed || !connection.isNumber(b) {
			return false
		}
		switch string(b[name.start:name.end]) {
		case "Query", "Connect", "Quit", "Init DB", "Prepare", "Execute", "Close stmt", "Field List", "Statistics", "Ping", "Change user", "Reset stmt", "Fetch", "Binlog Dump", "Debug", "Kill", "Shutdown":
		default:
			return false
		}
		sc.giveNumber(ev, ofPs, connection)
		sc.give(ev, ofName, name)
		ev.put(sc.schema.at[ofMsg], min(c.i, o.end), o.end, asText)
		return true
	},
}
