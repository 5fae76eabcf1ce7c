package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
)

// TestCleanAfterRestart: what has outlived its retention goes, and what can be
// compacted is, after a restart as before.
func TestCleanAfterRestart(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	connect := func(b *Broker) *kgo.Client {
		client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	b, err := Options{cleanEvery: time.Hour}.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	client := connect(b)
	setting := func(text string) *string { return &text }
	for topic, config := range map[string]map[string]*string{
		"deleted":   {"cleanup.policy": setting("delete"), "retention.ms": setting("1000"), "segment.bytes": setting("1000")},
		"compacted": {"cleanup.policy": setting("compact"), "segment.bytes": setting("1000")},
	} {
		if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, config, topic); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			r := &kgo.Record{Topic: topic, Key: fmt.Append(nil, i%3), Value: make([]byte, 100), Timestamp: time.Now().Add(-time.Hour)}
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	client.Close()
	b.Close()

	b, err = Options{cleanEvery: time.Millisecond}.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client = connect(b)
	defer client.Close()
	testkit.Eventually(t, "old records are deleted", func() error {
		starts, err := kadm.NewClient(client).ListStartOffsets(ctx, "deleted")
		if err != nil {
			return err
		}
		if first, _ := starts.Lookup("deleted", 0); first.Offset < 50 {
			return fmt.Errorf("the first is at offset %d", first.Offset)
		}
		return nil
	})
	testkit.Eventually(t, "most of the records of three keys are gone", func() error {
		info := b.cluster.PartitionInfo("compacted", 0)
		size := info.NumBytes
		if size > 4000 {
			return fmt.Errorf("%d bytes", size)
		}
		return nil
	})
}
