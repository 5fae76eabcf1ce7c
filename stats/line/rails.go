package line

import "bytes"

var railsFormat = &Format{
	Name: "rails",
	Doc: []FormatDoc{{
		"Rails", "`Completed 200 OK in 12ms (Views: 5.1ms | ActiveRecord: 1.2ms)` and `Started GET \"/a\" for 1.2.3.4 at 2025-11-22 09:31:34 +0000`, mostly after what Ruby's Logger writes, and the names of requests in brackets",
		"`http_status`, `http_request_time` (seconds), the parts by their names (`Views`, `ActiveRecord`), in ms; `http_method`, `http_url`, `http_path`, `http_host`",
	}},
	Fields: []given{httpStatus, httpRequestTime, httpMethod, httpURL, httpPath, httpHost},
	Names:  []string{"Views", "ActiveRecord", "Allocations", "GC"},
	Samples: []Sample{
		{
			`Completed 200 OK in 12ms (Views: 5.1ms | ActiveRecord: 1.2ms (3 queries, 0 cached) | Allocations: 2345)`,
			"", map[string]string{"http_status": "200", "http_request_time": "0.012", "Views": "5.1", "ActiveRecord": "1.2", "Allocations": "2345"},
		},
		{
			`Started GET "/a?b=1" for 1.2.3.4 at 2025-11-22 10:31:34 +0100`,
			"2025-11-22T09:31:34Z", map[string]string{"http_method": "'GET", "http_url": "'/a?b=1", "http_path": "'/a", "http_host": "'1.2.3.4"},
		},
	},
	first: oneOf("CS["),
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		if !sc.rails(ev, b, start, end) {
			return false
		}
		sc.defaultMessage(ev, start, end)
		return true
	},
	message: (*Scanner).rails,
}

// rails parses what Rails writes where a request begins and where it ends.
func (sc *Scanner) rails(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: afterBrackets(b, start, end), end: end}
	if c.i >= end {
		return false
	}
	switch w := c.word(); string(b[w.start:w.end]) {
	case "Completed":
		return sc.railsEnd(ev, c)
	case "Started":
		return sc.railsStart(ev, c)
	}
	return false
}

func (sc *Scanner) railsStart(ev *Event, c cursor) bool {
	b := c.b
	method, url, to, client, at := c.word(), c.quoted(), c.word(), c.word(), c.word()
	if c.failed || string(b[to.start:to.end]) != "for" || string(b[at.start:at.end]) != "at" || c.end-c.i < len("2025-11-22 09:31:34") {
		return false
	}
	if i := sc.clock.stamp(b, c.i); i != c.end {
		return false
	}
	if !ev.dated {
		sc.date(ev)
	}
	sc.give(ev, httpMethod, method)
	sc.giveURL(ev, b, url)
	sc.give(ev, httpHost, client)
	return true
}

func (sc *Scanner) railsEnd(ev *Event, c cursor) bool {
	b := c.b
	status := c.word()
	in := bytes.Index(b[c.i:c.end], []byte(" in "))
	if c.failed || in < 0 || !status.isNumber(b) {
		return false
	}
	c.i += in + len(" in ")
	took := c.word()
	if c.failed || took.end-took.start <= len("ms") || string(b[took.end-2:took.end]) != "ms" {
		return false
	}
	sc.giveNumber(ev, httpStatus, status)
	sc.giveScaled(ev, httpRequestTime, span{took.start, took.end - len("ms")}, -3)
	keys := sc.schema.bodies[loggerBody].keys
	for c.has('(') || c.has('|') {
		c.blanks()
		name := c.to(':')
		c.blanks()
		v := c.word()
		if c.failed {
			break
		}
		if v.end > v.start && b[v.end-1] == ')' {
			v.end--
		}
		if key, _ := keys.find(b, name.start, name.end); key != 0 {
			ev.putValue(b, v.start, v.end, units, key)
		}
		if b[c.i] == '(' { // (3 queries, 0 cached)
			c.between('(', ')')
		}
	}
	return true
}
