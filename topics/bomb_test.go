package topics

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"pulse/cmd/dev/testkit"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestBatchBomb: at a batch of some KB that decompresses to more than any reader should hold,
// as a broker takes it, all clients end with an error.
func TestBatchBomb(t *testing.T) {
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

	var packed bytes.Buffer
	packer, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range maxUnpacked>>20 + 8 {
		if _, err := packer.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	packer.Close()
	batch := kmsg.RecordBatch{Magic: 2, Attributes: int16(kgo.CodecZstd), ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 1, Records: packed.Bytes()}
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 1000
	topic, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	topic.Topic, topic.TopicID, part.Records = "t", kafka.TopicInfo("t").TopicID, raw
	topic.Partitions = append(topic.Partitions, part)
	r.Topics = append(r.Topics, topic)
	answer, err := r.RequestWith(t.Context(), client)
	if err != nil || answer.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(answer, err)
	}

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
}
