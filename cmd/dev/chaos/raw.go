package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

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
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.DialTimeout(2*time.Second),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	t := &rawTopic{numbers: map[string][]bool{}}
	left := map[int32]int64{}
	clocks := make([]*watermark.Watermark, len(ends[topic]))
	for i := range clocks {
		clocks[i] = watermark.New()
	}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, ok := left[r.Partition]
			if !ok || r.Offset >= end {
				return
			}
			t.add(r, clocks[r.Partition])
			if r.Offset+1 == end {
				delete(left, r.Partition)
			}
		})
		if err := fetches.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
	}
	t.least = clocks[0].Second()
	for _, c := range clocks {
		t.least = min(t.least, c.Second())
	}
	return t, nil
}

func (t *rawTopic) add(r *kgo.Record, clock *watermark.Watermark) {
	header, err := topics.ParseRawHeader(func(key string) []byte {
		for _, h := range r.Headers {
			if h.Key == key {
				return h.Value
			}
		}
		return nil
	})
	if err == nil && header.Tick != nil {
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
