package line

import "bytes"

var mssqlFormat = &Format{
	Name: "mssql",
	Doc: []FormatDoc{{
		"SQL Server", "`2025-11-22 09:31:34.12 Logon       Error: 18456, Severity: 14, State: 8.`",
		"`source` (`Logon`, `spid5s`); of errors `code` and `severity`",
	}},
	Fields: []given{ofSource, ofCode, ofSeverity},
	Samples: []Sample{
		{
			`2025-11-22 09:31:34.12 Logon       Error: 18456, Severity: 14, State: 8.`,
			"2025-11-22T09:31:34.12Z", map[string]string{"source": "'Logon", "code": "18456", "severity": "14", "msg": "'Error: 18456, Severity: 14, State: 8."},
		},
		{
			`2025-11-22 09:31:34.12 spid51s     Starting up database 'master'.`,
			"2025-11-22T09:31:34.12Z", map[string]string{"source": "'spid51s", "msg": "'Starting up database 'master'."},
		},
	},
	dated: (*Scanner).mssql,
}

// mssql parses the error log of Microsoft's SQL Server.
func (sc *Scanner) mssql(ev *Event, b []byte, o opening) bool {
	const column = len("spid5s      ") // of the source, blanks included
	c := cursor{b: b, i: o.rest, end: o.end}
	source := c.word()
	if c.failed || c.i-source.start != column && source.end-source.start < column {
		return false
	}
	switch {
	case hasPrefix(b, source, "spid"):
		if i := digits(b, source.start+len("spid")); i == source.start+len("spid") || i != source.end && (b[i] != 's' || i+1 != source.end) {
			return false
		}
	case string(b[source.start:source.end]) == "Logon", string(b[source.start:source.end]) == "Server", string(b[source.start:source.end]) == "Backup":
	default:
		return false
	}
	sc.give(ev, ofSource, source)
	message := span{min(c.i, o.end), o.end}
	if bytes.HasPrefix(b[message.start:message.end], []byte("Error: ")) {
		c.word()
		code := c.to(',')
		c.blanks()
		c.word()
		severity := c.to(',')
		if !c.failed {
			sc.giveNumber(ev, ofCode, code)
			sc.giveNumber(ev, ofSeverity, severity)
		}
	}
	ev.put(sc.schema.at[ofMsg], message.start, message.end, asText)
	return true
}
