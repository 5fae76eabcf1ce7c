package topics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPartitionersAgree: a key goes to one partition, whichever client writes it.
func TestPartitionersAgree(t *testing.T) {
	for _, partitions := range []int32{1, 2, 7, 8, 64} {
		viaSarama := sarama.NewCustomHashPartitioner(Hasher)("topic")
		viaFranz := Partitioner().ForTopic("topic")
		for i := range 500 {
			key := fmt.Sprintf("stat-%d", i)
			want := Partition(key, partitions)
			if got, err := viaSarama.Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder(key)}, partitions); err != nil || got != want {
				t.Fatalf("sarama puts %q into %d of %d (%v), Partition says %d", key, got, partitions, err, want)
			}
			if got := viaFranz.Partition(&kgo.Record{Key: []byte(key)}, int(partitions)); int32(got) != want {
				t.Fatalf("franz-go puts %q into %d of %d, Partition says %d", key, got, partitions, want)
			}
		}
	}
}

func TestPartitionKeys(t *testing.T) {
	for _, partitions := range []int32{1, 8, MaxPartitions} {
		for p, key := range PartitionKeys(partitions) {
			if got := Partition(key, partitions); got != int32(p) {
				t.Errorf("%q is for partition %d of %d but goes to %d", key, p, partitions, got)
			}
		}
	}
}

func TestPrefix(t *testing.T) {
	n := Names{Prefix: "team-a.", Version: "3f9a2c"}
	for want, got := range map[string]string{
		"team-a.events.raw":             n.Raw(),
		"team-a.stats.fragments.3f9a2c": n.Fragments(),
		"team-a.stats.merged":           n.Merged(),
		"team-a.ingest.positions":       n.Positions(),
		"team-a.merger-table":           n.Table(),
		"team-a.receiver.3f9a2c":        n.ReceiverGroup(),
		"team-a.merger.3f9a2c":          n.MergerGroup(),
	} {
		if got != want {
			t.Errorf("got the name %q, want %q", got, want)
		}
	}
	for prefix, ok := range map[string]bool{"": true, "a.": true, "A-b_c.9": true, "a b": false, "ä.": false,
		strings.Repeat("x", maxPrefix): true, strings.Repeat("x", maxPrefix+1): false} {
		if err := CheckPrefix(prefix); (err == nil) != ok {
			t.Errorf("CheckPrefix(%q) = %v", prefix, err)
		}
	}
}

func TestParseCluster(t *testing.T) {
	for list, want := range map[string]string{
		"localhost:9092":                   "localhost:9092",
		"a:1, b:2,":                        "a:1 b:2",
		"kafka://a:9093,kafka://b":         "a:9093 b:9092",
		"localhost":                        "localhost:9092",
		"[::1]:9092":                       "[::1]:9092",
		"":                                 "error",
		",":                                "error",
		"a:b":                              "error",
		"a:0":                              "error",
		":9092":                            "error",
		"http://a:9092":                    "error",
		"a:99999":                          "error",
		"kafka+ssl://a,kafka+ssl://b:9096": "a:9092 b:9096",
		"kafka+ssl://a,b":                  "error",
		"kafka://user:password@a":          "error",
	} {
		got := "error"
		if c, err := ParseCluster(list); err == nil {
			got = strings.Join(c.Brokers, " ")
		}
		if got != want {
			t.Errorf("ParseCluster(%q) = %s, want %s", list, got, want)
		}
	}
}
