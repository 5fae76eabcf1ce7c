package aggregate

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestColumns makes columns of registers, sparse and full ones, and these of columns again.
func TestColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, perThousand := range []int{0, 1, 40, 999} {
		for _, n := range []int{1, 7, 8, 9, 60} {
			seconds := make([][]byte, n)
			for i := range seconds {
				ranks := make([]uint8, registers)
				for j := range ranks {
					if r.IntN(1000) < perThousand {
						ranks[j] = uint8(1 + r.IntN(maxRank))
					}
				}
				ranks[0], ranks[registers-1] = uint8(i%2), uint8(maxRank*(i%3)/2)
				seconds[i] = appendRegisters(nil, ranks)
			}
			columns := AppendColumns([]byte("x"), seconds)
			back, rest := CutColumns(append(columns, "end"...)[1:], n)
			if string(rest) != "end" || len(back) != n {
				t.Fatalf("%d seconds and %q came back of %d", len(back), rest, n)
			}
			for i := range back {
				if !bytes.Equal(back[i], seconds[i]) {
					t.Errorf("%d of 1,000: second %d of %d came back as another one", perThousand, i, n)
				}
			}
		}
	}
}

// TestRegistersAt finds the registers of keys that found no room, with them and without.
func TestRegistersAt(t *testing.T) {
	k := newBy(rate{per: 1}, Parameters{Over: 86_400, Top: 1})
	p := k.NewPartial().(*keyed)
	for i := range 3 * capacity(86_400) {
		p.Count([]byte{byte(i), byte(i >> 8)}, 1+uint64(i))
		if i == 50 {
			if _, ok := RegistersAt(k, p.AppendTo(nil)); ok {
				t.Error("there are registers where all keys have room")
			}
		}
	}
	b := p.AppendTo(nil)
	at, ok := RegistersAt(k, b)
	if !ok || !bytes.Equal(b[at:at+RegistersLen], appendRegisters(nil, p.ranks)) {
		t.Fatalf("no registers at %d: %t", at, ok)
	}
	if again, ok := RegistersAt(k, append(b[:at:at], b[at+RegistersLen:]...)); !ok || again != at {
		t.Errorf("without them they were at %d, want %d", again, at)
	}
}
