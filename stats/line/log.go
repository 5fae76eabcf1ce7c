package line

import "bytes"

var logFormat = &Format{
	Name: "log",
	Doc: []FormatDoc{{
		"loggers", "a time, if any, then in many an order a level, the thread or the process, the logger, and the message; see below",
		"`level`, `source` (the logger), `ps` (the thread or the process), `caller`; those of the message",
	}},
	Fields: []given{ofLevel, ofSource, ofPs, ofCaller},
	Samples: []Sample{
		{ // logback, log4j 2
			`09:31:34.123 [main] INFO  com.example.Shop - status=200 n=1`,
			"", map[string]string{"ps": "'main", "level": "'INFO", "source": "'com.example.Shop", "msg": "'status=200 n=1", "status": "200", "n": "1"},
		},
		{ // log4j
			`2025-11-22 09:31:34,104  INFO [main] shop - status=200`,
			"2025-11-22T09:31:34.104Z", map[string]string{"level": "'INFO", "ps": "'main", "source": "'shop", "msg": "'status=200", "status": "200"},
		},
		{ // Spring Boot
			`2025-11-22T10:31:34.123+01:00  INFO 12345 --- [shop] [           main] c.e.Shop                                 : Started`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'INFO", "ps": "12345", "source": "'c.e.Shop", "msg": "'Started"},
		},
		{ // Tomcat
			`22-Nov-2025 09:31:34.123 INFO [main] org.apache.catalina.startup.Catalina.start Server startup in [1234] milliseconds`,
			"2025-11-22T09:31:34.123Z", map[string]string{
				"level": "'INFO", "ps": "'main", "source": "'org.apache.catalina.startup.Catalina.start", "msg": "'Server startup in [1234] milliseconds",
			},
		},
		{ // Kafka
			`[2025-11-22 09:31:34,123] INFO [KafkaServer id=0] started (kafka.server.KafkaServer)`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'INFO", "source": "'kafka.server.KafkaServer", "msg": "'[KafkaServer id=0] started (kafka.server.KafkaServer)"},
		},
		{ // Elasticsearch
			`[2025-11-22T09:31:34,123][INFO ][o.e.n.Node               ] [node-1] started`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'INFO", "source": "'o.e.n.Node", "msg": "'[node-1] started"},
		},
		{ // Python, by default and as its documentation has it
			`WARNING:root:disk is full`,
			"", map[string]string{"level": "'WARNING", "source": "'root", "msg": "'disk is full"},
		},
		{
			`2025-11-22 09:31:34,123 - shop.cart - ERROR - no room n=1`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'ERROR", "source": "'shop.cart", "msg": "'no room n=1", "no": "true", "room": "true", "n": "1"},
		},
		{ // gunicorn
			`[2025-11-22 10:31:34 +0100] [12] [INFO] Booting worker with pid: 12`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'INFO", "ps": "12", "msg": "'Booting worker with pid: 12"},
		},
		{ // loguru
			`2025-11-22 09:31:34.123 | INFO     | __main__:main:5 - hello`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'INFO", "caller": "'__main__:main:5", "msg": "'hello"},
		},
		{ // Celery
			`[2025-11-22 09:31:34,123: INFO/MainProcess] Connected`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'INFO", "ps": "'MainProcess", "msg": "'Connected"},
		},
		{ // Go's slog and log
			`2025/11/22 09:31:34 INFO hello user=7`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'INFO", "msg": "'hello user=7", "hello": "true", "user": "7"},
		},
		{ // zap
			"2025-11-22T10:31:34.123+0100\tINFO\tshop\tmain.go:12\tsold\t{\"n\": 1}",
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'INFO", "source": "'shop", "caller": "'main.go:12", "msg": "'sold", "n": "1"},
		},
		{ // zerolog, and Traefik by it
			`2025-11-22T09:31:34Z INF cmd/traefik.go:100 > Traefik version version=3.0.0`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'INF", "caller": "'cmd/traefik.go:100", "msg": "'Traefik version version=3.0.0", "Traefik": "true", "version": "'3.0.0"},
		},
		{ // logrus on a terminal
			`INFO[0012] sold                                          n=1`,
			"", map[string]string{"level": "'INFO", "msg": "'sold                                          n=1", "sold": "true", "n": "1"},
		},
		{ // hclog: Vault, Consul, Nomad
			`2025-11-22T09:31:34.123Z [INFO]  core: unsealed: n=1`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'INFO", "source": "'core", "msg": "'unsealed: n=1", "n": "1"},
		},
		{ // Serilog on a console and in a file
			`[09:31:34 INF] Sold 1`,
			"", map[string]string{"level": "'INF", "msg": "'Sold 1"},
		},
		{
			`2025-11-22 10:31:34.123 +01:00 [WRN] Sold out`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'WRN", "msg": "'Sold out"},
		},
		{ // NLog
			`2025-11-22 09:31:34.1234|INFO|Shop.Cart|Sold 1`,
			"2025-11-22T09:31:34.1234Z", map[string]string{"level": "'INFO", "source": "'Shop.Cart", "msg": "'Sold 1"},
		},
		{ // winston's simple format
			`info: sold {"n":1}`,
			"", map[string]string{"level": "'info", "msg": `'sold {"n":1}`, "n": "1"},
		},
		{ // Monolog
			`[2025-11-22T09:31:34.123456+00:00] shop.ERROR: no room {"n":1} []`,
			"2025-11-22T09:31:34.123456Z", map[string]string{"level": "'ERROR", "source": "'shop", "msg": `'no room {"n":1} []`, "n": "1"},
		},
		{ // Ruby's Logger
			`I, [2025-11-22T09:31:34.123456 #12345]  INFO -- shop: sold`,
			"2025-11-22T09:31:34.123456Z", map[string]string{"level": "'INFO", "ps": "12345", "source": "'shop", "msg": "'sold"},
		},
		{ // Rust's env_logger and tracing
			`[2025-11-22T09:31:34Z INFO  shop::cart] sold`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'INFO", "source": "'shop::cart", "msg": "'sold"},
		},
		{
			`2025-11-22T09:31:34.123456Z  INFO shop::cart: sold n=1`,
			"2025-11-22T09:31:34.123456Z", map[string]string{"level": "'INFO", "source": "'shop::cart", "msg": "'sold n=1", "sold": "true", "n": "1"},
		},
		{ // a time before a line of any format
			`2025-11-22 09:31:34 {"status":500}`,
			"2025-11-22T09:31:34Z", map[string]string{"status": "500", "msg": `'{"status":500}`},
		},
	},
	first: func(c byte) bool { return c == '[' || c == '(' || c == '=' || class[c]&isAlnum != 0 },
	line:  (*Scanner).log,
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		switch b[o.rest-1] {
		case '\t':
			return sc.zap(ev, b, o.rest, o.end)
		case '|':
			return sc.nlog(ev, b, o.rest, o.end)
		}
		if b[o.rest-1] == ':' && b[o.rest]-'0' <= 9 { // more of a time than is known
			return false
		}
		return sc.logged(ev, b, o.rest, o.end, false) || sc.known(ev, b, o.rest, o.end)
	},
}

