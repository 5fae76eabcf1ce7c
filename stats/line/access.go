package line

import "bytes"

var accessFormat = &Format{
	Name: "access",
	Doc:  []FormatDoc{{"access logs", "see below", "`http_…`"}},
	Fields: []given{
		httpHost, httpUser, httpMethod, httpURL, httpVersion, httpStatus, httpBytes, httpReferrer, httpUserAgent, httpDomain, httpForwardedFor,
		httpRequestTime, httpUpstreamTime,
	},
	Samples: []Sample{
		{
			`1.2.3.4 - bob [22/Nov/2012:09:31:34 -0800] "GET /a?b=c HTTP/1.1" 200 123 "http://referrer/" "agent" example.com`,
			"2012-11-22T17:31:34Z", map[string]string{
				"http_host": "'1.2.3.4", "http_user": "'bob", "http_method": "'GET", "http_url": "'/a?b=c", "http_version": "'HTTP/1.1", "http_status": "200", "http_bytes": "123",
				"http_referrer": "'http://referrer/", "http_user_agent": "'agent", "http_domain": "'example.com",
			},
		},
		{
			`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 "-" "agent" "5.6.7.8" 0.105 0.100 id=7`,
			"2012-11-22T17:31:34Z", map[string]string{
				"http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a", "http_version": "'HTTP/1.1", "http_status": "200", "http_bytes": "123", "http_user_agent": "'agent",
				"http_forwarded_for": "'5.6.7.8", "http_request_time": "0.105", "http_upstream_time": "0.1", "id": "7",
			},
		},
	},
	first:   func(c byte) bool { return c != '{' && c != '<' },
	line:    (*Scanner).accessLine,
	message: (*Scanner).access,
}

// accessLine parses a line of an access log on its own. Its time is the one in
// brackets, and msg is the whole line.
func (sc *Scanner) accessLine(ev *Event, b []byte, start, end int) bool {
	if !sc.access(ev, b, start, end) {
		return false
	}
	sc.date(ev)
	sc.defaultMessage(ev, start, end)
	return true
}

// access parses the common and the combined log format of nginx and Apache:
//
//	1.2.3.4 - user [22/Nov/2012:09:31:34 -0800] "GET /path HTTP/1.1" 200 123 "referrer" "agent" domain
//
// The virtual host may stand before it, and what comes after the bytes may be
// missing; see accessTail for what comes after the agent, and oddNames for more
// before the time. - and an empty text are missing values. Quoted texts are kept
// as they are, escapes included. The time is left with the clock.
func (sc *Scanner) access(ev *Event, b []byte, i, end int) bool {
	host := i
	hostEnd := word(b, host)
	ident := hostEnd + 1
	identEnd := word(b, min(ident, end))
	user := identEnd + 1
	if hostEnd == host || b[hostEnd] != ' ' || identEnd == ident || b[identEnd] != ' ' {
		return false
	}
	userEnd := word(b, user)
	site, siteEnd := 0, 0
	if b[userEnd] == ' ' && b[userEnd+1] != '[' {
		site, siteEnd = host, hostEnd
		host, hostEnd = ident, identEnd
		user = userEnd + 1
		userEnd = word(b, min(user, end))
		if isDashAlone(b, host, hostEnd) || b[siteEnd-1] == ',' || b[userEnd] != ' ' || b[userEnd+1] != '[' {
			var ok bool
			if siteEnd, host, hostEnd, user, userEnd, ok = sc.oddNames(b, site, end); !ok {
				return false
			}
		}
	}
	at := userEnd + 2
	if userEnd == user || b[userEnd] != ' ' || b[userEnd+1] != '[' || at+clfLength+3 > end {
		return false
	}
	if b[at+clfLength] != ']' || b[at+clfLength+1] != ' ' || b[at+clfLength+2] != '"' || sc.clock.common(b, at) < 0 {
		return false
	}
	request := at + clfLength + 3
	requestEnd := endQuote(b, request, end)
	if requestEnd < 0 || b[requestEnd+1] != ' ' {
		return false
	}
	status := requestEnd + 2
	statusEnd := digits(b, status)
	if statusEnd == status || b[statusEnd] != ' ' {
		return false
	}
	size := statusEnd + 1
	sizeEnd := digits(b, size)
	if b[size] == '-' {
		sizeEnd = size + 1
	}
	if sizeEnd == size || sizeEnd < end && b[sizeEnd] != ' ' {
		return false
	}

	s := sc.schema
	putPresent(ev, s.at[httpHost], b, host, hostEnd)
	putPresent(ev, s.at[httpUser], b, user, userEnd)
	if s.at[httpMethod] != None || s.at[httpURL] != None || s.at[httpVersion] != None {
		sc.request(ev, b, request, requestEnd)
	}
	ev.put(s.at[httpStatus], status, statusEnd, 0)
	if b[size] != '-' {
		ev.put(s.at[httpBytes], size, sizeEnd, 0)
	}
	if siteEnd > site {
		putDomain(ev, s.at[httpDomain], b, site, siteEnd)
	}

	i = sizeEnd + 1
	if !s.pastBytes || i >= end || b[i] != '"' {
		return true
	}
	referrerEnd := endQuote(b, i+1, end)
	if referrerEnd < 0 {
		return true
	}
	putPresent(ev, s.at[httpReferrer], b, i+1, referrerEnd)
	i = referrerEnd + 1
	if i+1 >= end || b[i] != ' ' || b[i+1] != '"' {
		return true
	}
	agentEnd := endQuote(b, i+2, end)
	if agentEnd < 0 {
		return true
	}
	putPresent(ev, s.at[httpUserAgent], b, i+2, agentEnd)
	sc.accessTail(ev, b, agentEnd+1, end, siteEnd > site)
	return true
}

