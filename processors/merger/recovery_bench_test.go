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

// BenchmarkRecovery is what all mergers do, without Kafka, between a restart and
// the next second that they publish: 1,000 stats, 16 source partitions. It does
// not grow with the windows.
func BenchmarkRecovery(b *testing.B) {
	for _, over := range []int64{10, 300} {
		b.Run(fmt.Sprintf("over=%d", over), func(b *testing.B) { benchmarkRecovery(b, over) })
	}
}

func benchmarkRecovery(b *testing.B, over int64) {
	const sources, targets, count = 16, 8, 1000
	kinds := []string{"rate: second", "sum: bytes", "mean: bytes", "max: bytes"}
	var text strings.Builder
	text.WriteString("lateness: 2s\nstats:\n")
	for i := range count {
		fmt.Fprintf(&text, "  - {name: stat-%d, %s, over: %ds}\n", i, kinds[i%len(kinds)], over)
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
	type target struct {
		work      processors.Partition
		fragments []fragmentRecord // from dropped on
		dropped   int64
		kept      [][]byte
		commit    topics.Commit
	}
	all := make([]target, targets)
	begin := m.Partitions(targets, func(_ string, q int32, last int64, each func([]byte)) (bool, error) {
		from := max(len(all[q].kept)-int(last), 0)
		for _, value := range all[q].kept[from:] {
			each(value)
		}
		return from == 0, nil
	}, nil)
	start := func(q int, c topics.Commit) processors.Partition {
		work, err := begin(processors.Start{Partition: int32(q), Committed: c})
		if err != nil {
			b.Fatal(err)
		}
		return work
	}
	process := func(work processors.Partition, r processors.Record, emit processors.Emit) *topics.Commit {
		c, err := work.Process(r, emit)
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	nothing := topics.Commit{Offset: -1}
	for q := range all {
		all[q].work, all[q].commit = start(q, nothing), nothing
	}
	var receivers []processors.Partition
	for p := range int32(sources) {
		work, err := r.Partitions(topics.FixedLayout(sources), targets)(processors.Start{Partition: p, Committed: nothing})
		if err != nil {
			b.Fatal(err)
		}
		receivers = append(receivers, work)
	}
	for i := range over + 20 {
		second := lawStart + i
		added := make([]int, targets)
		for p, work := range receivers {
			tick := topics.RawHeader{Ingester: "a", Clock: second*1000 + 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: sources, Since: lawStart}}
			pack := topics.RawHeader{Ingester: "a", Clock: second * 1000, Domain: topics.WallDomain}
			lines := fmt.Appendf(nil, "time=%s bytes=%d", time.Unix(second, 0).UTC().Format(time.RFC3339), p)
			for n, h := range []topics.RawHeader{pack, tick} {
				process(work, processors.Record{Offset: 2*i + int64(n), Value: lines, Header: topics.Lookup(h.Headers())},
					func(_, key string, value []byte) {
						q := topics.Partition(key, targets)
						all[q].fragments = append(all[q].fragments, fragmentRecord{key, value})
						added[q]++
					})
				lines = nil
			}
		}
		for q := range all {
			t := &all[q]
			for n := len(t.fragments) - added[q]; n < len(t.fragments); n++ {
				f := t.fragments[n]
				c := process(t.work, processors.Record{Offset: t.dropped + int64(n), Key: f.key, Value: f.value}, func(topic, _ string, value []byte) {
					if topic == names.Seconds() {
						t.kept = append(t.kept, value)
					}
				})
				if c != nil {
					t.commit = *c
				}
			}
			if t.commit.Offset > t.dropped { // no restart needs what is before it
				t.fragments = t.fragments[t.commit.Offset-t.dropped:]
				t.dropped = t.commit.Offset
			}
		}
	}
	records, published := 0, 0
	for b.Loop() {
		for q := range all {
			t := &all[q]
			work := start(q, t.commit)
			for n, f := range t.fragments {
				process(work, processors.Record{Offset: t.dropped + int64(n), Key: f.key, Value: f.value}, func(string, string, []byte) { published++ })
				records++
			}
		}
	}
	if published == 0 {
		b.Fatal("nothing was published")
	}
	kept := 0
	for q := range all {
		kept += min(len(all[q].kept), int(over))
	}
	b.ReportMetric(float64(records)/float64(b.N), "fragments/op")
	b.ReportMetric(float64(kept), "kept/op")
}
