package web

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

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

// maxAnswer bounds the values of one answer, in bytes.
const maxAnswer = 32 << 20

// errTooLarge says that an answer would be larger than that.
var errTooLarge = fmt.Errorf("the points have more than %d MiB of values: ask for fewer seconds, or give a step", maxAnswer>>20)

// merged reads the topic of merged snapshots.
type merged struct {
	topicReader
	history string // the topic of those that were worked out later
	store   *Store
}

// A topicReader reads parts of a topic.
type topicReader struct {
	cluster topics.Cluster
	topic   string
}

// admin returns a client that reads the topic, for one request.
func (t *topicReader) admin(options ...kgo.Opt) (*topics.Admin, error) {
	return t.cluster.Admin(append(options, kgo.ClientID("pulse-web"))...)
}

// reach asks for a topic and for that of merged snapshots, so that what is
// missing is told before anything is tried with them.
func (m *merged) reach(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	admin, err := m.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.BrokerMetadata(ctx); err != nil {
		return fmt.Errorf("no Kafka broker answers: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic, m.topic)
	if err != nil {
		return err
	}
	for _, t := range []string{topic, m.topic} {
		if _, ok := ends.Lookup(t, 0); !ok {
			return fmt.Errorf("the topic %s does not exist: create it with `pulse topics --create`", t)
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
	admin, err := m.admin()
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	where, err := admin.Written(ctx, m.topic, time.Unix(from-Window, 0), time.Time{})
	if err != nil {
		return 0, err
	}
	// A recording of another time was published within minutes, all of it after
	// its seconds: the end of the topic is enough.
	perPartition := m.perPartition(int32(len(where)))
	for p, s := range where {
		s.From = max(s.From, s.To-perPartition[p])
		where[p] = s
	}
	n := 0
	err = admin.Read(ctx, m.topic, where, func(r *kgo.Record) bool {
		n++
		if s, err := stats.ParseSnapshot(r.Value); err == nil {
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
	admin, err := m.admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	where, err := admin.Written(ctx, m.topic, time.Unix(from, 0), time.Unix(to+publishedWithin, 0))
	if err != nil {
		return nil, err
	}
	p := topics.Partition(stat, int32(len(where)))
	points := map[int64]stats.Snapshot{}
	size := 0 // of the points' values, in bytes
	take := func(s stats.Snapshot) bool {
		for s := range s.Seconds(from, to) {
			if s.Version != m.store.VersionAt(stat, s.Time) || s.Time < from || s.Time > to {
				continue
			}
			if old, ok := points[s.Time]; !ok || supersedes(s, old) {
				size += len(s.Value) - len(old.Value)
				points[s.Time] = s
			}
		}
		return size <= maxAnswer
	}
	err = admin.Read(ctx, m.topic, where.Of(p), func(r *kgo.Record) bool {
		if string(r.Key) != stat {
			return true
		}
		s, err := stats.ParseSnapshot(r.Value)
		return err != nil || take(s)
	})
	if err == nil {
		err = m.filled(ctx, admin, stat, from, to, take)
	}
	if err != nil {
		return nil, err
	}
	if size > maxAnswer {
		return nil, errTooLarge
	}
	found := make([]stats.Snapshot, 0, len(points))
	for _, t := range slices.Sorted(maps.Keys(points)) {
		found = append(found, points[t])
	}
	return found, nil
}

// filled calls take with a stat's points of about [from, to] that were worked out later,
// until it returns false.
func (m *merged) filled(ctx context.Context, admin *topics.Admin, stat string, from, to int64, take func(stats.Snapshot) bool) error {
	if !m.store.anyFilled() {
		return nil
	}
	all, err := admin.Readable(ctx, m.history)
	if err != nil {
		return err
	}
	fetcher, err := admin.Fetcher(ctx, m.history)
	if err != nil {
		return err
	}
	partition := topics.Partition(stat, int32(len(all)))
	for version, spans := range m.store.filled(stat, partition, from, to) {
		for _, span := range spans {
			span = topics.Span{From: max(span.From, all[partition].From), To: min(span.To, all[partition].To)}
			for span.From < span.To {
				records, next, err := fetcher.Fetch(ctx, partition, span, historyBytes)
				if err != nil {
					return err
				}
				span.From = next
				for _, r := range records {
					if string(r.Key) != stat {
						continue
					}
					for line := range bytes.Lines(r.Value) {
						s, err := stats.ParseSnapshot(line)
						if err == nil && s.Version == version && s.First() <= to && s.Time >= from && !take(s) {
							return nil
						}
					}
				}
			}
		}
	}
	return nil
}

// historyBytes is how much is read at a time of what was worked out later.
const historyBytes = 1 << 20
