package broker

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
)

// TestFullDisk: while its disk is full the broker takes nothing and its producers wait; what
// they waited with is there once, and in its order, when there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	var asked atomic.Int64
	b, err := Options{free: func(string) (uint64, bool) {
		asked.Add(1)
		if full.Load() {
			return leastFree - 1, true
		}
		return leastFree, true
	}}.Start("127.0.0.1:0", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.ConsumeTopics("t"), kgo.MetadataMinAge(10*time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	var failed atomic.Pointer[error]
	produce := func(from, to int) {
		for i := from; i < to; i++ {
			client.Produce(t.Context(), &kgo.Record{Topic: "t", Value: fmt.Append(nil, i)}, func(_ *kgo.Record, err error) {
				if err != nil {
					failed.Store(&err)
				}
			})
		}
	}
	produce(0, 10)
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	before := asked.Load()
	produce(10, 20)
	testkit.Eventually(t, "the producer tries again", func() error {
		if n := asked.Load() - before; n < 2 {
			return fmt.Errorf("it has tried %d times", n)
		}
		return nil
	})
	if n := client.BufferedProduceRecords(); n != 10 {
		t.Errorf("%d records wait, want 10", n)
	}
	full.Store(false)
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := failed.Load(); err != nil {
		t.Errorf("a record was given up: %v", *err)
	}
	for next := 0; next < 20; {
		for _, r := range client.PollFetches(t.Context()).Records() {
			if string(r.Value) != fmt.Sprint(next) {
				t.Fatalf("record %d is %q", next, r.Value)
			}
			next++
		}
	}
	if n, known := freeIn(t.TempDir()); known && n == 0 {
		t.Error("the disk of the tests is full, or free bytes are not read")
	}
}
