package line

import (
	"bytes"

	"pulse/stats/fixed"
)

// What access logs have besides the combined format has no names, so that it is
// told by its shape. What fits no shape is left out: no value is better than
// somebody else's.

// A tail is the words and texts of an access line that have no fixed place.
type tail struct {
	tokens [32]token
	n      int
	more   bool // there were more
}

type token struct {
	span
	value int // where a named token's begins
	kind  tokenKind
}

type tokenKind uint8

const (
	plainToken     tokenKind = iota
	quotedToken              // without its quotes
	bracketedToken           // [without them]
	namedToken               // name=value
)

func (t *tail) reset() { t.n, t.more = 0, false }

func (t *tail) add(s span, kind tokenKind) {
	if t.n == len(t.tokens) {
		t.more = true
		return
	}
	t.tokens[t.n] = token{span: s, kind: kind}
	t.n++
}

// words adds the words from the blank at i on, up to the first with a quote, and
// gives the position of the blank before that.
func (t *tail) words(b []byte, i, end int) int {
	for i < end && b[i] == ' ' && b[i+1] != '"' {
		next := t.word(b, i+1, end)
		if b[next-1] == '"' {
			return i
		}
		i = next
	}
	return i
}

// word adds the word or the name="value" at i and gives the position after it; end,
// if a quote in it is not closed.
func (t *tail) word(b []byte, i, end int) int {
	last := wordOr(b, i, '=', '=')
	if b[last] != '=' {
		if b[i] == '[' && b[last-1] == ']' && last > i+1 {
			t.add(span{i + 1, last - 1}, bracketedToken)
		} else {
			t.add(span{i, last}, plainToken)
		}
		return last
	}
	value := last + 1
	if b[value] == '"' {
		quote := endQuote(b, value+1, end)
		if quote < 0 {
			return end
		}
		last = quote + 1
	} else {
		last = word(b, value)
	}
	if t.add(span{i, last}, namedToken); !t.more {
		t.tokens[t.n-1].value = value
	}
	return last
}

// rest adds what b[i:end] has. A quote that is not closed ends it.
func (t *tail) rest(b []byte, i, end int) {
	for {
		for i < end && b[i] <= ' ' {
			i++
		}
		if i >= end {
			return
		}
		if b[i] != '"' {
			i = t.word(b, i, end)
			continue
		}
		last := endQuote(b, i+1, end)
		if last < 0 {
			return
		}
		t.add(span{i + 1, last}, quotedToken)
		i = last + 1
	}
}

// list gives all of a list that begins with the token i, whose items end with
// commas, or have commas or colons between them, and the token after it.
func (t *tail) list(b []byte, i int) (of span, next int) {
	of = t.tokens[i].span
	joins := func(s span) bool { return s.end == s.start+1 && (b[s.start] == ',' || b[s.start] == ':') }
	joined := b[of.end-1] == ','
	for i++; i < t.n && t.tokens[i].kind == plainToken; i++ {
		k := t.tokens[i].span
		if !joined && !joins(k) {
			break
		}
		of.end = k.end
		joined = joins(k) || b[k.end-1] == ','
	}
	return of, i
}

// first gives the first item of a list.
func (s span) first(b []byte) span {
	for i := s.start; i < s.end; i++ {
		if b[i] <= ' ' || b[i] == ',' || b[i] == ':' && b[i+1] == ' ' {
			return span{s.start, i}
		}
	}
	return s
}

// last gives the last item of a list.
func (s span) last(b []byte) span {
	for i := s.end; i > s.start; i-- {
		if b[i-1] <= ' ' || b[i-1] == ',' {
			return span{i, s.end}
		}
	}
	return s
}

// sum adds the numbers of a list.
func (s span) sum(b []byte) (sum fixed.Number) {
	for i := s.start; i < s.end; i++ {
		first := i
		for i < s.end && (b[i]-'0' <= 9 || b[i] == '.') {
			i++
		}
		if n, ok := parseNumber(b[first:i], 0); ok {
			sum = sum.Add(n)
		}
	}
	return sum
}

// less compares times of three decimals.
func (s span) less(b []byte, than span) bool {
	if n := s.end - s.start; b[s.start] != '0' == (b[than.start] != '0') {
		return n < than.end-than.start || n == than.end-than.start && bytes.Compare(b[s.start:s.end], b[than.start:than.end]) < 0
	}
	return s.sum(b).Cmp(than.sum(b)) < 0
}

