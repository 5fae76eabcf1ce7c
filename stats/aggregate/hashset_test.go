package aggregate

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestHashSet compares with a map, with hashes that collide and 0 among them.
func TestHashSet(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		var s hashSet
		want := map[uint64]bool{}
		for range 3000 {
			hash := r.Uint64N(1 << r.IntN(12))
			switch r.IntN(400) {
			case 0:
				s.reset()
				clear(want)
			case 1:
				s.reserve(r.IntN(500))
			default:
				s.add(hash)
				want[hash] = true
			}
			if hash := r.Uint64N(1 << 11); s.has(hash) != want[hash] || s.len != len(want) {
				t.Fatalf("seed %d: %d is in is %v among %d, want %v among %d", seed, hash, s.has(hash), s.len, want[hash], len(want))
			}
		}
		sorted := slices.Sorted(maps.Keys(want))
		if got := s.sorted(nil); !slices.Equal(got, sorted) {
			t.Fatalf("seed %d: %d hashes sorted, want %d", seed, len(got), len(sorted))
		}
		if got := slices.Sorted(s.all); !slices.Equal(got, sorted) {
			t.Fatalf("seed %d: all gives %d hashes, want %d", seed, len(got), len(sorted))
		}
	}
}
