package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/line"
	"pulse/topics"
	"pulse/topics/throttle"
)

const (
	// kafkaFetch and kafkaPartition bound what is fetched at a time, of all
	// partitions and of one. A record that is larger comes alone.
	kafkaFetch     = 16 << 20
	kafkaPartition = 1 << 20

	// maxRecordKey is how much of a record's key tells its stream.
	maxRecordKey = 128

	// kafkaLook is how often a Kafka input looks for new partitions and topics.
	kafkaLook = 10 * time.Second
)

var kafkaKind = &Kind{
	Name: "kafka", Past: true,
	Docs: []KindDoc{{"`--kafka-topic`", "`input`, `topic`", "reads no further", "nothing, and no line comes twice"}},
	New:  func() Config { return new(kafkaConfig) },
}

type kafkaConfig struct {
	topics  list
	field   text
	reading Reading
}

func (c *kafkaConfig) Settings() []Setting {
	return append([]Setting{
		{Flag: "kafka-topic", Key: "kafka", Value: &c.topics,
			Help: "read lines, one in each record, from the topics of this `name` or pattern; can be repeated"},
		{Flag: "kafka-field", Key: "field", Help: "the records of --kafka-topic are JSON: the `name` of the field with the line, for example message", Value: &c.field},
	}, c.reading.Settings()...)
}

func (c *kafkaConfig) Open(o Opening) (*Opened, error) {
	for _, topic := range c.topics {
		if _, err := path.Match(topic, ""); err != nil {
			return nil, asked("--kafka-topic %q: %v", topic, err)
		}
		if topic == o.Names.Raw() {
			return nil, asked("--kafka-topic %s is the topic that Pulse writes to: name the topic that lines come from", topic)
		}
	}
	c.reading.Formats = o.Formats
	k := Kafka{
		Name: o.Name, Topics: c.topics, Reading: c.reading, Field: string(c.field),
		Counts: new(KafkaCounts), Log: o.Log,
	}
	return &Opened{
		Resume: func(p Positions) Input {
			k.Positions, k.Cluster = p, *o.Cluster
			return c.reading.Watch(k, o.Name, o.Log)
		},
		ID: fixedID("kafka", c.topics...),
		Counters: []Counter{
			{linesMetric, linesHelp, &k.Counts.Lines},
			{"pulse_input_empty_records_total", "Records without any text.", &k.Counts.Empty},
			{"pulse_input_foreign_records_total", "Records that are not JSON with the field of --kafka-field; the whole record was taken as the line.", &k.Counts.Foreign},
			{"pulse_input_lost_records_total", "Records that Kafka's retention deleted before they were read.", &k.Counts.Skipped},
		},
	}, nil
}

// KafkaCounts count the records that a Kafka input took.
type KafkaCounts struct {
	Lines   atomic.Int64 // lines that were taken
	Empty   atomic.Int64 // records without any text
	Foreign atomic.Int64 // records that are not a JSON object with Field: all of each was the line
	Skipped atomic.Int64 // records that retention took before they were read
}

// Kafka is an input of topics that others fill, with one line in each record, as
// Vector, Fluent Bit and Filebeat do. It is for an ingester that keeps its positions,
// and reads all of the topics' partitions, what was committed of them alone.
// Partitions that are added, and topics that are made, are read too. A topic that
// is deleted and made again is another one, and is read from its beginning.
type Kafka struct {
	// Name becomes the field input of the lines, and their topic the field topic.
	Name string
	// Topics are names, and patterns of names (path.Match). A pattern does not
	// match Pulse's own topics.
	Topics  []string
	Reading Reading
	// Field, if not empty, says that the records are JSON objects, and in which of
	// their fields the line is: message, or log.
	Field string
	// Cluster is where the topics are.
	Cluster topics.Cluster
	// Positions are where to go on; without one a partition is read from its
	// beginning.
	Positions Positions
	// Counts may be those of an input before it.
	Counts *KafkaCounts
	// Every is how often it looks for new partitions and topics; kafkaLook if 0.
	Every time.Duration
	// Log gets what an operator should know.
	Log *slog.Logger
}

// partitionPosition is where a partition is read on.
type partitionPosition struct {
	Topic     string `json:"topic"`
	ID        string `json:"topic_id,omitempty"` // a topic made again has another one; empty where brokers know none
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"` // of the next record
	// Events are lines before that, which more lines may belong to.
	Events openEvents `json:"events,omitempty"`
}

func (p partitionPosition) key() string { return fmt.Sprintf("kafka %s/%d", p.Topic, p.Partition) }

