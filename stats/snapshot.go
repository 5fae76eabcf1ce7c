package stats

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"time"
	"unicode/utf8"

	"pulse/stats/aggregate"
	"pulse/stats/alert"
	"pulse/stats/timing"
	"pulse/stats/value"
)

// A Snapshot is the value of one stat's trailing window at one second. It is
// identified by Stat and Time; of two with the same identity and definitions version the
// one with the higher revision holds, and equal revisions are equal values.
type Snapshot struct {
	Stat     string
	Time     int64           // the window's last second, as Unix time
	Value    json.RawMessage // null: the value of nothing, or stale
	Revision int             // how often the second was amended after it closed
	Final    bool            // whether no line can change it any more
	Version  string          // the definitions version

	// Covered is how many of the Of seconds of the window some clock has covered.
	// Both are 0 where all are, and where the snapshot passes stale seconds.
	Covered, Of int64

	// Approx is the standard error of an estimate, as a share of the value; 0: the
	// value is exact.
	Approx float64

	// Beyond is what the window had no room for.
	Beyond aggregate.Beyond

	// Since, unless 0, is the first of the seconds, through Time, that all
	// have this value.
	Since int64

	// StaleSince is the first of the seconds, through Time, that had no
	// clock at all, and 0 in all snapshots but the one that passes such seconds;
	// the value is null then.
	StaleSince int64
}

// First is the first of the seconds that the snapshot stands for: Time alone, or all
// from Since or StaleSince on.
func (s *Snapshot) First() int64 { return cmp.Or(s.Since, s.StaleSince, s.Time) }

// Seconds gives the seconds of a run that are in [from, to], each as a snapshot of its
// own; another snapshot as it is.
func (s Snapshot) Seconds(from, to int64) iter.Seq[Snapshot] {
	return func(yield func(Snapshot) bool) {
		if s.Since == 0 {
			yield(s)
			return
		}
		one := s
		one.Since = 0
		for one.Time = max(s.Since, from); one.Time <= min(s.Time, to) && yield(one); one.Time++ {
		}
	}
}

// Cut cuts a snapshot of several seconds to those in [from, to], and reports whether any
// are left.
func (s Snapshot) Cut(from, to int64) (Snapshot, bool) {
	first, last := max(s.First(), from), min(s.Time, to)
	if first > last {
		return s, false
	}
	s.Time = last
	switch {
	case s.StaleSince != 0:
		s.StaleSince = first
	case s.Since != 0 && first < last:
		s.Since = first
	default:
		s.Since = 0
	}
	return s, true
}

// Alert gives the snapshot to alerts, and returns the transitions that it makes.
func (s *Snapshot) Alert(e *alert.Engine) ([]alert.Transition, error) {
	if !e.Watches(s.Stat) {
		return nil, nil
	}
	p, err := s.Alerting()
	if err != nil {
		return nil, err
	}
	return e.Point(s.Stat, p), nil
}

// Alerting is the snapshot as alerts see it.
func (s *Snapshot) Alerting() (alert.Point, error) {
	v, err := value.Parse(s.Value)
	return alert.Point{
		First: s.First(), Last: s.Time, Value: v,
		Known: s.StaleSince == 0 && (s.Of == 0 || s.Of > aggregate.Day && s.Covered >= aggregate.Day),
		Final: s.Final, Revision: s.Revision,
	}, err
}

// AppendJSON appends the snapshot as one JSON object without spaces:
//
//	{"stat":"requests","time":"2026-11-22T10:31:05Z","value":1234.5,"revision":0,"final":false,"definitions":"3f9a2c"}
//
// and at the end, where they are not 0, "covered" and "of", "approx",
// "beyond_room" with "keys" and "share", and "since" and "stale_since", which are times. A nil Value is null.
func (s Snapshot) AppendJSON(b []byte) []byte {
	b = append(b, `{"stat":`...)
	b = appendString(b, s.Stat)
	b = append(b, `,"time":"`...)
	b = appendTime(b, s.Time)
	b = append(b, `","value":`...)
	if s.Value == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, s.Value...)
	}
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, int64(s.Revision), 10)
	if s.Final {
		b = append(b, `,"final":true,"definitions":`...)
	} else {
		b = append(b, `,"final":false,"definitions":`...)
	}
	b = appendString(b, s.Version)
	if s.Of != 0 {
		b = strconv.AppendInt(append(b, `,"covered":`...), s.Covered, 10)
		b = strconv.AppendInt(append(b, `,"of":`...), s.Of, 10)
	}
	if s.Approx != 0 {
		b = strconv.AppendFloat(append(b, `,"approx":`...), s.Approx, 'g', -1, 64)
	}
	if s.Beyond.Share != 0 {
		b = strconv.AppendUint(append(b, `,"beyond_room":{"keys":`...), s.Beyond.Keys, 10)
		b = append(strconv.AppendFloat(append(b, `,"share":`...), s.Beyond.Share, 'g', -1, 64), '}')
	}
	if s.Since != 0 {
		b = append(b, `,"since":"`...)
		b = append(appendTime(b, s.Since), '"')
	}
	if s.StaleSince != 0 {
		b = append(b, `,"stale_since":"`...)
		b = appendTime(b, s.StaleSince)
		b = append(b, '"')
	}
	return append(b, '}')
}