// A logHeader is what loggers write before a message.
type logHeader struct {
	level, source, ps, caller span
	attributes                span // between the time and the level
	bracketed                 bool // the level is in brackets
	named                     bool // a word with a colon after the level is the logger
	letter                    bool // the level is a letter
}

// longestName is the greatest length of a thread's or a logger's name.
const longestName = 128

// log parses a line that does not begin with a time of digits alone: which has it in
// brackets or with its day first, a time of day, or none.
func (sc *Scanner) log(ev *Event, b []byte, start, end int) bool {
	switch c := b[start]; {
	case c == '[':
		return sc.logInBrackets(ev, b, start, end)
	case c == '(': // SSSD's
		if i := sc.clock.date(b, start+1); i >= 0 && b[i] == ')' {
			sc.date(ev)
			if i++; b[i] == ':' {
				i++
			}
			return b[i] == ' ' && (sc.logged(ev, b, i, end, true) || sc.known(ev, b, i+1, end))
		}
		return false
	case c == '=':
		return sc.erlang(ev, b, start, end)
	case c-'0' <= 9:
		i := sc.clock.day(b, start)
		switch {
		case i >= 0:
		case b[start+4] == '-' && b[start+12] == ':':
			i = sc.clock.shortHour(b, start)
		default:
			i = sc.clock.compact(b, start)
		}
		if i >= 0 && b[i] == ' ' {
			sc.date(ev)
			return sc.logged(ev, b, i, end, false) || sc.known(ev, b, i+1, end)
		}
		if seconds := (span{start, start + len("1763803894")}); digits(b, start) == seconds.end && b[seconds.end] == ':' && b[seconds.end+1] == ' ' && sc.clock.any(b, seconds.start, seconds.end) {
			sc.date(ev) // Mosquitto's
			return sc.logged(ev, b, seconds.end+1, end, false) || sc.known(ev, b, seconds.end+2, end)
		}
		if i := sc.clock.shortYear(b, start); i >= 0 && b[i] == ' ' { // HDFS'
			sc.date(ev)
			ev.dated = sc.logged(ev, b, i, end, false) && ev.dated
			return ev.dated
		}
		if i := shortDateEnd(b, start); i > 0 {
			return sc.shortDated(ev, b, start, i, end)
		}
		if i := eitherDateEnd(b, start); i > 0 && b[i] == ' ' { // which dates nothing
			return sc.logged(ev, b, i, end, false) || sc.known(ev, b, i+1, end)
		}
		i = clockEnd(b, start)
		if ran := digits(b, start); i == 0 && b[ran] == ' ' && b[ran+1] == '[' { // log4j's milliseconds since the start
			i = ran
		}
		if i == 0 {
			i = kitchenEnd(b, start)
		}
		if i == 0 {
			return sc.zapUnix(ev, b, start, end) || sc.unixFirst(ev, b, span{start, word(b, start)}, end)
		}
		return b[i] == ' ' && (sc.logged(ev, b, i, end, false) || sc.compose(ev, b, i+1, end))
	case isWeekday(b[start:start+3]) || monthOf(b[start:start+3]) > 0:
		i := sc.clock.date(b, start)
		if i >= 0 {
			sc.date(ev)
		} else if i, ev.dated = sc.clock.bsd(b, start, sc.near, sc.zones); ev.dated {
			sc.date(ev)
		}
		return i >= 0 && b[i] == ' ' && (sc.logged(ev, b, i, end, false) || sc.known(ev, b, i+1, end))
	case b[start+1] == ',' && b[start+2] == ' ' && b[start+3] == '[':
		return sc.ruby(ev, b, start+4, end)
	}
	return sc.levelFirst(ev, b, start, end)
}

