package topics_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/alert"
	"pulse/stats/mark"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// made are topics as `pulse topics --create` makes them.
func made(t *testing.T, partitions int32) (topics.Cluster, topics.Names) {
	t.Helper()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "v"}
	if err := topics.Ensure(t.Context(), cluster, names, topics.Options{Partitions: partitions, Replication: 1, Alerts: true}); err != nil {
		t.Fatal(err)
	}
	return cluster, names
}

// TestTimesAreTheBrokers: a record of the year 2100 has the time at which the broker got it. By
// its own it would outlive retention, and hide what was written after it.
func TestTimesAreTheBrokers(t *testing.T) {
	t.Parallel()
	cluster, names := made(t, 1)
	client := topicstest.Client(t, cluster)
	for _, topic := range []string{names.Raw(), names.Merged(), names.AlertState()} {
		topicstest.Produce(t, client, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v"), Timestamp: time.Date(2100, 1, 2, 0, 0, 0, 0, time.UTC)})
		topicstest.Read(t, cluster, topic, func(r *kgo.Record) {
			if age := time.Since(r.Timestamp).Abs(); age > time.Hour {
				t.Errorf("%s has a record of %v", topic, r.Timestamp)
			}
		})
	}
}

// TestToldByOthers: ticks for another number of partitions, however many, keep no role from
// starting where ingesters have ticked for those that there are.
func TestToldByOthers(t *testing.T) {
	t.Parallel()
	cluster, names := made(t, 3)
	client := topicstest.Client(t, cluster, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	tick := func(id string, partitions int32) (all []*kgo.Record) {
		for p := range int32(3) {
			h := topics.RawHeader{Ingester: id, Clock: time.Now().Unix() * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: partitions}}
			all = append(all, &kgo.Record{Topic: names.Raw(), Partition: p, Headers: h.Headers()})
		}
		return all
	}
	check := func() error {
		return topics.Check(t.Context(), cluster, names, topics.Options{Alerts: true})
	}
	forge := func() {
		for range 100 {
			topicstest.Produce(t, client, tick("evil", 5)...)
		}
	}
	topicstest.Produce(t, client, tick("honest", 3)...)
	forge()
	if err := check(); err != nil {
		t.Error(err)
	}
	// Nor where nobody else has ticked.
	cluster, names = made(t, 3)
	forge()
	if err := check(); err != nil {
		t.Error(err)
	}
}

// TestForeignAlerts: what is not written in a transaction, or under another's key, is no
// memory and no transition.
func TestForeignAlerts(t *testing.T) {
	t.Parallel()
	cluster, names := made(t, 1)
	memory := func(key []byte, name string) *kgo.Record {
		m := topics.AlertMemory{Version: "v", Alert: name, Stat: "s", Tracker: json.RawMessage(`{}`)}
		if key == nil {
			key = m.Key()
		}
		value, err := json.Marshal(topics.AlertState{Memory: &m})
		if err != nil {
			t.Fatal(err)
		}
		return &kgo.Record{Topic: names.AlertState(), Key: key, Value: value}
	}
	own := topicstest.Client(t, cluster, kgo.TransactionalID(names.Prefix+"alert"))
	if err := own.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	topicstest.Produce(t, own, memory(nil, "ours"))
	if err := own.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	other := topicstest.Client(t, cluster)
	topicstest.Produce(t, other, memory(nil, "theirs"), memory([]byte("k"), "ours"))
	deleted := memory(nil, "ours")
	deleted.Value = nil
	receiver := topics.AlertReceiver{Route: "r", Error: strings.Repeat("x", 5000)}
	value, err := json.Marshal(topics.AlertState{Receiver: &receiver})
	if err != nil {
		t.Fatal(err)
	}
	topicstest.Produce(t, other, deleted, &kgo.Record{Topic: names.AlertState(), Key: receiver.Key(), Value: value})
	admin := topicstest.Admin(t, cluster)
	states, err := admin.AlertStates(t.Context(), names, admin.Readable)
	if err != nil {
		t.Fatal(err)
	}
	if all := states.Memories(); len(all) != 1 || all[0].Alert != "ours" || len(states.Receivers()) != 0 {
		t.Errorf("the memories are %+v, the receivers %+v", all, states.Receivers())
	}
}

// TestManyReceivers: of receivers there are as many as definitions can have.
func TestManyReceivers(t *testing.T) {
	var states topics.AlertStates
	for i := range 10_000 {
		r := topics.AlertReceiver{Route: fmt.Sprint(i)}
		value, err := json.Marshal(topics.AlertState{Receiver: &r})
		if err != nil {
			t.Fatal(err)
		}
		states.Put(&kgo.Record{Key: r.Key(), Value: value})
	}
	if n := len(states.Receivers()); n != alert.MaxRoutes*topics.MaxPartitions {
		t.Errorf("%d receivers are kept", n)
	}
}

// TestMarkAhead: a mark of the year 9999 would outlive all others.
func TestMarkAhead(t *testing.T) {
	at := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	for ahead, good := range map[time.Duration]bool{24 * time.Hour: true, -1000 * time.Hour: true, 100 * time.Hour: false} {
		r := topics.MarkRecord{Mark: mark.Mark{Time: at.Add(ahead).Unix(), Name: "deploy"}}.Record("marks")
		r.Timestamp = at
		if _, err := topics.MarkOf(r); (err == nil) != good {
			t.Errorf("%v ahead: %v", ahead, err)
		}
	}
}
