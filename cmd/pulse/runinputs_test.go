package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// pulse run takes the inputs of pulse ingest: files that it follows, and reads on after a
// restart; and syslog, with an inputs file.
func TestRunInputs(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), t.TempDir()
	log := filepath.Join(dir, "a.log")
	write := func(lines ...string) {
		t.Helper()
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, l := range lines {
			fmt.Fprintf(f, "%s %s\n", time.Now().UTC().Format(time.RFC3339Nano), l)
		}
	}
	holds := func(r *running, n int) {
		t.Helper()
		testkit.Eventually(t, "the lines are in Kafka", func() error {
			if got := rawLines(t, r.cluster, r.names); len(got) != n {
				return fmt.Errorf("there are %d: %q, want %d", len(got), got, n)
			}
			return nil
		})
	}
	write("a", "b")
	run := startRun(t, "", data, nil, "--file", log, "--follow")
	holds(run, 2)
	run.terminate()
	write("c")
	run = startRun(t, "", data, nil, "--file", log, "--follow")
	holds(run, 3)
	run.terminate()

	port := fmt.Sprint(freePort(t))
	inputs := filepath.Join(dir, "inputs.yaml")
	if err := os.WriteFile(inputs, []byte("inputs:\n  - {syslog-tcp: '127.0.0.1:"+port+"', join: indent}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run = startRun(t, "", data, nil, "--inputs", inputs)
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "d\n e\n")
	c.Close()
	holds(run, 4)
	run.terminate()
}

// pulse run takes drains, and the records of a topic, too.
func TestRunDrainAndTopic(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	address := fmt.Sprint("127.0.0.1:", freePort(t))
	run := startRun(t, "", data, nil, "--drain", address, "--drain-sources", "shop=d.s3cret")
	frame := fmt.Sprintf("<134>1 %s host app web.1 - n=1", time.Now().UTC().Format(time.RFC3339))
	request, err := http.NewRequest("POST", "http://"+address+"/logs", strings.NewReader(fmt.Sprintf("%d %s", len(frame), frame)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/logplex-1")
	request.Header.Set("Logplex-Drain-Token", "d.s3cret")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("the drain answers %s", answer.Status)
	}
	if got := rawLines(t, run.cluster, run.names); len(got) != 1 { // 204: it is there
		t.Errorf("after 204 there are %q", got)
	}
	client, err := kgo.NewClient(run.cluster.ClientOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, -1, nil, "logs"); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: "logs", Value: fmt.Appendf(nil, `{"message":"%s n=2"}`, time.Now().UTC().Format(time.RFC3339))}
	if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	run.terminate()

	run = startRun(t, "", data, nil, "--kafka-topic", "logs", "--kafka-field", "message")
	testkit.Eventually(t, "the record is among the lines", func() error {
		if got := rawLines(t, run.cluster, run.names); len(got) != 2 || !strings.HasSuffix(got[1], " n=2") {
			return fmt.Errorf("there are %q", got)
		}
		return nil
	})
	run.terminate()
}
