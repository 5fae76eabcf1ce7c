package line

var phpFormat = &Format{
	Name: "php",
	Doc: []FormatDoc{{
		"PHP's error log", "`[22-Nov-2025 09:31:34 UTC] PHP Warning:  MESSAGE in /srv/a.php on line 3`",
		"`level` (error, warning, notice, info; fatal of a fatal error)",
	}},
	Fields: []given{ofLevel},
	Samples: []Sample{
		{
			`[22-Nov-2025 09:31:34 UTC] PHP Warning:  Undefined variable $a in /srv/a.php on line 3`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'warning", "msg": "'Undefined variable $a in /srv/a.php on line 3"},
		},
		{
			`[22-Nov-2025 10:31:34 Europe/Berlin] PHP Fatal error:  Uncaught Error in /srv/a.php:3`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'fatal", "msg": "'Uncaught Error in /srv/a.php:3"},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).php,
}

// php parses what PHP writes into its error_log of errors of its own. The zone has a name
// of the tz database.
func (sc *Scanner) php(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	at := c.between('[', ']')
	if !hasPrefix(b, c.rest(), "PHP ") {
		return false
	}
	c.i += len("PHP ")
	kind := c.to(':')
	level, ok := phpLevels[string(b[kind.start:kind.end])]
	dated := sc.clock.day(b, at.start)
	if c.failed || !ok || dated < 0 {
		return false
	}
	if dated == at.end {
		sc.date(ev)
	}
	c.blanks()
	ev.putConstant(sc.schema.at[ofLevel], level, asText)
	sc.message(ev, b, c.i, end, loggerBody, start)
	return true
}

var phpLevels = map[string]constant{
	"Fatal error": fatalText, "Recoverable fatal error": fatalText, "Parse error": errorText,
	"Warning": severities[4], "Notice": severities[5], "Deprecated": severities[6], "Strict Standards": severities[6],
}
