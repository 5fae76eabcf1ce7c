package line

var albFormat = &Format{
	Name: "alb",
	Doc: []FormatDoc{{
		"AWS load balancers (ALB, classic)", "`https 2025-11-22T09:31:34.186641Z app/shop/50dc6c495c0c9188 1.2.3.4:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 \"GET https://example.com:443/ HTTP/1.1\" \"agent\" …`",
		"`http_frontend` (the load balancer), `http_host`, `http_server` (the target), `http_request_time` (the sum of the three), `http_upstream_time` (the second), `http_status`, `http_upstream_status`, `http_request_bytes`, `http_bytes`, those of the request, `http_user_agent`, `http_backend` (the target group), `http_request_id` (the trace), `http_domain`",
	}},
	Fields: []given{
		httpFrontend, httpHost, httpServer, httpRequestTime, httpUpstreamTime, httpStatus, httpUpstreamStatus, httpRequestBytes, httpBytes,
		httpMethod, httpURL, httpPath, httpVersion, httpUserAgent, httpBackend, httpRequestID, httpDomain,
	},
	Samples: []Sample{
		{
			`https 2025-11-22T09:31:34.186641Z app/shop/50dc6c495c0c9188 1.2.3.4:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 34 366 "GET https://example.com:443/a?b HTTP/1.1" "agent" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:group/shop "Root=1-58337281" "example.com" "arn:cert" 1 2025-11-22T09:31:34.102000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"`,
			"2025-11-22T09:31:34.186641Z", map[string]string{
				"http_frontend": "'app/shop/50dc6c495c0c9188", "http_host": "'1.2.3.4", "http_server": "'10.0.0.1:80", "http_request_time": "0.171", "http_upstream_time": "0.048",
				"http_status": "200", "http_upstream_status": "200", "http_request_bytes": "34", "http_bytes": "366", "http_method": "'GET", "http_url": "'https://example.com:443/a?b",
				"http_path": "'/a", "http_version": "1.1", "http_user_agent": "'agent", "http_backend": "'arn:aws:group/shop", "http_request_id": "'Root=1-58337281", "http_domain": "'example.com",
			},
		},
		{ // no target took it
			`http 2025-11-22T09:31:34.186641Z app/shop/50dc6c495c0c9188 1.2.3.4:2817 - -1 -1 -1 503 - 34 366 "GET http://example.com:80/ HTTP/1.1" "-" - - arn:aws:group/shop "Root=1-5" "-" "-"`,
			"2025-11-22T09:31:34.186641Z", map[string]string{
				"http_frontend": "'app/shop/50dc6c495c0c9188", "http_host": "'1.2.3.4", "http_status": "503", "http_request_bytes": "34", "http_bytes": "366", "http_method": "'GET",
				"http_url": "'http://example.com:80/", "http_path": "'/", "http_version": "1.1", "http_backend": "'arn:aws:group/shop", "http_request_id": "'Root=1-5", "http_domain": "'example.com",
			},
		},
		{ // classic
			`2025-11-22T09:31:34.945958Z shop 1.2.3.4:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://example.com:80/ HTTP/1.1" "curl/8" - -`,
			"2025-11-22T09:31:34.945958Z", map[string]string{
				"http_frontend": "'shop", "http_host": "'1.2.3.4", "http_server": "'10.0.0.1:80", "http_request_time": "0.001178", "http_upstream_time": "0.001048", "http_status": "200",
				"http_upstream_status": "200", "http_request_bytes": "0", "http_bytes": "29", "http_method": "'GET", "http_url": "'http://example.com:80/", "http_path": "'/", "http_version": "1.1",
				"http_user_agent": "'curl/8", "http_domain": "'example.com",
			},
		},
	},
	first: oneOf("hgw"),
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		kind := span{start, word(b, start)}
		switch string(b[kind.start:kind.end]) {
		case "http", "https", "h2", "grpcs", "ws", "wss":
		default:
			return false
		}
		i := sc.clock.timestamp(b, kind.end+1)
		if i < 0 || b[i] != ' ' || !sc.alb(ev, b, i+1, end) {
			return false
		}
		sc.date(ev)
		sc.defaultMessage(ev, start, end)
		return true
	},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		if !sc.clock.strict || !sc.alb(ev, b, o.rest, o.end) {
			return false
		}
		sc.defaultMessage(ev, o.start, o.end)
		return true
	},
}

// alb parses a line of AWS' load balancers after its time.
func (sc *Scanner) alb(ev *Event, b []byte, i, end int) bool {
	c := cursor{b: b, i: i, end: end}
	balancer, client, target := c.word(), c.word(), c.word()
	var times [3]span // up to the target, of the target, of the response
	for i := range times {
		times[i] = c.word()
	}
	status, upstream, received, sent := c.word(), c.word(), c.word(), c.word()
	if c.failed || !status.isNumber(b) && !status.isDash(b) || !received.isNumber(b) || !sent.isNumber(b) || c.i >= end || b[c.i] != '"' {
		return false
	}
	request, agent := c.quoted(), c.quoted()
	if c.failed {
		return false
	}
	sc.give(ev, httpFrontend, balancer)
	sc.give(ev, httpHost, span{client.start, withoutPort(b, client.start, client.end)})
	sc.give(ev, httpServer, target)
	if all := (span{times[0].start, times[2].end}); b[times[0].start] != '-' && b[times[1].start] != '-' && b[times[2].start] != '-' {
		ev.putNumber(sc.schema.at[httpRequestTime], all.sum(b))
	}
	sc.giveScaled(ev, httpUpstreamTime, times[1], 0)
	sc.giveNumber(ev, httpStatus, status)
	sc.giveNumber(ev, httpUpstreamStatus, upstream)
	sc.giveNumber(ev, httpRequestBytes, received)
	sc.giveNumber(ev, httpBytes, sent)
	sc.request(ev, b, request.start, request.end)
	sc.give(ev, httpUserAgent, agent)
	if c.i < end {
		c.word() // cipher
		c.word() // protocol
	}
	if c.i < end {
		group, trace := c.word(), c.quoted()
		sc.give(ev, httpBackend, group)
		sc.give(ev, httpRequestID, trace)
	}
	sc.authority(ev, b, request)
	return true
}

// authority puts the host of a request for a whole URL.
func (sc *Scanner) authority(ev *Event, b []byte, request span) {
	c := cursor{b: b, i: request.start, end: request.end}
	c.word()
	c.to(':')
	c.skip('/')
	c.skip('/')
	host := c.to('/')
	if !c.failed {
		sc.domain(ev, b, host.start, host.end)
	}
}
