package line

var nginxProxyManagerFormat = &Format{
	Name: "nginx-proxy-manager",
	Doc: []FormatDoc{{
		"Nginx Proxy Manager", "`[22/Nov/2025:09:31:34 +0000] - 200 200 - GET https example.com \"/a?b=1\" [Client 1.2.3.4] [Length 123] [Gzip -] [Sent-to 10.0.0.5] \"agent\" \"referrer\"`, also without the cache's and the server's status",
		"`http_flags` (the cache's), `http_upstream_status`, `http_status`, `http_method`, `http_domain`, `http_url`, `http_path`, `http_host`, `http_bytes`, `http_server`, `http_user_agent`, `http_referrer`",
	}},
	Fields: []given{httpFlags, httpUpstreamStatus, httpStatus, httpMethod, httpDomain, httpURL, httpPath, httpHost, httpBytes, httpServer, httpUserAgent, httpReferrer},
	Samples: []Sample{
		{
			`[22/Nov/2025:09:31:34 +0000] HIT 200 200 - GET https example.com "/a?b=1" [Client 1.2.3.4] [Length 123] [Gzip 3.25] [Sent-to 10.0.0.5] "agent" "https://r/"`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_flags": "'HIT", "http_upstream_status": "200", "http_status": "200", "http_method": "'GET", "http_domain": "'example.com", "http_url": "'/a?b=1", "http_path": "'/a",
				"http_host": "'1.2.3.4", "http_bytes": "123", "http_server": "'10.0.0.5", "http_user_agent": "'agent", "http_referrer": "'https://r/",
			},
		},
		{
			`[22/Nov/2025:09:31:34 +0000] 404 - GET http localhost "/" [Client 1.2.3.4] [Length 150] [Gzip -] "agent" "-"`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_status": "404", "http_method": "'GET", "http_domain": "'localhost", "http_url": "'/", "http_path": "'/", "http_host": "'1.2.3.4", "http_bytes": "150", "http_user_agent": "'agent",
			},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).nginxProxyManager,
}

// nginxProxyManager parses both formats of its access logs.
func (sc *Scanner) nginxProxyManager(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	at := c.between('[', ']')
	if c.failed || at.end-at.start != clfLength || sc.clock.common(b, at.start) < 0 {
		return false
	}
	var cache, upstream span
	status, dash := c.word(), c.word()
	if !dash.isDash(b) || b[c.i]-'0' <= 9 { // the status of the server behind may be a dash
		cache, upstream = status, dash
		status, dash = c.word(), c.word()
	}
	method, _, domain, url := c.word(), c.word(), c.word(), c.quoted()
	client, length, _ := c.labeled("Client"), c.labeled("Length"), c.labeled("Gzip")
	var server span
	if c.i < end && b[c.i] == '[' {
		server = c.labeled("Sent-to")
	}
	agent, referrer := c.quoted(), c.quoted()
	if c.failed || !status.isNumber(b) || !dash.isDash(b) {
		return false
	}
	sc.date(ev)
	sc.give(ev, httpFlags, cache)
	sc.giveNumber(ev, httpUpstreamStatus, upstream)
	sc.giveNumber(ev, httpStatus, status)
	sc.give(ev, httpMethod, method)
	sc.domain(ev, b, domain.start, withoutPort(b, domain.start, domain.end))
	sc.giveURL(ev, b, url)
	sc.give(ev, httpHost, client)
	sc.giveNumber(ev, httpBytes, length)
	sc.give(ev, httpServer, server)
	sc.give(ev, httpUserAgent, agent)
	sc.give(ev, httpReferrer, referrer)
	sc.defaultMessage(ev, start, end)
	return true
}

// labeled gives what is behind a label in brackets: [Client 1.2.3.4].
func (c *cursor) labeled(label string) span {
	s := c.between('[', ']')
	if !hasPrefix(c.b, s, label+" ") {
		c.failed = true
		return s
	}
	return span{s.start + len(label) + 1, s.end}
}
