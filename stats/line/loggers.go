package line

import "bytes"

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
	if s := h.source; s.end > s.start+2 && b[s.start] == '[' && b[s.end-1] == ']' { // Beats'
		h.source = span{s.start + 1, s.end - 1}
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
		c.category(&h)
	case stop == ':' && capitals:
		h.source = c.to(':')
		if c.failed || word(b, h.source.start) < h.source.end {
			return false
		}
	case stop == '[' && capitals:
		at := c.to(']') // seconds since the start, or a time
		if c.failed || !at.isNumber(b) {
			if c.failed || sc.clock.date(b, at.start) != at.end {
				return false
			}
			sc.date(ev)
		}
		c.separator()
		c.blanks()
	case stop == ' ' && capitals:
		c.blanks()
		thread := c.i
		if c.has('[') {
			if at := sc.clock.date(b, c.i); at >= 0 && b[at] == ']' { // Dropwizard's
				sc.date(ev)
				c.i = at + 1
				c.afterLevel(&h)
				break
			}
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

// category reads the category and the event's number that .NET writes after the level:
// Shop.Cart[14].
func (c *cursor) category(h *logHeader) bool {
	w := span{c.i, min(word(c.b, c.i), c.end)}
	open := w.start
	for class[c.b[open]]&inKey != 0 {
		open++
	}
	if open == w.start || open >= w.end || c.b[open] != '[' || c.b[w.end-1] != ']' || !(span{open + 1, w.end - 1}).isNumber(c.b) ||
		bytes.IndexByte(c.b[w.start:open], '.') < 0 || class[c.b[w.start]]&isLetter == 0 {
		return false
	}
	h.source = span{w.start, open}
	c.i = w.end
	c.blanks()
	return true
}

// wildfly reads what WildFly and Quarkus write after the level, the logger in brackets and
// the thread in parentheses, or a thread in brackets and a place in the code.
func (c *cursor) wildfly(h *logHeader) bool {
	b := c.b
	if c.i >= c.end || b[c.i] != '[' {
		return false
	}
	d := *c
	name := d.between('[', ']')
	if d.failed || d.i >= d.end || b[d.i] != '(' || word(b, name.start) < name.end {
		return false
	}
	thread := d.between('(', ')')
	if d.failed || thread.end-thread.start > longestName {
		return false
	}
	switch text := b[name.start:name.end]; {
	case isCaller(b, thread): // log4j's thread and the place in the code
		h.caller = thread
		if h.ps == (span{}) {
			h.ps = name
		}
		d.separator()
	case len(text) > 0 && (isLoggerName(text) || string(text) == "stdout" || string(text) == "stderr"):
		h.source, h.ps = name, thread
	default:
		return false
	}
	*c = d
	return true
}

// tracing skips the spans that Rust's tracing writes after the level, request{method=GET}:,
// and reads the thread, ThreadId(01). The target comes after them.
func (c *cursor) tracing(h *logHeader) {
	const thread = "ThreadId("
	b := c.b
	if hasPrefix(b, span{c.i, c.end}, thread) {
		d := *c
		d.i += len(thread)
		if id := d.to(')'); !d.failed && id.isNumber(b) {
			d.blanks()
			*c = d
			h.ps, h.named = id, true
		}
	}
	for {
		d := *c
		for class[b[d.i]]&inKey != 0 {
			d.i++
		}
		if d.i == c.i || d.i >= d.end || b[d.i] != '{' {
			return
		}
		d.i++
		d.to('}')
		if d.skip(':'); d.failed {
			return
		}
		d.blanks()
		*c = d
		h.named = true
	}
}

// erlangProcess reads the process that Erlang's loggers write after the level: <0.222.0>.
func (c *cursor) erlangProcess(h *logHeader) {
	b := c.b
	if c.i >= c.end || b[c.i] != '<' {
		return
	}
	i := c.i + 1
	for b[i]-'0' <= 9 || b[i] == '.' {
		i++
	}
	if b[i] != '>' || i-c.i < len("<0.1.0") || h.ps != (span{}) {
		return
	}
	h.ps = span{c.i, i + 1}
	c.i = i + 1
	c.blanks()
}

// erlang parses what Erlang wrote before an event until version 21:
//
//	=ERROR REPORT==== 22-Nov-2025::09:31:34 ===
func (sc *Scanner) erlang(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start + 1, end: end}
	level, report := c.word(), c.word()
	if c.failed || string(b[report.start:report.end]) != "REPORT====" {
		return false
	}
	if i := sc.clock.day(b, c.i); i < 0 || string(b[i:min(i+4, end)]) != " ===" {
		return false
	}
	sc.date(ev)
	if isLevel(b[level.start:level.end]) {
		sc.give(ev, ofLevel, level)
	}
	sc.defaultMessage(ev, start, end)
	return true
}

// shortDateEnd gives the position after 25/11/22 09:31:34, 0 if there is none.
func shortDateEnd(b []byte, i int) int {
	const date = len("25/11/22")
	for at := range date {
		if at%3 == 2 && b[i+at] != '/' || at%3 != 2 && b[i+at]-'0' > 9 {
			return 0
		}
	}
	if _, ok := clockSecond(b[i+date+1 : i+date+9]); !ok || b[i+date] != ' ' || b[i+date+9] != ' ' {
		return 0
	}
	return i + date + 9
}

// shortDated parses a line that begins with 25/11/22 09:31:34, which may be in November of
// 2025 or of 2022. It is by what comes after it that Spark and Hadoop are known, which have
// the year first; of others no line says which it is.
func (sc *Scanner) shortDated(ev *Event, b []byte, start, i, end int) bool {
	c := cursor{b: b, i: i, end: end}
	var h logHeader
	if !c.beforeLevel(&h) {
		return sc.known(ev, b, i+1, end)
	}
	level := h.level
	c.blanks()
	name := span{c.i, c.i}
	for class[b[name.end]]&isAlnum != 0 || b[name.end] == '$' || b[name.end] == '.' {
		name.end++
	}
	if level.start == i+1 && b[name.start]-'A' < 26 && b[name.end] == ':' && b[name.end+1] == ' ' {
		year, _ := twoDigits(b, start)
		month, _ := twoDigits(b, start+3)
		day, _ := twoDigits(b, start+6)
		days, ok := daysSince1970(2000+year, month, day)
		clock, _ := clockSecond(b[i-8 : i])
		if ok {
			sc.clock.zoned(b, i, days*86400+clock, 0)
			sc.date(ev)
		}
		h.source = name
		c.i = name.end + 2
		return sc.putLog(ev, b, c.i, end, &h)
	}
	c.afterLevel(&h)
	return sc.putLog(ev, b, c.i, end, &h)
}

// pino reads what pino-pretty writes after the level: (shop/12 on web-1): or (12):.
func (c *cursor) pino(h *logHeader) bool {
	b := c.b
	if c.i >= c.end || b[c.i] != '(' {
		return false
	}
	d := *c
	inside := d.between('(', ')')
	if d.skip(':'); d.failed {
		return false
	}
	process := span{inside.start, inside.end}
	for i := inside.start; i < inside.end; i++ {
		if b[i] == '/' {
			process.start = i + 1
		}
	}
	if on := bytes.Index(b[process.start:inside.end], []byte(" on ")); on >= 0 {
		process.end = process.start + on
	}
	if !process.isNumber(b) {
		return false
	}
	h.ps = process
	if process.start > inside.start {
		h.source = span{inside.start, process.start - 1}
	}
	d.blanks()
	*c = d
	return true
}

// tensorflow reads the place in the code and its bracket that TensorFlow writes after a
// letter for the level: core/x.cc:12].
func (c *cursor) tensorflow(h *logHeader) bool {
	w := span{c.i, min(word(c.b, c.i), c.end)}
	if w.end-w.start < len("x:1]") || c.b[w.end-1] != ']' || !isCaller(c.b, span{w.start, w.end - 1}) {
		return false
	}
	h.caller = span{w.start, w.end - 1}
	c.i = w.end
	c.blanks()
	return true
}

// threadFirst reads a thread in parentheses and the logger in brackets after the level, as
// Home Assistant has them, or, as Solr, something else in brackets and then the logger.
func (c *cursor) threadFirst(h *logHeader) bool {
	b := c.b
	if c.i >= c.end || b[c.i] != '(' {
		return false
	}
	d := *c
	thread := d.between('(', ')')
	name := d.between('[', ']')
	if d.failed || thread.end-thread.start > longestName || thread.end == thread.start {
		return false
	}
	if name.end == name.start || !isLoggerName(b[name.start:name.end]) || word(b, name.start) < name.end {
		if d.i >= d.end {
			return false
		}
		if name = d.word(); bytes.IndexByte(b[name.start:name.end], '.') < 0 || !isLoggerName(b[name.start:name.end]) {
			return false
		}
	}
	h.ps, h.source = thread, name
	*c = d
	return true
}
