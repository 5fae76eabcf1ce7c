package line

import "bytes"

var accessFormat = &Format{
	Name: "access",
	Doc:  []FormatDoc{{"access logs", "see below", "`http_…`"}},
	Fields: []given{
		httpHost, httpUser, httpMethod, httpURL, httpPath, httpVersion, httpStatus, httpBytes, httpReferrer, httpUserAgent, httpDomain, httpForwardedFor,
		httpRequestTime, httpUpstreamTime, httpRequestBytes, httpUpstreamStatus, httpFrontend, httpBackend, httpServer, httpRequestID,
	},
	Samples: []Sample{
		{ // combined
			`1.2.3.4 - bob [22/Nov/2012:09:31:34 -0800] "GET /a?b=c HTTP/1.1" 200 123 "http://referrer/" "agent"`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{
				"http_user": "'bob", "http_url": "'/a?b=c", "http_referrer": "'http://referrer/", "http_user_agent": "'agent",
			}),
		},
		{ // nginx with its usual additions
			`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 "-" "agent" example.com "5.6.7.8, 10.0.0.1" 0.105 0.100, 0.003 id=7`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{
				"http_user_agent": "'agent", "http_domain": "'example.com", "http_forwarded_for": "'5.6.7.8", "http_request_time": "0.105", "http_upstream_time": "0.103", "id": "7",
			}),
		},
		{ // Apache's vhost_combined
			`example.com:443 1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 "-" "agent"`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{"http_domain": "'example.com", "http_user_agent": "'agent"}),
		},
		{ // Apache's common and combined with %D or %T: after the agent, or before the referrer
			`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 51234 "-" "agent"`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{"http_user_agent": "'agent", "http_request_time": "51234"}),
		},
		{ // combinedio: bytes in and out
			`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 "-" "agent" 431 980`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{"http_user_agent": "'agent"}),
		},
		{ // lighttpd
			`1.2.3.4 example.com - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 "-" "agent"`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{"http_domain": "'example.com", "http_user_agent": "'agent"}),
		},
		{ // Traefik
			`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 "-" "agent" 162 "shop@docker" "http://10.0.0.3:80" 22ms`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{
				"http_user_agent": "'agent", "http_frontend": "'shop@docker", "http_server": "'http://10.0.0.3:80", "http_request_time": "0.022",
			}),
		},
		{ // ingress-nginx
			`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 200 123 "-" "agent" 498 5.001 [shop-web-80] [] 10.1.0.9:8080, 10.1.0.8:8080 0, 160 5.000, 0.001 504, 200 6a9f7f6e0c1d`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{
				"http_user_agent": "'agent", "http_request_bytes": "498", "http_request_time": "5.001", "http_backend": "'shop-web-80", "http_server": "'10.1.0.8:8080",
				"http_upstream_time": "5.001", "http_upstream_status": "200", "http_request_id": "'6a9f7f6e0c1d",
			}),
		},
		{ // Squid's combined
			`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET http://example.com/a HTTP/1.1" 200 123 "-" "agent" TCP_MISS:HIER_DIRECT`,
			"2012-11-22T17:31:34Z", accessFields(map[string]string{"http_user_agent": "'agent", "http_url": "'http://example.com/a"}),
		},
	},
	first: func(c byte) bool { return c != '{' && c != '<' },
	line:  (*Scanner).accessLine,
	message: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		if !sc.access(ev, b, start, end, false) {
			return sc.uvicorn(ev, b, start, end)
		}
		if !ev.dated {
			sc.date(ev)
		}
		return true
	},
}

// uvicorn parses what Uvicorn writes of a request after its level:
//
//	127.0.0.1:5000 - "GET /a HTTP/1.1" 200 OK
func (sc *Scanner) uvicorn(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	client, dash, request, status := c.word(), c.word(), c.quoted(), c.word()
	last := withoutPort(b, client.start, client.end)
	if c.failed || last == client.end || !isAddress(b, client.start, last) || !dash.isDash(b) || !status.isNumber(b) {
		return false
	}
	ev.put(sc.schema.at[httpHost], client.start, last, asText)
	sc.request(ev, b, request.start, request.end)
	ev.put(sc.schema.at[httpStatus], status.start, status.end, 0)
	return true
}

// accessFields adds the fields that all samples have to those of one.
func accessFields(own map[string]string) map[string]string {
	all := map[string]string{
		"http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a", "http_path": "'/a", "http_version": "1.1", "http_status": "200", "http_bytes": "123",
	}
	for name, value := range own {
		all[name] = value
	}
	return all
}

