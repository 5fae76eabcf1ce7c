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

// Of the 105 numbers that mtail's example programs for ten logs export 103 can be written:
// each has a stat, which its example gives a value.
func TestMtailsCounters(t *testing.T) {
	written := map[string]int{ // stats: some are counters by a label there
		"apache": 13, "dhcpd": 17, "lighttpd": 6, "mysql-slow": 6, "ntpd": 19, "postfix": 26,
		"rails": 5, "rsyncd": 4, "sftp": 10, "vsftpd": 8,
	}
	for example, want := range written {
		name := "../../testdata/examples/mtail/" + example + ".yaml"
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
		got := 0
		for _, s := range d.Stats {
			switch {
			case strings.HasPrefix(s.Name, "pulse."):
			case !expected[s.Name]:
				t.Errorf("%s: no test has a value of %s", name, s.Name)
			default:
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d stats have a value, want %d", name, got, want)
		}
	}
}
