package line

var redisFormat = &Format{
	Name: "redis",
	Doc: []FormatDoc{{
		"Redis, Valkey", "`1:M 22 Nov 2025 09:31:34.123 * MESSAGE`",
		"`ps`, `level` (debug, info, notice, warning); those of the message",
	}},
	Fields: []given{ofLevel, ofPs},
	Samples: []Sample{
		{
			`1:M 22 Nov 2025 09:31:34.123 * Ready to accept connections`,
			"2025-11-22T09:31:34.123Z", map[string]string{"ps": "1", "level": "'notice", "msg": "'Ready to accept connections"},
		},
		{
			`12:C 22 Nov 2025 09:31:34.123 # Warning: no config file specified`,
			"2025-11-22T09:31:34.123Z", map[string]string{"ps": "12", "level": "'warning", "msg": "'Warning: no config file specified"},
		},
	},
	first: oneOf("0123456789"),
	line:  (*Scanner).redis,
}

// redis parses what Redis writes: the process and its role (M, S, C or X), the time, a sign
// for the level and the message.
func (sc *Scanner) redis(ev *Event, b []byte, start, end int) bool {
	process := span{start, digits(b, start)}
	i := process.end
	if b[i] != ':' || class[b[i+1]]&isLetter == 0 || b[i+2] != ' ' {
		return false
	}
	if i = sc.clock.day(b, i+3); i < 0 || b[i] != ' ' || b[i+2] != ' ' {
		return false
	}
	level := severities[7]
	switch b[i+1] {
	case '.':
	case '-':
		level = severities[6]
	case '*':
		level = severities[5]
	case '#':
		level = severities[4]
	default:
		return false
	}
	sc.date(ev)
	sc.giveNumber(ev, ofPs, process)
	ev.putConstant(sc.schema.at[ofLevel], level, asText)
	sc.message(ev, b, i+3, end, loggerBody, start)
	return true
}
