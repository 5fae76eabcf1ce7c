package line

import "bytes"

// datePair gives a line of attributes the time that its keys date and time are, as firewalls
// have it (FortiGate, Sophos), in the zone of the key tz or timezone:
//
//	date=2025-11-22 time=10:31:34 tz="+0100" level="notice"
func (sc *Scanner) datePair(ev *Event, b []byte, start, end int) {
	const date, second = len("2025-11-22"), len("09:31:34")
	day := attributeOf(b, start, end, "date")
	clock := attributeOf(b, start, end, "time")
	if day.end-day.start != date || clock.end-clock.start < second {
		return
	}
	zone := attributeOf(b, start, end, "tz")
	if zone.end == zone.start {
		zone = attributeOf(b, start, end, "timezone")
	}
	const longest = len("2025-11-22 09:31:34.123456789 UTC+01:00")
	n := date + 1 + clock.end - clock.start + 1 + zone.end - zone.start
	if n > longest {
		return
	}
	var text [longest + Padding]byte
	at := append(text[:0], b[day.start:day.end]...)
	at = append(at, ' ')
	at = append(at, b[clock.start:clock.end]...)
	if zone.end > zone.start {
		at = append(at, ' ')
		at = append(at, b[zone.start:zone.end]...)
	}
	if sc.clock.any(text[:], 0, len(at)) {
		sc.date(ev)
	}
}

// attributeOf gives the value of a key that stands at the beginning or behind a blank, without
// its quotes; an empty one if there is none.
func attributeOf(b []byte, start, end int, key string) span {
	for i := start; i < end; {
		at := bytes.Index(b[i:end], []byte(key))
		if at < 0 {
			break
		}
		at += i
		i = at + len(key)
		if b[i] != '=' || at > start && b[at-1] != ' ' {
			continue
		}
		v := span{i + 1, min(word(b, i+1), end)}
		if b[v.start] == '"' && v.end > v.start+1 && b[v.end-1] == '"' {
			v.start, v.end = v.start+1, v.end-1
		}
		return v
	}
	return span{}
}
