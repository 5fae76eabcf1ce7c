package incident

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
)

// maxWaiting bounds the bytes of records that Kafka has not acknowledged.
const maxWaiting = 16 << 20

// A writer writes an incident's topic.
type writer struct {
	client *kgo.Client
	topic  string
	err    atomic.Pointer[error] // the first one
}

func newWriter(c topics.Cluster, topic string) (*writer, error) {
	client, err := kgo.NewClient(append(c.ClientOptions("pulse-incident"),
		kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedBytes(maxWaiting), kgo.UnknownTopicRetries(-1))...)
	return &writer{client: client, topic: topic}, err
}

// put writes a record of what the incident is.
func (w *writer) put(partition int32, key string, value []byte) {
	w.produce(&kgo.Record{Partition: partition, Key: []byte(key), Value: value})
}

// putPoints writes the snapshots of a second.
func (w *writer) putPoints(second int64, lines []byte) {
	w.produce(&kgo.Record{Partition: pointsPartition, Timestamp: time.Unix(second, 0), Value: lines})
}

// putRaw copies a raw record of a source partition.
func (w *writer) putRaw(source int32, r *kgo.Record) {
	w.produce(&kgo.Record{Partition: rawPartition, Timestamp: r.Timestamp, Value: r.Value, Headers: topics.CopyHeaders(r, source)})
}

// produce waits while there is no room.
func (w *writer) produce(r *kgo.Record) {
	w.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			w.err.CompareAndSwap(nil, &err)
		}
	})
}

// failed is why a record could not be written.
func (w *writer) failed() error {
	if err := w.err.Load(); err != nil {
		return *err
	}
	return nil
}

// flush waits until all is written.
func (w *writer) flush(ctx context.Context) error {
	if err := w.client.Flush(ctx); err != nil {
		return err
	}
	return w.failed()
}

// close is flush, and ends the writer.
func (w *writer) close(ctx context.Context) error {
	defer w.client.Close()
	return w.flush(ctx)
}
