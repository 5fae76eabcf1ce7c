package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

// hangup sends what SIGHUP is, once the command takes it.
func (p *pulse) hangup() {
	p.t.Helper()
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		select {
		case p.hangups <- syscall.SIGHUP:
		case <-p.done:
		}
	}()
	testkit.Done(p.t, p.String()+" takes a hangup", taken, func() error { return fmt.Errorf("it said %s", p.stderr) })
}

func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *pulse) says(text string) {
	p.t.Helper()
	testkit.Eventually(p.t, fmt.Sprintf("%s says %q", p, text), func() error {
		if said := p.stderr.String() + p.stdout.String(); !strings.Contains(said, text) {
			return fmt.Errorf("it said %s", said)
		}
		return nil
	})
}

// TestReload: a hangup has all roles of a process go on with another definitions file, and
// one that is wrong changes nothing.
func TestReload(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	const first = "stats:\n  - {name: lines, rate: second, over: 1s}\n"
	file := writeFile(t, "stats.yaml", first)
	tokens := writeFile(t, "tokens", "read ann 0123456789abcdef\n")
	r := startRun(t, file, "", nil, "--syslog-tcp", "127.0.0.1:0", "--log-level", "info", "--http-token-file", tokens)
	published := func(version, stat string) {
		t.Helper()
		names := r.names
		names.Version = version
		got := follow(t, r.cluster, names)
		got.until(stat+" of version "+version+" is published", func() error {
			for _, s := range got.points {
				if s.Stat == stat && s.Version == version {
					return nil
				}
			}
			return fmt.Errorf("%d points of others", len(got.points))
		})
	}
	published(r.names.Version, "lines")

	for _, wrong := range []struct{ text, says string }{
		{"stats:\n  - {name: lines, rate: secnod}\n", "secnod"},
		{"lateness: 5s\n" + first, "start pulse run again"},
		{first, "has not changed"},
	} {
		rewrite(t, file, wrong.text)
		r.hangup()
		r.says(wrong.says)
	}
	// So are tokens, with a file of definitions that has not changed, and with one that has.
	answers := func(token string, want int) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/api/stats", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("the token %s is answered with %d, want %d", token, answer.StatusCode, want)
		}
	}
	rewrite(t, tokens, "read ann short\n")
	r.hangup()
	r.says(tokens + ":1: the token of ann has 5 bytes")
	answers("0123456789abcdef", 200)
	rewrite(t, tokens, "read ann fedcba9876543210\n")
	r.hangup()
	r.says("reloaded the tokens")
	answers("0123456789abcdef", 401)
	rewrite(t, tokens, "nonsense")

	second := first + "  - {name: more, count: lines, over: 1s}\n"
	rewrite(t, file, second)
	r.hangup()
	definitions, err := stats.Parse(file, []byte(second))
	if err != nil {
		t.Fatal(err)
	}
	r.says("going on with other definitions")
	published(definitions.Version(), "more")
	urls := regexp.MustCompile(`msg="serving the page" url=(\S+)`).FindAllStringSubmatch(r.stderr.String(), -1)
	r.url = urls[len(urls)-1][1]
	answers("fedcba9876543210", 200) // those of before
	r.stop()
	if code := r.wait(); code != exitOK {
		t.Errorf("it ended with %d", code)
	}
}

// TestReloadOfRoles: a receiver goes on as it was until the topics of other definitions are
// there, and has other definitions then.
func TestReloadOfRoles(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	const first = "stats:\n  - {name: lines, rate: second, over: 1s}\n"
	file := writeFile(t, "stats.yaml", first)
	d := deploy(t, file, 2, 0)
	d.env["PULSE_LOG_LEVEL"] = "info"
	roles := []*pulse{d.start("receive"), d.start("merge")}
	d.start("ingest", "--syslog-tcp", "127.0.0.1:0")
	for _, role := range roles {
		role.says("session started")
	}
	second := first + "  - {name: more, count: lines, over: 1s}\n"
	rewrite(t, file, second)
	for _, role := range roles {
		role.hangup()
		role.says("nothing is reloaded")
	}
	d.start("topics", "--create").succeed()
	for _, role := range roles {
		role.hangup()
		role.says("going on with other definitions")
	}
	definitions, err := stats.Parse(file, []byte(second))
	if err != nil {
		t.Fatal(err)
	}
	names := d.names
	names.Version = definitions.Version()
	got := follow(t, d.cluster, names)
	got.until("the new stat is published", func() error {
		for _, s := range got.points {
			if s.Stat == "more" && s.Version == names.Version {
				return nil
			}
		}
		return fmt.Errorf("%d points of others", len(got.points))
	})
}
