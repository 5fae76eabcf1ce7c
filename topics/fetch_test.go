package topics_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// First finds where a second begins in a log whose clocks go on unevenly, stand still,
// and have ends of transactions among them.
func TestFirst(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "1"}
	topicstest.Ensure(t, cluster, names, 1)
	client, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.TransactionalID(prefix), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := rand.New(rand.NewPCG(17, 1))
	clock := int64(1000)
	for range testkit.Size(10, 20) {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		var records []*kgo.Record
		for range 1 + r.IntN(8) {
			clock += []int64{0, 0, 1, 1, 2, 500}[r.IntN(6)]
			h := topics.RawHeader{Ingester: "i", Clock: clock * 1000, Domain: topics.WallDomain}
			one := &kgo.Record{Topic: names.Raw(), Headers: h.Headers(), Value: []byte("x")}
			if r.IntN(10) == 0 {
				one.Headers = nil // not a raw record
			}
			records = append(records, one)
		}
		topicstest.Produce(t, client, records...)
		if err := client.EndTransaction(t.Context(), kgo.TransactionEndTry(r.IntN(5) > 0)); err != nil {
			t.Fatal(err)
		}
	}
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	all, err := admin.Readable(t.Context(), names.Raw())
	if err != nil {
		t.Fatal(err)
	}
	type record struct{ offset, second int64 }
	var there []record
	if err := admin.Read(t.Context(), names.Raw(), all, func(r *kgo.Record) bool {
		if h, err := topics.ParseRawHeader(topics.Lookup(r.Headers)); err == nil {
			there = append(there, record{r.Offset, h.Second()})
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	f, err := admin.Fetcher(t.Context(), names.Raw())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range there {
		for _, second := range []int64{one.second, one.second + 1} {
			from, begins, err := f.First(t.Context(), 0, all[0], second)
			if err != nil {
				t.Fatal(err)
			}
			got, want := "none", "none"
			for i := len(there) - 1; i >= 0; i-- {
				if there[i].second >= second {
					want = fmt.Sprint(there[i])
				}
				if there[i].offset >= from.From {
					got = fmt.Sprint(there[i])
				}
			}
			if got != want || begins != (second <= there[0].second) || from.To != all[0].To {
				t.Errorf("second %d begins at %v, %s and %v; want %s", second, from, got, begins, want)
			}
		}
	}
}
