package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// TestTooLargeBatch: where a batch is too large to be read, the status names it and the command
// that goes past it, and says all else that it knows.
func TestTooLargeBatch(t *testing.T) {
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1)) // the embedded broker refuses such batches
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	cluster := topics.Cluster{Brokers: kafka.ListenAddrs()}
	names := topics.Names{Version: stats.Builtin().Version()}
	topicstest.Ensure(t, cluster, names, 1)
	client, err := kgo.NewClient(append(cluster.ClientOptions("pulse-test"), kgo.DefaultProduceTopic(names.Raw()), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	found, err := admin.Metadata(t.Context(), names.Raw())
	if err != nil {
		t.Fatal(err)
	}
	testkit.Bomb(t, client, found.Topics[names.Raw()].ID, names.Raw(), topics.MaxUnpackedMiB<<20)
	const second = 1_700_000_000
	h := topics.RawHeader{Ingester: "a", Clock: second * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: 1}}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Headers: h.Headers()}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s, err := Look(t.Context(), admin, names, new(stats.Definitions), time.Unix(second, 4e8), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("`pulse topics --pass %s/0@0`", names.Raw()); !strings.Contains(s.Headline, want) || s.Sources[0].Written == nil {
		t.Errorf("the status lacks %s, or when was written:\n%s", want, s.Text())
	}
	if _, err := admin.Pass(t.Context(), names.Raw(), 0, 0); err != nil {
		t.Fatal(err)
	}
	if s, err = Look(t.Context(), admin, names, new(stats.Definitions), time.Unix(second, 4e8), DefaultLimits); err != nil || strings.Contains(s.Text(), "--pass") {
		t.Errorf("after it was passed: %v\n%s", err, s.Text())
	}
}
