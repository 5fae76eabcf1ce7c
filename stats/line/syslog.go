package line

import "bytes"

// octetCount gives the position after a count of octets and its space, if a <
// follows: the framing of RFC 6587. It gives 0 if there is none.
func octetCount(b []byte, i int) int {
	j := digits(b, i)
	if j > i && b[j] == ' ' && b[j+1] == '<' {
		return j + 1
	}
	return 0
}

// syslog parses RFC 5424, and Heroku's way of it, which leaves the structured
// data out:
//
//	<134>1 2012-11-30T06:45:29+00:00 host app web.3 - message
//	<134>1 2012-11-30T06:45:29+00:00 host app web.3 - - message
//	<134>1 2012-11-30T06:45:29+00:00 host app web.3 - [id key="value"] message
//
// It gives level and facility by the syslog's names, host, source (the
// application), ps (the process), msg, and the fields of the message. The
// structured data gives no fields.
func (sc *Scanner) syslog(ev *Event, b []byte, i, end int) bool {
	s := sc.schema
	i++ // <
	priority, j := 0, i
	for ; b[j]-'0' <= 9 && j < i+3; j++ {
		priority = priority*10 + int(b[j]-'0')
	}
	if j == i || priority > 191 || b[j] != '>' {
		return false
	}
	version := j + 1
	if i = digits(b, version); i == version || i > version+3 || b[i] != ' ' {
		return false
	}
	i++
	dated := false
	if b[i] == '-' {
		i++
	} else if i = sc.clock.timestamp(b, i); i < 0 {
		return false
	} else {
		dated = true
	}
	var header [4]struct{ start, end int } // host, application, process, message id
	for k := range header {
		if b[i] != ' ' {
			return false
		}
		header[k].start = i + 1
		header[k].end = word(b, i+1)
		i = header[k].end
		if i == header[k].start {
			return false
		}
	}
	if i < end && b[i] != ' ' {
		return false
	}
	i++

	if dated {
		sc.date(ev)
	}
	ev.putConstant(s.facility, facilities[priority>>3], asText)
	ev.putConstant(s.level, severities[priority&7], asText)
	kind := hostlessBody
	if host := header[0]; isHost(b[host.start:host.end]) {
		kind = syslogBody
		ev.put(s.host, host.start, host.end, asText)
	}
	putPresent(ev, s.source, b, header[1].start, header[1].end)
	putPresent(ev, s.ps, b, header[2].start, header[2].end)

	i = structuredData(b, i, end)
	if bytes.HasPrefix(b[min(i, end):end], utf8Mark) {
		i += len(utf8Mark)
	}
	sc.message(ev, b, i, end, kind, header[1].start)
	return true
}

// isHost reports whether the host of a header is one. Heroku's drains have the
// word host in its place, or the drain's token, d. and a UUID; Logplex itself
// has t. and a UUID.
func isHost(b []byte) bool {
	if len(b) == len("d.01234567-89ab-cdef-0123-456789abcdef") && (b[0] == 'd' || b[0] == 't') && b[1] == '.' {
		return b[10] != '-' || b[15] != '-' || b[20] != '-' || b[25] != '-'
	}
	return string(b) != "-" && string(b) != "host"
}

// structuredData gives the position after structured data at i and the space
// that follows it. Heroku leaves it out, so that what begins with a bracket is
// structured data only if it has a parameter or an @ in its name: a message
// may well begin with [info].
func structuredData(b []byte, i, end int) int {
	if i >= end {
		return end
	}
	if b[i] == '-' && (i+1 == end || b[i+1] == ' ') {
		return min(i+2, end)
	}
	j, known := i, false
	for j < end && b[j] == '[' {
		j++
		name := j
		for class[b[j]]&inPlain != 0 && b[j] != ']' {
			known = known || b[j] == '@'
			j++
		}
		if j == name {
			return i
		}
		for b[j] == ' ' {
			j++
			name := j
			for class[b[j]]&inPlain != 0 && b[j] != ']' {
				j++
			}
			if j == name || b[j] != '=' || b[j+1] != '"' {
				return i
			}
			close, _ := closingQuote(b, min(j+2, end), end)
			if close < 0 {
				return i
			}
			j, known = close+1, true
		}
		if b[j] != ']' {
			return i
		}
		j++
	}
	if !known || j < end && b[j] != ' ' {
		return i
	}
	return min(j+1, end)
}
