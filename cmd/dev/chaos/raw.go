package main

import (
	"bytes"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/hostile"
	"pulse/stats/watermark"
	"pulse/topics"
)

// A rawTopic is what events.raw holds.
type rawTopic struct {
	lines    int64
	repeated int64 // lines that are there twice; none is sent twice
	least    int64 // the least watermark of its partitions: what is before it, less the lateness, has to be final
	numbers  map[string][]bool
}

// has reports whether a numbered line is there.
func (t *rawTopic) has(tag string, n int) bool { return n < len(t.numbers[tag]) && t.numbers[tag][n] }

// readRaw reads events.raw from its start to where it ends now.
func readRaw(ctx context.Context, brokers []string, topic string) (*rawTopic, error) {
	admin, err := topics.Cluster{Brokers: brokers}.Admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	all, err := admin.Readable(ctx, topic)
	if err != nil {
		return nil, err
	}
	t := &rawTopic{numbers: map[string][]bool{}}
	clocks := make([]*watermark.Watermark, len(all))
	for i := range clocks {
		clocks[i] = watermark.New()
	}
	err = admin.Read(ctx, topic, all, func(r *kgo.Record) bool {
		t.add(r, clocks[r.Partition])
		return true
	})
	if err != nil {
		return nil, err
	}
	t.least = clocks[0].Second()
	for _, c := range clocks {
		t.least = min(t.least, c.Second())
	}
	return t, nil
}

func (t *rawTopic) add(r *kgo.Record, clock *watermark.Watermark) {
	header, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
	if err == nil && header.Tick != nil && header.Ingester != hostile.Refused {
		clock.Tick(watermark.Tick{Ingester: header.Ingester, Clock: header.Second(), Since: header.Tick.Since, Leaving: header.Tick.Leaving})
	}
	for line := range bytes.SplitSeq(r.Value, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		t.lines++
		tag, n, ok := numberOf(line)
		if !ok {
			continue
		}
		known := t.numbers[tag]
		if n >= len(known) {
			known = append(known, slices.Repeat([]bool{false}, n+1-len(known))...)
		}
		if known[n] {
			t.repeated++
		}
		known[n] = true
		t.numbers[tag] = known
	}
}
