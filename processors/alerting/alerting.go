// Package alerting is the role that works alerts out. It is a consumer group on
// stats.merged, and gives the points to the trackers of package alert, from which the
// transitions follow, whoever does it and however often.
//
// Transitions, and what the trackers remember, are written in one transaction of Kafka's, by
// a producer that each partition of stats.merged has: who gets a partition fences off
// whoever had it before, reads what was remembered, and goes on from the offset that is
// written there. So each transition is in the topic once, after any crash. The
// framework of package processors, whose members may write again what was written, is
// not used here: a memory that is ahead of lost transitions, or behind written ones,
// would be wrong.
package alerting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	// transactionTimeout is after how long Kafka gives up the transaction of a process
	// that is gone and has no successor.
	transactionTimeout = 10 * time.Second

	// rememberEvery is how often what is remembered is written although nothing happened: what
	// a successor has to read again.
	rememberEvery = 10 * time.Second

	// behindAfter is how old a record is by which its follower is catching up.
	behindAfter = time.Minute

	retryAfter = time.Second
	asideFor   = 5 * time.Second
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
	config  Config
	log     *slog.Logger
	notices throttle.Logger

	mu          sync.Mutex        // the group assigns beside what takes records
	working     map[int32]*worker // by partition of stats.merged
	transitions atomic.Int64
	beyond      atomic.Int64
	failures    atomic.Int64
	newest      atomic.Int64 // of all points, Unix time
	points      atomic.Int64 // when the last one came, Unix time of this machine
	ready       atomic.Bool
	started     time.Time
	caughtUp    atomic.Bool // with another definitions version
}

// New returns a Processor. Run does the work.
func New(c Config) *Processor {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	log := c.Logger.With("role", "alert")
	return &Processor{config: c, log: log, notices: throttle.Logger{Log: log}, started: time.Now()}
}

// Transitions is how many were written, Beyond how many points were left out because
// their seconds were days ahead, and Failures how often work began again after an error.
func (p *Processor) Transitions() int64 { return p.transitions.Load() }

// Beyond is how many points were left out: see Transitions.
func (p *Processor) Beyond() int64 { return p.beyond.Load() }

// Failures is how often work began again: see Transitions.
func (p *Processor) Failures() int64 { return p.failures.Load() }

// Newest is the newest second that alerts were worked out for, Unix time; 0: none yet.
func (p *Processor) Newest() int64 { return p.newest.Load() }

// PointsSince reports whether points have come since a time: while none come no alert can fire.
func (p *Processor) PointsSince(t time.Time) bool { return p.points.Load() >= t.Unix() }

// Ready reports whether the process is a member of the group.
func (p *Processor) Ready() bool { return p.ready.Load() }

// Run works until ctx ends. Whatever fails is tried again, from what was remembered.
func (p *Processor) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		switch err := topics.LeaveWithin(ctx, p.log, p.run); {
		case ctx.Err() != nil:
		case errors.Is(err, errAside):
			p.ready.Store(true) // all is as it should be
			p.log.Info("another definitions version follows the alerts: its processes were started later; waiting for them to be gone")
			retry.Wait(ctx, asideFor)
		case errors.Is(err, errCaughtUp):
			p.caughtUp.Store(true)
		default:
			p.ready.Store(false)
			p.failures.Add(1)
			if errors.Is(err, topics.ErrReplaced) {
				return err
			}
			p.notices.Warn("cannot follow alerts; retrying", "error", err)
			retry.Wait(ctx, retryAfter)
		}
	}
	return nil
}

// run works until something fails. Partitions that it loses it leaves as they were
// remembered last.
func (p *Processor) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	names := p.config.Names
	p.working = map[int32]*worker{}
	defer func() {
		for _, w := range p.working {
			w.close()
		}
	}()
	forget := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, partition := range lost[names.Merged()] {
			if w := p.working[partition]; w != nil {
				w.close()
				delete(p.working, partition)
			}
		}
	}
	client, err := kgo.NewClient(append(p.config.Cluster.GroupOptions("pulse-alert", names.AlertGroup()),
		kgo.ConsumeTopics(names.Merged()),
		kgo.Balancers(kgo.StickyBalancer()), // who keeps a partition is told of it too
		kgo.AdjustFetchOffsetsFn(p.assigned),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { p.ready.Store(true) }),
		kgo.OnPartitionsRevoked(forget), kgo.OnPartitionsLost(forget))...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() {
		if err := topics.Watch(ctx, client, "", nil, names.Merged(), names.Alerts(), names.AlertState()); err != nil {
			cancel(err)
		}
	})
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if err := p.take(ctx, client, fetches); err != nil {
			return err
		}
		client.AllowRebalance()
	}
}

