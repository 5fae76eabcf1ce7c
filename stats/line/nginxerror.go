package line

import "bytes"

var nginxErrorFormat = &Format{
	Name: "nginx-error",
	Doc: []FormatDoc{{
		"nginx's error log", "`2025/11/22 09:31:34 [error] 12#13: *14 MESSAGE, client: 1.2.3.4, server: a, request: \"GET / HTTP/1.1\", host: \"example.com\"`",
		"`level`, `ps`; of a request `http_host`, `http_frontend` (the server), `http_method` and so on, `http_server` (the upstream), `http_domain` (the host), `http_referrer`",
	}},
	Fields: []given{ofLevel, ofPs, httpHost, httpFrontend, httpMethod, httpURL, httpPath, httpVersion, httpServer, httpDomain, httpReferrer},
	Samples: []Sample{
		{
			`2025/11/22 09:31:34 [error] 12#13: *14 connect() failed (111: Connection refused) while connecting to upstream, client: 1.2.3.4, server: shop, request: "GET /a?b HTTP/1.1", upstream: "http://10.0.0.3:80/a?b", host: "example.com:80", referrer: "http://r/"`,
			"2025-11-22T09:31:34Z", map[string]string{
				"level": "'error", "ps": "12", "http_host": "'1.2.3.4", "http_frontend": "'shop", "http_method": "'GET", "http_url": "'/a?b", "http_path": "'/a", "http_version": "1.1",
				"http_server": "'http://10.0.0.3:80/a?b", "http_domain": "'example.com", "http_referrer": "'http://r/",
				"msg": `'connect() failed (111: Connection refused) while connecting to upstream, client: 1.2.3.4, server: shop, request: "GET /a?b HTTP/1.1", upstream: "http://10.0.0.3:80/a?b", host: "example.com:80", referrer: "http://r/"`,
			},
		},
		{
			`2025/11/22 09:31:35 [notice] 1#1: signal process started`,
			"2025-11-22T09:31:35Z", map[string]string{"level": "'notice", "ps": "1", "msg": "'signal process started"},
		},
	},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		return sc.nginxError(ev, b, o.rest, o.end)
	},
}

// nginxError parses a line of nginx's error log after its time. What belongs to a
// request is a list after the message, of names, colons and values.
func (sc *Scanner) nginxError(ev *Event, b []byte, i, end int) bool {
	c := cursor{b: b, i: i, end: end}
	level := c.between('[', ']')
	process := c.to('#')
	thread := c.to(':')
	c.blanks()
	if c.failed || !isLevel(b[level.start:level.end]) || !process.isNumber(b) || !thread.isNumber(b) {
		return false
	}
	if c.has('*') { // the connection
		c.word()
	}
	sc.give(ev, ofLevel, level)
	sc.give(ev, ofPs, process)
	ev.put(sc.schema.at[ofMsg], c.i, end, asText)
	ev.half = true
	for i = c.i; ; {
		comma := bytes.Index(b[i:end], []byte(", "))
		if comma < 0 {
			return true
		}
		i += comma + 2
		c := cursor{b: b, i: i, end: end}
		name := c.to(':')
		if !c.has(' ') || c.i >= end {
			continue
		}
		var value span
		if b[c.i] == '"' {
			value = c.quoted()
		} else {
			value = span{c.i, c.i}
			for value.end < end && b[value.end] > ' ' && b[value.end] != ',' {
				value.end++
			}
		}
		if c.failed {
			continue
		}
		known := true
		switch string(b[name.start:name.end]) {
		case "client":
			sc.give(ev, httpHost, value)
		case "server":
			sc.give(ev, httpFrontend, value)
		case "request":
			sc.request(ev, b, value.start, value.end)
		case "upstream":
			sc.give(ev, httpServer, value)
		case "host":
			sc.domain(ev, b, value.start, value.end)
		case "referrer":
			sc.give(ev, httpReferrer, value)
		default:
			known = false
		}
		if known {
			ev.half = false
			i = value.end
		}
	}
}
