package line

// bsd parses RFC 3164, with or without its priority:
//
//	<34>Oct 11 22:14:15 mymachine su[12]: message
//
// It gives level and facility by the syslog's names, if there is a priority,
// host, source (the tag), ps (the process's number), msg, and the fields of the
// message. A message without a tag and its colon has none of source and ps.
//
// Its time has no year and no zone: see Scanner.Near. rsyslog writes an RFC 3339
// time in its place:
//
//	2012-10-11T22:14:15.123+02:00 mymachine su[12]: message
//
// Many other lines begin with such a time, so that without a priority a tag is
// needed, and a host that looks like one.
func (sc *Scanner) bsd(ev *Event, b []byte, i, end int) bool {
	h := bsdHeader{priority: -1, yearless: -1}
	if b[i] == '<' {
		if i, h.priority = priorityAt(b, i); i < 0 {
			return false
		}
		if b[i] == ' ' { // as some write it
			i++
		}
	}
	h.bare = h.priority < 0
	if !h.bare && class[b[i]]&isLetter != 0 && b[wordOr(b, i, '=', ':')] == '=' && looksLikeAttributes(b, i, end) {
		return sc.bsdAttributes(ev, b, i, end, h.priority)
	}
	switch {
	case b[i]-'0' <= 9 && h.bare:
		i = sc.clock.timestamp(b, i)
		h.dated = sc.clock.dated
	case b[i]-'0' <= 9 || isWeekday(b[i:i+3]):
		i = sc.clock.date(b, i)
		h.dated = sc.clock.dated
	case i+bsdLength <= end && monthOf(b[i:i+3]) > 0:
		h.yearless, h.bare = i, false
		i, h.dated = sc.clock.bsd(b, i, sc.near, sc.zones)
	case !h.bare && class[b[i]]&isLetter != 0 && b[word(b, i)-1] == ':': // a tag, and no time
		h.tagged = true
		i--
	default:
		return false
	}
	return i >= 0 && sc.bsdMessage(ev, b, i, end, h)
}

// bsdAttributes parses attributes that come at once after a priority, as firewalls have it.
func (sc *Scanner) bsdAttributes(ev *Event, b []byte, i, end, priority int) bool {
	s := sc.schema
	ev.putConstant(s.at[ofFacility], facilities[priority>>3], asText)
	ev.putConstant(s.at[ofLevel], severities[priority&7], asText)
	ev.put(s.at[ofMsg], i, end, asText)
	sc.attributes(ev, b, i, end, hostlessBody, int32(hostlessBody)*roots)
	if !ev.dated {
		sc.datePair(ev, b, i, end)
	}
	return true
}

// A bsdHeader is what is known of a line of RFC 3164 before its host.
type bsdHeader struct {
	priority int  // -1: none
	dated    bool // by the clock
	yearless int  // where the time without a year is, -1: it has one
	bare     bool // many others begin alike: the host must look like one
	tagged   bool // there must be a tag
}

// bsdMessage parses a line of RFC 3164 from the blank before its host or its tag.
func (sc *Scanner) bsdMessage(ev *Event, b []byte, i, end int, h bsdHeader) bool {
	priority, dated, yearless := h.priority, h.dated, h.yearless
	host := i + 1
	hostEnd := word(b, min(host, end))
	if b[i] != ' ' && !h.tagged || hostEnd == host || hostEnd < end && b[hostEnd] != ' ' || h.bare && !looksLikeHost(b[host:hostEnd]) {
		return false
	}
	if priority < 0 && b[host]-'A' < 26 && b[host+1]-'A' < 26 && isLevel(b[host:hostEnd]) {
		return false // a logger's
	}
	i = min(hostEnd+1, end)
	if b[hostEnd-1] == ':' && !isAddress(b, host, hostEnd-1) { // a tag, and no host
		i, hostEnd = host, host
	}
	if c := b[i]; c-'0' <= 9 || c == '*' || c == '.' || c == '%' {
		second, nanos := sc.clock.second, sc.clock.nanos
		if sc.cisco(ev, b, i, end) {
			if dated {
				ev.lineSecond, ev.lineNanos, ev.dated = second, nanos, true
			}
			if hostEnd > host && isHost(b[host:hostEnd]) {
				ev.put(sc.schema.at[ofHost], host, hostEnd, asText)
			}
			if priority >= 0 {
				ev.putConstant(sc.schema.at[ofFacility], facilities[priority>>3], asText)
			}
			return true
		}
		sc.clock.second, sc.clock.nanos, sc.clock.dated = second, nanos, dated
	}
	source := i
	message := sc.tag(ev, b, i, end)
	if message >= 0 {
		i = message
	} else if h.bare || h.tagged {
		return false
	}

	s := sc.schema
	if dated {
		sc.date(ev)
	}
	if priority >= 0 {
		ev.putConstant(s.at[ofFacility], facilities[priority>>3], asText)
		ev.putConstant(s.at[ofLevel], severities[priority&7], asText)
	}
	kind := hostlessBody
	if hostEnd > host && isHost(b[host:hostEnd]) {
		kind = syslogBody
		ev.put(s.at[ofHost], host, hostEnd, asText)
	}
	sc.message(ev, b, i, end, kind, source)
	if yearless >= 0 && dated {
		if ev.half && i < end && b[i]-'0' <= 9 {
			sc.clock.date(b, i)
		}
		if sc.clock.second != ev.lineSecond { // the message has a time
			sc.yearBy(ev, b, yearless, sc.clock.second)
		}
	}
	if ev.half {
		sc.pairs(ev, b, i, end, kind)
	}
	return true
}

