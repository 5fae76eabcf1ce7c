package aggregate

import (
	"math/bits"
	"slices"
)

// A hashSet is a set of hashes, an open-addressed table with linear probing, which is at most
// half full: a table that counts nothing, in half the memory. Reset keeps its memory.
type hashSet struct {
	slots []uint64 // a power of two; 0 where empty
	zero  bool     // 0 is in the set
	len   int
	shift uint // of a hash, to get a slot's index: as in a table
}

// find returns where a hash other than 0 is, or would be.
func (s *hashSet) find(hash uint64) *uint64 {
	mask := len(s.slots) - 1
	for i := int(hash * 0x9e3779b97f4a7c15 >> s.shift); ; i = (i + 1) & mask {
		if slot := &s.slots[i]; *slot == 0 || *slot == hash {
			return slot
		}
	}
}

func (s *hashSet) has(hash uint64) bool {
	if hash == 0 || len(s.slots) == 0 {
		return hash == 0 && s.zero
	}
	return *s.find(hash) == hash
}

// known gives how many of the first hashes are where their search starts, as most are.
func (s *hashSet) known(hashes []uint64) int {
	slots := s.slots
	if len(slots) == 0 {
		return 0
	}
	for i, hash := range hashes {
		if at := hash * 0x9e3779b97f4a7c15 >> (s.shift & 63) & uint64(len(slots)-1); slots[at] != hash || hash == 0 {
			return i
		}
	}
	return len(hashes)
}

func (s *hashSet) add(hash uint64) {
	if hash == 0 {
		if !s.zero {
			s.zero, s.len = true, s.len+1
		}
		return
	}
	if 2*s.len >= len(s.slots) {
		s.resize(max(minSlots, 2*len(s.slots)))
	}
	if slot := s.find(hash); *slot == 0 {
		*slot = hash
		s.len++
	}
}

// reserve makes room for n hashes, so that the set does not grow step by step.
func (s *hashSet) reserve(n int) {
	if n > minSlots/2 && 2*n > len(s.slots) {
		s.resize(1 << bits.Len(uint(2*n-1)))
	}
}

func (s *hashSet) resize(slots int) {
	old := s.slots
	s.slots = make([]uint64, slots)
	s.shift = uint(64 - bits.TrailingZeros(uint(slots)))
	for _, hash := range old {
		if hash != 0 {
			*s.find(hash) = hash
		}
	}
}

// all calls yield with each hash, until it is false.
func (s *hashSet) all(yield func(hash uint64) bool) {
	if s.zero && !yield(0) {
		return
	}
	for _, hash := range s.slots {
		if hash != 0 && !yield(hash) {
			return
		}
	}
}

// sorted appends the hashes, ascending.
func (s *hashSet) sorted(b []uint64) []uint64 {
	if s.zero {
		b = append(b, 0)
	}
	for _, hash := range s.slots {
		if hash != 0 {
			b = append(b, hash)
		}
	}
	slices.Sort(b)
	return b
}

func (s *hashSet) reset() {
	if s.len > 0 {
		clear(s.slots)
		s.len, s.zero = 0, false
	}
}
