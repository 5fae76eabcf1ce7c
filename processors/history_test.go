package processors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/processors/history"
	"pulse/processors/merger"
	"pulse/processors/minutes"
	"pulse/processors/receiver"
	"pulse/processors/status"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// originals are the stats of the first version, clones the same by other names, which later
// versions have beside them.
const originals = `
  - {name: bytes, sum: bytes, over: 5s}
  - {name: mean, mean: bytes, over: 20s}
  - {name: least, min: bytes, over: 9s}
  - {name: quantiles, quantiles: bytes, at: [0.5, 0.99], over: 10s}
  - {name: hosts, unique: host, over: 7s}
  - {name: by-host, rate: second, by: host, over: 90s}
  - {name: h3, rate: minute, where: host == "h3"}
  - {name: grown, delta: bytes, by: host}
  - {name: all, rate: minute}
  - {name: share, ratio: [h3, all]}
`

func clones(prefix string) string {
	return strings.NewReplacer("name: ", "name: "+prefix, "[h3, all]", "["+prefix+"h3, "+prefix+"all]").Replace(originals)
}

// versionOf is a pipeline of other definitions on the same topics.
func (p *pipeline) versionOf(stat string) *pipeline {
	p.t.Helper()
	d, err := stats.Parse("test.yaml", []byte("lateness: 2s\nstats:"+stat))
	if err != nil {
		p.t.Fatal(err)
	}
	next := *p
	next.definitions, next.names.Version = d, d.Version()
	topicstest.Ensure(p.t, p.cluster, next.names, partitions)
	return &next
}

// begin runs a version's receiver and merger, and rolls up its minutes.
func (p *pipeline) begin() {
	r, err := receiver.New(receiver.Config{Cluster: p.cluster, Names: p.names, Definitions: p.definitions, History: 100 * time.Second, Logger: p.log})
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := merger.New(merger.Config{Cluster: p.cluster, Names: p.names, Definitions: p.definitions, Logger: p.log})
	if err != nil {
		p.t.Fatal(err)
	}
	roll := minutes.New(minutes.Config{Cluster: p.cluster, Names: p.names, Definitions: p.definitions, Logger: p.log})
	p.wait(p.run(r.Run, r.Ready), p.run(m.Run, m.Ready))
	p.run(func(ctx context.Context) error { roll.Run(ctx); return nil }, func() bool { return true })
}

// fill runs a member of the group that fills the history.
func (p *pipeline) fill() *role {
	return p.run(func(ctx context.Context) error { p.filler().Run(ctx); return nil }, func() bool { return true })
}

func (p *pipeline) filler() *history.Filler {
	cluster := p.cluster
	cluster.Session = topics.DefaultSession // one that is killed is waited for
	return history.New(history.Config{Cluster: cluster, Names: p.names, Definitions: p.definitions, History: 24 * time.Hour, Logger: p.log})
}

// fillVariable has the brokers, the prefix and the definitions of a process that fills.
const fillVariable = "PULSE_TEST_FILL"

// TestFillProcess is no test, but what fillProcess runs.
func TestFillProcess(t *testing.T) {
	words := strings.SplitN(os.Getenv(fillVariable), "\n", 3)
	if len(words) != 3 {
		t.Skip("it is a process of TestHistory")
	}
	d, err := stats.Parse("test.yaml", []byte(words[2]))
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{t: t, cluster: topics.Cluster{Brokers: strings.Split(words[0], ",")}, definitions: d, names: topics.Names{Prefix: words[1], Version: d.Version()}}
	p.filler().Run(t.Context())
}

// fillProcess starts a process that fills the history.
func (p *pipeline) fillProcess() *exec.Cmd {
	p.t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestFillProcess$") //nolint:gosec // the test itself
	c.Env = append(os.Environ(), fillVariable+"="+strings.Join([]string{strings.Join(p.cluster.Brokers, ","), p.names.Prefix, string(p.definitions.Source.Text)}, "\n"))
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		c.Process.Kill() //nolint:errcheck // it may have ended
		c.Wait()         //nolint:errcheck // it was killed
	})
	return c
}

