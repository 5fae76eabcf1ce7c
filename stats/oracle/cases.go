package oracle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"

	"pulse/stats"
	"pulse/stats/alert"
)

// A Mismatch is an expectation of a test that was not met.
type Mismatch struct {
	stats.Expectation
	Got json.RawMessage // nil: there is no value at that second
}

// Check evaluates a test of a definitions file and returns the expectations that
// are not met. Drive feeds the test's lines to the Evaluator, through its
// Close.
func Check(d *stats.Definitions, test stats.Test, drive func(*Evaluator) error) ([]Mismatch, error) {
	got := make([]json.RawMessage, len(test.Expect))
	engine, history := alert.NewEngine(d.Alerts), &alert.History{}
	var last int64
	var broken error
	e, err := New(d, func(s stats.Snapshot) {
		last = max(last, s.Time)
		transitions, err := s.Alert(engine)
		broken = cmp.Or(broken, err)
		for _, t := range transitions {
			history.Add(t)
		}
		for i, x := range test.Expect {
			if x.Stat != "" && x.Stat == s.Stat && (x.Time < 0 || s.First() <= x.Time && x.Time <= s.Time) {
				got[i] = bytes.Clone(s.Value)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if err := drive(e); err != nil {
		return nil, err
	}
	if broken != nil {
		return nil, broken
	}
	var wrong []Mismatch
	for i, x := range test.Expect {
		if x.Stat == "" {
			second := x.Time
			if second < 0 {
				second = last
			}
			if state := history.At(x.Alert, second); state != x.State {
				wrong = append(wrong, Mismatch{x, json.RawMessage(state)})
			}
			continue
		}
		if !sameJSON(got[i], x.Value) {
			wrong = append(wrong, Mismatch{x, got[i]})
		}
	}
	return wrong, nil
}

// sameJSON reports whether two values are equal, however they are written.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
