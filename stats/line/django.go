package line

var djangoFormat = &Format{
	Name: "django",
	Doc: []FormatDoc{{
		"Django's runserver", "`[22/Nov/2025 09:31:34] \"GET /a?b=1 HTTP/1.1\" 200 12`",
		"`http_method`, `http_url`, `http_path`, `http_version`, `http_status`, `http_bytes`",
	}},
	Fields: []given{httpMethod, httpURL, httpPath, httpVersion, httpStatus, httpBytes},
	Samples: []Sample{{
		`[22/Nov/2025 09:31:34] "GET /a?b=1 HTTP/1.1" 200 12`,
		"2025-11-22T09:31:34Z", map[string]string{
			"http_method": "'GET", "http_url": "'/a?b=1", "http_path": "'/a", "http_version": "1.1", "http_status": "200", "http_bytes": "12",
		},
	}},
	first: oneOf("["),
	line:  (*Scanner).django,
}

// django parses what Django's server for developers writes of a request.
func (sc *Scanner) django(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	at := c.between('[', ']')
	request, status, size := c.quoted(), c.word(), c.word()
	if c.failed || c.i < end || !status.isNumber(b) || !size.isNumber(b) || sc.clock.day(b, at.start) != at.end {
		return false
	}
	sc.date(ev)
	sc.request(ev, b, request.start, request.end)
	sc.giveNumber(ev, httpStatus, status)
	sc.giveNumber(ev, httpBytes, size)
	sc.defaultMessage(ev, start, end)
	return true
}
