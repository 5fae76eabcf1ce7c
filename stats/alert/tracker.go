package alert

import (
	"cmp"
	"maps"
	"slices"

	"pulse/stats/value"
)

// A Transition is that an alert, or one key of it, came into a state at a second. It
// is identified by Alert, Key and Second; of two with the same identity the one
// with the higher Revision holds.
type Transition struct {
	Subject
	Second   int64        // Unix time
	State    State        // what it came into
	Was      State        // what it was in the second before
	Number   value.Number // what the rule compares, at that second; "" where there is none
	Revision int          // how often it was amended
	Final    bool         // whether no line can change it any more

	// Withdrawn says that points were amended, and that by them there is no such
	// transition; Number is the amended one, and By is the point that did it.
	Withdrawn bool
	By        Amendment
}

// An Amendment is a point that was published again, since lines came after its second
// had closed: those of its stat's window at Second that were received later than its
// revision before. The zero Amendment stands for no such point.
type Amendment struct {
	Second   int64 // Unix time
	Revision int
}

// A Subject is what has a state: an alert as a whole, or one key of it.
type Subject struct {
	Alert string
	Keyed bool
	Key   string
}

// Name is what people read of an alert, and of the key of it that is meant, if there is one.
func Name(alert string, key *string) string {
	if key == nil {
		return alert
	}
	return alert + " " + *key
}

// A moment is a second that may still be amended.
type moment struct {
	Second   int64             `json:"second"`
	Revision int               `json:"revision,omitempty"`
	Keys     map[string]judged `json:"keys,omitempty"`
	Rest     judged            `json:"rest"`
}

// A Tracker follows one alert through the points of its stat, in the order in which
// they are published.
type Tracker struct {
	rule *Rule
	memory
}

// memory is what a Tracker knows.
type memory struct {
	Settled  int64              `json:"settled,omitempty"`  // the last second that is final; 0: none yet
	Machines map[string]machine `json:"machines,omitempty"` // at that second, by key; those of keys that are ok are not kept
	Open     []moment           `json:"open,omitempty"`     // the seconds after it, in order
	Told     []Transition       `json:"told,omitempty"`     // of the open seconds, the newest revision of each, in order
	Beyond   uint64             `json:"beyond,omitempty"`   // seconds of keys for which there was no room
}

// NewTracker returns a Tracker that has had no points.
func NewTracker(r *Rule) *Tracker {
	return &Tracker{rule: r, memory: memory{Machines: map[string]machine{}}}
}

// maxOpen bounds the seconds of which more revisions are awaited: a lateness has an hour.
const maxOpen = 60*60 + 60

// whole is the key of an alert as a whole. Those of its keys begin with "=".
const whole = ""

// Point takes a point and returns the transitions that it makes, amends or withdraws,
// in the order of their seconds and keys. A point that the tracker has had makes
// none.
func (t *Tracker) Point(p Point) []Transition {
	if p.Last <= t.Settled || t.rule.Final && !p.Final {
		return nil
	}
	now := moment{Second: max(p.First, t.Settled+1), Revision: p.Revision}
	now.Keys, now.Rest = t.rule.judge(p)
	if p.Last > now.Second { // all of a run is final
		t.Open = slices.DeleteFunc(t.Open, func(m moment) bool { return m.Second >= now.Second && m.Second <= p.Last })
	}
	i, had := slices.BinarySearchFunc(t.Open, now.Second, func(m moment, second int64) int { return cmp.Compare(m.Second, second) })
	switch {
	case !had:
		t.Open = slices.Insert(t.Open, i, now)
	case p.Final || p.Revision > t.Open[i].Revision:
		t.Open[i] = now
	default:
		return nil
	}
	// After so many seconds of a run nothing changes any more.
	for last := min(p.Last, now.Second+t.rule.settled()); now.Second < last; {
		now.Second++
		i++
		t.Open = slices.Insert(t.Open, i, now)
	}
	final := t.Settled
	if n := len(t.Open) - maxOpen; n > 0 && !p.Final {
		final = t.Open[n-1].Second
	}
	if p.Final {
		final = p.Last
	}
	changed := t.tell(final, Amendment{p.First, p.Revision})
	t.settle(final)
	return changed
}