// eitherDateEnd gives the position after 03/04/2025 09:31:34.123 PM, also with dashes, 0 if
// there is none. In America it is in March, elsewhere in April, and no line says where it
// was written: only a format of the definitions file can.
func eitherDateEnd(b []byte, i int) int {
	first := digits(b, i)
	separator := b[first]
	second := digits(b, first+1)
	if first > i+2 || separator != '/' && separator != '-' || second == first+1 || second > first+3 || b[second] != separator ||
		digits(b, second+1) != second+5 || b[second+5] != ' ' && b[second+5] != ',' {
		return 0
	}
	_, i = clockAt(b, spaces(b, second+6))
	if i < 0 {
		return 0
	}
	if b[i] == '.' || b[i] == ',' {
		i = digits(b, i+1)
	}
	return max(i, meridiemEnd(b, i))
}

// unixFirst parses a line that begins with a Unix time, also in brackets, of which the rest
// tells that it is one.
func (sc *Scanner) unixFirst(ev *Event, b []byte, at span, end int) bool {
	first, last := at.start, at.end
	if b[first] == '[' {
		first, last = first+1, last-1
	}
	if at.end >= end || b[at.end] != ' ' || !sc.clock.any(b, first, last) {
		return false
	}
	was := ev.dated
	sc.date(ev)
	if b[at.start] == '[' && at.end-at.start == len("[1763803894]") {
		was = ev.dated // Unbound's, whatever comes after it
	}
	if sc.logged(ev, b, at.end, end, b[at.start] == '[') || sc.known(ev, b, at.end+1, end) || sc.bsdMessage(ev, b, at.end, end, bsdHeader{priority: -1, dated: true, yearless: -1, bare: true}) {
		return true
	}
	ev.dated = was
	return false
}

