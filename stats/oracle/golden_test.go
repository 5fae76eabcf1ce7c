package oracle_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/line"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

var update = flag.Bool("update", false, "write the recordings and values of testdata/golden anew")

// Each case has a recording NAME.log, which cmd/dev/generate makes of these
// options, definitions NAME.yaml, and the values that they gave, NAME.jsonl. The
// recording of one without options is written by hand.
var goldens = map[string]traffic.Options{
	"router":   {Kind: "router", Lines: 700, Rate: 6, Seed: 1},
	"combined": {Kind: "combined", Lines: 700, Rate: 6, Seed: 2},
	"access":   {Kind: "access", Lines: 700, Rate: 6, Seed: 3},
	"pulse":    {Kind: "pulse", Lines: 700, Rate: 6, Seed: 7},
	"kinds":    {Kind: "pulse", Lines: 700, Rate: 6, Seed: 8},
	"json":     {Kind: "json", Lines: 700, Rate: 6, Seed: 4},
	"heroku":   {Kind: "heroku", Lines: 700, Rate: 6, Seed: 5},
	"odd":      {},
	"formats":  {},
	"inlog":    {},
	"sparse":   {Kind: "router", Lines: 24, Rate: 0.008, Seed: 9},
	"long":     {Kind: "router", Lines: 170, Rate: 0.0008, Seed: 10},
	"disorder": {Kind: "mixed", Lines: 700, Rate: 6, Seed: 6, Disorder: 20 * time.Second, Garbage: 0.03},
}

// Of some the file has only the snapshots with the first second of each minute of so many.
var thinned = map[string]int64{"long": 37}

var goldenStart = time.Date(2012, 11, 22, 9, 0, 0, 0, time.UTC)

func golden(name, ext string) string { return filepath.Join("../../testdata/golden", name+ext) }

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// evalRecording gives the final snapshots of a recording, and the account of
// its lines. It packs them as an ingester does a recording: the clock is the
// running maximum of the lines' times, and a jump of it by more than an hour is
// believed only if the next dated line is not earlier by more than an hour.
func evalRecording(t testing.TB, d *stats.Definitions, recording []byte) ([]stats.Snapshot, aggregate.LineCounts) {
	t.Helper()
	var snapshots []stats.Snapshot
	e, err := oracle.New(d, func(s stats.Snapshot) {
		s.Value = slices.Clone(s.Value)
		snapshots = append(snapshots, s)
	})
	if err != nil {
		t.Fatal(err)
	}

	lines := bytes.SplitAfter(recording, []byte("\n"))
	times := make([]int64, len(lines)) // seconds; -1: none
	var clock line.Times
	clock.Of(d.Dating())
	for i, l := range lines {
		times[i] = -1
		if nanos, ok := clock.Near(bytes.TrimRight(l, "\r\n"), -1); ok {
			times[i] = nanos / 1e9
		}
	}
	dated := func(i int) int64 { // the time of the first dated line from i on
		for ; i < len(times); i++ {
			if times[i] >= 0 {
				return times[i]
			}
		}
		return -1
	}

	now := dated(0)
	e.Advance(now)
	var pack []byte
	send := func() {
		e.Pack(program.Pack{Lines: bytes.TrimSuffix(pack, []byte("\n")), Second: now, Floor: now})
		pack = pack[:0]
	}
	for i, l := range lines {
		if s := times[i]; s > now && (s <= now+3600 || dated(i+1) >= s-3600) {
			send()
			now = s
			e.Advance(now)
		}
		pack = append(pack, l...)
	}
	send()
	e.Close(-1)
	return snapshots, e.Counts()
}

