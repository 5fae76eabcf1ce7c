package ingest

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// TestAbandonedTransaction leaves a transaction open, as an ingester does that is
// killed within one and never comes back: readers wait for Kafka to abort it, and then
// get what others wrote meanwhile, and nothing of it.
func TestAbandonedTransaction(t *testing.T) {
	if !topicstest.Real() {
		t.Skip("it waits for transactionTimeout; make test-kafka has it, on an Apache Kafka")
	}
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 3*transactionTimeout+testkit.Patience())
	defer cancel()
	client := func(options ...kgo.Opt) *kgo.Client {
		c, err := kgo.NewClient(append(cluster.ClientOptions("test"), append(options, kgo.DefaultProduceTopic(names.Raw()))...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	write := func(c *kgo.Client, text string) {
		t.Helper()
		if err := c.ProduceSync(ctx, kgo.StringRecord(text)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	gone := client(kgo.TransactionalID(prefix+"ingest.gone"), kgo.TransactionTimeout(transactionTimeout))
	if err := gone.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	write(gone, "abandoned")
	write(client(), "another's")
	reader := client(kgo.ConsumeTopics(names.Raw()))
	for {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		if records := fetches.Records(); len(records) > 0 {
			if text := string(records[0].Value); text != "another's" {
				t.Fatalf("a reader gets %q", text)
			}
			t.Logf("readers waited for %v", time.Since(began).Round(100*time.Millisecond))
			return
		}
	}
}
