package aggregate

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/fixed"
)

// Lines that are gathered first make the bytes that they make one by one.
func TestBatchesAreLines(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 20))
	f := newFolder(t)
	batched := 0
	for _, k := range kinds() {
		if _, ok := k.kind.NewPartial().(BatchFolder); !ok {
			continue
		}
		batched++
		for _, distinct := range []int{3, 100, 1_000_000} {
			lines := randomLines(r, testkit.Size(2_000, 12_000), distinct)
			one, many := k.kind.NewPartial(), k.kind.NewPartial().(BatchFolder)
			f.fold(one, lines...)
			var gathered []uint64
			for _, text := range lines {
				ev := f.parse(text)
				n, isNumber := ev.Number(x)
				switch {
				case many.ByHash() && ev.Has(x):
					gathered = append(gathered, ev.Hash(x))
				case !many.ByHash() && isNumber && n.Hi == 0 && n.Lo>>63 == 0:
					gathered = append(gathered, n.Lo)
				default:
					many.Fold(ev)
				}
				if len(gathered) > r.IntN(200) {
					many.FoldBatch(gathered)
					gathered = gathered[:0]
				}
			}
			if len(gathered) > 0 {
				many.FoldBatch(gathered)
			}
			if want, got := one.AppendTo(nil), many.AppendTo(nil); !bytes.Equal(want, got) {
				t.Errorf("%s of %d values: gathered lines make other bytes", k.name, distinct)
			}
		}
	}
	if batched < 5 {
		t.Errorf("%d kinds gather lines", batched)
	}
}

// appendCodes gives the codes of code.
func TestAppendCodes(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 21))
	var units []uint64
	for i := range powersOfTen[:19] {
		for _, near := range []uint64{0, 1, 4, 5, 9, powersOfTen[i] / 2, powersOfTen[i] - 1} {
			units = append(units, powersOfTen[i]+near, powersOfTen[i]-min(near, powersOfTen[i]), (powersOfTen[i]+near)>>1)
		}
	}
	for shift := range 63 {
		units = append(units, 1<<shift, 1<<shift-1, 1<<shift+1)
	}
	for range testkit.Size(20_000, 2_000_000) {
		n := r.Uint64() >> 1 >> r.IntN(63)
		if off := r.IntN(16); n > powersOfTen[off] && r.IntN(2) == 0 { // half of the last place, or about it
			n = n/powersOfTen[off]*powersOfTen[off] + powersOfTen[off]/2 - uint64(r.IntN(2))
		}
		units = append(units, n&(1<<63-1))
	}
	got := appendCodes([]uint32{7}, units)
	if len(got) != 1+len(units) || got[0] != 7 {
		t.Fatalf("%d codes of %d magnitudes after %d", len(got), len(units), got[0])
	}
	for i, n := range units {
		if want := code(fixed.Number{Lo: n}); got[1+i] != want {
			t.Fatalf("%d units: code %d, want %d", n, got[1+i], want)
		}
	}
}
