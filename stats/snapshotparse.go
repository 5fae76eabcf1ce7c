package stats

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"pulse/stats/timing"
)

// ParseSnapshot reads a snapshot, as UnmarshalJSON does. What AppendJSON writes it reads
// several times faster: the roles read each snapshot some times.
func ParseSnapshot(b []byte) (Snapshot, error) {
	if s, rest, ok := cutSnapshot(b); ok && len(rest) == 0 {
		return s, nil
	}
	var s Snapshot
	err := json.Unmarshal(b, &s)
	return s, err
}

// ParseSnapshots reads an array of snapshots.
func ParseSnapshots(b []byte) ([]Snapshot, error) {
	if all, ok := cutSnapshots(b); ok {
		return all, nil
	}
	var all []Snapshot
	err := json.Unmarshal(b, &all)
	return all, err
}

func cutSnapshots(b []byte) (all []Snapshot, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte("["))
	for ok {
		var s Snapshot
		if s, b, ok = cutSnapshot(b); !ok {
			break
		}
		all = append(all, s)
		if string(b) == "]" {
			return all, true
		}
		b, ok = bytes.CutPrefix(b, []byte(","))
	}
	return nil, false
}

// cutSnapshot reads a snapshot that b begins with, if it is one in just the form that
// AppendJSON has for most: without runs and stale seconds, and names of plain ASCII.
func cutSnapshot(b []byte) (s Snapshot, rest []byte, ok bool) {
	c := cutter{b, true}
	s.Stat = c.text(`{"stat":"`)
	s.Time = c.second(`,"time":"`)
	s.Value = c.value(`,"value":`, `,"revision":`)
	s.Revision = int(c.integer(""))
	if s.Final = bytes.HasPrefix(c.b, []byte(`,"final":true`)); s.Final {
		c.skip(`,"final":true`)
	} else {
		c.skip(`,"final":false`)
	}
	s.Version = c.text(`,"definitions":"`)
	if bytes.HasPrefix(c.b, []byte(`,"covered":`)) {
		s.Covered = c.integer(`,"covered":`)
		s.Of = c.integer(`,"of":`)
	}
	if bytes.HasPrefix(c.b, []byte(`,"approx":`)) {
		s.Approx = c.number(`,"approx":`)
	}
	c.skip("}")
	return s, c.b, c.ok && s.Stat != "" && s.Covered <= s.Of
}

// A cutter cuts off one part after the other; it is not ok after one that is not in the
// expected form.
type cutter struct {
	b  []byte
	ok bool
}

func (c *cutter) skip(prefix string) {
	if c.ok = c.ok && len(c.b) >= len(prefix) && string(c.b[:len(prefix)]) == prefix; c.ok {
		c.b = c.b[len(prefix):]
	}
}

// upTo cuts off what is before a separator, and the separator.
func (c *cutter) upTo(separator string) []byte {
	before, after, found := bytes.Cut(c.b, []byte(separator))
	if c.ok = c.ok && found; !c.ok {
		return nil
	}
	c.b = after
	return before
}

// text cuts off a string's bytes, and its end.
func (c *cutter) text(prefix string) string {
	c.skip(prefix)
	text := c.upTo(`"`)
	for _, x := range text {
		if x < ' ' || x >= 0x7f || x == '\\' {
			c.ok = false
		}
	}
	return string(text)
}

// value cuts off a JSON value, and what is behind it.
func (c *cutter) value(prefix, behind string) json.RawMessage {
	c.skip(prefix)
	value := c.upTo(behind)
	if c.ok = c.ok && json.Valid(value); !c.ok {
		return nil
	}
	return bytes.Clone(bytes.TrimSpace(value))
}

// integer cuts off an integer of at most 18 digits.
func (c *cutter) integer(prefix string) int64 {
	c.skip(prefix)
	n, digits := int64(0), 0
	for ; digits < len(c.b) && c.b[digits]-'0' <= 9; digits++ {
		n = 10*n + int64(c.b[digits]-'0')
	}
	if c.ok = c.ok && digits > 0 && digits <= 18 && (c.b[0] != '0' || digits == 1); c.ok {
		c.b = c.b[digits:]
	}
	return n
}

// number cuts off a number that is not negative, before the end of an object.
func (c *cutter) number(prefix string) float64 {
	c.skip(prefix)
	end := bytes.IndexByte(c.b, '}')
	if c.ok = c.ok && end > 0 && c.b[0] != '-' && json.Valid(c.b[:end]); !c.ok {
		return 0
	}
	n, err := strconv.ParseFloat(string(c.b[:end]), 64)
	c.ok = err == nil
	c.b = c.b[end:]
	return n
}

// second cuts off a time in the form of appendTime, and the end of its string.
func (c *cutter) second(prefix string) int64 {
	c.skip(prefix)
	const size = len("2006-01-02T15:04:05Z")
	if c.ok = c.ok && len(c.b) > size && c.b[size-1] == 'Z' && c.b[size] == '"'; !c.ok {
		return 0
	}
	t, err := time.Parse(time.RFC3339, string(c.b[:size]))
	second := t.Unix()
	c.ok = err == nil && second >= 0 && second <= timing.LastSecond
	c.b = c.b[size+1:]
	return second
}
