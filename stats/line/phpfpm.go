package line

var phpFPMFormat = &Format{
	Name: "php-fpm",
	Doc: []FormatDoc{{
		"PHP-FPM's access log", "`1.2.3.4 -  22/Nov/2025:09:31:34 +0000 \"GET /a.php?b=1\" 200`, and with `/srv/a.php 12.345 2048 50.00%` after it, as its configuration proposes",
		"`http_host`, `http_user`, `http_method`, `http_url`, `http_path`, `http_status`, `http_request_time` (seconds)",
	}},
	Fields: []given{httpHost, httpUser, httpMethod, httpURL, httpPath, httpStatus, httpRequestTime},
	Samples: []Sample{
		{
			`1.2.3.4 -  22/Nov/2025:09:31:34 +0000 "GET /a.php?b=1" 200`,
			"2025-11-22T09:31:34Z", map[string]string{"http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a.php?b=1", "http_path": "'/a.php", "http_status": "200"},
		},
		{
			`1.2.3.4 - bob 22/Nov/2025:09:31:34 +0000 "POST /a.php" 500 /srv/a.php 12.345 2048 50.00%`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_host": "'1.2.3.4", "http_user": "'bob", "http_method": "'POST", "http_url": "'/a.php", "http_path": "'/a.php", "http_status": "500", "http_request_time": "0.012345",
			},
		},
	},
	first: func(c byte) bool { return c-'0' <= 9 || c == ':' },
	line:  (*Scanner).phpFPM,
}

// phpFPM parses the access log of PHP's process manager.
func (sc *Scanner) phpFPM(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	client, dash := c.word(), c.word()
	if c.failed || !dash.isDash(b) {
		return false
	}
	var user span
	if c.i >= end || b[c.i]-'0' > 9 || b[c.i+2] != '/' {
		user = c.word()
	}
	if c.failed || c.end-c.i <= clfLength || sc.clock.common(b, c.i) < 0 {
		return false
	}
	c.i += clfLength
	c.blanks()
	request, status := c.quoted(), c.word()
	var took span
	if c.i < end {
		c.word() // the script
		took = c.word()
		c.word() // memory
		c.word() // the processor
	}
	method := span{request.start, word(b, request.start)}
	if c.failed || c.i < end || !status.isNumber(b) || method.end >= request.end {
		return false
	}
	url := span{method.end + 1, request.end}
	sc.date(ev)
	sc.give(ev, httpHost, client)
	sc.give(ev, httpUser, user)
	sc.give(ev, httpMethod, method)
	sc.giveURL(ev, b, url)
	sc.giveNumber(ev, httpStatus, status)
	sc.giveScaled(ev, httpRequestTime, took, -3)
	sc.defaultMessage(ev, start, end)
	return true
}
