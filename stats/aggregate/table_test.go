package aggregate

import (
	"math/rand/v2"
	"testing"
)

// TestTable compares a table with a map, with keys that collide.
func TestTable(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		keys := make([]uint64, 200)
		for i := range keys {
			keys[i] = r.Uint64() >> (seed % 4 * 20)
		}
		var table table
		want := map[uint64]uint64{}
		for range 5000 {
			key, n := keys[r.IntN(len(keys))], 1+r.Uint64N(3)
			switch {
			case r.IntN(1000) == 0:
				table.reset()
				clear(want)
			case r.IntN(2) == 0:
				if before := table.add(key, n); before != want[key] {
					t.Fatalf("seed %d: %d before adding, want %d", seed, before, want[key])
				}
				want[key] += n
			case want[key] >= n:
				want[key] -= n
				if left := table.sub(key, n); left != want[key] {
					t.Fatalf("seed %d: %d left, want %d", seed, left, want[key])
				}
				if want[key] == 0 {
					delete(want, key)
				}
			}
			if table.len != len(want) || table.count(key) != want[key] {
				t.Fatalf("seed %d: key %d %d times among %d keys, want %d among %d", seed, key, table.count(key), table.len, want[key], len(want))
			}
		}
		for key, n := range want {
			if table.count(key) != n {
				t.Fatalf("seed %d: key %d %d times, want %d", seed, key, table.count(key), n)
			}
		}
	}
}

// What a table has room for it takes without growing, and what it had stays.
func TestTableReserve(t *testing.T) {
	for _, n := range []int{0, 1, 8, 9, 1000, 1024, 1025} {
		var reserved table
		reserved.add(7, 3)
		reserved.reserve(n)
		slots := len(reserved.slots)
		for key := range uint64(n) {
			reserved.add(key, 1)
		}
		if want := max(slots, minSlots); n > 8 && len(reserved.slots) != want {
			t.Errorf("%d keys: the table grew from %d to %d slots", n, slots, len(reserved.slots))
		}
		want := uint64(3)
		if n > 7 {
			want++
		}
		if got := reserved.count(7); got != want {
			t.Errorf("%d keys: a key that was there is counted %d times, want %d", n, got, want)
		}
	}
}
