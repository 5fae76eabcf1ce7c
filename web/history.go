package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
)

const (
	reachWithin = 10 * time.Second // of asking for offsets
	fillWithin  = time.Minute      // of reading the history of all stats
	// publishedWithin is how long after its second a point may have been
	// published, for one stat's points to be found by time: its lateness and the
	// outages that the processors may have been through.
	publishedWithin = 15 * 60
	// recordsPerPoint is how many records a second of a stat has, at most times:
	// when it closed, when it was amended, when it became final.
	recordsPerPoint = 4
)

// merged reads the topic of merged snapshots.
type merged struct {
	topicReader
	store *Store
}

// A topicReader reads parts of a topic.
type topicReader struct {
	cluster topics.Cluster
	topic   string
}

// section is a part of a topic: for each partition the offsets [from, to).
type section map[int32]struct{ from, to int64 }

// reach asks for a topic and for that of merged snapshots, so that what is
// missing is told before anything is tried with them.
func (m *merged) reach(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	client, err := kgo.NewClient(m.cluster.ClientOptions("pulse-web")...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("no broker answers: %w", err)
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic, m.topic)
	if err != nil {
		return err
	}
	for _, t := range []string{topic, m.topic} {
		if _, ok := ends.Lookup(t, 0); !ok {
			return fmt.Errorf("the topic %s is not there: `pulse topics` creates it, and so do the receiver and the merger when they start", t)
		}
	}
	return ends.Error()
}

// fill reads the store's window of all stats into it, and returns the number of
// records that it read.
func (m *merged) fill(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, fillWithin)
	defer cancel()
	now := time.Now()
	// Kafka's record times are when points were published, which is after their
	// seconds; of a log that stands still, the last points are those to show.
	from := now.Unix()
	if newest := m.store.Newest(); newest > 0 {
		from = min(from, newest)
	}
	where, err := m.find(ctx, (from-Window)*1000, -1)
	if err != nil {
		return 0, err
	}
	// A recording of another time was published within minutes, all of it after
	// its seconds: the end of the topic is enough.
	perPartition := map[int32]int64{}
	for _, s := range m.store.stats {
		perPartition[topics.Partition(s.Name, int32(len(where)))] += ringSize * recordsPerPoint
	}
	for p, s := range where {
		s.from = max(s.from, s.to-perPartition[p])
		where[p] = s
	}
	n := 0
	err = m.read(ctx, where, func(r *kgo.Record) bool {
		n++
		var s stats.Snapshot
		if json.Unmarshal(r.Value, &s) == nil {
			m.store.Upsert(s, now)
		} else {
			m.store.Refuse()
		}
		return true
	})
	return n, err
}

// Points reads a stat's points of the seconds [from, to], oldest first. Of each
// second it takes the one that the law of upserts leaves.
func (m *merged) Points(ctx context.Context, stat string, from, to int64) ([]stats.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	where, err := m.find(ctx, from*1000, (to+publishedWithin)*1000)
	if err != nil {
		return nil, err
	}
	p := topics.Partition(stat, int32(len(where)))
	points := map[int64]stats.Snapshot{}
	err = m.read(ctx, section{p: where[p]}, func(r *kgo.Record) bool {
		if string(r.Key) != stat {
			return true
		}
		var s stats.Snapshot
		if json.Unmarshal(r.Value, &s) != nil || s.Gen != m.store.GenerationAt(stat, s.Time) || s.Time < from || s.Time > to {
			return true
		}
		if old, ok := points[s.Time]; !ok || supersedes(s, old) {
			points[s.Time] = s
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	found := make([]stats.Snapshot, 0, len(points))
	for _, t := range slices.Sorted(maps.Keys(points)) {
		found = append(found, points[t])
	}
	return found, nil
}

// find gives the offsets of what was published in [from, to), Unix milliseconds;
// to the end, if to is -1.
func (t *topicReader) find(ctx context.Context, from, to int64) (section, error) {
	client, err := kgo.NewClient(t.cluster.ClientOptions("pulse-web")...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	first, err := admin.ListOffsetsAfterMilli(ctx, max(from, 0), t.topic)
	if err == nil {
		err = first.Error()
	}
	if err != nil {
		return nil, err
	}
	var last kadm.ListedOffsets
	if to < 0 {
		last, err = admin.ListEndOffsets(ctx, t.topic)
	} else {
		last, err = admin.ListOffsetsAfterMilli(ctx, to, t.topic)
	}
	if err == nil {
		err = last.Error()
	}
	if err != nil {
		return nil, err
	}
	where := section{}
	first.Each(func(o kadm.ListedOffset) {
		end, _ := last.Lookup(t.topic, o.Partition)
		where[o.Partition] = struct{ from, to int64 }{o.Offset, end.Offset}
	})
	return where, nil
}

// read calls f with each record of a section, and maybe with some after it,
// until f gives false.
func (t *topicReader) read(ctx context.Context, where section, f func(*kgo.Record) bool, options ...kgo.Opt) error {
	starts, left := map[int32]kgo.Offset{}, 0
	for p, s := range where {
		if s.from < s.to {
			starts[p] = kgo.NewOffset().At(s.from)
			left++
		}
	}
	if left == 0 {
		return nil
	}
	options = append(append(t.cluster.ClientOptions("pulse-web"), options...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{t.topic: starts}),
		kgo.KeepControlRecords()) // the last of a partition may be a transaction's end
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	for done := map[int32]bool{}; left > 0; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return err
		}
		for _, e := range fetches.Errors() {
			return fmt.Errorf("partition %d of %s: %w", e.Partition, e.Topic, e.Err)
		}
		enough := false
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			end := where[p.Partition].to
			for _, r := range p.Records {
				last := r.Offset >= end-1
				if r.Attrs.IsControl() {
					last = last && r.Offset >= p.HighWatermark-1
				} else if enough = enough || !f(r); enough {
					return
				}
				if last && !done[p.Partition] {
					done[p.Partition] = true
					left--
				}
			}
		})
		if enough {
			return nil
		}
	}
	return nil
}
