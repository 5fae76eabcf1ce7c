// Package merger joins fragments, closes each second when every source
// partition's watermark is beyond it, and publishes snapshots: when the second
// closes, when it is amended, and when it is final.
package merger

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

// Config is of a Merger.
type Config struct {
	Cluster     topics.Cluster
	Names       topics.Names
	Definitions *stats.Definitions
	InstanceID  string       // for a restart without a rebalance; every process its own, "" for none
	Logger      *slog.Logger // nil: slog.Default
}

// A Merger is one member of the group that reads fragments.
type Merger struct {
	*processors.Processor
	config  Config
	program *program.Program
	begin   func(processors.Start) (processors.Partition, error) // set by Run
	metrics Metrics
	now     func() time.Time
}

// readAhead is how many records wait in memory for each partition.
const readAhead = 256

// New compiles the definitions. Run does the work.
func New(c Config) (*Merger, error) {
	compiled, err := program.Compile(c.Definitions)
	if err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = c.Logger.With("role", "merger")
	m := &Merger{config: c, program: compiled, metrics: Metrics{Delay: newDelay()}, now: time.Now}
	m.Processor = processors.New(processors.Config{
		Cluster:    c.Cluster,
		Group:      c.Names.MergerGroup(),
		Input:      c.Names.Fragments(),
		Outputs:    Outputs(c.Names, c.Definitions),
		Bound:      []string{c.Names.Raw()},
		Grows:      c.Names.Raw(),
		InstanceID: c.InstanceID,
		Buffer:     readAhead,
		Log:        c.Logger,
		Check:      func(metadata []byte) error { _, err := topics.DecodeMergerState(metadata); return err },
		Start:      func(start processors.Start) (processors.Partition, error) { return m.begin(start) },
	})
	return m, nil
}

// Outputs are the topics that mergers write.
func Outputs(names topics.Names, d *stats.Definitions) []string {
	outputs := []string{names.Merged(), names.Table(), names.Seconds(), names.Minutes()}
	if topics.OptionsOf(d).LongWindow > 0 {
		outputs = append(outputs, names.LongMinutes())
	}
	return outputs
}

// Metrics counts what this process met.
func (m *Merger) Metrics() *Metrics { return &m.metrics }

// Run works until ctx ends, and returns nil then. An error says that going on
// makes no sense: topics that are missing or do not fit, or processors.ErrFenced.
func (m *Merger) Run(ctx context.Context) error {
	c := m.config
	raw, fragments, err := processors.Prepare(ctx, c.Cluster, c.Names, c.Definitions, c.Logger)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if err := m.checkReceivers(ctx); errors.Is(err, topics.ErrReplaced) {
		return err
	}
	admin, err := c.Cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	layout := admin.WatchLayout(c.Names, c.Logger)
	begin := m.Partitions(fragments, m.Kept(ctx), WrittenTo(ctx, admin, c.Names.Raw(), layout.Layouts(ctx)))
	m.begin = func(start processors.Start) (processors.Partition, error) {
		if err := topics.CheckMergerCommit(c.Names, start.Committed, raw); err != nil {
			return nil, err
		}
		return begin(start)
	}
	return m.Processor.Run(ctx)
}

// checkReceivers fails if the receivers' commits are of other topics.
func (m *Merger) checkReceivers(ctx context.Context) error {
	admin, err := m.config.Cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.CheckReceivers(ctx, m.config.Names)
}

// Partitions returns what Run begins the partitions of the fragments topic by,
// if it has so many: the work itself, which knows no Kafka.
func (m *Merger) Partitions(fragments int32, kept Kept, written Written) func(processors.Start) (processors.Partition, error) {
	s := &shared{
		program:    m.program,
		stats:      m.config.Definitions.All(),
		version:    m.config.Definitions.Version(),
		meanings:   m.config.Definitions.StatHashes(),
		lateness:   m.config.Definitions.Lateness,
		reach:      int64(topics.Window(m.config.Definitions) / time.Second),
		merged:     m.config.Names.Merged(),
		table:      m.config.Names.Table(),
		seconds:    m.config.Names.Seconds(),
		minutes:    m.config.Names.Minutes(),
		longTopic:  m.config.Names.LongMinutes(),
		keys:       topics.PartitionKeys(fragments),
		partitions: fragments,
		metrics:    &m.metrics,
		log:        m.config.Logger,
		notices:    &throttle.Logger{Log: m.config.Logger},
		written:    written,
		now:        m.now,
	}
	return func(start processors.Start) (processors.Partition, error) { return newPartition(s, start, kept) }
}
