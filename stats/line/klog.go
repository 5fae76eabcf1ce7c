package line

var klogFormat = &Format{
	Name: "klog",
	Doc: []FormatDoc{{
		"klog, glog", "`I1122 09:31:34.123456   12345 controller.go:114] MESSAGE`, also with the year: `I20251122`",
		"`level` (info, warning, error, fatal), `ps` (the thread), `caller`; those of the message",
	}},
	Fields: []given{ofLevel, ofPs, ofCaller},
	Samples: []Sample{
		{
			`W20251122 09:31:34.123456 12345 controller.go:114] "Pod status updated" pod="kube-system/dns" n=1`,
			"2025-11-22T09:31:34.123456Z", map[string]string{
				"level": "'warning", "ps": "12345", "caller": "'controller.go:114", "msg": `'"Pod status updated" pod="kube-system/dns" n=1`, "pod": "'kube-system/dns", "n": "1",
			},
		},
		{
			`I1122 09:31:34.123456       1 main.go:5] Listening`,
			"", map[string]string{"level": "'info", "ps": "1", "caller": "'main.go:5", "msg": "'Listening"},
		},
	},
	first: oneOf("IWEF"),
	line:  (*Scanner).klog,
}

// klog parses lines of Kubernetes' klog and of glog, from which it is. They have no year,
// or since glog 0.6 one.
func (sc *Scanner) klog(ev *Event, b []byte, start, end int) bool {
	i := digits(b, start+1)
	year, month := int64(0), start+1
	switch i - month {
	case len("1122"):
	case len("20251122"):
		century, _ := twoDigits(b, month)
		year, _ = twoDigits(b, month+2)
		year += century * 100
		month += 4
	default:
		return false
	}
	m, _ := twoDigits(b, month)
	day, _ := twoDigits(b, month+2)
	clock, ok := clockSecond(b[i+1 : i+9])
	if b[i] != ' ' || !ok || b[i+9] != '.' {
		return false
	}
	nanos, next := fraction(b, i+10)
	if next < 0 || b[next] != ' ' || m < 1 || m > 12 || day < 1 || day > daysIn(2000, m) {
		return false
	}
	c := cursor{b: b, i: next, end: end}
	c.blanks()
	thread, caller := c.word(), c.to(']')
	c.blanks()
	if c.failed || !thread.isNumber(b) || !isCaller(b, caller) {
		return false
	}
	if year == 0 {
		if sc.clock.yearless(m, day, clock, nanos, sc.near, sc.zones) {
			sc.date(ev)
		}
	} else if days, ok := daysSince1970(year, m, day); ok {
		sc.clock.zoned(b, next, days*86400+clock, nanos)
		sc.date(ev)
	}
	level, _ := letterLevel(b[start])
	ev.putConstant(sc.schema.at[ofLevel], level, asText)
	sc.giveNumber(ev, ofPs, thread)
	sc.give(ev, ofCaller, caller)
	sc.message(ev, b, c.i, end, loggerBody, start)
	if ev.half {
		sc.pairs(ev, b, c.i, end, loggerBody)
	}
	return true
}
