package broker

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A segment's file is Kafka's record batches one after the other. Beside it is an
// index of kfake's own, an entry for each batch.
const (
	batchHeader = 61
	indexEntry  = 15
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A batch is what the header of a record batch says.
type batch struct {
	first, last   int64 // offsets
	size          int   // bytes
	transactional bool
	control       bool // the end of a transaction
	commit        bool // of a control batch
	firstTime     int64
	maxTime       int64 // milliseconds
	producer      producer
	sequence      int32 // of the first record
}

// A producer is one for as long as it has an epoch. Clients of today have a new
// one for each transaction.
type producer struct {
	id    int64
	epoch int16
}

// header reads the batch that raw begins with. It may be damaged.
func header(raw []byte) (batch, bool) {
	if len(raw) < batchHeader || raw[16] != 2 {
		return batch{}, false
	}
	length := binary.BigEndian.Uint32(raw[8:])
	if length < batchHeader-12 || length > maxProduce {
		return batch{}, false
	}
	attributes := binary.BigEndian.Uint16(raw[21:])
	b := batch{
		first:         int64(binary.BigEndian.Uint64(raw)),
		size:          12 + int(length),
		transactional: attributes&0x10 != 0,
		control:       attributes&0x20 != 0,
		firstTime:     int64(binary.BigEndian.Uint64(raw[27:])),
		maxTime:       int64(binary.BigEndian.Uint64(raw[35:])),
		producer:      producer{int64(binary.BigEndian.Uint64(raw[43:])), int16(binary.BigEndian.Uint16(raw[51:]))},
		sequence:      int32(binary.BigEndian.Uint32(raw[53:])),
	}
	b.last = b.first + int64(int32(binary.BigEndian.Uint32(raw[23:])))
	leaderEpoch := binary.BigEndian.Uint32(raw[12:]) // no checksum covers it, and there is one broker
	return b, leaderEpoch == 0 && b.first >= 0 && b.last >= b.first
}

// whole reads the batch that raw begins with, if all of it is there and as it was
// written.
func whole(raw []byte) (batch, bool) {
	b, ok := header(raw)
	if !ok || b.size > len(raw) || crc32.Checksum(raw[21:b.size], castagnoli) != binary.BigEndian.Uint32(raw[17:]) {
		return batch{}, false
	}
	if b.control {
		var r kmsg.Record
		var key kmsg.ControlRecordKey
		b.commit = r.ReadFrom(raw[batchHeader:b.size]) == nil && key.ReadFrom(r.Key) == nil && key.Type == kmsg.ControlRecordKeyTypeCommit
	}
	return b, true
}

// nextBatch finds the first whole batch at pos or behind it that can follow a log
// that ends before the offset end. No checksum covers a batch's own offset: of two
// that cannot both be right the first is passed over.
func nextBatch(raw []byte, pos int, end int64) (b batch, at int, ok bool) {
	for ; pos+batchHeader <= len(raw); pos++ {
		b, ok := whole(raw[pos:])
		if !ok || b.first < end || b.first-end > math.MaxInt32 {
			continue
		}
		if after, ok := header(raw[pos+b.size:]); ok && after.first <= b.last {
			if after, ok := whole(raw[pos+b.size:]); ok && after.first >= end {
				continue
			}
		}
		return b, pos, true
	}
	return batch{}, len(raw), false
}

// control makes a batch whose one record ends a transaction of a producer, at the
// last of the offsets that it takes up. Readers pass over it. With the producer
// nobody it ends nothing, and stands where records are that nobody is to read.
func control(first, last int64, milli int64, p producer, commit bool) []byte {
	key := kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}
	if commit {
		key.Type = kmsg.ControlRecordKeyTypeCommit
	}
	r := kmsg.Record{OffsetDelta: int32(last - first), Key: key.AppendTo(nil), Value: (&kmsg.EndTxnMarker{}).AppendTo(nil)}
	r.Length = int32(len(r.AppendTo(nil)) - 1) // the length itself is one byte
	b := kmsg.RecordBatch{
		FirstOffset: first, Magic: 2, Attributes: 0x30,
		LastOffsetDelta: int32(last - first), FirstTimestamp: milli, MaxTimestamp: milli,
		ProducerID: p.id, ProducerEpoch: p.epoch, FirstSequence: -1,
		NumRecords: 1, Records: r.AppendTo(nil),
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
	return raw
}

var nobody = producer{-1, -1}

// index is kfake's entry for a batch.
func index(b batch, latest int64) []byte {
	e := make([]byte, indexEntry)
	e[0] = formatVersion
	binary.LittleEndian.PutUint64(e[6:], uint64(latest))
	if b.transactional && !b.control {
		e[14] = 1
	}
	e[1] = byte(crc32.Checksum(e[2:], castagnoli))
	return e
}
