package web

import (
	"bytes"
	"encoding/json"
	"strconv"

	"pulse/stats"
	"pulse/topics"
)

// A stretch is what is known of some neighbouring seconds of a stat: so many
// seconds of a chart as go into one of its columns. The least and the greatest
// values are kept, so that a spike of one second is seen in a chart of a week.
type stretch struct {
	Time      int64 // its first second
	Seconds   int   // that have a value
	Clockless int   // that had no clock; what is left is unknown
	Min, Max  json.RawMessage
	Last      json.RawMessage // the value of the last second that has one
}

// MarshalJSON has the time as RFC 3339 and null for what there is not.
func (s stretch) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Time      string          `json:"time"`
		Seconds   int             `json:"seconds"`
		Clockless int             `json:"clockless,omitempty"`
		Min       json.RawMessage `json:"min"`
		Max       json.RawMessage `json:"max"`
		Last      json.RawMessage `json:"last"`
	}{formatSecond(s.Time), s.Seconds, s.Clockless, s.Min, s.Max, s.Last})
}

// add joins what comes after it in time.
func (s *stretch) add(next stretch) {
	s.Seconds += next.Seconds
	s.Clockless += next.Clockless
	s.Min = extreme(s.Min, next.Min, false)
	s.Max = extreme(s.Max, next.Max, true)
	if next.Last != nil {
		s.Last = next.Last
	}
}

// ofPoint is the stretch of one snapshot; one that passes seconds without a clock
// is of those of them that are in [from, to].
func ofPoint(p stats.Snapshot, keyed bool, from, to int64) stretch {
	if p.StaleSince != 0 {
		first := max(p.StaleSince, from)
		return stretch{Time: first, Clockless: int(max(0, min(p.Time, to)-first+1))}
	}
	s := stretch{Time: p.Time, Seconds: 1, Max: p.Value, Last: p.Value}
	if !keyed {
		s.Min = p.Value
	}
	return s
}

// ofMinute is the stretch of a minute.
func ofMinute(m topics.Minute) stretch {
	return stretch{Time: m.Time, Seconds: m.Seconds, Clockless: m.Clockless, Min: m.Min, Max: m.Max, Last: m.Last}
}

// thin joins stretches, ascending in time, to those of step seconds each; a
// step's multiples are where one ends and the next begins.
func thin(all []stretch, step int64) []stretch {
	thinned := []stretch{}
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

// splitClockless cuts stretches without a clock at the multiples of step, so that
// each of them is in one column.
func splitClockless(s stretch, step int64, f func(stretch)) {
	for s.Clockless > 0 {
		n := min(int64(s.Clockless), step-s.Time%step)
		f(stretch{Time: s.Time, Clockless: int(n)})
		s.Time += n
		s.Clockless -= int(n)
	}
}

// maxKeys is how many keys the greatest of values by key have.
const maxKeys = 50

// extreme gives the lesser or the greater of two values, number by number: of
// quantiles each one, of histograms each count, of values by key each key. Null,
// the value of nothing, is neither.
func extreme(a, b json.RawMessage, greater bool) json.RawMessage {
	if isNull(a) {
		return b
	}
	if isNull(b) {
		return a
	}
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	if errX == nil && errY == nil {
		if y > x == greater && x != y {
			return b
		}
		return a
	}
	joined, err := json.Marshal(extremeOf(decode(a), decode(b), greater))
	if err != nil {
		return a // what was decoded can be encoded
	}
	return joined
}

func isNull(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }

// decode reads JSON with its numbers as they are written.
func decode(v json.RawMessage) (value any) {
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil
	}
	return value
}

func extremeOf(a, b any, greater bool) any {
	switch x := a.(type) {
	case nil:
		return b
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return a
		}
		p, _ := x.Float64()
		q, _ := y.Float64()
		if q > p == greater && p != q {
			return y
		}
		return x
	case map[string]any:
		y, _ := b.(map[string]any)
		for name, v := range y {
			if name == "top" {
				old, _ := x[name].([]any)
				its, _ := v.([]any)
				x[name] = extremeByKey(old, its, greater)
				continue
			}
			x[name] = extremeOf(x[name], v, greater)
		}
	case []any:
		y, _ := b.([]any)
		for i := range min(len(x), len(y)) {
			x[i] = extremeOf(x[i], y[i], greater)
		}
	}
	return a
}

// extremeByKey joins two lists of {"key", "value"}, the first list's first.
func extremeByKey(a, b []any, greater bool) []any {
	at := map[any]map[string]any{}
	for _, e := range a {
		if e, ok := e.(map[string]any); ok {
			at[e["key"]] = e
		}
	}
	for _, e := range b {
		its, ok := e.(map[string]any)
		if !ok {
			continue
		}
		if known := at[its["key"]]; known != nil {
			known["value"] = extremeOf(known["value"], its["value"], greater)
		} else if len(a) < maxKeys {
			a = append(a, its)
		}
	}
	return a
}
