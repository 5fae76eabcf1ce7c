package line

import "pulse/stats/fixed"

var ginFormat = &Format{
	Name: "gin",
	Doc: []FormatDoc{{
		"Gin", "`[GIN] 2025/11/22 - 09:31:34 | 200 |     1.234ms |       1.2.3.4 | GET      \"/a?b=1\"`",
		"`http_status`, `http_request_time` (seconds), `http_host`, `http_method`, `http_url`, `http_path`",
	}},
	Fields: []given{httpStatus, httpRequestTime, httpHost, httpMethod, httpURL, httpPath},
	Samples: []Sample{
		{
			`[GIN] 2025/11/22 - 09:31:34 | 200 |     1.234ms |       1.2.3.4 | GET      "/a?b=1"`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_status": "200", "http_request_time": "0.001234", "http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a?b=1", "http_path": "'/a",
			},
		},
		{
			`[GIN] 2025/11/22 - 09:31:34 | 500 | 1m2.5s | ::1 | POST "/a" Error #01: no such cart`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_status": "500", "http_request_time": "62.5", "http_host": "'::1", "http_method": "'POST", "http_url": "'/a", "http_path": "'/a",
			},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).gin,
}

// gin parses what the web framework Gin writes of each request.
func (sc *Scanner) gin(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	if name := c.word(); string(b[name.start:name.end]) != "[GIN]" {
		return false
	}
	day, dash, clock := c.word(), c.word(), c.word()
	if c.failed || !dash.isDash(b) || day.end-day.start != len("2025/11/22") || clock.end-clock.start != len("09:31:34") {
		return false
	}
	column := func() span {
		c.skip('|')
		c.blanks()
		return c.word()
	}
	status, took, client, method := column(), column(), column(), column()
	url := c.quoted()
	if c.failed || !status.isNumber(b) {
		return false
	}
	var at [len("2025/11/22 09:31:34") + Padding]byte
	n := copy(at[:], b[day.start:day.end])
	at[n] = ' '
	copy(at[n+1:], b[clock.start:clock.end])
	if !sc.clock.any(at[:], 0, len(at)-Padding) {
		return false
	}
	sc.date(ev)
	sc.giveNumber(ev, httpStatus, status)
	if slot := sc.schema.at[httpRequestTime]; slot != None {
		if ms, ok := parseNumber(b[took.start:took.end], units); ok {
			if seconds, ok := ms.Quo(fixed.Int(1000)); ok {
				ev.putNumber(slot, seconds)
			}
		}
	}
	sc.give(ev, httpHost, client)
	sc.give(ev, httpMethod, method)
	sc.giveURL(ev, b, url)
	sc.defaultMessage(ev, start, end)
	return true
}
