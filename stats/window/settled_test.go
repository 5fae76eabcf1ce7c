package window_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/internal/statstest"
	"pulse/stats/program"
	"pulse/stats/window"
)

// setOf is the bytes of a set: of hashes up to 1,000, or of registers of which about so many
// of a thousand have a rank.
func setOf(r *rand.Rand, hashes, pool, perThousand int) []byte {
	if perThousand > 0 {
		b := append(make([]byte, 0, 24577), 1)
		for range 8192 {
			four := uint32(0)
			for i := range 4 {
				if r.IntN(1000) < perThousand {
					rank := uint32(1)
					for rank < 50 && r.IntN(2) == 0 {
						rank++
					}
					four |= rank << (6 * i)
				}
			}
			b = append(b, byte(four), byte(four>>8), byte(four>>16))
		}
		return b
	}
	all := make([]uint64, hashes)
	for i := range all {
		all[i] = (uint64(r.IntN(pool)) + 1) * 0x9e3779b97f4a7c15
	}
	slices.Sort(all)
	b := []byte{0}
	for _, hash := range slices.Compact(all) {
		b = binary.BigEndian.AppendUint64(b, hash)
	}
	return b
}

// TestSettledSecondsTellTheSame moves a window of unique to and fro while seconds come,
// exact ones and sketches, and are forgotten: where what settles is dropped its values are
// those of one that keeps each second.
func TestSettledSecondsTellTheSame(t *testing.T) {
	const over = 40
	stat := &stats.Stat{Name: "unique", Kind: "unique", Field: "x", Window: over}
	p := compileDefinitions(t, &stats.Definitions{Stats: []*stats.Stat{stat}})
	pools := []int{50, 1500, 1_000_000}
	exacts, estimated := make([]int, len(pools)), make([]int, len(pools)) // by pool
	for seed := range uint64(testkit.Size(12, 300)) {
		r := rand.New(rand.NewPCG(seed, 9))
		settling, plain := window.NewSeries(p.Kind(0), stat), window.NewSeries(p.Kind(0), stat)
		settling.SetSettling(true)
		plain.SetSettling(false)
		kind := int(seed) % len(pools)
		pool := pools[kind]
		at, forgotten := int64(statstest.Epoch), int64(statstest.Epoch-1)
		same := func(second int64) {
			got, want := string(settling.Value(second, over)), string(plain.Value(second, over))
			if got != want || settling.Approx() != plain.Approx() {
				t.Fatalf("seed %d: at %d it is %s (%g), want %s (%g)", seed, second-statstest.Epoch, got, settling.Approx(), want, plain.Approx())
			}
			if plain.Approx() > 0 {
				estimated[kind]++
			} else {
				exacts[kind]++
			}
			if got, want := settling.Until(second), plain.Until(second); got != want {
				t.Fatalf("seed %d: the value of %d is the same until %d, want %d", seed, second, got, want)
			}
		}
		for range 250 {
			switch r.IntN(8) {
			case 0, 1, 2:
				second := max(at-r.Int64N(4), forgotten+1)
				set := setOf(r, 1+r.IntN(100), pool, 0)
				switch r.IntN(12) {
				case 0:
					set = setOf(r, 600+r.IntN(400), pool, 0)
				case 1:
					if seed%2 == 0 {
						set = setOf(r, 0, 0, 1+r.IntN(30))
					}
				}
				fragment := fragmentOf(int(second), string(set))
				for _, s := range []*window.Series{settling, plain} {
					if err := s.Join(fragment, nil); err != nil {
						t.Fatal(err)
					}
				}
			case 3, 4:
				at += r.Int64N(3)
			case 5:
				if r.IntN(10) == 0 {
					at += r.Int64N(2 * over)
				}
				same(max(at-r.Int64N(4), forgotten+1))
				if r.IntN(4) == 0 { // from anywhere to anywhere
					same(forgotten + 1 + r.Int64N(2*over))
				}
			case 6:
				forgotten = max(forgotten, at-r.Int64N(5)-1)
				settling.Forget(forgotten)
				plain.Forget(forgotten)
			default:
				same(at)
			}
		}
		settling.Forget(at + over)
		if n := settling.Len(); n > 0 {
			t.Errorf("seed %d: %d seconds are left when all are forgotten", seed, n)
		}
	}
	for kind, pool := range pools {
		if exacts[kind] == 0 || estimated[kind] == 0 && pool > 50 {
			t.Errorf("of %d values %d exact counts and %d estimates were compared", pool, exacts[kind], estimated[kind])
		}
	}
}

