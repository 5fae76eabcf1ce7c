package line

import "bytes"

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
// What comes after the bytes may be missing, and what comes after the agent is
// the domain if it is one word. - and an empty text are missing values. Quoted
// texts are kept as they are, escapes included. The time is left with the
// clock.
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
	at := userEnd + 2
	if userEnd == user || b[userEnd] != ' ' || b[userEnd+1] != '[' || at+clfLength+3 > end {
		return false
	}
	if b[at+clfLength] != ']' || b[at+clfLength+1] != ' ' || b[at+clfLength+2] != '"' || sc.clock.common(b, at) < 0 {
		return false
	}
	request := at + clfLength + 3
	requestEnd, _ := closingQuote(b, request, end)
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
	putPresent(ev, s.httpHost, b, host, hostEnd)
	putPresent(ev, s.httpUser, b, user, userEnd)
	if s.httpMethod != None || s.httpURL != None || s.httpVer != None {
		sc.request(ev, b, request, requestEnd)
	}
	ev.put(s.httpStatus, status, statusEnd, 0)
	if b[size] != '-' {
		ev.put(s.httpBytes, size, sizeEnd, 0)
	}

	i = sizeEnd + 1
	if i >= end || b[i] != '"' {
		return true
	}
	referrerEnd, _ := closingQuote(b, i+1, end)
	if referrerEnd < 0 {
		return true
	}
	putPresent(ev, s.httpRef, b, i+1, referrerEnd)
	i = referrerEnd + 1
	if i+1 >= end || b[i] != ' ' || b[i+1] != '"' {
		return true
	}
	agentEnd, _ := closingQuote(b, i+2, end)
	if agentEnd < 0 {
		return true
	}
	putPresent(ev, s.httpAgent, b, i+2, agentEnd)
	if i = agentEnd + 2; i < end && b[i-1] == ' ' && word(b, i) == end {
		putPresent(ev, s.httpSite, b, i, end)
	}
	return true
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
	ev.put(s.httpMethod, start, start+method, asText)
	ev.put(s.httpURL, start+method+1, start+version, asText)
	ev.put(s.httpVer, start+version+1, end, asText)
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
