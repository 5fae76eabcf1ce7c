package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pulse/stats"
)

// The examples in testdata are right, and pass their own tests.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../testdata/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no examples", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			runFile(t, string(file))
		})
	}
}

// Of the 70 numbers that mtail's example programs for seven logs export 64 can be written:
// each has a stat, which its example gives a value.
func TestMtailsCounters(t *testing.T) {
	files, err := filepath.Glob("../../testdata/examples/mtail/*.yaml")
	if err != nil || len(files) != 7 {
		t.Fatalf("there are %d examples (%v), want 7", len(files), err)
	}
	counters := 0
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		runFile(t, string(file))
		d, err := stats.Parse(name, file)
		if err != nil {
			t.Fatal(err)
		}
		expected := map[string]bool{}
		for _, test := range d.Tests {
			for _, e := range test.Expect {
				expected[e.Stat] = true
			}
		}
		for _, s := range d.Stats {
			switch {
			case strings.HasPrefix(s.Name, "pulse."):
			case !expected[s.Name]:
				t.Errorf("%s: no test has a value of %s", name, s.Name)
			default:
				counters++
			}
		}
	}
	if counters != 66 { // two of them are counters by a label there
		t.Errorf("%d counters are reached, want 66", counters)
	}
}
