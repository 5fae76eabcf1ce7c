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
		{ // Redis 2
			`[12] 22 Nov 09:31:34.123 * DB saved on disk`,
			"", map[string]string{"ps": "12", "level": "'notice", "msg": "'DB saved on disk"},
		},
		{
			`12:C 22 Nov 2025 09:31:34.123 # Warning: no config file specified`,
			"2025-11-22T09:31:34.123Z", map[string]string{"ps": "12", "level": "'warning", "msg": "'Warning: no config file specified"},
		},
	},
	first: oneOf("0123456789["),
	line:  (*Scanner).redis,
}

// redis parses what Redis writes: the process and its role (M, S, C or X), or in brackets
// without a role, the time, until version 4 without a year, a sign for the level and the
// message.
func (sc *Scanner) redis(ev *Event, b []byte, start, end int) bool {
	process := span{start, digits(b, start)}
	i := process.end
	if b[start] == '[' {
		process = span{start + 1, digits(b, start+1)}
		if i = process.end; i == start+1 || b[i] != ']' || b[i+1] != ' ' {
			return false
		}
		i += 2
	} else if i == start || b[i] != ':' || class[b[i+1]]&isLetter == 0 || b[i+2] != ' ' {
		return false
	} else {
		i += 3
	}
	dated := true
	if at := sc.clock.day(b, i); at >= 0 {
		i = at
	} else if i, dated = sc.clock.dayOfYear(b, i, sc.near, sc.zones); i < 0 {
		return false
	}
	if b[i] != ' ' || b[i+2] != ' ' {
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
	if dated {
		sc.date(ev)
	}
	sc.giveNumber(ev, ofPs, process)
	ev.putConstant(sc.schema.at[ofLevel], level, asText)
	sc.message(ev, b, i+3, end, loggerBody, start)
	return true
}

// dayOfYear reads 22 Nov 09:31:34.123, and gives what bsd gives.
func (c *clock) dayOfYear(b []byte, p int, near int64, zones bool) (next int, dated bool) {
	day, ok1 := twoDigits(b, p)
	month := monthOf(b[p+3 : p+6])
	clock, ok2 := clockSecond(b[p+7 : p+15])
	if !ok1 || !ok2 || b[p+2] != ' ' || b[p+6] != ' ' || b[p+15] != '.' || month == 0 || day < 1 || day > daysIn(2000, month) {
		return -1, false
	}
	nanos, next := fraction(b, p+16)
	return next, next >= 0 && c.yearless(month, day, clock, nanos, near, zones)
}
