//go:build unix

package main

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/traffic"
	"pulse/stats"
)

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkPipeline sends a recording at once through all of Pulse, the broker
// included, in this one process: from the first record to the last final
// snapshot. Lines per CPU-second are those of everybody in it together.
func BenchmarkPipeline(b *testing.B) {
	const lines = 1_000_000
	for _, kind := range []string{"router", "mixed"} {
		b.Run(kind, func(b *testing.B) {
			const file = "../../testdata/demo.yaml"
			recording := record(b, traffic.Options{Kind: kind, Lines: lines, Rate: 10_000, Seed: 1})
			want := evaluate(b, nil, "--stats", file, recording)
			tracks := 0 // stats that have a value at the last second
			for key := range want.points {
				if key.second == want.last {
					tracks++
				}
			}
			last := stats.Snapshot{Time: want.last}
			_, afterStat, _ := bytes.Cut(last.AppendJSON(nil), []byte(`,`))
			lastTime, _, _ := bytes.Cut(afterStat, []byte(`,`)) // "time":"…"

			var cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				run := startRun(b, file, "", nil)
				merged, err := kgo.NewClient(append(run.cluster.ClientOptions("pulse-bench"), kgo.ConsumeTopics(run.names.Merged()),
					kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
				if err != nil {
					b.Fatal(err)
				}
				ready(b, run.url+"/readyz")
				before := cpuTime(b)
				b.StartTimer()

				replay := start(b, run.env(file), nil, "replay", "--original-times", "--speed", "max", recording)
				for final := 0; final < tracks; {
					fetches := merged.PollFetches(b.Context())
					if err := fetches.Err(); err != nil {
						b.Fatal(err)
					}
					fetches.EachRecord(func(r *kgo.Record) {
						if bytes.Contains(r.Value, lastTime) && bytes.Contains(r.Value, []byte(`"final":true`)) {
							final++
						}
					})
				}

				b.StopTimer()
				cpu += cpuTime(b) - before
				replay.succeed()
				merged.Close()
				run.terminate()
				b.StartTimer()
			}
			total := float64(lines) * float64(b.N)
			b.ReportMetric(total/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(total/cpu.Seconds(), "lines/CPU-s")
		})
	}
}
