package oracle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
)

// lateByAwk counts, in a recording of one day whose lines begin with their time
// in UTC, the lines that are late: those of a second that had ended, and
// the lateness after it too, when the clock showed the greatest time so far.
const lateByAwk = `
{
	second = (substr($1, 12, 2) * 60 + substr($1, 15, 2)) * 60 + substr($1, 18, 2)
	if (second > clock) clock = second
	if (second + 1 + lateness <= clock) late++
}
END { print late + 0 }`

// The lines that eval finds late in a recording out of order are those that a
// few lines of awk find.
func TestLateLines(t *testing.T) {
	testkit.Long(t)
	awk := testkit.Tool(t, "awk")
	lines := uint64(60_000)
	var recording bytes.Buffer
	err := traffic.Write(&recording, traffic.Options{
		Kind: "router", Lines: int(lines), Rate: float64(lines) / 1200, Seed: 9, Start: goldenStart, Disorder: 180 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	more := lines
	for _, lateness := range []int{0, 2, 10, 60, 120, 180} {
		cmd := exec.Command(awk, "-v", fmt.Sprintf("lateness=%d", lateness), lateByAwk)
		cmd.Stdin = bytes.NewReader(recording.Bytes())
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("awk: %v", err)
		}
		want, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if want >= more || (want == 0) != (lateness == 180) {
			t.Errorf("lateness %d s: awk finds %d late; fewer than %d wanted, and none at 180 s alone", lateness, want, more)
		}
		more = want

		d, err := stats.Parse("late.yaml", fmt.Appendf(nil, "lateness: %ds\nstats: [{name: lines, rate: second, over: 1s}]", lateness))
		if err != nil {
			t.Fatal(err)
		}
		snapshots, counts := evalRecording(t, d, recording.Bytes())
		if counts.Late != want || counts.Lines != lines || counts.Counted+counts.Late != lines {
			t.Errorf("lateness %d s: %+v, want %d late of %d", lateness, counts, want, lines)
		}
		// the internal stat says the same, and the others have what is not late.
		var late, counted, rated uint64
		for _, s := range snapshots {
			switch s.Stat {
			case stats.LinesStat:
				var own struct{ Counted, Late uint64 }
				if err := json.Unmarshal(s.Value, &own); err != nil {
					t.Fatal(err)
				}
				late, counted = late+own.Late, counted+own.Counted
			case "lines":
				n, err := strconv.ParseUint(string(s.Value), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				rated += n
			}
		}
		if late != want || counted != lines-want || rated != lines-want {
			t.Errorf("lateness %d s: the snapshots have %d late, %d counted and %d lines, want %d late of %d",
				lateness, late, counted, rated, want, lines)
		}
	}
}