// Run implements Input.
func (k Kafka) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	if k.Every == 0 {
		k.Every = kafkaLook
	}
	admin, err := k.Cluster.Admin(kgo.ClientID("pulse-ingest"))
	if err != nil {
		return err
	}
	defer admin.Close()
	r := &repacker{Kafka: k, admin: admin, notices: newNotices(k.Log), reads: make(map[string]*readTopic), take: take}
	defer func() {
		if r.client != nil {
			topics.LeaveWithin(ctx, k.Log, func(context.Context) error { r.client.Close(); return nil })
		}
	}()
	for first := true; ; first = false {
		if err := r.look(ctx, first); err != nil && ctx.Err() == nil {
			if first {
				return err
			}
			r.notices.Warn("cannot list the topics to read; retrying", "error", err)
		}
		if err := r.read(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// A repacker is a Kafka that runs.
type repacker struct {
	Kafka
	admin   *topics.Admin
	client  *kgo.Client // nil until there is something to read
	notices *throttle.Logger
	reads   map[string]*readTopic
	take    func(context.Context, Batch) error
}

// A readTopic is a topic that is read.
type readTopic struct {
	id     kadm.TopicID
	origin line.Origin
	next   map[int32]int64 // of each of its partitions, the offset to go on at
	events map[int32]*lineJoiner
	gone   bool // it is not there now
}

// look takes up topics and partitions that are not read yet.
func (r *repacker) look(ctx context.Context, first bool) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var names []string // none: all
	for _, name := range r.Topics {
		if isPattern(name) {
			names = nil
			break
		}
		names = append(names, name)
	}
	all, err := r.admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("cannot list the topics to read: %w", err)
	}
	for _, name := range r.Topics {
		if !isPattern(name) && !all.Has(name) {
			if first {
				return fmt.Errorf("there is no topic %s to read lines from: create it, or start the program that fills it", name)
			}
		}
	}
	for name, t := range r.reads {
		if !all.Has(name) && !t.gone {
			r.Log.Warn("a topic that was being read does not exist any more", "topic", name)
			r.client.PurgeTopicsFromClient(name)
			t.gone = true
		}
	}
	for _, topic := range all.Sorted() {
		if topic.Err != nil || !r.wanted(topic.Topic) {
			continue
		}
		if err := r.takeUp(ctx, topic); err != nil {
			return err
		}
	}
	if first && len(r.reads) == 0 {
		r.Log.Warn("no topic matches yet; waiting for one", "topics", r.Topics)
	}
	return nil
}

func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// wanted reports whether a topic is to be read.
func (r *repacker) wanted(topic string) bool {
	return slices.ContainsFunc(r.Topics, func(name string) bool {
		if !isPattern(name) {
			return name == topic
		}
		matches, err := path.Match(name, topic)
		return err == nil && matches && !topics.Own(topic)
	})
}

// takeUp reads the partitions of a topic that are not read yet.
func (r *repacker) takeUp(ctx context.Context, topic kadm.TopicDetail) error {
	t := r.reads[topic.Topic]
	if t != nil && t.id != topic.ID {
		r.Log.Warn("a topic was deleted and created again; reading it from its beginning", "topic", topic.Topic)
		r.client.PurgeTopicsFromClient(topic.Topic)
		for _, events := range t.events { // of the topic that was deleted
			if err := r.hand(ctx, Batch{Lines: events.rest(nil), Origin: t.origin}); err != nil {
				return err
			}
		}
		delete(r.reads, topic.Topic)
		t = nil
	}
	if t != nil && !t.gone && len(t.next) == len(topic.Partitions) {
		return nil
	}
	held, err := r.admin.Readable(ctx, topic.Topic)
	if err != nil {
		return err
	}
	if t == nil {
		origin, err := r.Reading.Origin(fieldInput, r.Name, fieldTopic, topic.Topic)
		if err != nil {
			return err
		}
		t = &readTopic{id: topic.ID, origin: origin, next: make(map[int32]int64), events: make(map[int32]*lineJoiner)}
		r.reads[topic.Topic] = t
	}
	added := map[int32]kgo.Offset{}
	for partition, span := range held {
		_, known := t.next[partition]
		if !known {
			events := r.Reading.joiner(t.origin)
			t.next[partition] = r.start(topic, partition, span, &events)
			t.events[partition] = &events
		}
		if !known || t.gone {
			added[partition] = kgo.NewOffset().At(t.next[partition])
		}
	}
	t.gone = false
	r.Log.Info("reading a topic", "topic", topic.Topic, "partitions", len(t.next))
	if r.client != nil {
		r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic.Topic: added})
		return nil
	}
	r.client, err = kgo.NewClient(append(r.Cluster.ClientOptions("pulse-ingest"),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic.Topic: added}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(kafkaFetch),
		kgo.FetchMaxPartitionBytes(kafkaPartition),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.UnknownTopicRetries(-1))...)
	return err
}

