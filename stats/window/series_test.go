package window_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/internal/statstest"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/stats/value"
	"pulse/stats/window"
)

func compileDefinitions(t testing.TB, d *stats.Definitions) *program.Program {
	t.Helper()
	p, err := program.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// naive has the partials of a stat's seconds and joins a window's anew for each
// value.
type naive struct {
	kind    aggregate.Kind
	stat    *stats.Stat
	seconds map[int64][][]byte
}

func (n *naive) join(t *testing.T, fragment []byte) []int64 {
	t.Helper()
	var touched []int64
	err := window.EachPartial(fragment, func(second int64, partial []byte) {
		n.seconds[second] = append(n.seconds[second], slices.Clone(partial))
		touched = append(touched, second)
	})
	if err != nil {
		t.Fatal(err)
	}
	return touched
}

func (n *naive) value(t *testing.T, second, covered int64) string {
	t.Helper()
	w := n.kind.NewWindow()
	if n.stat.Long() {
		second -= (second + 1) % 60
	}
	for _, s := range slices.Sorted(maps.Keys(n.seconds)) {
		if s < second+1-n.stat.Window-n.stat.Expire || s > second {
			continue
		}
		p := n.kind.NewPartial()
		for _, b := range n.seconds[s] {
			if err := p.Join(b); err != nil {
				t.Fatal(err)
			}
		}
		w.Add(p)
	}
	return string(value.AppendJSON(nil, w.Value(aggregate.Span{Since: second + 1 - n.stat.Window, Covered: covered})))
}

// TestAllKinds: the definitions that tests of all kinds go by have each one.
func TestAllKinds(t *testing.T) {
	for _, kind := range stats.Kinds {
		if !slices.ContainsFunc(statstest.AllKinds().Stats, func(s *stats.Stat) bool { return s.Kind == kind }) {
			t.Errorf("statstest.AllKinds has no %s", kind)
		}
	}
}

// TestSeriesIsTheNaiveOne moves a window to and fro while fragments come.
func TestSeriesIsTheNaiveOne(t *testing.T) {
	d := statstest.AllKinds()
	p := compileDefinitions(t, d)
	for stat, s := range d.All() {
		t.Run(s.Name, func(t *testing.T) {
			for seed := range uint64(testkit.Size(3, 15)) {
				r := rand.New(rand.NewPCG(seed, 1))
				folder := p.NewFolder()
				series, want := window.NewSeries(p.Kind(stat), s), naive{p.Kind(stat), s, map[int64][][]byte{}}
				series.SetSettling(seed%3 > 0 && !s.Long())
				at, forgotten := int64(statstest.Epoch), int64(0)
				distinct := []int{5, 3000}[seed%2]
				for range testkit.Size(100, 300) {
					covered := 1 + r.Int64N(2)
					switch r.IntN(10) {
					case 0, 1, 2, 3: // a segment with a few seconds
						var lines []byte
						for range r.IntN(5) {
							sec := max(at-r.Int64N(8)+r.Int64N(6), forgotten+1)
							for range 1 + r.IntN(10) {
								lines = append(lines, statstest.LogLine(sec, r.IntN(distinct))...)
							}
						}
						folder.Fold(program.Pack{Lines: lines, Second: at + 5, Floor: max(at-r.Int64N(3), forgotten)})
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
						if got, want := string(series.Value(sec, covered)), want.value(t, sec, covered); got != want {
							t.Fatalf("seed %d: %s at %d, want %s", seed, got, sec-statstest.Epoch, want)
						}
					case 7:
						forgotten = max(forgotten, at-r.Int64N(10)-3)
						series.Forget(forgotten)
						at = max(at, forgotten+1)
					default:
						if got, want := string(series.Value(at, covered)), want.value(t, at, covered); got != want {
							t.Fatalf("seed %d: %s at %d, want %s", seed, got, at-statstest.Epoch, want)
						}
					}
				}
				series.Forget(at + s.Lookback())
				if n := series.Len(); n > 5 {
					t.Errorf("seed %d: %d seconds are left when all are forgotten", seed, n)
				}
			}
		})
	}
}

// TestSeriesLeavesOutWhatIsForgotten joins a second that no window needs.
func TestSeriesLeavesOutWhatIsForgotten(t *testing.T) {
	d := statstest.AllKinds()
	p := compileDefinitions(t, d)
	folder, series := p.NewFolder(), window.NewSeries(p.Kind(0), d.Stats[0])
	const over = 10
	series.Forget(statstest.Epoch)
	for _, test := range []struct {
		second int64
		want   string // of the second after the forgotten one
	}{{statstest.Epoch - over, "0"}, {statstest.Epoch + 1 - over, "0"}, {statstest.Epoch + 2 - over, "0.1"}} {
		folder.Fold(program.Pack{Lines: []byte(statstest.LogLine(test.second, 1)), Second: statstest.Epoch, Floor: 0})
		folder.Flush(func(stat int, fragment []byte) {
			if stat != 0 {
				return
			}
			if err := series.Join(fragment, nil); err != nil {
				t.Fatal(err)
			}
		})
		if got := string(series.Value(statstest.Epoch+1, over)); got != test.want {
			t.Errorf("with a line at %d: %s, want %s", test.second-statstest.Epoch, got, test.want)
		}
	}
}

func fragmentOf(seconds ...any) []byte {
	b := []byte{window.FragmentVersion}
	for i := 0; i < len(seconds); i += 2 {
		b = binary.AppendUvarint(b, uint64(seconds[i].(int)))
		partial := seconds[i+1].(string)
		b = binary.AppendUvarint(b, uint64(len(partial)))
		b = append(b, partial...)
	}
	return b
}

func TestSeriesRefusesAllOfABadFragment(t *testing.T) {
	d := statstest.AllKinds()
	p := compileDefinitions(t, d)
	for _, test := range []struct {
		name     string
		fragment []byte
	}{
		{"nothing", nil},
		{"another form", []byte{2}},
		{"a second twice", fragmentOf(statstest.Epoch, "\x01", 0, "\x01")},
		{"a second beyond the year 9999", fragmentOf(timing.LastSecond+1, "\x01")},
		{"seconds that add up to beyond it", fragmentOf(timing.LastSecond, "\x01", 1, "\x01")},
		{"a second without a partial", fragmentOf(statstest.Epoch, "\x01", 1, "")},
		{"a bad partial", fragmentOf(statstest.Epoch, "\x01", 1, "\x00")},
		{"a bad partial alone", fragmentOf(statstest.Epoch, "\x01\x01")},
		{"a length beyond the end", append(fragmentOf(statstest.Epoch, "\x01"), 1, 5, 1)},
		{"a cut number", append(fragmentOf(statstest.Epoch, "\x01"), 0x80)},
	} {
		series := window.NewSeries(p.Kind(0), d.Stats[0])
		if err := series.Join(test.fragment, func(int64) { t.Errorf("%s: a second was touched", test.name) }); err == nil {
			t.Errorf("%s: it was taken", test.name)
		}
		if series.Len() != 0 {
			t.Errorf("%s: %d seconds were added", test.name, series.Len())
		}
	}
}

func FuzzSeriesJoin(f *testing.F) {
	d := statstest.AllKinds()
	p, all := compileDefinitions(f, d), d.All()
	folder := p.NewFolder()
	for i := range int64(20) {
		folder.Fold(program.Pack{Lines: []byte(statstest.LogLine(statstest.Epoch+i%3, i)), Second: statstest.Epoch, Floor: statstest.Epoch})
	}
	folder.Flush(func(stat int, fragment []byte) { f.Add(byte(stat), slices.Clone(fragment)) })
	f.Add(byte(0), fragmentOf(statstest.Epoch, "\x01", 0, "\x01"))
	f.Fuzz(func(t *testing.T, stat byte, fragment []byte) {
		i := int(stat) % len(all)
		series := window.NewSeries(p.Kind(i), all[i])
		empty := string(series.Value(statstest.Epoch, 1))
		var touched []int64
		err := series.Join(fragment, func(second int64) { touched = append(touched, second) })
		if err != nil && (len(touched) > 0 || string(series.Value(statstest.Epoch, 1)) != empty) {
			t.Fatalf("something was added of a fragment that was refused (%v)", err)
		}
		for _, second := range touched {
			series.Value(second, 1)
		}
		if len(touched) == 0 {
			return
		}
		series.Forget(touched[len(touched)-1] + 1 + all[i].Lookback())
		if series.Len() != 0 {
			t.Fatalf("%d seconds are left when all are forgotten", series.Len())
		}
	})
}

// BenchmarkEmptySeconds steps over seconds without lines.
func BenchmarkEmptySeconds(b *testing.B) {
	d := statstest.AllKinds()
	p := compileDefinitions(b, d)
	for stat, s := range d.All() {
		b.Run(s.Name, func(b *testing.B) {
			series := window.NewSeries(p.Kind(stat), s)
			second := int64(statstest.Epoch)
			for b.Loop() {
				series.Value(second, 1)
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
	d := &stats.Definitions{Lateness: 2}
	for i := range 1000 {
		s := *statstest.AllKinds().Stats[i%8]
		s.Name = fmt.Sprint(s.Name, i)
		s.Window = 60
		d.Stats = append(d.Stats, &s)
	}
	p := compileDefinitions(b, d)
	folder := p.NewFolder()
	var series []*window.Series
	for i, s := range d.All() {
		series = append(series, window.NewSeries(p.Kind(i), s))
	}
	type part struct {
		stat     int
		fragment []byte
	}
	r := rand.New(rand.NewPCG(1, 2))
	second := int64(statstest.Epoch)
	next := func() []part {
		var parts []part
		for range 16 {
			var lines []byte
			for range 50 {
				lines = append(lines, statstest.LogLine(second, r.IntN(400))...)
			}
			folder.Fold(program.Pack{Lines: lines, Second: second, Floor: second})
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
			s.Value(second, 60)
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

// TestAppendSecond: a second that was taken from one series and joined to another
// is the same there, and only within what is asked for.
func TestAppendSecond(t *testing.T) {
	d, err := stats.Parse("test.yaml", []byte("stats:\n  - {name: bytes, sum: bytes, over: 10s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := compileDefinitions(t, d)
	folder := p.NewFolder()
	folder.Fold(program.Pack{Lines: []byte("time=1970-01-01T00:01:40Z bytes=1.5\ntime=1970-01-01T00:01:41Z bytes=2\ntime=1970-01-01T00:01:41Z bytes=3"), Second: 101, Floor: 101})
	from := window.NewSeries(p.Kind(0), d.Stats[0])
	folder.Flush(func(stat int, fragment []byte) {
		if d.All()[stat].Name != "bytes" {
			return
		}
		if err := from.Join(fragment, nil); err != nil {
			t.Fatal(err)
		}
	})
	if got := from.AppendSecond(nil, 99); got != nil {
		t.Errorf("of a second without lines there are %d bytes", len(got))
	}
	to := window.NewSeries(p.Kind(0), d.Stats[0])
	for second := int64(100); second <= 101; second++ {
		if err := to.JoinWithin(from.AppendSecond(nil, second), 101, 102, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(to.Value(101, 10)); got != "5" {
		t.Errorf("the second 101 alone is %s, want 5", got)
	}
	if !bytes.Equal(to.AppendSecond(nil, 101), from.AppendSecond(nil, 101)) {
		t.Error("a second came back with other bytes")
	}
}
