package processors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/cmd/dev/testkit"
	"pulse/processors"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/stats/timing"
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
  - {name: h3-25h, rate: minute, over: 25h, where: host == "h3"}
  - {name: bytes-mean-30d, mean: bytes, over: 30d}
`

// text is a snapshot as JSON, but for whether and how often it was amended.
func text(s stats.Snapshot) string {
	s.Revision, s.Final = 0, true
	return string(s.AppendJSON(nil))
}

// A pipeline is what one test runs: a cluster with topics, a recording that goes
// there, and the oracle's word on it.
type pipeline struct {
	t           *testing.T
	cluster     topics.Cluster
	names       topics.Names
	definitions *stats.Definitions
	client      *kgo.Client
	log         *slog.Logger
	clock       int64 // of the last tick

	expected map[point]string
	counts   aggregate.LineCounts
}

type point struct {
	stat   string
	second int64
}

const partitions = 3

func newPipeline(t *testing.T, cluster topics.Cluster, prefix string) *pipeline {
	t.Helper()
	d, err := stats.Parse("test.yaml", []byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{t: t, cluster: cluster, definitions: d, names: topics.Names{Prefix: prefix, Version: d.Version()},
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
	stop  func() // and wait
	ready func() bool
	err   chan error
}

// wait waits until roles have their partitions.
func (p *pipeline) wait(roles ...*role) {
	p.t.Helper()
	testkit.Eventually(p.t, "all processors are ready", func() error {
		waiting := slices.DeleteFunc(slices.Clone(roles), func(r *role) bool { return r.ready() })
		if len(waiting) > 0 {
			return fmt.Errorf("%d have no session", len(waiting))
		}
		return nil
	})
}

func (p *pipeline) run(run func(context.Context) error, ready func() bool) *role {
	ctx, cancel := context.WithCancel(context.Background())
	r := &role{ready: ready, err: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := run(ctx)
		if err != nil && !errors.Is(err, processors.ErrFenced) && !errors.Is(err, topics.ErrReplaced) && !errors.Is(err, topics.ErrTopics) {
			p.t.Errorf("a processor ended: %v", err)
		}
		r.err <- err
	}()
	r.stop = func() {
		cancel()
		testkit.Eventually(p.t, "a processor stops", func() error {
			select {
			case <-done:
				return nil
			default:
				return errors.New("it still runs")
			}
		})
	}
	p.t.Cleanup(r.stop)
	return r
}

func (p *pipeline) receiver(instance string) *role {
	r, err := receiver.New(receiver.Config{Cluster: p.cluster, Names: p.names, Definitions: p.definitions, InstanceID: instance, Logger: p.log})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.run(r.Run, r.Ready)
}

func (p *pipeline) merger(instance string) *role {
	m, err := merger.New(merger.Config{Cluster: p.cluster, Names: p.names, Definitions: p.definitions, InstanceID: instance, Logger: p.log})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.run(m.Run, m.Ready)
}

const recordingStart = 1_700_000_000 // Unix time

// replay sends a recording of so many seconds, and calls each after each of them.
func (p *pipeline) replay(seed uint64, seconds int, each func(second int)) {
	p.t.Helper()
	evaluator, err := oracle.New(p.definitions, func(s stats.Snapshot) { p.expected[point{s.Stat, s.Time}] = text(s) })
	if err != nil {
		p.t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	packs := int32(0)
	for i := range seconds {
		second := int64(recordingStart + i)
		for range 3 {
			var lines []byte
			for range rng.IntN(20) {
				lines = fmt.Appendf(lines, "time=%s bytes=%d.%d host=h%d\n", time.Unix(second-int64(rng.IntN(5)), 0).UTC().Format(time.RFC3339),
					rng.IntN(100000), rng.IntN(10), rng.IntN(30))
			}
			p.pack(packs%partitions, second, lines)
			packs++
			evaluator.Pack(program.Pack{Lines: lines, Second: second, Floor: second})
		}
		p.tick(second + 1)
		if each != nil {
			each(i)
		}
	}
	last := int64(recordingStart + seconds)
	for i := range p.definitions.Lateness + 1 {
		p.tick(last + 1 + i)
	}
	p.flush()
	evaluator.Close(last)
	p.counts = evaluator.Counts()
}

// flush waits until all that was sent is in Kafka.
func (p *pipeline) flush() {
	p.t.Helper()
	if err := p.client.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// tick sends a tick to every partition.
func (p *pipeline) tick(second int64) {
	p.clock = second
	for q := range int32(partitions) {
		p.produce(q, topics.RawHeader{Clock: second * 1000, Tick: &topics.RawTick{Partitions: partitions}}, nil)
	}
}

// pack sends lines to a partition.
func (p *pipeline) pack(partition int32, second int64, lines []byte) {
	p.produce(partition, topics.RawHeader{Clock: second*1000 + 17}, lines)
}

func (p *pipeline) produce(partition int32, h topics.RawHeader, lines []byte) {
	h.Ingester, h.Domain = "test", topics.RecordingPrefix+"test"
	p.client.Produce(p.t.Context(), &kgo.Record{Topic: p.names.Raw(), Partition: partition, Headers: h.Headers(), Value: lines}, func(_ *kgo.Record, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			p.t.Errorf("producing a raw record: %v", err)
		}
	})
}

// until reads the merged topic from its beginning until done.
func (p *pipeline) until(what string, done func(stats.Snapshot) bool) {
	p.t.Helper()
	reader, err := kgo.NewClient(append(p.cluster.ClientOptions("test"), kgo.ConsumeTopics(p.names.Merged()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		p.t.Fatal(err)
	}
	defer reader.Close()
	read, is := 0, false
	testkit.Eventually(p.t, what, func() error {
		ctx, cancel := context.WithTimeout(p.t.Context(), 100*time.Millisecond)
		defer cancel()
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			read++
			var s stats.Snapshot
			if err := json.Unmarshal(r.Value, &s); err != nil {
				p.t.Fatalf("%s: %v", r.Value, err)
			}
			is = done(s) || is
		})
		if !is {
			return fmt.Errorf("%d snapshots have been read", read)
		}
		return nil
	})
}

// check waits until every expected point is final, and compares.
func (p *pipeline) check() {
	p.t.Helper()
	type revision struct {
		point
		revision int
	}
	values := map[revision]string{}
	highest := map[point]stats.Snapshot{}
	final := 0
	p.until("all points are final", func(s stats.Snapshot) bool {
		key := point{s.Stat, s.Time}
		if before, ok := values[revision{key, s.Revision}]; ok && before != text(s) {
			p.t.Errorf("%s was %s with the same revision", s.AppendJSON(nil), before)
		}
		values[revision{key, s.Revision}] = text(s)
		h, ok := highest[key]
		if ok && s.Revision < h.Revision {
			return false
		}
		if s.Revision == h.Revision {
			s.Final = s.Final || h.Final
		}
		if _, wanted := p.expected[key]; wanted && s.Final && !h.Final {
			final++
		}
		highest[key] = s
		return final == len(p.expected)
	})
	wrong := 0
	var lines struct{ In, Counted, Late, Unreadable uint64 }
	for key, want := range p.expected {
		if got := text(highest[key]); got != want {
			if wrong++; wrong < 10 {
				p.t.Errorf("at %d %s, the oracle says %s", key.second-recordingStart, got, want)
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
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	for name, static := range map[string]bool{"dynamic members": false, "static members": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
			p.replay(1, testkit.Size(36, 120), func(second int) {
				p.flush()
				if second%10 == 3 {
					p.wait(roles...)
					i := second / 10 % len(roles)
					roles[i].stop()
					roles[i] = begin[i]()
				}
			})
			p.check()
		})
	}
}

// TestFailingEmits: a broker that refuses some of what receivers and mergers
// emit leads to retries and to no wrong number.
func TestFailingEmits(t *testing.T) {
	t.Parallel()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	p := newPipeline(t, topics.Cluster{Brokers: fake.ListenAddrs()}, "")

	ids := map[string][16]byte{} // requests have these alone
	for _, name := range []string{p.names.Fragments(), p.names.Savepoints(), p.names.Merged()} {
		ids[name] = fake.TopicInfo(name).TopicID
	}
	var requests, refused, refusedOfMergers atomic.Int64
	fake.ControlKey(int16(kmsg.Produce), func(k kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		request := k.(*kmsg.ProduceRequest)
		of := func(names ...string) bool {
			return !slices.ContainsFunc(request.Topics, func(topic kmsg.ProduceRequestTopic) bool {
				return !slices.ContainsFunc(names, func(name string) bool { return ids[name] == topic.TopicID })
			})
		}
		if !of(p.names.Fragments(), p.names.Savepoints(), p.names.Merged()) {
			return nil, nil, false
		}
		if n := requests.Add(1); n%9 != 4 || refused.Load() >= 12 {
			return nil, nil, false
		}
		refused.Add(1)
		if of(p.names.Merged()) {
			refusedOfMergers.Add(1)
		}
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic, t.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				tp := kmsg.NewProduceResponseTopicPartition()
				tp.Partition, tp.ErrorCode = partition.Partition, kerr.MessageTooLarge.Code
				t.Partitions = append(t.Partitions, tp)
			}
			response.Topics = append(response.Topics, t)
		}
		return response, nil, true
	})
	p.wait(p.receiver(""), p.merger(""))
	seen := int64(0)
	p.replay(2, testkit.Size(40, 100), func(int) {
		p.flush()
		testkit.Eventually(t, "something is emitted", func() error {
			n := requests.Load()
			if n == seen {
				return fmt.Errorf("nothing after %d requests", seen)
			}
			seen = n
			return nil
		})
	})
	p.check()
	if refused.Load() == 0 {
		t.Error("no emit was refused, so that nothing is known")
	}
	t.Logf("%d of %d requests refused", refused.Load(), requests.Load())
}

// TestRetention: raw records that are gone before they were read make unknown
// what they may have been about, and nothing else.
func TestRetention(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	p := newPipeline(t, cluster, prefix)
	second := int64(recordingStart)
	send := func(seconds int) {
		for range seconds {
			for q := range int32(partitions) {
				p.pack(q, second, fmt.Appendf(nil, "time=%s bytes=1 host=a", time.Unix(second, 0).UTC().Format(time.RFC3339)))
			}
			second++
			p.tick(second)
		}
		p.flush()
	}
	m := p.merger("")
	r := p.receiver("")
	send(30)
	p.until("all that was sent is read", func(s stats.Snapshot) bool { return s.Time == second-1-p.definitions.Lateness && s.Final })
	r.stop()
	send(10)
	admin := kadm.NewClient(p.client)
	ends, err := admin.ListEndOffsets(t.Context(), p.names.Raw())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.DeleteRecords(t.Context(), ends.Offsets()); err != nil {
		t.Fatal(err)
	}
	p.wait(p.receiver(""), m)
	const after = 30
	send(after)

	bytes := map[int64]stats.Snapshot{} // over 5 s, and a line a second in each partition
	last := second - 1 - p.definitions.Lateness
	p.until("the last second is final", func(s stats.Snapshot) bool {
		if s.Stat == "bytes" && s.Revision >= bytes[s.Time].Revision {
			for since := s.StaleSince; since != 0 && since < s.Time; since++ {
				bytes[since] = s
			}
			bytes[s.Time] = s
		}
		return s.Stat == "bytes" && s.Time == last && s.Final
	})
	// Unknown until the first tick that was read, the margin for lines ahead, and
	// a whole window after that.
	const margin, over = timing.Unsettled, 5
	whole := fmt.Sprint(over * partitions)
	for s := int64(recordingStart + over); s <= last; s++ {
		lost := s >= recordingStart+30-p.definitions.Lateness && s < recordingStart+41+margin+over-1
		switch got := bytes[s]; {
		case lost && got.StaleSince == 0:
			t.Errorf("at %d the bytes are %s, they cannot be known", s-recordingStart, got.Value)
		case !lost && string(got.Value) != whole:
			t.Errorf("at %d the bytes are %s (stale since %d), should be %s", s-recordingStart, got.Value, got.StaleSince, whole)
		}
	}
}

// TestFenced: a second process with the same instance id takes over, and the
// first one ends and says why.
func TestFenced(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	p := newPipeline(t, cluster, prefix)
	first := p.receiver("the-same")
	p.replay(3, 3, nil)
	p.merger("")
	p.check() // the first one works
	p.receiver("the-same")
	testkit.Eventually(t, "the first process ends", func() error {
		select {
		case err := <-first.err:
			if !errors.Is(err, processors.ErrFenced) {
				t.Errorf("the first process ended with %v, want %v", err, processors.ErrFenced)
			}
			return nil
		default:
			return errors.New("it goes on beside the second")
		}
	})
}

// ends waits until a role ends with an error, and returns that.
func (r *role) ends(t *testing.T) (err error) {
	t.Helper()
	testkit.Eventually(t, "the role ends", func() error {
		select {
		case err = <-r.err:
			return nil
		default:
			return errors.New("it goes on")
		}
	})
	return err
}

// committed lets time pass until a group has committed in all partitions: a merger that
// got all of a short log at once has no checkpoint to commit.
func (p *pipeline) committed(group, topic string) {
	p.t.Helper()
	testkit.Eventually(p.t, "the group "+group+" commits", func() error {
		commits, err := kadm.NewClient(p.client).FetchOffsets(p.t.Context(), group)
		if n := len(commits.Offsets()[topic]); err == nil && n < partitions {
			p.tick(p.clock + 1)
			err = fmt.Errorf("it has of %d of %d partitions", n, partitions)
		}
		return err
	})
	p.flush()
}

// TestReplacedTopics: when a topic is deleted and made again, who runs by it ends and says
// why, and so do those that start: they go on by what is known of the one before.
// What the new log has is joined with nothing.
func TestReplacedTopics(t *testing.T) {
	t.Parallel()
	for _, which := range []func(topics.Names) string{topics.Names.Raw, topics.Names.Fragments} {
		cluster, prefix := topicstest.Cluster(t)
		p := newPipeline(t, cluster, prefix)
		topic := which(p.names)
		t.Run(topic, func(t *testing.T) {
			roles := []*role{p.receiver(""), p.merger("")}
			p.wait(roles...)
			p.replay(1, 20, nil)
			p.check()
			p.committed(p.names.ReceiverGroup(), p.names.Raw())
			p.committed(p.names.MergerGroup(), p.names.Fragments())
			if _, err := kadm.NewClient(p.client).DeleteTopics(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			options := topics.OptionsOf(p.definitions)
			options.Partitions = partitions
			testkit.Eventually(t, "the topic is made again", func() error {
				return topics.Ensure(t.Context(), cluster, p.names, options)
			})
			for _, r := range append(roles, p.receiver(""), p.merger("")) {
				if err := r.ends(t); !errors.Is(err, topics.ErrReplaced) || !strings.Contains(err.Error(), topic) || !strings.Contains(err.Error(), "--prefix") {
					t.Errorf("a role ended with %v", err)
				}
			}
		})
	}
}

// TestAddedPartitions: partitions that an admin adds to the log change nothing for those that
// run, and that start. Where they were added to the fragments, who runs ends and says what to do.
func TestAddedPartitions(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	p := newPipeline(t, cluster, prefix)
	r, m := p.receiver(""), p.merger("")
	p.wait(r, m)
	admin := topicstest.Admin(t, cluster)
	add := func(topic string) {
		if answers, err := admin.CreatePartitions(t.Context(), 2, topic); err != nil || answers.Error() != nil {
			t.Fatal(err, answers.Error())
		}
	}
	p.replay(1, 20, func(second int) {
		switch second {
		case 5:
			add(p.names.Raw())
		case 10:
			r.stop()
			m.stop()
			r, m = p.receiver(""), p.merger("")
		}
	})
	p.check()
	layout, err := admin.Layout(t.Context(), p.names)
	if err != nil || layout.Added() != 2 || layout.Used != partitions {
		t.Errorf("the log is laid out as %+v (%v)", layout, err)
	}
	if _, err := admin.PlanGrowth(t.Context(), p.names, partitions+2); !errors.Is(err, topics.ErrCannotGrow) || !strings.Contains(err.Error(), "recording") {
		t.Errorf("a growth of a recording's log: %v", err)
	}
	if err := topics.Check(t.Context(), cluster, p.names, topics.Options{}); err != nil {
		t.Errorf("the check says %v", err)
	}
	add(p.names.Fragments())
	for _, role := range []*role{r, m, p.receiver(""), p.merger("")} {
		if err := role.ends(t); err == nil || !strings.Contains(err.Error(), p.names.Fragments()) || !strings.Contains(err.Error(), "change the definitions") {
			t.Errorf("a role ended with %v", err)
		}
	}
}

// TestMissingTopics: a role says which topics are missing instead of waiting.
func TestMissingTopics(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	d, err := stats.Parse("test.yaml", []byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	m, err := merger.New(merger.Config{Cluster: cluster, Names: topics.Names{Prefix: prefix + "none.", Version: "x"}, Definitions: d,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); !errors.Is(err, topics.ErrTopics) || !strings.Contains(err.Error(), prefix+"none.") {
		t.Errorf("without topics a merger says %v", err)
	}
}
