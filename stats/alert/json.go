package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pulse/stats/timing"
	"pulse/stats/value"
)

// written is a Transition in JSON.
type written struct {
	Alert     string           `json:"alert"`
	Key       *string          `json:"key,omitempty"`
	Time      time.Time        `json:"time"`
	State     State            `json:"state"`
	Was       State            `json:"was"`
	Value     *json.RawMessage `json:"value,omitempty"`
	Revision  int              `json:"revision"`
	Final     bool             `json:"final"`
	Withdrawn bool             `json:"withdrawn,omitempty"`
}

// MarshalJSON gives a transition as one object:
//
//	{"alert":"errors","key":"/cart","time":"2026-11-22T10:31:05Z","state":"firing","was":"pending","value":7,"revision":0,"final":false}
//
// without key for an alert as a whole, without value where there is none, and with
// "withdrawn":true where it is.
func (t Transition) MarshalJSON() ([]byte, error) {
	w := written{t.Alert, nil, time.Unix(t.Second, 0).UTC(), t.State, t.Was, nil, t.Revision, t.Final, t.Withdrawn}
	if t.Keyed {
		w.Key = &t.Key
	}
	if t.Number != "" {
		raw := json.RawMessage(t.Number)
		w.Value = &raw
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON gives.
func (t *Transition) UnmarshalJSON(b []byte) error {
	var w written
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("alert: %w", err)
	}
	second := w.Time.Unix()
	if w.Alert == "" || !slices.Contains(States, w.State) || second < 0 || second > timing.LastSecond || w.Time.Nanosecond() != 0 || w.Revision < 0 {
		return fmt.Errorf("alert: not a transition: %.200s", b)
	}
	*t = Transition{Subject: Subject{Alert: w.Alert}, Second: second, State: w.State, Was: w.Was, Revision: w.Revision, Final: w.Final, Withdrawn: w.Withdrawn}
	if w.Key != nil {
		t.Keyed, t.Key = true, *w.Key
	}
	if w.Value != nil {
		if err := json.Unmarshal(*w.Value, new(float64)); err != nil {
			return fmt.Errorf("alert: its value is not a number: %w", err)
		}
		t.Number = value.Number(*w.Value)
	}
	return nil
}
