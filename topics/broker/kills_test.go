package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/cmd/dev/testkit"
)

var errKilled = errors.New("the broker is killed")

// killAt kills the broker when it gets the n-th request of a kind: nothing that comes
// then has any effect. It returns a context until then, and the folder as it was.
func killAt(t *testing.T, b *cleaned, dir string, kind kmsg.Key, n int) (context.Context, func() string) {
	ctx, kill := context.WithCancelCause(t.Context())
	var left string
	var dead atomic.Bool
	b.cluster.ControlKey(-1, func(r kmsg.Request) (kmsg.Response, error, bool) {
		if !dead.Load() {
			if r.Key() != int16(kind) {
				return nil, nil, false
			}
			if n--; n >= 0 {
				return nil, nil, false
			}
			left = copied(t, dir)
			dead.Store(true)
			kill(errKilled)
		}
		b.cluster.KeepControl()
		return nil, errKilled, true
	})
	return ctx, func() string { <-ctx.Done(); return left }
}

// count writes numbers to two partitions, and how far it is to a compacted topic,
// three numbers in a transaction, as often as is said or until ctx ends.
func count(ctx context.Context, b *cleaned, transactions int) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.TransactionalID("id"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, c.Close)() // it does not give up what it may have written
	if _, _, err := c.ProducerID(ctx); err != nil {
		return err
	}
	values, err := values(ctx, b, "position", 0)
	if err != nil {
		return err
	}
	next := 0
	if len(values) > 0 {
		next, _ = strconv.Atoi(values[len(values)-1])
	}
	for range transactions {
		if err := c.BeginTransaction(); err != nil {
			return err
		}
		records := []*kgo.Record{{Topic: "position", Key: []byte("k"), Value: []byte(strconv.Itoa(next + 3))}}
		for i := range 3 {
			records = append(records, &kgo.Record{Topic: "numbers", Partition: int32((next + i) % 2), Value: []byte(strconv.Itoa(next + i))})
		}
		if err := c.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return err
		}
		if err := c.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return err
		}
		next += 3
	}
	return nil
}

// values reads what is committed of a partition.
func values(ctx context.Context, b *cleaned, topic string, partition int32) (values []string, err error) {
	info := b.cluster.PartitionInfo(topic, partition)
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(info.LogStartOffset)}}))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for next := info.LogStartOffset; next < info.HighWatermark; {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for r := range fetches.RecordsAll() {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		}
	}
	return values, nil
}

// TestExactOverKills: whenever the broker is killed, what was written in transactions
// with how far they were is there once.
func TestExactOverKills(t *testing.T) {
	t.Parallel()
	for seed := range testkit.Size(2, 5) {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		dir := t.TempDir()
		b := startCleaned(t, Options{}, dir)
		b.create("position", map[string]string{"cleanup.policy": "compact"})
		b.create("numbers", map[string]string{"cleanup.policy": "delete"})
		if _, err := b.admin.CreatePartitions(t.Context(), 1, "numbers"); err != nil {
			t.Fatal(err)
		}
		for range testkit.Size(4, 10) {
			kinds := []kmsg.Key{kmsg.Produce, kmsg.EndTxn, kmsg.InitProducerID, kmsg.Fetch}
			kind := kinds[random.IntN(len(kinds))]
			n := random.IntN(6)
			if kind == kmsg.InitProducerID {
				n = 0
			}
			ctx, left := killAt(t, b, dir, kind, n)
			for ctx.Err() == nil {
				if err := count(ctx, b, 8); err != nil && ctx.Err() == nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			dir = left()
			b = startCleaned(t, Options{}, dir)
			if random.IntN(2) == 0 {
				b.clean()
			}
		}
		if err := count(t.Context(), b, 2); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		all := 0
		for p := range int32(2) {
			got, err := values(t.Context(), b, "numbers", p)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if want := fmt.Sprint(2*i + int(p)); v != want {
					t.Fatalf("seed %d: partition %d has %v, at %d want %s", seed, p, got, i, want)
				}
			}
			all += len(got)
		}
		if position, err := values(t.Context(), b, "position", 0); err != nil || position[len(position)-1] != fmt.Sprint(all) {
			t.Errorf("seed %d: %d numbers, and the position is %v (%v)", seed, all, position, err)
		}
	}
}
