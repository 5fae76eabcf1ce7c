package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

var errClosed = errors.New("the connection is closed")

// TestProducerHeals lets brokers answer for a while as those do that start, stop or have
// lost their disk: all records arrive, each once and in order.
func TestProducerHeals(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	var brokers []*failing
	for name, faults := range map[string]map[kmsg.Key]error{ // what requests get
		"connections":       {kmsg.Produce: errClosed},
		"new connections":   {kmsg.ApiVersions: errClosed},
		"first requests":    {kmsg.Produce: errClosed, kmsg.Metadata: errClosed, kmsg.InitProducerID: errClosed},
		"metadata":          {kmsg.Produce: kerr.NotLeaderForPartition, kmsg.Metadata: kerr.UnknownServerError},
		"no topic":          {kmsg.Produce: kerr.UnknownTopicOrPartition, kmsg.Metadata: kerr.UnknownTopicOrPartition},
		"first producer id": {kmsg.InitProducerID: kerr.CoordinatorLoadInProgress},
		"server error":      {kmsg.Produce: kerr.UnknownServerError},
		"corrupt":           {kmsg.Produce: kerr.CorruptMessage},
		"disk":              {kmsg.Produce: kerr.KafkaStorageError},
		"replicas":          {kmsg.Produce: kerr.NotEnoughReplicas},
		"unknown producer":  {kmsg.Produce: kerr.UnknownProducerID},
		"sequence":          {kmsg.Produce: kerr.OutOfOrderSequenceNumber},
		"epoch":             {kmsg.Produce: kerr.InvalidProducerEpoch},
		"transactions":      {kmsg.Produce: kerr.ConcurrentTransactions},
	} {
		b := newFailing(t, name, faults)
		b.producer = connect(t, b.cluster, b.names, 2)
		b.packer = NewPacker("i", topics.WallDomain, 2, func(r Record) error { return b.producer.Produce(t.Context(), r) })
		brokers = append(brokers, b)
	}
	for _, b := range brokers {
		if b.faults[kmsg.InitProducerID] == nil { // else its first one is to fail
			b.send()
			testkit.Eventually(t, b.name+": the first records are acknowledged", func() error {
				if m := b.producer.Metrics(); m.Waiting > 0 {
					return fmt.Errorf("%d wait", m.Waiting)
				}
				return nil
			})
		}
		b.fails.Store(true)
		b.cut()
		b.send()
	}
	for _, b := range brokers {
		requests := int64(2)
		if b.faults[kmsg.ApiVersions] != nil {
			requests = 8 // those for metadata among them, at which franz-go gives records up
		}
		b.wait(requests)
		b.send()
		b.fails.Store(false)
		b.send()
	}
	for _, b := range brokers {
		if err := b.packer.Leave(int64(len(b.lines))); err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience())
		if err := b.producer.Close(ctx); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
		cancel()
		o := readAll(t, b.cluster, b.names)
		checkLaws(t, o)
		if got := o.lines(); !slices.Equal(got, b.lines) {
			t.Errorf("%s: the lines are not all there once: %s", b.name, firstDifference(got, b.lines))
		}
	}
}

// TestProducerIDRefused: franz-go keeps a refused producer id, so that the producer ends and
// a new process asks again.
func TestProducerIDRefused(t *testing.T) {
	t.Parallel()
	b := newFailing(t, "producer id", map[kmsg.Key]error{kmsg.InitProducerID: kerr.UnknownServerError})
	p := connect(t, b.cluster, b.names, 1)
	b.fails.Store(true)
	done := make(chan bool)
	r := Record{Header: topics.RawHeader{Ingester: "i", Domain: topics.WallDomain}, done: func() { close(done) }}
	if err := p.Produce(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience())
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("the record waits")
	}
	if err := p.Produce(ctx, r); !errors.Is(err, kerr.UnknownServerError) {
		t.Errorf("the next record gave %v", err)
	}
	if err := p.Close(ctx); !errors.Is(err, kerr.UnknownServerError) {
		t.Errorf("Close gave %v", err)
	}
}

