package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

const selectionLog = `time=2023-01-01T00:00:00Z n=1
time=2023-01-01T00:00:01Z n=2
time=2024-01-01T00:00:00Z n=3
`

// What is selected is what is printed, of runs of seconds the part of it.
func TestEvalSelection(t *testing.T) {
	definitions := writeFile(t, "stats.yaml", "lateness: 0s\nstats: [{name: a, rate: second, over: 1s}, {name: b, max: n, over: 1s}]")
	log := writeFile(t, "log", selectionLog)
	for args, want := range map[string]string{
		"--stat a": `2023-01-01T00:00:00Z 1,2023-01-01T00:00:01Z 1,2023-12-31T23:59:59Z 0 since 2023-01-01T00:00:02Z,2024-01-01T00:00:00Z 1`,
		"--stat b --from 2023-01-01T00:00:01Z --to 2023-01-01T00:00:10Z": `2023-01-01T00:00:01Z 2,2023-01-01T00:00:10Z null since 2023-01-01T00:00:02Z`,
		"--stat b --last 1s":                   `2024-01-01T00:00:00Z 3`,
		"--stat b --last 2s":                   `2023-12-31T23:59:59Z null,2024-01-01T00:00:00Z 3`,
		"--stat b --last 1h":                   `2023-12-31T23:59:59Z null since 2023-12-31T23:00:01Z,2024-01-01T00:00:00Z 3`,
		"--stat b --to 2022-01-01T00:00:00Z":   ``,
		"--stat a,b --to 2023-01-01T00:00:00Z": `2023-01-01T00:00:00Z 1,2023-01-01T00:00:00Z 1`,
	} {
		p := start(t, nil, nil, append(append([]string{"eval", "--stats", definitions}, strings.Fields(args)...), log)...).succeed()
		var got []string
		for line := range strings.Lines(p.stdout.String()) {
			text := member(line, "time") + " " + strings.TrimSuffix(strings.Split(strings.SplitN(line, `"value":`, 2)[1], `,"revision"`)[0], ",")
			if since := member(line, "since"); since != "" {
				text += " since " + since
			}
			got = append(got, text)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s\n got %s\nwant %s", args, strings.Join(got, ","), want)
		}
	}
	for args, want := range map[string]string{
		"--stat c":                 `there is no stat "c"`,
		"--stat pulse.linse":       "did you mean pulse.lines?",
		"--from yesterday":         "such as 2012-11-22T09:31:34Z",
		"--last 1500ms":            "whole seconds",
		"--whole --last 5s":        "cannot be used with --whole",
		"--to 2012-11-22T09:31:34": "with its zone",
		"--from 2012-11-22T09:31:34Z --to 2012-11-22T09:31:33Z": "--from is after --to",
	} {
		p := start(t, nil, nil, append(append([]string{"eval", "--stats", definitions}, strings.Fields(args)...), log)...)
		if code := p.wait(); code != exitUsage || !strings.Contains(p.stderr.String(), want) {
			t.Errorf("%s: exit code %d: %s", args, code, p.stderr.String())
		}
	}
}

// member gives a text member of an object, "" if it has none.
func member(object, name string) string {
	_, rest, _ := strings.Cut(object, `"`+name+`":"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// An interrupted eval ends at once, also where it waits for input, and prints neither
// a table nor an account that looks complete.
func TestEvalInterrupted(t *testing.T) {
	for _, args := range [][]string{{"--table"}, {"--last", "5m"}, {"--whole"}, nil} {
		ctx, cancel := context.WithCancel(t.Context())
		in, to := io.Pipe()
		go func() {
			io.WriteString(to, selectionLog)
			cancel() // and nothing comes any more
		}()
		var stdout, stderr bytes.Buffer
		e := &environment{Stdin: in, Stdout: &stdout, Stderr: &stderr, LookupEnv: func(string) (string, bool) { return "", false }}
		if code := e.main(ctx, append([]string{"eval"}, args...)); code != exitFailed || !strings.Contains(stderr.String(), "interrupted") || strings.Contains(stderr.String(), `"lines":`) {
			t.Errorf("%s: exit code %d, %s", args, code, &stderr)
		}
		if args != nil && stdout.Len() > 0 {
			t.Errorf("%s: it printed %s", args, &stdout)
		}
	}
}
