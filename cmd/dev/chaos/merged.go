package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
)

// A point is what a snapshot is about.
type point struct {
	stat   string
	second int64
}

// stale stands for the value of a second that no clock covered.
const stale = "stale"

// published is what stats.merged says of a point, over all its revisions.
type published struct {
	values map[int]string // revision -> value
	last   int            // the highest revision
	final  bool           // whether the highest revision has been said to be final
}

// A merged reads stats.merged while it grows, as every reader must: the highest
// revision wins.
type merged struct {
	version string
	log     *logger

	mu          sync.Mutex
	points      map[point]*published
	conflicting int // revisions with two values
	snapshots   int
	seen        map[string][]arrival // stat -> when its newest second moved on
}

// An arrival is when the newest second of a stat moved on.
type arrival struct {
	at     time.Time
	second int64
}

func newMerged(version string, log *logger) *merged {
	return &merged{version: version, log: log, points: map[point]*published{}, seen: map[string][]arrival{}}
}

// follow reads the topic from its start until ctx ends.
func (m *merged) follow(ctx context.Context, brokers []string, topic string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.DialTimeout(2*time.Second), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(250*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		now := time.Now()
		var bad error
		m.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			var s stats.Snapshot
			if err := json.Unmarshal(r.Value, &s); err != nil {
				bad = fmt.Errorf("%s partition %d offset %d is not a snapshot: %w", r.Topic, r.Partition, r.Offset, err)
				return
			}
			m.add(s, now)
		})
		m.mu.Unlock()
		if bad != nil {
			return bad
		}
	}
}

// add takes a snapshot. One that passes a gap is one for each of its seconds.
func (m *merged) add(s stats.Snapshot, now time.Time) {
	if s.Version != m.version {
		return
	}
	m.snapshots++
	if seen := m.seen[s.Stat]; len(seen) == 0 || s.Time > seen[len(seen)-1].second {
		m.seen[s.Stat] = append(seen, arrival{now, s.Time})
	}
	for second, value := range seconds(s) {
		key := point{s.Stat, second}
		p := m.points[key]
		if p == nil {
			p = &published{values: map[int]string{}, last: -1}
			m.points[key] = p
		}
		if before, ok := p.values[s.Revision]; ok && before != value {
			m.conflicting++
			if m.conflicting <= maxComplaints {
				m.log.printf("two values for %s at %d revision %d: %s and %s", s.Stat, key.second, s.Revision, before, value)
			}
		}
		p.values[s.Revision] = value
		switch {
		case s.Revision > p.last:
			p.last, p.final = s.Revision, s.Final
		case s.Revision == p.last:
			p.final = p.final || s.Final
		}
	}
}

// maxComplaints bounds how many points of each kind of error are told.
const maxComplaints = 10

// seconds are those that a snapshot speaks of, with their values, and how many seconds
// of their windows are covered if not all are.
func seconds(s stats.Snapshot) func(yield func(int64, string) bool) {
	value := string(s.Value)
	switch {
	case s.StaleSince != 0:
		value = stale
	case s.Of != 0:
		value += fmt.Sprintf(" (%d of %d s)", s.Covered, s.Of)
	}
	return func(yield func(int64, string) bool) {
		for second := s.First(); second <= s.Time && yield(second, value); second++ {
		}
	}
}

// newest is the newest second that every one of the stats has been published for.
func (m *merged) newest(stats int) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.seen) < stats {
		return -1
	}
	least := int64(-1)
	for _, seen := range m.seen {
		if second := seen[len(seen)-1].second; least < 0 || second < least {
			least = second
		}
	}
	return least
}

// delays are how publishing looked to who read along between two times.
type delays struct {
	gaps []time.Duration // between two publications of a stat, less a second, ascending
	lags []time.Duration // from the end of a second to its publication, ascending
}

func (m *merged) delays(from, to time.Time) delays {
	m.mu.Lock()
	defer m.mu.Unlock()
	var d delays
	for _, seen := range m.seen {
		last := time.Time{}
		for _, a := range seen {
			if a.at.Before(from) || a.at.After(to) {
				continue
			}
			if !last.IsZero() {
				d.gaps = append(d.gaps, max(a.at.Sub(last)-time.Second, 0))
			}
			last = a.at
			d.lags = append(d.lags, a.at.Sub(time.Unix(a.second+1, 0)))
		}
		// The one that is under way when the time is over counts as it is.
		if !last.IsZero() {
			d.gaps = append(d.gaps, max(to.Sub(last)-time.Second, 0))
		}
	}
	slices.Sort(d.gaps)
	slices.Sort(d.lags)
	return d
}

// quantile returns the nearest rank of ascending durations; 0 of none.
func quantile(ascending []time.Duration, q float64) time.Duration {
	if len(ascending) == 0 {
		return 0
	}
	i := int(q*float64(len(ascending))+0.999999) - 1
	return ascending[min(max(i, 0), len(ascending)-1)]
}
