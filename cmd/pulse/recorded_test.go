package main

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// A line of a recording counts at its own time: its zone is not guessed by a clock
// that is made of the others', and one long after the others is where it says.
func TestEvalPlacesLines(t *testing.T) {
	definitions := writeFile(t, "stats.yaml", "stats: [{name: lines, rate: second, over: 1s}]")
	for name, test := range map[string]struct {
		log  string
		want []string // the seconds of lines
		late uint64
	}{
		"half an hour back": {"Oct 26 10:29:59 a su[1]: x\nOct 26 10:30:00 a su[1]: x\nOct 26 10:00:30 b su[1]: x\nOct 26 10:30:01 a su[1]: x\n",
			[]string{"10:29:59", "10:30:00", "10:30:01"}, 1},
		"two hours later":   {"Oct 26 09:00:00 a su[1]: x\nOct 26 11:00:00 a su[1]: x\n", []string{"09:00:00", "11:00:00"}, 0},
		"a date far beyond": {"time=2025-10-26T10:30:00Z\ntime=2031-01-01T00:00:00Z\ntime=2025-10-26T10:30:01Z\n", []string{"10:30:00", "10:30:01"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			log := writeFile(t, "log", test.log)
			written := time.Date(2025, 10, 26, 12, 0, 0, 0, time.UTC)
			if err := os.Chtimes(log, written, written); err != nil {
				t.Fatal(err)
			}
			got := evaluate(t, nil, "--stats", definitions, log)
			var seconds []string
			for key, s := range got.points {
				if key.stat == "lines" && string(s.Value) != "0" {
					seconds = append(seconds, time.Unix(key.second, 0).UTC().Format(time.TimeOnly))
				}
			}
			slices.Sort(seconds)
			if fmt.Sprint(seconds) != fmt.Sprint(test.want) || got.Late != test.late {
				t.Errorf("lines count at %s and %d are late, want %s and %d", seconds, got.Late, test.want, test.late)
			}
		})
	}
}
