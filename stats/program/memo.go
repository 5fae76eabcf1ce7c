package program

import (
	"pulse/stats/line"
)

// Bounds of a memo: of its entries, of what they hold, and of how many lines
// go by the index when it is full before it begins anew.
const (
	memoSlots    = 1 << 14 // twice the entries
	memoProbes   = 16      // slots that are tried
	memoHashBits = 16      // of a hash, by which most that have no entry are known at once
	memoCells    = 1 << 20 // codes, stats and tests of all entries
	memoRelearn  = 1 << 20
)

// A memo remembers, for sequences of codes, which stats they decide.
type memo struct {
	slots   [memoSlots]memoSlot
	hashes  [1 << memoHashBits / 64]uint64 // bits: of the entries' hashes the first ones
	crowded bool                           // there is no room for more
	entries int
	cells   int
	missed  int // lines that had no entry and for which there was no room
}

// A memoSlot has the entry's hash beside it, so that others need not be looked at.
type memoSlot struct {
	hash  uint64
	entry *entry // nil: free
}

// An entry is what one sequence of codes decides. What each of its lines reads stands first,
// so that it is in as few lines of the cache as possible.
type entry struct {
	codes   []line.Code
	columns []entryColumn // what is gathered of each such line
	folds   []fold        // other stats that each such line may meet and that do not just count it
	counts  [lanes]uint64 // lines, by the lane of their second; to be added to the counted

	counted  []int32 // stats that count each such line
	mistyped []int32 // those that it misses for a value's type
	fields   []int32 // the line's, as codedField numbers them
}

// A fold is a stat, and the condition that is left to be tested, if any.
type fold struct {
	stat int32
	left *cond
}

// find gives the entry of the codes, nil if there is none, and then where to
// put it, -1 if nowhere.
func (m *memo) find(codes []line.Code, hash uint64) (e *entry, at int) {
	if bit := hash >> (64 - memoHashBits); m.crowded && m.hashes[bit/64]>>(bit%64)&1 == 0 {
		return nil, -1
	}
	for i := range uint64(memoProbes) {
		at := (hash + i) % memoSlots
		s := &m.slots[at]
		if s.entry == nil {
			return nil, int(at)
		}
		if s.hash == hash && equalCodes(s.entry.codes, codes) {
			return s.entry, int(at)
		}
	}
	return nil, -1
}

// equalCodes compares codes, several at once, with the padding after them.
func equalCodes(a, b []line.Code) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i += line.CodePadding {
		if *(*[line.CodePadding]line.Code)(a[i : i+line.CodePadding]) != *(*[line.CodePadding]line.Code)(b[i : i+line.CodePadding]) {
			return false
		}
	}
	return true
}

// add puts an entry where find said.
func (m *memo) add(at int, hash uint64, e *entry) {
	m.slots[at] = memoSlot{hash, e}
	bit := hash >> (64 - memoHashBits)
	m.hashes[bit/64] |= 1 << (bit % 64)
	m.entries++
	m.cells += len(e.codes) + len(e.counted) + len(e.mistyped) + len(e.fields) + len(e.columns)
	for _, f := range e.folds {
		m.cells++
		if f.left != nil {
			m.cells += f.left.size()
		}
	}
	m.crowded = m.full()
}

// full reports whether there is no room for one more entry.
func (m *memo) full() bool { return m.entries >= memoSlots/2 || m.cells >= memoCells }
