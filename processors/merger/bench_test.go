package merger_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pulse/processors"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/topics"
)

// BenchmarkSecond is what one second of the stream costs all mergers, without
// Kafka: so many stats of all kinds that every line meets, and 200 lines in each
// source partition. It grows with stats × partitions.
func BenchmarkSecond(b *testing.B) {
	for _, count := range []int{20, 100, 160, 1000} {
		for _, sources := range []int32{8, 16, 64} {
			b.Run(fmt.Sprintf("stats=%d/sources=%d", count, sources), func(b *testing.B) { benchmarkSecond(b, count, sources) })
		}
	}
}

func benchmarkSecond(b *testing.B, count int, sources int32) {
	const targets, lines = 8, 200
	kinds := []string{"rate: second", "rate: minute", "sum: bytes", "mean: bytes", "max: bytes", "unique: host", "{quantiles: bytes, at: [0.5, 0.95, 0.99]}"}
	var text strings.Builder
	text.WriteString("lateness: 2s\nstats:\n")
	for i := range count {
		kind := strings.Trim(kinds[i%len(kinds)], "{}")
		fmt.Fprintf(&text, "  - {name: stat-%d, %s}\n", i, kind)
	}
	definitions, err := stats.Parse("bench.yaml", []byte(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	names := topics.Names{Version: "x"}
	log := slog.New(slog.DiscardHandler)
	r, err := receiver.New(receiver.Config{Names: names, Definitions: definitions, Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	m, err := merger.New(merger.Config{Names: names, Definitions: definitions, Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	var receivers, mergers []processors.Partition
	nothing := topics.Commit{Offset: -1}
	for p := range sources {
		work, err := r.Partitions(topics.FixedLayout(sources), targets)(processors.Start{Partition: p, Committed: nothing})
		if err != nil {
			b.Fatal(err)
		}
		receivers = append(receivers, work)
	}
	for q := range int32(targets) {
		work, err := m.Partitions(targets, nil, nil)(processors.Start{Partition: q, Committed: nothing})
		if err != nil {
			b.Fatal(err)
		}
		mergers = append(mergers, work)
	}

	offsets := make([]int64, targets)
	published, fragments := 0, 0
	process := func(work processors.Partition, record processors.Record, emit processors.Emit) {
		if _, err := work.Process(record, emit); err != nil {
			b.Fatal(err)
		}
	}
	second := int64(lawStart)
	var raw int64
	for b.Loop() {
		b.StopTimer()
		var out [targets][]fragmentRecord
		for p, work := range receivers {
			var pack []byte
			for i := range lines {
				pack = fmt.Appendf(pack, "time=%s bytes=%d host=h%d\n", time.Unix(second, 0).UTC().Format(time.RFC3339), (i*7919+p*31+int(second))%5000, (i*13+int(second))%300)
			}
			for _, h := range []topics.RawHeader{
				{Ingester: "a", Clock: second * 1000, Domain: topics.WallDomain},
				{Ingester: "a", Clock: second*1000 + 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: sources}},
			} {
				if h.Tick != nil {
					pack = nil
				}
				process(work, processors.Record{Offset: raw, Value: pack, Header: topics.Lookup(h.Headers())}, func(_, key string, value []byte) {
					q := topics.Partition(key, targets)
					out[q] = append(out[q], fragmentRecord{key, value})
					fragments++
				})
				raw++
			}
		}
		second++
		b.StartTimer()
		for q, work := range mergers {
			for _, f := range out[q] {
				process(work, processors.Record{Offset: offsets[q], Key: f.key, Value: f.value}, func(string, string, []byte) { published++ })
				offsets[q]++
			}
		}
	}
	b.ReportMetric(float64(fragments)/float64(b.N), "fragments/op")
	b.ReportMetric(float64(published)/float64(b.N), "published/op")
}
