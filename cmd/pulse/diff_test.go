package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

func TestDiff(t *testing.T) {
	old := writeFile(t, "old.yaml", `
stats:
  - {name: errors, count: lines, where: status >= 500, over: 2s}
  - {name: slow, max: ms, over: 1s, title: Slow}
  - {name: paths, count: lines, by: path, over: 1s}
  - {name: all, count: lines, over: 1s}
  - {name: gone, count: lines}
`)
	changed := writeFile(t, "new.yaml", `
stats:
  - {name: errors, count: lines, where: status >= 503 || path == "/b", over: 2s}
  - {name: slow, max: ms, over: 1s, title: Slowest}
  - {name: paths, count: lines, by: path, over: 1s, where: path != "/c"}
  - {name: all, count: lines, over: 1s}
  - {name: new, count: lines}
`)
	log := writeFile(t, "a.log", `2026-01-02T10:00:00Z status=503 path=/a ms=1
2026-01-02T10:00:01Z status=500 path=/a ms=1
2026-01-02T10:00:01Z status=200 path=/b ms=1
2026-01-02T10:00:02Z status=500 path=/a ms=2
2026-01-02T10:00:03Z status=200 path=/a ms=2
`)
	p := start(t, nil, nil, "diff", old, changed, log)
	code := p.wait()
	want := `errors: changed in meaning: where
slow: changed in looks
paths: changed in meaning: where
gone: gone
new: added
errors: its values differ in 2 seconds
  first at 2026-01-02T10:00:02Z: 2, then 1
  most at 2026-01-02T10:00:03Z: 1, then 0
  only by the old file counts: 2026-01-02T10:00:01Z status=500 path=/a ms=1
  only by the old file counts: 2026-01-02T10:00:02Z status=500 path=/a ms=2
  only by the new file counts: 2026-01-02T10:00:01Z status=200 path=/b ms=1
`
	if got := p.stdout.String(); got != want || code != exitBehind {
		t.Errorf("exit code %d, got\n%swant\n%s%s", code, got, want, p.stderr.String())
	}

	p = start(t, nil, nil, "diff", old, changed, log, "--to", "2026-01-02T10:00:01Z").succeed()
	if got, want := p.stdout.String(), "the values of 4 stats that both files have are the same\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant at its end\n%s", got, want)
	}
	p = start(t, nil, nil, "diff", old, old).succeed()
	if got, want := p.stdout.String(), "no stat is added, gone or changed\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, wrong := range [][]string{{"diff", old}, {"diff", old, changed, "-"}, {"diff", old, changed, log, "--raw"}} {
		if code := start(t, nil, nil, wrong...).wait(); code != exitUsage {
			t.Errorf("%v: exit code %d", wrong, code)
		}
	}
}

// TestDiffIsTheNaiveOne: the seconds that differ are those that differ when the
// snapshots of both are laid out second by second, with pauses in them too.
func TestDiffIsTheNaiveOne(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	for round := range testkit.Size(5, 20) {
		var log strings.Builder
		second := int64(1_767_348_000)
		for range 30 {
			second += int64(chance.IntN(3))
			if chance.IntN(10) == 0 {
				second += int64(chance.IntN(200))
			}
			fmt.Fprintf(&log, "%s status=%d ms=%d\n", time.Unix(second, 0).UTC().Format(time.RFC3339), 200+100*chance.IntN(4), chance.IntN(5))
		}
		definitions := func() string {
			over := []string{"1s", "5s", "90s"}
			return fmt.Sprintf("stats: [{name: a, count: lines, where: status >= %d, over: %s}, {name: b, mean: ms, over: %s}]\n",
				300+100*chance.IntN(2), over[chance.IntN(3)], over[chance.IntN(2)])
		}
		file := writeFile(t, "a.log", log.String())
		sides := []string{writeFile(t, "old.yaml", definitions()), writeFile(t, "new.yaml", definitions())}
		var laid [2]map[string]string
		for i, side := range sides {
			laid[i] = layOut(t, start(t, nil, nil, "eval", "--stats", side, file).succeed().stdout.String())
		}
		want := map[string]int64{}
		for at, value := range laid[0] {
			if laid[1][at] != value {
				want[at[:1]]++
			}
		}
		s := &diffSettings{old: sides[0], new: sides[1]}
		s.log.files = []string{file}
		e := &environment{Stdout: io.Discard, Stderr: io.Discard, LookupEnv: func(string) (string, bool) { return "", false }}
		old, err := e.readDefinitions(s.old)
		if err != nil {
			t.Fatal(err)
		}
		changed, err := e.readDefinitions(s.new)
		if err != nil {
			t.Fatal(err)
		}
		diffs, err := (&differ{log: &s.log, to: second + 1000, environment: e, old: old, new: changed}).values(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range diffs {
			if v.seconds != want[v.stat] {
				t.Errorf("round %d: %s differs in %d seconds, want %d", round, v.stat, v.seconds, want[v.stat])
			}
		}
	}
}

// layOut gives the value of each stat at each second.
func layOut(t *testing.T, lines string) map[string]string {
	all := map[string]string{}
	for text := range strings.Lines(lines) {
		var s stats.Snapshot
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		for at := s.First(); at <= s.Time; at++ {
			all[fmt.Sprint(s.Stat, at)] = fmt.Sprint(string(s.Value), s.Covered, s.Of)
		}
	}
	return all
}