// accessLine parses a line of an access log on its own. Its time is the one in
// brackets, and msg is the whole line.
func (sc *Scanner) accessLine(ev *Event, b []byte, start, end int) bool {
	if !sc.access(ev, b, start, end, false) {
		return false
	}
	sc.date(ev)
	sc.defaultMessage(ev, start, end)
	return true
}

// levelColon reports whether a level and a colon are at i: those of a logger, and no client.
func levelColon(b []byte, i int) bool {
	start := i
	for class[b[i]]&isLetter != 0 {
		i++
	}
	return b[i] == ':' && isLevel(b[start:i])
}

// anyAccess parses the common and the combined log format of nginx, Apache and
// those who write alike:
//
//	1.2.3.4 - user [22/Nov/2012:09:31:34 -0800] "GET /path HTTP/1.1" 200 123 "referrer" "agent" domain
//
// The virtual host may stand before it or in the place of the dash, and what
// comes after the bytes may be missing; see accessTail for that, and oddNames for
// more before the time. - and an empty text are missing values. Quoted texts are
// kept as they are, escapes included. The time is left with the clock. In a message
// of the original Pulse (original) the word after the agent is the domain, whatever
// it looks like.
func (sc *Scanner) anyAccess(ev *Event, b []byte, i, end int, original bool) bool {
	host := i
	hostEnd := word(b, host)
	ident := hostEnd + 1
	identEnd := word(b, min(ident, end))
	if identEnd == ident && b[ident] == ' ' {
		ident = spaces(b, ident)
		identEnd = word(b, min(ident, end))
	}
	user := identEnd + 1
	if hostEnd == host || b[hostEnd] != ' ' || identEnd == ident || b[identEnd] != ' ' {
		return false
	}
	userEnd := word(b, user)
	site, siteEnd := ident, identEnd // lighttpd's
	if b[userEnd] == ' ' && b[userEnd+1] != '[' {
		site, siteEnd = host, hostEnd
		host, hostEnd = ident, identEnd
		user = userEnd + 1
		userEnd = word(b, min(user, end))
		if isDashAlone(b, host, hostEnd) || b[siteEnd-1] == ',' || b[hostEnd-1] == ',' || b[userEnd] != ' ' || b[userEnd+1] != '[' {
			var ok bool
			if siteEnd, host, hostEnd, user, userEnd, ok = sc.oddNames(b, site, end); !ok {
				siteEnd, host, hostEnd = site, site, word(b, site)
				if user, userEnd, ok = fewNames(b, hostEnd); !ok {
					return false
				}
			}
		}
	}
	at := userEnd + 2
	if b[userEnd] != ' ' || b[userEnd+1] != '[' {
		return false
	}
	request := at + clfLength + 3
	if request > end || b[at+clfLength] != ']' || sc.clock.common(b, at) < 0 {
		// Python's servers leave the zone out, and nginx may have its $time_iso8601.
		if request = sc.clock.date(b, at) + 3; request < at || request > end || b[request-3] != ']' {
			return false
		}
	} else if request == hostEnd+betweenLength {
		sc.between.learn(b, hostEnd, &sc.clock)
	}
	var before, beforeEnd int // a word before the request
	if b[request-1] != '"' {
		before, beforeEnd = request-1, word(b, request-1)
		request = beforeEnd + 2
	}
	if request > end || b[request-2] != ' ' || b[request-1] != '"' {
		return false
	}
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
	if plainClient(b, host, hostEnd) {
		ev.put(s.at[httpHost], host, hostEnd, asText)
		putPresent(ev, s.at[httpUser], b, user, userEnd)
	} else if levelColon(b, host) {
		return false
	} else {
		sc.oddClient(ev, b, span{host, hostEnd}, span{user, userEnd}, isDashAlone(b, ident, identEnd))
	}
	if s.ofRequest {
		sc.request(ev, b, request, requestEnd)
	}
	ev.put(s.at[httpStatus], status, statusEnd, 0)
	if b[size] != '-' {
		ev.put(s.at[httpBytes], size, sizeEnd, 0)
	}
	hasDomain := siteEnd > site+1 && sc.domain(ev, b, site, siteEnd) || beforeEnd > before && sc.domain(ev, b, before, beforeEnd)
	if s.pastBytes {
		sc.afterBytes(ev, b, sizeEnd, end, span{before, beforeEnd}, hasDomain, original)
	}
	return true
}