// clockEnd gives the position after a time of day such as 09:31:34.123, 0 if there is
// none. Without a date it dates nothing.
func clockEnd(b []byte, i int) int {
	if _, ok := clockSecond(b[i : i+8]); !ok {
		return 0
	}
	if i += 8; b[i] == '.' || b[i] == ',' {
		i = digits(b, i+1)
	}
	return i
}

// kitchenEnd gives the position after a time of day such as 9:31AM, which zerolog
// writes on consoles, 0 if there is none. It dates nothing either.
func kitchenEnd(b []byte, i int) int {
	colon := digits(b, i)
	if b[colon] != ':' || colon > i+2 || digits(b, colon+1) != colon+3 || b[colon+3] != 'A' && b[colon+3] != 'P' || b[colon+4] != 'M' {
		return 0
	}
	return colon + 5
}

// logInBrackets parses a line that begins with one: with a time in it, alone
// or with a level and the logger (env_logger) or the process (Celery), or with a
// level or a thread.
func (sc *Scanner) logInBrackets(ev *Event, b []byte, start, end int) bool {
	if nest := "[Nest] "; hasPrefix(b, span{start, end}, nest) {
		return sc.logged(ev, b, start+len(nest), end, false)
	}
	i := sc.clock.date(b, start+1)
	dated := i >= 0
	if !dated {
		i, dated = sc.clock.monthDay(b, start+1, sc.near, sc.zones)
	}
	if dated {
		sc.date(ev)
	} else if i = max(i, clockEnd(b, start+1)); i <= 0 {
		close := digits(b, start+1)
		if b[close] == '.' {
			close = digits(b, close+1)
		}
		if b[close] == ']' && sc.unixFirst(ev, b, span{start, close + 1}, end) { // Nagios
			return true
		}
		return sc.levelInBrackets(ev, b, start, end) || sc.logged(ev, b, start, end, true)
	}
	if b[i] == ']' {
		i++
		return sc.logged(ev, b, i, end, true) || dated && b[i] == ' ' && sc.known(ev, b, i+1, end)
	}
	c := cursor{b: b, i: i, end: end}
	c.has(':')
	c.blanks()
	inside := c.to(']')
	if c.failed || inside.end-inside.start > longestName {
		return false
	}
	level := span{inside.start, inside.start}
	for class[b[level.end]]&isLetter != 0 {
		level.end++
	}
	h := logHeader{level: level}
	name := span{spaces(b, level.end), inside.end}
	if b[level.end] == '/' {
		h.ps = span{level.end + 1, inside.end}
	} else {
		h.source = name
	}
	if !isLevel(b[level.start:level.end]) {
		return false
	}
	c.blanks()
	return sc.putLog(ev, b, c.i, end, &h)
}

// levelInBrackets parses a line that begins with a level or the process in brackets and then
// has a time:
//
//	[INFO ] 2025-11-22 09:31:34.123 [main] shop - sold
func (sc *Scanner) levelInBrackets(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	level := c.trimmed(c.between('[', ']'))
	if c.failed || level.end-level.start > longestName || c.i >= end {
		return false
	}
	if c.i = sc.clock.date(b, c.i); c.i < 0 || b[c.i] != ' ' {
		return false
	}
	sc.date(ev)
	h := logHeader{level: level}
	if !isLevel(b[level.start:level.end]) { // the process, as NATS and Syncthing have it
		if h = (logHeader{ps: level}); !c.beforeLevel(&h) {
			return false
		}
	}
	c.afterLevel(&h)
	return sc.putLog(ev, b, c.i, end, &h)
}

// logged parses what comes after a time. What names the logger in parentheses at
// the end of the line, as Kafka does, has its time in brackets.
func (sc *Scanner) logged(ev *Event, b []byte, i, end int, brackets bool) bool {
	c := cursor{b: b, i: i, end: end}
	var h logHeader
	if !c.beforeLevel(&h) {
		return sc.goLogged(ev, b, i, end)
	}
	c.afterLevel(&h)
	if brackets && h.source == (span{}) && b[end-1] == ')' {
		if open := bytes.LastIndexByte(b[c.i:end], '('); open >= 0 && isLoggerName(b[c.i+open+1:end-1]) {
			c.put(&h, span{c.i + open + 1, end - 1})
		}
	}
	return sc.putLog(ev, b, c.i, end, &h)
}