// accessTail puts the fields that the tail gives:
//
//   - Traefik's and ingress-nginx's are told by their whole shape.
//   - name=value is a field of that name, unless the line has it already.
//   - The first word that is a domain is that, unless there is one; the first
//     address in quotes says for whom a proxy asked.
//   - nginx's times have three decimals. A second one is that of the server behind,
//     which has not taken longer. A list is of several servers behind: their sum.
//     Three and more may be anything, and so may all with a unit after one of them.
//   - A single whole number before the referrer is Apache's %D or %T, unless servers mostly
//     have that port; after the agent it may be a port, a count or bytes. 0/51234 is %T/%D.
//
// The first early tokens stand before the referrer.
func (sc *Scanner) accessTail(ev *Event, b []byte, hasDomain bool, early int) {
	s, t := sc.schema, &sc.tail
	if sc.traefikTail(ev, b) || sc.ingressTail(ev, b) {
		return
	}
	var times [2]span
	n, hasForwarded, ambiguous := 0, false, t.more
	for i := 0; i < t.n; {
		switch k := &t.tokens[i]; {
		case k.kind == namedToken:
			sc.named(ev, b, k)
		case k.kind == plainToken && b[k.end-1] == '%':
			ambiguous = true
		case k.kind != bracketedToken && b[k.start]-'0' <= 9 && isSeconds(b, k.first(b)):
			var of span
			if of, i = t.list(b, i); n < len(times) {
				times[n] = of
			}
			n++
			ambiguous = ambiguous || k.kind == quotedToken && !isList(b, of) || i < t.n && t.tokens[i].kind == plainToken && isUnit(b, t.tokens[i].span)
			continue
		case k.kind == quotedToken && !hasForwarded:
			if first := k.first(b); first.end > first.start {
				last := clientEnd(b, first.start, first.end)
				if !isAddress(b, first.start, last) {
					break
				}
				ev.put(s.at[httpForwardedFor], first.start, last, asText)
				hasForwarded = true
			}
		case k.kind == plainToken && !hasDomain:
			if end := withoutPort(b, k.start, k.end); isDomain(b, k.start, end) {
				ev.put(s.at[httpDomain], k.start, end, asText)
				hasDomain = true
			}
		}
		i++
	}
	isOne := func(of span) bool { return of.first(b) == of }
	switch {
	case ambiguous:
	case n == 1 && isOne(times[0]):
		ev.put(s.at[httpRequestTime], times[0].start, times[0].end, 0)
	case n == 1:
		putSum(ev, s.at[httpUpstreamTime], b, times[0])
	case n == 2:
		if first, second := isOne(times[0]), isOne(times[1]); !first && !second {
			break
		} else if !first || second && times[0].less(b, times[1]) {
			times[0], times[1] = times[1], times[0]
		}
		ev.put(s.at[httpRequestTime], times[0].start, times[0].end, 0)
		putSum(ev, s.at[httpUpstreamTime], b, times[1])
	case t.n == 1 && t.tokens[0].kind == plainToken:
		sc.apacheTime(ev, b, t.tokens[0].span, early == 1)
	}
}

// putSum puts the sum of a list of numbers.
func putSum(ev *Event, s Slot, b []byte, of span) {
	if of.first(b) == of {
		ev.put(s, of.start, of.end, 0)
	} else {
		ev.putNumber(s, of.sum(b))
	}
}

// named puts a name=value or name="value". What could be a visitor's query is not one.
func (sc *Scanner) named(ev *Event, b []byte, of *token) {
	key, _ := sc.schema.bodies[wholeLine].keys.find(b, of.start, of.value-1)
	slot := keySlot(key)
	if slot == None || ev.Has(slot) {
		return
	}
	first, last := of.value, of.end
	if b[first] == '"' {
		first, last = first+1, last-1
	} else if bytes.IndexByte(b[first:last], '&') >= 0 {
		return
	}
	if last > first && (last > first+1 || b[first] != '-') {
		ev.putValue(b, first, last, units|exponents, key)
	}
}

// isSeconds reports whether b[of] is a time as nginx prints it: with three decimals,
// and no Unix time.
func isSeconds(b []byte, of span) bool {
	const longest = len("123456789.123")
	point := digits(b, of.start)
	return point > of.start && b[point] == '.' && digits(b, point+1) == of.end && of.end-point == 4 && of.end-of.start <= longest
}

// isList reports whether b[of] has nothing but numbers, dashes and what separates
// them in a list.
func isList(b []byte, of span) bool {
	for _, c := range b[of.start:of.end] {
		if c-'0' > 9 && c != '.' && c != ',' && c != ':' && c != ' ' && c != '-' {
			return false
		}
	}
	return true
}

