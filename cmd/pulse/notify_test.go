package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
)

// A hook is a receiver of alerts that fails at first.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	fails int
	got   []string
}

func newHook(t *testing.T, fails int) *hook {
	h := &hook{fails: fails}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		var body struct{ Alert, Key, Status string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if h.fails > 0 {
			h.fails--
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		h.got = append(h.got, strings.Join(strings.Fields(body.Alert+" "+body.Key+" "+body.Status), " "))
	}))
	t.Cleanup(h.Close)
	return h
}

// has waits until something was sent so often.
func (h *hook) has(t *testing.T, want string, times int) {
	t.Helper()
	testkit.Eventually(t, "a receiver gets "+want, func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		n := 0
		for _, got := range h.got {
			if got == want {
				n++
			}
		}
		if n != times {
			return fmt.Errorf("it got %q", h.got)
		}
		return nil
	})
}

func errorLine(status int) string {
	return fmt.Sprintf("%s status=%d\n", time.Now().UTC().Format(time.RFC3339Nano), status)
}

// flows writes a line every 100 ms, of a status that can be changed.
func flows(t *testing.T, w io.Writer) func(status int) {
	t.Helper()
	var mu sync.Mutex
	status := 200
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
				mu.Lock()
				line := errorLine(status)
				mu.Unlock()
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
		}
	}()
	return func(s int) {
		mu.Lock()
		defer mu.Unlock()
		status = s
	}
}

// TestAlertsAreSent: what fires and what is over is sent by its routes, however a receiver
// fails at first; one that refuses holds nobody up; and what is silenced is not sent.
func TestAlertsAreSent(t *testing.T) {
	t.Parallel()
	good, refusing := newHook(t, 2), httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	file := writeFile(t, "stats.yaml", `
stats:
  - {name: errors, count: lines, where: status >= 500, over: 1s}
  - {name: warnings, count: lines, where: status >= 400, over: 1s}
alerts:
  - {name: failing, when: errors > 0, to: [hook, lost]}
  - {name: quiet, when: warnings > 0, to: hook}
routes:
  hook: {webhook: `+good.URL+`/SECRET}
  lost: {slack: `+refusing.URL+`/SECRET}
`)
	r, w := io.Pipe()
	defer w.Close()
	run := startRun(t, file, "", r)
	for _, bad := range [][]string{
		{"silence", "quiet"}, {"silence", "quite", "--why", "x"}, {"silence", "quiet", "--why", "x", "--for", "9000h"}, {"silence", "--end", "nothing"}, {"silence", "a", "b", "--why", "x"},
		{"silence", "quiet", "--why", "x", "--for", "1h", "--until", "22:00"}, {"silence", "quiet", "--why", "x", "--until", "2020-01-01T00:00:00Z"}, {"silence", "quiet", "--why", "x", "--from", "tomorrow"},
	} {
		if code := start(t, run.env(file), nil, bad...).wait(); code != exitUsage {
			t.Errorf("pulse %v: exit code %d", bad, code)
		}
	}
	said := start(t, run.env(file), nil, "silence", "qui*", "--why", "a test", "--who", "me").succeed().stdout.String()
	list := start(t, run.env(""), nil, "silence").succeed().stdout.String()
	id := strings.Fields(list[strings.Index(list, "\n"):])
	if !strings.Contains(said, "qui* is silenced until ") || len(id) != 7 || !slices.Equal(id[3:6], []string{"me", "a", "test"}) {
		t.Errorf("it said %q, and lists %q", said, list)
	}
	status := flows(t, w)
	status(500)
	good.has(t, "failing firing", 1)
	testkit.Eventually(t, "status lists what fires and what is silenced", func() error {
		text := start(t, run.env(file), nil, "status", "--max-behind", "1h")
		text.wait()
		if said := text.stdout.String(); !strings.Contains(said, "\n  firing     failing since ") || !strings.Contains(said, "\n  firing     quiet since ") || !strings.Contains(said, ", silenced until ") {
			return errors.New(said)
		}
		return nil
	})
	status(200)
	good.has(t, "failing resolved", 1)
	run.logs("404 Not Found")
	if logs := run.stderr.String(); strings.Contains(logs, "SECRET") || !strings.Contains(logs, "route=lost") {
		t.Errorf("it logs %s", logs)
	}
	testkit.Eventually(t, "status says what was refused", func() error {
		text := start(t, run.env(file), nil, "status", "--max-behind", "1h")
		text.wait()
		if !strings.Contains(text.stdout.String(), "404 Not Found") {
			return errors.New(text.stdout.String())
		}
		return nil
	})
	good.mu.Lock()
	if got := strings.Join(good.got, ", "); strings.Contains(got, "quiet") {
		t.Errorf("a silenced alert was sent: %s", got)
	}
	good.mu.Unlock()
	// Who is called at night may not have the file.
	blind := start(t, run.env(""), nil, "silence", "other", "--why", "x").succeed()
	if !strings.Contains(blind.stdout.String(), "other is silenced until ") || !strings.Contains(blind.stderr.String(), "not checked without --stats") {
		t.Errorf("without the file it said %q and %q", blind.stdout, blind.stderr)
	}
	start(t, run.env(""), nil, "silence", "--end", id[6]).succeed()
	status(400)
	good.has(t, "quiet firing", 1)
}

