package line

// ruby parses what Ruby's Logger writes, after the letter and the bracket:
//
//	I, [2025-11-22T09:31:34.123456 #12345]  INFO -- shop: sold
func (sc *Scanner) ruby(ev *Event, b []byte, i, end int) bool {
	if i = sc.clock.date(b, i); i < 0 {
		return false
	}
	c := cursor{b: b, i: i, end: end}
	c.blanks()
	c.skip('#')
	h := logHeader{ps: c.to(']')}
	c.blanks()
	h.level = c.word()
	dashes := c.word()
	if c.failed || !h.ps.isNumber(b) || !isLevel(b[h.level.start:h.level.end]) || string(b[dashes.start:dashes.end]) != "--" {
		return false
	}
	h.source = c.to(':')
	if c.failed {
		return false
	}
	sc.date(ev)
	c.blanks()
	return sc.putLog(ev, b, c.i, end, &h)
}

// zap parses the columns that zap's console encoder makes with tabs: the level,
// the logger, if any, the caller, if any, the message, and its fields as JSON.
func (sc *Scanner) zap(ev *Event, b []byte, i, end int) bool {
	var columns [5]span
	n := 0
	for n < len(columns) {
		tab := index(b, i, end, '\t')
		if tab < 0 || n == len(columns)-1 {
			tab = end
		}
		columns[n] = span{i, tab}
		n++
		if i = tab + 1; tab == end {
			break
		}
	}
	h := logHeader{level: columns[0]}
	if n > 2 && !isLevel(b[h.level.start:h.level.end]) && isLevel(b[columns[1].start:columns[1].end]) { // AWS Lambda has its request
		h.ps, h.level = columns[0], columns[1]
		n = copy(columns[:], columns[1:n])
	}
	if n < 2 || !isLevel(b[h.level.start:h.level.end]) {
		return false
	}
	rest := columns[1:n]
	if len(rest) > 1 && isCaller(b, rest[0]) {
		h.caller, rest = rest[0], rest[1:]
	} else if len(rest) > 2 && isCaller(b, rest[1]) {
		h.source, h.caller, rest = rest[0], rest[1], rest[2:]
	} else if len(rest) > 2 && b[rest[2].start] == '{' || len(rest) == 2 && rest[1].start < end && b[rest[1].start] != '{' {
		h.source, rest = rest[0], rest[1:]
	}
	sc.putLog(ev, b, rest[0].start, rest[0].end, &h)
	if len(rest) > 1 && b[rest[1].start] == '{' && sc.tryObject(ev, b, rest[1].start, end, loggerBody) {
		ev.half = false
	}
	return true
}

// zapUnix parses a line of zap's that begins with a Unix time, as 1.763803894123e+09.
func (sc *Scanner) zapUnix(ev *Event, b []byte, start, end int) bool {
	tab := word(b, start)
	if tab >= end || b[tab] != '\t' || !sc.clock.any(b, start, tab) {
		return false
	}
	was := ev.dated
	sc.date(ev)
	if !sc.zap(ev, b, tab+1, end) {
		ev.dated = was
		return false
	}
	return true
}

// nlog parses the columns of NLog: the level, the logger and the message.
func (sc *Scanner) nlog(ev *Event, b []byte, i, end int) bool {
	c := cursor{b: b, i: i, end: end}
	h := logHeader{level: c.to('|'), source: c.to('|')}
	return !c.failed && isLevel(b[h.level.start:h.level.end]) && sc.putLog(ev, b, c.i, end, &h)
}

// isCaller reports whether a text is a place in the code, with a line number.
func isCaller(b []byte, s span) bool {
	colon := s.end
	for colon > s.start && b[colon-1]-'0' <= 9 {
		colon--
	}
	return colon < s.end && colon > s.start+1 && b[colon-1] == ':'
}

// levelFirst parses a line that begins with a level, which must be told from a text
// that does so by chance:
//
//	WARNING:root:message
//	INFO[0012] message
//	info: message
//	INFO [main] 2025-11-22 09:31:34,123 shop - message
func (sc *Scanner) levelFirst(ev *Event, b []byte, start, end int) bool {
	i := start
	for class[b[i]]&isLetter != 0 {
		i++
	}
	stop := b[i]
	if stop == '=' || i == end || !isLevel(b[start:i]) {
		return false
	}
	h := logHeader{level: span{start, i}}
	capitals := b[start+1]-'A' < 26
	c := cursor{b: b, i: i + 1, end: end}
	switch {
	case stop == ':' && b[i+1] == ' ':
		c.blanks()
	case stop == ':' && capitals:
		h.source = c.to(':')
		if c.failed || word(b, h.source.start) < h.source.end {
			return false
		}
	case stop == '[' && capitals:
		seconds := c.to(']')
		if c.failed || !seconds.isNumber(b) {
			return false
		}
		c.blanks()
	case stop == ' ' && capitals:
		c.blanks()
		thread := c.i
		if c.has('[') {
			h.ps = c.to(']')
			c.blanks()
			if at, dated := sc.clock.monthDay(b, thread+1, sc.near, sc.zones); !c.failed && at == h.ps.end {
				if dated {
					sc.date(ev)
				}
				h.ps = span{}
				break // there is no logger
			}
		}
		if at := sc.clock.date(b, c.i); !c.failed && at >= 0 {
			sc.date(ev)
			c.i = at
		} else {
			c.i, c.failed, h.ps = thread, false, span{}
		}
		c.afterLevel(&h)
	default:
		return false
	}
	return sc.putLog(ev, b, c.i, end, &h)
}
