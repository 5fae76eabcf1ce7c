package line

var nlbFormat = &Format{
	Name: "nlb",
	Doc: []FormatDoc{{
		"AWS network load balancers", "`tls 2.0 2025-11-22T09:31:34 net/shop/c6e77e28 g3d4b5e8 1.2.3.4:51341 10.0.0.1:443 5 2 98 246 - arn:aws:acm:cert - ECDHE tlsv12 - example.com …`",
		"`http_frontend` (the load balancer), `http_host`, `http_server` (the target), `http_request_time` (how long the connection was open), `http_request_bytes`, `http_bytes`, `http_domain`",
	}},
	Fields: []given{httpFrontend, httpHost, httpServer, httpRequestTime, httpRequestBytes, httpBytes, httpDomain},
	Samples: []Sample{{
		`tls 2.0 2025-11-22T09:31:34 net/shop/c6e77e28 g3d4b5e8 1.2.3.4:51341 10.0.0.1:443 5 2 98 246 - arn:aws:acm:cert - ECDHE-RSA-AES128-SHA tlsv12 - example.com h2 h2 "h2","http/1.1" 2025-11-22T09:31:33`,
		"2025-11-22T09:31:34Z", map[string]string{
			"http_frontend": "'net/shop/c6e77e28", "http_host": "'1.2.3.4", "http_server": "'10.0.0.1:443", "http_request_time": "0.005", "http_request_bytes": "98", "http_bytes": "246",
			"http_domain": "'example.com",
		},
	}},
	first: oneOf("t"),
	line:  (*Scanner).nlb,
}

// nlb parses the log of the TLS listeners of AWS' network load balancers.
func (sc *Scanner) nlb(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	if kind := c.word(); string(b[kind.start:kind.end]) != "tls" {
		return false
	}
	c.word() // the version
	at, balancer, _, client, target := c.word(), c.word(), c.word(), c.word(), c.word()
	open, _, received, sent := c.word(), c.word(), c.word(), c.word()
	for range 6 { // the alert, the certificate, its serial, the cipher, the protocol, the group
		c.word()
	}
	domain := c.word()
	if c.failed || !received.isNumber(b) || !sent.isNumber(b) || !sc.clock.any(b, at.start, at.end) {
		return false
	}
	sc.date(ev)
	sc.give(ev, httpFrontend, balancer)
	sc.give(ev, httpHost, span{client.start, withoutPort(b, client.start, client.end)})
	sc.give(ev, httpServer, target)
	sc.giveScaled(ev, httpRequestTime, open, -3)
	sc.giveNumber(ev, httpRequestBytes, received)
	sc.giveNumber(ev, httpBytes, sent)
	sc.give(ev, httpDomain, domain)
	sc.defaultMessage(ev, start, end)
	return true
}
