package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	// transactionTimeout is after how long Kafka gives up the transaction of an
	// ingester that is gone and does not come back. Until then readers get
	// nothing that came after it.
	transactionTimeout = 10 * time.Second

	// maxTransaction is how many bytes of records make a transaction, however
	// young they are. A batch of lines may come on top.
	maxTransaction = 4 << 20

	// positionsTimeout bounds how long the reading of positions takes. It may
	// have to wait for the transaction of another ingester that is gone.
	positionsTimeout = time.Minute

	// againAfter is how long to wait after a transaction that was not committed.
	againAfter = 500 * time.Millisecond
)

// Positions are where inputs go on: bytes that an input knows by a key of its own.
type Positions map[string][]byte

// Transactional is an ingester of inputs that can be read again, as files can: after it was
// killed, at any point, the next one with its id goes on so that no line is
// repeated and none is skipped. For this the packs, the ticks and the inputs' positions
// are written together, in one transaction of Kafka's.
type Transactional struct {
	Cluster topics.Cluster
	Names   topics.Names
	// ID is the ingester's, which the next one has to have too. If two run at a
	// time, the first one ends.
	ID string
	// Live makes the ingester, whose inputs go on at the positions. It is called
	// again after a transaction was not committed.
	Live func(Positions) Live
	// Once says that the inputs cannot begin again: a transaction that was not
	// committed then ends Run, and a new process goes on.
	Once bool
	// Log gets what an operator should know.
	Log *slog.Logger

	mu       sync.Mutex
	producer *Producer
	before   ProducerMetrics // of the producers before it
}

// Metrics returns what became of the records so far. Those of a transaction that
// was not committed count as refused, and are made anew.
func (x *Transactional) Metrics() ProducerMetrics {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.before
	if x.producer != nil {
		now := x.producer.Metrics()
		m.Records, m.Lines, m.Bytes, m.Refused = m.Records+now.Records, m.Lines+now.Lines, m.Bytes+now.Bytes, m.Refused+now.Refused
		m.Waiting, m.WaitingBytes, m.Stalled = now.Waiting, now.WaitingBytes, now.Stalled
	}
	return m
}

// errTransaction is in errors of a transaction that was not committed: nothing of
// it will be read by anybody.
var errTransaction = errors.New("Kafka did not commit a transaction")

// errTaken says that another ingester has the id now.
var errTaken = errors.New("another pulse ingest with the same id has started, so this one stops: give each its own --id")

// Run ingests until ctx ends, or all inputs have, or Kafka will never take what they
// give, or another ingester with the id has started, or what it needs fails at the
// start. Once the inputs have begun, it waits for a Kafka that is away.
func (x *Transactional) Run(ctx context.Context) error {
	if _, err := identify(x.ID); err != nil {
		return err
	}
	claim := NewID()
	log := throttle.Logger{Log: x.Log}
	for first := true; ; first = false {
		begun, err := x.once(ctx, claim, first)
		switch {
		case err == nil || ctx.Err() != nil || x.Once || isFinal(err):
			return err
		case first && !errors.Is(err, errTransaction) && !(begun && mayPass(err)):
			return err
		}
		log.Warn("continuing after the last committed transaction", "because", err)
		if retry.Wait(ctx, againAfter) != nil {
			return nil
		}
	}
}

// isFinal reports whether an error stays until somebody changes something.
func isFinal(err error) bool {
	return slices.ContainsFunc(final, func(final error) bool { return errors.Is(err, final) })
}

// final are the errors that end an ingester. All others of Kafka's pass: a broker that
// starts, stops, loses its disk or its network answers by nearly any of them.
var final = []error{
	errTaken, topics.ErrReplaced, kgo.ErrClientClosed,
	// What is not allowed.
	kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.PolicyViolation,
	// Records that the topic's settings, or the broker's, rule out.
	kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.InvalidTopicException, kerr.InvalidTransactionTimeout,
	// What the broker is too old for.
	kerr.UnsupportedVersion, kerr.UnsupportedForMessageFormat, kerr.UnsupportedCompressionType,
}

