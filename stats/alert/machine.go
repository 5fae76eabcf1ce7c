package alert

// A State is that of an alert, or of one key of it, at a second.
type State string

// The states.
const (
	OK           State = "ok"
	Pending      State = "pending"    // When holds, not yet for long enough
	Firing       State = "firing"     // it holds, or has held and Clear does not
	Recovering   State = "recovering" // Clear holds, not yet for long enough
	StateUnknown State = "unknown"    // the stat has not been known for longer than the rule allows
)

// States are all of them, the worst last.
var States = []State{OK, Pending, StateUnknown, Recovering, Firing}

// A Verdict is what a second's value says to a rule.
type Verdict uint8

// The verdicts.
const (
	NotKnown Verdict = iota
	Bad              // When holds
	Good             // Clear holds, or there is nothing that could be bad
	Neither
)

// A machine is the state of an alert, or of one key of it.
type machine struct {
	State State `json:"state"`
	Bad   int64 `json:"bad,omitempty"`     // seconds for which When has held
	Good  int64 `json:"good,omitempty"`    // seconds for which Clear has held
	Dark  int64 `json:"unknown,omitempty"` // seconds in a row that are not known
	Was   State `json:"was,omitempty"`     // of StateUnknown: the state before
	New   bool  `json:"new,omitempty"`     // no second has been known yet: its window may reach to before the log
}

// step is one second further. That a stat is not known is told of the alert as a
// whole, not of each key.
func (m *machine) step(r *Rule, v Verdict, key bool) {
	if v == NotKnown {
		m.Dark++
		switch {
		case r.Unknown == ClearUnknown:
			*m = machine{State: OK, Dark: m.Dark, New: m.New}
		case r.Unknown == FireUnknown && !key && !m.New && m.State != StateUnknown && m.Dark >= r.After:
			m.State, m.Was = StateUnknown, m.State
		}
		return
	}
	m.Dark, m.New = 0, false
	if m.State == StateUnknown {
		m.State, m.Was = m.Was, ""
	}
	on := m.State == Firing || m.State == Recovering
	switch {
	case v == Bad && !on:
		m.State, m.Bad = Pending, m.Bad+1
		if m.Bad >= r.For {
			m.State, m.Bad = Firing, 0
		}
	case v == Good && on:
		m.State, m.Good = Recovering, m.Good+1
		if m.Good >= r.Keep {
			m.State, m.Good = OK, 0
		}
	case on: // bad again, or between the thresholds
		m.State, m.Good = Firing, 0
	default:
		m.State, m.Bad = OK, 0
	}
}

// settled is after how many seconds of one verdict a machine stays as it is.
func (r *Rule) settled() int64 { return max(r.For, r.Keep, r.After) + 1 }
