package aggregate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
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
		{"9223372036854775807", "9223000000000000000"},
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
	limit := fixed.Int(1e18).Add(fixed.Int(9e18))
	type pair struct {
		n fixed.Number
		c uint32
	}
	var pairs []pair
	for range testkit.Size(4_000, 20_000) {
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

// datasets are of the shapes that logs have and that interpolating gets wrong. Each
// gives the next number's text.
var datasets = []struct {
	name string
	next func(r *rand.Rand) string
}{
	{"integers", func(r *rand.Rand) string { return fmt.Sprint(r.IntN(5000) - 300) }},
	{"ties", func(r *rand.Rand) string { return fmt.Sprint(r.IntN(3)) }},
	{"zeros", func(r *rand.Rand) string { return fmt.Sprint(max(r.IntN(4000)-3000, 0)) }},
	{"one dominant value", func(r *rand.Rand) string {
		if r.IntN(10) > 0 {
			return "200"
		}
		return fmt.Sprint(1000 + r.IntN(100_000))
	}},
	{"a heavy minimum", func(r *rand.Rand) string {
		if r.IntN(2) > 0 {
			return "-7.5"
		}
		return fmt.Sprintf("%.3f", r.ExpFloat64()*300)
	}},
	{"fractions", func(r *rand.Rand) string { return fmt.Sprintf("%.9f", math.Pow(1-r.Float64(), -1/1.2)) }},
	{"both signs, all sizes", func(r *rand.Rand) string {
		return fmt.Sprintf("%.9f", math.Exp(r.Float64()*60-20)*float64(1-2*r.IntN(2)))
	}},
	{"two peaks", func(r *rand.Rand) string {
		if r.IntN(50) == 0 {
			return fmt.Sprintf("%.2f", 20_000+r.NormFloat64()*500)
		}
		return fmt.Sprintf("%.2f", 40+r.NormFloat64()*8)
	}},
}

// nearestRanks works quantiles of rounded numbers out a second time: the ceil(q n)-th
// of them, sorted.
func nearestRanks(all []*big.Rat, at []float64) string {
	if len(all) == 0 {
		return "null"
	}
	slices.SortFunc(all, (*big.Rat).Cmp)
	var b strings.Builder
	for i, q := range at {
		exact, _ := new(big.Rat).SetString(fmt.Sprint(q))
		exact.Mul(exact, big.NewRat(int64(len(all)), 1))
		rank := new(big.Int).Div(new(big.Int).Add(exact.Num(), new(big.Int).Sub(exact.Denom(), big.NewInt(1))), exact.Denom())
		n := all[rank.Int64()-1].FloatString(9)
		fmt.Fprintf(&b, `%c"%v":%s`, "{,"[min(i, 1)], q, strings.TrimSuffix(strings.TrimRight(n, "0"), "."))
	}
	return b.String() + "}"
}

// Quantiles are nearest ranks, of however many different numbers, and by key too,
// while a window of five seconds moves over thirty.
func TestQuantilesAreNearestRanks(t *testing.T) {
	at := []float64{0.001, 0.07, 0.5, 0.1, 0.75, 0.95, 0.999, 1}
	plain, keyed := newQuantiles(x, at), newKeyed(newQuantiles(x, at), byOne, 2, 5)
	for _, d := range datasets {
		t.Run(d.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 9))
			f := newFolder(t)
			type second struct {
				plain, keyed Partial
				numbers      map[string][]*big.Rat // by key, rounded
			}
			var seconds []second
			w, by := plain.NewWindow(), keyed.NewWindow()
			for range testkit.Size(7, 30) {
				s := second{plain.NewPartial(), keyed.NewPartial(), map[string][]*big.Rat{}}
				for range r.IntN(1 + r.IntN(300)) {
					key := []string{"a", "a", "a", "b", "b", "c", "d"}[r.IntN(7)]
					text := d.next(r)
					n, _ := new(big.Rat).SetString(text)
					s.numbers[key] = append(s.numbers[key], roundTo4(n))
					f.fold(s.plain, "level=info x="+text)
					f.fold(s.keyed, "level=info x="+text+" key="+key)
				}
				seconds = append(seconds, s)
				w.Add(s.plain)
				by.Add(s.keyed)
				if old := len(seconds) - 6; old >= 0 {
					w.Sub(seconds[old].plain)
					by.Sub(seconds[old].keyed)
				}

				numbers := map[string][]*big.Rat{}
				var all []*big.Rat
				for _, s := range seconds[max(0, len(seconds)-5):] {
					for key, its := range s.numbers {
						numbers[key] = append(numbers[key], its...)
						all = append(all, its...)
					}
				}
				if got, want := jsonOf(w.Value(whole)), nearestRanks(all, at); got != want {
					t.Fatalf("second %d: %s, want %s of %d numbers", len(seconds), got, want, len(all))
				}
				keys := slices.SortedFunc(maps.Keys(numbers), func(a, b string) int {
					return cmp.Or(len(numbers[b])-len(numbers[a]), strings.Compare(a, b))
				})
				var top []string
				var other []*big.Rat
				for i, key := range keys {
					if i < 2 {
						top = append(top, fmt.Sprintf(`{"key":%q,"value":%s}`, key, nearestRanks(numbers[key], at)))
					} else {
						other = append(other, numbers[key]...)
					}
				}
				want := fmt.Sprintf(`{"top":[%s],"other":%s,"distinct":%d}`, strings.Join(top, ","), nearestRanks(other, at), len(keys))
				if got := jsonOf(by.Value(whole)); got != want {
					t.Fatalf("second %d by key: %s, want %s", len(seconds), got, want)
				}
			}
		})
	}
}

