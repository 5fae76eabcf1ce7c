// Package receiver rolls raw lines up into fragments: it reads packs and ticks
// from the topic of raw records and writes, for each segment between two ticks of
// a source partition, what the segment adds to each stat.
package receiver

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"pulse/processors"
	"pulse/stats"
	"pulse/stats/program"
	"pulse/topics"
	"pulse/topics/throttle"
)

// Config is of a Receiver.
type Config struct {
	Cluster     topics.Cluster
	Names       topics.Names
	Definitions *stats.Definitions
	InstanceID  string        // for a restart without a rebalance; every process its own, "" for none
	History     time.Duration // of a new definitions version beside an older one: how much of the past it publishes too
	Logger      *slog.Logger  // nil: slog.Default
}

// A Receiver is one member of the group that reads raw records.
type Receiver struct {
	*processors.Processor
	config    Config
	program   *program.Program
	begin     func(processors.Start) (processors.Partition, error) // set by Run
	look      func(context.Context) error                          // the same: at the layout of the log
	metrics   Metrics
	discarded *discardWatch
}

// readAhead is how many records wait in memory for each partition: each may be
// a pack of 900 KB.
const readAhead = 4

// New compiles the definitions. Run does the work.
func New(c Config) (*Receiver, error) {
	compiled, err := program.Compile(c.Definitions)
	if err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = c.Logger.With("role", "receiver")
	r := &Receiver{config: c, program: compiled, discarded: newDiscardWatch(c.Logger, time.Now)}
	r.Processor = processors.New(processors.Config{
		Cluster:    c.Cluster,
		Group:      c.Names.ReceiverGroup(),
		Input:      c.Names.Raw(),
		Outputs:    []string{c.Names.Fragments(), c.Names.Savepoints()},
		Bound:      []string{c.Names.Fragments()},
		InstanceID: c.InstanceID,
		Buffer:     readAhead,
		Log:        c.Logger,
		Check:      func(metadata []byte) error { _, err := topics.DecodeReceiverState(metadata); return err },
		Session:    func(ctx context.Context) error { return r.look(ctx) },
		Grows:      c.Names.Raw(),
		Start:      func(start processors.Start) (processors.Partition, error) { return r.begin(start) },
	})
	return r, nil
}

// Metrics counts what this process met.
func (r *Receiver) Metrics() *Metrics { return &r.metrics }

// Run works until ctx ends, and returns nil then. An error says that going on
// makes no sense: topics that are missing or do not fit, or processors.ErrFenced.
func (r *Receiver) Run(ctx context.Context) error {
	c := r.config
	_, fragments, err := processors.Prepare(ctx, c.Cluster, c.Names, c.Definitions, c.Logger)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.checkCovered(ctx); errors.Is(err, topics.ErrReplaced) {
		return err
	}
	if err := r.seed(ctx); err != nil {
		return err
	}
	admin, err := c.Cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	layout := admin.WatchLayout(c.Names, c.Logger)
	r.look = layout.Look
	r.begin = r.Partitions(layout.Layouts(ctx), fragments)
	return r.Processor.Run(ctx)
}

// checkCovered fails if the mergers have taken more than there is.
func (r *Receiver) checkCovered(ctx context.Context) error {
	admin, err := r.config.Cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.CheckCovered(ctx, r.config.Names)
}

// Partitions returns what Run begins the partitions of the raw topic by, if it
// and the fragments topic have so many: the work itself, which knows no Kafka.
func (r *Receiver) Partitions(log topics.Layouts, fragments int32) func(processors.Start) (processors.Partition, error) {
	s := &shared{
		program:    r.program,
		topic:      r.config.Names.Fragments(),
		savepoints: r.config.Names.Savepoints(),
		version:    r.config.Names.Version,
		covers:     topics.PartitionKeys(fragments),
		layout:     log,
		metrics:    &r.metrics,
		discarded:  r.discarded,
		log:        r.config.Logger,
		notices:    &throttle.Logger{Log: r.config.Logger},
	}
	for _, stat := range r.config.Definitions.All() {
		s.stats = append(s.stats, stat.Name)
		s.target = append(s.target, topics.Partition(stat.Name, fragments))
	}
	return func(start processors.Start) (processors.Partition, error) { return newPartition(s, start) }
}