func TestGolden(t *testing.T) {
	for name, options := range goldens {
		t.Run(name, func(t *testing.T) {
			if thinned[name] > 0 {
				testkit.Long(t)
			}
			if *update && options.Kind != "" {
				options.Start = goldenStart
				var recording bytes.Buffer
				if err := traffic.Write(&recording, options); err != nil {
					t.Fatal(err)
				}
				write(t, golden(name, ".log"), recording.Bytes())
			}
			d, err := stats.Parse(name+".yaml", readFile(t, golden(name, ".yaml")))
			if err != nil {
				t.Fatal(err)
			}
			snapshots, counts := evalRecording(t, d, readFile(t, golden(name, ".log")))
			var got []byte
			for _, s := range snapshots {
				step := 60 * thinned[name]
				if step == 0 || s.Time/step > (s.First()-1)/step {
					got = append(s.AppendJSON(got), '\n')
				}
			}
			if counts.Counted+counts.Late+counts.Unreadable != counts.Lines {
				t.Errorf("counted + late + unreadable is not lines in: %+v", counts)
			}
			if *update {
				write(t, golden(name, ".jsonl"), got)
			}
			compareLines(t, got, readFile(t, golden(name, ".jsonl")))
		})
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// compareLines reports the first lines that differ.
func compareLines(t *testing.T, got, want []byte) {
	t.Helper()
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	differ := 0
	for i := range min(len(g), len(w)) {
		if !bytes.Equal(g[i], w[i]) {
			if differ++; differ <= 5 {
				t.Errorf("line %d:\ngot  %s\nwant %s", i+1, g[i], w[i])
			}
		}
	}
	if differ > 5 {
		t.Errorf("%d lines differ", differ)
	}
	if len(g) != len(w) {
		t.Errorf("%d lines, want %d", len(g)-1, len(w)-1)
	}
}

// The generator gives the bytes that it gave when the recordings were made.
func TestGoldenRecordings(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors may round the generator's logarithms otherwise")
	}
	for name, options := range goldens {
		if options.Kind == "" {
			continue
		}
		options.Start = goldenStart
		var got bytes.Buffer
		if err := traffic.Write(&got, options); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), readFile(t, golden(name, ".log"))) {
			t.Errorf("%s.log is not what cmd/dev/generate makes of %+v", name, options)
		}
	}
}

// A naive is a stat worked out a second time, from the text of the lines: the
// field that a pattern finds, and what its values in the window, of which so many
// seconds are covered, amount to.
type naive struct {
	golden, stat string
	over         int64
	pattern      string // its group is the value
	value        func(found []string, covered int64) any
}

func numbers(found []string) []float64 {
	ns := make([]float64, len(found))
	for i, f := range found {
		ns[i], _ = strconv.ParseFloat(f, 64)
	}
	return ns
}

func orNull(n int, value func() float64) any {
	if n == 0 {
		return nil
	}
	return value()
}

func perSecond(found []string, covered int64) any { return float64(len(found)) / float64(covered) }
func perMinute(found []string, covered int64) any {
	return float64(len(found)) * 60 / float64(covered)
}

// sum adds values of one decimal exactly.
func sum(found []string) (tenths int64) {
	for _, n := range numbers(found) {
		tenths += int64(math.Round(n * 10))
	}
	return tenths
}

func mean(found []string, _ int64) any {
	return orNull(len(found), func() float64 { return float64(sum(found)) / float64(10*len(found)) })
}

func total(found []string, _ int64) any { return float64(sum(found)) / 10 }

func greatest(found []string, _ int64) any {
	return orNull(len(found), func() float64 { return slices.Max(numbers(found)) })
}

func distinct(found []string, _ int64) any {
	slices.Sort(found)
	return float64(len(slices.Compact(found)))
}

// What is parsed of each format is what a slow calculation of another kind finds:
// regular expressions over the lines, and every window from the start.
func TestGoldenAgain(t *testing.T) {
	const nginx = ` nginx\[\d+\] - \S+ - \S+ - \S+ \[[^]]+\] "[^"]*" `
	for _, n := range []naive{
		{"combined", "failed", 70, `" (5\d\d|404) `, perMinute},
		{"combined", "clients", 60, `^(\S+)`, distinct},
		{"combined", "users", 30, `^\S+ - (user\d+)`, distinct},
		{"combined", "nothing-sent", 70, `" \d+ (-) `, perMinute},
		{"access", "nginx-time", 30, `" ([\d.]+\.\d+) [\d.-]+$`, greatest},
		{"access", "named-time", 30, ` rt=([\d.]+)`, greatest},
		{"access", "upstream-time", 30, `" [\d.]+ ([\d.]+)$`, greatest},
		{"access", "microseconds", 60, `^\S+:443 .*\] (\d+) "`, greatest},
		{"access", "domains", 60, `(?:^|" )([a-z.]+\.(?:com|org|net))(?::443| "-" [\d.]+ [\d.-]+$)`, distinct},
		{"access", "hosts", 60, ` host="([^"]+)"`, distinct},
		{"access", "failed", 70, `" (5\d\d) `, perMinute},
		{"pulse", "nginx-requests", 10, nginx + `(\d+)`, perSecond},
		{"pulse", "nginx-domains", 60, nginx + `\d+ .* (\S+)$`, distinct},
		{"pulse", "hermes-redis", 60, `mod=hermes_proxy .*redis=([\d.]+)`, mean},
		{"pulse", "clock-latency", 60, `latency=([\d.]+)`, greatest},
		{"json", "cached", 10, `"cached":(true)`, perSecond},
		{"json", "duration-mean", 10, `"method":"GET".*"duration":([\d.]+)`, mean},
		{"json", "bytes", 10, `"bytes":(\d+)`, total},
		{"json", "paths", 60, `"path":"([^"]*)"`, distinct},
		{"heroku", "orders", 70, `(order\.paid)`, perMinute},
		{"heroku", "vouchers", 70, ` (voucher)$`, perMinute},
		{"heroku", "connect", 60, `connect=(\d+)ms`, mean},
		{"heroku", "wait", 10, `job=.* wait=([\d.]+)ms`, greatest},
		{"heroku", "plans", 60, `"plan":"(\w+)"`, distinct},
	} {
		t.Run(n.golden+"/"+n.stat, func(t *testing.T) { n.check(t) })
	}
}

