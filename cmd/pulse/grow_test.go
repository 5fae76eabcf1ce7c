package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// A source writes lines of now to an ingester, for as long as it is not closed.
type source struct {
	lines atomic.Int64
	stop  chan struct{}
	ended sync.WaitGroup
}

func (d *deployment) source(name string) *source {
	from, to := io.Pipe()
	s := &source{stop: make(chan struct{})}
	start(d.t, d.env, from, "ingest", "--stdin", "--id", name)
	s.ended.Go(func() {
		defer to.Close()
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-s.stop:
				return
			case now := <-ticker.C:
				var b strings.Builder
				for j := range 5 {
					fmt.Fprintf(&b, "%s heroku[router]: at=info method=GET path=\"/p/%d\" host=h%d.example.com connect=1ms service=%d.%dms status=200 bytes=512\n",
						now.Add(-time.Duration(i%4)*time.Second).UTC().Format("2006-01-02T15:04:05.000000+00:00"), i%50, j, i%90, i%10)
				}
				if _, err := io.WriteString(to, b.String()); err != nil {
					return
				}
				s.lines.Add(5)
			}
		}
	})
	d.t.Cleanup(s.close)
	return s
}

func (s *source) close() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.ended.Wait()
}

// TestGrow: while all runs, with several of each role, partitions are added by an admin, who
// is told what to do, and `pulse topics --grow` lets the log use them and more. It is killed in
// between, and so are roles; each point is what eval says of the log.
func TestGrow(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "5s"))
	d := deploy(t, file, 3, 1)
	kill := []func(){d.killed("receive", "--instance", "r2"), d.killed("merge", "--instance", "m2")}
	sources := []*source{d.source("a"), d.source("b")}
	m := follow(t, d.cluster, d.names)
	ages := d.watchAges()
	// on lets the newest second become so many seconds later.
	on := func(what string, seconds int64) {
		t.Helper()
		from := max(ages.newest.Load(), 1)
		testkit.Eventually(t, what, func() error {
			if newest := ages.newest.Load(); newest < from+seconds {
				return fmt.Errorf("the newest second is %d, from %d", newest, from)
			}
			return nil
		})
		t.Logf("%s: the newest second was %v old at most", what, time.Duration(ages.worst.Swap(0)).Round(time.Millisecond))
	}
	on("seconds are published", 0)
	on("they go on", 3)

	admin := topicstest.Admin(t, d.cluster)
	raw := d.names.Raw()
	if answers, err := admin.UpdatePartitions(t.Context(), 5, raw); err != nil || answers.Error() != nil {
		t.Fatal(err, answers.Error())
	}
	on("seconds are published beside partitions that were added", 4)
	added := raw + " has 5 partitions, of which Pulse uses the first 3"
	for _, command := range []string{"topics", "status"} {
		testkit.Eventually(t, command+" says what was added", func() error {
			p := d.start(command)
			if p.wait(); !strings.Contains(p.stdout.String(), added) || !strings.Contains(p.stdout.String(), "run `pulse topics --grow 5`") {
				return errors.New(p.stdout.String() + p.stderr.String())
			}
			return nil
		})
	}
	refused := d.start("topics", "--grow", "4")
	if code := refused.wait(); code != exitFailed || !strings.Contains(refused.stderr.String(), "has 5 partitions already") {
		t.Errorf("exit code %d: %s", code, refused.stderr)
	}
	plan := d.start("topics", "--grow", "8", "--dry-run").succeed()
	if !strings.Contains(plan.stdout.String(), "add 3 partitions") {
		t.Error(plan.stdout)
	}

	for i := range 3 {
		c := d.process("topics", "--grow", "8")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i*100) * time.Millisecond) // somewhere in it
		c.Process.Kill()
		c.Wait()
	}
	on("seconds are published after a growth that was killed", 2)
	testkit.Eventually(t, "the log grows", func() error {
		p := d.start("topics", "--grow", "8")
		if code := p.wait(); code != exitOK {
			return errors.New(p.stderr.String())
		}
		t.Log(p.stdout)
		return nil
	})
	on("seconds are published after the growth", 9)
	for _, again := range kill {
		again()
	}
	again := d.start("topics", "--grow", "8").succeed()
	if !strings.Contains(again.stdout.String(), "there is nothing to do") {
		t.Error(again.stdout)
	}
	on("seconds are published after roles were killed", 3)
	sent := int64(0)
	for _, s := range sources {
		s.close()
		sent += s.lines.Load()
	}
	m.accountedFor(uint64(sent))
	want := evaluate(t, d.env, "--raw")
	m.equals(want, 0)
	if sum := accountOf(t, m.points); sum != want.account || sum.Lines != uint64(sent) {
		t.Errorf("pulse.lines adds up to %+v, eval --raw accounts for %+v, %d lines were sent", sum, want.account, sent)
	}
	packs := map[int32]int{}
	topicstest.Read(t, d.cluster, raw, func(r *kgo.Record) {
		if h, err := topics.ParseRawHeader(topics.Lookup(r.Headers)); err == nil && h.Tick == nil && h.Growth == nil {
			packs[r.Partition]++
		}
	})
	if len(packs) != 8 {
		t.Errorf("there are packs in %v, want 8 partitions", packs)
	}
}

// killed starts a process, and returns what kills it and starts it again.
func (d *deployment) killed(args ...string) func() {
	d.t.Helper()
	begin := func() func() {
		c := d.process(args...)
		if err := c.Start(); err != nil {
			d.t.Fatal(err)
		}
		return func() {
			c.Process.Kill()
			c.Wait()
		}
	}
	end := begin()
	d.t.Cleanup(func() { end() })
	return func() {
		end()
		end = begin()
	}
}

// ages is how old the newest published second is, as one sees who follows stats.merged.
type ages struct {
	newest atomic.Int64
	worst  atomic.Int64 // nanoseconds, since it was taken last
}

func (d *deployment) watchAges() *ages {
	m, a := follow(d.t, d.cluster, d.names), &ages{}
	var watching sync.WaitGroup
	ctx, cancel := context.WithCancel(d.t.Context())
	d.t.Cleanup(func() { cancel(); watching.Wait() })
	watching.Go(func() {
		for ctx.Err() == nil {
			polling, done := context.WithTimeout(ctx, pollTime/4)
			m.client.PollFetches(polling).EachRecord(func(r *kgo.Record) {
				var s stats.Snapshot
				if json.Unmarshal(r.Value, &s) == nil && string(s.Value) != "null" {
					a.newest.Store(max(a.newest.Load(), s.Time))
				}
			})
			done()
			if newest := a.newest.Load(); newest > 0 {
				a.worst.Store(max(a.worst.Load(), int64(time.Since(time.Unix(newest+1, 0)))))
			}
		}
	})
	return a
}
