package line

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // where the system has none
)

// ZoneField is the field of an Origin that names the zone of times which have none:
// UTC, +hh:mm, or one of the tz database such as Europe/Berlin.
const ZoneField = "zone"

// ParseZone gives the zone of a name.
func ParseZone(name string) (*time.Location, error) {
	if offset, n, ok := zoneOffset([]byte((name + strings.Repeat(" ", 6))[:6])); ok && n == len(name) {
		return time.FixedZone(name, int(offset)), nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("there is no time zone %.40q: use UTC, an offset such as +02:00, or a name such as Europe/Berlin", name)
	}
	return zone, nil
}

// zoneNames are the abbreviations that mean one zone to most who log with them,
// and the seconds east.
var zoneNames = map[string]int64{
	"UTC": 0, "GMT": 0, "WET": 0, "WEST": 3600, "CET": 3600, "CEST": 7200, "EET": 7200, "EEST": 10800, "MSK": 10800, "SAST": 7200,
	"EST": -18000, "EDT": -14400, "CDT": -18000, "MST": -25200, "MDT": -21600, "PST": -28800, "PDT": -25200,
	"JST": 32400, "KST": 32400, "HKT": 28800, "SGT": 28800, "AEST": 36000, "AEDT": 39600, "NZST": 43200, "NZDT": 46800,
}

// severalZones are names that several zones have.
var severalZones = map[string]bool{"CST": true, "IST": true, "BST": true}

// minus is the sign that ISO 8601 would rather have than a hyphen.
const minus = "\u2212"

// zoned sets the time of a second as if in UTC, after which AM or PM may come at b[i:],
// and its zone after a blank: +0100, a name (UTC, CEST), or both. Without one it is in the clock's zone.
// A name that several zones have is known only where the clock's is one of them;
// otherwise the time is not. It gives the position after the zone, or -1 if
// there cannot be a time.
func (c *clock) zoned(b []byte, i int, local int64, nanos uint32) int {
	c.named = false
	if class[b[i]]&isAlnum != 0 {
		return -1
	}
	if at := i + len(minus); string(b[i:at]) == minus {
		offset, n, ok := zoneOffset([]byte{'-', b[at], b[at+1], b[at+2], b[at+3], b[at+4]})
		if !ok {
			return -1
		}
		c.set(local-offset, nanos)
		return at + n - 1
	}
	if next := meridiemEnd(b, i); next > 0 {
		local, known := halfDay(b[i+1], local)
		next = c.zoned(b, next, local, nanos)
		c.dated = c.dated && known
		return next
	}
	if b[i] == ' ' && (b[i+1] == '+' || b[i+1] == '-') {
		if offset, n, ok := zoneOffset(b[i+1 : i+7]); ok && class[b[i+1+n]]&isAlnum == 0 {
			c.set(local-offset, nanos)
			c.named = true
			i += 1 + n
			if _, end := zoneName(b, i); end > 0 {
				i = end // says it again
			}
			return i
		}
	}
	if name, end := zoneName(b, i); end > 0 {
		offset, known := c.namedOffset(name, local)
		c.set(local-offset, nanos)
		c.dated = c.dated && known
		c.named = true
		return end
	}
	c.set(local-c.offset(local), nanos)
	return i
}

// zoneName gives the name of a zone after a blank at b[i:] and the position after
// it, 0 if there is none.
func zoneName(b []byte, i int) (name []byte, end int) {
	const longest = 4
	first := i + 1
	if b[i] != ' ' || b[first]-'A' >= 26 {
		return nil, 0
	}
	for i = first; i < first+longest && b[i]-'A' < 26; i++ {
	}
	name = b[first:i]
	if _, ok := zoneNames[string(name)]; !ok && !severalZones[string(name)] || class[b[i]]&isAlnum != 0 {
		return nil, 0
	}
	return name, i
}

// namedOffset gives the seconds by which the zone of a name is east of UTC.
func (c *clock) namedOffset(name []byte, local int64) (offset int64, known bool) {
	if c.zone != nil {
		for _, at := range [...]int64{c.offset(local), c.offset(local) + 3600, c.offset(local) - 3600} {
			if zone, offset := time.Unix(local-at, 0).In(c.zone).Zone(); zone == string(name) && int64(offset) == at {
				return at, true
			}
		}
	}
	offset, known = zoneNames[string(name)]
	return offset, known
}

// offset gives the seconds by which the clock's zone is east of UTC at a second
// as if in UTC. Of two that an hour set back has, it is one.
func (c *clock) offset(local int64) int64 {
	if c.zone == nil {
		return 0
	}
	if l := &c.local; l.zone != c.zone || l.local != local {
		t := time.Unix(local, 0).UTC()
		_, offset := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, c.zone).Zone()
		*l = lastLocal{c.zone, local, int64(offset)}
	}
	return c.local.offset
}