// A value that most numbers have is every quantile below its share, whatever else
// there is.
func TestQuantilesOfOneDominantValue(t *testing.T) {
	k := newQuantiles(x, []float64{0.1, 0.5, 0.75})
	p := k.NewPartial()
	f := newFolder(t)
	for range 9000 {
		f.fold(p, "level=info x=200")
	}
	for n := 1000; n <= 2000; n++ {
		f.fold(p, fmt.Sprintf("level=info x=%d", n))
	}
	if got, want := valueOf(k, p), `{"0.1":200,"0.5":200,"0.75":200}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func BenchmarkQuantilesValue(b *testing.B) {
	for _, n := range []int{500, 20_000, 100_000} {
		b.Run(fmt.Sprintf("%d numbers", n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 10))
			p := new(values)
			for range n {
				put(p, code(number(b, fmt.Sprintf("%.6f", math.Exp(r.NormFloat64()*1.5+4)))), 1)
			}
			w := newQuantiles(x, []float64{0.5, 0.95, 0.99}).NewWindow()
			w.Add(p)
			b.ReportAllocs()
			for b.Loop() {
				w.Value(whole)
			}
		})
	}
}

// TestByPower compares with a division, next to multiples of powers and elsewhere.
func TestByPower(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for n, power := range powersOfTen {
		for range testkit.Size(1_000, 100_000) {
			v := r.Uint64() >> r.IntN(64)
			if r.IntN(2) == 0 {
				v = v/power*power + uint64(r.IntN(3)) - 1
			}
			if quotient, rest := byPower(v, n); quotient != v/power || rest != v%power {
				t.Fatalf("%d by 10^%d is %d, rest %d", v, n, quotient, rest)
			}
		}
	}
	for n, power := range powersOfTen {
		for _, v := range []uint64{0, 1, power - 1, power, math.MaxUint64, math.MaxUint64 - 1, math.MaxUint64 / power * power} {
			if quotient, rest := byPower(v, n); quotient != v/power || rest != v%power {
				t.Fatalf("%d by 10^%d is %d, rest %d", v, n, quotient, rest)
			}
		}
	}
}
