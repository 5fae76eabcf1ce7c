package topics

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
)

// TestBatchBomb: at a batch of some KB that decompresses to more than any reader should hold,
// as a broker takes it, all clients end with an error.
func TestBatchBomb(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	cluster := Cluster{Brokers: kafka.ListenAddrs()}
	client, err := kgo.NewClient(cluster.ClientOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	testkit.Bomb(t, client, kafka.TopicInfo("t").TopicID, "t", maxUnpacked)

	reader, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.PollFetches(t.Context()).Err(); !errors.Is(err, kgo.ErrMaxDecompress) {
		t.Errorf("franz-go says %v", err)
	}
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	fetcher, err := admin.Fetcher(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := fetcher.Fetch(t.Context(), 0, Span{From: 0, To: 1}, 1<<20); !errors.Is(err, kgo.ErrMaxDecompress) {
		t.Errorf("a Fetcher says %v", err)
	}
	consumer, err := sarama.NewConsumer(cluster.Brokers, cluster.saramaConfig("test"))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition("t", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer partition.AsyncClose()
	select {
	case got := <-partition.Errors():
		if !errors.Is(got, sarama.ErrDecompressedBatchTooLarge) {
			t.Errorf("sarama says %v", got)
		}
	case <-time.After(testkit.Patience()):
		t.Error("sarama says nothing")
	}

	// Who passes it reads what comes after it.
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("after")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for offset, want := range map[int64]string{1: "can be read, so nothing is deleted", 7: "has no offset 7"} {
		if _, err := admin.Pass(t.Context(), "t", 0, offset); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("passing offset %d says %v, want %s", offset, err, want)
		}
	}
	if next, err := admin.Pass(t.Context(), "t", 0, 0); next != 1 || err != nil {
		t.Fatalf("passing goes on at %d, %v, want 1", next, err)
	}
	whole, err := admin.Whole(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	if err := admin.Read(t.Context(), "t", whole, func(r *kgo.Record) bool { read = append(read, string(r.Value)); return true }); err != nil || !slices.Equal(read, []string{"after"}) {
		t.Errorf("after it %q are read, %v", read, err)
	}
}