// goLogged parses what Go's log writes with Lshortfile or Llongfile: main.go:12: MESSAGE.
func (sc *Scanner) goLogged(ev *Event, b []byte, i, end int) bool {
	i = spaces(b, i)
	last := min(word(b, i), end) - 1
	if last <= i || b[last] != ':' {
		return false
	}
	colon := i + bytes.LastIndexByte(b[i:last], ':')
	if colon < i || digits(b, colon+1) != last || last == colon+1 || !bytes.HasSuffix(b[i:colon], []byte(".go")) {
		return false
	}
	return sc.putLog(ev, b, spaces(b, last+1), end, &logHeader{caller: span{i, last}})
}

// putLog puts the header and the message.
func (sc *Scanner) putLog(ev *Event, b []byte, i, end int, h *logHeader) bool {
	if h.letter {
		level, _ := letterLevel(b[h.level.start])
		ev.putConstant(sc.schema.at[ofLevel], level, asText)
	} else {
		sc.give(ev, ofLevel, h.level)
	}
	sc.give(ev, ofSource, h.source)
	sc.give(ev, ofPs, h.ps)
	sc.give(ev, ofCaller, h.caller)
	if a := h.attributes; a.end > a.start {
		sc.attributes(ev, b, a.start, a.end, loggerBody, int32(loggerBody)*roots)
	}
	if i = min(i, end); i == end {
		ev.put(sc.schema.at[ofMsg], i, end, asText)
	}
	sc.message(ev, b, i, end, loggerBody, h.level.start)
	if ev.half {
		sc.pairs(ev, b, i, end, loggerBody)
	}
	return true
}

// beforeLevel reads up to the level, and reports whether there is one: in brackets,
// with a colon, in capitals, before a name with a colon alone after it, or a letter and a
// bar. Before it there may be the process or the thread, in brackets or a number, a logger
// with dashes around it, what names a query in braces, and attributes.
func (c *cursor) beforeLevel(h *logHeader) bool {
	const most = 5
	b := c.b
	for range most {
		c.blanks()
		if c.i >= c.end {
			return false
		}
		switch first := b[c.i]; first {
		case '[', '(', '<':
			close := first + 2
			if first == '(' {
				close = ')'
			}
			c.i++
			inside := c.trimmed(c.to(close))
			if c.failed || inside.end-inside.start > longestName {
				return false
			}
			if isLevel(b[inside.start:inside.end]) {
				h.level, h.bracketed = inside, true
				return true
			}
			if inside.end == inside.start+1 && first == '[' && isLetterLevel(b[inside.start]) && h.source.end+h.caller.end > 0 { // Gitea's
				h.level, h.letter = inside, true
				return true
			}
			if slash := bytes.LastIndexByte(b[inside.start:inside.end], '/'); slash > 0 && isLevel(b[inside.start+slash+1:inside.end]) { // Minecraft's
				h.ps, h.level = span{inside.start, inside.start + slash}, span{inside.start + slash + 1, inside.end}
				return true
			}
			if h.ps == (span{}) && !hasClock(b[inside.start:inside.end]) {
				h.ps = inside
			}
		default:
			if c.separator() {
				continue
			}
			if first == '{' && b[c.i+1] != '"' {
				inside := c.between('{', '}')
				switch {
				case c.failed:
					return false
				case isCaller(b, inside): // Airflow's
					h.caller = inside
				case h.ps != (span{}): // ClickHouse's
					h.named = true
				default:
					return false
				}
				continue
			}
			if c.beforeAttributes(h) {
				continue
			}
			if first-'0' <= 9 {
				if at := eitherDateEnd(b, c.i); at > 0 && b[at] == ' ' { // NestJS'
					c.i = at
					continue
				}
			}
			w := c.word()
			switch bare := w; {
			case w.end == w.start+1 && isLetterLevel(first) && c.tensorflow(h):
				h.level, h.letter = w, true
				return true
			case w.end == w.start+2 && b[w.start+1] == '!' && isLetterLevel(first): // Telegraf's
				h.level, h.letter = span{w.start, w.start + 1}, true
				return true
			case w.end == w.start+1 && b[c.i] == '|' && b[c.i+1] == ' ' && isLetterLevel(first):
				h.level, h.letter, h.named = w, true, true
				return true
			case first-'a' < 26 && b[w.end] == ' ' && nameBeforeColon(b, c.i) && isLevel(b[w.start:w.end]):
				h.level = w
				return true
			case b[w.end-1] == ':' && w.end > w.start+1:
				bare.end--
				dot := bytes.LastIndexByte(b[bare.start:bare.end], '.')
				if dot > 0 { // channel.LEVEL:
					h.source, bare.start = span{bare.start, bare.start + dot}, bare.start+dot+1
				}
				if h.level = bare; isLevel(b[bare.start:bare.end]) {
					return true
				}
				if !levelColon(b, c.i) {
					return false
				}
				h.source = bare // BIND has a category before the level
			case b[w.start]-'A' < 26 && b[w.start+1]-'A' < 26 && isLevel(b[w.start:w.end]):
				h.level = w
				return true
			case w.isNumber(b):
				if h.ps == (span{}) {
					h.ps = w
				}
			case c.separator():
				h.source = w
			case letterInBrackets(b, c.i) && b[w.end-1] == ')':
				h.caller = w
			case b[c.i] == '[' && isLoggerName(b[w.start:w.end]), letterInBrackets(b, c.i):
				c.put(h, w)
			case levelAt(b, c.i) && (isLoggerName(b[w.start:w.end]) || isCaller(b, w) || string(b[w.start:w.end]) == "root"):
				c.put(h, w)
			default:
				return false
			}
		}
	}
	return false
}

