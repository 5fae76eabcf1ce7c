package alert

import (
	"cmp"
	"slices"
)

// An Incident is that something fired, or was not known for longer than its rule
// allows. It is identified by its Subject, Kind and Since.
type Incident struct {
	Subject
	Kind   State // Firing or StateUnknown
	Since  int64 // Unix time
	Until  int64 // the second in which it was over; 0: it is not
	Number string

	// Withdrawn says that there was no such incident: points that made it were amended.
	Withdrawn bool
	By        Amendment
}

// A Board has the state of everything, and what has been, from the transitions that a
// Tracker tells. They may come in any order and more than once.
type Board struct {
	keep int
	of   map[Subject][]Transition
}

// NewBoard returns a Board that remembers so many transitions of each subject.
func NewBoard(keep int) *Board { return &Board{keep: keep, of: map[Subject][]Transition{}} }

// MaxSubjects bounds the subjects of a Board.
const MaxSubjects = 20_000

// Put takes a transition and returns the incidents that it begins, ends or takes back.
func (b *Board) Put(t Transition) (changed []Incident) {
	old, known := b.of[t.Subject]
	if !known && len(b.of) >= MaxSubjects {
		return nil
	}
	i, there := slices.BinarySearchFunc(old, t.Second, func(o Transition, second int64) int { return cmp.Compare(o.Second, second) })
	var now []Transition
	switch {
	case !there:
		now = slices.Insert(slices.Clone(old), i, t)
	case t.Revision > old[i].Revision:
		now = slices.Clone(old)
		now[i] = t
	default:
		return nil
	}
	before, after := incidents(old), incidents(now)
	same := func(x Incident) func(Incident) bool {
		return func(y Incident) bool { return x.Kind == y.Kind && x.Since == y.Since }
	}
	for _, x := range after {
		if j := slices.IndexFunc(before, same(x)); j < 0 || before[j].Until != x.Until {
			changed = append(changed, x)
		}
	}
	for _, x := range before {
		if !slices.ContainsFunc(after, same(x)) {
			x.Withdrawn, x.By, x.Until = true, t.By, cmp.Or(x.Until, max(t.Second, x.Since))
			changed = append(changed, x)
		}
	}
	if now = b.trim(now); len(now) == 0 {
		delete(b.of, t.Subject)
	} else {
		b.of[t.Subject] = now
	}
	return changed
}

// trim forgets the oldest. What is left begins where all was well, or with what began
// the incident that has not ended since.
func (b *Board) trim(all []Transition) []Transition {
	for len(all) > b.keep {
		end := slices.IndexFunc(all[:len(all)-1], func(t Transition) bool { return !t.Withdrawn && (t.State == OK || t.State == Pending) })
		if end < 0 {
			return slices.Delete(all, 1, 1+len(all)-b.keep)
		}
		all = all[end+1:]
	}
	return all
}

// incidents are what transitions of one subject amount to, in the order in which they began.
func incidents(all []Transition) (found []Incident) {
	open := map[State]int{} // where in found
	end := func(kind State, second int64) {
		if i, ok := open[kind]; ok {
			found[i].Until = second
			delete(open, kind)
		}
	}
	begin := func(kind State, t Transition) {
		if _, ok := open[kind]; !ok {
			open[kind] = len(found)
			found = append(found, Incident{Subject: t.Subject, Kind: kind, Since: t.Second, Number: string(t.Number)})
		}
	}
	for _, t := range all {
		if t.Withdrawn {
			continue
		}
		if t.State != StateUnknown {
			end(StateUnknown, t.Second)
		}
		switch t.State {
		case StateUnknown:
			begin(StateUnknown, t)
		case Firing, Recovering:
			begin(Firing, t)
		default:
			end(Firing, t.Second)
		}
	}
	return found
}

// State is what a subject is in, and since when; OK and 0 where nothing is known of it.
func (b *Board) State(s Subject) (state State, since int64) {
	state = OK
	for _, t := range b.of[s] {
		if !t.Withdrawn {
			state, since = t.State, t.Second
		}
	}
	return state, since
}

// Incidents are all that are remembered, by subject; of each in order, and then those that
// were taken back.
func (b *Board) Incidents() (all []Incident) {
	for _, s := range b.Subjects() {
		all = append(all, incidents(b.of[s])...)
		for _, t := range b.of[s] {
			if t.Withdrawn && (t.State == Firing && t.Was != Recovering || t.State == StateUnknown) {
				all = append(all, Incident{Subject: s, Kind: t.State, Since: t.Second, Until: t.Second, Number: string(t.Number), Withdrawn: true, By: t.By})
			}
		}
	}
	return all
}

// Subjects are those that have transitions, in order.
func (b *Board) Subjects() []Subject {
	subjects := make([]Subject, 0, len(b.of))
	for s := range b.of {
		subjects = append(subjects, s)
	}
	slices.SortFunc(subjects, func(x, y Subject) int {
		return cmp.Or(cmp.Compare(x.Alert, y.Alert), cmp.Compare(x.Key, y.Key))
	})
	return subjects
}
