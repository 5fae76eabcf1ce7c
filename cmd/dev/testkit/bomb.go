package testkit

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Bomb writes a batch of some KB to the first partition of a topic that decompresses to 8 MiB
// more than a bound, as a broker takes it that does not look into batches.
func Bomb(t testing.TB, client *kgo.Client, topicID [16]byte, topic string, bound int) {
	t.Helper()
	var packed bytes.Buffer
	packer, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range bound>>20 + 8 {
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
	to, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	to.Topic, to.TopicID, part.Records = topic, topicID, raw
	to.Partitions = append(to.Partitions, part)
	r.Topics = append(r.Topics, to)
	answer, err := r.RequestWith(t.Context(), client)
	if err != nil || answer.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(answer, err)
	}
}
