package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats/line"
)

// lateLines counts the lines of a recording that are late: those of a second
// that had ended, and the lateness after it too, when the clock showed the
// greatest time so far. With the lateness that is needed none is.
func lateLines(t *testing.T, recording string, lateness int64) (late uint64, needed int64) {
	t.Helper()
	data, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	var clock int64
	for l := range bytes.Lines(data) {
		at, ok := new(line.Times).Near(bytes.TrimSuffix(l, []byte("\n")), -1)
		if !ok {
			t.Fatalf("no time: %s", l)
		}
		second := at / int64(time.Second)
		clock = max(clock, second)
		if second+1+lateness <= clock {
			late++
			needed = max(needed, clock-second)
		}
	}
	return late, needed
}

// What is late in a recording does not depend on the number of partitions, nor
// on anything else but the file. See the package stats for the same by awk.
func TestLateLines(t *testing.T) {
	t.Parallel()
	lines := uint64(testkit.Size(2000, 8000))
	recording := record(t, traffic.Options{Kind: "router", Lines: int(lines), Rate: float64(lines) / 400, Seed: 9, Disorder: 180 * time.Second})
	latenesses := []int64{0, 2, 10, 60, 120, 180}
	if testing.Short() {
		latenesses = []int64{0, 60, 180}
	}
	for i, lateness := range latenesses {
		late, needed := lateLines(t, recording, lateness)
		if (late == 0) != (lateness == 180) {
			t.Errorf("lateness %d s: %d lines are late", lateness, late)
		}
		want := account{Lines: lines, Counted: lines - late, Late: late}
		file := writeFile(t, "stats.yaml", fmt.Sprintf("lateness: %ds\nstats: [{name: lines, rate: second, over: 1s}]", lateness))
		evaluated := evaluate(t, nil, "--stats", file, recording)
		if evaluated.account != want {
			t.Errorf("lateness %d s: eval accounts for %+v, want %+v", lateness, evaluated.account, want)
		}
		if warned := strings.Contains(evaluated.stderr, fmt.Sprintf("run it again with --lateness %ds", needed)); warned != (late*20 > lines) {
			t.Errorf("lateness %d s: %d of %d lines are late, at most by %d s, and eval says\n%s", lateness, late, lines, needed, evaluated.stderr)
		}
		for _, partitions := range []int{1 + 2*(i%2), 8} {
			t.Run(fmt.Sprintf("%ds in %d", lateness, partitions), func(t *testing.T) {
				testkit.Long(t)
				t.Parallel()
				d := deploy(t, file, partitions, 1)
				d.start("replay", "--original-times", "--speed", "max", recording).succeed()
				got := follow(t, d.cluster, d.names)
				got.equals(evaluated, 0)
				if sum := accountOf(t, got.points); sum != want {
					t.Errorf("pulse.lines adds up to %+v, want %+v", sum, want)
				}
			})
		}
	}
}

// TestEvalReversed: what to do about a log whose newest line is its first one.
func TestEvalReversed(t *testing.T) {
	file := writeFile(t, "d.yaml", "stats: [{name: c, rate: second, over: 1s}]")
	log := "2025-03-03T10:30:00Z INFO a=1\n2025-03-03T09:30:00Z INFO a=1\n2025-03-03T08:30:00Z INFO a=1\n"
	for lateness, want := range map[string]string{"1h": "sort the log by time first, since --lateness is at most 1h", "2s": "sort the log by time first"} {
		p := start(t, nil, strings.NewReader(log), "eval", "--lateness", lateness, "--stats", file).succeed()
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("lateness %s: it does not say %q:\n%s", lateness, want, p.stderr)
		}
	}
}

// TestEvalAhead: eval says how many lines count at another line's time.
func TestEvalAhead(t *testing.T) {
	file := writeFile(t, "d.yaml", "stats: [{name: c, rate: second, over: 1s}]")
	log := "2025-03-03T08:30:00Z INFO a=1\n2025-03-03T08:30:01Z INFO a=1\n2031-03-03T08:30:01Z INFO a=1\n2025-03-03T08:30:02Z INFO a=1\n2025-03-03T08:30:03Z INFO a=1\n"
	p := start(t, nil, strings.NewReader(log), "eval", "--stats", file).succeed()
	for _, want := range []string{`"ahead":1,`, "counted at the time of the lines before them"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("it does not say %s:\n%s", want, p.stderr)
		}
	}
}

// TestEvalTooGreat: a number that is too great is not said to be nothing but text.
func TestEvalTooGreat(t *testing.T) {
	file := writeFile(t, "d.yaml", "stats: [{name: c, sum: n, over: 1s}]")
	p := start(t, nil, strings.NewReader("2025-03-03T08:30:00Z INFO n=9223372036854775808\n"), "eval", "--stats", file).succeed()
	if want := "1 values of `n` were text or numbers too large, and are not counted"; !strings.Contains(p.stderr.String(), want) {
		t.Errorf("it does not say that %s:\n%s", want, p.stderr)
	}
}