// mayPass reports whether an error is of a Kafka that is away, slow or starting.
func mayPass(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) || slices.ContainsFunc([]error{
		context.DeadlineExceeded, io.EOF,
		kerr.UnknownServerError, kerr.ConcurrentTransactions, // of brokers that start
	}, func(passing error) bool { return errors.Is(err, passing) })
}

// once runs until something fails, and reports whether the inputs have begun.
func (x *Transactional) once(ctx context.Context, claim string, first bool) (begun bool, err error) {
	p, err := newProducer(ctx, x.Cluster, x.Names, x.Log,
		kgo.TransactionalID(x.Names.Prefix+"ingest."+x.ID),
		kgo.TransactionTimeout(transactionTimeout))
	if err != nil {
		return false, err
	}
	defer p.client.Close()
	x.mu.Lock()
	x.producer = p
	x.mu.Unlock()
	defer func() {
		m := x.Metrics()
		x.mu.Lock()
		defer x.mu.Unlock()
		m.Waiting, m.WaitingBytes, m.Stalled = 0, 0, 0
		x.before, x.producer = m, nil
	}()

	t := &transactions{Producer: p, names: x.Names, id: x.ID}
	count, err := topics.PartitionCount(ctx, x.Cluster, x.Names.Positions())
	if err != nil {
		return false, err
	}
	t.home, t.earlier = homes(x.ID, count)
	positions, err := t.begin(ctx, claim, first)
	if err != nil {
		return false, err
	}
	live := x.Live(positions)
	live.Ingester = x.ID
	return true, p.whileThere(ctx, func(ctx context.Context) error { return live.Run(ctx, t) }, x.Names.Raw(), x.Names.Positions())
}

// transactions is an Output whose records are written in transactions, each with
// the positions that go with them. It is for one goroutine.
type transactions struct {
	*Producer
	names   topics.Names
	id      string
	home    int32   // the partition of the positions' topic where all of this ingester's are
	earlier []int32 // where they are if the topic got partitions since
	records []Record
	size    int
}

// Keys of what is kept with an ingester's positions.
const (
	ownerKey = "owner" // who has its id
	topicKey = "topic" // the id of the topic that the lines before the positions are in
)

// begin fences off whoever had the id, and returns the positions it left.
func (t *transactions) begin(ctx context.Context, claim string, first bool) (Positions, error) {
	ctx, cancel := context.WithTimeout(ctx, positionsTimeout)
	defer cancel()
	if !first {
		// Who was fenced off must not do the same to who did it.
		positions, err := t.positions(ctx)
		if err != nil {
			return nil, err
		}
		if owner := positions[ownerKey]; owner != nil && string(owner) != claim {
			return nil, fmt.Errorf("%w (--id %s)", errTaken, t.id)
		}
	}
	if _, _, err := t.client.ProducerID(ctx); err != nil {
		return nil, t.broken("beginning", err)
	}
	positions, err := t.positions(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the positions in topic %s: %w", t.names.Positions(), err)
	}
	if err := (topics.Commit{Topics: string(positions[topicKey])}).CheckIDs(t.topicID, t.topic); err != nil {
		return nil, err
	}
	delete(positions, ownerKey)
	delete(positions, topicKey)
	return positions, t.Commit(ctx, Positions{ownerKey: []byte(claim), topicKey: []byte(t.topicID)})
}

// Produce implements Output: the record waits for Commit.
func (t *transactions) Produce(ctx context.Context, r Record) error {
	if err := t.admit(r); err != nil {
		return err
	}
	t.records = append(t.records, r)
	t.size += len(r.Value) + recordCost
	return nil
}

// Uncommitted is how many bytes wait for Commit.
func (t *transactions) Uncommitted() int { return t.size }

// Commit writes what was produced, and the positions, as one. A position that is
// nil is forgotten. If it fails with errTransaction nothing was written, or what was
// can be found out by reading the positions only.
func (t *transactions) Commit(ctx context.Context, positions Positions) error {
	records := t.records
	t.records, t.size = t.records[:0], 0
	err := t.commit(ctx, records, positions)
	for i := range records {
		t.dismiss(records[i], err)
		records[i].Done(err)
		records[i] = Record{}
	}
	return err
}