// start is where a partition is read on that holds a span. Events go on that were open there.
func (r *repacker) start(topic kadm.TopicDetail, partition int32, held topics.Span, events *lineJoiner) int64 {
	p := partitionPosition{Topic: topic.Topic, Partition: partition}
	stored := r.Positions[p.key()]
	if stored == nil || json.Unmarshal(stored, &p) != nil {
		return held.From
	}
	log := r.Log.With("topic", topic.Topic, "partition", partition, "from", p.Offset)
	switch id := topicID(topic.ID); {
	case p.ID != "" && id != "" && p.ID != id:
		log.Warn("a topic was deleted and created again; reading it from its beginning", "to", held.From)
		return held.From
	case p.Offset < held.From:
		events.resume(p.Events)
		r.Counts.Skipped.Add(held.From - p.Offset)
		log.Error("Kafka's retention deleted records before they were read; their lines are lost", "to", held.From)
		return held.From
	case p.Offset > held.To && (p.ID == "" || id == ""):
		log.Warn("a topic ends before the position already read, as if it was created again; reading it from its beginning", "to", held.From)
		return held.From
	case p.Offset > held.To:
		events.resume(p.Events)
		log.Error("Kafka has lost the end of a partition, which had been read; continuing at its new end", "to", held.To)
		return held.To
	}
	events.resume(p.Events)
	return p.Offset
}

// topicID is empty if the brokers know none.
func topicID(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return id.String()
}

// read takes records until it is time to look for topics again, or ctx ends.
func (r *repacker) read(ctx context.Context) error {
	reading, cancel := context.WithTimeout(ctx, r.Every)
	defer cancel()
	if r.client == nil {
		<-reading.Done()
		return nil
	}
	for {
		polling, stop := reading, func() {}
		if r.joins() {
			polling, stop = context.WithTimeout(reading, eventTime)
		}
		fetches := r.client.PollFetches(polling)
		waited := polling.Err() != nil
		stop()
		if reading.Err() != nil && fetches.NumRecords() == 0 {
			return r.endEvents(ctx)
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if !waited && reading.Err() == nil {
				r.notices.Warn("cannot read a topic; retrying", "topic", topic, "partition", partition, "error", err)
			}
		})
		if err := r.takeAll(ctx, byTime(fetches)); err != nil {
			return err
		}
		if err := r.endEvents(ctx); err != nil {
			return err
		}
	}
}

// takeAll hands records over, those of one topic next to each other as one batch.
func (r *repacker) takeAll(ctx context.Context, records []*kgo.Record) error {
	b := Batch{Positions: Positions{}}
	var one []byte // line of a record
	flush := func() error {
		if len(b.Positions) == 0 {
			return nil
		}
		err := r.take(ctx, b)
		b.Lines, b.Positions = b.Lines[:0], Positions{}
		return err
	}
	for _, record := range records {
		t := r.reads[record.Topic]
		if t == nil || record.Offset < t.next[record.Partition] {
			continue // of a topic that is gone
		}
		if b.Origin != t.origin || len(b.Lines) >= chunkSize {
			if err := flush(); err != nil {
				return err
			}
			b.Origin = t.origin
		}
		if events := t.events[record.Partition]; events.active() {
			one = r.appendLine(one[:0], record.Value)
			if one = bytes.TrimSuffix(one, []byte{'\n'}); len(one) > 0 {
				b.Lines = events.add(b.Lines, one, string(record.Key[:min(len(record.Key), maxRecordKey)])+"\x00")
			}
		} else {
			b.Lines = r.appendLine(b.Lines, record.Value)
		}
		t.next[record.Partition] = record.Offset + 1
		p := r.position(record.Topic, record.Partition)
		b.Positions[p.key()] = position(p)
	}
	return flush()
}

// position is where a partition is read on now.
func (r *repacker) position(topic string, partition int32) partitionPosition {
	t := r.reads[topic]
	return partitionPosition{topic, topicID(t.id), partition, t.next[partition], t.events[partition].events()}
}

// hand hands over events, if there are any.
func (r *repacker) hand(ctx context.Context, b Batch) error {
	if len(b.Lines) == 0 {
		return nil
	}
	return r.take(ctx, b)
}

// joins reports whether events are open.
func (r *repacker) joins() bool {
	for _, t := range r.reads {
		for _, events := range t.events {
			if len(events.open) > 0 {
				return true
			}
		}
	}
	return false
}

// endEvents hands over the events that nothing came to for a while.
func (r *repacker) endEvents(ctx context.Context) error {
	for topic, t := range r.reads {
		for partition, events := range t.events {
			ended := events.expired()
			if len(ended) == 0 {
				continue
			}
			p := r.position(topic, partition)
			if err := r.take(ctx, Batch{Lines: ended, Origin: t.origin, Positions: Positions{p.key(): position(p)}}); err != nil {
				return err
			}
		}
	}
	return nil
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
// it becomes a space, or where lines are joined a line break.
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
	if k.Reading.Join != "" {
		line = bytes.ReplaceAll(line, []byte{'\n'}, []byte(lineBreak))
	}
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
