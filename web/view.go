package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	retryAfter   = time.Second      // what Kafka refused is tried again
	healEvery    = 10 * time.Second // holes are looked for
	healAtMost   = 5 * time.Minute  // between two readings where holes stay
	settledAfter = 30               // seconds beyond the lateness after which a second is final in stats.merged
)

// view keeps a store up to date from Kafka. The merger's table, read as a goka
// View, has the newest points of each stat as they come. The topic of merged
// snapshots has all others: it is read once at the start, and again if the
// store has holes, since a table keeps what was last written, which need not be
// the highest revision, and forgets what came while a reader was away. Both are
// upserts, so that they need not be told apart.
type view struct {
	store    *Store
	cluster  topics.Cluster
	names    topics.Names
	log      *slog.Logger
	lateness int64
	merged   *merged
}

func newView(c Config, store *Store) *view {
	return &view{
		store: store, cluster: c.Cluster, names: c.Names, log: c.Logger, lateness: c.Definitions.Lateness,
		merged: &merged{topicReader{c.Cluster, c.Names.Merged()}, c.Names.History(), store},
	}
}

// Run reads until ctx is done, or a topic was replaced: what is in the store is of the one
// before. It calls ready once the table has been read to its end and the history is there.
func (v *view) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	client, err := kgo.NewClient(v.cluster.ClientOptions("pulse-web")...)
	if err != nil {
		return err
	}
	defer client.Close()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() {
		if err := topics.Watch(ctx, client, v.names.Raw(), func(int) {}, v.names.Raw(), v.names.Merged(), v.names.Table()); err != nil {
			cancel(err)
		}
	})
	recovered := make(chan struct{})
	var once sync.Once
	healed := make(chan struct{})
	go func() {
		defer close(healed)
		select {
		case <-ctx.Done():
		case <-recovered:
			v.heal(ctx, ready)
		}
	}()
	defer func() { <-healed }()

	notices := throttle.Logger{Log: v.log}
	for ctx.Err() == nil {
		err := v.follow(ctx, func() {
			once.Do(func() {
				v.store.Begin(time.Now())
				close(recovered)
			})
		})
		if ctx.Err() != nil {
			break
		}
		// The same trouble is told once, however long it lasts.
		if err != nil {
			notices.Changed("cannot read the newest points; retrying", err, "brokers", v.cluster.Brokers)
		}
		retry.Wait(ctx, retryAfter)
	}
	replaced := (*topics.ReplacedError)(nil)
	if !errors.As(context.Cause(ctx), &replaced) {
		return nil
	}
	if replaced.Topic != v.names.Raw() {
		replaced.Do = "start this process again: it shows what the new topic has"
	}
	return replaced
}

// follow reads the table until ctx is done or the View fails. recovered is
// called when it has been read to its end.
func (v *view) follow(ctx context.Context, recovered func()) error {
	// sarama's first connection cannot be given up, so it is made when there is
	// something to connect to.
	if err := v.merged.reach(ctx, v.names.Table()); err != nil {
		return err
	}
	options := append(v.cluster.ViewOptions("pulse-web", v.log), goka.WithViewCallback(v.update))
	table, err := goka.NewView(v.cluster.Brokers, goka.Table(v.names.Table()), rawCodec{}, options...)
	if err != nil {
		return fmt.Errorf("cannot read the table %s: %w", v.names.Table(), err)
	}

	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ctx.Done():
		case <-table.WaitRunning():
			recovered()
		}
	}()
	err = topics.LeaveWithin(ctx, v.log, table.Run)
	cancel()
	<-watched
	return err
}

// update takes a record of the table. What the View itself would keep is not
// needed: the store has it. An error would end the View, and come back with the
// same record, so that one that cannot be read is passed over.
func (v *view) update(_ goka.UpdateContext, _ storage.Storage, key string, value []byte) error {
	if value == nil {
		return nil // the key was deleted
	}
	entry := topics.DecodeTableEntry(key, value)
	if entry.Bad != nil {
		v.store.Refuse()
		v.log.Debug("skipped a record of the table that is not valid", "key", key, "error", entry.Bad)
		return nil
	}
	now := time.Now()
	for _, s := range entry.Snapshots {
		v.store.Upsert(s, now)
	}
	if entry.Clocks != nil {
		v.store.Clocks(*entry.Clocks, now)
	}
	if entry.Catalog != nil {
		v.store.Catalog(*entry.Catalog)
	}
	if entry.History != nil {
		v.store.FilledBy(*entry.History)
	}
	return nil
}

// heal reads the history, calls ready, and reads it again when the store has
// holes: after a View that was away, or where a lower revision was written last.
func (v *view) heal(ctx context.Context, ready func()) {
	for ctx.Err() == nil {
		n, err := v.merged.fill(ctx)
		if err == nil {
			v.log.Debug("read the history", "records", n)
			break
		}
		v.log.Warn("cannot read the history; retrying", "topic", v.names.Merged(), "error", err)
		retry.Wait(ctx, retryAfter)
	}
	if ctx.Err() != nil {
		return
	}
	ready()

	heal := retry.Backoff{Least: healEvery, Most: healAtMost}
	for heal.Wait(ctx) == nil {
		if !v.store.DropBeyond() && !v.store.Incomplete(v.store.Settled(v.lateness, time.Now())) {
			heal.Reset()
			continue
		}
		n, err := v.merged.fill(ctx)
		v.log.Debug("read the history again to fill holes", "records", n, "error", err)
	}
}

// rawCodec leaves bytes as they are: update decodes them, once.
type rawCodec struct{}

func (rawCodec) Encode(value any) ([]byte, error) { return value.([]byte), nil }
func (rawCodec) Decode(data []byte) (any, error)  { return data, nil }