func (t *transactions) commit(ctx context.Context, records []Record, positions Positions) error {
	defer time.AfterFunc(stallAfter+time.Second, t.warn).Stop()
	if err := t.client.BeginTransaction(); err != nil {
		return t.broken("beginning", err)
	}
	var mu sync.Mutex
	var failed error
	note := func(_ *kgo.Record, err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
	}
	for _, r := range records {
		t.client.Produce(ctx, &kgo.Record{Partition: r.Partition, Headers: r.Header.Headers(), Value: r.Value}, note)
	}
	for key, value := range positions {
		t.client.Produce(ctx, &kgo.Record{Topic: t.names.Positions(), Partition: t.home, Key: t.key(key), Value: value}, note)
	}
	if err := t.client.Flush(ctx); err != nil {
		return fmt.Errorf("Kafka at %[3]s did not acknowledge %[1]d records for topic %[2]s: %[4]w",
			len(records), t.topic, strings.Join(t.cluster.Brokers, ", "), err)
	}
	mu.Lock()
	defer mu.Unlock()
	if failed != nil {
		return t.broken("writing", failed)
	}
	if err := t.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return t.broken("ending", err)
	}
	return nil
}

// broken explains why a transaction was not committed; some reasons do not pass.
func (t *transactions) broken(when string, err error) error {
	switch {
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return fmt.Errorf("Kafka does not allow the transactional id %singest.%s: grant this user Write and Describe on it: %w", t.names.Prefix, t.id, err)
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		return fmt.Errorf("the brokers' transaction.max.timeout.ms is too small: raise it to at least %d: %w", transactionTimeout.Milliseconds(), err)
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.TopicAuthorizationFailed):
		return t.explain(err)
	}
	return fmt.Errorf("%w (while %s it): %w", errTransaction, when, err)
}

// key is that of a position in the topic: an ingester's keys begin with its id.
func (t *transactions) key(key string) []byte { return []byte(t.prefix() + key) }

func (t *transactions) prefix() string { return strconv.Quote(t.id) + " " }

// homes returns in which partition all positions of an ingester are, so that it need not
// read those of most others, nor wait for their transactions; and where they would be if the
// topic had had fewer partitions, most first.
func homes(id string, count int32) (home int32, earlier []int32) {
	home = topics.Partition(id, count)
	for n := count - 1; n > 0; n-- {
		if p := topics.Partition(id, n); p != home && !slices.Contains(earlier, p) {
			earlier = append(earlier, p)
		}
	}
	return home, earlier
}

// positions reads the positions that were committed. Where they are found they stay: of those
// in two partitions a reader could not tell which are newer.
func (t *transactions) positions(ctx context.Context) (Positions, error) {
	found, err := t.positionsIn(ctx, t.home)
	if err != nil || len(found) > 0 {
		return found, err
	}
	for _, partition := range t.earlier {
		if found, err = t.positionsIn(ctx, partition); err != nil || len(found) > 0 {
			t.home = partition
			break
		}
	}
	return found, err
}

func (t *transactions) positionsIn(ctx context.Context, partition int32) (Positions, error) {
	topic := t.names.Positions()
	admin, err := t.cluster.Admin(kgo.ClientID("pulse-ingest"))
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	// Its own may lie behind the beginning of another ingester's transaction.
	whole, err := admin.Whole(ctx, topic)
	if err != nil {
		return nil, err
	}
	found := Positions{}
	err = admin.Read(ctx, topic, whole.Of(partition), func(r *kgo.Record) bool {
		key, ours := strings.CutPrefix(string(r.Key), t.prefix())
		switch {
		case !ours || !topics.Transactional(r):
		case r.Value == nil:
			delete(found, key)
		default:
			found[key] = r.Value
		}
		return true
	})
	return found, err
}

// position writes a position as JSON, so that kcat shows it.
func position(v any) []byte {
	b, _ := json.Marshal(v) // what has fields of plain types cannot fail
	return b
}