// oddNames reads the names before the time of an access line that has more words
// there than usual: a list of addresses, of which the first is the client's, or a
// user with blanks, which is told by the dash before it, or the address in brackets
// of older ingress-nginx.
//
//	example.com 1.2.3.4, 5.6.7.8 - John Doe [22/Nov/2012:09:31:34 -0800] …
//	1.2.3.4 - [1.2.3.4] - bob [22/Nov/2012:09:31:34 -0800] …
//	127.0.0.1 1.2.3.4, 5.6.7.8 bob [22/Nov/2012:09:31:34 -0800] …
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
	if list && b[identEnd] == ' ' && b[user] == '[' && user+1+clfLength+3 <= end && b[user+1+clfLength] == ']' && sc.clock.common(b, user+1) >= 0 {
		if b[site]-'0' <= 9 {
			siteEnd = site // the proxy's address
		}
		return siteEnd, host, hostEnd, ident, identEnd, true
	}
	if b[user] == '[' {
		if w := word(b, user); b[w-1] == ']' && isDash(b, w, end) {
			user = w + 3
		}
	}
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

// fewNames reads what is between the client and the time of an access line that has no word
// there, or a single one, which may be the user.
func fewNames(b []byte, hostEnd int) (user, userEnd int, ok bool) {
	user, userEnd = hostEnd+1, word(b, hostEnd+1)
	if b[user] == '[' {
		return hostEnd, hostEnd, true
	}
	if ok = userEnd > user && b[userEnd] == ' ' && b[userEnd+1] == '[' && b[hostEnd-1] != ','; bytes.IndexByte(b[user:userEnd], '.') >= 0 {
		user = userEnd // rather a domain
	}
	return user, userEnd, ok
}

// plainClient reports whether a client is an address of IPv4 by its looks, and the user
// after it is not in quotes.
func plainClient(b []byte, start, end int) bool {
	const shortest, longest = len("1.1.1.1"), len("123.123.123.123")
	return uint(end-start-shortest) <= uint(longest-shortest) && b[start]-'0' <= 9 && b[end+3] != '"' && (b[end-4] == '.' || b[end-3] == '.' || b[end-2] == '.')
}

// oddClient puts a client that is not an address of IPv4, or is in quotes, has a port or is
// the first of a list, and the user, who is one if what is before is a dash.
func (sc *Scanner) oddClient(ev *Event, b []byte, client, user span, dashed bool) {
	quoted := b[client.start] == '"'
	if quoted {
		client.start++
	}
	client.end = clientEnd(b, client.start, client.end)
	putPresent(ev, sc.schema.at[httpHost], b, client.start, client.end)
	if empty := string(b[user.start:user.end]) == `""`; !empty && (!quoted || dashed) {
		putPresent(ev, sc.schema.at[httpUser], b, user.start, user.end)
	}
}

// clientEnd gives the end of the first address of a list of clients, without its port.
func clientEnd(b []byte, start, end int) int {
	for i := start; i < end; i++ {
		if b[i] == ',' || b[i] == '"' {
			end = i
		}
	}
	if end == start {
		return end
	}
	if last := withoutPort(b, start, end); last < end && (b[start] == '[' || bytes.IndexByte(b[start:last], ':') < 0) && isAddress(b, start, last) {
		return last
	}
	return end
}

func isDashAlone(b []byte, start, end int) bool { return end == start+1 && b[start] == '-' }

// afterBytes parses what comes after the bytes: words, the referrer and the agent
// in quotes, and the tail. With a word before the request there are no more.
func (sc *Scanner) afterBytes(ev *Event, b []byte, i, end int, before span, hasDomain, original bool) {
	s := sc.schema
	t := &sc.tail
	t.reset()
	if before.end > before.start {
		t.add(before, plainToken)
	}
	if i+1 < end && b[i+1] != '"' { // common with more, or words before the referrer
		i = t.words(b, i, end)
	}
	early := t.n // tokens
	referrer, referrerEnd := i+2, -1
	if i+2 < end && b[i+1] == '"' {
		referrerEnd = endQuote(b, referrer, end)
	}
	agent, agentEnd := referrerEnd+3, -1
	if referrerEnd >= 0 && agent < end && b[agent-2] == ' ' && b[agent-1] == '"' {
		agentEnd = endQuote(b, agent, end)
	}
	switch {
	case agentEnd >= 0:
		putPresent(ev, s.at[httpReferrer], b, referrer, referrerEnd)
		putPresent(ev, s.at[httpUserAgent], b, agent, agentEnd)
		i = agentEnd + 1
	case referrerEnd >= 0:
		// One text alone may be either.
		if bytes.Contains(b[referrer:referrerEnd], []byte("://")) {
			putPresent(ev, s.at[httpReferrer], b, referrer, referrerEnd)
		}
		i = referrerEnd + 1
	}
	sc.afterAgent(ev, b, i, end, hasDomain, early, original)
}

