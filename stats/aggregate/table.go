package aggregate

import "math/bits"

// A table counts keys: an open-addressed hash table with linear probing, which
// is at most half full. Reset keeps its memory, so that what is counted anew
// each second allocates nothing once it has grown.
type table struct {
	slots []slot // a power of two; empty where n is 0
	len   int
	shift uint // of a hash, to get a slot's index
}

type slot struct {
	key uint64
	n   uint64
}

// minSlots is the size of a table that holds anything.
const minSlots = 16

// index is where a key's search starts: Fibonacci hashing, which spreads keys
// that are dense integers as well as hashes.
func (t *table) index(key uint64) int {
	return int(key * 0x9e3779b97f4a7c15 >> t.shift)
}

// add counts a key n more times and returns its count before; n is not 0.
func (t *table) add(key, n uint64) (before uint64) {
	if 2*t.len >= len(t.slots) {
		t.grow()
	}
	mask := len(t.slots) - 1
	for i := t.index(key); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.n == 0 {
			*s = slot{key, n}
			t.len++
			return 0
		}
		if s.key == key {
			before = s.n
			s.n += n
			return before
		}
	}
}

// sub counts a key n times less and returns what is left. A key that is not
// counted n times is left as it is.
func (t *table) sub(key, n uint64) (left uint64) {
	i, ok := t.find(key)
	if !ok || t.slots[i].n < n {
		return 0
	}
	if t.slots[i].n -= n; t.slots[i].n > 0 {
		return t.slots[i].n
	}
	t.remove(i)
	return 0
}

// count is how often a key is counted.
func (t *table) count(key uint64) uint64 {
	if i, ok := t.find(key); ok {
		return t.slots[i].n
	}
	return 0
}

func (t *table) find(key uint64) (int, bool) {
	if t.len == 0 {
		return 0, false
	}
	mask := len(t.slots) - 1
	for i := t.index(key); ; i = (i + 1) & mask {
		switch s := &t.slots[i]; {
		case s.n == 0:
			return 0, false
		case s.key == key:
			return i, true
		}
	}
}

// remove empties slot i and moves up what was put after it for lack of room.
func (t *table) remove(i int) {
	mask := len(t.slots) - 1
	for j := (i + 1) & mask; t.slots[j].n != 0; j = (j + 1) & mask {
		// A slot may move to i unless its search starts after i.
		if home := t.index(t.slots[j].key); (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot{}
	t.len--
}

func (t *table) grow() { t.resize(max(minSlots, 2*len(t.slots))) }

// reserve makes room for n keys, so that the table does not grow step by step.
func (t *table) reserve(n int) {
	if n > minSlots/2 && 2*n > len(t.slots) {
		t.resize(1 << bits.Len(uint(2*n-1)))
	}
}

// resize makes a table of so many slots.
func (t *table) resize(slots int) {
	old := t.slots
	t.slots = make([]slot, slots)
	t.shift = uint(64 - bits.TrailingZeros(uint(len(t.slots))))
	t.len = 0
	for _, s := range old {
		if s.n != 0 {
			t.add(s.key, s.n)
		}
	}
}

// reset empties the table and keeps its memory.
func (t *table) reset() {
	if t.len > 0 {
		clear(t.slots)
		t.len = 0
	}
}