var clf = regexp.MustCompile(`\[(\d\d/\w+/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]`)
var rfc3339 = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`)

func (n naive) check(t *testing.T) {
	pattern := regexp.MustCompile(n.pattern)
	found := make(map[int64][]string) // by second
	seen := make(map[int64]bool)      // seconds of lines
	for l := range bytes.Lines(readFile(t, golden(n.golden, ".log"))) {
		text := string(bytes.TrimRight(l, "\n"))
		at, err := time.Parse(time.RFC3339, rfc3339.FindString(text))
		if err != nil {
			if at, err = time.Parse("02/Jan/2006:15:04:05 -0700", clf.FindStringSubmatch(text)[1]); err != nil {
				t.Fatalf("no time in %q", text)
			}
		}
		seen[at.Unix()] = true
		if m := pattern.FindStringSubmatch(text); m != nil {
			found[at.Unix()] = append(found[at.Unix()], m[1])
		}
	}
	first := slices.Min(slices.Collect(maps.Keys(seen)))
	seconds, nothing := 0, true
	for l := range bytes.Lines(readFile(t, golden(n.golden, ".jsonl"))) {
		if !bytes.HasPrefix(l, fmt.Appendf(nil, `{"stat":%q,`, n.stat)) {
			continue
		}
		var s stats.Snapshot
		if err := json.Unmarshal(l, &s); err != nil {
			t.Fatal(err)
		}
		seconds++
		var window []string
		for second := s.Time + 1 - n.over; second <= s.Time; second++ {
			window = append(window, found[second]...)
		}
		nothing = nothing && len(window) == 0
		var got any
		if err := json.Unmarshal(s.Value, &got); err != nil {
			t.Fatal(err)
		}
		if want := n.value(window, min(n.over, s.Time+1-first)); got != want {
			t.Errorf("at %s: %v, want %v", time.Unix(s.Time, 0).UTC().Format(time.TimeOnly), got, want)
		}
	}
	if seconds < 60 || nothing {
		t.Errorf("nothing was compared: %d seconds, windows empty: %t", seconds, nothing)
	}
}

// Stats of every kind are worked out a second time by a program in another
// language.
func TestGoldenInPython(t *testing.T) {
	testkit.Long(t)
	python := testkit.Tool(t, "python3")
	out, err := exec.CommandContext(t.Context(), python, golden("again", ".py")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// Lines in different order within what lateness allows give the same values.
func TestGoldenOrder(t *testing.T) {
	d, err := stats.Parse("router.yaml", readFile(t, golden("router", ".yaml")))
	if err != nil {
		t.Fatal(err)
	}
	d.Lateness = 3600
	recording := readFile(t, golden("router", ".log"))
	lines := bytes.SplitAfter(recording, []byte("\n"))
	slices.Reverse(lines)
	want, _ := evalRecording(t, d, recording)
	got, counts := evalRecording(t, d, bytes.Join(lines, nil))
	if counts.Late != 0 {
		t.Fatalf("%d lines are late", counts.Late)
	}
	text := func(snapshots []stats.Snapshot) (b []byte) {
		for _, s := range snapshots {
			if !strings.HasPrefix(s.Stat, "pulse.") { // some count by the record's clock
				b = fmt.Appendf(b, "%s\n", s.AppendJSON(nil))
			}
		}
		return b
	}
	compareLines(t, text(got), text(want))
}
