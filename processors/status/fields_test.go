package status

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// TestFieldsRead: the fields of the last hour are those of the minutes in Kafka that are of
// this definitions version and not older than an hour, each minute once.
func TestFieldsRead(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "abc123"}
	topicstest.Ensure(t, cluster, names, 3)
	client, err := kgo.NewClient(append(cluster.ClientOptions("pulse-test"), kgo.DefaultProduceTopic(names.Minutes()), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	read := func() *observation {
		t.Helper()
		seen := &observation{now: time.Unix(1_764_010_000, 0)}
		if err := (&observer{names: names, admin: admin}).fields(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
		return seen
	}
	if seen := read(); seen.hour != nil {
		t.Errorf("of no minutes there are fields: %v", seen.hour)
	}

	const newest = 1_764_009_900 // the beginning of a minute
	for _, m := range []struct {
		stat, version string
		at            int64
		seconds       int
		lines, sizes  int
	}{
		{stats.FieldsStat, "abc123", newest - 3600, 60, 1_000_000, 1_000_000}, // an hour before the newest
		{stats.FieldsStat, "abc123", newest - 3540, 60, 100, 10},
		{stats.FieldsStat, "other1", newest - 60, 60, 1_000_000, 1_000_000},
		{"another", "abc123", newest - 60, 60, 1_000_000, 1_000_000},
		{stats.FieldsStat, "abc123", newest, 20, 7, 7}, // what is of more seconds holds
		{stats.FieldsStat, "abc123", newest, 60, 50, 5},
	} {
		last := fmt.Sprintf(`{"top":[{"key":"line,any","value":%d},{"key":"size,number","value":%d}],"other":0,"distinct":2}`, m.lines, m.sizes)
		value, err := topics.AppendMinute(nil, topics.Minute{Stat: m.stat, Version: m.version, Time: m.at, Seconds: m.seconds, Last: json.RawMessage(last)})
		if err != nil {
			t.Fatal(err)
		}
		record := &kgo.Record{Partition: topics.Partition(stats.FieldsStat, 3), Timestamp: time.Unix(m.at+62, 0), Value: value}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	want := map[stats.TypedField]uint64{{Name: "line", Type: "any"}: 150, {Name: "size", Type: "number"}: 15}
	if seen := read(); !maps.Equal(seen.hour, want) {
		t.Errorf("the fields of the last hour are %v, want %v", seen.hour, want)
	}
}