// MarshalJSON returns what AppendJSON appends.
func (s Snapshot) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil), nil }

// UnmarshalJSON reads what AppendJSON appends, its members in any order. It
// refuses an object without a stat, and times that are not whole seconds.
func (s *Snapshot) UnmarshalJSON(b []byte) error {
	var in struct {
		Stat       string           `json:"stat"`
		Time       time.Time        `json:"time"`
		Value      json.RawMessage  `json:"value"`
		Revision   int              `json:"revision"`
		Final      bool             `json:"final"`
		Gen        string           `json:"definitions"`
		Covered    int64            `json:"covered"`
		Of         int64            `json:"of"`
		Approx     float64          `json:"approx"`
		Beyond     aggregate.Beyond `json:"beyond_room"`
		Since      *time.Time       `json:"since"`
		StaleSince *time.Time       `json:"stale_since"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if in.Stat == "" || in.Revision < 0 {
		return fmt.Errorf("snapshot: it names no stat or has revision %d", in.Revision)
	}
	second, err := wholeSecond(in.Time)
	if err != nil {
		return err
	}
	since, err := sinceSecond(in.Since, second)
	if err != nil {
		return err
	}
	staleSince, err := sinceSecond(in.StaleSince, second)
	if err != nil {
		return err
	}
	if in.Value == nil {
		in.Value = json.RawMessage("null")
	}
	if in.Covered < 0 || in.Covered > in.Of || in.Approx < 0 {
		return fmt.Errorf("snapshot: it has covered %d, of %d and approx %g", in.Covered, in.Of, in.Approx)
	}
	if in.Beyond.Share < 0 || in.Beyond.Share > 1 {
		return fmt.Errorf("snapshot: beyond_room has share %g", in.Beyond.Share)
	}
	*s = Snapshot{in.Stat, second, in.Value, in.Revision, in.Final, in.Gen, in.Covered, in.Of, in.Approx, in.Beyond, since, staleSince}
	return nil
}

// sinceSecond returns the Unix second of a time that is one and not after a second,
// and 0 if there is none.
func sinceSecond(t *time.Time, second int64) (int64, error) {
	if t == nil {
		return 0, nil
	}
	since, err := wholeSecond(*t)
	if err == nil && since > second {
		err = fmt.Errorf("snapshot: it is of seconds since %s, and ends before", t.Format(time.RFC3339))
	}
	return since, err
}

// wholeSecond returns the Unix second of a time that is one.
func wholeSecond(t time.Time) (int64, error) {
	second := t.Unix()
	if t.Nanosecond() != 0 || second < 0 || second > timing.LastSecond {
		return 0, fmt.Errorf("snapshot: %s is not a whole second of the years 1970 to 9999", t.Format(time.RFC3339Nano))
	}
	return second, nil
}

// appendTime appends a second as RFC 3339 has it in UTC. A second out of bounds
// is the nearest that is not.
func appendTime(b []byte, second int64) []byte {
	second = min(max(second, 0), timing.LastSecond)
	days, rest := second/86400, second%86400

	// The civil date of a day, counted from a 1 March so that leap days come
	// last: Howard Hinnant, "chrono-compatible low-level date algorithms".
	days += 719468 // since 0000-03-01
	era := days / 146097
	day := days - era*146097
	year := (day - day/1460 + day/36524 - day/146096) / 365
	day -= 365*year + year/4 - year/100
	month := (5*day + 2) / 153
	day -= (153*month + 2) / 5
	year += era * 400
	month += 3
	if month > 12 {
		month -= 12
		year++
	}

	b = appendPair(b, year/100)
	b = appendPair(b, year%100)
	b = appendPair(append(b, '-'), month)
	b = appendPair(append(b, '-'), day+1)
	b = appendPair(append(b, 'T'), rest/3600)
	b = appendPair(append(b, ':'), rest/60%60)
	b = appendPair(append(b, ':'), rest%60)
	return append(b, 'Z')
}

// appendPair appends two digits.
func appendPair(b []byte, v int64) []byte {
	return append(b, byte('0'+v/10), byte('0'+v%10))
}

// appendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD, as encoding/json has it.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string cannot fail
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