// beforeAttributes reads words with = before the level, and reports whether there are any.
func (c *cursor) beforeAttributes(h *logHeader) bool {
	const most = 16
	if h.attributes.end > 0 || class[c.b[c.i]]&isLetter == 0 {
		return false
	}
	a := span{c.i, c.i}
	for range most {
		i := c.i
		for class[c.b[i]]&inKey != 0 {
			i++
		}
		last := word(c.b, i)
		if c.b[i] != '=' || last >= c.end || c.b[last] != ' ' || bytes.IndexByte(c.b[i:last], escape) >= 0 || bytes.Count(c.b[i:last], []byte{'"'})%2 > 0 {
			break
		}
		a.end, c.i = last, last
		c.blanks()
	}
	if a.end > a.start {
		h.attributes = a
	}
	return a.end > a.start
}

// nameBeforeColon reports whether a word and a colon of its own are at i.
func nameBeforeColon(b []byte, i int) bool {
	next := word(b, i)
	return next > i && b[next] == ' ' && b[next+1] == ':' && b[next+2] == ' '
}

// letterInBrackets reports whether a letter for a level is at i, in brackets.
func letterInBrackets(b []byte, i int) bool {
	return b[i] == '[' && isLetterLevel(b[i+1]) && b[i+2] == ']' && b[i+3] == ' '
}

// levelAt reports whether a level in capitals is at i.
func levelAt(b []byte, i int) bool {
	w := span{i, word(b, i)}
	if w.end > w.start && b[w.end-1] == ':' {
		w.end--
	}
	return b[i]-'A' < 26 && b[i+1]-'A' < 26 && isLevel(b[w.start:w.end])
}

// hasClock reports whether a text has a time of day in it, so that it names no thread.
func hasClock(text []byte) bool {
	for i := 2; i+5 < len(text); i++ {
		if text[i] == ':' && text[i+3] == ':' && text[i-1]-'0' <= 9 && text[i+1]-'0' <= 9 && text[i+4]-'0' <= 9 {
			return true
		}
	}
	return false
}