// priorityAt reads <34> at i, and gives the position after it, or -1.
func priorityAt(b []byte, i int) (next, priority int) {
	const most = 191
	first := i + 1
	i = digits(b, first)
	if i == first || i > first+3 || b[i] != '>' {
		return -1, 0
	}
	for _, c := range b[first:i] {
		priority = priority*10 + int(c-'0')
	}
	if priority > most {
		return -1, 0
	}
	return i + 1, priority
}

// yearBy gives the time without a year at p the year of the message's own time, if this
// is of the same day or the next to it, and the guessed year another one.
func (sc *Scanner) yearBy(ev *Event, b []byte, p int, message int64) {
	const day, halfYear = 86400, 183 * 86400
	if d := ev.lineSecond - message; !sc.clock.dated || -halfYear < d && d < halfYear {
		return
	}
	if _, dated := sc.clock.bsd(b, p, message, false); dated && max(sc.clock.second-message, message-sc.clock.second) <= day {
		sc.date(ev)
	}
}

// looksLikeHost reports whether a word after a time may be a host: letters,
// digits, dashes, dots and colons, and no level, which many programs have there.
func looksLikeHost(b []byte) bool {
	for _, c := range b {
		if class[c]&inValue == 0 || c == '/' {
			return false
		}
	}
	return class[b[len(b)-1]]&isAlnum != 0 && !isLevel(b) // and not a word with its colon
}

// tag puts source and ps, if a tag is at i, and gives the position of the
// message after it and its colon, or -1.
func (sc *Scanner) tag(ev *Event, b []byte, i, end int) int {
	const longest = 48 // as RFC 5424 has it
	tag := i
	if beginsCEF(b, i, end) {
		return i // it names itself
	}
	for class[b[i]]&inSource != 0 || b[i] == '(' && i == tag || b[i] == ')' && b[tag] == '(' { // (systemd)
		i++
	}
	tagEnd, ps, psEnd := i, 0, 0
	if b[i] == '[' {
		if close := index(b, i, end, ']'); close >= 0 {
			ps, psEnd, i = i+1, close, close+1
		}
	}
	if bare := psEnd > ps && b[i] == ' ' && digits(b, ps) == psEnd; tagEnd == tag || tagEnd > tag+longest || i >= end || b[i] != ':' && !bare {
		return -1
	}
	if i++; i < end && b[i] == ' ' {
		i++
	}
	putPresent(ev, sc.schema.at[ofSource], b, tag, tagEnd)
	putPresent(ev, sc.schema.at[ofPs], b, ps, psEnd)
	return i
}

// bsdLength is the length of the time of RFC 3164.
const bsdLength = len("Oct 11 22:14:15")

// looksLikeBSD reports whether a time of RFC 3164 may be at i.
func looksLikeBSD(b []byte, i int) bool {
	return b[i+3] == ' ' && b[i+6] == ' ' && b[i+9] == ':' && b[i+12] == ':'
}

// hasYear reports whether a time of RFC 3164 with a year may be at i: Oct 11 2025 22:14:15.
func hasYear(b []byte, i int) bool {
	return b[i+3] == ' ' && b[i+6] == ' ' && b[i+11] == ' ' && b[i+14] == ':' && b[i+17] == ':'
}

