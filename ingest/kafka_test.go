package ingest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

func TestKafkaLine(t *testing.T) {
	for _, test := range []struct {
		name, field, value string
		want               string
		foreign            int64
	}{
		{"plain", "", "a=1", "a=1\n", 0},
		{"plain with an end", "", "a=1\r\n", "a=1\n", 0},
		{"plain with line feeds", "", "a=1\nb=2\n", "a=1 b=2\n", 0},
		{"plain JSON is itself a line", "", `{"message":"a=1"}`, `{"message":"a=1"}` + "\n", 0},
		{"empty", "", "\n", "", 0},
		{"a tombstone", "message", "", "", 1},
		// As Vector, Filebeat and Fluent Bit write with their Kafka outputs.
		{"Vector", "message", `{"file":"/a.log","host":"h","message":"a=1 b=\"c\"","source_type":"file","timestamp":"2026-11-22T10:00:00Z"}`, "a=1 b=\"c\"\n", 0},
		{"Filebeat", "message", `{"@timestamp":"2026-11-22T10:00:00.000Z","@metadata":{"beat":"filebeat"},"message":"a=1","log":{"offset":0,"file":{"path":"/a.log"}}}`, "a=1\n", 0},
		{"Fluent Bit", "log", `{"@timestamp":1795600000.123,"log":"a=1\n","stream":"stdout"}`, "a=1\n", 0},
		{"a field that is no text", "log", `{"log":{"offset":0}}`, `{"log":{"offset":0}}` + "\n", 1},
		{"a field that is missing", "log", `{"message":"a=1"}`, `{"message":"a=1"}` + "\n", 1},
		{"no JSON", "message", "a=1", "a=1\n", 1},
		{"line feeds inside", "message", `{"message":"a\nb"}`, "a b\n", 0},
		{"too long", "", strings.Repeat("x", 2*maxLine), strings.Repeat("x", maxLine) + "\n", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := Kafka{Field: test.field, Counts: &KafkaCounts{}}
			if got := string(k.appendLine(nil, []byte(test.value))); got != test.want {
				t.Errorf("got %.100q, want %.100q", got, test.want)
			}
			if got := k.Counts.Foreign.Load(); got != test.foreign {
				t.Errorf("%d foreign records, want %d", got, test.foreign)
			}
		})
	}
}

func FuzzKafkaLine(f *testing.F) {
	f.Add("message", []byte(`{"message":"a"}`))
	f.Add("", []byte("a\nb\r\n"))
	f.Fuzz(func(t *testing.T, field string, value []byte) {
		k := Kafka{Field: field, Counts: &KafkaCounts{}}
		line := k.appendLine(nil, value)
		if len(line) > 0 && (bytes.Count(line, []byte("\n")) != 1 || !bytes.HasSuffix(line, []byte("\n")) || len(line) > maxLine+1) {
			t.Errorf("%q became %q", value, line)
		}
	})
}

// TestByTime: what several partitions hold comes in the order of its times.
func TestByTime(t *testing.T) {
	record := func(partition int32, offset, ms int64) *kgo.Record {
		return &kgo.Record{Partition: partition, Offset: offset, Timestamp: time.UnixMilli(ms)}
	}
	topic := kgo.FetchTopic{Topic: "t", Partitions: []kgo.FetchPartition{
		{Partition: 0, Records: []*kgo.Record{record(0, 1, 10), record(0, 2, 5), record(0, 3, 30)}},
		{Partition: 1, Records: []*kgo.Record{record(1, 1, 7), record(1, 2, 20)}},
	}}
	var got []string
	for _, r := range byTime(kgo.Fetches{{Topics: []kgo.FetchTopic{topic}}}) {
		got = append(got, fmt.Sprintf("%d/%d", r.Partition, r.Offset))
	}
	if want := "1/1 0/1 0/2 1/2 0/3"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

func exactKafka(cluster topics.Cluster, prefix, topic string) *Exact {
	log := slog.New(slog.DiscardHandler)
	counts := &KafkaCounts{}
	return &Exact{
		Cluster: cluster, Names: topics.Names{Prefix: prefix, Generation: "g"}, ID: "repacker", Log: log,
		Live: func(positions Positions) Live {
			return Live{Inputs: []Input{Kafka{
				Name: "kafka", Topic: topic, Field: "message", Cluster: cluster, Positions: positions, Counts: counts, Log: log,
			}}, Backlog: true, Lateness: 2}
		},
	}
}

// TestKafkaKilled kills an ingester that repacks a topic, into which others write in
// transactions too, some of which they abort: each line that was committed comes once.
func TestKafkaKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Generation: "g"}
	topicstest.Ensure(t, cluster, names, 3)
	topic := prefix + "lines"
	client, err := kgo.NewClient(append(cluster.ClientOptions("test"), kgo.TransactionalID(prefix+"test"),
		kgo.DefaultProduceTopic(topic), kgo.MetadataMinAge(50*time.Millisecond), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 4, -1, nil, topic); err != nil {
		t.Fatal(err)
	}
	stop, written := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for round := 0; ; round++ {
			select {
			case <-stop:
				written <- n
				return
			case <-time.After(5 * time.Millisecond):
			}
			aborted := round%5 == 4
			if err := client.BeginTransaction(); err != nil {
				t.Error(err)
			}
			for i := range 50 {
				line := fmt.Sprintf(`{"message":"%s n=%d\n"}`, time.Now().UTC().Format(time.RFC3339Nano), n+i)
				client.Produce(context.Background(), kgo.StringRecord(line), nil)
			}
			if err := client.Flush(context.Background()); err != nil {
				t.Error(err)
			}
			if err := client.EndTransaction(context.Background(), kgo.TransactionEndTry(!aborted)); err != nil {
				t.Error(err)
			}
			if !aborted {
				n += 50
			}
		}
	}()

	const kills = 6
	random := rand.New(rand.NewPCG(8, 8))
	for range kills {
		killAfter(t, cluster, names, random.Int64N(60), startChild(t, cluster, prefix, childTopic+"="+topic))
	}
	close(stop)
	want := <-written
	startChild(t, cluster, prefix, childTopic+"="+topic)
	checkOnce(t, cluster, names, want)

	origins := map[string]bool{}
	topicstest.Read(t, cluster, names.Raw(), func(r *kgo.Record) {
		h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range h.Runs() {
			origins[string(run.From)] = true
		}
	})
	if !slices.Equal(slices.Sorted(maps.Keys(origins)), []string{"input=kafka&topic=" + topic}) {
		t.Errorf("the lines' origins are %v", origins)
	}
}
