package aggregate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSortCodes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, n := range []int{0, 1, 2, 127, 128, 129, 1000, maxRecent} {
		for _, most := range []uint32{1, 1000, codes} {
			narrow, wide := make([]uint32, n), make([]uint64, n)
			for i := range narrow {
				narrow[i] = r.Uint32N(most)
				wide[i] = uint64(narrow[i])<<32 | uint64(i)
			}
			if n > 1 {
				narrow[0], wide[0] = codes-1, (codes-1)<<32
			}
			wantNarrow, wantWide := slices.Sorted(slices.Values(narrow)), slices.Sorted(slices.Values(wide))
			sortCodes(narrow, make([]uint32, n), 0)
			sortCodes(wide, make([]uint64, n), 32)
			if !slices.Equal(narrow, wantNarrow) || !slices.Equal(wide, wantWide) {
				t.Errorf("%d codes below %d are not sorted", n, most)
			}
		}
	}
}

// However many numbers a partial folds, and however often it is asked meanwhile, it has the
// bytes of the same numbers one by one.
func TestRecentCodes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	k := newQuantiles(0, []float64{0.5}) // of x
	folded, asked, joined := k.NewPartial(), k.NewPartial(), k.NewPartial()
	f := newFolder(t)
	for i := range 2*maxRecent + 100 {
		ev := f.parse(fmt.Sprintf("x=%d key=a", r.IntN(1+i)))
		one := k.NewPartial()
		one.Fold(ev)
		folded.Fold(ev)
		asked.Fold(ev)
		if i%1000 == 999 {
			asked.AppendTo(nil)
		}
		if i%1500 == 1499 {
			asked.(*values).settled()
		}
		if err := joined.Join(one.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
	}
	want := joined.AppendTo(nil)
	if !bytes.Equal(folded.AppendTo(nil), want) || !bytes.Equal(asked.AppendTo(nil), want) {
		t.Error("numbers that were folded are not those that were joined")
	}
	if folded.Reset(); !folded.Empty() || len(folded.AppendTo(nil)) > 0 {
		t.Error("after Reset there is something left")
	}
}
