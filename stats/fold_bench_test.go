package stats

import (
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// BenchmarkFold parses, matches and folds lines in one goroutine, with a Flush
// after each second of them. lines/cpu-s is lines for each second of the CPU.
func BenchmarkFold(b *testing.B) {
	for _, bench := range []struct {
		name  string
		yaml  string
		lines func(*rand.Rand, time.Time) string
	}{
		{"pulse/100", pulseYAML(100), pulseLine},
		{"pulse/1000", pulseYAML(1000), pulseLine},
		{"router", routerYAML, routerLine},
		{"combined", accessYAML, func(r *rand.Rand, t time.Time) string { return accessLine(r, t, "", 0) }},
		{"json", jsonYAML, jsonLine},
		{"hostile/100", pulseYAML(100), hostileLine},
		{"hostile/1000", pulseYAML(1000), hostileLine},
	} {
		b.Run(bench.name, func(b *testing.B) {
			const lines = 100_000
			in := packs(lines, bench.lines)
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
			fold()
			b.ReportAllocs()
			n := 0
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadTime(b)
			for b.Loop() {
				fold()
				n++
			}
			spent := threadTime(b) - start
			b.ReportMetric(float64(n*lines)/spent.Seconds(), "lines/cpu-s")
			b.ReportMetric(float64(spent.Nanoseconds())/float64(n*lines), "ns/line")
		})
	}
}

// threadTime is the CPU time that this thread spent.
func threadTime(b *testing.B) time.Duration {
	const rusageThread = 1
	var r syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
