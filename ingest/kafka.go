package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/line"
	"pulse/topics"
)

const (
	// kafkaFetch and kafkaPartition bound what is fetched at a time, of all
	// partitions and of one. A record that is larger comes alone.
	kafkaFetch     = 16 << 20
	kafkaPartition = 1 << 20
)

var kafkaKind = &Kind{
	Name: "kafka", Past: true,
	Docs: []KindDoc{{"`--kafka-topic`", "`input`, `topic`", "reads no further", "nothing, and no line comes twice"}},
	New:  func() Config { return new(kafkaConfig) },
}

type kafkaConfig struct {
	topic, field text
	format       format
}

func (c *kafkaConfig) Settings() []Setting {
	return []Setting{
		{Flag: "kafka-topic", Key: "kafka", Help: "read the topic with this `name`, which others fill with a line in each record", Value: &c.topic},
		{Flag: "kafka-field", Key: "field", Help: "the records of --kafka-topic are JSON: the `name` of the field with the line, say message", Value: &c.field},
		c.format.setting(),
	}
}

func (c *kafkaConfig) Open(o Opening) (*Opened, error) {
	k := Kafka{
		Name: o.Name, Topic: string(c.topic), Format: string(c.format), Field: string(c.field),
		Cluster: o.Cluster, Counts: new(KafkaCounts), Log: o.Log,
	}
	return &Opened{
		Resume: func(p Positions) Input { k.Positions = p; return k },
		ID:     fixedID("kafka", k.Topic),
		Counters: []Counter{
			{linesMetric, linesHelp, &k.Counts.Lines},
			{"pulse_input_empty_records_total", "Records without any text.", &k.Counts.Empty},
			{"pulse_input_foreign_records_total", "Records that are not JSON with the field that was asked for; all of each was the line.", &k.Counts.Foreign},
			{"pulse_input_lost_records_total", "Records that retention took before they were read.", &k.Counts.Skipped},
		},
	}, nil
}

// KafkaCounts count the records that a Kafka input took.
type KafkaCounts struct {
	Lines   atomic.Int64 // lines that were taken
	Empty   atomic.Int64 // records without any text
	Foreign atomic.Int64 // records that are no JSON object with Field: all of each was the line
	Skipped atomic.Int64 // records that retention took before they were read
}

// Kafka is an input of a topic that others fill, with one line in each record, as
// Vector, Fluent Bit and Filebeat do. It is for an Exact, which keeps its positions,
// and reads all of the topic's partitions, what was committed of them alone.
type Kafka struct {
	// Name becomes the field input of the lines, and Topic the field topic.
	Name  string
	Topic string
	// Format is that of all lines; any if empty.
	Format string
	// Field, if not empty, says that the records are JSON objects, and in which of
	// their fields the line is: message, or log.
	Field string
	// Cluster is where the topic is.
	Cluster topics.Cluster
	// Positions are where to go on; without one a partition is read from its
	// beginning.
	Positions Positions
	// Counts may be those of an input before it.
	Counts *KafkaCounts
	// Log gets what an operator should know.
	Log *slog.Logger
}

// partitionPosition is where a partition is read on.
type partitionPosition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"` // of the next record
}

func (p partitionPosition) key() string { return fmt.Sprintf("kafka %s/%d", p.Topic, p.Partition) }

// Run implements Input.
func (k Kafka) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	origin, err := line.NewOrigin(fieldInput, k.Name, fieldTopic, k.Topic, line.FormatField, k.Format)
	if err != nil {
		return err
	}
	start, err := k.start(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	client, err := kgo.NewClient(append(k.Cluster.ClientOptions("pulse-ingest"),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{k.Topic: start}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(kafkaFetch),
		kgo.FetchMaxPartitionBytes(kafkaPartition),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.UnknownTopicRetries(-1))...)
	if err != nil {
		return err
	}
	defer client.Close()

	notices := newNotices(k.Log)
	b := Batch{Origin: origin, Positions: Positions{}}
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			notices.Warn("a topic cannot be read now", "topic", topic, "partition", partition, "error", err)
		})
		for _, r := range byTime(fetches) {
			b.Lines = k.appendLine(b.Lines, r.Value)
			p := partitionPosition{k.Topic, r.Partition, r.Offset + 1}
			b.Positions[p.key()] = position(p)
			if len(b.Lines) < chunkSize {
				continue
			}
			if err := take(ctx, b); err != nil {
				return err
			}
			b.Lines, b.Positions = b.Lines[:0], Positions{}
		}
		if len(b.Positions) > 0 {
			if err := take(ctx, b); err != nil {
				return err
			}
			b.Lines, b.Positions = b.Lines[:0], Positions{}
		}
	}
}

// start is where each partition is read on.
func (k Kafka) start(ctx context.Context) (map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	admin, err := k.Cluster.Admin(kgo.ClientID("pulse-ingest"))
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	all, err := admin.Readable(ctx, k.Topic)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("there is no topic %s to read lines from: who fills it makes it first", k.Topic)
	}
	if err != nil {
		return nil, err
	}
	offsets := make(map[int32]kgo.Offset)
	for partition, span := range all {
		at := partitionPosition{k.Topic, partition, span.From}
		if stored := k.Positions[at.key()]; stored != nil {
			var p partitionPosition
			switch err := json.Unmarshal(stored, &p); {
			case err != nil:
			case p.Offset < span.From:
				k.Counts.Skipped.Add(span.From - p.Offset)
				k.Log.Error("retention took records before they were read", "topic", k.Topic,
					"partition", partition, "from", p.Offset, "to", span.From)
			default:
				at.Offset = p.Offset
			}
		}
		offsets[partition] = kgo.NewOffset().At(at.Offset)
	}
	return offsets, nil
}

// byTime returns the records of several partitions in the order of their times, and
// those of each partition in their own: what one partition holds of the past does not
// make that of another late.
func byTime(fetches kgo.Fetches) []*kgo.Record {
	type timed struct {
		at time.Time
		*kgo.Record
	}
	var all []timed
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		var clock time.Time
		for _, r := range p.Records {
			if r.Timestamp.After(clock) {
				clock = r.Timestamp
			}
			all = append(all, timed{clock, r})
		}
	})
	slices.SortStableFunc(all, func(a, b timed) int { return a.at.Compare(b.at) })
	records := make([]*kgo.Record, len(all))
	for i, r := range all {
		records[i] = r.Record
	}
	return records
}

// appendLine appends the line that a record's value is, with a line feed. One within
// it becomes a space.
func (k Kafka) appendLine(b, value []byte) []byte {
	line := value
	if k.Field != "" {
		var fields map[string]json.RawMessage
		var text string
		if json.Unmarshal(value, &fields) == nil && json.Unmarshal(fields[k.Field], &text) == nil {
			line = []byte(text)
		} else {
			k.Counts.Foreign.Add(1)
		}
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		k.Counts.Empty.Add(1)
		return b
	}
	k.Counts.Lines.Add(1)
	line = line[:min(len(line), maxLine)]
	from := len(b)
	b = append(append(b, line...), '\n')
	for i := from; i < len(b)-1; i++ {
		if b[i] == '\n' {
			b[i] = ' '
		}
	}
	return b
}