// tell compares what follows from the open seconds with what was told of them. Those
// up to final are final. By is the point that was taken.
func (t *Tracker) tell(final int64, by Amendment) (changed []Transition) {
	var all []Transition
	was := make(map[Subject]map[int64]Transition)
	for _, old := range t.Told {
		if was[old.Subject] == nil {
			was[old.Subject] = make(map[int64]Transition)
		}
		was[old.Subject][old.Second] = old
	}
	add := func(now Transition) {
		now.Final = now.Second <= final
		old, told := was[now.Subject][now.Second]
		now.Revision = old.Revision
		if told && now != old {
			now.Revision++
		}
		if !told || now != old {
			changed = append(changed, now)
		}
		delete(was[now.Subject], now.Second)
		all = append(all, now)
	}
	t.replay(maps.Clone(t.Machines), t.Open, add)
	for _, rest := range was {
		for _, old := range rest {
			now := old
			if now.Number = t.numberAt(old); !now.Withdrawn {
				now.Withdrawn, now.By = true, by
			}
			add(now)
		}
	}
	slices.SortFunc(changed, compareTransitions)
	slices.SortFunc(all, compareTransitions)
	t.Told = all
	return changed
}

func compareTransitions(a, b Transition) int {
	return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.Key, b.Key))
}

// numberAt is what the rule compared at the second of a transition.
func (t *Tracker) numberAt(told Transition) value.Number {
	for _, m := range t.Open {
		if m.Second == told.Second {
			return m.judged(keyOf(told.Subject)).Number
		}
	}
	return ""
}

// Last is the last second of which the tracker has had a point; 0: none yet.
func (t *Tracker) Last() int64 {
	if n := len(t.Open); n > 0 {
		return t.Open[n-1].Second
	}
	return t.Settled
}

// Retire ends an alert that nobody follows any more: what is not ok is so in the second
// after the last.
func (t *Tracker) Retire() (ended []Transition) {
	machines := maps.Clone(t.Machines)
	t.replay(machines, t.Open, func(Transition) {})
	for _, key := range slices.Sorted(maps.Keys(machines)) {
		if was := machines[key].State; was != OK {
			ended = append(ended, Transition{Subject: t.subject(key), Second: t.Last() + 1, State: OK, Was: was, Final: true})
		}
	}
	return ended
}

// NewTrackerAfter returns a Tracker to which seconds up to one are known, and ok.
func NewTrackerAfter(r *Rule, second int64) *Tracker {
	t := NewTracker(r)
	t.Settled = second
	return t
}

// settle lets go of the seconds up to final.
func (t *Tracker) settle(final int64) {
	n, told := 0, 0
	for n < len(t.Open) && t.Open[n].Second <= final {
		n++
	}
	for told < len(t.Told) && t.Told[told].Second <= final {
		told++
	}
	t.Beyond += t.replay(t.Machines, t.Open[:n], func(Transition) {})
	t.Open = slices.Delete(t.Open, 0, n)
	t.Told = slices.Delete(t.Told, 0, told)
	t.Settled = max(t.Settled, final)
}

// replay lets machines step through seconds, the first after Settled. It returns how
// often a key had no room.
func (t *Tracker) replay(machines map[string]machine, seconds []moment, add func(Transition)) (beyond uint64) {
	before := t.Settled
	for _, m := range seconds {
		if before > 0 && m.Second > before+1 {
			// Seconds without a point are not known.
			for n := range min(m.Second-before-1, t.rule.settled()) {
				beyond += t.step(machines, moment{Second: before + 1 + n}, add)
			}
		}
		beyond += t.step(machines, m, add)
		before = m.Second
	}
	return beyond
}

// step is one second of all machines.
func (t *Tracker) step(machines map[string]machine, m moment, add func(Transition)) (beyond uint64) {
	for _, key := range t.subjects(machines, m) {
		its, kept := machines[key]
		switch {
		case !kept && len(machines) > MaxKeys: // the whole is one
			beyond++
			continue
		case !kept:
			its = machine{State: OK, New: key == whole}
		}
		was, j := its.State, m.judged(key)
		its.step(t.rule, j.Verdict, key != whole)
		if its.State != was {
			add(Transition{Subject: t.subject(key), Second: m.Second, State: its.State, Was: was, Number: j.Number})
		}
		if its.State == OK && key != whole {
			delete(machines, key)
		} else {
			machines[key] = its
		}
	}
	return beyond
}

// subjects are the keys with a state that is not ok, or that is bad now.
func (t *Tracker) subjects(machines map[string]machine, m moment) []string {
	if !t.rule.When.AnyKey {
		return []string{whole}
	}
	keys := map[string]bool{whole: true}
	for key := range machines {
		keys[key] = true
	}
	for key, j := range m.Keys {
		if j.Verdict == Bad {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// judged is what a second says of a key.
func (m *moment) judged(key string) judged {
	if j, listed := m.Keys[key]; listed {
		return j
	}
	return m.Rest
}

func (t *Tracker) subject(key string) Subject {
	if key == whole {
		return Subject{Alert: t.rule.Name}
	}
	return Subject{t.rule.Name, true, key[1:]}
}

func keyOf(s Subject) string {
	if s.Keyed {
		return "=" + s.Key
	}
	return whole
}
