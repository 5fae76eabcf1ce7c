package main

import (
	"strings"
	"testing"
)

func TestEvalMarks(t *testing.T) {
	file := writeFile(t, "d.yaml", `
stats:
  - {name: all, count: lines}
marks:
  - {name: deploy, where: 'msg contains "released"', text: version, link: "https://ci.example/{text}"}
  - {name: failover, where: failover == true}
`)
	log := writeFile(t, "a.log", `2026-01-02T10:00:00Z msg="released" version=v2
2026-01-02T10:00:00Z msg="released" version=v1
2026-01-02T10:00:00Z msg="released" version=v2
2026-01-02T10:00:07Z failover=true
`+strings.Repeat("2026-01-02T10:00:08Z a=1\n", 3))
	p := start(t, nil, nil, "eval", "--marks", "--stats", file, log).succeed()
	want := `{"time":"2026-01-02T10:00:00Z","name":"deploy","text":"v1","link":"https://ci.example/v1","lines":1}
{"time":"2026-01-02T10:00:00Z","name":"deploy","text":"v2","link":"https://ci.example/v2","lines":2}
{"time":"2026-01-02T10:00:07Z","name":"failover","lines":1}
`
	if got := p.stdout.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	p = start(t, nil, nil, "eval", "--marks", "--table", "--stats", file, log).succeed()
	if got := p.stdout.String(); !strings.Contains(got, "2026-01-02T10:00:00Z  deploy v1\n") {
		t.Errorf("the table is\n%s", got)
	}
	// The same marks are values of stats, as all else is.
	p = start(t, nil, nil, "eval", "--stat", "marks.deploy", "--stats", file, log).succeed()
	if got := p.stdout.String(); !strings.Contains(got, `"value":{"top":[{"key":"v2","value":2},{"key":"v1","value":1}],"other":0,"distinct":2}`) {
		t.Errorf("the snapshots are\n%s", got)
	}
	p = start(t, nil, nil, "eval", "--marks", log)
	if code := p.wait(); code != exitUsage || !strings.Contains(p.stderr.String(), "there are no marks in the built-in definitions") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}
