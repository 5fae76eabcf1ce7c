package topics_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// A reading is a topic that a test fills and reads.
type reading struct {
	t     *testing.T
	topic string
	admin *topics.Admin
}

func newReading(t *testing.T) (*reading, topics.Cluster) {
	t.Helper()
	cluster, prefix := topicstest.Cluster(t)
	r := &reading{t: t, topic: prefix + "read"}
	var err error
	if r.admin, err = cluster.Admin(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.admin.Close)
	if _, err := r.admin.CreateTopic(t.Context(), 2, 1, nil, r.topic); err != nil {
		t.Fatal(err)
	}
	// A real Kafka answers before the partitions' leaders know of them.
	testkit.Eventually(t, "the topic can be read", func() error {
		_, err := r.admin.Readable(t.Context(), r.topic)
		return err
	})
	return r, cluster
}

func (r *reading) producer(c topics.Cluster, options ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	client, err := kgo.NewClient(append(append(c.ClientOptions("test"), kgo.DefaultProduceTopic(r.topic), kgo.RecordPartitioner(kgo.ManualPartitioner())), options...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(client.Close)
	return client
}

// write writes values to partition 0.
func (r *reading) write(client *kgo.Client, values ...string) {
	r.t.Helper()
	for _, v := range values {
		if err := client.ProduceSync(r.t.Context(), &kgo.Record{Value: []byte(v)}).FirstErr(); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *reading) begin(client *kgo.Client) {
	r.t.Helper()
	if err := client.BeginTransaction(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reading) end(client *kgo.Client, commit kgo.TransactionEndTry) {
	r.t.Helper()
	if err := client.EndTransaction(r.t.Context(), commit); err != nil {
		r.t.Fatal(err)
	}
	// A real Kafka answers before it has marked the partitions.
	testkit.Eventually(r.t, "the transaction's end is in the topic", func() error {
		stable, err := r.admin.Readable(r.t.Context(), r.topic)
		if err != nil {
			return err
		}
		all, err := r.admin.Whole(r.t.Context(), r.topic)
		if err == nil && stable[0].To < all[0].To {
			err = fmt.Errorf("it ends at %d and can be read to %d", all[0].To, stable[0].To)
		}
		return err
	})
}

func (r *reading) read(ctx context.Context, s topics.Section, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	var values []string
	err = r.admin.Read(ctx, r.topic, s, func(record *kgo.Record) bool {
		values = append(values, string(record.Value))
		return true
	})
	return values, err
}

// wants compares what a section has.
func (r *reading) wants(what string, s topics.Section, err error, want ...string) {
	r.t.Helper()
	if got, err := r.read(r.t.Context(), s, err); err != nil || !slices.Equal(got, want) {
		r.t.Errorf("%s: read %q (%v), want %q", what, got, err, want)
	}
}

// TestRead: what can be read now is read to its end and no further, whatever its
// last record is, and nobody waits for a transaction that is open.
func TestRead(t *testing.T) {
	t.Parallel()
	r, cluster := newReading(t)
	all := func(what string, want ...string) {
		t.Helper()
		s, err := r.admin.Readable(t.Context(), r.topic)
		r.wants(what, s, err, want...)
	}
	plain := r.producer(cluster)
	all("an empty topic")
	r.write(plain, "a", "b")
	all("two records", "a", "b")

	tx := r.producer(cluster, kgo.TransactionalID(r.topic))
	r.begin(tx)
	r.write(tx, "c")
	all("an open transaction at the end", "a", "b")
	r.write(plain, "d")
	all("an open transaction, and a record behind it", "a", "b")
	r.end(tx, kgo.TryCommit)
	all("a transaction's end at the end", "a", "b", "c", "d")
	r.begin(tx)
	r.write(tx, "e")
	r.end(tx, kgo.TryAbort)
	all("a transaction that failed", "a", "b", "c", "d")
	r.write(plain, "f", "g")
	all("all", "a", "b", "c", "d", "f", "g")

	s, err := r.admin.Readable(t.Context(), r.topic)
	r.wants("the last two", s.Newest(2), err, "f", "g")
	r.wants("more than there are", s.Newest(1000), err, "a", "b", "c", "d", "f", "g")
	r.wants("the other partition", s.Of(1), err)
	r.wants("from the middle of a transaction", topics.Section{0: {From: 3, To: s[0].To}}, err, "d", "f", "g")

	n := 0
	err = r.admin.Read(t.Context(), r.topic, s, func(*kgo.Record) bool { n++; return n < 3 })
	if n != 3 || err != nil {
		t.Errorf("after it was told to end %d records were read (%v), want 3", n, err)
	}
	all("after a reading that ended early", "a", "b", "c", "d", "f", "g")
}

// TestReadWhole: it waits for a transaction that is open.
func TestReadWhole(t *testing.T) {
	t.Parallel()
	r, cluster := newReading(t)
	plain, tx := r.producer(cluster), r.producer(cluster, kgo.TransactionalID(r.topic))
	r.begin(tx)
	r.write(tx, "a")
	r.write(plain, "b")
	s, err := r.admin.Whole(t.Context(), r.topic)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got, err := r.read(ctx, s, err); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while a transaction is open %q was read (%v)", got, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.wants("when the transaction has ended", s, nil, "a", "b")
	}()
	r.end(tx, kgo.TryCommit)
	<-done
}

// TestReadTaken: records that retention takes after a section was asked for are
// not waited for.
func TestReadTaken(t *testing.T) {
	t.Parallel()
	r, cluster := newReading(t)
	plain := r.producer(cluster)
	r.write(plain, "a", "b", "c")
	s, err := r.admin.Readable(t.Context(), r.topic)
	ends, listErr := r.admin.ListEndOffsets(t.Context(), r.topic)
	if listErr != nil {
		t.Fatal(listErr)
	}
	if _, err := r.admin.DeleteRecords(t.Context(), ends.Offsets()); err != nil {
		t.Fatal(err)
	}
	r.wants("what retention took", s, err)
}

// TestWritten finds records by their times.
func TestWritten(t *testing.T) {
	t.Parallel()
	r, cluster := newReading(t)
	plain := r.producer(cluster)
	start := time.Now().Add(-time.Hour).Truncate(time.Second)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for n := range 6 {
		record := &kgo.Record{Value: fmt.Append(nil, n), Timestamp: at(n)}
		if err := plain.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		from, to time.Time
		want     []string
	}{
		{time.Time{}, time.Time{}, []string{"0", "1", "2", "3", "4", "5"}},
		{at(2), time.Time{}, []string{"2", "3", "4", "5"}},
		{at(2), at(4), []string{"2", "3"}},
		{at(2).Add(time.Second), at(4).Add(time.Second), []string{"3", "4"}},
		{at(9), time.Time{}, nil},
		{at(4), at(2), nil},
	} {
		s, err := r.admin.Written(t.Context(), r.topic, test.from, test.to)
		r.wants(fmt.Sprintf("from %v to %v", test.from, test.to), s, err, test.want...)
	}
}

// TestReadUnknown: a topic that is not there is an error.
func TestReadUnknown(t *testing.T) {
	t.Parallel()
	r, _ := newReading(t)
	if s, err := r.admin.Readable(t.Context(), r.topic+".none"); err == nil {
		t.Errorf("a topic that is not there has %v", s)
	}
}
