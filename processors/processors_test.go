package processors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/processors"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

const definitions = `
lateness: 2s
stats:
  - {name: events, rate: second}
  - {name: bytes, sum: bytes, over: 5s}
  - {name: bytes-mean, mean: bytes, over: 20s}
  - {name: bytes-max, max: bytes, over: 1s}
  - {name: bytes-quantiles, quantiles: bytes, at: [0.5, 0.99], over: 10s}
  - {name: hosts, unique: host, over: 7s}
  - {name: h3, rate: minute, where: host == "h3"}
`

// A pipeline is what one test runs: a cluster with topics, a recording that goes
// there, and the oracle's word on it.
type pipeline struct {
	t           *testing.T
	cluster     topics.Cluster
	names       topics.Names
	definitions *stats.Definitions
	client      *kgo.Client
	log         *slog.Logger

	expected map[point]string
	counts   stats.LineCounts
}

type point struct {
	stat   string
	second int64
}

const partitions = 8

func newPipeline(t *testing.T, cluster topics.Cluster, prefix string) *pipeline {
	t.Helper()
	d, err := stats.Parse("test.yaml", []byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{t: t, cluster: cluster, definitions: d, names: topics.Names{Prefix: prefix, Generation: d.Generation()},
		expected: map[point]string{}, log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	topicstest.Ensure(t, cluster, p.names, partitions)
	p.client, err = kgo.NewClient(append(cluster.ClientOptions("test"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.client.Close)
	return p
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSpace(string(b)))
	return len(b), nil
}

// A role is a running receiver or merger.
type role struct {
	stop func() // and wait
	err  chan error
}

func (p *pipeline) run(run func(context.Context) error) *role {
	ctx, cancel := context.WithCancel(context.Background())
	r := &role{err: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.err <- run(ctx)
	}()
	r.stop = func() {
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			p.t.Error("a processor did not stop within 20 s")
		}
	}
	p.t.Cleanup(r.stop)
	return r
}

func (p *pipeline) receiver(instance string) *role {
	r, err := receiver.New(receiver.Config{Cluster: p.cluster, Names: p.names, Definitions: p.definitions, InstanceID: instance, Logger: p.log})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.run(r.Run)
}

func (p *pipeline) merger(instance string) *role {
	m, err := merger.New(merger.Config{Cluster: p.cluster, Names: p.names, Definitions: p.definitions, InstanceID: instance, Logger: p.log})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.run(m.Run)
}

const recordingStart = 1_700_000_000 // Unix time

// replay sends a recording of so many seconds, and calls each after each of them.
func (p *pipeline) replay(seed uint64, seconds int, each func(second int)) {
	p.t.Helper()
	program, err := stats.Compile(p.definitions)
	if err != nil {
		p.t.Fatal(err)
	}
	oracle, err := stats.NewEvaluator(program, func(s stats.Snapshot) { p.expected[point{s.Stat, s.Time}] = string(s.Value) })
	if err != nil {
		p.t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	header := topics.RawHeader{Ingester: "test", Domain: topics.RecordingPrefix + "test"}
	tick := func(second int64) {
		h := header
		h.Clock, h.Tick = second*1000, &topics.RawTick{Partitions: partitions}
		for q := range int32(partitions) {
			p.produce(q, h, nil)
		}
	}
	packs := int32(0)
	for i := range seconds {
		second := int64(recordingStart + i)
		for range 3 {
			var lines []byte
			for range rng.IntN(20) {
				lines = fmt.Appendf(lines, "time=%s bytes=%d.%d host=h%d\n", time.Unix(second-int64(rng.IntN(5)), 0).UTC().Format(time.RFC3339),
					rng.IntN(100000), rng.IntN(10), rng.IntN(30))
			}
			h := header
			h.Clock = second*1000 + int64(rng.IntN(1000))
			p.produce(packs%partitions, h, lines)
			packs++
			oracle.Pack(stats.Pack{Lines: lines, Second: second, Floor: second})
		}
		tick(second + 1)
		if each != nil {
			each(i)
		}
	}
	last := int64(recordingStart + seconds)
	for i := range p.definitions.Lateness + 1 {
		tick(last + 1 + i)
	}
	if err := p.client.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	oracle.Close(last)
	p.counts = oracle.Counts()
}

func (p *pipeline) produce(partition int32, h topics.RawHeader, lines []byte) {
	p.client.Produce(p.t.Context(), &kgo.Record{Topic: p.names.Raw(), Partition: partition, Headers: h.Headers(), Value: lines}, func(_ *kgo.Record, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			p.t.Errorf("producing a raw record: %v", err)
		}
	})
}

// check reads the merged topic until every expected point is final, and compares.
func (p *pipeline) check() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 60*time.Second)
	defer cancel()
	reader, err := kgo.NewClient(append(p.cluster.ClientOptions("test"), kgo.ConsumeTopics(p.names.Merged()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		p.t.Fatal(err)
	}
	defer reader.Close()

	type revision struct {
		point
		revision int
	}
	values := map[revision]string{}
	highest := map[point]stats.Snapshot{}
	final := 0
	for final < len(p.expected) {
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			p.t.Errorf("after 60 s %d of %d points are final", final, len(p.expected))
			break
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var s stats.Snapshot
			if err := json.Unmarshal(r.Value, &s); err != nil {
				p.t.Fatalf("%s: %v", r.Value, err)
			}
			key := point{s.Stat, s.Time}
			if before, ok := values[revision{key, s.Revision}]; ok && before != string(s.Value) {
				p.t.Errorf("%s was %s with the same revision", r.Value, before)
			}
			values[revision{key, s.Revision}] = string(s.Value)
			h, ok := highest[key]
			if s.Revision == h.Revision {
				s.Final = s.Final || h.Final
			}
			if !ok || s.Revision >= h.Revision {
				if _, wanted := p.expected[key]; wanted && s.Final && !(ok && h.Final) {
					final++
				}
				highest[key] = s
			}
		})
	}
	wrong := 0
	var lines struct{ In, Counted, Late, Unreadable uint64 }
	for key, want := range p.expected {
		if got := string(highest[key].Value); got != want {
			if wrong++; wrong < 10 {
				p.t.Errorf("%s at %d is %s, the oracle says %s", key.stat, key.second-recordingStart, got, want)
			}
		}
	}
	for key, s := range highest {
		if key.stat == stats.LinesStat {
			before := lines
			if err := json.Unmarshal(s.Value, &lines); err != nil {
				p.t.Fatal(err)
			}
			lines.In, lines.Counted, lines.Late, lines.Unreadable =
				lines.In+before.In, lines.Counted+before.Counted, lines.Late+before.Late, lines.Unreadable+before.Unreadable
		}
	}
	if lines.In != p.counts.Lines || lines.Counted != p.counts.Counted || lines.Late != p.counts.Late || lines.Counted+lines.Late != lines.In {
		p.t.Errorf("%s says %+v in all, the oracle %+v", stats.LinesStat, lines, p.counts)
	}
	p.t.Logf("%d points, %d revisions, %d wrong, %+v", len(p.expected), len(values), wrong, p.counts)
}

