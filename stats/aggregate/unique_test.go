package aggregate

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"pulse/cmd/dev/testkit"
)

// TestUniqueIsExactUpTo1000 counts values that are spread over seconds.
func TestUniqueIsExactUpTo1000(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	for _, n := range []int{1, 999, 1000} {
		hashes := make([]uint64, n)
		for i := range hashes {
			hashes[i] = r.Uint64()
		}
		seconds := make([]Partial, 10)
		for i := range seconds {
			s := newUnique(x).NewPartial().(*set)
			for _, h := range hashes {
				if r.IntN(3) == 0 {
					s.add(h)
				}
			}
			seconds[i] = s
		}
		all := newUnique(x).NewPartial().(*set)
		for _, h := range hashes {
			all.add(h)
		}
		if got, want := valueOf(newUnique(x), append(seconds, all)...), strconv.Itoa(n); got != want {
			t.Errorf("%d values: %s", n, got)
		}
	}
}

// TestUniqueIsAnEstimateFrom1001 has one value too many, in one second and
// spread over several: the value is that of the set.
func TestUniqueIsAnEstimateFrom1001(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	one := newUnique(x).NewPartial().(*set)
	var spread []Partial
	for i := range 1001 {
		if i%400 == 0 {
			spread = append(spread, newUnique(x).NewPartial())
		}
		h := r.Uint64()
		one.add(h)
		spread[len(spread)-1].(*set).add(h)
	}
	want := strconv.FormatUint(estimate(histogramOf(one.ranks)), 10)
	if got := valueOf(newUnique(x), one); !one.sketched || got != want {
		t.Errorf("in one second %s, want %s", got, want)
	}
	if got := valueOf(newUnique(x), spread...); got != want {
		t.Errorf("spread over seconds %s, want %s", got, want)
	}
}

func histogramOf(ranks []uint8) *[maxRank + 1]int {
	var h [maxRank + 1]int
	for _, rank := range ranks {
		h[rank]++
	}
	return &h
}

// TestEstimateGrows raises registers one by one from empty to full.
func TestEstimateGrows(t *testing.T) {
	h := histogramOf(make([]uint8, registers))
	last := estimate(h)
	if last != 0 {
		t.Errorf("of nothing %d", last)
	}
	for rank := range maxRank {
		for range 64 {
			h[rank] -= registers / 64
			h[rank+1] += registers / 64
			next := estimate(h)
			if next < last || next == last && last != maxEstimate {
				t.Fatalf("%d after %d, with registers raised to %d", next, last, rank+1)
			}
			last = next
		}
	}
	if last != maxEstimate {
		t.Errorf("full registers give %d, want the most, %d", last, uint64(maxEstimate))
	}
}

// TestUniqueError measures the estimate's error over many sets of values.
func TestUniqueError(t *testing.T) {
	for _, n := range []int{1001, 5_000, 20_000, 100_000} {
		sets := min(200, testkit.Size(200_000, 4_000_000)/n)
		var sum, squares float64
		within := 0
		for seed := range sets {
			r := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
			s := newUnique(x).NewPartial().(*set)
			for range n {
				s.add(r.Uint64())
			}
			got, err := strconv.Atoi(valueOf(newUnique(x), s))
			if err != nil {
				t.Fatal(err)
			}
			e := float64(got-n) / float64(n)
			sum += e
			squares += e * e
			if math.Abs(e) <= 0.02 {
				within++
			}
		}
		of := float64(sets)
		bias, deviation, share := sum/of, math.Sqrt(squares/of), float64(within)/of
		t.Logf("%7d values: bias %+.3f %%, standard error %.3f %%, %.1f %% of %d sets within 2 %%", n, 100*bias, 100*deviation, 100*share, sets)
		// 1.04 / sqrt(2^15) is 0.57 %; the bounds leave four standard errors of
		// what is measured.
		if limit := 4 * 0.0057 / math.Sqrt(of); math.Abs(bias) > limit {
			t.Errorf("%d values: bias %.4f, above %.4f", n, bias, limit)
		}
		if limit := 0.0057 * (1 + 4/math.Sqrt(2*of)); deviation > limit {
			t.Errorf("%d values: standard error %.4f, above %.4f", n, deviation, limit)
		}
		if share < 1 {
			t.Errorf("%d values: %.3f of sets within 2 %%", n, share)
		}
	}
}

// TestUniqueGoesBackToExact slides a busy second out of the window.
func TestUniqueGoesBackToExact(t *testing.T) {
	k := newUnique(x)
	r := rand.New(rand.NewPCG(1, 7))
	busy, calm := k.NewPartial().(*set), k.NewPartial().(*set)
	for range 50_000 {
		busy.add(r.Uint64())
	}
	for range 10 {
		calm.add(r.Uint64())
	}
	w := k.NewWindow()
	w.Add(calm)
	w.Add(busy)
	if n, _ := strconv.Atoi(jsonOf(w.Value(whole))); n < 48_000 || n > 52_000 {
		t.Errorf("about 50,000 values: %d", n)
	}
	w.Sub(busy)
	if got := jsonOf(w.Value(whole)); got != "10" {
		t.Errorf("10 values left: %s", got)
	}
}
