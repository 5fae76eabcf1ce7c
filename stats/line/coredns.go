package line

import "bytes"

var corednsFormat = &Format{
	Name: "coredns",
	Doc: []FormatDoc{{
		"CoreDNS' queries", "`[INFO] 1.2.3.4:5353 - 1234 \"A IN example.com. udp 41 false 512\" NOERROR qr,rd,ra 100 0.012345s`, also without the level",
		"`level`, `http_host` (who asks), `http_domain`, `name` (the type), `code`, `http_bytes`, `http_request_time` (seconds)",
	}},
	Fields: []given{ofLevel, httpHost, httpDomain, ofName, ofCode, httpBytes, httpRequestTime},
	Samples: []Sample{
		{
			`[INFO] 1.2.3.4:5353 - 1234 "A IN example.com. udp 41 false 512" NXDOMAIN qr,rd,ra 100 0.012345s`,
			"", map[string]string{
				"level": "'INFO", "http_host": "'1.2.3.4", "http_domain": "'example.com.", "name": "'A", "code": "'NXDOMAIN", "http_bytes": "100", "http_request_time": "0.012345",
			},
		},
	},
	first: oneOf("["),
	line:  (*Scanner).coredns,
}

// coredns parses what CoreDNS' plugin log writes of each query.
func (sc *Scanner) coredns(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	level := c.between('[', ']')
	client, dash, id := c.word(), c.word(), c.word()
	if c.failed || !dash.isDash(b) || !id.isNumber(b) || c.i >= end || b[c.i] != '"' || !isLevel(b[level.start:level.end]) {
		return false
	}
	query, code, _, size, took := c.quoted(), c.word(), c.word(), c.word(), c.word()
	if c.failed || c.i < end || !size.isNumber(b) || b[took.end-1] != 's' {
		return false
	}
	q := cursor{b: b, i: query.start, end: query.end}
	kind, class, domain := q.word(), q.word(), q.word()
	if q.failed || !bytes.Equal(b[class.start:class.end], []byte("IN")) {
		return false
	}
	sc.give(ev, ofLevel, level)
	sc.give(ev, httpHost, span{client.start, withoutPort(b, client.start, client.end)})
	sc.give(ev, httpDomain, domain)
	sc.give(ev, ofName, kind)
	sc.give(ev, ofCode, code)
	sc.giveNumber(ev, httpBytes, size)
	sc.giveScaled(ev, httpRequestTime, span{took.start, took.end - 1}, 0)
	sc.defaultMessage(ev, start, end)
	return true
}