// TestRestarts: two receivers and two mergers, restarted in turn while records
// come, give what the oracle says.
func TestRestarts(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	for name, static := range map[string]bool{"dynamic members": false, "static members": true} {
		t.Run(name, func(t *testing.T) {
			instance := func(id string) string {
				if static {
					return id
				}
				return ""
			}
			p := newPipeline(t, cluster, prefix+strings.Fields(name)[0]+".")
			begin := []func() *role{
				func() *role { return p.receiver(instance("receiver-1")) },
				func() *role { return p.merger(instance("merger-1")) },
				func() *role { return p.receiver(instance("receiver-2")) },
				func() *role { return p.merger(instance("merger-2")) },
			}
			var roles []*role
			for _, f := range begin {
				roles = append(roles, f())
			}
			p.replay(1, 120, func(second int) {
				if second%20 == 10 {
					i := second / 20 % len(roles)
					roles[i].stop()
					roles[i] = begin[i]()
				}
				if err := p.client.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
			p.check()
		})
	}
}

// TestFailingEmits: a broker that refuses some of what receivers and mergers
// emit leads to retries and to no wrong number.
func TestFailingEmits(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	p := newPipeline(t, topics.Cluster{Brokers: fake.ListenAddrs()}, "")

	var requests, refused atomic.Int64
	fake.ControlKey(int16(kmsg.Produce), func(k kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		request := k.(*kmsg.ProduceRequest)
		for _, topic := range request.Topics {
			if topic.Topic != p.names.Fragments() && topic.Topic != p.names.Merged() {
				return nil, nil, false
			}
		}
		if n := requests.Add(1); n%40 != 17 || refused.Load() >= 12 {
			return nil, nil, false
		}
		refused.Add(1)
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic = topic.Topic
			for _, partition := range topic.Partitions {
				tp := kmsg.NewProduceResponseTopicPartition()
				tp.Partition, tp.ErrorCode = partition.Partition, kerr.MessageTooLarge.Code
				t.Partitions = append(t.Partitions, tp)
			}
			response.Topics = append(response.Topics, t)
		}
		return response, nil, true
	})
	p.receiver("")
	p.merger("")
	p.replay(2, 60, func(int) {
		if err := p.client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	p.check()
	if refused.Load() == 0 {
		t.Error("no emit was refused, so that nothing is known")
	}
	t.Logf("%d of %d requests refused", refused.Load(), requests.Load())
}

// TestFenced: a second process with the same instance id takes over, and the
// first one ends and says why.
func TestFenced(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	p := newPipeline(t, cluster, prefix)
	first := p.receiver("the-same")
	p.replay(3, 3, nil)
	p.merger("")
	p.check() // the first one works
	p.receiver("the-same")
	select {
	case err := <-first.err:
		if !errors.Is(err, processors.ErrFenced) {
			t.Errorf("the first process ended with %v, want %v", err, processors.ErrFenced)
		}
	case <-time.After(30 * time.Second):
		t.Error("the first process goes on beside the second")
	}
}

// TestMissingTopics: a role says which topics are missing instead of waiting.
func TestMissingTopics(t *testing.T) {
	cluster, prefix := topicstest.Cluster(t)
	d, err := stats.Parse("test.yaml", []byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	m, err := merger.New(merger.Config{Cluster: cluster, Names: topics.Names{Prefix: prefix + "none.", Generation: "x"}, Definitions: d,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); !errors.Is(err, topics.ErrTopics) || !strings.Contains(err.Error(), prefix+"none.") {
		t.Errorf("without topics a merger says %v", err)
	}
}
