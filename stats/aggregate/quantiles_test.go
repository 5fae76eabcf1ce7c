package aggregate

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/stats/fixed"
)

func number(t testing.TB, s string) fixed.Number {
	t.Helper()
	n, ok := fixed.Parse([]byte(s))
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return n
}

func TestCodeHasFourDigits(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"0", "0"}, {"1", "1"}, {"9999", "9999"}, {"-9999", "-9999"}, {"10000", "10000"},
		{"12344", "12340"}, {"12345", "12350"}, {"-12345", "-12350"}, {"99995", "100000"},
		{"0.000000001", "0.000000001"}, {"0.000009999", "0.000009999"}, {"0.000012345", "0.00001235"},
		{"1.2345", "1.235"}, {"1.23449999", "1.234"},
		{"999999999999999999", "1000000000000000000"}, {"-999999999999999999.5", "-1000000000000000000"},
		{"123456789012345678", "123500000000000000"}, {"18446744073.709551615", "18450000000"},
	} {
		if got := decode(code(number(t, test.in))).String(); got != test.want {
			t.Errorf("%s counts as %s, want %s", test.in, got, test.want)
		}
	}
}

// TestCodeRounds compares with math/big over all magnitudes, and codes keep the
// order of the numbers.
func TestCodeRounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	limit := fixed.Int(1e18)
	type pair struct {
		n fixed.Number
		c uint32
	}
	var pairs []pair
	for range 20_000 {
		n := fixed.FromMagnitude(r.Uint64()>>r.IntN(64), r.Uint64(), r.IntN(2) == 0)
		if r.IntN(3) == 0 {
			n = fixed.FromMagnitude(0, r.Uint64()>>r.IntN(64), r.IntN(2) == 0)
		}
		c := code(n)
		pairs = append(pairs, pair{n, c})
		if n.Cmp(limit) > 0 || n.Cmp(limit.Neg()) < 0 {
			if c != 0 && c != codes-1 {
				t.Fatalf("%s has code %d, want the last of its side", n, c)
			}
			continue
		}
		value, _ := new(big.Rat).SetString(n.String())
		want := roundTo4(value)
		if got, _ := new(big.Rat).SetString(decode(c).String()); got.Cmp(want) != 0 {
			t.Fatalf("%s counts as %s, want %s", n, decode(c), want.FloatString(9))
		}
		if code(decode(c)) != c {
			t.Fatalf("%s does not count as itself", decode(c))
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return a.n.Cmp(b.n) })
	if !slices.IsSortedFunc(pairs, func(a, b pair) int { return int(a.c) - int(b.c) }) {
		t.Error("codes are not in the order of the numbers")
	}
}

// roundTo4 rounds to four significant digits or nine places, half away from 0.
func roundTo4(x *big.Rat) *big.Rat {
	unit := big.NewRat(1, 1e9)
	for new(big.Rat).Abs(x).Cmp(new(big.Rat).Mul(unit, big.NewRat(9999, 1))) > 0 {
		next := new(big.Rat).Mul(unit, big.NewRat(10, 1))
		if new(big.Rat).Abs(x).Cmp(new(big.Rat).Mul(unit, big.NewRat(10000, 1))) < 0 {
			break // it rounds up to the next power of ten
		}
		unit = next
	}
	steps, _ := new(big.Rat).SetString(new(big.Rat).Quo(x, unit).FloatString(0))
	return steps.Mul(steps, unit)
}

func TestEachCodeIsItself(t *testing.T) {
	for c := range uint32(codes) {
		if got := code(decode(c)); got != c {
			t.Fatalf("code %d is %s, which has code %d", c, decode(c), got)
		}
	}
}

// TestQuantilesAreNearestRanks compares with sorting, up to 1,000 different
// values.
func TestQuantilesAreNearestRanks(t *testing.T) {
	at := []float64{0.001, 0.07, 0.5, 0.9, 0.95, 0.99, 0.999, 1}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		n := 1 + r.IntN(3000)
		var values []int
		p := Quantiles(x, at).NewPartial()
		f := newFolder(t)
		for range n {
			v := r.IntN(1+r.IntN(1000)) - 300
			values = append(values, v)
			f.fold(p, fmt.Sprintf("level=info x=%d", v))
		}
		slices.Sort(values)
		got := map[string]int{}
		if err := json.Unmarshal([]byte(valueOf(Quantiles(x, at), p)), &got); err != nil {
			t.Fatal(err)
		}
		for _, q := range at {
			label := fmt.Sprint(q)
			exact, _ := new(big.Rat).SetString(label)
			exact.Mul(exact, big.NewRat(int64(n), 1))
			rank := new(big.Int).Div(new(big.Int).Add(exact.Num(), new(big.Int).Sub(exact.Denom(), big.NewInt(1))), exact.Denom())
			if want := values[rank.Int64()-1]; got[label] != want {
				t.Fatalf("seed %d: quantile %s of %d values is %d, want %d", seed, label, n, got[label], want)
			}
		}
	}
}

