package traffic

import (
	"strconv"
	"time"
)

// A clock has the current second as lines write it, and appends times in it.
type clock struct {
	rfc3339 []byte // 2012-11-22T09:31:34
	clf     []byte // 22/Nov/2012:09:31:34
	west    []byte // rfc3339 and clf in the zone -08:00
	westCLF []byte
}

func (c *clock) set(t time.Time) {
	const rfc3339, clf = "2006-01-02T15:04:05", "02/Jan/2006:15:04:05"
	utc, west := t.UTC(), t.In(time.FixedZone("", -8*60*60))
	c.rfc3339 = utc.AppendFormat(c.rfc3339[:0], rfc3339)
	c.clf = utc.AppendFormat(c.clf[:0], clf)
	c.west = west.AppendFormat(c.west[:0], rfc3339)
	c.westCLF = west.AppendFormat(c.westCLF[:0], clf)
}

// appendTime appends a time in UTC, with microseconds and a numeric zone.
func (c *clock) appendTime(b []byte, micros int) []byte {
	b = appendMicros(append(b, c.rfc3339...), micros)
	return append(b, "+00:00"...)
}

func (c *clock) appendWest(b []byte, micros int) []byte {
	b = appendMicros(append(b, c.west...), micros)
	return append(b, "-08:00"...)
}

func appendMicros(b []byte, micros int) []byte {
	b = append(b, '.')
	for unit := 100_000; unit > 0; unit /= 10 {
		b = append(b, byte('0'+micros/unit%10))
	}
	return b
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// appendTenths appends a decimal of one place.
func appendTenths(b []byte, tenths int) []byte {
	b = appendInt(b, tenths/10)
	return append(b, '.', byte('0'+tenths%10))
}

// localClient is the client that asks from the same machine.
const localClient = -1

// appendIP appends the address of a client by its number.
func appendIP(b []byte, client int) []byte {
	if client == localClient {
		return append(b, "127.0.0.1"...)
	}
	h := uint32(client)*2654435761 + 12345
	for i, octet := range [4]uint32{h>>24%220 + 2, h >> 16 & 255, h >> 8 & 255, h&0xff%254 + 1} {
		if i > 0 {
			b = append(b, '.')
		}
		b = appendInt(b, int(octet))
	}
	return b
}

// appendHex appends the low 16 digits of n.
func appendHex(b []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}
