package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// Every role that is told to stop while the broker says nothing ends soon: its supervisor would
// kill it, and `pulse run` waits for each.
func TestStopWithoutBroker(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(sink.Close)
	cluster, silence := topicstest.Silenced(t)
	file := writeFile(t, "stats.yaml", alertDefinitions+"routes:\n  all: {webhook: $HOOK}\n")
	d := &deployment{t: t, cluster: cluster, names: namesOf(t, "", file), env: map[string]string{
		"KAFKA_URL": strings.Join(cluster.Brokers, ","), "PULSE_STATS": file, "PULSE_LOG_LEVEL": "warn", "HOOK": sink.URL,
	}}
	d.start("topics", "--create", "--partitions", "2").succeed()
	stdin, lines := io.Pipe()
	t.Cleanup(func() { lines.Close() })
	log := writeFile(t, "a.log", "2012-11-22T09:00:00Z a\n")
	network := start(t, d.env, stdin, "ingest", "--stdin")
	roles := []*pulse{
		network,
		d.start("receive"),
		d.start("merge", "--history", "48h"),
		d.start("web", "--http", "127.0.0.1:0"),
		d.start("alert"),
		d.start("emit", "--remote-write", sink.URL),
		d.start("ingest", "--file", log, "--id", "files"),
		d.start("tail"),
	}
	if _, err := io.WriteString(lines, "2012-11-22T09:00:00Z a\n"); err != nil {
		t.Fatal(err)
	}
	admin := topicstest.Admin(t, cluster)
	n := d.names
	groups := []string{n.ReceiverGroup(), n.MergerGroup(), n.MinutesGroup(), n.HistoryGroup(), n.AlertGroup(), n.NotifyGroup(), n.EmitGroup()}
	testkit.Eventually(t, "all roles are at work", func() error {
		described, err := admin.DescribeGroups(t.Context(), groups...)
		if err != nil {
			return err
		}
		for _, g := range described.Sorted() {
			if g.Err != nil || g.State != "Stable" || len(g.Members) == 0 {
				return fmt.Errorf("group %s is %s with %d members (%v)", g.Group, g.State, len(g.Members), g.Err)
			}
		}
		published, err := admin.Readable(t.Context(), n.Merged())
		for _, span := range published {
			if span.To > 0 {
				return nil
			}
		}
		return fmt.Errorf("nothing is published (%v)", err)
	})

	silence()
	time.Sleep(time.Second) // they ask it what it does not answer
	began := time.Now()
	var ends sync.WaitGroup
	for _, p := range roles {
		p.stop()
		ends.Go(func() {
			<-p.done
			limit := 2 * topics.LeaveTimeout
			if p == network {
				limit += flushTimeout // its lines cannot be read again
			}
			if took := time.Since(began); took > limit*time.Duration(testkit.Factor()) {
				t.Errorf("%s ended %v after it was told to", p, took.Round(time.Second))
			}
		})
	}
	ends.Wait()
}
