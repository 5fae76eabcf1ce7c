package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// eval --whole prints each stat once: as JSON, and as a table.
func TestEvalWhole(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for second := range 20 {
		at := recordingStart.Add(time.Duration(second) * time.Second).Format(time.RFC3339)
		for range 450 {
			fmt.Fprintf(&lines, "time=%s level=info bytes=200\n", at)
		}
		for n := 1000 + 50*second; n < 1050+50*second; n++ {
			fmt.Fprintf(&lines, "time=%s level=info bytes=%d\n", at, n)
		}
	}
	recording := writeFile(t, "whole.log", lines.String())
	file := writeFile(t, "stats.yaml", `
stats:
  - {name: requests, rate: second}
  - {name: size, quantiles: bytes, at: [0.1, 0.5, 0.95], unit: B}
  - {name: never, mean: nothing}
`)
	from, to := recordingStart.UTC().Format(time.RFC3339), recordingStart.Add(19*time.Second).UTC().Format(time.RFC3339)
	p := start(t, nil, nil, "eval", "--whole", "--stats", file, recording).succeed()
	for _, one := range [][2]string{{"requests", "500"}, {"size", `{"0.1":200,"0.5":200,"0.95":1499}`}, {"never", "null"}} {
		line := fmt.Sprintf(`{"stat":"%s","from":"%s","to":"%s","seconds":20,"value":%s,"definitions":`, one[0], from, to, one[1])
		if n := strings.Count(p.stdout.String(), line); n != 1 {
			t.Errorf("there are %d lines %s… in\n%s", n, line, p.stdout)
		}
	}

	p = start(t, nil, nil, "eval", "--whole", "--table", "--stats", file, recording).succeed()
	table := strings.Join(strings.Fields(p.stdout.String()), " ")
	if want := from + " to " + to + `, 20 s count min mean max requests 500 /s 10000 size 200 B 10000 200 329.95 1999 0.1 200, 0.5 200, 0.95 1499 never – 0 pulse.`; !strings.HasPrefix(table, want) {
		t.Errorf("the table is\n%s\nwant %s…", p.stdout, want)
	}

	// Of no lines there is no time.
	p = start(t, nil, strings.NewReader(""), "eval", "--whole", "--stats", file).succeed()
	if !strings.HasPrefix(p.stdout.String(), `{"stat":"requests","seconds":0,"value":0,`) {
		t.Errorf("of nothing it prints %s", p.stdout)
	}
}

// Estimates of a whole log are marked, also in the table and in ratios.
func TestEvalWholeEstimates(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for n := range 1500 {
		fmt.Fprintf(&lines, "time=%s user=%d app=a\n", recordingStart.Format(time.RFC3339), n)
	}
	recording := writeFile(t, "users.log", lines.String())
	file := writeFile(t, "stats.yaml", `
stats:
  - {name: users, unique: user}
  - {name: apps, unique: app}
  - {name: share, ratio: [apps, users]}
`)
	p := start(t, nil, nil, "eval", "--whole", "--stats", file, recording).succeed()
	for line := range strings.Lines(p.stdout.String()) {
		for name, want := range map[string]bool{"users": true, "apps": false, "share": true} {
			if strings.HasPrefix(line, `{"stat":"`+name+`"`) && strings.Contains(line, `,"approx":0.006}`) != want {
				t.Errorf("%s is an estimate: %t, it says %s", name, want, line)
			}
		}
	}
	p = start(t, nil, nil, "eval", "--whole", "--table", "--stats", file, recording).succeed()
	if n := strings.Count(p.stdout.String(), "≈"); n != 2 {
		t.Errorf("%d of 3 are marked in\n%s", n, p.stdout)
	}
}
