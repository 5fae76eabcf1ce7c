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
	"sync"
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

func exactKafka(cluster topics.Cluster, prefix, topic string) *Transactional {
	log := slog.New(slog.DiscardHandler)
	counts := &KafkaCounts{}
	return &Transactional{
		Cluster: cluster, Names: topics.Names{Prefix: prefix, Version: "g"}, ID: "repacker", Log: log,
		Live: func(positions Positions) Live {
			return Live{Inputs: []Input{Kafka{
				Name: "kafka", Topics: []string{topic}, Field: "message", Cluster: cluster, Positions: positions, Counts: counts, Log: log,
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
	names := topics.Names{Prefix: prefix, Version: "g"}
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

// A source is a Kafka input of topics that a test fills, makes and deletes.
type source struct {
	t       *testing.T
	cluster topics.Cluster
	prefix  string
	client  *kgo.Client
	admin   *kadm.Client
	join    string // the rule by which lines are joined

	mu        sync.Mutex
	lines     []string // each after its topic, without the prefix
	positions Positions
}

func newSource(t *testing.T) *source {
	cluster, prefix := topicstest.Cluster(t)
	client, err := kgo.NewClient(append(cluster.ClientOptions("test"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &source{t: t, cluster: cluster, prefix: prefix, client: client, admin: kadm.NewClient(client), positions: Positions{}}
}

func (s *source) make(topic string, partitions int32) {
	s.t.Helper()
	testkit.Eventually(s.t, "the topic is made", func() error { // a real broker takes a while to delete one
		made, err := s.admin.CreateTopic(s.t.Context(), partitions, -1, nil, s.prefix+topic)
		if err == nil {
			err = made.Err
		}
		return err
	})
}

func (s *source) delete(topic string) {
	s.t.Helper()
	if _, err := s.admin.DeleteTopic(s.t.Context(), s.prefix+topic); err != nil {
		s.t.Fatal(err)
	}
	s.client.PurgeTopicsFromClient(s.prefix + topic)
}

func (s *source) put(topic string, partition int32, lines ...string) {
	s.t.Helper()
	for _, l := range lines {
		testkit.Eventually(s.t, "the broker takes a record", func() error { // of a partition made a moment ago
			r := &kgo.Record{Topic: s.prefix + topic, Partition: partition, Value: []byte(l)}
			err := s.client.ProduceSync(s.t.Context(), r).FirstErr()
			if err != nil {
				s.client.ForceMetadataRefresh()
			}
			return err
		})
	}
}

func (s *source) take(_ context.Context, b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.positions, b.Positions)
	topic := ""
	for key, value := range b.Origin.Fields() {
		if key == fieldTopic {
			topic = strings.TrimPrefix(value, s.prefix)
		}
	}
	for l := range strings.Lines(string(b.Lines)) {
		s.lines = append(s.lines, topic+" "+strings.TrimSuffix(strings.ReplaceAll(l, lineBreak, "|"), "\n"))
	}
	return nil
}

// run runs the input, at the positions that it had come to, until stop is called.
func (s *source) run(topics ...string) (stop func()) {
	for i := range topics {
		topics[i] = s.prefix + topics[i]
	}
	s.mu.Lock()
	k := Kafka{Name: "kafka", Topics: topics, Cluster: s.cluster, Positions: maps.Clone(s.positions), Counts: &KafkaCounts{}, Reading: Reading{Join: s.join},
		Every: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx, s.take) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the input ended with %v", err)
		}
	})
}

// Lines are joined by their record's key, and go on after a restart.
func TestKafkaJoined(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	s.join = "indent"
	s.make("a", 1)
	put := func(key string, lines ...string) {
		t.Helper()
		for _, l := range lines {
			r := &kgo.Record{Topic: s.prefix + "a", Key: []byte(key), Value: []byte(l)}
			if err := s.client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("x", "1", " 2")
	put("y", "3\nz")
	put("x", "4", "5")
	stop := s.run("a")
	s.holds("a 1| 2", "a 4")
	stop()
	put("y", " 6")
	put("x", " 7")
	defer s.run("a")()
	s.holds("a 1| 2", "a 4", "a 3|z| 6", "a 5| 7")
}

// holds waits until these lines have been taken, and no others.
func (s *source) holds(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	testkit.Eventually(s.t, "the lines are taken", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if got := slices.Sorted(slices.Values(s.lines)); !slices.Equal(got, want) {
			return fmt.Errorf("they are %q, want %q", got, want)
		}
		return nil
	})
}

func TestKafkaTopics(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(s *source){
		"partitions are added": func(s *source) {
			s.make("a", 1)
			s.put("a", 0, "1", "2")
			stop := s.run("a")
			s.holds("a 1", "a 2")
			if _, err := s.admin.UpdatePartitions(s.t.Context(), 3, s.prefix+"a"); err != nil {
				s.t.Fatal(err)
			}
			s.put("a", 1, "3")
			s.put("a", 2, "4")
			s.put("a", 0, "5")
			s.holds("a 1", "a 2", "a 3", "a 4", "a 5")
			stop()
			s.put("a", 2, "6")
			defer s.run("a")()
			s.holds("a 1", "a 2", "a 3", "a 4", "a 5", "a 6")
		},
		"made again while it is away, with more": func(s *source) {
			s.make("a", 1)
			s.put("a", 0, "1", "2")
			stop := s.run("a")
			s.holds("a 1", "a 2")
			stop()
			s.delete("a")
			s.make("a", 1)
			s.put("a", 0, "3", "4", "5")
			defer s.run("a")()
			s.holds("a 1", "a 2", "a 3", "a 4", "a 5")
		},
		"made again while it is away, with fewer": func(s *source) {
			s.make("a", 2)
			s.put("a", 0, "1", "2", "3")
			s.put("a", 1, "4")
			stop := s.run("a")
			s.holds("a 1", "a 2", "a 3", "a 4")
			stop()
			s.delete("a")
			s.make("a", 1)
			s.put("a", 0, "5")
			defer s.run("a")()
			s.holds("a 1", "a 2", "a 3", "a 4", "a 5")
		},
		"made again while it runs, twice": func(s *source) {
			s.make("a", 1)
			s.put("a", 0, "1", "2")
			defer s.run("a")()
			s.holds("a 1", "a 2")
			s.delete("a")
			s.make("a", 2)
			s.put("a", 0, "3")
			s.put("a", 1, "4")
			s.holds("a 1", "a 2", "a 3", "a 4")
			s.delete("a")
			s.make("a", 1)
			s.put("a", 0, "5", "6", "7")
			s.holds("a 1", "a 2", "a 3", "a 4", "a 5", "a 6", "a 7")
		},
		"several, by name and by pattern": func(s *source) {
			s.make("a", 1)
			s.make("web-1", 1)
			s.make("other", 1)
			s.make("web-stats.merged", 1) // one of Pulse's
			s.put("a", 0, "1")
			s.put("web-1", 0, "2")
			s.put("other", 0, "no")
			s.put("web-stats.merged", 0, "no")
			stop := s.run("a", "web-*")
			s.holds("a 1", "web-1 2")
			s.make("web-2", 1)
			s.put("web-2", 0, "3")
			s.put("a", 0, "4")
			s.holds("a 1", "web-1 2", "web-2 3", "a 4")
			stop()
			s.put("web-1", 0, "5")
			defer s.run("a", "web-?")()
			s.holds("a 1", "web-1 2", "web-2 3", "a 4", "web-1 5")
		},
		"a pattern that nothing matches yet": func(s *source) {
			defer s.run("b*")()
			s.make("b1", 1)
			s.put("b1", 0, "1")
			s.holds("b1 1")
		},
		"a position from before topics had ids": func(s *source) {
			s.make("a", 1)
			s.put("a", 0, "1", "2", "3")
			s.positions["kafka "+s.prefix+"a/0"] = []byte(`{"topic":"a","partition":0,"offset":2}`)
			defer s.run("a")()
			s.holds("a 3")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t)
			s.t = t
			test(s)
		})
	}
}

// TestKafkaStart: where a partition is read on that holds the offsets from 10 to 20.
func TestKafkaStart(t *testing.T) {
	id, other := kadm.TopicID{1}, kadm.TopicID{2}
	for _, test := range []struct {
		name    string
		stored  string
		id      kadm.TopicID
		want    int64
		skipped int64
	}{
		{name: "nothing was read", id: id, want: 10},
		{name: "read on", stored: `{"offset":15,"topic_id":"` + id.String() + `"}`, id: id, want: 15},
		{name: "all is read", stored: `{"offset":20,"topic_id":"` + id.String() + `"}`, id: id, want: 20},
		{name: "retention was faster", stored: `{"offset":4,"topic_id":"` + id.String() + `"}`, id: id, want: 10, skipped: 6},
		{name: "made again", stored: `{"offset":15,"topic_id":"` + other.String() + `"}`, id: id, want: 10},
		{name: "made again, and retention was there", stored: `{"offset":4,"topic_id":"` + other.String() + `"}`, id: id, want: 10},
		{name: "its end was lost", stored: `{"offset":25,"topic_id":"` + id.String() + `"}`, id: id, want: 20},
		{name: "an old position", stored: `{"offset":15}`, id: id, want: 15},
		{name: "an old position, and made again", stored: `{"offset":25}`, id: id, want: 10},
		{name: "brokers without ids", stored: `{"offset":15,"topic_id":"` + id.String() + `"}`, want: 15},
		{name: "brokers without ids, and made again", stored: `{"offset":25}`, want: 10},
		{name: "what is no position", stored: `x`, id: id, want: 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &repacker{Kafka: Kafka{Counts: &KafkaCounts{}, Log: slog.New(slog.DiscardHandler)}}
			if test.stored != "" {
				r.Positions = Positions{"kafka a/3": []byte(test.stored)}
			}
			got := r.start(kadm.TopicDetail{Topic: "a", ID: test.id}, 3, topics.Span{From: 10, To: 20}, new(lineJoiner))
			if got != test.want || r.Counts.Skipped.Load() != test.skipped {
				t.Errorf("it goes on at %d, and %d are skipped; want %d and %d", got, r.Counts.Skipped.Load(), test.want, test.skipped)
			}
		})
	}
}

func TestKafkaWithoutATopic(t *testing.T) {
	s := newSource(t)
	k := Kafka{Topics: []string{s.prefix + "none"}, Cluster: s.cluster, Counts: &KafkaCounts{}, Log: slog.New(slog.DiscardHandler)}
	if err := k.Run(t.Context(), s.take); err == nil || !strings.Contains(err.Error(), s.prefix+"none") {
		t.Errorf("the input ended with %v, want which topic is missing", err)
	}
}
