package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"pulse/ingest"
	"pulse/stats"
	"pulse/stats/oracle"
)

// A definitions file has tests of its own.
var testCommand = command{
	name: "test", summary: "run the tests of a definitions file", usage: "FILE", about: `
Runs the tests of a definitions file: each has lines, and final values that stats
are expected to have at a second, or at the last one, and samples of its formats:

  tests:
    - name: a slow request
      lines: |
        2012-11-22T09:31:34+00:00 heroku[router]: at=info method=GET service=2500ms
      expect:
        - {stat: slow-per-minute, value: 60, time: 2012-11-22T09:31:34Z}

Lines are read as from a recording.`,
	settings: func() settings { return &testSettings{} },
}

type testSettings struct{ file string }

func (s *testSettings) add(*flags) {}

func (s *testSettings) check(words []string) (err error) {
	s.file, err = oneWord(words, "definitions file")
	return err
}

func (s *testSettings) run(ctx context.Context, e *environment) error {
	data, err := os.ReadFile(s.file)
	if err != nil {
		return err
	}
	definitions, err := stats.ParseEnv(s.file, data, e.LookupEnv)
	if err != nil {
		return err
	}
	if err := definitions.CheckSamples(s.file); err != nil {
		return err
	}
	samples := 0
	for _, s := range definitions.Samples {
		samples += len(s)
	}
	if samples > 0 {
		fmt.Fprintf(e.Stdout, "ok    %s of formats\n", plural(samples, "sample"))
	}
	if len(definitions.Tests) == 0 && samples == 0 {
		return fmt.Errorf("%s has no tests: write them under the key tests (see `pulse test --help`)", s.file)
	}
	failed := 0
	for _, test := range definitions.Tests {
		wrong, err := runTest(ctx, definitions, test)
		if err != nil {
			return fmt.Errorf("%s: %w", test.Name, err)
		}
		if len(wrong) == 0 {
			fmt.Fprintf(e.Stdout, "ok    %s\n", test.Name)
			continue
		}
		failed++
		fmt.Fprintf(e.Stdout, "FAIL  %s\n", test.Name)
		for _, w := range wrong {
			printMismatch(e.Stdout, s.file, w)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d tests failed", failed, len(definitions.Tests))
	}
	if len(definitions.Tests) > 0 {
		fmt.Fprintf(e.Stdout, "%d tests passed\n", len(definitions.Tests))
	}
	return nil
}

func printMismatch(w io.Writer, file string, m oracle.Mismatch) {
	got := string(m.Got)
	if m.Got == nil {
		got = "nothing"
	}
	at := "the last second"
	if m.Time >= 0 {
		at = utc(m.Time)
	}
	what, want := m.Stat, string(m.Value)
	if what == "" {
		what, want = "the alert "+m.Alert.Alert, string(m.State)
	}
	if m.Alert.Keyed {
		what += " of " + m.Alert.Key
	}
	fmt.Fprintf(w, "      %s:%d:%d: %s at %s is %s, expected %s\n", file, m.Line, m.Column, what, at, got, want)
}

// runTest gives the expectations of a test that are not met.
func runTest(ctx context.Context, d *stats.Definitions, test stats.Test) ([]oracle.Mismatch, error) {
	return oracle.Check(d, test, func(e *oracle.Evaluator) error {
		l := openedLog{formats: d.Dating(), written: undated(test), lines: ingest.Lines(bytes.NewReader(test.Lines), "")}
		_, err := evalLog(ctx, e, l, d.Lateness, func(int64, int64) {})
		return err
	})
}

// undated is when the lines of a test were written, for those without a time or a
// year: at the last second that it names, or else always at the same, after all.
func undated(test stats.Test) time.Time {
	last := int64(0)
	for _, x := range test.Expect {
		last = max(last, x.Time)
	}
	if last == 0 {
		return stats.UndatedSample
	}
	return time.Unix(last, 0)
}