func (p *pipeline) signal(c *exec.Cmd, s syscall.Signal) {
	p.t.Helper()
	if err := c.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// filled waits until a history is there that will do.
func (p *pipeline) filled(what string, enough func(h *topics.History) bool) (h *topics.History) {
	p.t.Helper()
	admin := topicstest.Admin(p.t, p.cluster)
	testkit.Eventually(p.t, what, func() error {
		var err error
		if _, h, err = admin.Catalogs(p.t.Context(), p.names); err != nil {
			return err
		}
		if h == nil || !enough(h) {
			return fmt.Errorf("the history is %+v", h)
		}
		return nil
	})
	return h
}

// historyLog sends a log of so many seconds: with pauses of its ingester, and lines that are
// late, ahead and of no second.
func (p *pipeline) historyLog(from, to int64) {
	since := from
	for second := from; second < to; second++ {
		if n := second - from; n > 900 && n%1000 < 75 { // more than a minute: runs
			since = second + 1
			continue
		}
		for q := range int32(partitions) {
			at := second - second%4
			lines := fmt.Appendf(nil, "time=%s bytes=%d host=h%d\nbytes=%d host=h%d", time.Unix(at, 0).UTC().Format(time.RFC3339), second%1000+int64(q), second%7, (second*second)%777, second%40)
			h := topics.RawHeader{Ingester: "live", Clock: second*1000 + 17, Domain: topics.WallDomain}
			p.client.Produce(p.t.Context(), &kgo.Record{Topic: p.names.Raw(), Partition: q, Headers: h.Headers(), Value: lines}, nil)
			h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Partitions: partitions, Since: since}
			p.client.Produce(p.t.Context(), &kgo.Record{Topic: p.names.Raw(), Partition: q, Headers: h.Headers()}, nil)
		}
	}
}

// A new stat comes with the history that it would have, had it always been there: to the
// byte, whoever fills it, while they come and go, and in the version after that too.
func TestHistory(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	first := newPipeline(t, cluster, prefix).versionOf(originals)
	const length = 2600
	start := time.Now().Unix() - length
	first.begin()
	first.historyLog(start, start+length)
	published := map[point]stats.Snapshot{}
	ended := map[string]bool{}
	first.until("the log is published", func(s stats.Snapshot) bool {
		if s.Version == first.names.Version && s.Final {
			s.Revision = 0
			for one := range s.Seconds(s.First(), s.Time) {
				for second := one.First(); second <= one.Time; second++ {
					published[point{s.Stat, second}] = one
				}
			}
		}
		if s.Final && s.Time >= start+length-4 {
			ended[s.Stat] = true
		}
		return len(ended) == len(first.definitions.All())
	})
	first.untilCommitted(start + length)

	second := first.versionOf(originals + clones("a-"))
	second.begin()
	killed := second.fillProcess()
	chunk := second.filled("one chunk is filled", func(h *topics.History) bool { return len(h.Chunks) > 0 })
	second.signal(killed, syscall.SIGKILL)
	paused := second.fillProcess()
	second.filled("another goes on when the first was killed", func(h *topics.History) bool { return len(h.Chunks) > len(chunk.Chunks) || h.Done() })
	second.signal(paused, syscall.SIGSTOP)
	second.fill()
	second.filled("the history is filled", (*topics.History).Done)
	second.signal(paused, syscall.SIGCONT)
	h := second.filled("the history is filled", (*topics.History).Done)
	if h.From > start || h.To <= start+length-300 {
		t.Errorf("filled is [%d, %d) of %d s", h.From-start, h.To-start, length)
	}
	seen, err := status.Look(t.Context(), topicstest.Admin(t, cluster), second.names, second.definitions, time.Now(), status.DefaultLimits)
	if err != nil || seen.History == nil || seen.History.From.Unix() != h.From || !strings.Contains(seen.Text(), "\nhistory      of new stats from ") {
		t.Errorf("the status is %+v (%v)", seen, err)
	}
	second.compareHistory(h, published, "a-")
	second.compareMinutes(first, h, "a-")

	third := second.versionOf(originals + clones("a-") + clones("b-"))
	third.begin()
	third.fill()
	h = third.filled("the history of the third version is filled", (*topics.History).Done)
	third.compareHistory(h, published, "b-")
	third.compareMinutes(first, h, "b-")

	// Nothing is done twice.
	again := len(h.Chunks)
	third.fill()
	if h := third.filled("it is filled", (*topics.History).Done); len(h.Chunks) != again {
		t.Errorf("a filler that came later has left %d chunks of %d", len(h.Chunks), again)
	}
}

