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
	keep   int
	of     map[Subject]past
	missed int
}

// A past is what is remembered of a subject.
type past struct {
	transitions []Transition
	forgotten   int64 // up to this second some were forgotten; 0: none
}

// NewBoard returns a Board that remembers so many transitions of each subject.
func NewBoard(keep int) *Board { return &Board{keep: keep, of: map[Subject]past{}} }

// MaxSubjects bounds the subjects of a Board. Beyond them those that have been ok for longest
// are forgotten.
const MaxSubjects = 20_000

// Missed is how many transitions were left out because MaxSubjects others were not ok.
func (b *Board) Missed() int { return b.missed }

// Put takes a transition and returns the incidents that it begins, ends or takes back.
func (b *Board) Put(t Transition) (changed []Incident) {
	of, known := b.of[t.Subject]
	if !known && !b.room() {
		b.missed++
		return nil
	}
	old := of.transitions
	i, there := slices.BinarySearchFunc(old, t.Second, func(o Transition, second int64) int { return cmp.Compare(o.Second, second) })
	var now []Transition
	switch {
	case !there && of.forgotten > 0 && t.Second <= of.forgotten:
		return nil // a later revision of what was forgotten: it would look like news
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
	of.transitions = now
	of.trim(b.keep)
	b.of[t.Subject] = of
	return changed
}

// room reports whether there is room for one more subject, for which half of those that are
// ok, and of which no revision can come any more, may be forgotten.
func (b *Board) room() bool {
	if len(b.of) < MaxSubjects {
		return true
	}
	var over []Subject
	for s, p := range b.of {
		state, _ := b.State(s)
		if state == OK && !slices.ContainsFunc(p.transitions, func(t Transition) bool { return !t.Final }) {
			over = append(over, s)
		}
	}
	slices.SortFunc(over, func(x, y Subject) int { return cmp.Compare(b.of[x].last(), b.of[y].last()) })
	for _, s := range over[:(len(over)+1)/2] {
		delete(b.of, s)
	}
	return len(over) > 0
}

func (p past) last() int64 { return p.transitions[len(p.transitions)-1].Second }

// trim forgets the oldest. What is left begins where all was well, or with what began
// the incident that has not ended since.
func (p *past) trim(keep int) {
	all := p.transitions
	for len(all) > keep {
		end := slices.IndexFunc(all[:len(all)-1], func(t Transition) bool { return !t.Withdrawn && (t.State == OK || t.State == Pending) })
		if end < 0 {
			extra := len(all) - keep
			p.forgotten = all[extra].Second
			all = slices.Delete(all, 1, 1+extra)
			break
		}
		p.forgotten = all[end].Second
		all = all[end+1:]
	}
	p.transitions = all
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
	for _, t := range b.of[s].transitions {
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
		all = append(all, incidents(b.of[s].transitions)...)
		for _, t := range b.of[s].transitions {
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
