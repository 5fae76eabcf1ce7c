package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/bits"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
)

// A chart of a week has 600,000 seconds, and a stat's snapshots lie between those
// of others, so that reading them takes minutes. Therefore each minute is rolled
// up once, when its seconds are final, into a topic of its own.
//
// The web servers of a dashboard do it together, as a consumer group on
// stats.merged. What a minute amounts to follows from the final values alone, of
// which each second has one; so it does not matter who rolls it up, or how often.
// A server commits, after its minutes are acknowledged, the offset of the first
// record of any minute that is still open; its successor reads these again. What
// it may write of a minute whose beginning it did not read has fewer seconds, and
// a minute with more seconds holds.

// minuteSeconds is the length of a minute.
const minuteSeconds = 60

// allSeconds has a bit for each second of a minute.
const allSeconds = 1<<minuteSeconds - 1

// openMinute is a minute of a stat while its seconds come.
type openMinute struct {
	topics.Minute
	seen  uint64 // a bit for each second that has a value or had no clock
	last  int64  // the second that Last is of
	first int64  // offset of the first record of it
}

// roller rolls up one partition of stats.merged.
type roller struct {
	gen   string
	keyed map[string]bool // the stats, and whether their values are by key
	open  map[string]*openMinute
	done  map[string]int64 // the last minute of each stat that was given away
	next  int64            // offset after the last record
}

func newRoller(all []*stats.Stat, gen string) *roller {
	r := &roller{gen: gen, keyed: map[string]bool{}, open: map[string]*openMinute{}, done: map[string]int64{}}
	for _, s := range all {
		r.keyed[s.Name] = s.Top > 0
	}
	return r
}

// add takes the next record, and calls emit with each minute that it ends.
func (r *roller) add(offset int64, value []byte, emit func(topics.Minute)) {
	r.next = offset + 1
	var p stats.Snapshot
	if json.Unmarshal(value, &p) != nil || !p.Final || p.Gen != r.gen {
		return
	}
	keyed, known := r.keyed[p.Stat]
	if !known || len(p.Value) > maxValue {
		return
	}
	first := p.Time
	if p.StaleSince != 0 {
		first = max(p.StaleSince, p.Time-maxStale)
	}
	for m := first - first%minuteSeconds; m <= p.Time; m += minuteSeconds {
		r.addTo(m, offset, p, max(first, m), min(p.Time, m+minuteSeconds-1), keyed, emit)
	}
}

// maxStale is how far back seconds without a clock are told of, in seconds.
const maxStale = 14 * 24 * 3600

// addTo adds the seconds [from, to] of a snapshot to the minute that they are in.
func (r *roller) addTo(minute, offset int64, p stats.Snapshot, from, to int64, keyed bool, emit func(topics.Minute)) {
	done, given := r.done[p.Stat]
	o := r.open[p.Stat]
	switch {
	case given && minute <= done, o != nil && minute < o.Time:
		return // it came before
	case o != nil && minute > o.Time:
		r.give(o, emit)
		o = nil
	}
	if o == nil {
		o = &openMinute{first: offset, last: -1, Minute: topics.Minute{Stat: p.Stat, Gen: r.gen, Time: minute}}
		r.open[p.Stat] = o
	}
	seconds := uint64(1)<<(to-from+1) - 1
	fresh := seconds << (from - minute) &^ o.seen
	if fresh == 0 {
		return
	}
	o.seen |= fresh
	s := ofPoint(p, keyed, from, to)
	if p.StaleSince != 0 {
		o.Clockless += bits.OnesCount64(fresh)
	} else {
		o.Seconds++
		o.Min, o.Max = extreme(o.Min, s.Min, false), extreme(o.Max, s.Max, true)
		if p.Time > o.last {
			o.Last, o.last = s.Last, p.Time
		}
	}
	if o.seen == allSeconds {
		r.give(o, emit)
	}
}

func (r *roller) give(o *openMinute, emit func(topics.Minute)) {
	delete(r.open, o.Stat)
	r.done[o.Stat] = o.Time
	emit(o.Minute)
}

// needed is the offset from which a successor has to read.
func (r *roller) needed() int64 {
	least := r.next
	for _, o := range r.open {
		least = min(least, o.first)
	}
	return least
}

// rollup is a server's part in the group.
type rollup struct {
	cluster topics.Cluster
	names   topics.Names
	stats   []*stats.Stat
	log     *slog.Logger

	mu      sync.Mutex
	rollers map[int32]*roller
}

// Run rolls up until ctx is done. What fails is tried again from what was
// committed.
func (u *rollup) Run(ctx context.Context) {
	told := ""
	for ctx.Err() == nil {
		err := u.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err.Error() != told {
			told = err.Error()
			u.log.Warn("minutes cannot be rolled up; trying again until they can", "topic", u.names.Minutes(), "error", err)
		}
		sleep(ctx, retryAfter)
	}
}

func (u *rollup) run(ctx context.Context) error {
	u.rollers = map[int32]*roller{}
	forget := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		u.mu.Lock()
		defer u.mu.Unlock()
		for _, p := range lost[u.names.Merged()] {
			delete(u.rollers, p)
		}
	}
	partitions, err := topics.PartitionCount(ctx, u.cluster, u.names.Minutes())
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(u.cluster.GroupOptions("pulse-web", u.names.MinutesGroup()),
		kgo.ConsumeTopics(u.names.Merged()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
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
		if err := u.take(ctx, client, fetches, partitions); err != nil {
			return err
		}
		client.AllowRebalance()
	}
}

// take rolls up what was read, writes the minutes that have ended, and commits.
func (u *rollup) take(ctx context.Context, client *kgo.Client, fetches kgo.Fetches, partitions int32) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	values := make([][]byte, partitions)
	var records []*kgo.Record
	flush := func(p int32) {
		records = append(records, &kgo.Record{Topic: u.names.Minutes(), Partition: p, Value: values[p]})
		values[p] = nil
	}
	var wrong error
	emit := func(m topics.Minute) {
		p := topics.Partition(m.Stat, partitions)
		line, err := topics.AppendMinute(nil, m)
		if err != nil {
			wrong = err
			return
		}
		if len(values[p])+len(line) > topics.MaxMinutes {
			flush(p)
		}
		values[p] = append(values[p], line...)
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		r := u.rollers[p.Partition]
		if r == nil {
			r = newRoller(u.stats, u.names.Generation)
			u.rollers[p.Partition] = r
		}
		for _, record := range p.Records {
			r.add(record.Offset, record.Value, emit)
		}
	})
	if wrong != nil {
		u.log.Warn("a minute was left out", "error", wrong) // of a value that is no JSON
	}
	for p := range values {
		if len(values[p]) > 0 {
			flush(int32(p))
		}
	}
	if len(records) == 0 {
		return nil
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	var reached []*kgo.Record
	for p, r := range u.rollers {
		// What is committed is the offset after a record's.
		reached = append(reached, &kgo.Record{Topic: u.names.Merged(), Partition: p, Offset: r.needed() - 1, LeaderEpoch: -1})
	}
	return client.CommitRecords(ctx, reached...)
}

// formatSecond is a second as the API has it.
func formatSecond(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }
