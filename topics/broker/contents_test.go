package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// produced makes a batch as a client sends it.
func produced(codec kgo.CompressionCodecType, records int32, packed []byte) []byte {
	b := kmsg.RecordBatch{Magic: 2, Attributes: int16(codec), LastOffsetDelta: records - 1, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: records, Records: packed}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
	return raw
}

// recordsOf are the records of a batch with some values.
func recordsOf(values ...string) (b []byte) {
	for i, value := range values {
		r := kmsg.Record{OffsetDelta: int32(i), Value: []byte(value), Headers: []kmsg.Header{{Key: "k", Value: []byte("v")}, {Key: "n"}}}
		body := r.AppendTo(nil)[1:] // the length of nothing is a byte
		r.Length = int32(len(body))
		b = append(b, r.AppendTo(nil)...)
	}
	return b
}

// TestContents: batches of all codecs pass, and those that would stop a reader do not.
func TestContents(t *testing.T) {
	records := recordsOf("a", "", strings.Repeat("long ", 1000))
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		compressor, err := kgo.DefaultCompressor(codec)
		if err != nil {
			t.Fatal(err)
		}
		packed, kind := records, kgo.CodecNone
		if compressor != nil {
			packed, kind = compressor.Compress(new(bytes.Buffer), records)
		}
		packed = bytes.Clone(packed)
		if err := checkContents(produced(kind, 3, packed)); err != nil {
			t.Errorf("codec %d: %v", kind, err)
		}
		for what, raw := range map[string][]byte{
			"one record too many": produced(kind, 4, packed),
			"one record too few":  produced(kind, 2, packed),
			"cut":                 produced(kind, 3, packed[:len(packed)-1]),
			"nothing":             produced(kind, 3, nil),
			"not its codec":       produced(kind, 3, []byte("\xff\xff\xff\xff\x7f no such thing")),
		} {
			if checkContents(raw) == nil {
				t.Errorf("codec %d: %s, and it is taken", kind, what)
			}
		}
	}
	block := []byte("\x04\x0cabcd") // of Snappy: four bytes
	if unpacked, err := unpackSnappy(append(append([]byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"), byte(len(block))), block...)); err != nil {
		t.Error(err)
	} else if text, _ := io.ReadAll(unpacked); string(text) != "abcd" {
		t.Errorf("blocks of Snappy are %q", text)
	}
	skipping := kmsg.Record{OffsetDelta: 1 << 30}
	skipping.Length = int32(len(skipping.AppendTo(nil)) - 1)
	if checkContents(produced(0, 1, skipping.AppendTo(nil))) == nil {
		t.Error("a record whose offset leaves a billion out is taken")
	}
}

// TestBombs: little that decompresses to much is refused, in little memory.
func TestBombs(t *testing.T) {
	var zipped bytes.Buffer
	packer, err := zstd.NewWriter(&zipped)
	if err != nil {
		t.Fatal(err)
	}
	var gzipped bytes.Buffer
	gz := gzip.NewWriter(&gzipped)
	header := binary.AppendVarint(nil, 1<<30)
	for _, w := range []io.WriteCloser{packer, gz} {
		if _, err := w.Write(header); err != nil {
			t.Fatal(err)
		}
		zeros := make([]byte, 1<<20)
		for range maxUnpacked>>20 + 1 {
			if _, err := w.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, raw := range map[string][]byte{
		"zstd":   produced(kgo.CodecZstd, 1, zipped.Bytes()),
		"gzip":   produced(kgo.CodecGzip, 1, gzipped.Bytes()),
		"Snappy": produced(kgo.CodecSnappy, 1, []byte("\xff\xff\xff\xff\x0f\x00a")), // says 4 GB
	} {
		if err := checkContents(raw); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s of %d bytes: %v", name, len(raw), err)
		}
	}
}

// TestForgedBatches: who sends a batch that readers could not read is refused, and others are
// served.
func TestForgedBatches(t *testing.T) {
	t.Parallel()
	b, err := Start("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.DefaultProduceTopic("t"), kgo.RetryTimeout(time.Nanosecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopics(t.Context(), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	for _, raw := range [][]byte{produced(kgo.CodecZstd, 1, []byte("no zstd")), produced(0, 0, nil), produced(0, -5, nil), produced(0, 2, recordsOf("one"))} {
		r := kmsg.NewPtrProduceRequest()
		r.Acks, r.TimeoutMillis = -1, 1000
		topic, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
		topic.Topic, part.Records = "t", raw
		topic.Partitions = append(topic.Partitions, part)
		r.Topics = append(r.Topics, topic)
		if answer, err := client.Broker(0).Request(t.Context(), r); err == nil {
			t.Errorf("it is answered with %+v", answer)
		}
	}
	if b.Counts().Refused.Load() == 0 {
		t.Error("nothing is counted as refused")
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("honest")).FirstErr(); err != nil {
		t.Error(err)
	}
}

// FuzzContents: no bytes end the broker.
func FuzzContents(f *testing.F) {
	for codec := range kgo.CompressionCodecType(6) {
		f.Add(produced(codec, 2, recordsOf("a", "b")))
		f.Add(produced(codec, 1, []byte("\x28\xb5\x2f\xfd\x04\x22\x4d\x18\x82SNAPPY\x00")))
	}
	f.Fuzz(func(_ *testing.T, raw []byte) { _ = checkContents(raw) })
}

func BenchmarkContents(b *testing.B) {
	line := strings.Repeat("2026-11-27T10:00:00Z GET /users/1234 200 12ms host=web.1\n", 3000)
	compressor, err := kgo.DefaultCompressor(kgo.Lz4Compression())
	if err != nil {
		b.Fatal(err)
	}
	packed, kind := compressor.Compress(new(bytes.Buffer), recordsOf(line, line, line))
	raw := produced(kind, 3, packed)
	b.SetBytes(int64(3 * len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if err := checkContents(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// TestStamp: no batch is of later than when it came, or has times that kfake would set beneath
// a checksum of other ones.
func TestStamp(t *testing.T) {
	const now, hour = 1_795_000_000_000, 3_600_000
	for name, c := range map[string]struct {
		first, last int64
		attributes  int16
		damaged     bool

		refused             bool
		wantFirst, wantLast int64
		wantAttributes      int16
		sound               bool // the checksum is that of the contents
	}{
		"of now":               {now - 5, now, 1, false, false, now - 5, now, 1, true},
		"an hour ahead":        {now, now + hour, 0, false, false, now, now + hour, 0, true},
		"two hours ahead":      {now + 2*hour - 7, now + 2*hour, 1, false, false, now - 7, now, 1, true},
		"of the broker's time": {now - 5, now, 8 | 1, false, false, now - 5, now, 1, true},
		"both":                 {now + 2*hour, now + 2*hour, 8, false, false, now, now, 0, true},
		"of a century":         {now, 2 * now, 0, false, false, 0, now, 0, true},
		"of two centuries":     {now, 3 * now, 0, false, true, now, 3 * now, 0, false},
		"without an end":       {-1, 1<<63 - 1, 0, false, true, -1, 1<<63 - 1, 0, false},
		"damaged":              {now + 2*hour, now + 2*hour, 8, true, false, now + 2*hour, now + 2*hour, 8, false},
	} {
		raw := produced(kgo.CodecNone, 1, recordsOf("a"))
		raw[22] = byte(c.attributes)
		binary.BigEndian.PutUint64(raw[27:], uint64(c.first))
		binary.BigEndian.PutUint64(raw[35:], uint64(c.last))
		sum := crc32.Checksum(raw[21:], castagnoli)
		if c.damaged {
			sum++
		}
		binary.BigEndian.PutUint32(raw[17:], sum)
		ok := stamp(raw, now)
		first, last := int64(binary.BigEndian.Uint64(raw[27:])), int64(binary.BigEndian.Uint64(raw[35:]))
		if ok == c.refused || first != c.wantFirst || last != c.wantLast || int16(raw[22]) != c.wantAttributes {
			t.Errorf("%s: %v, from %d to %d with attributes %d", name, ok, first, last, raw[22])
		}
		if c.sound && binary.BigEndian.Uint32(raw[17:]) != crc32.Checksum(raw[21:], castagnoli) {
			t.Errorf("%s: the checksum is of something else", name)
		}
	}
}
