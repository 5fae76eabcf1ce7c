package processors_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/processors/receiver"
	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// wallSecond sends a second of lines and its end, as a live ingester does.
func (p *pipeline) wallSecond(second int64, evaluator *oracle.Evaluator) {
	for q := range int32(partitions) {
		lines := wallLine(second, q)
		h := topics.RawHeader{Ingester: "live", Clock: second*1000 + 17, Domain: topics.WallDomain}
		p.client.Produce(p.t.Context(), &kgo.Record{Topic: p.names.Raw(), Partition: q, Headers: h.Headers(), Value: lines}, nil)
		evaluator.Pack(program.Pack{Lines: lines, Second: second, Floor: second})
		h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Partitions: partitions}
		p.client.Produce(p.t.Context(), &kgo.Record{Topic: p.names.Raw(), Partition: q, Headers: h.Headers()}, nil)
	}
}

// wallLine is the line that wallSecond sends in a second to a partition, wallTime when it is of.
func wallLine(second int64, q int32) []byte {
	return fmt.Appendf(nil, "time=%s bytes=%d host=h%d", time.Unix(wallTime(second), 0).UTC().Format(time.RFC3339), second%1000+int64(q), second%7)
}

func wallTime(second int64) int64 { return second - second%3 }

// untilCommitted waits until receivers have committed a second in all partitions.
func (p *pipeline) untilCommitted(second int64) {
	p.t.Helper()
	admin, err := p.cluster.Admin()
	if err != nil {
		p.t.Fatal(err)
	}
	defer admin.Close()
	testkit.Eventually(p.t, "all is committed", func() error {
		commits, err := admin.Commits(p.t.Context(), p.names.ReceiverGroup(), p.names.Raw())
		if err != nil {
			return err
		}
		there := 0
		for _, c := range commits {
			if state, err := topics.DecodeReceiverState(c.Metadata); err == nil && state.Clock.Second() >= second {
				there++
			}
		}
		if there < partitions {
			return fmt.Errorf("%d of %d partitions", there, partitions)
		}
		return nil
	})
}

// TestNewGeneration: definitions that are new beside others begin some way back
// in the log, publish nothing before their windows are complete, and what they
// publish is what the oracle says; what nobody runs by can be removed.
func TestNewVersion(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	p := newPipeline(t, cluster, prefix)
	changed, err := stats.Parse("changed.yaml", []byte(definitions+"  - {name: bytes-min, min: bytes, over: 9s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	next := *p
	next.definitions = changed
	next.names.Version = changed.Version()
	next.expected = map[point]string{}
	evaluator, err := oracle.New(changed, func(s stats.Snapshot) { next.expected[point{s.Stat, s.Time}] = text(s) })
	if err != nil {
		t.Fatal(err)
	}
	const length, more, history = 150, 20, 20
	start := time.Now().Unix() - length
	oldReceiver, oldMerger := p.receiver(""), p.merger("")
	for second := start; second < start+length; second++ {
		p.wallSecond(second, evaluator)
	}
	p.until("the older definitions version has read it all", func(s stats.Snapshot) bool { return s.Time >= start+length-1 })

	p.untilCommitted(start + length)

	topicstest.Ensure(t, cluster, next.names, partitions)
	var roles []*role
	for range 2 {
		r, err := receiver.New(receiver.Config{Cluster: cluster, Names: next.names, Definitions: changed, History: history * time.Second, Logger: p.log})
		if err != nil {
			t.Fatal(err)
		}
		roles = append(roles, next.run(r.Run, r.Ready))
	}
	roles = append(roles, next.merger(""), next.merger(""))
	next.wait(roles...) // so that both receivers begin by what is committed now
	for second := start + length; second < start+length+more; second++ {
		p.wallSecond(second, evaluator)
	}
	last := start + length + more
	for i := range p.definitions.Lateness + 1 {
		for q := range int32(partitions) {
			h := topics.RawHeader{Ingester: "live", Clock: (last + 1 + i) * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: partitions}}
			p.client.Produce(t.Context(), &kgo.Record{Topic: p.names.Raw(), Partition: q, Headers: h.Headers()}, nil)
		}
	}
	evaluator.Start(start)
	evaluator.Close(last)

	type seen struct {
		value string
		final bool
	}
	points, finals := map[point]seen{}, 0
	least := last
	p.until("the newer definitions version has all final", func(s stats.Snapshot) bool {
		if s.Version != next.names.Version {
			return false
		}
		least = min(least, s.Time)
		key := point{s.Stat, s.Time}
		if s.Final && !points[key].final && s.Time == last {
			finals++
		}
		points[key] = seen{text(s), s.Final}
		return finals == len(changed.All())
	})
	// A savepoint comes every ten seconds.
	if latest := start + length - history; least > latest || least < latest-12 {
		t.Errorf("the first second is %d s after the log's beginning, want %d to %d", least-start, latest-12-start, latest-start)
	}
	// Long windows begin with what the longest of the others needs.
	reach := least + 1 - int64(topics.Window(changed)/time.Second)
	long, err := oracle.New(changed, func(s stats.Snapshot) {
		if stat, err := changed.Named(s.Stat); err == nil && stat.Long() {
			next.expected[point{s.Stat, s.Time}] = text(s)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for second := start; second < last; second++ {
		if wallTime(second) >= reach {
			for q := range int32(partitions) {
				long.Pack(program.Pack{Lines: wallLine(second, q), Second: second, Floor: second})
			}
		}
	}
	long.Begin(reach)
	long.Close(last)
	compared := 0
	for key, want := range next.expected {
		if key.second < least {
			continue
		}
		compared++
		if got := points[key]; !got.final || got.value != want {
			t.Errorf("%s at %d is %s (final %v), the oracle says %s", key.stat, key.second-start, got.value, got.final, want)
		}
	}
	t.Logf("%d points from %d s after the log's beginning on", compared, least-start)

	admin := topicstest.Admin(t, cluster)
	if err := admin.RemoveVersion(t.Context(), p.names); !errors.Is(err, topics.ErrAlive) {
		t.Errorf("removing a definitions version at work gave %v", err)
	}
	oldReceiver.stop()
	oldMerger.stop()
	testkit.Eventually(t, "nobody runs by the older definitions version, and it can be removed", func() error {
		return admin.RemoveVersion(t.Context(), p.names)
	})
	left, err := admin.Versions(t.Context(), p.names)
	if err != nil || !slices.Equal(left, []string{next.names.Version}) {
		t.Errorf("after removing %s there are %s (%v)", p.names.Version, strings.Join(left, ", "), err)
	}
	for _, r := range roles {
		r.stop()
	}
}