// compareHistory compares what was filled of clones with what was published of the originals.
func (p *pipeline) compareHistory(h *topics.History, published map[point]stats.Snapshot, prefix string) {
	p.t.Helper()
	chunks := map[int32][]topics.Span{}
	for q := range int32(partitions) {
		chunks[q] = h.Spans(q, h.From, h.To-1)
	}
	got := map[point]string{}
	topicstest.Read(p.t, p.cluster, p.names.History(), func(r *kgo.Record) {
		inside := false
		for _, s := range chunks[r.Partition] {
			inside = inside || s.From <= r.Offset && r.Offset < s.To
		}
		for line := range bytes.Lines(r.Value) {
			s, err := stats.ParseSnapshot(line)
			if err != nil || s.Stat != string(r.Key) {
				p.t.Fatalf("%s: %v", line, err)
			}
			if !inside || s.Version != p.names.Version || !strings.HasPrefix(s.Stat, prefix) {
				continue
			}
			if s.StaleSince != 0 {
				for second := s.StaleSince; second <= s.Time; second++ {
					got[point{s.Stat, second}] = "stale"
				}
				continue
			}
			for one := range s.Seconds(s.First(), s.Time) {
				got[point{s.Stat, one.Time}] = text(one)
			}
		}
	})
	maps.DeleteFunc(got, func(at point, _ string) bool { return at.second >= h.To })
	compared, wrong := 0, 0
	for at, original := range published {
		if at.second >= h.To || strings.HasPrefix(at.stat, "pulse.") {
			continue
		}
		clone := point{prefix + at.stat, at.second}
		want := "stale"
		if original.StaleSince == 0 {
			original.Stat, original.Version = clone.stat, p.names.Version
			want = text(original)
		}
		if got[clone] != want {
			if wrong++; wrong < 10 {
				p.t.Errorf("%s at %d (%d before the end): filled is %s, published was %s", at.stat, at.second, h.To-at.second, got[clone], want)
			}
		}
		delete(got, clone)
		compared++
	}
	for at, value := range got {
		if wrong++; wrong < 10 {
			p.t.Errorf("%s at %d (%d after the beginning) was filled, but not published: %s", at.stat, at.second, at.second-h.From, value)
		}
	}
	p.t.Logf("%d points compared, %d wrong", compared, wrong)
	if compared < 1000 {
		p.t.Errorf("only %d points were compared", compared)
	}
}

// compareMinutes compares the minutes and digests of clones with those of the originals.
func (p *pipeline) compareMinutes(first *pipeline, h *topics.History, prefix string) {
	p.t.Helper()
	type key struct {
		stat string
		time int64
	}
	testkit.Eventually(p.t, "the minutes are the same", func() error {
		published, filled := map[key]topics.Minute{}, map[key]topics.Minute{}
		topicstest.Read(p.t, p.cluster, p.names.Minutes(), func(r *kgo.Record) {
			for line := range bytes.Lines(r.Value) {
				m, err := topics.DecodeMinute(line)
				if err != nil {
					p.t.Fatal(err)
				}
				into := published
				if m.Version == p.names.Version {
					into = filled
				} else if m.Version != first.names.Version {
					continue
				}
				at := key{m.Stat, m.Time}
				known := into[at]
				known.Join(m)
				known.Stat, known.Version, known.Time = "", "", m.Time
				into[at] = known
			}
		})
		compared := 0
		for at, want := range published {
			if at.time+60 > h.To || strings.HasPrefix(at.stat, "pulse.") || want.Seconds+want.Clockless < 60 {
				continue // of a minute at the log's end
			}
			if got := filled[key{prefix + at.stat, at.time}]; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				return fmt.Errorf("the minute of %s at %d (%d to the end) is %+v, want %+v", at.stat, at.time, h.To-at.time, got, want)
			}
			compared++
		}
		if compared < 100 {
			return errors.New("there are few minutes")
		}
		return nil
	})
}
