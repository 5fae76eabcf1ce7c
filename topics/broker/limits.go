package broker

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What one request may ask for: kfake does all that it is asked.
const (
	maxPartitions = 1000     // of a topic
	maxFetch      = 64 << 20 // bytes of records in one answer, as Kafka's fetch.max.bytes of 55 MB does
)

var errBeyond = errors.New("the request exceeds the embedded broker's limits, or uses its internal topics")

// limited are the requests that may ask for too much.
var limited = []kmsg.Key{
	kmsg.CreateTopics, kmsg.CreatePartitions, kmsg.AlterConfigs, kmsg.IncrementalAlterConfigs, kmsg.Fetch, kmsg.Produce, kmsg.JoinGroup,
	kmsg.ConsumerGroupHeartbeat, kmsg.OffsetCommit, kmsg.TxnOffsetCommit, kmsg.AddOffsetsToTxn, kmsg.InitProducerID,
}

// limit closes the connections whose requests ask for too much, and counts them.
func limit(c *kfake.Cluster, q *quota, counts *Counts) {
	for _, key := range limited {
		c.ControlKey(int16(key), func(request kmsg.Request) (kmsg.Response, error, bool) {
			if within(request) && q.admits(request) {
				return nil, nil, false
			}
			c.KeepControl()
			counts.Refused.Add(1)
			return nil, errBeyond, true
		})
	}
}

// maxAhead is how far ahead a record's time may be, as Kafka's message.timestamp.after.max.ms by
// default.
const maxAhead = time.Hour

// logAppendTime is the bit of a batch's attributes by which the times of its records are the
// broker's. kfake then sets the times anew and keeps the old checksum, by which no client could
// read on.
const logAppendTime = 8

// stamp moves the times of a batch whose last one is said to be of later to where that is the
// time at which it came: retention would not take it, and whoever looks for what was written
// since would not find what comes after it. It reports whether the batch can be had so; one of
// more years than there were since 1970 cannot.
func stamp(batch []byte, now int64) bool {
	if len(batch) < batchHeader || binary.BigEndian.Uint32(batch[17:]) != crc32.Checksum(batch[21:], castagnoli) {
		return true // kfake refuses it
	}
	first, last := int64(binary.BigEndian.Uint64(batch[27:])), int64(binary.BigEndian.Uint64(batch[35:]))
	ahead := last > now+maxAhead.Milliseconds()
	if !ahead && batch[22]&logAppendTime == 0 {
		return true
	}
	batch[22] &^= logAppendTime
	if ahead {
		if first < 0 || first < last-now {
			return false
		}
		binary.BigEndian.PutUint64(batch[27:], uint64(first-(last-now)))
		binary.BigEndian.PutUint64(batch[35:], uint64(now))
	}
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli))
	return true
}

// within reports whether a request is within the limits, or makes it so.
func within(request kmsg.Request) bool {
	switch r := request.(type) {
	case *kmsg.CreateTopicsRequest:
		for _, t := range r.Topics {
			if t.NumPartitions > maxPartitions || len(t.ReplicaAssignment) > maxPartitions {
				return false
			}
		}
	case *kmsg.CreatePartitionsRequest:
		for _, t := range r.Topics {
			if t.Count > maxPartitions {
				return false
			}
		}
	// The broker's own settings are Pulse's.
	case *kmsg.AlterConfigsRequest:
		for _, resource := range r.Resources {
			if resource.ResourceType != kmsg.ConfigResourceTypeTopic {
				return false
			}
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		for _, resource := range r.Resources {
			if resource.ResourceType != kmsg.ConfigResourceTypeTopic {
				return false
			}
		}
	// Newer requests name topics by ids alone. kfake takes those that it does not know for
	// one, as of a producer whose topics were just deleted, and ends the process.
	case *kmsg.ProduceRequest:
		for i := range r.Topics {
			t := &r.Topics[i]
			if t.Topic == "" {
				t.Topic = hex.EncodeToString(t.TopicID[:])
			}
			for _, p := range t.Partitions {
				if checkContents(p.Records) != nil || !stamp(p.Records, time.Now().UnixMilli()) {
					return false
				}
			}
		}
	// Of a member with no protocol, or with one twice, kfake finds none that all members
	// have, and ends the process.
	case *kmsg.JoinGroupRequest:
		names := map[string]bool{}
		for _, p := range r.Protocols {
			names[p.Name] = true
		}
		return len(names) > 0 && len(names) == len(r.Protocols)
	// A session has all partitions that a client ever named, of which 1,000 may be of 20,000
	// each. Without one it names those that it wants each time.
	case *kmsg.FetchRequest:
		r.SessionID, r.SessionEpoch = 0, -1
		r.MaxBytes = min(r.MaxBytes, maxFetch)
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				p.PartitionMaxBytes = min(p.PartitionMaxBytes, maxFetch)
			}
		}
	}
	return true
}
