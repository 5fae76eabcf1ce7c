package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/semaphore"

	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
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
// and beyond 64 MiB whoever produces waits. Only what Kafka will never take ends it.
type Producer struct {
	client   *kgo.Client
	cluster  topics.Cluster
	topic    string
	topicID  string // "": the broker does not tell
	names    topics.Names
	layout   atomic.Pointer[layout]
	all      atomic.Int32 // partitions of the topic, as it was seen last
	log      *slog.Logger
	failures throttle.Logger
	room     *semaphore.Weighted

	sending sync.Mutex                 // held while records are given to client, in the order that they are to have
	lanes   [topics.MaxPartitions]lane // of the partitions

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
	options := append(cluster.ProducerOptions("pulse-ingest"),
		kgo.DefaultProduceTopic(names.Raw()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), // a pack has waited already
		packing(cluster.Compression),
		kgo.MaxBufferedRecords(2*maxUnacked/recordCost), // more than there is room for: it never blocks
	)
	client, err := kgo.NewClient(append(options, more...)...)
	if err != nil {
		return nil, err
	}
	p := &Producer{
		client: client, cluster: cluster, names: names, topic: names.Raw(), log: log, failures: throttle.Logger{Log: log},
		room: semaphore.NewWeighted(maxUnacked),
	}
	if err := p.connect(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return p, nil
}

// connect finds out how many partitions the topic has. It asks by a client of its own,
// which says at once that the settings may be wrong.
func (p *Producer) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	admin, err := p.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	found, err := admin.ListTopics(ctx, p.topic)
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
	p.topicID = topicID(topic.ID)
	log, err := admin.Layout(ctx, p.names)
	if err != nil {
		return fmt.Errorf("cannot read which partitions of topic %s are used: %w", p.topic, err)
	}
	p.layout.Store(layoutOf(log))
	if notice := log.Notice(p.names); notice != "" {
		p.log.Warn(notice)
	}
	return nil
}

// admin is for what a producer asks beside its records.
func (p *Producer) admin() (*topics.Admin, error) {
	return p.cluster.Admin(kgo.ClientID("pulse-ingest"))
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
		if err := topics.Watch(ctx, p.client, p.topic, p.topicGrew, names...); err != nil {
			cancel(err)
		}
	})
	watching.Go(func() { p.followGrowth(ctx) })
	err := run(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, topics.ErrReplaced) {
		return cause
	}
	return err
}

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
	p.sending.Lock()
	defer p.sending.Unlock()
	if l := &p.lanes[r.Partition]; len(l.failed) > 0 {
		l.held = append(l.held, r)
	} else {
		p.send(r)
	}
	return nil
}

// A lane is what is on its way to a partition. franz-go gives records up for errors that pass,
// as a broker's UNKNOWN_SERVER_ERROR or whatever answers at its address meanwhile: all of a
// partition, one after the other. They are sent again when it has none left, before those that
// came later.
type lane struct {
	sent   int      // records that the client has
	failed []Record // in order
	held   []Record // came since then, in order
}

// send gives a record to the client. The caller holds sending.
func (p *Producer) send(r Record) {
	p.lanes[r.Partition].sent++
	record := &kgo.Record{Partition: r.Partition, Headers: r.Header.Headers(), Value: r.Value}
	// The record outlives the producing: Close decides when to give it up.
	p.client.Produce(context.Background(), record, func(_ *kgo.Record, err error) { p.answered(r, err) })
}

// answered is called by the client with what became of a record, in the order of the partition.
func (p *Producer) answered(r Record, err error) {
	p.sending.Lock()
	l := &p.lanes[r.Partition]
	l.sent--
	again := err != nil && !isFinal(err)
	if again {
		l.failed = append(l.failed, r)
		p.failures.Warn("Kafka did not take records; retrying", "topic", p.topic, "partition", r.Partition, "error", err)
	}
	if l.sent == 0 && len(l.failed) > 0 {
		time.AfterFunc(againAfter, func() { p.sendAgain(l) })
	}
	p.sending.Unlock()
	if again {
		return
	}
	if err != nil {
		err = p.explain(err)
	}
	p.finish(r, err)
}

// finish says what became of a record.
func (p *Producer) finish(r Record, err error) {
	p.dismiss(r, err)
	p.room.Release(int64(len(r.Value) + recordCost))
	r.Done(err)
}

// sendAgain sends what has failed in a lane, and what came since then.
func (p *Producer) sendAgain(l *lane) {
	ended := p.ended()
	p.sending.Lock()
	records := append(l.failed, l.held...)
	l.failed, l.held = nil, nil
	if ended == nil {
		for _, r := range records {
			p.send(r)
		}
	}
	p.sending.Unlock()
	if ended != nil {
		for _, r := range records {
			p.finish(r, p.explain(ended))
		}
	}
}

// ended is the error for which the client will never send anything again: franz-go keeps
// what a broker that refuses a producer id has said, and does not ask again.
func (p *Producer) ended() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	_, _, err := p.client.ProducerID(ctx)
	if _, answered := errors.AsType[*kerr.Error](err); answered && !kerr.IsRetriable(err) {
		return err
	}
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
	admin, err := p.admin()
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
	for partition := range int32(topics.MaxPartitions) {
		if h, ok := found[partition]; ok {
			newest = append(newest, h)
		}
	}
	return newest, nil
}

// Close waits until all records are acknowledged, or gives them up when ctx
// ends; it says how many.
func (p *Producer) Close(ctx context.Context) error {
	var err error
	for again := true; again; {
		err = p.client.Flush(ctx)
		if again = err == nil && p.waits(); again { // for some to be sent again
			err = retry.Wait(ctx, againAfter/10)
			again = err == nil
		}
	}
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

// waits reports whether Kafka may still acknowledge records.
func (p *Producer) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unacked > 0 && p.refused == nil
}
