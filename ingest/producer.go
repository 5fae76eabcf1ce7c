package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/semaphore"

	"pulse/topics"
)

const (
	// maxUnacked bounds the bytes of the records that Kafka has not
	// acknowledged.
	maxUnacked = 64 << 20

	// recordCost is about what a record takes up beside its value, in bytes.
	recordCost = 512

	// connectTimeout is how long a broker has to answer at the start.
	connectTimeout = 10 * time.Second

	// stallAfter is how long Kafka acknowledges nothing before that is said.
	stallAfter = 5 * time.Second
)

// A Producer sends records to events.raw, each once, and those of a partition
// in order. It tries for as long as it takes: while Kafka is away records wait,
// and beyond 64 MiB whoever produces waits.
type Producer struct {
	client     *kgo.Client
	cluster    topics.Cluster
	topic      string
	topicID    string // "": the broker does not tell
	partitions int32
	log        *slog.Logger
	room       *semaphore.Weighted

	mu       sync.Mutex
	unacked  int
	progress time.Time // when Kafka acknowledged last, or had nothing to acknowledge
	stalled  bool
	refused  error // the first record's that Kafka will never take
	metrics  ProducerMetrics
}

// NewProducer connects to a cluster, where events.raw must exist.
func NewProducer(ctx context.Context, cluster topics.Cluster, names topics.Names, log *slog.Logger) (*Producer, error) {
	return newProducer(ctx, cluster, names, log)
}

func newProducer(ctx context.Context, cluster topics.Cluster, names topics.Names, log *slog.Logger, more ...kgo.Opt) (*Producer, error) {
	options := append(cluster.ClientOptions("pulse-ingest"),
		kgo.DefaultProduceTopic(names.Raw()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), // a pack has waited already
		// Writing less costs both sides less than compressing does, and LZ4
		// costs a broker, which looks into each batch, half of what snappy does.
		kgo.WithCompressor(newCompressor()),
		kgo.MaxBufferedRecords(maxUnacked/recordCost+1), // room bounds them
		// The topic was there at the start: brokers forget it while they start.
		kgo.UnknownTopicRetries(-1),
	)
	client, err := kgo.NewClient(append(options, more...)...)
	if err != nil {
		return nil, err
	}
	p := &Producer{
		client: client, cluster: cluster, topic: names.Raw(), log: log,
		room: semaphore.NewWeighted(maxUnacked),
	}
	if err := p.connect(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return p, nil
}

// connect finds out how many partitions the topic has.
func (p *Producer) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	found, err := kadm.NewClient(p.client).ListTopics(ctx, p.topic)
	if err != nil {
		return p.cluster.Unreachable(err)
	}
	topic := found[p.topic]
	if errors.Is(topic.Err, kerr.UnknownTopicOrPartition) || len(topic.Partitions) == 0 {
		return fmt.Errorf("there is no topic %s at %s: create it with `pulse topics --create`",
			p.topic, strings.Join(p.cluster.Brokers, ", "))
	}
	if topic.Err != nil {
		return fmt.Errorf("topic %s: %w", p.topic, topic.Err)
	}
	if len(topic.Partitions) > topics.MaxPartitions {
		return fmt.Errorf("topic %s has %d partitions; Pulse can use at most %d", p.topic, len(topic.Partitions), topics.MaxPartitions)
	}
	p.partitions, p.topicID = int32(len(topic.Partitions)), topicID(topic.ID)
	return nil
}

// Run lets run produce until it returns, or until a topic was replaced: run then ends,
// and the error is topics.ErrReplaced.
func (p *Producer) Run(ctx context.Context, run func(context.Context, Output) error) error {
	return p.whileThere(ctx, func(ctx context.Context) error { return run(ctx, p) }, p.topic)
}

// whileThere is Run while all of some topics are there.
func (p *Producer) whileThere(ctx context.Context, run func(context.Context) error, names ...string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() {
		if err := topics.Watch(ctx, p.client, names...); err != nil {
			cancel(err)
		}
	})
	err := run(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, topics.ErrReplaced) {
		return cause
	}
	return err
}

