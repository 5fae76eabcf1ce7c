package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"time"

	"pulse/ingest"
	"pulse/stats"
)

// testCommand is `pulse test`: the cases that a definitions file has itself.
func testCommand(ctx context.Context, e *environment, args []string) error {
	f := newFlags(e, "test", "FILE", `
Runs the tests of a definitions file: each has lines, and final values that stats
are expected to have at a second, or at the last one:

  tests:
    - name: a slow request
      lines: |
        2012-11-22T09:31:34+00:00 heroku[router]: at=info method=GET service=2500ms
      expect:
        - {stat: slow-per-minute, value: 0.857142857142857, time: 2012-11-22T09:31:34Z}

Lines are read as from a recording.`)
	files, err := f.parseWords(args)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return usagef("one definitions file is needed")
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	definitions, err := stats.ParseEnv(files[0], data, e.LookupEnv)
	if err != nil {
		return err
	}
	program, err := stats.Compile(definitions)
	if err != nil {
		return err
	}
	if len(definitions.Tests) == 0 {
		return fmt.Errorf("%s has no tests: they stand under the key tests (see `pulse test --help`)", files[0])
	}
	failed := 0
	for _, test := range definitions.Tests {
		wrong, err := runTest(ctx, program, definitions, test)
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
			printMismatch(e.Stdout, files[0], w)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d tests failed", failed, len(definitions.Tests))
	}
	fmt.Fprintf(e.Stdout, "%d tests passed\n", len(definitions.Tests))
	return nil
}

// A mismatch is an expectation that was not met.
type mismatch struct {
	stats.Expectation
	got json.RawMessage // nil: there is no value at that second
}

func printMismatch(w io.Writer, file string, m mismatch) {
	got := string(m.got)
	if m.got == nil {
		got = "nothing"
	}
	at := "the last second"
	if m.Time >= 0 {
		at = time.Unix(m.Time, 0).UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(w, "      %s:%d:%d: %s at %s is %s, expected %s\n", file, m.Line, m.Column, m.Stat, at, got, m.Value)
}

// runTest gives the expectations of a test that are not met.
func runTest(ctx context.Context, program *stats.Program, d *stats.Definitions, test stats.Test) ([]mismatch, error) {
	type point struct {
		stat string
		time int64
	}
	wanted := make(map[point]json.RawMessage)
	for _, x := range test.Expect {
		wanted[point{x.Stat, x.Time}] = nil
	}
	evaluator, err := stats.NewEvaluator(program, func(s stats.Snapshot) {
		for _, p := range []point{{s.Stat, s.Time}, {s.Stat, -1}} {
			if _, ok := wanted[p]; ok {
				wanted[p] = bytes.Clone(s.Value)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	undated := time.Unix(0, 0) // of a test whose lines have no time: always the same
	err = evalRecording(ctx, evaluator, "", ingest.Lines(bytes.NewReader(test.Lines)), undated, d.Lateness, func(int64, int64) {})
	if err != nil {
		return nil, err
	}
	var wrong []mismatch
	for _, x := range test.Expect {
		if got := wanted[point{x.Stat, x.Time}]; !sameJSON(got, x.Value) {
			wrong = append(wrong, mismatch{x, got})
		}
	}
	return wrong, nil
}

// sameJSON reports whether two values are equal, however they are written.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