// isUnit reports whether a word is a unit of time or of size, or a percent sign, so
// that the number before it is not in seconds, or may be no time at all.
func isUnit(b []byte, of span) bool {
	if c := b[of.start]; c-'0' <= 9 || c == '-' { // as most are
		return false
	}
	switch string(bytes.TrimSuffix(b[of.start:of.end], []byte("/s"))) {
	case "%", "ns", "us", "\u00b5s", "\u03bcs", "ms", "s", "m", "h", "d", "nsec", "usec", "msec", "sec", "secs", "second", "seconds",
		"min", "mins", "minute", "minutes", "hr", "hrs", "hour", "hours", "day", "days", "week", "weeks",
		"millis", "millisecond", "milliseconds", "micros", "microsecond", "microseconds", "nanosecond", "nanoseconds",
		"B", "b", "kB", "KB", "MB", "GB", "TB", "PB", "kb", "mb", "gb", "tb", "Kb", "Mb", "Gb", "KiB", "MiB", "GiB", "TiB", "kib", "mib", "gib", "Ki", "Mi", "Gi", "byte", "bytes",
		"kbps", "Kbps", "Mbps", "mbps", "Gbps", "gbps", "kbit", "Kbit", "Mbit", "Gbit":
		return true
	}
	return false
}

// isPort reports whether a number is a port that web servers mostly have.
func isPort(b []byte, of span) bool {
	switch string(b[of.start:of.end]) {
	case "80", "443", "8080", "8443":
		return true
	}
	return false
}

// apacheTime puts what %D, %T or %T/%D gives: the first two, if they may be there, in their
// own unit; and the seconds that Rack has in their place, with four decimals.
func (sc *Scanner) apacheTime(ev *Event, b []byte, of span, alone bool) {
	if b[of.start] == '*' && of.end > of.start+4 { // **0/51234**, as Apache's documentation had it
		of.start, of.end = of.start+2, of.end-2
	}
	slash := digits(b, of.start)
	if slash == of.end {
		if alone && !isPort(b, of) {
			ev.put(sc.schema.at[httpRequestTime], of.start, of.end, 0)
		}
		return
	}
	if alone && slash > of.start && b[slash] == '.' && digits(b, slash+1) == of.end && of.end-slash == len(".0123") { // Ruby's Rack
		ev.put(sc.schema.at[httpRequestTime], of.start, of.end, 0)
	}
	if b[slash] != '/' || digits(b, slash+1) != of.end {
		return
	}
	seconds, ok := parseNumber(b[of.start:slash], 0)
	micros, ok2 := scaled(b[slash+1:of.end], -6)
	if whole, _ := micros.Split(); ok && ok2 && fixed.Int(whole) == seconds { // they say the same
		ev.putNumber(sc.schema.at[httpRequestTime], micros)
	}
}

// traefikTail puts the fields of 162 "router" "http://server" 22ms.
func (sc *Scanner) traefikTail(ev *Event, b []byte) bool {
	s, t := sc.schema, &sc.tail
	if t.n != 4 || t.tokens[0].kind != plainToken || t.tokens[1].kind != quotedToken || t.tokens[2].kind != quotedToken || t.tokens[3].kind != plainToken {
		return false
	}
	last := t.tokens[3].span
	unit := digits(b, last.start)
	took, ok := scaled(b[last.start:unit], -3)
	if !ok || string(b[unit:last.end]) != "ms" {
		return false
	}
	putPresent(ev, s.at[httpFrontend], b, t.tokens[1].start, t.tokens[1].end)
	putPresent(ev, s.at[httpServer], b, t.tokens[2].start, t.tokens[2].end)
	ev.putNumber(s.at[httpRequestTime], took)
	return true
}

// ingressTail puts the fields of
//
//	612 0.105 [backend] [] 10.0.0.1:80, 10.0.0.2:80 0, 123 0.100, 0.003 502, 200 id
//
// Of several servers the last one answered.
func (sc *Scanner) ingressTail(ev *Event, b []byte) bool {
	s, t := sc.schema, &sc.tail
	if t.more || t.n < 7 || digits(b, t.tokens[0].start) != t.tokens[0].end || !isSeconds(b, t.tokens[1].span) || t.tokens[2].kind != bracketedToken {
		return false
	}
	i := 3
	if t.tokens[i].kind == bracketedToken {
		i++
	}
	var lists [4]span // servers, bytes, times, statuses
	for k := range lists {
		if i >= t.n {
			return false
		}
		lists[k], i = t.list(b, i)
	}
	if i != t.n-1 && i != t.n {
		return false
	}
	ev.put(s.at[httpRequestBytes], t.tokens[0].start, t.tokens[0].end, 0)
	ev.put(s.at[httpRequestTime], t.tokens[1].start, t.tokens[1].end, 0)
	putPresent(ev, s.at[httpBackend], b, t.tokens[2].start, t.tokens[2].end)
	server := lists[0].last(b)
	putPresent(ev, s.at[httpServer], b, server.start, server.end)
	if isSeconds(b, lists[2].first(b)) {
		putSum(ev, s.at[httpUpstreamTime], b, lists[2])
	}
	if status := lists[3].last(b); digits(b, status.start) == status.end {
		ev.put(s.at[httpUpstreamStatus], status.start, status.end, 0)
	}
	if i < t.n {
		putPresent(ev, s.at[httpRequestID], b, t.tokens[i].start, t.tokens[i].end)
	}
	return true
}