// assigned begins the partitions that the group has given to this process, at the offsets
// that were remembered.
func (p *Processor) assigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	merged := p.config.Names.Merged()
	for partition := range offsets[merged] {
		w, from, err := p.begin(ctx, partition)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", partition, err)
		}
		p.mu.Lock()
		if old := p.working[partition]; old != nil {
			old.close()
		}
		p.working[partition] = w
		p.mu.Unlock()
		offsets[merged][partition] = from
	}
	return offsets, nil
}

// A worker is a partition and the producer that is its own.
type worker struct {
	*partition
	until   int64       // 0, or up to which second points have to come before it is this process' turn
	client  *kgo.Client // nil where until is not 0
	names   topics.Names
	into    map[string]int32 // partitions of the topics that it writes
	written time.Time        // the last transaction
	behind  bool             // whether it is catching up with old records
	said    bool             // whether it was behind when the last transaction was written
}

func (w *worker) close() {
	if w.client != nil {
		w.client.Close()
	}
}

// begin fences off whoever had the partition, and goes on from what it left.
func (p *Processor) begin(ctx context.Context, number int32) (w *worker, from kgo.Offset, err error) {
	names := p.config.Names
	admin, err := p.config.Cluster.Admin(kgo.ClientID("pulse-alert"))
	if err != nil {
		return nil, from, err
	}
	defer admin.Close()
	states, err := admin.AlertStates(ctx, names, admin.Whole)
	if err != nil {
		return nil, from, err
	}
	mine, err := p.turn(ctx, admin, states.Memories())
	if err != nil {
		return nil, from, err
	}
	if mine.until > 0 {
		return &worker{partition: &partition{version: names.Version}, until: mine.until}, kgo.NewOffset().AtEnd(), nil
	}
	client, err := kgo.NewClient(append(p.config.Cluster.ClientOptions("pulse-alert"),
		kgo.TransactionalID(fmt.Sprintf("%salert.%d", names.Prefix, number)),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return nil, from, err
	}
	defer func() {
		if err != nil {
			client.Close()
		}
	}()
	if _, _, err := client.ProducerID(ctx); err != nil {
		return nil, from, explain(names, err)
	}
	counts := map[string]int32{}
	for _, topic := range []string{names.Merged(), names.Alerts(), names.AlertState()} {
		if counts[topic], err = topics.PartitionCount(ctx, p.config.Cluster, topic); err != nil {
			return nil, from, err
		}
	}
	// Once more: what was written until it was fenced off.
	if states, err = admin.AlertStates(ctx, names, admin.Whole); err != nil {
		return nil, from, err
	}
	id, err := topics.IDs(ctx, client, names.Merged())
	if err != nil {
		return nil, from, err
	}
	isHere := func(stat string) bool { return topics.Partition(stat, counts[names.Merged()]) == number }
	b := begin(p.config.Definitions.Alerts, isHere, names.Version, id, states.Memories())
	for _, err := range b.unread {
		p.notices.Warn("cannot read what is remembered of an alert, which goes on without; check which programs write to the topic", "topic", names.AlertState(), "error", err)
	}
	b.since = mine.since
	if from, err = start(ctx, admin, names.Merged(), number, b.from); err != nil {
		return nil, from, err
	}
	w = &worker{partition: b.partition, client: client, names: names, into: counts, written: time.Now()}
	if len(b.ended)+len(b.gone) > 0 {
		if err := w.commit(ctx, b.ended, b.gone); err != nil {
			return nil, from, err
		}
		p.transitions.Add(int64(len(b.ended)))
	}
	return w, from, nil
}

// start is from where a partition is read.
func start(ctx context.Context, admin *topics.Admin, topic string, partition int32, from int64) (kgo.Offset, error) {
	if from != lastHour {
		return kgo.NewOffset().At(from), nil
	}
	listed, err := admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-time.Hour).UnixMilli(), topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return kgo.NewOffset(), err
	}
	o, _ := listed.Lookup(topic, partition)
	return kgo.NewOffset().At(o.Offset), nil
}