// TestSettlesBehindWhereItWas settles a second after the window was further on, and came back.
func TestSettlesBehindWhereItWas(t *testing.T) {
	const over = 6
	stat := &stats.Stat{Name: "unique", Kind: "unique", Field: "x", Window: over}
	p := compileDefinitions(t, &stats.Definitions{Stats: []*stats.Stat{stat}})
	series := window.NewSeries(p.Kind(0), stat)
	series.SetSettling(true)
	join := func(second int) {
		t.Helper()
		if err := series.Join(fragmentOf(second, string(setOf(rand.New(rand.NewPCG(1, 1)), 3, 1000, 0))), nil); err != nil {
			t.Fatal(err)
		}
	}
	is := func(second int64, want string) {
		t.Helper()
		if got := string(series.Value(second, over)); got != want {
			t.Errorf("at %d: %s, want %s", second, got, want)
		}
	}
	join(90)
	series.Forget(90)
	is(110, "0")
	join(101)
	is(101, "3")
	series.Forget(101)
	is(110, "0")
	is(104, "3")
}

// fullDays are stats over 24 hours, and what fills a second of each.
var fullDays = []struct {
	name   string
	stat   *stats.Stat
	second func(r *rand.Rand) []byte
}{
	{"unique, 1000 new ones", &stats.Stat{Name: "unique", Kind: "unique", Field: "x"}, func(r *rand.Rand) []byte { return setOf(r, 1000, 1<<40, 0) }},
	{"unique, 100,000", &stats.Stat{Name: "unique", Kind: "unique", Field: "x"}, func(r *rand.Rand) []byte { return setOf(r, 0, 0, 900) }},
	{"quantiles, 4,400 different", &stats.Stat{Name: "quantiles", Kind: "quantiles", Field: "x", Quantiles: []float64{0.5, 0.99}}, latencies},
	{"rate of 100 keys", topKeys, func(r *rand.Rand) []byte { return keysOf(r, 100, 5000) }},
	{"rate of more keys than have room", topKeys, func(r *rand.Rand) []byte { return keysOf(r, 2000, 5000) }},
}

var topKeys = &stats.Stat{Name: "rate by key", Kind: "rate", Per: 1, GroupBy: []string{"x"}, Top: 10, Window: day}

const day = 86_400

// keysOf is the bytes of counts by so many of a pool of keys.
func keysOf(r *rand.Rand, keys, pool int) []byte {
	p, err := program.Compile(&stats.Definitions{Stats: []*stats.Stat{topKeys}})
	if err != nil {
		panic(err)
	}
	partial := p.Kind(0).NewPartial()
	for range keys {
		n := r.ExpFloat64() * float64(pool) / 5
		partial.(aggregate.KeyCounter).Count(fmt.Appendf(nil, "/api/v1/accounts/%d", int(n)%pool), 1+uint64(r.IntN(20)))
	}
	return partial.AppendTo(nil)
}

// latencies is the bytes of counts of some 20,000 times that vary as those of requests do,
// of which 5,000 are different.
func latencies(r *rand.Rand) []byte {
	counts := map[uint64]uint64{}
	for range 20_000 {
		counts[10_000+uint64(1000*math.Exp(0.9*r.NormFloat64()))]++
	}
	var b []byte
	before := uint64(0)
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		b = binary.AppendUvarint(b, code-before)
		b = binary.AppendUvarint(b, counts[code])
		before = code
	}
	return b
}

