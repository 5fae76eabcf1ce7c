package stats

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/stats/aggregate"
)

// allKinds has a stat of each kind, over short windows.
func allKinds() *Definitions {
	return &Definitions{Lateness: 3, Stats: []*Stat{
		{Name: "rate", Kind: "rate", Per: 1, Over: 10},
		{Name: "rate-per-minute", Kind: "rate", Per: 60, Over: 7},
		{Name: "sum", Kind: "sum", Field: "x", Over: 5},
		{Name: "mean", Kind: "mean", Field: "x", Over: 1},
		{Name: "min", Kind: "min", Field: "x", Over: 6},
		{Name: "max", Kind: "max", Field: "x", Over: 20},
		{Name: "unique", Kind: "unique", Field: "x", Over: 6},
		{Name: "quantiles", Kind: "quantiles", Field: "x", At: []float64{0.5, 0.99}, Over: 4},
		{Name: "rate-by", Kind: "rate", Per: 1, By: []string{"x"}, Top: 3, Over: 10},
		{Name: "quantiles-by", Kind: "quantiles", Field: "x", At: []float64{0.5}, By: []string{"level"}, Top: 3, Over: 4},
		{Name: "histogram", Kind: "histogram", Field: "x", Buckets: []float64{10, 20}, Over: 1},
		{Name: "last", Kind: "last", Field: "x", Over: 6},
		{Name: "last-sum", Kind: "last-sum", Field: "x", By: []string{"x"}, Over: 8},
		{Name: "last-max", Kind: "last-max", Field: "x", By: []string{"level", "x"}, Over: 5},
		{Name: "delta", Kind: "delta", Field: "x", By: []string{"level"}, Over: 10, Expire: 15},
		{Name: "delta-alone", Kind: "delta", Field: "x", Over: 3, Expire: 1},
		{Name: "delta-ratio", Kind: "ratio", Of: [2]string{"delta", "delta-too"}, Over: 10, Expire: 15},
		{Name: "delta-too", Kind: "delta", Field: "x", Over: 10, Expire: 15},
		{Name: "ratio", Kind: "ratio", Of: [2]string{"rate", "rate-by-ten"}, Over: 10},
		{Name: "rate-by-ten", Kind: "rate", Per: 60, Over: 10},
	}}
}