// Partitions implements Output.
func (p *Producer) Partitions() int32 { return p.partitions }

// Produce implements Output. It is for one goroutine at a time. It fails when
// ctx ends before there is room, or when Kafka has refused a record.
func (p *Producer) Produce(ctx context.Context, r Record) error {
	p.warn()
	cost := int64(len(r.Value) + recordCost)
	if err := p.room.Acquire(ctx, cost); err != nil {
		return fmt.Errorf("waiting for Kafka at %s to take records: %w", strings.Join(p.cluster.Brokers, ", "), err)
	}
	if err := p.admit(r); err != nil {
		p.room.Release(cost)
		return err
	}
	record := &kgo.Record{Partition: r.Partition, Headers: r.Header.Headers(), Value: r.Value}
	// The record outlives the producing: Close decides when to give it up.
	p.client.Produce(context.WithoutCancel(ctx), record, func(_ *kgo.Record, err error) {
		if err != nil {
			err = p.explain(err)
		}
		p.dismiss(r, err)
		p.room.Release(cost)
		r.Done(err)
	})
	return nil
}

// warn says once that Kafka acknowledges nothing.
func (p *Producer) warn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unacked > 0 && !p.stalled && time.Since(p.progress) > stallAfter {
		p.stalled = true
		p.log.Warn("Kafka has stopped acknowledging records; they are waiting", "brokers", p.cluster.Brokers, "records", p.unacked)
	}
}

// admit counts a record in, unless one was refused.
func (p *Producer) admit(r Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused != nil {
		return p.refused
	}
	if p.unacked == 0 {
		p.progress = time.Now()
	}
	p.unacked++
	p.metrics.WaitingBytes += int64(len(r.Value))
	return nil
}

// dismiss counts a record out; err says that it was refused.
func (p *Producer) dismiss(r Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unacked--
	p.metrics.count(r, err)
	if err != nil {
		if p.refused == nil {
			p.refused = err
		}
		return
	}
	p.progress = time.Now()
	if p.stalled {
		p.stalled = false
		p.log.Info("Kafka acknowledges again", "brokers", p.cluster.Brokers)
	}
}

func (p *Producer) explain(err error) error {
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("topic %s does not accept records of 1 MiB: raise its max.message.bytes: %w", p.topic, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("Kafka does not allow writing to topic %s: grant this user Write on it: %w", p.topic, err)
	}
	return fmt.Errorf("topic %s: %w", p.topic, err)
}

// Newest implements Output.
func (p *Producer) Newest(ctx context.Context) ([]topics.RawHeader, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	newest, err := p.newest(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the newest records of topic %s: %w", p.topic, err)
	}
	return newest, nil
}

func (p *Producer) newest(ctx context.Context) ([]topics.RawHeader, error) {
	admin, err := p.cluster.Admin(kgo.ClientID("pulse-ingest"))
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	all, err := admin.Readable(ctx, p.topic)
	if err != nil {
		return nil, err
	}
	found := make(map[int32]topics.RawHeader)
	// The last offset can be a transaction's end, so one more is read.
	err = admin.Read(ctx, p.topic, all.Newest(2), func(r *kgo.Record) bool {
		// What is not a record of Pulse's is the receivers' to count.
		if h, err := topics.ParseRawHeader(topics.Lookup(r.Headers)); err == nil {
			found[r.Partition] = h
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var newest []topics.RawHeader
	for partition := range p.partitions {
		if h, ok := found[partition]; ok {
			newest = append(newest, h)
		}
	}
	return newest, nil
}

// Close waits until all records are acknowledged, or gives them up when ctx
// ends; it says how many.
func (p *Producer) Close(ctx context.Context) error {
	err := p.client.Flush(ctx)
	p.mu.Lock()
	left, refused := p.unacked, p.refused
	p.mu.Unlock()
	p.client.Close()
	if refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("Kafka at %[3]s did not acknowledge %[1]d records for topic %[2]s: %[4]w",
			left, p.topic, strings.Join(p.cluster.Brokers, ", "), err)
	}
	return nil
}