func TestSilenceSpan(t *testing.T) {
	now := time.Date(2026, 1, 2, 23, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		s    silenceSettings
		want string
	}{
		{silenceSettings{}, "2026-01-02T23:30:00Z 2026-01-03T00:30:00Z"},
		{silenceSettings{from: "22:00", until: "22:30"}, "2026-01-03T22:00:00Z 2026-01-03T22:30:00Z"},
		{silenceSettings{from: "23:45", until: "00:15:30"}, "2026-01-02T23:45:00Z 2026-01-03T00:15:30Z"},
		{silenceSettings{from: "2026-01-09T01:00:00+01:00", lasts: time.Minute}, "2026-01-09T00:00:00Z 2026-01-09T00:01:00Z"},
		{silenceSettings{until: "2026-01-02T23:00:00Z"}, "it would be over since 2026-01-02T23:00:00Z"},
		{silenceSettings{until: "soon"}, "--until: write a time such as 2026-11-22T22:00:00Z, or 22:00 for the next one in UTC"},
	} {
		from, until, err := c.s.span(now)
		got := utc(from.Unix()) + " " + utc(until.Unix())
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.s, got, c.want)
		}
	}
}

// TestAlertmanager: a real one receives, groups and resolves, and the role may restart
// meanwhile.
func TestAlertmanager(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	program := testkit.Tool(t, "prometheus-alertmanager")
	hook := newHookOf(t)
	config := writeFile(t, "am.yml", `
route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: "`+hook.URL+`", send_resolved: true}]}]
`)
	address := freeAddress(t)
	am := exec.Command(program, "--config.file="+config, "--storage.path="+filepath.Join(t.TempDir(), "am"), "--web.listen-address="+address, "--cluster.listen-address=")
	am.Stderr = os.Stderr
	if err := am.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		am.Process.Kill() //nolint:errcheck // it ends
		am.Wait()         //nolint:errcheck
	}()
	ready(t, "http://"+address+"/-/ready")
	file := writeFile(t, "stats.yaml", `
stats: [{name: by, count: lines, by: status, where: status >= 500, over: 1s}]
alerts: [{name: failing, when: any key of by > 0, keep: 2s}]
routes: {am: {alertmanager: "http://`+address+`"}}
`)
	d := deploy(t, file, 2, 1)
	first := d.start("alert")
	r, w := io.Pipe()
	defer w.Close()
	start(t, d.env, r, "ingest", "--stdin")
	status := flows(t, w)
	status(500)
	hook.has(t, "firing failing [500]")
	status(503)
	hook.has(t, "firing failing [503]")
	first.terminate()
	second := d.start("alert")
	hook.has(t, "resolved failing [500]")
	status(200)
	hook.has(t, "resolved failing [503]")
	second.terminate()
}

// A groupHook is what Alertmanager notifies.
type groupHook struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

func newHookOf(t *testing.T) *groupHook {
	h := &groupHook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			GroupLabels map[string]string
			Alerts      []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, a := range body.Alerts {
			h.got = append(h.got, fmt.Sprintf("%s %s [%s]", a.Status, body.GroupLabels["alertname"], a.Labels["key"]))
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *groupHook) has(t *testing.T, want string) {
	t.Helper()
	testkit.Eventually(t, "Alertmanager notifies "+want, func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !slices.Contains(h.got, want) {
			return fmt.Errorf("it notified %q", h.got)
		}
		return nil
	})
}

// TestTimesAndSpans: a silence of no time is refused, and a time of day is the last one.
func TestTimesAndSpans(t *testing.T) {
	p := start(t, nil, nil, "silence", "errors", "--for", "0s", "--why", "deploy")
	if code := p.wait(); code != exitUsage || !strings.Contains(p.stderr.String(), "write more than 0") {
		t.Errorf("--for 0s: exit code %d, %s", code, p.stderr)
	}
	for _, f := range []func(s *int64) error{
		func(s *int64) error { return pastFlag(s)("23:21:00") },
		func(s *int64) error {
			why := whySettings{}
			err := why.check([]string{"errors", "23:21:00"})
			*s = why.at
			return err
		},
	} {
		var second int64
		if err := f(&second); err != nil || second%(24*3600) != 23*3600+21*60 || second > time.Now().Unix() || second < time.Now().Unix()-24*3600 {
			t.Errorf("23:21:00 is %d (%v)", second, err)
		}
	}
}
