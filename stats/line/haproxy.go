package line

var haproxyFormat = &Format{
	Name: "haproxy",
	Doc: []FormatDoc{{
		"HAProxy (HTTP and TCP)", "`1.2.3.4:33317 [22/Nov/2025:09:31:34.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\"`, mostly after a syslog header",
		"`http_host`, `http_frontend`, `http_backend`, `http_server`, `http_request_time` (the whole), `http_upstream_time` (up to the response's header), `http_status`, `http_bytes`, `http_flags`, those of the request",
	}},
	Fields: []given{
		httpHost, httpFrontend, httpBackend, httpServer, httpRequestTime, httpUpstreamTime, httpStatus, httpBytes, httpFlags, httpMethod, httpURL, httpPath, httpVersion,
	},
	Samples: []Sample{
		{
			`1.2.3.4:33317 [22/Nov/2025:09:31:34.655] http-in static/srv1 10/0/30/69/109 200 2750 - - SD-- 1/1/1/1/0 0/0 {example.com} {} "GET /index.html?a=b HTTP/1.1"`,
			"2025-11-22T09:31:34.655Z", map[string]string{
				"http_host": "'1.2.3.4", "http_frontend": "'http-in", "http_backend": "'static", "http_server": "'srv1", "http_request_time": "0.109", "http_upstream_time": "0.069",
				"http_status": "200", "http_bytes": "2750", "http_flags": "'SD--", "http_method": "'GET", "http_url": "'/index.html?a=b", "http_path": "'/index.html", "http_version": "1.1",
			},
		},
	},
	first: inClass(isAlnum),
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		if !sc.haproxy(ev, b, start, end) {
			return false
		}
		sc.date(ev)
		sc.defaultMessage(ev, start, end)
		return true
	},
	message: (*Scanner).haproxy,
}

// haproxy parses the line that HAProxy's options httplog and tcplog give. Its five times are in
// milliseconds, -1 where there was none.
func (sc *Scanner) haproxy(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	client := c.word()
	if c.failed || c.i >= end || b[c.i] != '[' {
		return false
	}
	at := sc.clock.day(b, c.i+1)
	if at < 0 || b[at] != ']' || b[at+1] != ' ' {
		return false
	}
	c.i = at + 2
	frontend := c.word()
	backend := c.to('/')
	server := c.word()
	var times [5]span // of the request, in the queue, to connect, to the response, of all
	n := 0
	for took := (cursor{b: b, i: c.i, end: word(b, c.i)}); n < len(times); n++ {
		if times[n] = took.to('/'); took.failed {
			times[n] = took.rest()
			break
		}
	}
	c.word()
	if n == 2 { // of TCP: in the queue, to connect, of all
		return sc.haproxyTCP(ev, c, client, frontend, backend, server, times[2])
	}
	status, size := c.word(), c.word()
	c.word() // cookies
	c.word()
	flags := c.word()
	c.word() // connections
	c.word() // queues
	for !c.failed && c.i < end && b[c.i] == '{' {
		c.between('{', '}') // captured headers
	}
	request := c.quoted()
	if c.failed || n != len(times)-1 || !status.isNumber(b) && b[status.start] != '-' || flags.end-flags.start != len("----") {
		return false
	}
	sc.haproxyNames(ev, client, frontend, backend, server, times[4])
	sc.giveScaled(ev, httpUpstreamTime, times[3], -3)
	sc.giveNumber(ev, httpStatus, status)
	sc.giveNumber(ev, httpBytes, size)
	if string(b[flags.start:flags.end]) != "----" {
		sc.give(ev, httpFlags, flags)
	}
	sc.request(ev, b, request.start, request.end)
	return true
}

// haproxyTCP parses what the option tcplog gives, after the times.
func (sc *Scanner) haproxyTCP(ev *Event, c cursor, client, frontend, backend, server, all span) bool {
	size, flags := c.word(), c.word()
	c.word() // connections
	c.word() // queues
	if c.failed || c.i < c.end || !size.isNumber(c.b) && c.b[size.start] != '+' || flags.end-flags.start != len("--") {
		return false
	}
	sc.haproxyNames(ev, client, frontend, backend, server, all)
	sc.giveNumber(ev, httpBytes, size)
	if string(c.b[flags.start:flags.end]) != "--" {
		sc.give(ev, httpFlags, flags)
	}
	return true
}

// haproxyNames puts what lines of HTTP and of TCP have: who talked to whom, and how long.
func (sc *Scanner) haproxyNames(ev *Event, client, frontend, backend, server, all span) {
	b := ev.text[0]
	sc.give(ev, httpHost, span{client.start, withoutPort(b, client.start, client.end)})
	sc.give(ev, httpFrontend, frontend)
	sc.give(ev, httpBackend, backend)
	if b[server.start] != '<' { // <NOSRV>
		sc.give(ev, httpServer, server)
	}
	if b[all.start] == '+' { // the log was written before the end
		all.start++
	}
	sc.giveScaled(ev, httpRequestTime, all, -3)
}