// distributions are of the shapes that logs have, each with more than 1,000
// different values.
var distributions = []struct {
	name string
	next func(r *rand.Rand) float64
}{
	{"uniform", func(r *rand.Rand) float64 { return r.Float64() * 5000 }},
	{"exponential", func(r *rand.Rand) float64 { return r.ExpFloat64() * 300 }},
	{"log-normal", func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()*1.5 + 4) }},
	{"pareto", func(r *rand.Rand) float64 { return math.Pow(1-r.Float64(), -1/1.2) }},
	{"two peaks", func(r *rand.Rand) float64 {
		if r.IntN(50) == 0 {
			return 20_000 + r.NormFloat64()*500
		}
		return 40 + r.NormFloat64()*8
	}},
}

// sample returns the counts of n values, and the values as they are counted, in
// order.
func sample(next func(r *rand.Rand) float64, seed uint64, n int) (*values, []uint32) {
	r := rand.New(rand.NewPCG(seed, 10))
	p := new(values)
	codes := make([]uint32, n)
	for i := range codes {
		codes[i] = code(fixed.FromMagnitude(0, uint64(max(next(r), 0)*1e9), false))
		p.codes.add(uint64(codes[i]), 1)
	}
	slices.Sort(codes)
	return p, codes
}

// rankError is how far quantile q is from a value's ranks among sorted codes,
// as a share of them.
func rankError(codes []uint32, value uint32, q float64) float64 {
	first, _ := slices.BinarySearch(codes, value)
	last, _ := slices.BinarySearch(codes, value+1)
	rank := q * float64(len(codes))
	return max(float64(first)-rank, rank-float64(last), 0) / float64(len(codes))
}

// TestDigestRankError is the promise for windows of more than 1,000 different
// values: within 0.5 % of the ranks.
func TestDigestRankError(t *testing.T) {
	at := []float64{0.5, 0.95, 0.99}
	worst := 0.0
	for _, d := range distributions {
		for seed := range uint64(6) {
			p, codes := sample(d.next, seed, []int{3_000, 20_000, 100_000}[seed%3])
			w := Quantiles(x, at).NewWindow().(*quantilesWindow)
			w.Add(p)
			if w.counts.distinct <= maxCounted {
				t.Fatalf("%s, seed %d: only %d different values", d.name, seed, w.counts.distinct)
			}
			var got map[string]json.Number
			if err := json.Unmarshal([]byte(jsonOf(w.Value())), &got); err != nil {
				t.Fatal(err)
			}
			for _, q := range at {
				e := rankError(codes, code(number(t, got[fmt.Sprint(q)].String())), q)
				worst = max(worst, e)
				if e > 0.005 {
					t.Errorf("%s, seed %d: quantile %v is off by %.2f %% of the ranks", d.name, seed, q, 100*e)
				}
			}
		}
	}
	t.Logf("worst: %.3f %% of the ranks", 100*worst)
}

func BenchmarkQuantilesValue(b *testing.B) {
	for _, n := range []int{500, 3_000, 20_000, 100_000} {
		p, _ := sample(distributions[2].next, 1, n)
		w := Quantiles(x, []float64{0.5, 0.95, 0.99}).NewWindow().(*quantilesWindow)
		w.Add(p)
		b.Run(fmt.Sprintf("%d different", w.counts.distinct), func(b *testing.B) {
			for b.Loop() {
				w.Value()
			}
		})
		b.Run(fmt.Sprintf("%d different, nearest rank", w.counts.distinct), func(b *testing.B) {
			for b.Loop() {
				for _, q := range w.at {
					decode(w.counts.rank(q.rank(w.counts.total)))
				}
			}
		})
	}
}