// bsd reads a time of RFC 3164 at b[p:], which may have AM or PM after it. It gives the
// position after it, -1 if there is none, and whether its year could be guessed.
func (c *clock) bsd(b []byte, p int, near int64, zones bool) (next int, dated bool) {
	if hasYear(b, p) || b[p+5] == ' ' { // or without a blank before the day
		return c.cisco(b, p, near, zones)
	}
	month, day, clock, ok := bsdSecond(b, p)
	if !ok {
		return -1, false
	}
	p += bsdLength
	nanos := uint32(0)
	if b[p] == '.' { // with fractions, as HAProxy, Cisco's and some syslog daemons have it
		if nanos, p = fraction(b, p+1); p < 0 {
			return -1, false
		}
	}
	if next := meridiemEnd(b, p); next > 0 && b[next-1] == 'M' { // small letters may be a host
		clock, ok = halfDay(b[next-2], clock)
		p = next
	}
	if name, end := zoneName(b, p); end > 0 && ok {
		return end, c.yearlessIn(name, month, day, clock, nanos, near)
	}
	return p, ok && c.yearless(month, day, clock, nanos, near, zones)
}

// yearlessIn is yearless in the zone of a name.
func (c *clock) yearlessIn(name []byte, month, day, clock int64, nanos uint32, near int64) bool {
	second, ok := guessYear(month, day, clock, near)
	offset, known := c.namedOffset(name, second)
	if !ok || !known || near < 0 {
		return false
	}
	c.set(second-offset, nanos)
	return c.dated
}

// bsdSecond reads Oct 11 22:14:15.
func bsdSecond(b []byte, p int) (month, day, clock int64, ok bool) {
	if !looksLikeBSD(b, p) {
		return 0, 0, 0, false
	}
	month = monthOf(b[p : p+3])
	day, ok = twoDigits(b, p+4)
	if b[p+4] == ' ' {
		day, ok = int64(b[p+5]-'0'), b[p+5]-'0' <= 9
	}
	clock, ok2 := clockSecond(b[p+7 : p+15])
	return month, day, clock, ok && ok2 && month > 0 && day >= 1 && day <= daysIn(2000, month)
}

// monthDay reads 11-22|09:31:34.123, as Go Ethereum has it, and gives what bsd gives.
func (c *clock) monthDay(b []byte, p int, near int64, zones bool) (next int, dated bool) {
	month, ok1 := twoDigits(b, p)
	day, ok2 := twoDigits(b, p+3)
	clock, ok3 := clockSecond(b[p+6 : p+14])
	if !ok1 || !ok2 || !ok3 || b[p+2] != '-' || b[p+5] != '|' || b[p+14] != '.' || month < 1 || month > 12 || day < 1 || day > daysIn(2000, month) {
		return -1, false
	}
	nanos, next := fraction(b, p+15)
	return next, next >= 0 && c.yearless(month, day, clock, nanos, near, zones)
}

// yearless sets a time without a year, as Scanner.Near says, and reports whether
// it is known.
func (c *clock) yearless(month, day, clock int64, nanos uint32, near int64, zones bool) bool {
	if near < 0 {
		return false
	}
	second, ok := guessYear(month, day, clock, near+c.offset(near))
	if !ok {
		return false
	}
	if c.zone != nil {
		second -= c.offset(second)
	} else if zones {
		second += guessZone(second, near)
	}
	c.set(second, nanos)
	c.zoneless = c.zone == nil
	return c.dated
}

// guessYear gives the newest time with this month, day and second of the day, as
// if in UTC, that is not more than a day after near.
func guessYear(month, day, clock, near int64) (second int64, ok bool) {
	const secondsOfYear = 31_556_952
	// A leap day may be eight years back, as in 1904.
	for year, tries := 1970+near/secondsOfYear+1, 0; tries < 11; year, tries = year-1, tries+1 {
		days, ok := daysSince1970(year, month, day)
		if second = days*86400 + clock; ok && second <= near+86400 {
			return second, true
		}
	}
	return 0, false
}

// guessZone gives by how much a time is later in UTC: a multiple of half an hour,
// up to 14 hours, that brings it within two minutes of near; 0 if none does.
func guessZone(second, near int64) int64 {
	const step, farthest, close = 1800, 14 * 3600, 120
	d := near - second
	offset := (d + step/2) / step * step
	if d < -step/2 {
		offset = -((-d + step/2) / step * step)
	}
	if rest := d - offset; rest < -close || rest > close || offset < -farthest || offset > farthest {
		return 0
	}
	return offset
}

// Near says when the lines that come are read, in Unix seconds: their record's
// time. A time of RFC 3164 has no year and no zone, and they are guessed by it:
// the time is the newest one that is not more than a day later. If it is then a
// multiple of half an hour (14 hours at most) from when it was read, to two
// minutes, that is its zone, otherwise it is in UTC; where the lines' origin names
// a zone, it is in that. Without Near, and after Near(-1), such a line has no time.
func (sc *Scanner) Near(second int64) { sc.near, sc.zones = second, true }

// NearRecorded is Near for lines of a recording, whose clock is made of their times:
// it guesses no zones, as Times.Near does not.
func (sc *Scanner) NearRecorded(second int64) { sc.near, sc.zones = second, false }
