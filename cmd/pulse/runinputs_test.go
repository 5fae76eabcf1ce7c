package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
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