// afterLevel reads from the level up to the message. There may be the process before
// three dashes, threads in brackets, and a logger or a place in the code, if something
// tells it from the message's first word. Otherwise all is the message.
func (c *cursor) afterLevel(h *logHeader) {
	b := c.b
	if h.bracketed && c.has('[') {
		h.source = c.trimmed(c.to(']'))
		c.blanks()
		return
	}
	wide := c.i+1 < c.end && b[c.i] == ' ' && b[c.i+1] == ' '
	c.blanks()
	c.separator()
	if c.category(h) || c.wildfly(h) || c.pino(h) || c.threadFirst(h) {
		return
	}
	c.tracing(h)
	c.erlangProcess(h)
	message := c.i
	c.process(h)
	var thread span
	inBrackets := false
	for c.has('[') {
		inside := c.trimmed(c.to(']'))
		if c.failed || inside.end-inside.start > longestName {
			*c = cursor{b: b, i: message, end: c.end}
			return
		}
		if !inBrackets {
			thread, inBrackets = inside, true
		}
		c.blanks()
		c.process(h) // Spring Cloud Sleuth has its trace before it
	}
	if h.ps == (span{}) && inBrackets {
		h.ps = thread
	}
	if inBrackets && c.separator() {
		return
	}
	if c.i < c.end {
		w := c.word()
		name := w
		switch {
		case (b[w.start]-'0' <= 9 || b[w.start] == ':') && isAddress(b, w.start, withoutPort(b, w.start, w.end)): // a client's, of the message
		case b[w.end-1] == ':' && w.end > w.start+1:
			name.end--
			if inBrackets || h.named || h.bracketed && wide || isLoggerName(b[name.start:name.end]) {
				c.put(h, name)
				if h.named && c.i < c.end { // tracing has the place after it
					if w := (span{c.i, word(b, c.i)}); b[w.end-1] == ':' && isCaller(b, span{w.start, w.end - 1}) {
						c.put(h, span{w.start, w.end - 1})
						c.i = w.end
						c.blanks()
					}
				}
				return
			}
		case c.separator():
			c.put(h, name)
			return
		case inBrackets && bytes.Count(b[w.start:w.end], []byte(".")) > 1 && isLoggerName(b[w.start:w.end]):
			c.put(h, name)
			return
		}
	}
	if inBrackets && h.ps == thread {
		h.ps = span{}
	}
	c.i = message
}

// process reads the number of the process before three dashes, if it comes next.
func (c *cursor) process(h *logHeader) {
	process := span{c.i, digits(c.b, c.i)}
	if process.end == c.i || !bytes.HasPrefix(c.b[process.end:c.end], []byte(" ---")) {
		return
	}
	h.ps = process
	c.i = process.end
	c.blanks()
	c.separator()
}

// put takes a name for the logger's, or for a place in the code.
func (c *cursor) put(h *logHeader, name span) {
	if isCaller(c.b, name) {
		h.caller = name
	} else if h.source == (span{}) {
		h.source = name
	}
}

// separator skips dashes, a colon, a bar or >, alone between blanks, and reports
// whether there were any.
func (c *cursor) separator() bool {
	i := c.i
	for i < c.end && c.b[i] == '-' {
		i++
	}
	if i == c.i && i < c.end && (c.b[i] == ':' || c.b[i] == '|' || c.b[i] == '>') {
		i++
	}
	if i == c.i || i < c.end && c.b[i] != ' ' {
		return false
	}
	c.i = i
	c.blanks()
	return true
}

// trimmed gives a span without blanks around it.
func (c *cursor) trimmed(s span) span {
	for s.start < s.end && c.b[s.start] == ' ' {
		s.start++
	}
	for s.end > s.start && c.b[s.end-1] == ' ' {
		s.end--
	}
	return s
}

// isLoggerName reports whether a word looks like a package or a class: it has dots,
// colons, underscores or slashes between letters, or capitals within, and nothing else
// but letters, digits and $.
func isLoggerName(w []byte) bool {
	joined := false
	for i, c := range w {
		switch {
		case class[c]&isLetter != 0:
			joined = joined || i > 0 && c-'A' < 26 && w[i-1]-'a' < 26
		case c == '.' || c == ':' || c == '_' || c == '/':
			joined = joined || i > 0
		case c-'0' > 9 && c != '$' && c != '-' && c != '@':
			return false
		}
	}
	return joined && class[w[0]]&isLetter != 0 && !bytes.Contains(w, []byte("://"))
}
