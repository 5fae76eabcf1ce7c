package aggregate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/fixed"
	"pulse/stats/line"
)

// distributions are of the shapes that logs have, and some that are hard.
var distributions = []struct {
	name string
	next func(r *rand.Rand) float64
}{
	{"uniform", func(r *rand.Rand) float64 { return r.Float64() * 5000 }},
	{"normal around 0", func(r *rand.Rand) float64 { return r.NormFloat64() * 1000 }},
	{"exponential", func(r *rand.Rand) float64 { return r.ExpFloat64() * 300 }},
	{"log-normal", func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()*1.5 + 4) }},
	{"pareto", func(r *rand.Rand) float64 { return math.Pow(1-r.Float64(), -1/1.2) }},
	{"two peaks", func(r *rand.Rand) float64 {
		if r.IntN(50) == 0 {
			return 20_000 + r.NormFloat64()*500
		}
		return 40 + r.NormFloat64()*8
	}},
	{"ties", func(r *rand.Rand) float64 {
		if r.IntN(3) == 0 {
			return float64(500 * r.IntN(20))
		}
		return float64(r.IntN(10_000))
	}},
	{"mostly zero", func(r *rand.Rand) float64 {
		if r.IntN(10) < 7 {
			return 0
		}
		return math.Round(r.ExpFloat64() * 10_000)
	}},
	{"one dominant value", func(r *rand.Rand) float64 {
		if r.IntN(10) > 0 {
			return 3000
		}
		return r.Float64() * 10_000
	}},
	{"a heavy minimum", func(r *rand.Rand) float64 {
		if r.IntN(2) == 0 {
			return 200
		}
		return 1000 + r.Float64()*5000
	}},
}

// sample returns the counts of n numbers.
func sample(next func(r *rand.Rand) float64, r *rand.Rand, n int) *values {
	p := new(values)
	for range n {
		f := next(r)
		put(p, code(fixed.FromMagnitude(0, uint64(math.Abs(f)*1e9), f < 0)), 1)
	}
	return p
}

// put adds a code n more times.
func put(p *values, code uint32, n uint64) {
	if err := p.Join(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(code)), n)); err != nil {
		panic(err)
	}
}

// ranks are the codes of a partial, ascending, and how many numbers are up to and
// with each.
type ranks struct {
	codes []uint64
	upTo  []uint64
}

func ranksOf(p *values) (r ranks) {
	n := uint64(0)
	eachOf(p.settled(), func(code uint32, its uint64) {
		n += its
		r.codes, r.upTo = append(r.codes, uint64(code)), append(r.upTo, n)
	})
	return r
}

// at returns the code at a rank.
func (r ranks) at(rank uint64) uint64 {
	i, _ := slices.BinarySearch(r.upTo, rank)
	return r.codes[i]
}

// off is how far a rank is from those that a code has: those of equal numbers, or
// the place between two neighbors.
func (r ranks) off(code, rank uint64) uint64 {
	below, upTo := uint64(0), uint64(0)
	i, found := slices.BinarySearch(r.codes, code)
	if i > 0 {
		below = r.upTo[i-1]
	}
	if upTo = below; found {
		upTo = r.upTo[i]
	}
	switch {
	case rank < below:
		return below - rank
	case rank > upTo:
		return rank - upTo
	}
	return 0
}

// worst compares the quantiles of a digest with those of the numbers, and returns
// the worst error as a share of what the bound allows.
func worst(t *testing.T, exact, digest *values) float64 {
	t.Helper()
	want, got := ranksOf(exact), ranksOf(digest)
	n := want.upTo[len(want.upTo)-1]
	if has := got.upTo[len(got.upTo)-1]; has != n {
		t.Fatalf("the digest has %d numbers, want %d", has, n)
	}
	for _, rank := range []uint64{1, n} {
		if got.at(rank) != want.at(rank) {
			t.Fatalf("rank %d of %d is %v in the digest, and not %v", rank, n, decode(uint32(got.at(rank))), decode(uint32(want.at(rank))))
		}
	}
	share := 0.0
	for i := range 200 {
		q := (float64(i) + 0.5) / 200
		if i >= 190 {
			q = 1 - math.Pow(0.5, float64(i-188)) // the tail
		}
		rank := uint64(math.Ceil(q * float64(n)))
		bound := 4*q*(1-q)/digestCompression*float64(n) + 1
		share = max(share, float64(want.off(got.at(rank), rank))/bound)
	}
	return share
}

