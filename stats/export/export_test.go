package export

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

const definitions = `
stats:
  - {name: requests, title: Requests, help: 'All "of" them', rate: second, warn: 100, crit: 200, link: 'https://example.com/r'}
  - {name: share, ratio: [errors, requests], unit: '%', warn: 0.9, crit: 0.5, reversed: true}
  - {name: errors, rate: second, where: status >= 500}
  - {name: by-path, count: lines, by: path, top: 5, warn: 5, reversed: true}
  - {name: ms, quantiles: ms, at: [0.5, 0.99], unit: ms}
  - {name: ms-by-path, quantiles: ms, at: [0.5], by: path, top: 5, crit: 3}
  - {name: sizes, histogram: bytes, buckets: [10, 100], unit: B}
  - {name: memory, last: mem, unit: MiB, crit: 10, reversed: true}
pages:
  - title: One
    rows:
      - [requests, share, errors]
      - [by-path, ms]
  - title: Two
    rows:
      - [ms-by-path, sizes, pulse.lines, memory]
alerts:
  - {name: many-errors, when: errors > 2, clear: errors < 1, for: 10s, keep: 5s, runbook: 'https://example.com/errors', help: Look.}
  - {name: slow, when: p99 of ms > 500, unknown: fire after 2m}
  - {name: busy, when: any key of by-path >= 50}
  - {name: late, when: late of pulse.lines > 0}
`

func parse(t *testing.T, text string) *stats.Definitions {
	t.Helper()
	d, err := stats.Parse("stats.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDocs: what is printed is as it was looked at.
func TestDocs(t *testing.T) {
	d := parse(t, definitions)
	board, err := Grafana(d, "Pulse")
	if err != nil {
		t.Fatal(err)
	}
	testkit.GeneratedFile(t, "testdata/dashboard.json", board)
	rules, err := Rules(d)
	if err != nil {
		t.Fatal(err)
	}
	testkit.GeneratedFile(t, "testdata/rules.yml", rules)
}

// Panels lie beside one another within the grid, and have numbers of their own.
func TestPanelsDoNotOverlap(t *testing.T) {
	var many strings.Builder
	many.WriteString("stats:\n")
	row := ""
	for i := range 30 {
		fmt.Fprintf(&many, "  - {name: s%d, count: lines}\n", i)
		row += fmt.Sprintf("s%d, ", i)
	}
	for _, text := range []string{definitions, many.String(), many.String() + "pages: [{title: All, rows: [[" + strings.TrimSuffix(row, ", ") + "], [s0]]}]\n"} {
		made, err := Grafana(parse(t, text), "x")
		if err != nil {
			t.Fatal(err)
		}
		var board dashboard
		if err := json.Unmarshal(made, &board); err != nil {
			t.Fatal(err)
		}
		taken, ids := map[[2]int]string{}, map[int]bool{}
		for _, p := range board.Panels {
			if ids[p.ID] {
				t.Errorf("two panels are number %d", p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= gridWidth {
						t.Fatalf("%s lies on %q at %d, %d", p.Title, other, x, y)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

// TestPromtool has Prometheus' own tool read all expressions, and work the rules out.
func TestPromtool(t *testing.T) {
	testkit.Long(t)
	promtool := testkit.Tool(t, "promtool")
	d := parse(t, definitions)
	folder := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	rules, err := Rules(d)
	if err != nil {
		t.Fatal(err)
	}
	run("check", "rules", write("rules.yml", rules))

	board, err := Grafana(d, "x")
	if err != nil {
		t.Fatal(err)
	}
	var read dashboard
	if err := json.Unmarshal(board, &read); err != nil {
		t.Fatal(err)
	}
	records := "groups:\n- name: panels\n  rules:\n"
	for _, p := range read.Panels {
		for _, target := range p.Targets {
			records += fmt.Sprintf("  - {record: panel%d, expr: %q}\n", p.ID, target.Expr)
		}
	}
	run("check", "rules", write("panels.yml", []byte(records)))

	write("test.yml", []byte(`
rule_files: [rules.yml]
evaluation_interval: 5s
tests:
  - interval: 5s
    input_series:
      - {series: 'pulse_stat{stat="errors"}', values: '0 3 3 3 3 1.5 1.5 1.5 0 0 0 0'}
      - {series: 'pulse_stat{stat="ms",quantile="0.99"}', values: '10 600 _x80'}
      - {series: 'pulse_stat{stat="ms",quantile="0.5"}', values: '600 600 _x80'}
      - {series: 'pulse_stat{stat="by-path",key="/a"}', values: '50 49'}
      - {series: 'pulse_stat{stat="by-path",key="/b"}', values: '1 1'}
    alert_rule_test:
      - {eval_time: 10s, alertname: many-errors, exp_alerts: []}
      - eval_time: 35s # 1.5 does not begin it, and goes on with it
        alertname: many-errors
        exp_alerts: [{exp_labels: {stat: errors, source: pulse}, exp_annotations: {summary: errors > 2, description: Look., runbook_url: 'https://example.com/errors'}}]
      - {eval_time: 55s, alertname: many-errors, exp_alerts: []}
      - {eval_time: 0s, alertname: slow, exp_alerts: []}
      - eval_time: 5s
        alertname: slow
        exp_alerts: [{exp_labels: {stat: ms, quantile: "0.99", source: pulse}, exp_annotations: {summary: 'p99 of ms > 500'}}]
      - eval_time: 8m
        alertname: slow
        exp_alerts: [{exp_labels: {stat: ms, state: unknown, source: pulse}, exp_annotations: {summary: ms is not known}}]
      - eval_time: 0s
        alertname: busy
        exp_alerts: [{exp_labels: {stat: by-path, key: /a, source: pulse}, exp_annotations: {summary: any key of by-path >= 50}}]
      - {eval_time: 5s, alertname: busy, exp_alerts: []}
`))
	run("test", "rules", filepath.Join(folder, "test.yml"))
}

func TestNoAlerts(t *testing.T) {
	if rules, err := Rules(parse(t, "stats: [{name: a, count: lines}]\n")); rules != nil || err != nil {
		t.Errorf("got %q, %v", rules, err)
	}
}

// Thresholds have the colors that the page gives them.
func TestSteps(t *testing.T) {
	d := parse(t, definitions)
	for name, want := range map[string]string{
		"requests": "green, orange from 100, red from 200", "share": "red, orange from 0.5, green from 0.9",
		"by-path": "orange, green from 5", "memory": "red, green from 10", "ms-by-path": "green, red from 3", "errors": "",
	} {
		i := slices.IndexFunc(d.Stats, func(s *stats.Stat) bool { return s.Name == name })
		var got []string
		for _, s := range stepsOf(d.Stats[i]) {
			text := s.Color
			if s.Value != nil {
				text += fmt.Sprint(" from ", *s.Value)
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s has %s, want %s", name, strings.Join(got, ", "), want)
		}
	}
}
