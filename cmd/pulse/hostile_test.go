package main

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"pulse/cmd/dev/hostile"
	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// TestHostile: while others forge records for every topic, talk nonsense to the broker and
// abuse the page, no role ends, and the numbers of what honest ingesters send are exact.
// `make chaos SCENARIOS=hostile` does it for ten minutes, and looks at memory.
func TestHostile(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	own := topicstest.Own(t)
	file := writeFile(t, "stats.yaml", fmt.Sprintf(everyKind, "2s"))
	d := deployOn(t, topics.Cluster{Brokers: own.Addrs()}, "hostile.", file, 3, 2)
	addr := freeAddress(t)
	d.start("web", "--http", addr)
	pipe, from := newTail(t)
	ingest := start(t, d.env, from, "ingest", "--stdin", "--id", "honest")
	pipe.write(10)
	closes(t, d.cluster, d.names)
	ready(t, "http://"+addr+"/readyz")

	ctx, stop := context.WithCancel(t.Context())
	attack := make(chan error, 1)
	target := hostile.Target{Brokers: own.Addrs(), Names: d.names, Domain: topics.WallDomain, Stat: "lines", HTTP: "http://" + addr, Babble: true}
	go func() { attack <- target.Attack(ctx) }()
	for range 100 {
		pipe.write(5)
		time.Sleep(100 * time.Millisecond) // the load's own pace
	}
	stop()
	if err := <-attack; err != nil {
		t.Error(err)
	}
	pipe.to.Close()
	ingest.succeed()

	got := follow(t, d.cluster, d.names)
	got.equals(evaluate(t, d.env, "--raw"), 0)
	if lines := accountOf(t, got.points).Lines; lines < uint64(len(pipe.lines)) {
		t.Errorf("%d lines are accounted for, %d were sent", lines, len(pipe.lines))
	}
	ready(t, "http://"+addr+"/readyz")
	d.start("status", "--max-behind", "1h", "--max-discarded", "1").wait() // it says something, whatever that is
}

// freeAddress is one that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
