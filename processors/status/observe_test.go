package status

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pulse/cmd/dev/testkit"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// What status reads from Kafka is what receivers and mergers made of records at
// a clock that is the test's.
func TestObserve(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	d := stats.Builtin()
	names := topics.Names{Prefix: prefix, Version: d.Version()}
	const partitions, second = 3, 1_700_000_000
	topicstest.Ensure(t, cluster, names, partitions)
	client, err := kgo.NewClient(append(cluster.ClientOptions("pulse-test"), kgo.DefaultProduceTopic(names.Raw()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	send := func(partition int32, ingester string, clock int64, lines string) {
		t.Helper()
		h := topics.RawHeader{Ingester: ingester, Clock: clock * 1000, Domain: topics.WallDomain}
		if lines == "" {
			h.Tick = &topics.RawTick{Partitions: partitions}
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Partition: partition, Headers: h.Headers(), Value: []byte(lines)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	admin, err := cluster.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	look := func(now int64) *Status {
		t.Helper()
		s, err := Look(t.Context(), admin, names, new(stats.Definitions), time.Unix(now, 4e8), DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	if s := look(second); !strings.Contains(s.Headline, "nothing has been written") || len(s.Problems) != 3 {
		t.Errorf("before the first record: %s", s.Text())
	}
	for clock := int64(second); clock <= second+10; clock++ {
		for p := range int32(partitions) {
			send(p, "a", clock, "one\ntwo")
			send(p, "a", clock+1, "")
			send(p, "b", clock+1, "")
		}
	}
	const last = second + 11
	if s := look(last); s.Headline != "not well: no receiver runs. Start pulse receive, with the same --stats (and 1 more, below)" {
		t.Errorf("before the roles run: %s", s.Text())
	}

	log := slog.New(slog.DiscardHandler)
	receive, err := receiver.New(receiver.Config{Cluster: cluster, Names: names, Definitions: d, InstanceID: "receiver-7", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	merge, err := merger.New(merger.Config{Cluster: cluster, Names: names, Definitions: d, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	roles, ctx := errgroup.WithContext(ctx)
	roles.Go(func() error { return receive.Run(ctx) })
	roles.Go(func() error { return merge.Run(ctx) })

	var s *Status
	testkit.Eventually(t, "everything is closed and committed", func() error {
		s = look(last)
		if s.Well && s.Sources[0].Lag+s.Sources[1].Lag+s.Sources[2].Lag == 0 && s.Behind != nil && *s.Behind < 1 {
			return nil
		}
		return errors.New(s.Text())
	})
	if s.Headline != "all well: closed 0.4 s ago" {
		t.Errorf("the headline is %q", s.Headline)
	}
	// A clock that is an hour ahead is named, and nobody else is blamed for it.
	for p := range int32(partitions) {
		send(p, "x", second+3600, "")
		send(p, "a", last, "")
		send(p, "b", last, "")
	}
	testkit.Eventually(t, "the clock that is an hour ahead is named", func() error {
		if s = look(last); len(s.Problems) != 1 || s.Problems[0].What != "the clock of the ingester x is 59m49s ahead of all others and is ignored" {
			return errors.New(s.Text())
		}
		return nil
	})
	for p := range int32(partitions) {
		h := topics.RawHeader{Ingester: "x", Clock: (second + 3601) * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: partitions, Leaving: true}}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Partition: p, Headers: h.Headers()}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "it has left", func() error {
		if s = look(last); !s.Well {
			return errors.New(s.Text())
		}
		return nil
	})

	// What others write to the table and the topic of snapshots has no say.
	forged := stats.Snapshot{Stat: stats.LinesStat, Time: timing.LastSecond, Value: json.RawMessage("{}"), Final: true, Version: names.Version}
	for topic, value := range map[string][]byte{names.Table(): topics.AppendTableSnapshots(nil, []stats.Snapshot{forged}), names.Merged(): forged.AppendJSON(nil)} {
		r := &kgo.Record{Topic: topic, Partition: topics.Partition(stats.LinesStat, partitions), Key: []byte(stats.LinesStat), Value: value}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s = look(last)
	if s.Headline != "all well: closed 0.4 s ago" {
		t.Errorf("beside a snapshot of the year 9999 the headline is %q", s.Headline)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
	if want := (Lines{In: 66, Counted: 66, Undated: 66, Unparsed: 66, Bytes: 198}); s.Lines != want {
		t.Errorf("the newest minute's lines are %+v, want %+v", s.Lines, want)
	}
	if len(s.Ingesters) != 2 || s.Ingesters[0].Name != "a" || s.Ingesters[1].Clock.Unix() != last {
		t.Errorf("the ingesters are %+v", s.Ingesters)
	}
	for _, p := range s.Sources {
		if p.Owner != "receiver-7" || p.Clock.Unix() != last || p.Written.Unix() != last || p.End != 37 || p.Committed != 37 {
			t.Errorf("source partition %+v", p)
		}
	}
	for _, p := range s.Fragments {
		if p.Owner == "" || p.Closed == nil || p.Closed.Unix() < last-2 {
			t.Errorf("fragments partition %+v", p)
		}
	}

	// What is no record of Pulse's is named: of each partition the newest.
	if len(s.Garbage) != 2 || s.Garbage[0].Topic != names.Table() || s.Garbage[1].Topic != names.Merged() {
		t.Errorf("of the forged snapshots it says %+v", s.Garbage)
	}
	for range 2 {
		for _, topic := range []string{names.Raw(), names.Fragments(), names.Table(), names.Merged()} {
			r := &kgo.Record{Topic: topic, Partition: 1, Key: []byte("x"), Value: []byte("\xff\x1b[31m")}
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	ends, err := admin.ListEndOffsets(t.Context(), names.Raw(), names.Fragments(), names.Table(), names.Merged())
	if err != nil {
		t.Fatal(err)
	}
	s = look(last)
	for _, topic := range []string{names.Raw(), names.Fragments(), names.Table(), names.Merged()} {
		if !slices.ContainsFunc(s.Garbage, func(g Garbage) bool {
			end, _ := ends.Lookup(topic, 1)
			return g.Topic == topic && g.Partition == 1 && g.Offset == end.Offset-1 && g.Error != "" && !g.At.IsZero()
		}) {
			t.Errorf("the newest record of %s is not said to be of another program: %+v", topic, s.Garbage)
		}
	}
	if text := s.Text(); !strings.Contains(text, "\nnot written by Pulse") || !strings.Contains(text, names.Fragments()) {
		t.Errorf("in the text it is not to be seen:\n%s", text)
	}
	if s := look(last + 60); s.Well || !strings.HasPrefix(s.Headline, "not well: no ingester writes since 22:13:31 (60 s).") {
		t.Errorf("a minute later: %s", s.Text())
	}

	// One partition gets no more ticks.
	for p := range int32(2) {
		send(p, "a", last+20, "")
	}
	want := "not well: writes to " + names.Raw() + " partition 2 have stopped since 22:13:31 (20 s)."
	testkit.Eventually(t, "the silent partition is named", func() error {
		if got := look(last + 20).Headline; !strings.HasPrefix(got, want) {
			return errors.New(got)
		}
		return nil
	})

	cancel()
	if err := roles.Wait(); err != nil {
		t.Error(err)
	}
	testkit.Eventually(t, "nobody is in the group of mergers", func() error {
		if s = look(last + 20); s.Mergers.Members > 0 {
			return errors.New(s.Text())
		}
		return nil
	})
	if !slices.ContainsFunc(s.Problems, func(p Problem) bool { return p.What == "no merger runs" }) {
		t.Errorf("after the roles have ended: %s", s.Text())
	}
}

// Look makes the connections of one client, since each costs a secured cluster a
// handshake: one to ask for metadata, and to a broker one to ask and one to fetch,
// and that once more for a fetch that is cut off at a topic's end. A client for each
// question would make a dozen.
func TestConnections(t *testing.T) {
	var accepted atomic.Int64
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return counting{l, &accepted}, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c := topics.Cluster{Brokers: cluster.ListenAddrs()}
	names := topics.Names{Version: "abcdef"}
	topicstest.Ensure(t, c, names, 8)
	client, err := kgo.NewClient(append(c.ClientOptions("pulse-test"), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, topic := range []string{names.Raw(), names.Table(), names.Merged()} {
		for range 8 {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("key"), Value: []byte("{}")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	accepted.Store(0)
	admin, err := c.Admin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := Look(t.Context(), admin, names, new(stats.Definitions), time.Now(), DefaultLimits); err != nil {
		t.Fatal(err)
	}
	if n := accepted.Load(); n > 8 {
		t.Errorf("it made %d connections, want those of one client", n)
	}
}

// counting counts the connections that it accepts.
type counting struct {
	net.Listener
	accepted *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.accepted.Add(1)
	}
	return conn, err
}
