package program

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

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

// logbackYAML has a format of its own and twenty stats of its fields.
var logbackYAML = func() string {
	yaml := `
formats:
  - name: logback
    pattern: '<time> <level> [<thread>] <logger> - took <ms:number> for <user>'
    time: "2006-01-02 15:04:05,000"
stats:
  - {name: mean, mean: ms}
  - {name: quantiles, quantiles: ms, where: level == "WARN"}
  - {name: users, unique: user}
  - {name: by-logger, rate: second, by: logger}
`
	for i := range 16 {
		yaml += fmt.Sprintf("  - {name: s%d, rate: second, where: thread == \"exec-%d\" && level != \"DEBUG\"}\n", i, i)
	}
	return yaml
}()

func logback(n, rate int) []string {
	lines := make([]string, n)
	for i := range lines {
		at := time.Unix(statstest.FirstSecond, 0).UTC().Add(time.Duration(i) * time.Second / time.Duration(rate))
		lines[i] = fmt.Sprintf("%s %-5s [exec-%d] com.example.shop.%s - took %d for u%d", strings.Replace(at.Format("2006-01-02 15:04:05.000"), ".", ",", 1),
			[]string{"INFO", "WARN", "DEBUG", "ERROR"}[i%7%4], i%16, []string{"Cart", "Index", "Mail"}[i%5%3], i*7919%900, i*104729%500)
	}
	return lines
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
		{"router-by-path", statstest.RouterYAML + strings.ReplaceAll(routedStats, "endpoint", "path"), statstest.Record(b, "router", lines, rate)},
		{"router-by-route", routedYAML, statstest.Record(b, "router", lines, rate)},
		{"combined", statstest.AccessYAML, statstest.Record(b, "combined", lines, rate)},
		{"json", statstest.JSONYAML, statstest.Record(b, "json", lines, rate)},
		{"logback/20", logbackYAML, logback(lines, rate)},
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
