package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
)

// A point is what a snapshot is about.
type point struct {
	stat   string
	second int64
}

// published is what stats.merged says of a point, over all its revisions.
type published struct {
	values map[int]string // revision -> value
	last   int            // the highest revision
	final  bool           // whether the highest revision has been said to be final
}

// merged reads stats.merged as every reader must: the highest revision wins.
type merged struct {
	generation  string
	points      map[point]*published
	conflicting int // revisions with two values
	snapshots   int
	complaints  func(format string, args ...any)
}

func (m *merged) add(s stats.Snapshot) {
	if s.Gen != m.generation || s.StaleSince != 0 {
		return
	}
	m.snapshots++
	key := point{s.Stat, s.Time}
	p := m.points[key]
	if p == nil {
		p = &published{values: map[int]string{}, last: -1}
		m.points[key] = p
	}
	value := string(s.Value)
	if before, ok := p.values[s.Revision]; ok && before != value {
		m.conflicting++
		m.complaints("two values for %s at %d revision %d: %s and %s", s.Stat, key.second, s.Revision, before, value)
	}
	p.values[s.Revision] = value
	switch {
	case s.Revision > p.last:
		p.last, p.final = s.Revision, s.Final
	case s.Revision == p.last:
		p.final = p.final || s.Final
	}
}

// follow reads the topic from its start until done reports true or ctx ends.
// done is asked after each batch of records.
func (m *merged) follow(ctx context.Context, brokers []string, topic string, done func() bool) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	for !done() {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var bad error
		fetches.EachRecord(func(r *kgo.Record) {
			var s stats.Snapshot
			if err := json.Unmarshal(r.Value, &s); err != nil {
				bad = fmt.Errorf("%s partition %d offset %d is no snapshot: %w", r.Topic, r.Partition, r.Offset, err)
				return
			}
			m.add(s)
		})
		if bad != nil {
			return bad
		}
	}
	return nil
}

// oracle is what `pulse eval` says.
type oracle struct {
	values map[point]string
	counts counts
}

// counts is the last line of eval's standard error.
type counts struct {
	Lines      int64 `json:"lines"`
	Counted    int64 `json:"counted"`
	Late       int64 `json:"late"`
	Unreadable int64 `json:"unreadable"`
}

func readOracle(stdout io.Reader, stderr []byte) (*oracle, error) {
	o := &oracle{values: map[point]string{}}
	scanner := bufio.NewScanner(stdout)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var s stats.Snapshot
		if err := json.Unmarshal(scanner.Bytes(), &s); err != nil {
			return nil, fmt.Errorf("eval printed %q: %w", scanner.Text(), err)
		}
		if s.StaleSince == 0 {
			o.values[point{s.Stat, s.Time}] = string(s.Value)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	lines := bytes.Split(bytes.TrimSpace(stderr), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &o.counts); err != nil {
		return nil, fmt.Errorf("eval's last line on stderr is %q: %w", lines[len(lines)-1], err)
	}
	return o, nil
}

// verdict compares what was published with the oracle.
type verdict struct {
	Points      int // stats × seconds of the oracle
	Wrong       int // the highest revision's value is another
	Missing     int // never published, or never final
	Conflicting int // one revision, two values
}

func (v verdict) ok() bool { return v.Wrong+v.Missing+v.Conflicting == 0 && v.Points > 0 }

func compare(o *oracle, m *merged) verdict {
	v := verdict{Points: len(o.values), Conflicting: m.conflicting}
	for key, want := range o.values {
		switch p := m.points[key]; {
		case p == nil || !p.final:
			v.Missing++
			m.complaints("missing: %s at %s", key.stat, time.Unix(key.second, 0).UTC().Format(time.RFC3339))
		case p.values[p.last] != want:
			v.Wrong++
			m.complaints("wrong: %s at %s is %s (revision %d), the oracle says %s", key.stat,
				time.Unix(key.second, 0).UTC().Format(time.RFC3339), p.values[p.last], p.last, want)
		}
	}
	return v
}

// complete reports whether every point of the oracle has been published as final.
func complete(o *oracle, m *merged) bool {
	for key := range o.values {
		if p := m.points[key]; p == nil || !p.final {
			return false
		}
	}
	return true
}
