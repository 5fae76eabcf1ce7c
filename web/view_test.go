package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// kafka is a Kafka with topics and something to write to them as a merger does.
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
	k.client = topicstest.Client(t, cluster)
	return k
}

func (k *kafka) produce(records ...*kgo.Record) {
	k.t.Helper()
	topicstest.Produce(k.t, k.client, records...)
}

// deleteBefore deletes the records of each partition before an offset, as
// retention does.
func (k *kafka) deleteBefore(topic string, offset int64) error {
	offsets := kadm.Offsets{}
	for p := range int32(3) {
		offsets.AddOffset(topic, p, offset, -1)
	}
	answer, err := kadm.NewClient(k.client).DeleteRecords(k.t.Context(), offsets)
	if err != nil {
		return err
	}
	return answer.Error()
}

// publish writes a snapshot to the topic of merged ones.
func (k *kafka) publish(points ...stats.Snapshot) {
	k.t.Helper()
	var records []*kgo.Record
	for _, p := range points {
		records = append(records, &kgo.Record{Topic: k.names.Merged(), Key: []byte(p.Stat), Value: p.AppendJSON(nil), Timestamp: time.Unix(p.Time+1, 0)})
	}
	k.produce(records...)
}

// table writes a stat's newest snapshots to the merger's table.
func (k *kafka) table(points ...stats.Snapshot) {
	k.t.Helper()
	k.produce(&kgo.Record{Topic: k.names.Table(), Key: []byte(points[0].Stat), Value: topics.AppendTableSnapshots(nil, points)})
}

// idle makes a server that reads Kafka when it is asked, and does not follow it.
func (k *kafka) idle(change func(*Config)) *Server {
	k.t.Helper()
	return idle(k.t, func(c *Config) {
		c.Cluster, c.Names = k.cluster, k.names
		if change != nil {
			change(c)
		}
	})
}

// serve runs a server until the test ends.
func (k *kafka) serve() *Server {
	k.t.Helper()
	s, err := New(Config{Cluster: k.cluster, Names: k.names, Definitions: two(), Addr: "127.0.0.1:0"})
	if err != nil {
		k.t.Fatal(err)
	}
	start(k.t, s)
	return s
}

func revised(p stats.Snapshot, revision int, final bool) stats.Snapshot {
	p.Revision, p.Final = revision, final
	return p
}

func TestViewJoinsTableAndHistory(t *testing.T) {
	k := newKafka(t)
	now := time.Now().Unix()
	old := point("a", now-100, "9")
	old.Version = "000000"
	for s := now - 20; s < now-2; s++ {
		k.publish(revised(point("a", s, fmt.Sprint(s)), 0, true))
	}
	// The table was last written by a merger that went back: a lower revision.
	k.publish(revised(point("a", now-2, "5"), 2, true), old)
	k.table(revised(point("a", now-2, "3"), 1, false), point("a", now-1, "6"))
	k.produce(&kgo.Record{Topic: k.names.Table(), Key: []byte("b"), Value: []byte("not JSON")},
		&kgo.Record{Topic: k.names.Table(), Key: []byte(topics.ClocksKey(0)), Value: topics.Clocks{Version: two().Version(), Closed: now - 1, Seconds: []int64{now, now + 1}}.Append(nil)})

	s := k.serve()
	eventually(t, "the server is ready", s.Ready)
	points, _ := s.store.Range("a", 0, now)
	if len(points) != 20 {
		t.Fatalf("the store has %d points, want the 19 of the history and the table's newest", len(points))
	}
	if p := points[18]; string(p.Value) != "5" || p.Revision != 2 {
		t.Errorf("of two revisions the store has %s (%d), want the higher, 5 (2)", p.Value, p.Revision)
	}
	if p := points[19]; string(p.Value) != "6" {
		t.Errorf("the newest point is %s, want that of the table, 6", p.Value)
	}
	if got := string(s.store.AppendClocks(nil)); got != fmt.Sprintf(`"clocks":[%d,%d]`, now, now+1) {
		t.Errorf("the clocks are %s", got)
	}
	if s.store.Refused() != 1 {
		t.Errorf("%d records were refused, want the one that is no JSON", s.store.Refused())
	}

	// From now on the table alone is followed.
	conn := dial(t, s)
	welcome(t, conn)
	k.table(point("b", now, "1.5"))
	untilPoint(t, conn, 1, now, "1.5")
}

func TestHistoryOfOneStat(t *testing.T) {
	k := newKafka(t)
	now := time.Now().Unix()
	var points []stats.Snapshot
	// Older than the store has, and not so old that they cannot have been published just now:
	// a broker sets the time of a record itself.
	for s := now - 700; s < now-600; s++ {
		points = append(points, point("a", s, "1"), point("b", s, "2"), revised(point("a", s, fmt.Sprint(s)), 1, false), revised(point("a", s, "1"), 0, true))
	}
	k.publish(points...)
	s := k.idle(nil)
	_, body := get(t, s, fmt.Sprintf("/api/stats/a?from=%d&to=%d", now-690, now-681), nil)
	var history struct{ Points []stats.Snapshot }
	if err := json.Unmarshal([]byte(body), &history); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if len(history.Points) != 10 {
		t.Fatalf("%d points, want 10: %s", len(history.Points), body)
	}
	for i, p := range history.Points {
		if second := now - 690 + int64(i); p.Time != second || string(p.Value) != fmt.Sprint(second) {
			t.Errorf("point %d is %s of %d, want the highest revision of %d", i, p.Value, p.Time, second)
		}
	}
}

