package line

var envoyFormat = &Format{
	Name: "envoy",
	Doc: []FormatDoc{{
		"Envoy, Istio", "`[2025-11-22T09:31:34.310Z] \"GET / HTTP/2\" 200 - 0 226 100 98 \"1.2.3.4\" \"agent\" \"id\" \"example.com\" \"10.0.0.3:80\"`",
		"those of the request, `http_status`, `http_flags`, `http_request_bytes`, `http_bytes`, `http_request_time`, `http_upstream_time`, `http_forwarded_for`, `http_user_agent`, `http_request_id`, `http_domain`, `http_server`, `http_backend` (Istio's cluster)",
	}},
	Fields: []given{
		httpMethod, httpURL, httpPath, httpVersion, httpStatus, httpFlags, httpRequestBytes, httpBytes, httpRequestTime, httpUpstreamTime,
		httpForwardedFor, httpUserAgent, httpRequestID, httpDomain, httpServer, httpBackend,
	},
	Samples: []Sample{
		{
			`[2025-11-22T09:31:34.310Z] "POST /a?b HTTP/2" 204 - 154 226 100 98 "1.2.3.4,10.0.0.1" "agent" "cc21d9b0-cf5c" "shop.example.com" "10.0.2.1:80"`,
			"2025-11-22T09:31:34.31Z", map[string]string{
				"http_method": "'POST", "http_url": "'/a?b", "http_path": "'/a", "http_version": "2", "http_status": "204", "http_request_bytes": "154", "http_bytes": "226",
				"http_request_time": "0.1", "http_upstream_time": "0.098", "http_forwarded_for": "'1.2.3.4", "http_user_agent": "'agent", "http_request_id": "'cc21d9b0-cf5c",
				"http_domain": "'shop.example.com", "http_server": "'10.0.2.1:80",
			},
		},
		{ // Istio
			`[2025-11-22T09:31:34.310Z] "GET / HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "-" 0 91 2 - "-" "agent" "cc21" "shop:80" "10.0.2.1:80" outbound|80||shop - 10.0.0.5:80 10.0.0.9:5 - default`,
			"2025-11-22T09:31:34.31Z", map[string]string{
				"http_method": "'GET", "http_url": "'/", "http_path": "'/", "http_version": "1.1", "http_status": "503", "http_flags": "'UF", "http_request_bytes": "0", "http_bytes": "91",
				"http_request_time": "0.002", "http_user_agent": "'agent", "http_request_id": "'cc21", "http_domain": "'shop", "http_server": "'10.0.2.1:80", "http_backend": "'outbound|80||shop",
			},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).envoy,
}

// envoy parses Envoy's default format, and Istio's, which has more after the flags and
// at the end.
func (sc *Scanner) envoy(ev *Event, b []byte, start, end int) bool {
	i := sc.clock.stamp(b, start+1)
	if i < 0 || b[i] != ']' || b[i+1] != ' ' || b[i+2] != '"' {
		return false
	}
	c := cursor{b: b, i: i + 2, end: end}
	request := c.quoted()
	status, flags := c.word(), c.word()
	received := c.word()
	if !received.isNumber(b) { // Istio: why, how the connection ended, what went wrong behind
		c.word()
		c.quoted()
		received = c.word()
	}
	sent, took, upstream := c.word(), c.word(), c.word()
	forwarded, agent, id, authority := c.quoted(), c.quoted(), c.quoted(), c.quoted()
	server := c.quoted()
	if c.failed || !status.isNumber(b) || !received.isNumber(b) || !sent.isNumber(b) {
		return false
	}
	sc.date(ev)
	sc.request(ev, b, request.start, request.end)
	sc.giveNumber(ev, httpStatus, status)
	sc.give(ev, httpFlags, flags)
	sc.giveNumber(ev, httpRequestBytes, received)
	sc.giveNumber(ev, httpBytes, sent)
	sc.giveScaled(ev, httpRequestTime, took, -3)
	sc.giveScaled(ev, httpUpstreamTime, upstream, -3)
	sc.give(ev, httpForwardedFor, forwarded.first(b))
	sc.give(ev, httpUserAgent, agent)
	sc.give(ev, httpRequestID, id)
	sc.give(ev, httpDomain, span{authority.start, withoutPort(b, authority.start, authority.end)})
	sc.give(ev, httpServer, server)
	if c.i < end {
		sc.give(ev, httpBackend, c.word())
	}
	sc.defaultMessage(ev, start, end)
	return true
}