// take follows the alerts through what was read, and writes what became of them.
func (p *Processor) take(ctx context.Context, client *kgo.Client, fetches kgo.Fetches) error {
	reached := map[string]map[int32]kgo.EpochOffset{}
	var failed error
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p.mu.Lock()
		w := p.working[f.Partition]
		p.mu.Unlock()
		if len(f.Records) == 0 || failed != nil {
			return
		}
		if w == nil {
			failed = errors.New("records came of a partition that was taken away")
			return
		}
		if w.until > 0 {
			if slices.ContainsFunc(f.Records, w.reached) {
				failed = errCaughtUp
			}
			return
		}
		if len(w.follows) == 0 { // nothing here is of an alert
			client.PauseFetchPartitions(map[string][]int32{f.Topic: {f.Partition}})
			return
		}
		last := f.Records[len(f.Records)-1]
		if w.behind = last.Offset+1 < f.HighWatermark && time.Since(last.Timestamp) > behindAfter; w.behind && !w.said {
			// By itself, and first: who sends must know it before it sees what fired long ago.
			if failed = w.commit(ctx, nil, nil); failed != nil {
				return
			}
		}
		var told []alert.Transition
		for _, r := range f.Records {
			told = append(told, w.take(r)...)
		}
		p.noted(w)
		if len(told) == 0 && w.behind == w.said && time.Since(w.written) < rememberEvery {
			return
		}
		if failed = w.commit(ctx, told, nil); failed != nil {
			return
		}
		p.transitions.Add(int64(len(told)))
		if reached[f.Topic] == nil {
			reached[f.Topic] = map[int32]kgo.EpochOffset{}
		}
		reached[f.Topic][f.Partition] = kgo.EpochOffset{Epoch: -1, Offset: w.next}
	})
	if failed != nil || len(reached) == 0 {
		return failed
	}
	// So that the group's lag can be seen; a successor goes by what is remembered.
	client.CommitOffsets(ctx, reached, nil)
	return nil
}

// reached reports whether a record is of the second for which a worker waits, or of a later one.
func (w *worker) reached(r *kgo.Record) bool {
	s, err := stats.ParseSnapshot(r.Value)
	return err == nil && s.Version == w.version && s.Time >= w.until && !topics.Ahead(r, s)
}

// noted counts what a partition has taken.
func (p *Processor) noted(w *worker) {
	if w.beyond > 0 {
		p.notices.Warn("left out points whose times are days ahead of their records'; check which programs write to the topic", "topic", w.names.Merged(), "points", w.beyond)
		p.beyond.Add(int64(w.beyond))
		w.beyond = 0
	}
	if w.newest > p.newest.Load() {
		p.newest.Store(w.newest)
		p.points.Store(time.Now().Unix())
	}
}

// commit writes transitions, and what is remembered, as one.
func (w *worker) commit(ctx context.Context, told []alert.Transition, gone [][]byte) error {
	memories, err := w.memories()
	if err != nil {
		return err
	}
	var records []*kgo.Record
	put := func(topic, alert string, key, value []byte) {
		records = append(records, &kgo.Record{Topic: topic, Partition: topics.Partition(alert, w.into[topic]), Key: key, Value: value})
	}
	for _, t := range told {
		value, err := json.Marshal(t)
		if err != nil {
			return err
		}
		put(w.names.Alerts(), t.Alert, topics.AlertKey(t), value)
	}
	for i := range memories {
		value, err := json.Marshal(topics.AlertState{Memory: &memories[i]})
		if err != nil {
			return err
		}
		put(w.names.AlertState(), memories[i].Alert, memories[i].Key(), value)
		if w.behind {
			records[len(records)-1].Headers = []kgo.RecordHeader{{Key: topics.BehindHeader}}
		}
	}
	for _, key := range gone {
		put(w.names.AlertState(), topics.MemoryOf(key), key, nil)
	}
	if err := w.client.BeginTransaction(); err != nil {
		return explain(w.names, err)
	}
	if err := w.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return explain(w.names, err)
	}
	if err := w.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return explain(w.names, err)
	}
	w.written, w.said = time.Now(), w.behind
	return nil
}

func explain(names topics.Names, err error) error {
	if errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		return fmt.Errorf("the transactional ids %salert.* are not allowed: grant this user Write and Describe on them: %w", names.Prefix, err)
	}
	return err
}
