package alert

import (
	"encoding/json"
	"testing"
)

// TestForgedMemories: what a Tracker can have known it goes on from; what it cannot it does not
// take, and neither ends the process.
func TestForgedMemories(t *testing.T) {
	rule := &Rule{Name: "a", When: Threshold{Stat: "s", AnyKey: true}}
	for text, good := range map[string]bool{
		`{}`: true, `{"machines":null}`: true, `{"settled":7,"open":[{"second":8},{"second":9}],"machines":{"":{"state":"ok"},"=k":{"state":"firing"}}}`: true,
		`7`: false, `{"settled":-1}`: false, `{"settled":253402300800}`: false, `{"open":[{"second":9},{"second":8}]}`: false, `{"settled":9,"open":[{"second":9}]}`: false,
		`{"machines":{"k":{"state":"firing"}}}`: false, `{"machines":{"=k":{"state":"odd"}}}`: false, `{"machines":{"=k":{"state":"ok","bad":-1}}}`: false,
		`{"open":[{"second":9,"keys":{"k":{}}}]}`: false, `{"open":[{"second":9,"keys":{"":{}}}]}`: true,
	} {
		tracker := NewTracker(rule)
		if err := json.Unmarshal([]byte(text), tracker); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
		for second := range int64(3) {
			second += max(tracker.Last(), 9)
			tracker.Point(Point{First: second, Last: second, Final: true, Known: true})
		}
		tracker.Retire()
	}
}
