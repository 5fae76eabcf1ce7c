package topics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pulse/stats/timing"
)

// Minutes is the topic of what a minute of a stat comes to, for charts of days.
func (n Names) Minutes() string { return n.Prefix + "stats.minutes" }

// MinutesGroup is the group that reads Merged and writes Minutes.
func (n Names) MinutesGroup() string { return n.Prefix + "minutes." + n.Version }

// A Minute is what the 60 seconds of a stat from Time on came to. It comes in two
// records: of the final values, by those who roll them up, and, for quantiles, of
// the numbers themselves, by the merger. Two of the same stat, time and definitions
// version are of parts of the same, and what is of more holds: see Join.
type Minute struct {
	Stat    string
	Version string // of the definitions
	Time    int64  // Unix time of its first second

	Seconds   int // that have a value; null, the value of nothing, is one
	Uncovered int // of these, whose windows were not covered whole
	Clockless int // that had no clock; what is left of 60 is unknown
	// The least and the greatest of every number of the values; of values by key
	// there is no least, since a key comes and goes. And the value of the last
	// second that has one. Null if there is none.
	Min, Max, Last json.RawMessage

	Numbers uint64 // that counted in the minute
	Digest  []byte // of them, as window.Total makes it; nil if there are none
}

// Join takes over what another record of the same minute says that is of more.
func (m *Minute) Join(o Minute) {
	if o.Seconds+o.Clockless > m.Seconds+m.Clockless {
		m.Seconds, m.Uncovered, m.Clockless = o.Seconds, o.Uncovered, o.Clockless
		m.Min, m.Max, m.Last = o.Min, o.Max, o.Last
	}
	if o.Numbers > m.Numbers {
		m.Numbers, m.Digest = o.Numbers, o.Digest
	}
}

// minuteJSON is a Minute as a record of the topic has it, one to a line.
type minuteJSON struct {
	Stat      string          `json:"stat"` // first: see MinutePrefix
	Time      time.Time       `json:"time"`
	Seconds   int             `json:"seconds,omitempty"`
	Uncovered int             `json:"uncovered,omitempty"`
	Clockless int             `json:"clockless,omitempty"`
	Min       json.RawMessage `json:"min,omitempty"`
	Max       json.RawMessage `json:"max,omitempty"`
	Last      json.RawMessage `json:"last,omitempty"`
	Numbers   uint64          `json:"numbers,omitempty"`
	Digest    []byte          `json:"digest,omitempty"` // base64
	Gen       string          `json:"definitions"`
}

// MaxMinutes is how many bytes of minutes a record of the topic has, at most.
const MaxMinutes = 900 << 10

// AppendMinute appends a minute as one line of JSON. A record of the topic is
// lines, of the stats whose names go to its partition.
func AppendMinute(b []byte, m Minute) ([]byte, error) {
	line, err := json.Marshal(minuteJSON{m.Stat, time.Unix(m.Time, 0).UTC(), m.Seconds, m.Uncovered, m.Clockless, m.Min, m.Max, m.Last, m.Numbers, m.Digest, m.Version})
	if err != nil {
		return b, fmt.Errorf("minute of %.80q: %w", m.Stat, err)
	}
	return append(append(b, line...), '\n'), nil
}

// Minutes are those of a stat, by when they begin.
type Minutes map[int64]Minute

// Take takes the stat's minutes of a record, those that fit. Of several that are of the
// same one it has them joined.
func (m Minutes) Take(record []byte, stat string, fits func(Minute) bool) {
	prefix := MinutePrefix(stat)
	for line := range bytes.Lines(record) {
		if !bytes.HasPrefix(line, prefix) {
			continue
		}
		minute, err := DecodeMinute(line)
		if err != nil || !fits(minute) {
			continue
		}
		if known, ok := m[minute.Time]; ok {
			known.Join(minute)
			minute = known
		}
		m[minute.Time] = minute
	}
}

// MinutePrefix is what the lines of a stat begin with, and no others.
func MinutePrefix(stat string) []byte {
	name, _ := json.Marshal(stat) // a string cannot fail
	return append(append([]byte(`{"stat":`), name...), ',')
}

// DecodeMinute reads a line that AppendMinute made.
func DecodeMinute(line []byte) (Minute, error) {
	var m minuteJSON
	if err := json.Unmarshal(line, &m); err != nil {
		return Minute{}, fmt.Errorf("minute: %w", err)
	}
	if m.Stat == "" || m.Seconds < 0 || m.Clockless < 0 || m.Uncovered < 0 || m.Uncovered > m.Seconds || m.Seconds > 60 || m.Clockless > 60-m.Seconds {
		return Minute{}, errors.New("minute: it names no stat, or has not 0 to 60 seconds")
	}
	if second := m.Time.Unix(); m.Time.Nanosecond() != 0 || second < 0 || second > timing.LastSecond || second%60 != 0 {
		return Minute{}, fmt.Errorf("minute: %s is not the beginning of one", m.Time.Format(time.RFC3339Nano))
	}
	return Minute{m.Stat, m.Gen, m.Time.Unix(), m.Seconds, m.Uncovered, m.Clockless, m.Min, m.Max, m.Last, m.Numbers, m.Digest}, nil
}