// TestTransactionsHeal is TestProducerHeals of an ingester that writes in transactions.
func TestTransactionsHeal(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	ended := make(chan error, 100)
	f := folder{t, t.TempDir()}
	f.add("a.log", "n=0\n")
	var brokers []*failing
	for name, faults := range map[string]map[kmsg.Key]error{
		"connections":              {kmsg.EndTxn: errClosed},
		"new connections":          {kmsg.Produce: errClosed, kmsg.ApiVersions: errClosed},
		"server error, producing":  {kmsg.Produce: kerr.UnknownServerError},
		"server error, ending":     {kmsg.EndTxn: kerr.UnknownServerError},
		"server error, offsets":    {kmsg.EndTxn: kerr.InvalidTxnState, kmsg.ListOffsets: kerr.UnknownServerError},
		"server error, producer":   {kmsg.EndTxn: kerr.InvalidTxnState, kmsg.InitProducerID: kerr.UnknownServerError},
		"unknown producer":         {kmsg.Produce: kerr.UnknownProducerID},
		"unknown mapping":          {kmsg.EndTxn: kerr.InvalidProducerIDMapping},
		"epoch, producing":         {kmsg.Produce: kerr.InvalidProducerEpoch},
		"epoch, ending":            {kmsg.EndTxn: kerr.InvalidProducerEpoch},
		"fenced by the broker":     {kmsg.EndTxn: kerr.ProducerFenced},
		"state":                    {kmsg.EndTxn: kerr.InvalidTxnState},
		"abortable":                {kmsg.EndTxn: kerr.TransactionAbortable},
		"concurrent, beginning":    {kmsg.EndTxn: kerr.InvalidTxnState, kmsg.InitProducerID: kerr.ConcurrentTransactions},
		"coordinator away, ending": {kmsg.EndTxn: kerr.CoordinatorNotAvailable},
	} {
		b := newFailing(t, name, faults)
		topicstest.Ensure(t, b.cluster, b.names, 1)
		brokers = append(brokers, b)
		x := exactFiles(b.cluster, "", f.name("*.log"))
		x.Log = slog.New(slog.DiscardHandler)
		live := x.Live
		x.Live = func(p Positions) Live {
			l := live(p)
			files := l.Inputs[0].(Files)
			files.Log = x.Log
			l.Inputs[0] = files
			return l
		}
		go func() {
			if err := x.Run(t.Context()); err != nil {
				ended <- fmt.Errorf("%s: %w", name, err)
			}
		}()
	}
	for _, b := range brokers {
		checkOnce(t, b.cluster, b.names, 1)
		b.fails.Store(true)
	}
	f.add("a.log", "n=1\n")
	for _, b := range brokers {
		b.wait(2)
		b.fails.Store(false)
	}
	f.add("a.log", "n=2\n")
	for _, b := range brokers {
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
			checkOnce(t, b.cluster, b.names, 3)
		}
	}
}

// A failing is a broker that fails for a while, with a producer.
type failing struct {
	t        *testing.T
	name     string
	faults   map[kmsg.Key]error
	fails    atomic.Bool
	failed   atomic.Int64 // requests
	cluster  topics.Cluster
	names    topics.Names
	producer *Producer
	packer   *Packer
	lines    []string

	mu          sync.Mutex
	connections []net.Conn
}

// A cutting is a listener whose connections can be cut.
type cutting struct {
	net.Listener
	b *failing
}

func (c *cutting) Accept() (net.Conn, error) {
	connection, err := c.Listener.Accept()
	if err == nil {
		c.b.mu.Lock()
		c.b.connections = append(c.b.connections, connection)
		c.b.mu.Unlock()
	}
	return connection, err
}

// cut closes all connections: what is sent then needs a new one.
func (b *failing) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.connections {
		c.Close()
	}
}

func newFailing(t *testing.T, name string, faults map[kmsg.Key]error) *failing {
	b := &failing{t: t, name: name, faults: faults, names: topics.Names{Version: "g"}}
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return &cutting{Listener: l, b: b}, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	b.cluster = topics.Cluster{Brokers: kafka.ListenAddrs()}
	for key, fault := range faults {
		kafka.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			kafka.KeepControl()
			if !b.fails.Load() {
				return nil, nil, false
			}
			b.failed.Add(1)
			if fault == errClosed {
				return nil, fault, true
			}
			return answered(r, fault), nil, true
		})
	}
	return b
}

// wait waits until so many requests have failed.
func (b *failing) wait(requests int64) {
	b.t.Helper()
	testkit.Eventually(b.t, b.name+": requests fail", func() error {
		if n := b.failed.Load(); n < requests {
			return fmt.Errorf("only %d did", n)
		}
		return nil
	})
}

// send sends lines of some seconds.
func (b *failing) send() {
	for range 20 {
		l := fmt.Sprintf("%06d", len(b.lines))
		b.lines = append(b.lines, l)
		if err := errors.Join(b.packer.Advance(int64(len(b.lines))*second), b.packer.Add([]byte(l))); err != nil {
			b.t.Fatalf("%s: %v", b.name, err)
		}
	}
}

// answered is a broker's to a request, with an error everywhere.
func answered(r kmsg.Request, fault error) kmsg.Response {
	code := fault.(*kerr.Error).Code
	response := r.ResponseKind()
	switch r := r.(type) {
	case *kmsg.ProduceRequest:
		for _, topic := range r.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic, t.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, code
				t.Partitions = append(t.Partitions, p)
			}
			response.(*kmsg.ProduceResponse).Topics = append(response.(*kmsg.ProduceResponse).Topics, t)
		}
	case *kmsg.MetadataRequest:
		for _, topic := range r.Topics {
			t := kmsg.NewMetadataResponseTopic()
			t.Topic, t.TopicID, t.ErrorCode = topic.Topic, topic.TopicID, code
			response.(*kmsg.MetadataResponse).Topics = append(response.(*kmsg.MetadataResponse).Topics, t)
		}
	case *kmsg.ListOffsetsRequest:
		for _, topic := range r.Topics {
			t := kmsg.NewListOffsetsResponseTopic()
			t.Topic = topic.Topic
			for _, partition := range topic.Partitions {
				p := kmsg.NewListOffsetsResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, code
				t.Partitions = append(t.Partitions, p)
			}
			response.(*kmsg.ListOffsetsResponse).Topics = append(response.(*kmsg.ListOffsetsResponse).Topics, t)
		}
	case *kmsg.EndTxnRequest:
		response.(*kmsg.EndTxnResponse).ErrorCode = code
	case *kmsg.InitProducerIDRequest:
		response.(*kmsg.InitProducerIDResponse).ErrorCode = code
	}
	return response
}
