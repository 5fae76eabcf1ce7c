package web

import (
	"encoding/json"
	"fmt"
	"time"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/value"
	"pulse/stats/window"
	"pulse/topics"
)

// An extent is what is known of some neighboring seconds of a stat: so many
// seconds of a chart as go into one of its columns. The least and the greatest
// values are kept, so that a spike of one second is seen in a chart of a week.
type extent struct {
	Time      int64           // its first second
	Seconds   int             // that have a value
	Uncovered int             // of these, whose windows were not covered whole
	Clockless int             // that had no clock; what is left is unknown
	Min, Max  value.Value     // nil: null
	Last      json.RawMessage // the value of the last second that has one

	// Of quantiles alone: the value of the numbers of all its minutes that are over,
	// and how many these are.
	Value   value.Value
	Numbers uint64
}

// MarshalJSON has the time as RFC 3339 and null for what there is not.
func (s extent) MarshalJSON() ([]byte, error) {
	var of json.RawMessage
	if s.Numbers > 0 {
		of = value.AppendJSON(nil, s.Value)
	}
	return json.Marshal(struct {
		Time      string          `json:"time"`
		Seconds   int             `json:"seconds"`
		Uncovered int             `json:"uncovered,omitempty"`
		Clockless int             `json:"clockless,omitempty"`
		Min       json.RawMessage `json:"min"`
		Max       json.RawMessage `json:"max"`
		Last      json.RawMessage `json:"last"`
		Value     json.RawMessage `json:"value,omitempty"`
		Numbers   uint64          `json:"numbers,omitempty"`
	}{formatSecond(s.Time), s.Seconds, s.Uncovered, s.Clockless, value.AppendJSON(nil, s.Min), value.AppendJSON(nil, s.Max), s.Last, of, s.Numbers})
}

// add joins what comes after it in time.
func (s *extent) add(next extent) {
	s.Seconds += next.Seconds
	s.Uncovered += next.Uncovered
	s.Clockless += next.Clockless
	s.Min = value.Extreme(s.Min, next.Min, false)
	s.Max = value.Extreme(s.Max, next.Max, true)
	if next.Last != nil {
		s.Last = next.Last
	}
}

// ofPoint is the interval of one snapshot; one that passes seconds without a clock
// is of those of them that are in [from, to].
func ofPoint(p stats.Snapshot, keyed bool, from, to int64) extent {
	if p.StaleSince != 0 {
		first := max(p.StaleSince, from)
		return extent{Time: first, Clockless: int(max(0, min(p.Time, to)-first+1))}
	}
	s := extent{Time: p.Time, Seconds: 1, Max: parse(p.Value), Last: p.Value}
	if !keyed {
		s.Min = s.Max
	}
	if p.Covered < p.Of {
		s.Uncovered = 1
	}
	return s
}

// ofMinute is the interval of a minute.
func ofMinute(m topics.Minute) extent {
	return extent{Time: m.Time, Seconds: m.Seconds, Uncovered: m.Uncovered, Clockless: m.Clockless, Min: parse(m.Min), Max: parse(m.Max), Last: m.Last}
}

// parse reads a value; one that cannot be read is null.
func parse(data json.RawMessage) value.Value {
	v, err := value.Parse(data)
	if err != nil {
		return nil
	}
	return v
}

// thin joins intervals, ascending in time, to those of step seconds each; a
// step's multiples are where one ends and the next begins.
func thin(all []extent, step int64) []extent {
	thinned := []extent{}
	for _, s := range all {
		s.Time -= s.Time % step
		if n := len(thinned); n > 0 && thinned[n-1].Time == s.Time {
			thinned[n-1].add(s)
			continue
		}
		thinned = append(thinned, s)
	}
	return thinned
}

// addDigests gives intervals, ascending in time and of step seconds each, the value
// of the numbers of their minutes. The extremes of a second's quantiles are not those of
// the interval. Digests that cannot be read are left out, and an error says so.
func addDigests(extents []extent, minutes []topics.Minute, step int64, kind aggregate.Kind) error {
	var wrong error
	total := window.NewTotal(kind)
	for i := range extents {
		s := &extents[i]
		for len(minutes) > 0 && minutes[0].Time < s.Time+step {
			m := minutes[0]
			minutes = minutes[1:]
			if m.Time < s.Time || m.Numbers == 0 {
				continue
			}
			if err := total.JoinDigest(m.Digest); err != nil {
				wrong = fmt.Errorf("minute %s: %w", formatSecond(m.Time), err)
				continue
			}
			s.Numbers += m.Numbers
		}
		if s.Numbers > 0 {
			s.Value = total.Value(step)
			total.Reset()
		}
	}
	return wrong
}

// splitClockless cuts intervals without a clock at the multiples of step, so that
// each of them is in one column.
func splitClockless(s extent, step int64, f func(extent)) {
	for s.Clockless > 0 {
		n := min(int64(s.Clockless), step-s.Time%step)
		f(extent{Time: s.Time, Clockless: int(n)})
		s.Time += n
		s.Clockless -= int(n)
	}
}

// formatSecond is a second as the API has it.
func formatSecond(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }
