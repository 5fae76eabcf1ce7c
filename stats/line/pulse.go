package line

import "bytes"

var pulseFormat = &Format{
	Name: "pulse",
	Doc: []FormatDoc{{
		"Pulse", "`2012-11-22T09:31:34.12-08:00 10.1.2.3 local7.info nginx[12] - routing.17@heroku.com - MESSAGE`",
		"`level`, `source`, `ps`, `slot`, `instance_id`, `cloud`; of nginx's messages those of access lines, of varnish's `http_status`, of others their attributes",
	}},
	Fields: []given{ofLevel, ofSource, ofPs, ofSlot, ofInstance, ofCloud},
	Samples: []Sample{
		{
			"2012-11-22T09:31:34.123456-08:00 10.1.2.3 local7.info hermes[12] - runtime.17@heroku.com - code=H10 note=\"two words\" cached",
			"2012-11-22T17:31:34.123456Z", map[string]string{
				"level": "'info", "source": "'hermes", "ps": "12", "slot": "'runtime", "instance_id": "17", "cloud": "'heroku.com",
				"msg": "'code=H10 note=\"two words\" cached", "code": "'H10", "note": "'two words", "cached": "true",
			},
		},
		{
			`2012-11-22T09:31:34-08:00 10.1.2.3 local7.info nginx: - routing-17.heroku.com - 1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 503 12 "-" "-" app.example.com`,
			"2012-11-22T17:31:34Z", map[string]string{
				"level": "'info", "source": "'nginx", "slot": "'routing", "instance_id": "17", "cloud": "'heroku.com",
				"msg":       `'1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 503 12 "-" "-" app.example.com`,
				"http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a", "http_path": "'/a", "http_version": "1.1", "http_status": "503", "http_bytes": "12", "http_domain": "'app.example.com",
			},
		},
	},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		i := o.word
		if b[i] == '[' {
			if i > o.rest {
				return false // more likely Heroku's
			}
			i = word(b, i)
		}
		return sc.clock.strict && sc.pulse(ev, b, i, o.end)
	},
}

// pulse parses the original Pulse line, after its timestamp and the host that
// sent it:
//
//	10.1.2.3 local7.info nginx[12] - runtime.17@heroku.com - message
//
// A colon may follow the source, and what stands between the dashes may be
// missing or another word.
func (sc *Scanner) pulse(ev *Event, b []byte, i, end int) bool {
	source, nginx, varnish := 0, false, false
	place := -1 // of the header, if it may be kept
	var h *pulseHeader
	if sc.headers.resting > 0 {
		sc.headers.resting--
	} else if end-i >= shortestHeader {
		h, place = sc.headers.find(b, i, end)
	}
	if h != nil {
		h.put(ev, i)
		source, nginx, varnish = i+int(h.source), h.nginx, h.varnish
		i += int(h.size)
	} else {
		var who *who
		if i, source, who = sc.pulseHeader(ev, b, i, end, place); who == nil {
			return false
		}
		nginx, varnish = who.nginx, who.varnish
	}
	ev.put(sc.schema.at[ofMsg], i, end, asText)
	switch {
	case nginx && sc.access(ev, b, i, end, true):
	case varnish && sc.varnish(ev, b, i, end):
	default:
		sc.pulseAttributes(ev, b, i, end, pulseBody.root(b, source))
	}
	return true
}

// pulseHeader reads a header that is not known, and keeps it at a place (-1: nowhere). It
// gives where the message and the source begin, and whose it is, nil if that is not a header.
func (sc *Scanner) pulseHeader(ev *Event, b []byte, i, end, place int) (next, source int, from *who) {
	s := sc.schema
	first, coded := i, ev.coded
	if b[i] != ' ' {
		return 0, 0, nil
	}
	i++
	facility := i // not kept
	for class[b[i]]&isAlnum != 0 {
		i++
	}
	if b[i] != '.' || i == facility {
		return 0, 0, nil
	}
	i++
	level := i
	who := sc.who(ev, b, i)
	if who == nil {
		return 0, 0, nil
	}
	source = level + int(who.source)
	sourceEnd := level + int(who.end)
	i = sourceEnd
	ps, psEnd := 0, 0
	if b[i] == '[' {
		close := index(b, i, end, ']')
		if close < 0 {
			return 0, 0, nil
		}
		ps, psEnd = i+1, close
		i = close + 1
	}
	if b[i] == ':' {
		i++
	}
	if !isDash(b, i, end) {
		return 0, 0, nil
	}
	i += 3

	ev.putID(s.at[ofLevel], level, source-1, asText, who.levelID)
	ev.putID(s.at[ofSource], source, sourceEnd, asText, who.sourceID)
	if psEnd > ps {
		ev.put(s.at[ofPs], ps, psEnd, asText)
	}
	w := word(b, i)
	switch {
	case isDash(b, w, end):
		sc.place(ev, b, i, w)
		i = w + 3
		if place >= 0 { // what comes next has no part in it
			sc.keep(ev, b, first, i, place, coded, source, who)
		}
	case w == i+1 && b[i] == '-' && b[w] == ' ':
		i += 2 // only the dash after what is missing
	}
	return min(i, end), source, who
}

