package line

import (
	"bytes"
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
	"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 3600, "CET": 3600, "CEST": 7200, "EET": 7200, "EEST": 10800, "MSK": 10800, "SAST": 7200,
	"EST": -18000, "EDT": -14400, "CDT": -18000, "MST": -25200, "MDT": -21600, "PST": -28800, "PDT": -25200,
	"JST": 32400, "KST": 32400, "HKT": 28800, "SGT": 28800, "AEST": 36000, "AEDT": 39600, "NZST": 43200, "NZDT": 46800,
	"BRT": -10800, "CLST": -10800, "CLT": -14400, "AKST": -32400, "AKDT": -28800, "HST": -36000, "TRT": 10800, "IDT": 10800, "PKT": 18000,
	"ICT": 25200, "WIB": 25200, "AWST": 28800, "ACST": 34200, "ACDT": 37800,
}

// severalZones are names that several zones have.
var severalZones = map[string]bool{"CST": true, "IST": true, "BST": true, "AST": true, "ADT": true, "GST": true, "AMT": true}

// minus is the sign that ISO 8601 would rather have than a hyphen.
const minus = "\u2212"

// zoned sets the time of a second as if in UTC, after which AM or PM may come at b[i:],
// and its zone after a blank: +0100, a name (UTC, CEST), or both. Without one it is in the clock's zone.
// A name that several zones have is known only where the clock's is one of them;
// otherwise the time is not. It gives the position after the zone, or -1 if
// there cannot be a time.
func (c *clock) zoned(b []byte, i int, local int64, nanos uint32) int {
	c.named = false
	if b[i] == 'z' && class[b[i+1]]&isAlnum == 0 {
		c.set(local, nanos)
		return i + 1
	}
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
		local, known := halfDay(b[next-2], local)
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
		if string(name) == "UTC" || string(name) == "GMT" {
			if east, next := hours(b, end); next > end { // GMT+1
				offset, end = east, next
				if b[end] == ' ' && b[end+1] == '(' { // as JavaScript says it again
					if close := bytes.IndexByte(b[end:], ')'); close > 0 {
						end += close + 1
					}
				}
			}
		}
		c.set(local-offset, nanos)
		c.dated = c.dated && known
		c.named = true
		return end
	}
	if b[i] == ' ' && b[i+1]-'A' < 26 {
		if end := regionEnd(b, i+1); end > 0 && class[b[end]]&isAlnum == 0 {
			zone := c.region(b[i+1 : end])
			was := c.zone
			c.zone = zone
			c.set(local-c.offset(local), nanos)
			c.zone = was
			c.dated = c.dated && zone != nil
			c.named = true
			return end
		}
	}
	c.set(local-c.offset(local), nanos)
	c.zoneless = c.zone == nil
	return i
}

// hours reads +1, -0330 or +01:00 after the name of UTC.
func hours(b []byte, i int) (east int64, next int) {
	if b[i] != '+' && b[i] != '-' {
		return 0, i
	}
	if offset, n, ok := zoneOffset(b[i : i+6]); ok {
		return offset, i + n
	}
	if b[i+1]-'0' > 9 || class[b[i+2]]&isAlnum != 0 {
		return 0, i
	}
	if east = int64(b[i+1]-'0') * 3600; b[i] == '-' {
		east = -east
	}
	return east, i + 2
}

// regionEnd gives the position after the name of a zone of the tz database, such as
// Europe/Berlin, 0 if it does not look like one.
func regionEnd(b []byte, i int) int {
	const longest = len("America/Argentina/ComodRivadavia")
	start := i
	switch string(b[i : i+len("EST5EDT")]) {
	case "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT":
		return i + len("EST5EDT")
	}
	for class[b[i]]&isLetter != 0 && i-start < longest {
		i++
	}
	switch string(b[start:i]) {
	case "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil", "Canada", "Chile", "Etc", "Europe", "Indian", "Mexico", "Pacific", "US":
	default:
		return 0
	}
	if b[i] != '/' {
		return 0
	}
	for (class[b[i]]&inSource != 0 && b[i] != '.' || b[i] == '+') && i-start <= longest {
		i++
	}
	if i-start > longest {
		return 0
	}
	return i
}

// region gives the zone of a name, nil if there is none.
func (c *clock) region(name []byte) *time.Location {
	zone, known := c.regions[string(name)]
	if !known {
		if c.regions == nil {
			c.regions = map[string]*time.Location{}
		}
		if len(c.regions) == maxRegions {
			clear(c.regions)
		}
		zone, _ = ParseZone(string(name))
		c.regions[string(name)] = zone
	}
	return zone
}

// maxRegions bounds the names of zones that a clock remembers.
const maxRegions = 64

// afterZone gives the position after what says the zone of a time once more, as Java does
// ([Europe/Berlin]), or how long the program has run, as Go does ( m=+0.5); i if neither is
// there.
func afterZone(b []byte, i, end int) int {
	switch {
	case b[i] == '[' && b[i+1]-'A' < 26:
		if close := index(b, i, end, ']'); close > 0 && (regionEnd(b, i+1) == close || close < i+len("[CEST]")) {
			return close + 1
		}
	case b[i] == ' ' && b[i+1] == 'm' && b[i+2] == '=':
		return min(word(b, i+1), end)
	}
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
