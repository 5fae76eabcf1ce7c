package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"pulse/cmd/dev/testkit"
)

// monitoring is what deploy/grafana has for a Prometheus that scrapes Pulse's processes.
const monitoring = "../../deploy/grafana/"

// An expression is one of the dashboard or the rules.
type expression struct{ where, text string }

// expressions are those of the dashboard and the rules, and the names of the alerts.
func expressions(t *testing.T) (all []expression, alerts []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	data, err := os.ReadFile(monitoring + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("the panel %q lies on %q, or is too far to the right", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			text := strings.NewReplacer("$__rate_interval", "5m", "$job", ".+").Replace(target.Expr)
			all = append(all, expression{"the panel " + p.Title, text})
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if data, err = os.ReadFile(monitoring + "rules.yml"); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			alerts = append(alerts, r.Alert)
			all = append(all, expression{"the alert " + r.Alert, r.Expr})
		}
	}
	return all, alerts
}

// TestMonitoring: each metric that the dashboard and the rules ask for is exported by Pulse's
// processes, with the labels that are asked for; and promtool has nothing against any.
func TestMonitoring(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	promtool := testkit.Tool(t, "promtool")
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	file := writeFile(t, "stats.yaml", alertDefinitions+"routes: {hook: {webhook: \""+receiver.URL+"\"}}\n")
	lines, stdin := newTail(t)
	run := startRun(t, file, "", stdin)
	lines.write(200)
	closes(t, run.cluster, run.names)

	urls := []string{run.url}
	role := func(args ...string) {
		t.Helper()
		address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
		start(t, run.env(file), nil, append(args, "--ops", address)...)
		urls = append(urls, "http://"+address)
	}
	log := writeFile(t, "a.log", "a=1\n")
	role("ingest", "--file", log, "--follow")
	role("ingest", "--drain", "127.0.0.1:0", "--drain-sources", "a=b", "--syslog-udp", "127.0.0.1:0", "--syslog-tcp", "127.0.0.1:0", "--aorta", "aorta://s@127.0.0.1:1")
	role("emit", "--statsd", "127.0.0.1:8125")
	role("receive")
	role("merge")
	role("alert")

	labels := map[string]map[string]bool{} // by metric
	for i, url := range urls {
		testkit.Eventually(t, "the process shows its metrics", func() error {
			response, err := http.Get(url + "/metrics")
			if err != nil {
				return err
			}
			response.Body.Close()
			return nil
		})
		text := fetch(t, url+"/metrics")
		check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		check.Stdin = strings.NewReader(text)
		out, err := check.CombinedOutput()
		for line := range bytes.Lines(out) {
			// Its quantiles are of a window that moves, and no summary.
			if !bytes.HasPrefix(line, []byte("pulse_stat non-")) {
				t.Errorf("%s: %s", url, line)
			}
		}
		if err != nil && len(out) == 0 {
			t.Errorf("%s: %v", url, err)
		}
		for _, m := range regexp.MustCompile(`(?m)^(\w+)(\{.*\})? `).FindAllStringSubmatch(text, -1) {
			if labels[m[1]] == nil {
				labels[m[1]] = map[string]bool{"job": true, "instance": true}
			}
			for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
				labels[m[1]][l[1]] = true
			}
		}
		if i == 0 && labels["pulse_receiver_clock_timestamp_seconds"] == nil {
			t.Errorf("the run has no metrics of a receiver:\n%s", text)
		}
	}
	labels["up"] = map[string]bool{"job": true, "instance": true} // of Prometheus itself
	all, _ := expressions(t)
	p := parser.NewParser(parser.Options{})
	for _, e := range all {
		expr, err := p.ParseExpr(e.text)
		if err != nil {
			t.Errorf("%s: %v", e.where, err)
			continue
		}
		of := map[string]bool{}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if v, ok := node.(*parser.VectorSelector); ok {
				if labels[v.Name] == nil {
					t.Errorf("%s asks for %s, which no process exports", e.where, v.Name)
				}
				maps.Copy(of, labels[v.Name])
			}
			return nil
		})
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if a, ok := node.(*parser.AggregateExpr); ok {
				for _, name := range a.Grouping {
					if !of[name] && name != "definitions" { // which label_replace makes
						t.Errorf("%s groups by %s, which is a label of none of its metrics: %v", e.where, name, slices.Sorted(maps.Keys(of)))
					}
				}
			}
			return nil
		})
	}
}

// TestMonitoringRules: promtool takes the rules, and each alert fires in a test of theirs, and
// does not in another one.
func TestMonitoringRules(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	promtool := testkit.Tool(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules-test.yml"}} {
		c := exec.CommandContext(t.Context(), promtool, args...)
		c.Dir = monitoring
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	tests, err := os.ReadFile(filepath.Join(monitoring, "rules-test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	_, alerts := expressions(t)
	for _, alert := range alerts {
		for _, want := range []string{" fires\n", " does not fire\n"} {
			if !strings.Contains(string(tests), "name: "+alert+want) {
				t.Errorf("rules-test.yml has no test in which %s%s", alert, strings.TrimSuffix(want, "\n"))
			}
		}
	}
}