// oddNames reads the names before the time of an access line that has more words
// there than usual: a list of addresses, of which the first is the client's, or a
// user with blanks, which is told by the dash before it.
//
//	example.com 1.2.3.4, 5.6.7.8 - John Doe [22/Nov/2012:09:31:34 -0800] …
func (sc *Scanner) oddNames(b []byte, site, end int) (siteEnd, host, hostEnd, user, userEnd int, ok bool) {
	siteEnd = site // none
	host, hostEnd = site, word(b, site)
	ident := hostEnd + 1
	identEnd := word(b, min(ident, end))
	if b[hostEnd-1] != ',' && !isDashAlone(b, ident, identEnd) {
		siteEnd = hostEnd
		host, hostEnd = ident, identEnd
		ident = identEnd + 1
		identEnd = word(b, min(ident, end))
	}
	list := b[hostEnd-1] == ','
	for last := hostEnd; b[last-1] == ','; {
		if last = identEnd; last <= ident || b[last] != ' ' {
			return
		}
		ident = last + 1
		identEnd = word(b, min(ident, end))
	}
	if list {
		hostEnd--
	}
	user = identEnd + 1
	if identEnd <= ident || b[identEnd] != ' ' || !list && !isDashAlone(b, ident, identEnd) || b[user] == '-' && b[user+1] == ' ' && b[user+2] != '[' {
		return
	}
	for at := user; ; at++ {
		if at = index(b, at, end, '['); at < 0 || at+1+clfLength+3 > end {
			return
		}
		if b[at-1] == ' ' && b[at+1+clfLength] == ']' && sc.clock.common(b, at+1) >= 0 {
			userEnd = at - 1
			return siteEnd, host, hostEnd, user, userEnd, userEnd > user
		}
	}
}

func isDashAlone(b []byte, start, end int) bool { return end == start+1 && b[start] == '-' }

