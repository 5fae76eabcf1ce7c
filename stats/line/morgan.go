package line

var morganFormat = &Format{
	Name: "morgan",
	Doc: []FormatDoc{{
		"morgan (Express)", "`GET /a?b=1 200 5.123 ms - 12` (dev) and `GET /a?b=1 200 12 - 5.123 ms` (tiny), also `1.2.3.4 - GET /a?b=1 HTTP/1.1 200 12 - 5.123 ms` (short)",
		"`http_method`, `http_url`, `http_path`, `http_status`, `http_request_time` (seconds), `http_bytes`, `http_host`, `http_user`, `http_version`",
	}},
	Fields: []given{httpMethod, httpURL, httpPath, httpStatus, httpRequestTime, httpBytes, httpHost, httpUser, httpVersion},
	Samples: []Sample{
		{
			`GET /a?b=1 200 5.123 ms - 12`,
			"", map[string]string{"http_method": "'GET", "http_url": "'/a?b=1", "http_path": "'/a", "http_status": "200", "http_request_time": "0.005123", "http_bytes": "12"},
		},
		{
			`1.2.3.4 bob GET /a HTTP/1.1 404 - - 5.123 ms`,
			"", map[string]string{
				"http_host": "'1.2.3.4", "http_user": "'bob", "http_method": "'GET", "http_url": "'/a", "http_path": "'/a", "http_version": "1.1", "http_status": "404", "http_request_time": "0.005123",
			},
		},
	},
	first: func(c byte) bool { return c-'0' <= 9 || c == ':' || c-'A' < 26 },
	line:  (*Scanner).morgan,
}

// morgan parses what Express' logger morgan writes of requests in its formats that have no
// time of day.
func (sc *Scanner) morgan(ev *Event, b []byte, start, end int) bool {
	if end-start < len("GET / 200 1 ms - -") || b[end-1] != 's' && b[end-1] != '-' && b[end-1]-'0' > 9 {
		return false
	}
	c := cursor{b: b, i: start, end: end}
	var client, user, version span
	if b[start]-'A' >= 26 {
		client, user = c.word(), c.word()
	}
	method, url := c.word(), c.word()
	if c.failed || !isMethod(b[method.start:method.end]) || b[url.start] != '/' {
		return false
	}
	if hasPrefix(b, c.rest(), "HTTP/") {
		version = c.word()
		version.start += len("HTTP/")
	}
	status, first, second, third, fourth := c.word(), c.word(), c.word(), c.word(), span{}
	took, size := first, third
	if c.i < end {
		fourth = c.word()
		took, size = first, fourth
	}
	if second.isDash(b) { // tiny and short
		took, size, second, third = third, first, fourth, second
	}
	if c.failed || c.i < end || !status.isNumber(b) || !third.isDash(b) || string(b[second.start:second.end]) != "ms" {
		return false
	}
	sc.give(ev, httpHost, client)
	sc.give(ev, httpUser, user)
	sc.give(ev, httpMethod, method)
	sc.giveURL(ev, b, url)
	sc.give(ev, httpVersion, version)
	sc.giveNumber(ev, httpStatus, status)
	sc.giveScaled(ev, httpRequestTime, took, -3)
	sc.giveNumber(ev, httpBytes, size)
	sc.defaultMessage(ev, start, end)
	return true
}

// isMethod reports whether a word is one of HTTP's methods.
func isMethod(w []byte) bool {
	switch string(w) {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return true
	}
	return false
}