// TestPackedRegistersTellTheSame moves a window of which most seconds have keys that found no
// room: where they are packed its values are those of one that keeps each second.
func TestPackedRegistersTellTheSame(t *testing.T) {
	stat := *topKeys
	stat.Window = window.LongWindow
	p := compileDefinitions(t, &stats.Definitions{Stats: []*stats.Stat{&stat}})
	packing, plain := window.NewSeries(p.Kind(0), &stat), window.NewSeries(p.Kind(0), &stat)
	plain.SetSettling(false)
	r := rand.New(rand.NewPCG(1, 1))
	var some [][]byte
	for i := range 16 {
		some = append(some, keysOf(r, []int{0, 3, 2000, 2000}[i%4], []int{5000, 1 << 40}[i%2]))
	}
	for n := range int64(900) {
		partial := some[r.IntN(len(some))]
		for _, s := range []*window.Series{packing, plain} {
			second := int64(statstest.Epoch) + n
			if len(partial) > 0 {
				if err := s.Join(fragmentOf(int(second), string(partial)), nil); err != nil {
					t.Fatal(err)
				}
			}
			s.Value(second, stat.Window)
			s.Forget(second - 2)
		}
		second := int64(statstest.Epoch) + n
		got, want := string(packing.Value(second, stat.Window)), string(plain.Value(second, stat.Window))
		if got != want || packing.Approx() != plain.Approx() || packing.Beyond() != plain.Beyond() {
			t.Fatalf("second %d: %s, want %s", n, got, want)
		}
	}
	if packing.Middle() == 0 || plain.Middle() > 0 {
		t.Errorf("%d chunks are packed, and %d where none should be", packing.Middle(), plain.Middle())
	}
}

// BenchmarkFullDay moves windows of 24 hours on, every second full, and says what they take:
// -benchtime 86400x fills them.
func BenchmarkFullDay(b *testing.B) {
	for _, test := range fullDays {
		b.Run(test.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			some := make([][]byte, 251) // more than are compressed together
			for i := range some {
				some[i] = test.second(r)
			}
			before := heap()
			var series *window.Series
			for n := 0; b.Loop(); n++ {
				if n == 0 {
					series = fullDay(b, test.stat)
				}
				second := some[n%len(some)]
				if test.name == fullDays[0].name {
					second = test.second(r)
				}
				next(b, series, int64(n), second)
			}
			b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
			b.ReportMetric(float64(len(some[0])), "B/second")
			runtime.KeepAlive(series)
		})
	}
}

func fullDay(t testing.TB, stat *stats.Stat) *window.Series {
	stat.Window = day
	return window.NewSeries(compileDefinitions(t, &stats.Definitions{Stats: []*stats.Stat{stat}}).Kind(0), stat)
}

// next joins a second, asks for its value and forgets those that are final.
func next(t testing.TB, series *window.Series, n int64, partial []byte) {
	if err := series.Join(fragmentOf(int(statstest.Epoch+n), string(partial)), nil); err != nil {
		t.Fatal(err)
	}
	series.Value(statstest.Epoch+n, series.Over())
	series.Forget(statstest.Epoch + n - 2)
}

// TestFullSecondsAreSmall: what a window of 24 hours keeps of a full second more is less than
// what that is made of.
func TestFullSecondsAreSmall(t *testing.T) {
	testkit.Long(t)
	for i, bound := range []struct{ seconds, most int }{{300, 2500}, {60, 12_000}, {180, 4500}, {180, 1500}, {180, 3000}} {
		test := fullDays[i]
		r := rand.New(rand.NewPCG(1, 1))
		series := fullDay(t, test.stat)
		at := [2]uint64{}
		for n := range 2 * bound.seconds {
			if n == bound.seconds {
				at[0] = heap()
			}
			next(t, series, int64(n), test.second(r))
		}
		at[1] = heap()
		if each := (int(at[1]) - int(at[0])) / bound.seconds; each > bound.most {
			t.Errorf("%s: a second takes %d bytes", test.name, each)
		}
		runtime.KeepAlive(series)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