func compileDefinitions(t testing.TB, d *Definitions) *Program {
	t.Helper()
	p, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// epoch is where the tests' seconds begin.
const epoch = 1_700_000_000

// logLine is a line of a second with a value for x.
func logLine(second int64, value any) string {
	return fmt.Sprintf("ts=%d level=info x=%v\n", second, value)
}

// naive has the partials of a stat's seconds and joins a window's anew for each
// value.
type naive struct {
	program *Program
	stat    int
	seconds map[int64][][]byte
}

func (n *naive) join(t *testing.T, fragment []byte) []int64 {
	t.Helper()
	var touched []int64
	r := newFragmentReader(fragment)
	for r.next() {
		n.seconds[r.second] = append(n.seconds[r.second], slices.Clone(r.partial))
		touched = append(touched, r.second)
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	return touched
}

func (n *naive) value(t *testing.T, second int64) string {
	t.Helper()
	kind := n.program.kinds[n.stat]
	w := kind.NewWindow()
	stat := n.program.stats[n.stat]
	for s := second + 1 - stat.Reach(); s <= second; s++ {
		p := kind.NewPartial()
		for _, b := range n.seconds[s] {
			if err := p.Join(b); err != nil {
				t.Fatal(err)
			}
		}
		w.Add(p)
	}
	if w, ok := w.(aggregate.Trailing); ok {
		return string(w.ValueSince(second + 1 - stat.Over))
	}
	return string(w.Value())
}

// TestSeriesIsTheNaiveOne moves a window to and fro while fragments come.
func TestSeriesIsTheNaiveOne(t *testing.T) {
	p := compileDefinitions(t, allKinds())
	for stat, s := range p.stats {
		t.Run(s.Name, func(t *testing.T) {
			for seed := range uint64(15) {
				r := rand.New(rand.NewPCG(seed, 1))
				folder := p.NewFolder()
				series, want := p.NewSeries(stat), naive{p, stat, map[int64][][]byte{}}
				if _, ok := series.kind.(aggregate.Packable); ok && seed%3 > 0 {
					series.packAge = int64(seed % 3)
				}
				at, forgotten := int64(epoch), int64(0)
				distinct := []int{5, 3000}[seed%2]
				for range 300 {
					switch r.IntN(10) {
					case 0, 1, 2, 3: // a range with a few seconds
						var lines []byte
						for range r.IntN(5) {
							sec := max(at-r.Int64N(8)+r.Int64N(6), forgotten+1)
							for range 1 + r.IntN(10) {
								lines = append(lines, logLine(sec, r.IntN(distinct))...)
							}
						}
						folder.Fold(Pack{Lines: lines, Second: at + 5, Floor: max(at-r.Int64N(3), forgotten)})
						folder.Flush(func(i int, fragment []byte) {
							if i != stat {
								return
							}
							expect := want.join(t, fragment)
							var touched []int64
							if err := series.Join(fragment, func(sec int64) { touched = append(touched, sec) }); err != nil {
								t.Fatalf("seed %d: %v", seed, err)
							}
							if !slices.Equal(touched, expect) {
								t.Fatalf("seed %d: touched %d, want %d", seed, touched, expect)
							}
						})
					case 4: // forward
						at += r.Int64N(4)
					case 5: // far
						if r.IntN(4) == 0 {
							at += r.Int64N(100)
						}
					case 6: // back, also beyond what the window holds
						sec := max(at-r.Int64N(30), forgotten+1)
						if got, want := string(series.Value(sec)), want.value(t, sec); got != want {
							t.Fatalf("seed %d: %s at %d, want %s", seed, got, sec-epoch, want)
						}
					case 7:
						forgotten = max(forgotten, at-r.Int64N(10)-3)
						series.Forget(forgotten)
						at = max(at, forgotten+1)
					default:
						if got, want := string(series.Value(at)), want.value(t, at); got != want {
							t.Fatalf("seed %d: %s at %d, want %s", seed, got, at-epoch, want)
						}
					}
				}
				series.Forget(at + s.Reach())
				if n := len(series.seconds); n > 5 {
					t.Errorf("seed %d: %d seconds are left when all are forgotten", seed, n)
				}
			}
		})
	}
}

// TestSeriesLeavesOutWhatIsForgotten joins a second that no window needs.
func TestSeriesLeavesOutWhatIsForgotten(t *testing.T) {
	p := compileDefinitions(t, allKinds())
	folder, series := p.NewFolder(), p.NewSeries(0)
	const over = 10
	series.Forget(epoch)
	for _, test := range []struct {
		second int64
		want   string // of the second after the forgotten one
	}{{epoch - over, "0"}, {epoch + 1 - over, "0"}, {epoch + 2 - over, "0.1"}} {
		folder.Fold(Pack{Lines: []byte(logLine(test.second, 1)), Second: epoch, Floor: 0})
		folder.Flush(func(stat int, fragment []byte) {
			if stat != 0 {
				return
			}
			if err := series.Join(fragment, nil); err != nil {
				t.Fatal(err)
			}
		})
		if got := string(series.Value(epoch + 1)); got != test.want {
			t.Errorf("with a line at %d: %s, want %s", test.second-epoch, got, test.want)
		}
	}
}

func fragmentOf(seconds ...any) []byte {
	b := []byte{fragmentVersion}
	for i := 0; i < len(seconds); i += 2 {
		b = binary.AppendUvarint(b, uint64(seconds[i].(int)))
		partial := seconds[i+1].(string)
		b = binary.AppendUvarint(b, uint64(len(partial)))
		b = append(b, partial...)
	}
	return b
}

func TestSeriesRefusesAllOfABadFragment(t *testing.T) {
	p := compileDefinitions(t, allKinds())
	for _, test := range []struct {
		name     string
		fragment []byte
	}{
		{"nothing", nil},
		{"another form", []byte{2}},
		{"a second twice", fragmentOf(epoch, "\x01", 0, "\x01")},
		{"a second beyond the year 9999", fragmentOf(maxSecond+1, "\x01")},
		{"seconds that add up to beyond it", fragmentOf(maxSecond, "\x01", 1, "\x01")},
		{"a second without a partial", fragmentOf(epoch, "\x01", 1, "")},
		{"a bad partial", fragmentOf(epoch, "\x01", 1, "\x00")},
		{"a bad partial alone", fragmentOf(epoch, "\x01\x01")},
		{"a length beyond the end", append(fragmentOf(epoch, "\x01"), 1, 5, 1)},
		{"a cut number", append(fragmentOf(epoch, "\x01"), 0x80)},
	} {
		series := p.NewSeries(0)
		if err := series.Join(test.fragment, func(int64) { t.Errorf("%s: a second was touched", test.name) }); err == nil {
			t.Errorf("%s: it was taken", test.name)
		}
		if len(series.seconds) != 0 {
			t.Errorf("%s: %d seconds were added", test.name, len(series.seconds))
		}
	}
}

func FuzzSeriesJoin(f *testing.F) {
	p := compileDefinitions(f, allKinds())
	folder := p.NewFolder()
	for i := range int64(20) {
		folder.Fold(Pack{Lines: []byte(logLine(epoch+i%3, i)), Second: epoch, Floor: epoch})
	}
	folder.Flush(func(stat int, fragment []byte) { f.Add(byte(stat), slices.Clone(fragment)) })
	f.Add(byte(0), fragmentOf(epoch, "\x01", 0, "\x01"))
	f.Fuzz(func(t *testing.T, stat byte, fragment []byte) {
		i := int(stat) % len(p.stats)
		series := p.NewSeries(i)
		empty := string(series.Value(epoch))
		var touched []int64
		err := series.Join(fragment, func(second int64) { touched = append(touched, second) })
		if err != nil && (len(touched) > 0 || string(series.Value(epoch)) != empty) {
			t.Fatalf("something was added of a fragment that was refused (%v)", err)
		}
		for _, second := range touched {
			series.Value(second)
		}
		if len(touched) == 0 {
			return
		}
		series.Forget(touched[len(touched)-1] + 1 + p.stats[i].Reach())
		if len(series.seconds) != 0 {
			t.Fatalf("%d seconds are left when all are forgotten", len(series.seconds))
		}
	})
}

// BenchmarkEmptySeconds steps over seconds without lines.
func BenchmarkEmptySeconds(b *testing.B) {
	p := compileDefinitions(b, allKinds())
	for stat, s := range p.stats {
		b.Run(s.Name, func(b *testing.B) {
			series := p.NewSeries(stat)
			second := int64(epoch)
			for b.Loop() {
				series.Value(second)
				series.Forget(second)
				second++
			}
		})
	}
}

// BenchmarkMergerSecond is a merger's work for a second of 1,000 stats, of
// eight kinds, over 16 source partitions with 50 lines of it each: join all
// fragments and take the values of the second that closes.
func BenchmarkMergerSecond(b *testing.B) {
	d := &Definitions{Lateness: 2}
	for i := range 1000 {
		s := *allKinds().Stats[i%8]
		s.Name = fmt.Sprint(s.Name, i)
		s.Over = 60
		d.Stats = append(d.Stats, &s)
	}
	p := compileDefinitions(b, d)
	folder := p.NewFolder()
	series := make([]*Series, len(p.stats))
	for i := range series {
		series[i] = p.NewSeries(i)
	}
	type part struct {
		stat     int
		fragment []byte
	}
	r := rand.New(rand.NewPCG(1, 2))
	second := int64(epoch)
	next := func() []part {
		var parts []part
		for range 16 {
			var lines []byte
			for range 50 {
				lines = append(lines, logLine(second, r.IntN(400))...)
			}
			folder.Fold(Pack{Lines: lines, Second: second, Floor: second})
			folder.Flush(func(stat int, fragment []byte) {
				parts = append(parts, part{stat, slices.Clone(fragment)})
			})
		}
		return parts
	}
	merge := func(parts []part) {
		for _, p := range parts {
			if err := series[p.stat].Join(p.fragment, nil); err != nil {
				b.Fatal(err)
			}
		}
		for _, s := range series {
			s.Value(second)
			s.Forget(second - 2)
		}
	}
	for range 70 {
		merge(next())
		second++
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		parts := next()
		b.StartTimer()
		merge(parts)
		second++
	}
}
