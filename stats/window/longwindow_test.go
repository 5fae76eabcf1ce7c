package window_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/program"
	"pulse/stats/window"
)

// TestLongWindowsArePacked: of a window of ten minutes all seconds but the newest are kept as
// bytes, or settle in it, and the values are those of one that keeps all partials.
func TestLongWindowsArePacked(t *testing.T) {
	const over = window.LongWindow
	d := &stats.Definitions{Lateness: 2, Stats: []*stats.Stat{
		{Name: "unique", Kind: "unique", Field: "x", Window: over},
		{Name: "quantiles", Kind: "quantiles", Field: "x", Quantiles: []float64{0.5, 0.999}, Window: over},
	}}
	p := compileDefinitions(t, d)
	folder := p.NewFolder()
	var packed, plain [2]*window.Series
	for stat := range packed {
		packed[stat], plain[stat] = window.NewSeries(p.Kind(stat), d.Stats[stat]), window.NewSeries(p.Kind(stat), d.Stats[stat])
		plain[stat].SetSettling(false)
	}
	for second := range int64(over) {
		var lines []byte
		for n := range int64(10) {
			lines = fmt.Appendf(lines, "ts=%d x=%d\n", statstest.Epoch+second, (n*7+second*13)%5000)
		}
		folder.Fold(program.Pack{Lines: lines, Second: statstest.Epoch + second, Floor: statstest.Epoch + second})
		folder.Flush(func(stat int, fragment []byte) {
			if stat >= len(packed) {
				return
			}
			for _, s := range []*window.Series{packed[stat], plain[stat]} {
				if err := s.Join(fragment, nil); err != nil {
					t.Fatal(err)
				}
				s.Value(statstest.Epoch+second, over)
				s.Forget(statstest.Epoch + second - 1)
			}
		})
	}
	for stat := range packed {
		name := d.Stats[stat].Name
		if n := packed[stat].Middle(); name == "quantiles" && n < over/60-1 {
			t.Errorf("%d chunks are of the middle of the window", n)
		}
		for _, second := range []int64{over - 1, over + 100, 2*over - 2} {
			if got, want := string(packed[stat].Value(statstest.Epoch+second, over)), string(plain[stat].Value(statstest.Epoch+second, over)); got != want {
				t.Errorf("%s at %d is %s packed, %s plain", name, second, got, want)
			}
		}
	}
}

// TestLongSeriesIsTheNaiveOne moves windows of more than a day on, by seconds and by hours,
// and a little back, while fragments come.
func TestLongSeriesIsTheNaiveOne(t *testing.T) {
	const over = 86_400 + 1800
	d := &stats.Definitions{Lateness: 2, Stats: []*stats.Stat{
		{Name: "rate", Kind: "rate", Per: 60, Window: over},
		{Name: "count", Kind: "count", Window: over},
		{Name: "sum", Kind: "sum", Field: "x", Window: over},
		{Name: "mean", Kind: "mean", Field: "x", Window: over},
		{Name: "ratio", Kind: "ratio", Of: []string{"sum", "count"}, Window: over},
		{Name: "unique", Kind: "unique", Field: "x", Window: over},
	}}
	p := compileDefinitions(t, d)
	for stat, s := range d.Stats {
		t.Run(s.Name, func(t *testing.T) {
			middles := 0
			for seed := range uint64(testkit.Size(3, 40)) {
				r := rand.New(rand.NewPCG(seed, 3))
				folder := p.NewFolder()
				series, want := window.NewSeries(p.Kind(stat), s), naive{p.Kind(stat), s, map[int64][][]byte{}}
				at, forgotten := int64(statstest.Epoch), int64(0)
				pace := []int64{30, 300, 7200}[seed%3]
				same := func(second int64) string {
					covered := 1 + r.Int64N(over)
					got := string(series.Value(second, covered))
					if want := want.value(t, second, covered); got != want {
						t.Fatalf("seed %d: %s at %d, want %s", seed, got, second-statstest.Epoch, want)
					}
					return got
				}
				for range testkit.Size(300, 400) {
					switch r.IntN(10) {
					case 0, 1, 2, 3:
						var lines []byte
						n := r.IntN(5)
						if r.IntN(30) == 0 {
							n = 1500 // more than unique counts exactly, in a minute or two
						}
						for range n {
							lines = append(lines, statstest.LogLine(max(at-r.Int64N(70), forgotten+1), r.IntN(5000))...)
						}
						folder.Fold(program.Pack{Lines: lines, Second: at + 5, Floor: forgotten})
						folder.Flush(func(i int, fragment []byte) {
							if i == stat {
								want.join(t, fragment)
								if err := series.Join(fragment, nil); err != nil {
									t.Fatal(err)
								}
							}
						})
					case 4, 5:
						at += r.Int64N(pace)
					case 6:
						if r.IntN(20) == 0 {
							at += r.Int64N(2 * over)
						}
					case 7:
						forgotten = max(forgotten, at-r.Int64N(100)-3)
						series.Forget(forgotten)
						middles = max(middles, series.Middle())
					case 8:
						same(max(at-r.Int64N(100), forgotten+1))
					default:
						same(at)
						if until := series.Until(at); until < at+3*over {
							before := want.value(t, at, 1)
							for _, second := range []int64{at + r.Int64N(until-at), until - 1} {
								if got := want.value(t, second, 1); got != before {
									t.Fatalf("seed %d: from %d until %d it is %s, but %s at %d", seed, at, until, before, got, second)
								}
							}
						}
					}
				}
				series.Forget(at + s.Lookback() + 60)
				if n := series.Len(); n > 0 {
					t.Errorf("seed %d: %d seconds and chunks are left when all are forgotten", seed, n)
				}
			}
			if middles < 10 {
				t.Errorf("at most %d chunks of minutes were in the middle of a window", middles)
			}
		})
	}
}

// TestLongSeriesMemory: thirty days of a stat take some bytes for each minute.
func TestLongSeriesMemory(t *testing.T) {
	const over, each = 30 * 86_400, 12
	d := &stats.Definitions{Stats: []*stats.Stat{{Name: "count", Kind: "count", Window: over}}}
	p := compileDefinitions(t, d)
	series := window.NewSeries(p.Kind(0), d.Stats[0])
	for minute := range int64(over / 60) {
		second := statstest.Epoch/60*60 + minute*60
		if err := series.Join(fragmentOf(int(second), "\xe8\x07", 7, "\x05"), nil); err != nil {
			t.Fatal(err)
		}
		series.Forget(second + 59)
	}
	if got := string(series.Value(statstest.Epoch/60*60+over-1, over)); got != fmt.Sprint(1005*over/60) {
		t.Errorf("the count is %s", got)
	}
	if bytes, chunks := series.Bytes(), series.Middle(); bytes > each*over/60 || chunks > over/3600+1 {
		t.Errorf("%d bytes in %d chunks", bytes, chunks)
	}
}
