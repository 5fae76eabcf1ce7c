package status

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// TestOpenTransaction: a transaction that nobody ends, which holds up all readers, is named:
// whose it is, where it begins, and since when. So are ticks of an ingester for other
// partitions, and records in topics that only transactions write to; and neither makes
// anything of them.
func TestOpenTransaction(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	d, err := stats.Parse("stats.yaml", []byte("stats: [{name: a, rate: second}]\nalerts: [{name: b, when: a > 1}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	names := topics.Names{Prefix: prefix, Version: d.Version()}
	if err := topics.Ensure(t.Context(), cluster, names, topics.Options{Partitions: 2, Replication: 1, Alerts: true}); err != nil {
		t.Fatal(err)
	}
	tick := func(id string, second int64, partitions int32) *kgo.Record {
		h := topics.RawHeader{Ingester: id, Clock: second * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: partitions}}
		return &kgo.Record{Topic: names.Raw(), Partition: 1, Headers: h.Headers()}
	}
	now := time.Now()
	other := topicstest.Client(t, cluster, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	topicstest.Produce(t, other, tick("honest", now.Unix()-2, 2), tick("forger", now.Unix(), 5),
		&kgo.Record{Topic: names.Positions(), Key: []byte("k"), Value: []byte("v")}, &kgo.Record{Topic: names.Alerts(), Key: []byte("k"), Value: []byte("v")},
		&kgo.Record{Topic: names.Silences(), Key: []byte("k"), Value: []byte("v")}, &kgo.Record{Topic: names.Marks(), Key: []byte("k"), Value: []byte("v")}, &kgo.Record{Topic: names.Savepoints(), Key: []byte("k"), Value: []byte("v")})
	open := topicstest.Client(t, cluster, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID(prefix+"evil"), kgo.TransactionTimeout(10*time.Minute))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	topicstest.Produce(t, open, &kgo.Record{Topic: names.Raw(), Partition: 1, Value: []byte("x")}, &kgo.Record{Topic: names.AlertState(), Key: []byte("k"), Value: []byte("x")})
	admin := topicstest.Admin(t, cluster)
	testkit.Eventually(t, "the transaction is named", func() error {
		s, err := Look(t.Context(), admin, names, d, now.Add(time.Minute), DefaultLimits)
		if err != nil {
			return err
		}
		text := s.Text()
		if what := s.Problems[0].What; !strings.Contains(what, `"`+prefix+`evil"`) || !strings.Contains(what, names.AlertState()+" partition 0 from offset 0 on (and 1 more partitions)") || s.Problems[0].Since == nil {
			return errors.New(text)
		}
		for _, p := range s.Problems {
			if strings.Contains(p.What, "its ingesters write to") {
				return errors.New(text)
			}
		}
		for _, topic := range []string{names.Raw(), names.Positions(), names.Alerts(), names.Silences(), names.Marks(), names.Savepoints()} {
			found := false
			for _, g := range s.Garbage {
				found = found || g.Topic == topic
			}
			if !found {
				return errors.New("nothing is said of " + topic + ":\n" + text)
			}
		}
		if !strings.Contains(text, "a tick of the ingester forger for 5 partitions, of which there are 2") {
			return errors.New(text)
		}
		return nil
	})
	if err := open.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Error(err)
	}
}