// The history is read again for what the table forgot.
func TestMergedFillsHoles(t *testing.T) {
	k := newKafka(t)
	now := time.Now().Unix()
	store := NewStore(two())
	put(store, point("a", now-10, "1"), point("a", now-5, "2"))
	m := &merged{topicReader{k.cluster, k.names.Merged()}, k.names.History(), store}
	for s := now - 10; s < now; s++ {
		k.publish(revised(point("a", s, fmt.Sprint(s)), 1, true))
	}
	if !store.Incomplete(now) {
		t.Error("a store with holes says it is complete")
	}
	if n, err := m.fill(t.Context()); err != nil || n != 10 {
		t.Fatalf("fill read %d records, %v; want 10", n, err)
	}
	if store.Incomplete(now) {
		t.Error("the store has holes after the history was read")
	}
}

// Points that were worked out later are among those that were published, and nothing else
// that is in their topic.
func TestMergedReadsFilledPast(t *testing.T) {
	k := newKafka(t)
	store := NewStore(two())
	version := two().Version()
	store.Catalog(topics.Catalog{Version: version, First: 1260, Stats: two().StatHashes()})
	m := &merged{topicReader{k.cluster, k.names.Merged()}, k.names.History(), store}
	admin, err := k.cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	all, err := admin.Readable(t.Context(), k.names.History())
	if err != nil {
		t.Fatal(err)
	}
	partition := topics.Partition("a", int32(len(all)))
	record := func(stat, version string, from, to int64) *kgo.Record {
		var lines []byte
		for second := from; second < to; second++ {
			p := stats.Snapshot{Stat: stat, Time: second, Value: json.RawMessage(fmt.Sprint(second)), Final: true, Version: version}
			lines = append(p.AppendJSON(lines), '\n')
		}
		return &kgo.Record{Topic: k.names.History(), Key: []byte(stat), Value: lines}
	}
	// The first is of a filler that died; the others of two chunks, the newest first.
	k.produce(record("a", version, 1200, 1210))
	k.produce(record("a", version, 1200, 1260))
	k.produce(record("a", "other", 1200, 1260))
	k.produce(record("a", version, 1140, 1200))
	store.FilledBy(topics.History{Version: version, From: 1140, To: 1260, Goal: 1140, Chunks: []topics.Chunk{
		{From: 1200, Records: map[int32][2]int64{partition: {1, 3}}}, {From: 1140, Records: map[int32][2]int64{partition: {3, 1000}}},
	}})
	k.publish(stats.Snapshot{Stat: "a", Time: 1260, Value: json.RawMessage("1260"), Final: true, Version: version})
	points, err := m.Points(t.Context(), "a", 1150, 1260)
	if err != nil || len(points) != 111 {
		t.Fatalf("there are %d points (%v), want 111", len(points), err)
	}
	for i, p := range points {
		if second := int64(1150 + i); p.Time != second || string(p.Value) != fmt.Sprint(second) {
			t.Errorf("point %d is %s at %d", i, p.Value, p.Time)
		}
	}
}

// Without a Kafka the page is served, and says that it is not ready.
func TestNoBroker(t *testing.T) {
	s, err := New(Config{Cluster: topics.Cluster{Brokers: []string{"127.0.0.1:1"}}, Definitions: two(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	dial(t, s)
	if answer, _ := get(t, s, "/readyz", nil); answer.StatusCode != 503 {
		t.Errorf("/readyz without a Kafka: %d, want 503", answer.StatusCode)
	}
	if answer, _ := get(t, s, "/", nil); answer.StatusCode != 200 {
		t.Errorf("/ without a Kafka: %d, want 200", answer.StatusCode)
	}
}

func TestMissingTopicIsNamed(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	m := &merged{topicReader: topicReader{cluster, prefix + "stats.merged"}}
	err := m.reach(t.Context(), prefix+"merger-table")
	if err == nil || err.Error() != fmt.Sprintf("the topic %smerger-table does not exist: create it with `pulse topics --create`", prefix) {
		t.Errorf("without topics: %v", err)
	}
}

// TestReplacedTopics: a server whose topics are deleted and made again ends, and says what
// to do: what it shows is of others.
func TestReplacedTopics(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		topic func(topics.Names) string
		do    string
	}{
		{topics.Names.Raw, "--prefix"},
		{topics.Names.Table, "start this process again"},
	} {
		k := newKafka(t)
		s, err := New(Config{Cluster: k.cluster, Names: k.names, Definitions: two(), Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		eventually(t, "the server is ready", s.Ready)
		if err := topicstest.Replace(t, k.cluster, k.names, test.topic(k.names), 3, ended); !errors.Is(err, topics.ErrReplaced) || !strings.Contains(err.Error(), test.topic(k.names)) || !strings.Contains(err.Error(), test.do) {
			t.Errorf("the server ended with %v", err)
		}
	}
}
