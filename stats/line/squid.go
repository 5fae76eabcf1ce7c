package line

var squidFormat = &Format{
	Name: "squid",
	Doc: []FormatDoc{{
		"Squid", "`1763803894.450    155 1.2.3.4 TCP_MISS/200 507 GET http://example.com/ bob HIER_DIRECT/10.0.0.3 text/html`",
		"`http_request_time`, `http_host`, `http_flags` (`TCP_MISS`), `http_status`, `http_bytes`, `http_method`, `http_url`, `http_path`, `http_domain`, `http_user`, `http_server`",
	}},
	Fields: []given{httpRequestTime, httpHost, httpFlags, httpStatus, httpBytes, httpMethod, httpURL, httpPath, httpDomain, httpUser, httpServer},
	Samples: []Sample{
		{
			`1763803894.450    155 1.2.3.4 TCP_MISS/200 507 GET http://example.com/a?b bob HIER_DIRECT/10.0.0.3 text/html`,
			"2025-11-22T09:31:34.45Z", map[string]string{
				"http_request_time": "0.155", "http_host": "'1.2.3.4", "http_flags": "'TCP_MISS", "http_status": "200", "http_bytes": "507", "http_method": "'GET",
				"http_url": "'http://example.com/a?b", "http_path": "'/a", "http_domain": "'example.com", "http_user": "'bob", "http_server": "'10.0.0.3",
			},
		},
		{
			`1763803894.450      0 ::1 TCP_DENIED/407 4021 CONNECT example.com:443 - HIER_NONE/- text/html`,
			"2025-11-22T09:31:34.45Z", map[string]string{
				"http_request_time": "0", "http_host": "'::1", "http_flags": "'TCP_DENIED", "http_status": "407", "http_bytes": "4021", "http_method": "'CONNECT", "http_url": "'example.com:443",
			},
		},
	},
	first: oneOf("0123456789"),
	line:  (*Scanner).squid,
}

// squid parses Squid's own format.
func (sc *Scanner) squid(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	at, took := c.word(), c.word()
	if at.end-at.start != len("1763803894.450") || b[at.start+10] != '.' || !took.isNumber(b) {
		return false
	}
	client := c.word()
	result := c.to('/')
	status, size, method, url, user := c.word(), c.word(), c.word(), c.word(), c.word()
	hierarchy := c.to('/')
	server := c.word()
	if c.failed || !status.isNumber(b) || !size.isNumber(b) || word(b, result.start) < result.end || word(b, hierarchy.start) < hierarchy.end || !sc.clock.any(b, at.start, at.end) {
		return false
	}
	sc.date(ev)
	sc.giveScaled(ev, httpRequestTime, took, -3)
	sc.give(ev, httpHost, client)
	sc.give(ev, httpFlags, result)
	if !hasPrefix(b, status, "000") { // none was sent
		sc.giveNumber(ev, httpStatus, status)
	}
	sc.giveNumber(ev, httpBytes, size)
	sc.give(ev, httpMethod, method)
	sc.giveURL(ev, b, url)
	sc.authority(ev, b, span{method.start, url.end})
	sc.give(ev, httpUser, user)
	sc.give(ev, httpServer, server)
	sc.defaultMessage(ev, start, end)
	return true
}
