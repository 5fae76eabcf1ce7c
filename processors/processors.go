// Package processors has what the receiver and the merger need of goka: a run
// loop that outlives brokers, and commits that are in order, carry state, and
// are made only after what they stand for is in Kafka. Out of the box goka is not
// even at-least-once: a record's failed emit is forgotten when a later record is
// done.
//
// The two processors themselves are Partitions: plain state machines on records
// and offsets, in the packages receiver and merger.
package processors

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/retry"
)

// A Record is one of the input topic.
type Record struct {
	Offset int64
	Key    string
	Value  []byte
	Header func(key string) []byte // nil if there is no such header
	More   bool                    // the next record is here already, and comes at once
}

// Emit sends a record to one of the outputs. The value must not be changed
// afterwards.
type Emit func(topic, key string, value []byte)

// A Partition processes one partition of the input, for as long as the process
// is assigned to it.
type Partition interface {
	// Process takes the next record. What it returns, unless nil, is committed
	// once all that was emitted for this record and for those before it has been
	// acknowledged. While there are More it may hold back what it would emit. After an
	// error the partition is begun anew from what is committed then.
	Process(r Record, emit Emit) (*topics.Commit, error)
}

// Start says from where a Partition is begun.
type Start struct {
	Partition int32
	Committed topics.Commit
	Lost      bool // retention has taken records that come after Committed
}

// Config is of a Processor.
type Config struct {
	Cluster    topics.Cluster
	Group      string
	Input      string
	Outputs    []string
	Bound      []string // other topics that commits are of: if one is replaced, commits are wrong
	InstanceID string   // of a static member; "": none
	Buffer     int      // records that sarama reads ahead in each partition
	Log        *slog.Logger
	Check      func(metadata []byte) error // says of a commit's whether it can be gone on from; nil: all can
	Session    func(context.Context) error // called before the partitions of a session are begun; nil: there is nothing to do
	Grows      string                      // the one of these topics that may get partitions; "": none may
	Start      func(Start) (Partition, error)
}

// A Processor runs Partitions in a goka group.
type Processor struct {
	config   Config
	client   *kgo.Client
	admin    *kadm.Client
	session  atomic.Pointer[session] // the newest
	sender   atomic.Pointer[sender]  // the newest
	ready    atomic.Bool
	failures atomic.Int64
	sessions atomic.Int64
	leads    atomic.Bool // this member leads the group

	mu    sync.Mutex
	fatal error
	stop  context.CancelFunc
}

// New returns a Processor; Run runs it.
func New(c Config) *Processor { return &Processor{config: c} }

// Ready reports whether the group has assigned partitions to this process, or
// told it that it has none for it.
func (p *Processor) Ready() bool { return p.ready.Load() }

// Failures returns how many errors have been logged. If one record fails each
// time it is tried, this grows and the group's offsets stand still.
func (p *Processor) Failures() int64 { return p.failures.Load() }

