package hostile

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	marks "pulse/stats/mark"
	"pulse/stats/timing"
	"pulse/topics"
)

// In so many rounds of forged records there is one of what costs the forger most.
const seldom = 20

// forger writes forged records.
type forger struct {
	Target
	client     *kgo.Client
	partitions map[string]int32 // of each topic that there is under the prefix
	chance     *rand.Rand
	bomb       []byte // 32 MiB in gzip's format
}

// forge writes forged records until ctx ends.
func (t Target) forge(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(t.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(48<<20))
	if err != nil {
		return err
	}
	defer client.Close()
	f := &forger{t, client, map[string]int32{}, rand.New(rand.NewPCG(7, 7)), packed(make([]byte, 32<<20))}
	all, err := kadm.NewClient(client).ListTopics(ctx)
	for ctx.Err() == nil && err != nil {
		wait(ctx, every)
		all, err = kadm.NewClient(client).ListTopics(ctx)
	}
	for name, topic := range all {
		if strings.HasPrefix(name, t.Names.Prefix) {
			f.partitions[name] = int32(len(topic.Partitions))
		}
	}
	last := int64(0)
	for round := int64(0); ctx.Err() == nil; round++ {
		second := time.Now().Unix()
		records := append(f.records(round, second, second != last), f.alerts(round, second)...)
		records = append(records, f.strange(round)...)
		for _, r := range records {
			n, ok := f.partitions[r.Topic]
			if !ok {
				return fmt.Errorf("there is no topic %s", r.Topic)
			}
			for p := range n {
				copied := *r
				copied.Partition = p
				client.Produce(ctx, &copied, nil) // some are refused
			}
		}
		last = second
		if err := client.Flush(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		if round%(2*seldom) == 1 {
			if err := f.holdUp(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
		wait(ctx, every)
	}
	return nil
}

// junk is bytes of no kind.
func (f *forger) junk() []byte {
	b := make([]byte, 1+f.chance.IntN(200))
	for i := range b {
		b[i] = byte(f.chance.Uint32())
	}
	return b
}

func record(topic, key string, value []byte) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
}

// records are what each partition of their topics gets in a round. A tick goes with the
// first round of a second alone: ten of them in which nobody else ticks would count.
func (f *forger) records(round, second int64, first bool) []*kgo.Record {
	t, sources, junk := f.Target, f.partitions[f.Names.Raw()], f.junk()
	far := time.Unix(timing.LastSecond, 0)
	clock := func(h topics.RawHeader) *kgo.Record {
		return &kgo.Record{Topic: t.Names.Raw(), Headers: h.Headers()}
	}
	source := int32(round) % max(sources, 1)
	end := int64(1)<<40 + round
	snapshot := stats.Snapshot{Stat: t.Stat, Time: timing.LastSecond - 1, Value: []byte("1e9"), Version: t.Names.Version, Final: true}
	all := []*kgo.Record{
		// Of another stream, and for other partitions.
		clock(topics.RawHeader{Ingester: Refused, Clock: far.UnixMilli(), Domain: topics.RecordingPrefix + "hostile", Tick: &topics.RawTick{Partitions: sources}}),
		clock(topics.RawHeader{Ingester: Refused, Clock: second * 1000, Domain: t.Domain, Tick: &topics.RawTick{Partitions: sources + 1}}),

		record(t.Names.Fragments(), "x", junk),
		record(t.Names.Fragments(), "x", (&topics.Bundle{Partition: source, End: end}).Append(nil)),
		record(t.Names.Fragments(), "x", topics.AppendNamed((&topics.Bundle{Partition: source, End: end}).Append(nil), t.Stat, junk)),
		record(t.Names.Fragments(), "x", topics.AppendNamed((&topics.Bundle{Partition: topics.MaxPartitions - 1, End: end}).Append(nil), t.Stat, junk)),
		record(t.Names.Fragments(), t.Stat, (&topics.Fragment{Partition: source, End: end, Part: 3, Parts: 1000, Data: junk}).Append(nil)),
		record(t.Names.Fragments(), "x", (&topics.Cover{Partition: source, Partitions: sources, Start: end - 1, End: end, Before: second, After: timing.LastSecond}).Append(nil)),
		record(t.Names.Fragments(), "x", (&topics.Cover{Partition: 0, Partitions: sources + 3, Start: 0, End: end, Before: second, After: second}).Append(nil)),
		record(t.Names.Fragments(), "x", (&topics.Savepoint{Partition: source, Offset: end, State: junk}).Append(nil)),

		record(t.Names.Seconds(), "x", junk),
		record(t.Names.Minutes(), t.Stat, junk),
		record(t.Names.Minutes(), t.Stat, []byte(`{"stat":"`+t.Stat+`","time":"9999-12-31T23:59:00Z","value":1}`)),
		record(t.Names.Savepoints(), t.Names.Version, junk),
		record(t.Names.Savepoints(), t.Names.Version, (&topics.Savepoint{Partition: source, Offset: end, State: junk}).Append(nil)),
		record(t.Names.Marks(), "hostile", junk),
		topics.MarkRecord{Mark: marks.Mark{Time: timing.LastSecond - round, Name: "hostile", Text: strconv.FormatInt(round, 10)}}.Record(t.Names.Marks()),
		topics.MarkRecord{Mark: marks.Mark{Time: second - round, Name: fmt.Sprint("hostile", round)}, More: 1 << 60}.Record(t.Names.Marks()),
		record(t.Names.Positions(), "hostile", junk),
		record(t.Names.Positions(), strconv.Quote(t.Ingester)+" owner", junk),
		record(t.Names.Positions(), strconv.Quote(t.Ingester)+" topic", []byte("AAAAAAAAAAAAAAAAAAAAAA")),
		record(t.Names.Positions(), strconv.Quote(t.Ingester)+" "+strconv.FormatInt(round, 10), junk),

		record(t.Names.Table(), "hostile", junk),
		record(t.Names.Table(), t.Stat, topics.AppendTableSnapshots(nil, []stats.Snapshot{snapshot})),
		record(t.Names.Table(), topics.ClocksKey(0), topics.Clocks{Version: t.Names.Version, Closed: timing.LastSecond - 1, Seconds: []int64{timing.LastSecond - 1}}.Append(nil)),
		record(t.Names.Table(), topics.ClocksKey(int32(round%100)), junk),
		record(t.Names.Table(), topics.CatalogKey(fmt.Sprintf("%06x", round)), topics.Catalog{Version: fmt.Sprintf("%06x", round), First: second}.Append(nil)),
	}
	if first {
		ahead := second + 3600
		all = append(all, clock(topics.RawHeader{Ingester: "hostile-ahead", Clock: ahead * 1000, Domain: t.Domain, Tick: &topics.RawTick{Partitions: sources}}))
	}
	if t.Merged {
		all = append(all, record(t.Names.Merged(), t.Stat, junk), record(t.Names.Merged(), t.Stat, snapshot.AppendJSON(nil)))
	}
	return all
}

// alerts are forged records of the topics of alerts, where there are alerts.
func (f *forger) alerts(round, second int64) (all []*kgo.Record) {
	if f.partitions[f.Names.Alerts()] == 0 {
		return nil
	}
	n, junk, id := f.Names, f.junk(), strconv.FormatInt(round, 10)
	state := func(key []byte, value string) { all = append(all, record(n.AlertState(), string(key), []byte(value))) }
	transition := func(alert, key, state string, at time.Time) {
		value, _ := json.Marshal(map[string]any{"alert": alert, "key": key, "time": at.UTC(), "state": state, "was": "ok", "revision": 1 << 30, "final": true}) // texts and numbers
		all = append(all, record(n.Alerts(), alert+key, value))
	}
	transition(f.Alert, "hostile"+id, "firing", time.Unix(second, 0))
	transition(f.Alert, "hostile", "firing", time.Unix(timing.LastSecond, 0))
	transition("hostile"+id, id, "unknown", time.Unix(second, 0))
	all = append(all, record(n.Alerts(), f.Alert, junk), record(n.Silences(), "hostile", junk))
	silence := topics.Silence{ID: "hostile" + id, Alert: "nobody's", From: time.Unix(second, 0).UTC(), Until: time.Unix(second, 0).UTC().Add(topics.MaxSilence), Who: "hostile", Why: "\x1b[2J"}
	value, _ := json.Marshal(silence) // texts and times
	all = append(all, record(n.Silences(), silence.ID, value))

	memory := topics.AlertMemory{Version: n.Version, Alert: f.Alert, Stat: f.Stat, Offset: 1 << 60}
	for _, tracker := range []string{`{"settled":253402300798}`, `{"settled":253402300798,"machines":null}`, `{"open":[{"second":-5},{"second":-9}]}`, `"x"`} {
		memory.Tracker = json.RawMessage(tracker)
		value, _ := json.Marshal(topics.AlertState{Memory: &memory}) // the same
		state(memory.Key(), string(value))
	}
	memory.Tracker, memory.Packed = nil, f.bomb
	if value, _ := json.Marshal(topics.AlertState{Memory: &memory}); round%seldom == 0 && f.Bombs {
		state(memory.Key(), string(value))
	}
	receiver := topics.AlertReceiver{Route: "hostile" + id, Error: "\x1b[2J", Offset: 1 << 60}
	value, _ = json.Marshal(topics.AlertState{Receiver: &receiver}) // the same
	state(receiver.Key(), string(value))
	state([]byte(id), string(junk))
	return all
}

// strange are records of each topic that have what records seldom have: nothing, a deletion of
// what others wrote, a key as large as a value, ten thousand headers, a time before all
// others or after, a value that decompresses to a thousand times as much. The topics that
// who compares numbers reads get none.
func (f *forger) strange(round int64) (all []*kgo.Record) {
	n := f.Names
	for _, topic := range []string{n.Raw(), n.Fragments(), n.Seconds(), n.Minutes(), n.Savepoints(), n.Marks(), n.Positions(), n.Table(), n.LongMinutes(), n.Alerts(), n.AlertState(), n.Silences(), n.Merged()} {
		if f.partitions[topic] == 0 || topic == n.Merged() && !f.Target.Merged {
			continue
		}
		all = append(all,
			&kgo.Record{Topic: topic},
			&kgo.Record{Topic: topic, Key: []byte{}, Value: []byte{}},
			&kgo.Record{Topic: topic, Key: []byte(f.Stat)},
			&kgo.Record{Topic: topic, Key: []byte(n.Version), Value: f.junk(), Timestamp: time.UnixMilli(0)},
			&kgo.Record{Topic: topic, Value: f.junk(), Timestamp: time.UnixMilli(-1)},
			&kgo.Record{Topic: topic, Value: f.junk(), Timestamp: time.Unix(timing.LastSecond, 0)},
			&kgo.Record{Topic: topic, Value: f.junk(), Timestamp: time.Now().Add(59 * time.Minute)})
	}
	if round%seldom != 0 {
		return all
	}
	for topic := range f.partitions {
		if topic == n.Merged() && !f.Target.Merged {
			continue
		}
		many := make([]kgo.RecordHeader, 10_000)
		for i := range many {
			many[i].Key = "origins"
		}
		all = append(all, &kgo.Record{Topic: topic, Headers: many})
		if f.Bombs {
			all = append(all,
				&kgo.Record{Topic: topic, Key: bytes.Repeat([]byte("k"), 900<<10)},
				&kgo.Record{Topic: topic, Headers: []kgo.RecordHeader{{Key: "origins", Value: make([]byte, 900<<10)}}},
				&kgo.Record{Topic: topic, Value: make([]byte, 32<<20)})
		}
	}
	return all
}

// holdUp leaves a transaction open in each topic for some seconds: nobody reads what comes
// after it meanwhile. Every other one nobody ends but the broker.
func (f *forger) holdUp(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(f.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionalID(f.Names.Prefix+"hostile"), kgo.TransactionTimeout(openFor))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	for topic, n := range f.partitions {
		for p := range n {
			client.Produce(ctx, &kgo.Record{Topic: topic, Partition: p, Value: f.junk()}, nil)
		}
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	if f.chance.IntN(2) == 0 {
		return client.EndTransaction(ctx, kgo.TryAbort)
	}
	return nil
}

// openFor is how long a transaction is open that nobody ends.
const openFor = 3 * time.Second

// packed is in gzip's format.
func packed(b []byte) []byte {
	var to bytes.Buffer
	w := gzip.NewWriter(&to)
	w.Write(b) //nolint:errcheck // a buffer takes all
	w.Close()  //nolint:errcheck
	return to.Bytes()
}
