package main

import (
	"strings"
	"testing"
)

const casesYAML = `
stats:
  - {name: errors, rate: minute, where: status >= 500, over: 60s}
  - {name: by-path, rate: second, by: path, top: 1, over: 1s}
tests:
  - name: an error
    lines: |
      2012-11-22T09:31:34+00:00 heroku[router]: at=info path=/a status=500
      2012-11-22T09:31:35+00:00 heroku[router]: at=info path=/b status=200
    expect:
      - {stat: errors, value: 30.0}
      - {stat: by-path, time: 2012-11-22T09:31:34Z, value: {top: [{key: /a, value: 1}], other: 0, distinct: 1}}
  - name: lines without a time
    lines: "status=503\nstatus=${STATUS:-503}"
    expect: [{stat: errors, value: 120}]
`

func TestTestCommand(t *testing.T) {
	file := writeFile(t, "d.yaml", casesYAML)
	p := start(t, nil, nil, "test", file).succeed()
	if got, want := p.stdout.String(), "ok    an error\nok    lines without a time\n2 tests passed\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}

	p = start(t, map[string]string{"STATUS": "200"}, nil, "test", file)
	if code := p.wait(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	want := "FAIL  lines without a time\n      " + file + ":15:14: errors at the last second is 60, expected 120\n"
	if got := p.stdout.String(); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := p.stderr.String(); !strings.Contains(got, "1 of 2 tests failed") {
		t.Errorf("%s", got)
	}
}

// A pause that pulse eval prints as one snapshot has expectations within it.
func TestTestCommandPause(t *testing.T) {
	file := writeFile(t, "pause.yaml", `
stats: [{name: c, rate: second, over: 1s}]
tests:
  - name: two hours
    lines: |
      2025-03-03T10:30:00Z INFO a=1
      2025-03-03T10:30:01Z INFO a=1
      2025-03-03T12:30:01Z INFO a=1
    expect:
      - {stat: c, value: 1, time: 2025-03-03T10:30:01Z}
      - {stat: c, value: 0, time: 2025-03-03T11:30:00Z}
      - {stat: c, value: 0, time: 2025-03-03T12:30:00Z}
      - {stat: c, value: 1}
`)
	start(t, nil, nil, "test", file).succeed()
}

func TestTestCommandErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no file", nil, exitUsage, "give exactly one definitions file"},
		{"no tests", []string{writeFile(t, "none.yaml", "stats: [{name: a, rate: second}]")}, exitFailed, "has no tests"},
		{"wrong", []string{writeFile(t, "wrong.yaml", "stats: [{name: a, rate: second}]\ntests: [{name: x}]")}, exitDefinitions, "this test has no lines"},
		{"another second", []string{writeFile(t, "second.yaml", "stats: [{name: a, rate: second}]\ntests: [{name: x, lines: ts=1700000000 a, expect: [{stat: a, time: 2012-11-22T09:31:34Z, value: 1}]}]")}, exitFailed, "1 of 1 tests failed"},
	} {
		p := start(t, nil, nil, append([]string{"test"}, test.args...)...)
		if code := p.wait(); code != test.code || !strings.Contains(p.stderr.String(), test.want) {
			t.Errorf("%s: exit code %d, want %d: %s", test.name, code, test.code, p.stderr)
		}
	}
}

// The columns of W3C logs are those of the line #Fields before them, also from a pipe.
func TestColumnsOfFiles(t *testing.T) {
	t.Parallel()
	const text = "#Software: IIS\r\n#Fields: date time cs-method cs-uri-stem sc-status\r\n2025-03-03 08:30:01 GET /a 200\r\n" +
		"#Fields: date time sc-status cs-uri-stem\r\n2025-03-03 08:30:01 404 /b\r\n"
	log := writeFile(t, "iis.log", text)
	file := writeFile(t, "stats.yaml", "stats: [{name: status, sum: http_status}]\n")
	for _, p := range []*pulse{
		start(t, nil, nil, "eval", "--stats", file, "--undated", "refuse", log),
		start(t, nil, strings.NewReader(text), "eval", "--stats", file, "--undated", "refuse"),
	} {
		p.succeed()
		if got := p.stdout.String(); !strings.Contains(got, `"stat":"status","time":"2025-03-03T08:30:01Z","value":604,`) {
			t.Errorf("%s prints\n%s", p, got)
		}
		if got := p.stderr.String(); !strings.Contains(got, `"lines":5,"counted":5,"late":0,"unreadable":0,"ahead":0,"undated":0,"unparsed":0,`) {
			t.Errorf("%s says\n%s", p, got)
		}
	}
}
