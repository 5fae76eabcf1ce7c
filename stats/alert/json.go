package alert

import (
	"encoding/json"
	"errors"
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
	By        *writtenBy       `json:"by,omitempty"`
}

// writtenBy is an Amendment in JSON.
type writtenBy struct {
	Time     time.Time `json:"time"`
	Revision int       `json:"revision"`
}

// MarshalJSON gives a transition as one object:
//
//	{"alert":"errors","key":"/cart","time":"2026-11-22T10:31:05Z","state":"firing","was":"pending","value":7,"revision":0,"final":false}
//
// without key for an alert as a whole, without value where there is none, and with
// "withdrawn":true where it is, and then with the point that did it,
// "by":{"time":"2026-11-22T10:31:04Z","revision":1}.
func (t Transition) MarshalJSON() ([]byte, error) {
	w := written{t.Alert, nil, time.Unix(t.Second, 0).UTC(), t.State, t.Was, nil, t.Revision, t.Final, t.Withdrawn, nil}
	if t.By != (Amendment{}) {
		w.By = &writtenBy{time.Unix(t.By.Second, 0).UTC(), t.By.Revision}
	}
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
	if w.Alert == "" || !slices.Contains(States, w.State) || !isSecond(w.Time) || w.Revision < 0 {
		return fmt.Errorf("alert: not a transition: %.200s", b)
	}
	*t = Transition{Subject: Subject{Alert: w.Alert}, Second: second, State: w.State, Was: w.Was, Revision: w.Revision, Final: w.Final, Withdrawn: w.Withdrawn}
	if w.By != nil {
		if !isSecond(w.By.Time) || w.By.Revision < 0 {
			return fmt.Errorf("alert: withdrawn by what is not a point: %.200s", b)
		}
		t.By = Amendment{w.By.Time.Unix(), w.By.Revision}
	}
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

// UnmarshalJSON reads what a Tracker has known, as encoding/json writes it. Points go on from
// it only if it can have been one.
func (t *Tracker) UnmarshalJSON(b []byte) error {
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	if m.Machines == nil {
		m.Machines = map[string]machine{}
	}
	if m.Settled < 0 || m.Settled > timing.LastSecond || len(m.Open) > maxOpen || len(m.Machines) > MaxKeys+1 {
		return errors.New("alert: what is remembered is out of bounds")
	}
	last := m.Settled
	for _, open := range m.Open {
		if open.Second <= last || open.Second > timing.LastSecond || open.Revision < 0 {
			return errors.New("alert: what is remembered is not in order")
		}
		last = open.Second
	}
	for key, its := range m.Machines {
		if key != whole && key[0] != '=' || !slices.Contains(States, its.State) || min(its.Bad, its.Good, its.Dark) < 0 {
			return fmt.Errorf("alert: the state that is remembered of %.80q is not one", key)
		}
	}
	for _, open := range m.Open {
		for key := range open.Keys {
			if key != whole && key[0] != '=' {
				return fmt.Errorf("alert: %.80q is remembered, which is not a key", key)
			}
		}
	}
	t.memory = m
	return nil
}

// isSecond reports whether a time is a whole second that Pulse knows.
func isSecond(t time.Time) bool {
	return t.Nanosecond() == 0 && t.Unix() >= 0 && t.Unix() <= timing.LastSecond
}