// TestDigestError is the promise of Digester, for minutes of 100 to 300,000 numbers
// and for many of them joined.
func TestDigestError(t *testing.T) {
	k := newQuantiles(x, nil).(Digester)
	most := 0.0
	for _, d := range distributions {
		r := rand.New(rand.NewPCG(1, 10))
		all, joined := new(values), new(values)
		for minute := range 12 {
			n := []int{1000, 3000, testkit.Size(6000, 20_000), 100}[minute%4]
			if minute == 5 {
				n = testkit.Size(10_000, 300_000)
			}
			p := sample(d.next, r, n)
			b := p.AppendTo(nil)
			exact := new(values)
			if err := exact.Join(b); err != nil {
				t.Fatal(err)
			}
			if numbers := k.Digest(p); numbers != uint64(n) {
				t.Fatalf("%s: the digest says that it has %d numbers, want %d", d.name, numbers, n)
			}
			if exact.different() <= digestExact && !bytes.Equal(p.AppendTo(nil), b) {
				t.Errorf("%s: the digest of %d different values is not as they are", d.name, exact.different())
			}
			if p.different() > 700 {
				t.Errorf("%s: the digest of %d numbers has %d values", d.name, n, p.different())
			}
			share := worst(t, exact, p)
			most = max(most, share)
			if share > 1 {
				t.Errorf("%s: %d numbers: a quantile is off by %.2f of the bound", d.name, n, share)
			}
			if err := all.Join(b); err != nil {
				t.Fatal(err)
			}
			if err := joined.Join(p.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
		}
		share := worst(t, all, joined)
		most = max(most, share)
		if share > 1 {
			t.Errorf("%s: joined, a quantile is off by %.2f of the bound", d.name, share)
		}
	}
	t.Logf("the worst is %.2f of the bound", most)
}

// The bytes of a digest follow from the numbers alone, whatever the partial held
// before and however its numbers came.
func TestDigestIsOneOfItsNumbers(t *testing.T) {
	k := newQuantiles(x, nil).(Digester)
	var want []byte
	for seed := range uint64(4) {
		numbers := make([]float64, 5000)
		r := rand.New(rand.NewPCG(1, 11))
		for i := range numbers {
			numbers[i] = distributions[3].next(r)
		}
		p := sample(distributions[1].next, rand.New(rand.NewPCG(seed, 12)), int(seed)*1000)
		k.Digest(p)
		p.Reset()
		rand.New(rand.NewPCG(seed, 13)).Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
		for _, f := range numbers {
			put(p, code(fixed.FromMagnitude(0, uint64(f*1e9), false)), 1)
		}
		k.Digest(p)
		b := p.AppendTo(nil)
		if want == nil {
			want = b
		}
		if !bytes.Equal(b, want) {
			t.Fatalf("seed %d: the digest has other bytes", seed)
		}
	}
}

// A digest of the example that interpolation got wrong.
func TestDigestIsReadByItsCentroids(t *testing.T) {
	at := []float64{0.01, 0.1, 0.5, 0.75}
	k := newQuantiles(x, at).(Digester)
	p := k.NewPartial().(*values)
	put(p, code(fixed.Int(200)), 9000)
	for v := int64(1000); v <= 2000; v++ {
		put(p, code(fixed.Int(v)), 1)
	}
	k.Digest(p)
	if p.different() > 700 {
		t.Errorf("%d values are no digest", p.different())
	}
	if got, want := valueOf(k, p), `{"0.01":200,"0.1":200,"0.5":200,"0.75":200}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A digest by key keeps the heaviest keys, and no number is lost.
func TestDigestByKey(t *testing.T) {
	k := newKeyed(newQuantiles(x, []float64{0.5}), []line.Slot{key}, 3, 60).(Digester)
	f := newFolder(t)
	exact, p := k.NewPartial(), k.NewPartial()
	r := rand.New(rand.NewPCG(3, 14))
	const lines = 20_000
	for range lines {
		n := r.IntN(200)
		n = n * n / 200 // the first are the heaviest
		text := fmt.Sprintf("level=info key=k%d x=%d", n, n*100+r.IntN(3000))
		f.fold(exact, text)
		f.fold(p, text)
	}
	if numbers := k.Digest(p); numbers != lines {
		t.Errorf("the digest says that it has %d numbers, want %d", numbers, lines)
	}
	digest := k.NewPartial()
	join(t, k, digest, p.AppendTo(nil))
	if n := len(digest.(*keyed).keys.entries); n != leastDigestKeys {
		t.Errorf("it has %d keys, want %d", n, leastDigestKeys)
	}
	var want, got struct {
		Top []struct {
			Key   string
			Value map[string]float64
		}
		Other map[string]float64
	}
	for v, p := range map[any]Partial{&want: exact, &got: digest} {
		if err := json.Unmarshal([]byte(valueOf(k, p)), v); err != nil {
			t.Fatal(err)
		}
	}
	for i, top := range want.Top {
		if got.Top[i].Key != top.Key || math.Abs(got.Top[i].Value["0.5"]-top.Value["0.5"]) > 100 {
			t.Errorf("key %d is %v, want %v", i, got.Top[i], top)
		}
	}
	if math.Abs(got.Other["0.5"]/want.Other["0.5"]-1) > 0.05 {
		t.Errorf("the others have %v, want %v", got.Other, want.Other)
	}
}

func BenchmarkDigest(b *testing.B) {
	for _, n := range []int{3000, 60_000, 600_000} {
		exact := sample(distributions[3].next, rand.New(rand.NewPCG(1, 15)), n).AppendTo(nil)
		p := new(values)
		var size int
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p.Reset()
				if err := p.Join(exact); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				p.digest()
				size = len(p.AppendTo(nil))
			}
			b.ReportMetric(float64(size), "bytes")
			b.ReportMetric(float64(p.different()), "values")
		})
	}
}

// A partial of many seconds has no more than so many different numbers of keys,
// and those that stay are whole.
func TestLimit(t *testing.T) {
	testkit.Long(t)
	k := newKeyed(newQuantiles(x, []float64{0.5}), []line.Slot{key}, 3, 60).(Limiter)
	p := k.NewPartial().(*keyed)
	const keys = 40
	for i := range keys {
		text := fmt.Appendf(nil, "k%02d", i)
		values := p.entry(text, hashKey(text), uint64(keys-i), 1).(*values)
		for code := range uint64(maxKeyedNumbers / keys) {
			put(values, uint32(code), uint64(keys-i))
		}
	}
	if k.Limit(p); len(p.keys.entries) != keys {
		t.Fatalf("%d keys are left of %d that have room", len(p.keys.entries), keys)
	}
	want := valueOf(k, p)
	for code := range uint64(keys) {
		put(p.entry([]byte("k39"), hashKey([]byte("k39")), 1, 1).(*values), 300_000+uint32(code), 1)
	}
	if k.Limit(p); len(p.keys.entries) != 6 {
		t.Fatalf("%d keys are left, want twice the top", len(p.keys.entries))
	}
	if got := valueOf(k, p); got[:strings.Index(got, `"other"`)] != want[:strings.Index(want, `"other"`)] {
		t.Errorf("the top is %s, want %s", got, want)
	}
}
