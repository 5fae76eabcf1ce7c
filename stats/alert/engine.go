package alert

import "slices"

// An Engine follows all alerts of a definitions file.
type Engine struct {
	byStat map[string][]*Tracker
}

// NewEngine returns an Engine that has had no points.
func NewEngine(rules []*Rule) *Engine {
	e := &Engine{byStat: map[string][]*Tracker{}}
	for _, r := range rules {
		e.byStat[r.When.Stat] = append(e.byStat[r.When.Stat], NewTracker(r))
	}
	return e
}

// Point takes a point of a stat, and returns the transitions that it makes, amends or
// withdraws, alert by alert in the order of the rules.
func (e *Engine) Point(stat string, p Point) (all []Transition) {
	for _, t := range e.byStat[stat] {
		all = append(all, t.Point(p)...)
	}
	return all
}

// Watches reports whether an alert is about a stat.
func (e *Engine) Watches(stat string) bool { return len(e.byStat[stat]) > 0 }

// A History is what became of alerts, by their final transitions in order.
type History struct {
	of map[Subject][]Transition
}

// Add takes the next transition.
func (h *History) Add(t Transition) {
	if h.of == nil {
		h.of = map[Subject][]Transition{}
	}
	h.of[t.Subject] = append(h.of[t.Subject], t)
}

// At returns the state of a subject at a second. That of an alert as a whole is the
// worst of its keys' and its own.
func (h *History) At(s Subject, second int64) State {
	worst := OK
	for other, transitions := range h.of {
		if other != s && (s.Keyed || other.Alert != s.Alert) {
			continue
		}
		state := OK
		for _, t := range transitions {
			if t.Second <= second {
				state = t.State
			}
		}
		if slices.Index(States, state) > slices.Index(States, worst) {
			worst = state
		}
	}
	return worst
}
