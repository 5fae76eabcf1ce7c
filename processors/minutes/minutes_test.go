package minutes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// A kafka is topics of its own, and a client.
type kafka struct {
	t       testing.TB
	cluster topics.Cluster
	names   topics.Names
	client  *kgo.Client
}

func newKafka(t testing.TB) *kafka {
	t.Helper()
	cluster, prefix := topicstest.Cluster(t)
	k := &kafka{t: t, cluster: cluster, names: topics.Names{Prefix: prefix, Version: two().Version()}}
	topicstest.Ensure(t, cluster, k.names, 3)
	k.client = topicstest.Client(t, cluster, kgo.ConsumeTopics(k.names.Minutes()))
	return k
}

func (k *kafka) produce(records ...*kgo.Record) {
	k.t.Helper()
	topicstest.Produce(k.t, k.client, records...)
}

// publish writes snapshots as mergers do; at gives the time of their records, if
// it is not zero.
func (k *kafka) publish(at time.Time, points ...stats.Snapshot) {
	k.t.Helper()
	var records []*kgo.Record
	for _, p := range points {
		records = append(records, &kgo.Record{Topic: k.names.Merged(), Key: []byte(p.Stat), Value: p.AppendJSON(nil), Timestamp: at})
	}
	k.produce(records...)
}

// run begins to roll up and returns what ends it.
func (k *kafka) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		New(Config{Cluster: k.cluster, Names: k.names, Definitions: two()}).Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	k.t.Cleanup(stop)
	return stop
}

// rolled adds the minutes that have come to found, by stat and time.
func (k *kafka) rolled(found map[string]topics.Minute) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 20*time.Millisecond)
	defer cancel()
	k.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		for line := range bytes.Lines(r.Value) {
			m, err := topics.DecodeMinute(line)
			if err != nil {
				k.t.Fatal(err)
			}
			if r.Partition != topics.Partition(m.Stat, 3) {
				k.t.Errorf("a minute of %s is in partition %d", m.Stat, r.Partition)
			}
			key := fmt.Sprint(m.Stat, " ", m.Time)
			if known, ok := found[key]; ok {
				known.Join(m)
				m = known
			}
			found[key] = m
		}
	})
}

// Two members roll up together, and one goes on when the other is gone.
func TestRollUpTogether(t *testing.T) {
	k := newKafka(t)
	start := time.Now().Unix()/60*60 - 1200
	r := rand.New(rand.NewPCG(5, 5))
	var all []stats.Snapshot
	publish := func(from, to int64) {
		t.Helper()
		for _, stat := range []string{"a", "b"} {
			points := finals(r, stat, from, to)
			k.publish(time.Time{}, points...)
			all = append(all, points...)
		}
	}
	found := map[string]topics.Minute{}
	until := func(what string, minutes int) {
		t.Helper()
		testkit.Eventually(t, what, func() error {
			k.rolled(found)
			if len(found) < minutes {
				return fmt.Errorf("%d minutes are rolled up, %d are over", len(found), minutes)
			}
			return nil
		})
	}
	stop := k.run()
	publish(start, start+400)
	k.run()
	until("the first minutes", 2*5)
	stop()
	publish(start+400, start+1000)
	until("the other member goes on", 2*15)

	want := minutesOf(all)
	for key, m := range found {
		if w := want[key]; !reflect.DeepEqual(m, w) {
			t.Errorf("minute %s is %+v, want %+v", key, m, w)
		}
	}
}

// A new group begins where its version's first fragment was written, not with the
// topic.
func TestNewGroupBeginsWithItsVersion(t *testing.T) {
	k := newKafka(t)
	now := time.Now()
	minute := func(start int64) (points []stats.Snapshot) {
		for s := start; s < start+60; s++ {
			points = append(points, stats.Snapshot{Stat: "a", Time: s, Value: json.RawMessage("1"), Final: true, Version: k.names.Version})
		}
		return points
	}
	// Nothing of this version can have been published so early: it stands for
	// what another version published.
	k.publish(now.Add(-10*24*time.Hour), minute(6000)...)
	k.produce(&kgo.Record{Topic: k.names.Fragments(), Value: []byte("the first")})
	k.publish(now, minute(12000)...)
	k.run()
	found := map[string]topics.Minute{}
	testkit.Eventually(t, "the minute is rolled up", func() error {
		if k.rolled(found); found["a 12000"].Seconds != 60 {
			return fmt.Errorf("found %v", found)
		}
		return nil
	})
	if len(found) != 1 {
		t.Errorf("rolled up %v, want the minute of 12000 alone", found)
	}
}