// afterAgent parses what comes after the agent, with the words before the referrer, of which
// there are so many, in the tail.
func (sc *Scanner) afterAgent(ev *Event, b []byte, i, end int, hasDomain bool, early int, original bool) {
	s, t := sc.schema, &sc.tail
	switch {
	case i >= end:
	case original && class[b[i+1]]&isLetter != 0 && wordOr(b, i+1, ':', '=') == end,
		t.n == 0 && !hasDomain && word(b, i+1) == end && isDomain(b, i+1, end): // most often there is no more
		ev.put(s.at[httpDomain], i+1, end, asText)
		return
	default:
		t.rest(b, i, end)
	}
	if t.n > 0 {
		sc.accessTail(ev, b, hasDomain, early)
	}
}

// withoutPort gives the end of a name or an address without the port after it.
func withoutPort(b []byte, start, end int) int {
	colon := end - 1
	for colon > start && b[colon]-'0' <= 9 {
		colon--
	}
	if b[colon] == ':' && colon < end-1 && colon > start {
		return colon
	}
	return end
}

// domain puts a domain without its port, if the text is one or an address.
func (sc *Scanner) domain(ev *Event, b []byte, start, end int) bool {
	if end = withoutPort(b, start, end); b[end-1] == ':' { // of an address of IPv6 a part
		return false
	}
	if !isDomain(b, start, end) && !isAddress(b, start, end) {
		return false
	}
	ev.put(sc.schema.at[httpDomain], start, end, asText)
	return true
}

// isDomain reports whether b[start:end] is a name of several labels, the last of
// which begins with a letter, or localhost.
func isDomain(b []byte, start, end int) bool {
	i := start
	label := start
	for class[b[i]]&inKey != 0 {
		if b[i] == '.' {
			label = i + 1
		}
		i++
	}
	if i != end || class[b[start]]&isAlnum == 0 {
		return false
	}
	return label > start && class[b[label]]&isLetter != 0 || string(b[start:end]) == "localhost"
}

// isAddress reports whether b[start:end] is an IPv4 address, or looks like one of
// IPv6, also in brackets.
func isAddress(b []byte, start, end int) bool {
	if b[start] == '[' && end > start+2 && b[end-1] == ']' {
		start, end = start+1, end-1
	}
	dots, colons := 0, 0
	for i := start; i < end; i++ {
		switch c := b[i]; {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case c-'0' > 9 && (colons == 0 && dots > 0 || c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	if colons > 0 {
		return colons > 1 && end-start > 2
	}
	return dots == 3 && end-start >= len("1.2.3.4") && end-start <= len("123.123.123.123")
}

// request puts the method, URL, path and version of "GET /path HTTP/1.1". A request
// that is not like this gives none of them.
func (sc *Scanner) request(ev *Event, b []byte, start, end int) {
	method := bytes.IndexByte(b[start:end], ' ')
	version := bytes.LastIndexByte(b[start:end], ' ')
	if method <= 0 || version <= method+1 || !bytes.HasPrefix(b[start+version+1:end], []byte("HTTP/")) {
		return
	}
	s := sc.schema
	ev.put(s.at[httpMethod], start, start+method, asText)
	ev.put(s.at[httpURL], start+method+1, start+version, asText)
	if s.at[httpPath] != None {
		sc.path(ev, b, start+method+1, start+version)
	}
	ev.put(s.at[httpVersion], start+version+1+len("HTTP/"), end, asText)
}

// giveURL puts a URL that is there, and its path.
func (sc *Scanner) giveURL(ev *Event, b []byte, url span) {
	sc.give(ev, httpURL, url)
	if sc.schema.at[httpPath] != None {
		sc.path(ev, b, url.start, url.end)
	}
}

// path puts the path of a URL: without the query, the fragment and, if it is a
// whole one, scheme and host.
func (sc *Scanner) path(ev *Event, b []byte, start, end int) {
	if b[start] != '/' {
		authority := bytes.Index(b[start:end], []byte("://"))
		if authority < 0 {
			return
		}
		slash := bytes.IndexByte(b[start+authority+3:end], '/')
		if slash < 0 {
			return
		}
		start += authority + 3 + slash
	}
	if query := bytes.IndexByte(b[start:end], '?'); query >= 0 {
		end = start + query
	}
	if fragment := bytes.IndexByte(b[start:end], '#'); fragment >= 0 {
		end = start + fragment
	}
	ev.put(sc.schema.at[httpPath], start, end, asText)
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
	if s != None && end > start && (end > start+1 || b[start] != '-') {
		ev.set(s, start, end, asText)
	}
}

func digits(b []byte, i int) int {
	for b[i]-'0' <= 9 {
		i++
	}
	return i
}