// Run processes until ctx ends: then it finishes what was begun, commits, leaves
// the group unless its member is static, and returns nil. It outlives brokers
// and errors of processing, and returns an error only if going on would make no
// sense, as ErrFenced and topics.ErrReplaced.
func (p *Processor) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p.mu.Lock()
	p.stop = stop
	p.mu.Unlock()

	client, err := kgo.NewClient(p.config.Cluster.ClientOptions(p.config.Group)...)
	if err != nil {
		return err
	}
	defer client.Close()
	p.client, p.admin = client, kadm.NewClient(client)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	watching.Go(func() {
		if err := topics.Watch(ctx, client, p.config.Grows, p.grown, p.bound()...); err != nil {
			p.end(err)
		}
	})

	graph := p.graph()
	options := append(p.config.Cluster.ProcessorOptions(p.config.Group, p.config.Log),
		goka.WithNilHandling(goka.NilProcess), // else goka passes over empty records by itself
		goka.WithConsumerGroupBuilder(p.newGroup), goka.WithProducerBuilder(p.newSender))
	for ctx.Err() == nil {
		processor, err := goka.NewProcessor(p.config.Cluster.Brokers, graph, options...)
		if err == nil {
			err = topics.LeaveWithin(ctx, p.config.Log, processor.Run)
		}
		p.ready.Store(false)
		if ctx.Err() == nil {
			p.failed("processor", err)
			retry.Wait(ctx, time.Second)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fatal
}

func (p *Processor) graph() *goka.GroupGraph {
	edges := goka.Edges{goka.Input(goka.Stream(p.config.Input), new(codec.Bytes), p.process)}
	for _, output := range p.config.Outputs {
		edges = append(edges, goka.Output(goka.Stream(output), new(codec.Bytes)))
	}
	return goka.DefineGroup(goka.Group(p.config.Group), edges...)
}

func (p *Processor) newGroup(brokers []string, name, clientID string) (sarama.ConsumerGroup, error) {
	config := p.config.Cluster.GroupConfig(clientID, p.config.InstanceID)
	config.ChannelBufferSize = p.config.Buffer
	config.Consumer.Group.Rebalance.Strategy = leading{config.Consumer.Group.Rebalance.Strategy, &p.leads}
	inner, err := sarama.NewConsumerGroup(brokers, name, config)
	if err != nil {
		return nil, err
	}
	return newGroup(inner, p), nil
}

func (p *Processor) newSender(_ []string, clientID string, _ func() hash.Hash32) (goka.Producer, error) {
	s, err := newSender(p.config.Cluster, clientID)
	if err != nil {
		return nil, err
	}
	p.sender.Store(s)
	go s.watch(p.config.Log, missingEvery, p.config.Outputs...)
	return s, nil
}

// sending begins to emit for a record, and calls done when all is acknowledged after release.
func (p *Processor) sending(done func(error)) *sending {
	s := &sending{client: p.sender.Load().client, done: done}
	s.left.Store(1)
	return s
}

// process is goka's callback.
func (p *Processor) process(ctx goka.Context, message any) {
	// The session's, since goka ends its callbacks before it lets a session end.
	c := p.session.Load().claims[ctx.Partition()]
	value, _ := message.([]byte)
	c.tracker.wait(ctx.Context())
	c.tracker.deliver(ctx.Offset())
	emitted := 0
	var sending *sending
	commit, err := c.partition.Process(
		Record{Offset: ctx.Offset(), Key: ctx.Key(), Value: value, Header: func(key string) []byte { return ctx.Headers()[key] }, More: c.more()},
		func(topic, key string, value []byte) {
			emitted += len(key) + len(value)
			if sending == nil {
				sending = p.sending(ctx.DeferCommit())
			}
			r := c.records.next()
			r.Topic, r.Key, r.Value = topic, []byte(key), value
			sending.emit(r)
		})
	if sending != nil {
		sending.release()
	}
	c.tracker.emits(emitted)
	if err != nil {
		c.tracker.fail() // for Fail returns if the session is about to end
		ctx.Fail(fmt.Errorf("partition %d, offset %d: %w", ctx.Partition(), ctx.Offset(), err))
		return
	}
	if commit != nil {
		c.tracker.attach(commit)
	}
}

// maxErrorText is how many bytes of an error are logged.
const maxErrorText = 600

// failed counts and logs an error that is outlived.
func (p *Processor) failed(what string, err error) {
	n := p.failures.Add(1)
	text := "it stopped without an error"
	if err != nil {
		// Goka's have a line for each record and emit.
		text = strings.Join(strings.Fields(err.Error()), " ")
		text = text[:min(len(text), maxErrorText)]
	}
	p.config.Log.Warn(what+" failed; retrying", "group", p.config.Group, "error", text, "failures", n)
}

// grown has the group share out its partitions anew if the input has got some, unless its
// members have seen that there are so many.
func (p *Processor) grown(partitions int) {
	if s := p.session.Load(); s != nil && p.config.Grows == p.config.Input && s.partitions < partitions {
		p.config.Log.Info("the topic has more partitions: sharing them out", "topic", p.config.Input, "partitions", partitions)
		go p.shareOut(s)
	}
}

// How long all members of a group take to know of new partitions, and how long those that do not
// lead it look whether it shares them out.
const (
	noticedWithin  = 1500 * time.Millisecond
	sharedOutAfter = 10 * time.Second
)

// shareOut ends a session so that the group shares out new partitions. A broker begins a
// rebalance only where its leader comes back, who waits until all know of them. The others look
// for it: a heartbeat, by which they would hear of it, may be a second away.
func (p *Processor) shareOut(s *session) {
	if p.leads.Load() {
		if retry.Wait(s.ctx, noticedWithin) == nil {
			s.over()
		}
		return
	}
	for started := time.Now(); time.Since(started) < sharedOutAfter; {
		if retry.Wait(s.ctx, 50*time.Millisecond) != nil {
			return
		}
		described, err := p.admin.DescribeGroups(s.ctx, p.config.Group)
		if err == nil && strings.HasSuffix(described[p.config.Group].State, "Rebalance") {
			s.over()
		}
	}
}

// A leading is a strategy of sharing out partitions, which a group's leader alone is asked for.
type leading struct {
	sarama.BalanceStrategy
	leads *atomic.Bool
}

func (l leading) Plan(members map[string]sarama.ConsumerGroupMemberMetadata, topics map[string][]int32) (sarama.BalanceStrategyPlan, error) {
	l.leads.Store(true)
	return l.BalanceStrategy.Plan(members, topics)
}

// end makes Run return err.
func (p *Processor) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fatal == nil {
		p.fatal = err
	}
	p.stop()
}

// Prepare waits until brokers answer and returns how many partitions the topics
// of raw records and of fragments have. Topics that are missing or do not fit
// are an error.
func Prepare(ctx context.Context, c topics.Cluster, n topics.Names, d *stats.Definitions, log *slog.Logger) (raw, fragments int32, err error) {
	for {
		err = topics.Check(ctx, c, n, topics.OptionsOf(d))
		if err == nil {
			raw, err = topics.PartitionCount(ctx, c, n.Raw())
		}
		if err == nil {
			fragments, err = topics.PartitionCount(ctx, c, n.Fragments())
		}
		switch {
		case err == nil:
			return raw, fragments, nil
		case errors.Is(err, topics.ErrTopics):
			return 0, 0, err
		case ctx.Err() != nil:
			return 0, 0, context.Cause(ctx)
		}
		log.Warn("Kafka does not answer; retrying", "error", err)
		retry.Wait(ctx, time.Second)
	}
}
