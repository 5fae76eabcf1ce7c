package aggregate

import (
	"fmt"
	"testing"
)

// What is an estimate says how far it may be off, and what is exact does not.
func TestStandardError(t *testing.T) {
	lines := func(n, keys int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("level=info ts=1700000000.%d key=k%d x=%d", i%10, i%keys, i))
		}
		return all
	}
	const over = 3000 // room for 100 keys
	rate := newRate(1)
	for _, test := range []struct {
		name  string
		kind  Kind
		lines []string
		want  float64
	}{
		{"unique, exact", newUnique(x), lines(1000, 1), 0},
		{"unique", newUnique(x), lines(1001, 1), 0.006},
		{"keys within their room", newKeyed(rate, byOne, 3, over), lines(1000, 100), 0},
		{"keys beyond their room", newKeyed(rate, byOne, 3, over), lines(1000, 101), 0.006},
		{"quantiles of keys beyond their room", newKeyed(newQuantiles(x, []float64{0.5}), byOne, 3, over), lines(1000, 101), 0.006},
		{"parts within their room", newLastSum(x, byOne, over), lines(1000, 100), 0},
		{"parts beyond their room, a line each", newLastCount(x, byOne, over), lines(101, 101), 0},
		{"parts beyond their room", newLastCount(x, byOne, over), lines(1000, 200), 0.05}, // half of them / sqrt(100)
		{"a counter of parts within their room", newDelta(x, byOne, over, 10), lines(1000, 99), 0},
		{"a counter of parts beyond their room", newDelta(x, byOne, over, 10), lines(1000, 200), 0.5},
		{"a ratio of two exact ones", newRatio(rate, rate), lines(10, 1), 0},
		{"a ratio by an estimate", newRatio(rate, newUnique(x)), lines(2000, 1), 0.006},
		{"a ratio of two estimates", newRatio(newUnique(x), newUnique(x)), lines(2000, 1), 0.009},
	} {
		folded, p := test.kind.NewPartial(), test.kind.NewPartial()
		newFolder(t).fold(folded, test.lines...)
		join(t, test.kind, p, folded.AppendTo(nil)) // what has no room is left out
		w := test.kind.NewWindow()
		w.Add(p)
		v := jsonOf(w.Value(whole))
		if got := standardError(w); got != test.want {
			t.Errorf("%s: %g, want %g (the value is %.80s)", test.name, got, test.want, v)
		}
		w.Sub(p)
		w.Value(whole)
		if got := standardError(w); got != 0 {
			t.Errorf("%s: %g of nothing", test.name, got)
		}
	}
}
