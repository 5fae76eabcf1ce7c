package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
)

// fetch returns the body of a page that must be there.
func fetch(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return string(body)
}

// `pulse run` with lines: what status and /metrics say of it. Every metric is in
// the runbook, and every one that the runbook names is there.
func TestMetrics(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	file := writeFile(t, "stats.yaml", alertDefinitions+"routes: {hook: {webhook: \""+receiver.URL+"\"}}\n")
	w, stdin := newTail(t)
	run := startRun(t, file, "", stdin, "--heartbeat-url", receiver.URL)
	w.write(100)
	w.write(100)
	closes(t, run.cluster, run.names)
	start(t, run.env(file), nil, "status", "--max-behind", "1h", "--max-discarded", "1").succeed()
	var text string
	testkit.Eventually(t, "the merger has closed seconds and the lines are acknowledged", func() error {
		text = fetch(t, run.url+"/metrics")
		for _, want := range []string{
			`pulse_input_lines_total{input="stdin"} 200` + "\n", "pulse_ingest_lines_total 200\n", "pulse_receiver_lines_total 200\n",
			`pulse_merger_closed_timestamp_seconds{partition="0"} 1`, `pulse_merger_lag_records{partition="0"} 0`,
		} {
			if !strings.Contains(text, "\n"+want) {
				return fmt.Errorf("no %s in\n%s", want, text)
			}
		}
		return nil
	})

	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Errorf("/metrics cannot be read: %v", err)
	}
	for _, p := range problems {
		if p.Metric != "pulse_stat" { // whose quantiles are of a window that moves, and no summary
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	runbook, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	shown, documented := names(text, `(?m)^# TYPE (pulse_\w+)`), names(string(runbook), `(pulse_[a-z_]*[a-z])`)
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		if !documented[name] {
			t.Errorf("docs/operate.md does not say what %s is", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if !shown[name] {
			t.Errorf("docs/operate.md names %s, which is not at /metrics", name)
		}
	}
}

// names returns what a pattern's group matches.
func names(text, pattern string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return found
}

// A role's own server: it is well when it listens, and ready when it says so.
func TestOps(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	e := &environment{Stderr: io.Discard, LookupEnv: func(string) (string, bool) { return "", false }}
	r, err := (&roleFlags{logFlags: logFlags{format: "text"}}).openOn(e, topics.Cluster{})
	if err != nil {
		t.Fatal(err)
	}
	r.metrics.process()
	var ready atomic.Bool
	ops := opsFlags{addr: address}
	if err := ops.serve(ctx, r, ready.Load); err != nil {
		t.Fatal(err)
	}
	url := "http://" + address
	fetch(t, url+"/healthz")
	if response, err := http.Get(url + "/readyz"); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz before it is ready: %v, %v", response, err)
	}
	ready.Store(true)
	fetch(t, url+"/readyz")
	if text := fetch(t, url+"/metrics"); !strings.Contains(text, `pulse_info{version="`+r.names.Version+`"} 1`) || !strings.Contains(text, "\ngo_goroutines ") {
		t.Errorf("/metrics: %s", text)
	}
	if err := ops.serve(ctx, r, nil); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("two servers on one address: %v", err)
	}
}