// accessTail parses what many access logs have after the agent, in any order:
//
//	domain "forwarded for" 0.005 0.003 name=value name="value"
//
// The first number is the time of the request and the second that of the server
// behind it, in the unit that the log has; of a list of times, with commas, the
// first counts. The first other word is the domain, unless there is a virtual
// host, and the first other quoted text says for whom a proxy asked. A name is
// that of a field, unless the line has it already.
func (sc *Scanner) accessTail(ev *Event, b []byte, i, end int, hasDomain bool) {
	s := sc.schema
	// Most often there is a domain and nothing else.
	if b[i] == ' ' && class[b[i+1]]&isLetter != 0 && !hasDomain && wordOr(b, i+1, ':', '=') == end {
		ev.put(s.at[httpDomain], i+1, end, asText)
		return
	}
	keys := s.bodies[wholeLine].keys
	times, hasForwarded := 0, false
	for {
		for i < end && b[i] <= ' ' {
			i++
		}
		if i >= end {
			return
		}
		first, last := i, i
		key, named := uint32(0), false
		if b[i] != '"' {
			last = wordOr(b, i, '=', '=')
			if named = b[last] == '=' && last > first; named {
				key, _ = keys.find(b, first, last)
				first = last + 1
			}
			if b[last] == '=' {
				last = word(b, first)
			}
		}
		i = last
		quoted := b[first] == '"'
		if quoted {
			first++
			if last = endQuote(b, first, end); last < 0 {
				return
			}
			i = last + 1
		}
		switch {
		case last == first || last == first+1 && b[first] == '-': // missing
		case named:
			if slot := keySlot(key); !ev.Has(slot) {
				ev.put(slot, first, last, units|exponents)
			}
		case isTime(b, first, &last):
			if times < len(accessTimes) {
				ev.put(s.at[accessTimes[times]], first, last, 0)
				times++
			}
		case quoted && !hasForwarded:
			ev.put(s.at[httpForwardedFor], first, last, asText)
			hasForwarded = true
		case !quoted && !hasDomain:
			putDomain(ev, s.at[httpDomain], b, first, last)
			hasDomain = true
		}
	}
}

var accessTimes = [...]given{httpRequestTime, httpUpstreamTime}

// isTime reports whether b[start:end] is a number, or a number and then a
// comma, which end then leaves out.
func isTime(b []byte, start int, end *int) bool {
	if b[start]-'0' > 9 {
		return false
	}
	last := *end
	if comma := bytes.IndexByte(b[start:last], ','); comma > 0 {
		last = start + comma
	}
	if _, ok := parseNumber(b[start:last], 0); !ok {
		return false
	}
	*end = last
	return true
}

// putDomain puts a domain without its port.
func putDomain(ev *Event, s Slot, b []byte, start, end int) {
	if colon := bytes.IndexByte(b[start:end], ':'); colon > 0 && digits(b, start+colon+1) == end {
		end = start + colon
	}
	putPresent(ev, s, b, start, end)
}

// request puts the method, URL and version of "GET /path HTTP/1.1". A request
// that is not like this gives none of them.
func (sc *Scanner) request(ev *Event, b []byte, start, end int) {
	s := sc.schema
	method := bytes.IndexByte(b[start:end], ' ')
	version := bytes.LastIndexByte(b[start:end], ' ')
	if method <= 0 || version <= method+1 || !bytes.HasPrefix(b[start+version+1:end], []byte("HTTP/")) {
		return
	}
	ev.put(s.at[httpMethod], start, start+method, asText)
	ev.put(s.at[httpURL], start+method+1, start+version, asText)
	ev.put(s.at[httpVersion], start+version+1, end, asText)
}

// endQuote gives the position of the double quote that ends the text at i, or
// -1. It is closingQuote for texts that are seldom short.
func endQuote(b []byte, i, end int) int {
	for at := i; ; {
		j := bytes.IndexByte(b[at:end], '"')
		if j < 0 {
			return -1
		}
		at += j
		first := at // of the backslashes before it, which escape each other
		for first > i && b[first-1] == '\\' {
			first--
		}
		if (at-first)%2 == 0 {
			return at
		}
		at++
	}
}

// putPresent puts a text that is neither empty nor a dash.
func putPresent(ev *Event, s Slot, b []byte, start, end int) {
	if end > start && (end > start+1 || b[start] != '-') {
		ev.put(s, start, end, asText)
	}
}

func digits(b []byte, i int) int {
	for b[i]-'0' <= 9 {
		i++
	}
	return i
}
