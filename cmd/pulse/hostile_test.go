package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/hostile"
	"pulse/cmd/dev/testkit"
	"pulse/stats/alert"
	"pulse/topics"
	"pulse/topics/topicstest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestHostile: while others forge records for every topic, talk nonsense to the broker and
// abuse the page, no role ends, and the numbers of what honest ingesters send are exact.
// `make chaos SCENARIOS=hostile` does it for ten minutes, and looks at memory.
func TestHostile(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	own := topicstest.Own(t)
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "2s")+hostileAlerts)
	d := deployOn(t, topics.Cluster{Brokers: own.Addrs()}, "hostile.", file, 3, 2)
	addr := freeAddress(t)
	alert := d.start("alert")
	log := &grownLog{t: t, path: writeFile(t, "grown.log", "")}
	grown := d.start("ingest", "--file", log.path, "--follow", "--id", "files")
	d.start("web", "--http", addr)
	pipe, from := newTail(t)
	ingest := start(t, d.env, from, "ingest", "--stdin", "--id", "honest")
	pipe.write(10)
	closes(t, d.cluster, d.names)
	ready(t, "http://"+addr+"/readyz")

	ctx, stop := context.WithCancel(t.Context())
	attack := make(chan error, 1)
	target := hostile.Target{Brokers: own.Addrs(), Names: d.names, Domain: topics.WallDomain, Stat: "lines", HTTP: "http://" + addr, Babble: true, Bombs: true, Ingester: "files", Alert: "many"}
	go func() { attack <- target.Attack(ctx) }()
	for i := range 100 {
		pipe.write(5)
		log.write(1)
		time.Sleep(100 * time.Millisecond) // the load's own pace
		if i == 50 {                       // who begins finds what was forged
			grown.terminate()
			grown = d.start("ingest", "--file", log.path, "--follow", "--id", "files")
			alert.terminate()
			alert = d.start("alert")
			d.start("receive")
			d.start("merge")
		}
	}
	stop()
	if err := <-attack; err != nil {
		t.Error(err)
	}
	pipe.to.Close()
	ingest.succeed()
	grown.terminate()

	got := follow(t, d.cluster, d.names)
	got.equals(evaluate(t, d.env, "--raw"), 0)
	if lines := accountOf(t, got.points).Lines; lines < uint64(len(pipe.lines)+log.lines) {
		t.Errorf("%d lines are accounted for, %d and %d were sent", lines, len(pipe.lines), log.lines)
	}
	d.alertsEqualEval()
	ready(t, "http://"+addr+"/readyz")
	d.start("status", "--max-behind", "1h", "--max-discarded", "1").wait() // it says something, whatever that is
}

const hostileAlerts = `
alerts:
  - {name: many, when: lines > 40}
  - {name: little, when: lines < 45, on: final}
`

// alertsEqualEval demands that the transitions that the alert role wrote are those that eval
// makes of events.raw. Others write to the topic without its transactions.
func (d *deployment) alertsEqualEval() {
	d.t.Helper()
	want := map[string]alert.Transition{}
	for line := range strings.Lines(d.start("eval", "--raw", "--alerts").succeed().stdout.String()) {
		one, err := topics.ParseTransition([]byte(line))
		if err != nil {
			d.t.Fatal(err)
		}
		want[string(topics.AlertKey(one))] = one
	}
	testkit.Eventually(d.t, "the topic has the transitions that eval says", func() error {
		got := map[string]alert.Transition{}
		topicstest.Read(d.t, d.cluster, d.names.Alerts(), func(r *kgo.Record) {
			if one, err := topics.ParseTransition(r.Value); err == nil && r.Attrs.IsTransactional() {
				got[string(r.Key)] = one
			}
		})
		for key, w := range want {
			if g := got[key]; g.Withdrawn || g.State != w.State || g.Number != w.Number || !g.Final {
				return fmt.Errorf("of %d transitions %s is %+v, want %+v", len(want), key, g, w)
			}
		}
		return nil
	})
}

// A grownLog is a file that grows by lines of now.
type grownLog struct {
	t     *testing.T
	path  string
	lines int
}

func (l *grownLog) write(n int) {
	l.t.Helper()
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	for range n {
		l.lines++
		if _, err := fmt.Fprintf(f, "time=%s n=%d\n", time.Now().UTC().Format(time.RFC3339Nano), l.lines); err != nil {
			l.t.Fatal(err)
		}
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := testkit.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
