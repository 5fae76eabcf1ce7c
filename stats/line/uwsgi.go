package line

import "bytes"

var uwsgiFormat = &Format{
	Name: "uwsgi",
	Doc: []FormatDoc{{
		"uWSGI", "`[pid: 31|app: 0|req: 4/4] 1.2.3.4 () {30 vars in 401 bytes} [Sat Nov 22 09:31:34 2025] GET /a?b=1 => generated 25 bytes in 12 msecs (HTTP/1.1 200) 2 headers in 79 bytes …`",
		"`ps`, `http_host`, `http_user`, `http_method`, `http_url`, `http_path`, `http_bytes`, `http_request_time` (seconds), `http_version`, `http_status`",
	}},
	Fields: []given{ofPs, httpHost, httpUser, httpMethod, httpURL, httpPath, httpBytes, httpRequestTime, httpVersion, httpStatus},
	Samples: []Sample{
		{
			`[pid: 31|app: 0|req: 4/4] 1.2.3.4 () {30 vars in 401 bytes} [Sat Nov 22 09:31:34 2025] GET /a?b=1 => generated 25 bytes in 12 msecs (HTTP/1.1 200) 2 headers in 79 bytes (1 switches on core 0)`,
			"2025-11-22T09:31:34Z", map[string]string{
				"ps": "31", "http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a?b=1", "http_path": "'/a", "http_bytes": "25", "http_request_time": "0.012", "http_version": "1.1",
				"http_status": "200",
			},
		},
		{
			`[pid: 31|app: -|req: -/-] 1.2.3.4 (bob) {30 vars in 401 bytes} [Sat Nov 22 09:31:34 2025] POST /a => generated 0 bytes in 250 micros (HTTP/1.0 500) 0 headers in 0 bytes (0 switches on core 0)`,
			"2025-11-22T09:31:34Z", map[string]string{
				"ps": "31", "http_host": "'1.2.3.4", "http_user": "'bob", "http_method": "'POST", "http_url": "'/a", "http_path": "'/a", "http_bytes": "0", "http_request_time": "0.00025",
				"http_version": "1", "http_status": "500",
			},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).uwsgi,
}

// uwsgi parses what uWSGI writes of each request.
func (sc *Scanner) uwsgi(ev *Event, b []byte, start, end int) bool {
	beginning := []byte("[pid: ")
	if !bytes.HasPrefix(b[start:end], beginning) {
		return false
	}
	c := cursor{b: b, i: start + len(beginning), end: end}
	process := c.to('|')
	c.to(']')
	c.blanks()
	client := c.word()
	user := c.between('(', ')')
	c.between('{', '}')
	at := c.between('[', ']')
	method, url := c.word(), c.word()
	c.word() // =>
	c.word() // generated
	sent, _, _, took, unit := c.word(), c.word(), c.word(), c.word(), c.word()
	version := c.between('(', ')')
	if c.failed || !sent.isNumber(b) || !took.isNumber(b) || !hasPrefix(b, version, "HTTP/") || !sc.clock.any(b, at.start, at.end) {
		return false
	}
	places := -3
	switch string(b[unit.start:unit.end]) {
	case "msecs":
	case "micros":
		places = -6
	default:
		return false
	}
	sc.date(ev)
	sc.giveNumber(ev, ofPs, process)
	sc.give(ev, httpHost, client)
	sc.give(ev, httpUser, user)
	sc.give(ev, httpMethod, method)
	sc.giveURL(ev, b, url)
	sc.giveNumber(ev, httpBytes, sent)
	sc.giveScaled(ev, httpRequestTime, took, places)
	if blank := index(b, version.start, version.end, ' '); blank > 0 {
		ev.put(sc.schema.at[httpVersion], version.start+len("HTTP/"), blank, asText)
		sc.giveNumber(ev, httpStatus, span{blank + 1, version.end})
	}
	sc.defaultMessage(ev, start, end)
	return true
}
