// Package minutes rolls up each minute of each stat, so that a chart of a week
// reads 10,080 minutes and not 604,800 seconds that lie between those of other
// stats.
//
// It is a consumer group on stats.merged that writes stats.minutes. What a minute
// amounts to follows from the final values alone, of which each second has one;
// so it does not matter who rolls it up, or how often. A member commits, after its
// minutes are acknowledged, the offset of the first record of any minute that is
// still open; its successor reads these again. What it may write of a minute
// whose beginning it did not read has fewer seconds, and of two the minute with
// more seconds holds.
//
// What is marked is written to stats.marks when it is final: each mark is the same record
// however often it is written, and a reader keeps it once.
//
// A minute's quantiles do not follow from its seconds': the merger, which has the
// numbers, writes digests of them to the same topic.
package minutes

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

// Config is of a Processor.
type Config struct {
	Cluster     topics.Cluster
	Names       topics.Names
	Definitions *stats.Definitions
	Logger      *slog.Logger // nil: slog.Default
}

// A Processor is one member of the group.
type Processor struct {
	config Config
	stats  []*stats.Stat
	log    *slog.Logger

	notices *throttle.Logger
	beyond  atomic.Int64

	mu      sync.Mutex
	rollers map[int32]*roller // by partition of stats.merged
}

// New returns a Processor. Run does the work.
func New(c Config) *Processor {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	log := c.Logger.With("role", "minutes")
	return &Processor{config: c, stats: c.Definitions.All(), log: log, notices: &throttle.Logger{Log: log}}
}

// Beyond is how many points were left out because their seconds were days ahead of
// their records.
func (p *Processor) Beyond() int64 { return p.beyond.Load() }

// retryAfter is how long a Processor waits before it tries again what failed.
const retryAfter = time.Second

// Run works until ctx ends. Whatever fails is tried again, from what was
// committed.
func (p *Processor) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := topics.LeaveWithin(ctx, p.log, p.run); ctx.Err() == nil {
			p.notices.Warn("cannot roll up minutes; retrying", "topic", p.config.Names.Minutes(), "error", err)
			retry.Wait(ctx, retryAfter)
		}
	}
}

func (p *Processor) run(ctx context.Context) error {
	names := p.config.Names
	partitions, err := topics.PartitionCount(ctx, p.config.Cluster, names.Minutes())
	if err != nil {
		return err
	}
	start, err := p.start(ctx)
	if err != nil {
		return err
	}
	p.rollers = map[int32]*roller{}
	forget := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, partition := range lost[names.Merged()] {
			delete(p.rollers, partition)
		}
	}
	client, err := kgo.NewClient(append(p.config.Cluster.GroupOptions("pulse-minutes", names.MinutesGroup()),
		kgo.ConsumeTopics(names.Merged()),
		kgo.ConsumeResetOffset(start),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsRevoked(forget), kgo.OnPartitionsLost(forget),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		if err := p.take(ctx, client, fetches, partitions); err != nil {
			return err
		}
		client.AllowRebalance()
	}
}

// clockMargin is by how much the clocks of two machines may differ.
const clockMargin = time.Hour

// start is where a group without commits begins to read stats.merged. Nothing was
// published of a definitions version before its first fragment was written, so
// that it need not begin with two weeks of other versions' points. Where the first
// fragments are gone it begins with the topic.
func (p *Processor) start(ctx context.Context) (kgo.Offset, error) {
	all := kgo.NewOffset().AtStart()
	client, err := kgo.NewClient(p.config.Cluster.ClientOptions("pulse-minutes")...)
	if err != nil {
		return all, err
	}
	defer client.Close()
	// The first record with a time is the first of all.
	listed, err := kadm.NewClient(client).ListOffsetsAfterMilli(ctx, 0, p.config.Names.Fragments())
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return all, fmt.Errorf("cannot read the first offsets of the fragments: %w", err)
	}
	begun := time.Now().UnixMilli()
	gone := false
	listed.Each(func(o kadm.ListedOffset) {
		gone = gone || o.Offset > 0
		if o.Timestamp >= 0 {
			begun = min(begun, o.Timestamp)
		}
	})
	if gone {
		return all, nil
	}
	return kgo.NewOffset().AfterMilli(begun - clockMargin.Milliseconds()), nil
}

// take rolls up what was read, writes the minutes that have ended, and commits.
func (p *Processor) take(ctx context.Context, client *kgo.Client, fetches kgo.Fetches, partitions int32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := batch{topic: p.config.Names.Minutes(), marks: p.config.Names.Marks(), lines: make([][]byte, partitions)}
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if len(f.Records) == 0 {
			return
		}
		r := p.rollers[f.Partition]
		if r == nil {
			r = newRoller(p.stats, p.config.Names.Version)
			p.rollers[f.Partition] = r
		}
		for _, record := range f.Records {
			r.add(record, out.add, out.mark)
		}
		if r.beyond > 0 {
			p.notices.Warn("left out points whose times are days ahead of their records'; check which programs write to the topic", "topic", f.Topic, "points", r.beyond)
			p.beyond.Add(int64(r.beyond))
			r.beyond = 0
		}
	})
	if out.err != nil {
		p.log.Warn("left out a minute that is not valid", "error", out.err) // of a value that is not JSON
	}
	records := out.end()
	if len(records) == 0 {
		return nil
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	var reached []*kgo.Record
	for partition, r := range p.rollers {
		// What is committed is the offset after a record's.
		reached = append(reached, &kgo.Record{Topic: p.config.Names.Merged(), Partition: partition, Offset: r.needed() - 1, LeaderEpoch: -1})
	}
	return client.CommitRecords(ctx, reached...)
}

// A batch packs minutes into records, for each partition those of its stats.
type batch struct {
	topic   string
	marks   string   // the topic of marks
	lines   [][]byte // by partition
	records []*kgo.Record
	err     error // of the last minute that cannot be written
}

func (b *batch) add(m topics.Minute) {
	line, err := topics.AppendMinute(nil, m)
	if err != nil {
		b.err = err
		return
	}
	partition := topics.Partition(m.Stat, int32(len(b.lines)))
	if len(b.lines[partition])+len(line) > topics.MaxMinutes {
		b.flush(partition)
	}
	b.lines[partition] = append(b.lines[partition], line...)
}

// mark adds what is marked.
func (b *batch) mark(m topics.MarkRecord) { b.records = append(b.records, m.Record(b.marks)) }

func (b *batch) flush(partition int32) {
	b.records = append(b.records, &kgo.Record{Topic: b.topic, Partition: partition, Value: b.lines[partition]})
	b.lines[partition] = nil
}

// end returns the records.
func (b *batch) end() []*kgo.Record {
	for partition, lines := range b.lines {
		if len(lines) > 0 {
			b.flush(int32(partition))
		}
	}
	return b.records
}
