package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pulse/stats"
)

// What docs/definitions.md says is so: its files are right and pass their own
// tests, and each kind of its table has the value that stands there, at the last
// second of its lines. README.md's file is right too.
func TestDefinitionsReference(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```(yaml)?\n(.*?)^```$")
	var lines string
	for _, name := range []string{"../../README.md", "../../docs/definitions.md", "../../docs/alerts.md", "../../docs/coming-from.md"} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := blocks.FindAllStringSubmatch(string(page), -1)
		if len(found) == 0 {
			t.Errorf("%s has no files", name)
		}
		for _, b := range found {
			if b[1] == "yaml" {
				runFile(t, b[2])
			} else {
				lines = b[2]
			}
		}
	}
	page, _ := os.ReadFile("../../docs/definitions.md")
	rows := regexp.MustCompile("(?m)^\\| ((?:`[a-z-]+: [^`]*`(?:, )?)+) \\|.* \\| `([^`]+)` \\|$").FindAllStringSubmatch(string(page), -1)
	if len(rows) < len(stats.Kinds) {
		t.Errorf("the table has %d rows with a value, and there are %d kinds", len(rows), len(stats.Kinds))
	}
	for _, row := range rows {
		runFile(t, "stats:\n"+
			"- {name: a, "+strings.ReplaceAll(row[1], "`", "")+"}\n"+
			"- {name: errors, rate: minute, where: status >= 500}\n"+
			"- {name: good, rate: minute, where: status < 500}\n"+
			"- {name: requests, rate: minute}\n"+
			"tests:\n- name: "+"the table\n  lines: |\n    "+strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n    ")+"\n"+
			"  expect: [{stat: a, value: "+row[2]+"}]\n")
	}
}

// runFile parses a definitions file and runs its tests.
func runFile(t *testing.T, file string) {
	t.Helper()
	d, err := stats.Parse("file", []byte(file))
	if err != nil {
		t.Errorf("%v\nin\n%s", err, file)
		return
	}
	if err := d.CheckSamples("file"); err != nil {
		t.Errorf("%v\nin\n%s", err, file)
	}
	for _, test := range d.Tests {
		wrong, err := runTest(t.Context(), d, test)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wrong {
			var b strings.Builder
			printMismatch(&b, "file", w)
			t.Errorf("%sin\n%s", b.String(), file)
		}
	}
}
