package processors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
	"pulse/topics/retry"
)

// A sender writes what partitions emit. Goka has a promise for each record, and sarama sends it
// through four channels; where a merger publishes a million points, that took a fifth of the CPU
// of all roles. A sender has one count for all that is emitted for a record of the input.
//
// Goka makes one when it begins to run and closes it at its end, as it would its own producer.
type sender struct {
	client *kgo.Client
	closed context.Context // once it is closed
	close  context.CancelFunc
}

// Bounds on the records that wait for Kafka, and their bytes: then emitting waits.
const (
	sendingRecords = 10_000
	sendingSize    = 16 << 20
)

// newSender returns one whose records are acknowledged by all replicas, in order and once.
func newSender(cluster topics.Cluster, clientID string) (*sender, error) {
	client, err := kgo.NewClient(append(cluster.ProducerOptions(clientID),
		kgo.MaxBufferedRecords(sendingRecords), kgo.MaxBufferedBytes(sendingSize),
	)...)
	if err != nil {
		return nil, err
	}
	closed, cancel := context.WithCancel(context.Background())
	return &sender{client, closed, cancel}, nil
}

// Close implements goka.Producer. Goka has waited for what was emitted, unless LeaveWithin went on
// without it: then what Kafka does not have yet is given up, and done again by a successor.
func (s *sender) Close() error {
	s.close()
	s.client.Close()
	return nil
}

// missingEvery is how often a sender whose records wait looks whether their topics are there.
const missingEvery = 10 * time.Second

// watch says which of the topics are missing while records wait, until the sender is closed. A
// topic is waited for as long as it takes: brokers that start know none for a while, so that one
// is missing if it is twice in a row.
func (s *sender) watch(log *slog.Logger, every time.Duration, names ...string) {
	missing := map[string]bool{}
	for retry.Wait(s.closed, every) == nil {
		if s.client.BufferedProduceRecords() == 0 {
			clear(missing)
			continue
		}
		found, err := topics.Identities(s.closed, s.client, names...)
		if err != nil {
			continue
		}
		for _, name := range names {
			_, there := found[name]
			if !there && missing[name] {
				log.Warn("a topic to write to is not there, and what is computed waits for it: create it with `pulse topics --create` and the definitions of this process", "topic", name)
			}
			missing[name] = !there
		}
	}
}

// Emit implements goka.Producer.
func (s *sender) Emit(topic, key string, value []byte) *goka.Promise {
	return s.EmitWithHeaders(topic, key, value, nil)
}

// EmitWithHeaders implements goka.Producer: goka has nothing to emit by itself.
func (s *sender) EmitWithHeaders(topic, _ string, _ []byte, _ goka.Headers) *goka.Promise {
	_, finish := goka.NewPromiseWithFinisher()
	return finish(nil, fmt.Errorf("goka emits to %s", topic))
}

// A sending is what is emitted for one record of the input.
type sending struct {
	client *kgo.Client
	done   func(error) // goka's, once all is acknowledged, or not going to be
	left   atomic.Int64

	mu  sync.Mutex
	err error
}

// emit sends a record. It waits while too much waits for Kafka.
func (s *sending) emit(r *kgo.Record) {
	s.left.Add(1)
	s.client.Produce(context.Background(), r, s.acknowledged)
}

func (s *sending) acknowledged(r *kgo.Record, err error) {
	if err != nil {
		s.mu.Lock()
		s.err = errors.Join(s.err, fmt.Errorf("error emitting to %s: %w", r.Topic, err))
		s.mu.Unlock()
	}
	s.release()
}

// release is of one record, or of what emits them: the last has goka's promise kept.
func (s *sending) release() {
	if s.left.Add(-1) == 0 {
		s.done(s.err)
	}
}

// recordsAtOnce is how many records are allocated together.
const recordsAtOnce = 64

// records are memory for records, so that each is not an allocation of its own.
type records struct{ free []kgo.Record }

func (r *records) next() *kgo.Record {
	if len(r.free) == 0 {
		r.free = make([]kgo.Record, recordsAtOnce)
	}
	next := &r.free[0]
	r.free = r.free[1:]
	return next
}
