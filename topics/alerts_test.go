package topics_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/alert"
	"pulse/topics"
)

func silence(change func(*topics.Silence)) topics.Silence {
	from := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	s := topics.Silence{ID: "x", Alert: "check*-errors", From: from, Until: from.Add(time.Hour), Who: "ada", Why: "deploy"}
	if change != nil {
		change(&s)
	}
	return s
}

func TestSilenceHolds(t *testing.T) {
	key := "/cart/*"
	for _, c := range []struct {
		change func(*topics.Silence)
		of     alert.Subject
		after  time.Duration
		want   bool
	}{
		{nil, alert.Subject{Alert: "checkout-errors"}, 0, true},
		{nil, alert.Subject{Alert: "check-errors", Keyed: true, Key: "/x"}, time.Minute, true},
		{nil, alert.Subject{Alert: "checkout-error"}, 0, false},
		{nil, alert.Subject{Alert: "checkout-errors"}, time.Hour, false},
		{nil, alert.Subject{Alert: "checkout-errors"}, -time.Second, false},
		{func(s *topics.Silence) { s.Key = &key }, alert.Subject{Alert: "checkout-errors", Keyed: true, Key: "/cart/a/b"}, 0, true},
		{func(s *topics.Silence) { s.Key = &key }, alert.Subject{Alert: "checkout-errors", Keyed: true, Key: "/login"}, 0, false},
		{func(s *topics.Silence) { s.Key = &key }, alert.Subject{Alert: "checkout-errors"}, 0, false},
		{func(s *topics.Silence) { s.Alert = strings.Repeat("*a", 200) }, alert.Subject{Alert: strings.Repeat("b", 5000)}, 0, false},
		{func(s *topics.Silence) { s.Alert = "*" }, alert.Subject{}, 0, true},
	} {
		s := silence(c.change)
		if got := s.Holds(c.of, s.From.Add(c.after)); got != c.want {
			t.Errorf("%q %v after %v: %v", s.Alert, c.of, c.after, got)
		}
	}
}

// What is wrong with a silence is said, and one that is wrong is no silence, wherever it
// comes from.
func TestSilenceCheck(t *testing.T) {
	if s := silence(nil); s.Check() != nil {
		t.Error(s.Check())
	}
	for want, change := range map[string]func(*topics.Silence){
		"which alert":        func(s *topics.Silence) { s.Alert = "" },
		"who silences":       func(s *topics.Silence) { s.Who = "" },
		"why it is silenced": func(s *topics.Silence) { s.Why = "" },
		"ends after":         func(s *topics.Silence) { s.Until = s.From },
		"lasts 30 days":      func(s *topics.Silence) { s.Until = s.From.AddDate(0, 2, 0) },
		"an id":              func(s *topics.Silence) { s.ID = strings.Repeat("x", 65) },
		"why has 501 bytes":  func(s *topics.Silence) { s.Why = strings.Repeat("x", 501) },
		"1970 to 9999":       func(s *topics.Silence) { s.From = time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC); s.Until = s.From.Add(1) },
	} {
		s := silence(change)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var all topics.Silences
		if all.Put(&kgo.Record{Key: []byte(s.ID), Value: text}); len(all.Current(time.Time{})) != 0 {
			t.Errorf("%s is taken from a record", text)
		}
	}
}

// Silences that are over make room for others.
func TestSilencesMakeRoom(t *testing.T) {
	var all topics.Silences
	put := func(id string, written time.Time) {
		s := silence(func(s *topics.Silence) { s.ID = id })
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		all.Put(&kgo.Record{Key: []byte(id), Value: text, Timestamp: written})
	}
	one := silence(nil)
	for n := range topics.MaxSilences + 1 {
		put(fmt.Sprint(n), one.From)
	}
	if n := len(all.Current(one.From)); n != topics.MaxSilences {
		t.Errorf("there are %d silences", n)
	}
	if n := len(all.Current(one.Until)); n != 0 {
		t.Errorf("%d silences are not over when all are", n)
	}
	put("next", one.Until)
	if left := all.Current(time.Time{}); len(left) != 1 || left[0].ID != "next" {
		t.Errorf("there are %d silences, want the next one", len(left))
	}
}

func FuzzAlertRecords(f *testing.F) {
	f.Add([]byte(`{"id":"x","alert":"a*","from":"2026-01-02T10:00:00Z","until":"2026-01-02T11:00:00Z","who":"a","why":"b"}`))
	f.Add([]byte(`{"memory":{"definitions":"v","alert":"a","stat":"s","topic":"t","offset":3,"packed":"H4sI"},"receiver":{"route":"r","partition":1}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if s, err := topics.ParseSilence(data); err == nil {
			s.Holds(alert.Subject{Alert: string(data), Keyed: true, Key: string(data)}, s.From)
		}
		if s, err := topics.ParseAlertState(data); err == nil && s.Memory != nil {
			t := alert.NewTracker(&alert.Rule{Name: "a"})
			if s.Memory.Load(t) == nil {
				t.Last()
			}
		}
	})
}
