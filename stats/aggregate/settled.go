package aggregate

import (
	"cmp"
	"slices"
)

// settled is what a window of unique keeps of seconds that nothing joins any more and that
// leave it in order. A second says nothing of a register if a later one has as great a rank
// there, for no window has the earlier one without the later: what is left of a day is some
// ten steps a register, 3 MB, and not a day's registers, 2 GB. That is the list of possible
// future maxima of Chabchoub and Hébrail, "Sliding HyperLogLog" (2010); it loses nothing.
// Of hashes, likewise, those seen last do: more than maxExact are not counted one by one.
type settled struct {
	from   int64            // what is before it is not in the window
	least  int64            // and what is before this will never be again
	recent map[uint64]int64 // hash -> the last second that has it
	beyond int64            // the last second that tells more than recent does; -1: none
	sketch int64            // the last second that is a sketch; -1: none

	steps [][]step // by register, seconds rising and ranks falling; nil: recent tells all
	first []uint8  // of each, the step that is the first in the window
}

// maxSeen is how many hashes are kept before those beyond maxExact + 1 are dropped.
const maxSeen = 2 * (maxExact + 1)

// A step is a second and the rank of a register there, which no later second has.
type step uint64

func (s step) second() int64 { return int64(s >> rankBits) }
func (s step) rank() uint8   { return uint8(s & (1<<rankBits - 1)) }

// Settle implements Settler.
func (w *uniqueWindow) Settle(p Partial, second int64) {
	w.Sub(p)
	if w.past == nil {
		w.past = &settled{recent: map[uint64]int64{}, beyond: -1, sketch: -1}
	}
	// The window was further on, and came back behind all that had settled: none of those
	// entered it, so that it was not told.
	w.past.from = min(w.past.from, second)
	s := p.(*set)
	if s.sketched {
		w.leave(second)
		w.past.sketch = second
		for register, rank := range s.ranks {
			if rank > 0 {
				w.step(second, register, rank)
			}
		}
		return
	}
	for hash := range s.hashes.all {
		if last, ok := w.past.recent[hash]; !ok || last < w.past.from {
			w.addHash(hash)
		}
		w.past.recent[hash] = second
		if w.past.steps != nil {
			register, rank := place(hash)
			w.step(second, register, rank)
		}
	}
	if len(w.past.recent) > maxSeen {
		w.forgetHashes()
	}
}

// Slide implements Settler.
func (w *uniqueWindow) Slide(from, least int64) {
	past := w.past
	if past == nil {
		return
	}
	before := past.from
	past.from, past.least = from, least
	for hash, last := range past.recent {
		switch was, is := last >= before, last >= from; {
		case is && !was:
			w.addHash(hash)
		case was && !is:
			w.subHash(hash)
		}
		if last < least {
			delete(past.recent, hash)
		}
	}
	for register := range past.steps {
		w.changeStep(register, func() {
			steps, i := past.steps[register], past.first[register]
			for i > 0 && steps[i-1].second() >= from {
				i--
			}
			for int(i) < len(steps) && steps[i].second() < from {
				i++
			}
			past.first[register] = i
		})
	}
	if past.beyond < least && !w.sketched {
		past.steps, past.first = nil, nil
	}
}

// forgetHashes drops those of recent that were not seen for longest.
func (w *uniqueWindow) forgetHashes() {
	dropped := w.past.byAge()
	dropped = dropped[:len(dropped)-(maxExact+1)]
	w.leave(dropped[len(dropped)-1].last)
	for _, h := range dropped {
		if h.last >= w.past.from {
			w.subHash(h.hash)
		}
		delete(w.past.recent, h.hash)
	}
}

// A seen is a hash and the last second that has it.
type seen struct {
	hash uint64
	last int64
}

// byAge is the hashes of recent, what was not seen for longest first.
func (s *settled) byAge() []seen {
	all := make([]seen, 0, len(s.recent))
	for hash, last := range s.recent {
		all = append(all, seen{hash, last})
	}
	slices.SortFunc(all, func(a, b seen) int { return cmp.Compare(a.last, b.last) })
	return all
}

// leave says that recent lacks something of a second, and begins to keep steps.
func (w *uniqueWindow) leave(second int64) {
	past := w.past
	past.beyond = max(past.beyond, second)
	if past.steps != nil {
		return
	}
	past.steps, past.first = make([][]step, registers), make([]uint8, registers)
	for _, h := range past.byAge() {
		register, rank := place(h.hash)
		w.step(h.last, register, rank)
	}
}

// step adds the rank of a register at a second, which is not before those that were added.
func (w *uniqueWindow) step(second int64, register int, rank uint8) {
	past := w.past
	steps := past.steps[register]
	n := len(steps)
	if n > 0 && steps[n-1].second() == second && steps[n-1].rank() >= rank {
		return
	}
	w.changeStep(register, func() {
		for n > 0 && steps[n-1].rank() <= rank {
			n--
		}
		steps = steps[:n]
		first := min(int(past.first[register]), n)
		if n == cap(steps) {
			old := 0
			for old < first && steps[old].second() < past.least {
				old++
			}
			first -= old
			steps = slices.Grow(steps[:copy(steps, steps[old:])], 1)
		}
		steps = append(steps, step(second)<<rankBits|step(rank))
		if second < past.from {
			first = len(steps)
		}
		past.steps[register], past.first[register] = steps, uint8(first)
	})
}

// changeStep does what may change the greatest rank that settled seconds of the window have
// in a register, and enters that.
func (w *uniqueWindow) changeStep(register int, do func()) {
	before := w.past.rank(register)
	do()
	after := w.past.rank(register)
	if !w.sketched || before == after {
		return
	}
	if after > 0 {
		w.raise(register, after)
	}
	if before > 0 {
		w.lower(register, before)
	}
}

// rank is the greatest rank that settled seconds of the window have in a register; 0: none.
func (s *settled) rank(register int) uint8 {
	if steps, i := s.steps[register], int(s.first[register]); i < len(steps) {
		return steps[i].rank()
	}
	return 0
}
