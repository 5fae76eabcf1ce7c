package program

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"pulse/stats/internal/statstest"
)

// herokuYAML has the original's 161 stats for two clouds, and three by key.
func herokuYAML(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("../../testdata/heroku.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(data), "${CLOUDS:-heroku.com}", "example.com,eu.example.com", 1)
}

// BenchmarkFold parses, matches and folds lines in one goroutine, with a Flush
// after each second of them. lines/cpu-s is lines for each second of the CPU.
func BenchmarkFold(b *testing.B) {
	const lines, rate = 100_000, 20_000
	for _, bench := range []struct {
		name, yaml string
		lines      []string
	}{
		{"pulse/100", statstest.PulseYAML(100), statstest.Record(b, "pulse", lines, rate)},
		{"pulse/1000", statstest.PulseYAML(1000), statstest.Record(b, "pulse", lines, rate)},
		{"heroku", herokuYAML(b), statstest.Record(b, "pulse", lines, rate)},
		{"router", statstest.RouterYAML, statstest.Record(b, "router", lines, rate)},
		{"combined", statstest.AccessYAML, statstest.Record(b, "combined", lines, rate)},
		{"json", statstest.JSONYAML, statstest.Record(b, "json", lines, rate)},
		{"hostile/100", statstest.PulseYAML(100), statstest.Hostile(lines, rate)},
		{"hostile/1000", statstest.PulseYAML(1000), statstest.Hostile(lines, rate)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			in := packs(bench.lines, rate)
			f := compile(b, bench.yaml).NewFolder()
			fold := func() {
				for i, p := range in {
					if i > 0 && p.Second != in[i-1].Second {
						f.Flush(func(int, []byte) {})
					}
					f.Fold(p)
				}
				f.Flush(func(int, []byte) {})
			}
			fold() // learns, and grows what it needs
			b.ReportAllocs()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			folds := 0
			start := threadTime()
			for b.Loop() {
				fold()
				folds++
			}
			spent := threadTime() - start
			b.ReportMetric(float64(folds*lines)/spent.Seconds(), "lines/cpu-s")
			b.ReportMetric(float64(spent.Nanoseconds())/float64(folds*lines), "ns/line")
		})
	}
}