// A who is a level and a source ("info nginx"), with what they mean. A scanner
// keeps some of them.
type who struct {
	first, last       uint64 // the first eight and the last eight bytes, with the one after the source
	source, end       int32  // where the source is
	levelID, sourceID ID
	nginx, varnish    bool
}

// whos is the number that is kept.
const (
	whos    = 1 << whoBits
	whoBits = 6
)

// who reads the level and the source at i, nil if they are not there.
func (sc *Scanner) who(ev *Event, b []byte, i int) *who {
	first := load(b, i)
	kept := &sc.whos[first*prime1>>(64-whoBits)]
	if kept.first == first && kept.end != 0 && load(b, i+int(kept.end)-7) == kept.last {
		return kept
	}
	level := i
	for class[b[i]]&isLetter != 0 {
		i++
	}
	levelEnd := i
	if b[i] != ' ' || i == level {
		return nil
	}
	i++
	source := i
	for class[b[i]]&inSource != 0 {
		i++
	}
	if i == source {
		return nil
	}
	w := who{
		source:   int32(source - level),
		end:      int32(i - level),
		levelID:  ev.textID(sc.schema.at[ofLevel], b, level, levelEnd),
		sourceID: ev.textID(sc.schema.at[ofSource], b, source, i),
		nginx:    string(b[source:i]) == "nginx",
		varnish:  string(b[source:i]) == "varnish",
	}
	// Only what its first and last eight bytes determine can be kept.
	if n := i + 1 - level; n >= 8 && n <= 16 {
		w.first, w.last = first, load(b, i-7)
		*kept = w
		return kept
	}
	sc.other = w
	return &sc.other
}

// isDash reports whether " - " is at i.
func isDash(b []byte, i, end int) bool {
	return i+3 <= end && load(b, i)&0xffffff == ' '|'-'<<8|' '<<16
}

// place puts slot, instance_id and cloud, if b[i:end] is slot.17@cloud (the
// slot may be missing) or slot-17.cloud.
func (sc *Scanner) place(ev *Event, b []byte, i, end int) {
	s := sc.schema
	dot := i
	for class[b[dot]]&inSlot != 0 {
		dot++
	}
	if b[dot] != '.' || dot+1 >= end {
		return
	}
	at := dot + 1
	for b[at]-'0' <= 9 {
		at++
	}
	if b[at] == '@' && at > dot+1 && at+1 < end {
		if dot > i {
			ev.put(s.at[ofSlot], i, dot, asText)
		}
		ev.put(s.at[ofInstance], dot+1, at, 0)
		ev.put(s.at[ofCloud], at+1, end, asText)
		return
	}
	instance := dot
	for instance > i && b[instance-1]-'0' <= 9 {
		instance--
	}
	if instance < dot && instance-1 > i && b[instance-1] == '-' {
		ev.put(s.at[ofSlot], i, instance-1, asText)
		ev.put(s.at[ofInstance], instance, dot, 0)
		ev.put(s.at[ofCloud], dot+1, end, asText)
	}
}

// varnish puts http_status, if the message is `1.2.3.4 - - … " 503 …`.
func (sc *Scanner) varnish(ev *Event, b []byte, i, end int) bool {
	host := i
	i = word(b, i)
	if i == host || i+5 > end || string(b[i:i+5]) != " - - " {
		return false
	}
	for i += 5; ; {
		j := bytes.IndexByte(b[i:end], '"')
		if j < 0 {
			return false
		}
		i += j + 1
		if i+5 <= end && b[i] == ' ' && b[i+1]-'0' <= 9 && b[i+2]-'0' <= 9 && b[i+3]-'0' <= 9 && b[i+4] == ' ' {
			ev.put(sc.schema.at[httpStatus], i+1, i+4, 0)
			return true
		}
	}
}
