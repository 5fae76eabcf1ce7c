package oracle

import (
	"bytes"
	"encoding/json"
	"reflect"

	"pulse/stats"
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
	type point struct {
		stat string
		time int64
	}
	got := make(map[point]json.RawMessage)
	for _, x := range test.Expect {
		got[point{x.Stat, x.Time}] = nil
	}
	e, err := New(d, func(s stats.Snapshot) {
		for _, p := range []point{{s.Stat, s.Time}, {s.Stat, -1}} {
			if _, ok := got[p]; ok {
				got[p] = bytes.Clone(s.Value)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if err := drive(e); err != nil {
		return nil, err
	}
	var wrong []Mismatch
	for _, x := range test.Expect {
		if value := got[point{x.Stat, x.Time}]; !sameJSON(value, x.Value) {
			wrong = append(wrong, Mismatch{x, value})
		}
	}
	return wrong, nil
}

// sameJSON reports whether two values are equal, however they are written.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
