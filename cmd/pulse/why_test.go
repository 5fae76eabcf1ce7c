package main

import (
	"fmt"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
)

// What pulse why says adds up to the value: of a recording with lines that come too late.
func TestWhy(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	file := writeFile(t, "stats.yaml", "stats: [{name: errors, count: lines, where: status >= 500, over: 5s}]\n")
	var log strings.Builder
	for second := range 20 {
		for i := range 3 {
			fmt.Fprintf(&log, "2026-01-02T10:00:%02dZ status=%d n=%d\n", second, 200+300*(i%2), i)
		}
		if second == 15 {
			fmt.Fprintf(&log, "2026-01-02T10:00:09Z status=500 n=late\n")
		}
	}
	recording := writeFile(t, "a.log", log.String())
	d := deploy(t, file, 2, 1)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	follow(t, d.cluster, d.names).equals(evaluate(t, nil, "--stats", file, recording), 0)

	said := d.start("why", "errors", "2026-01-02T10:00:10Z").succeed().stdout.String()
	for _, want := range []string{
		"errors at 2026-01-02T10:00:10Z, of the 5 seconds from 2026-01-02T10:00:06Z on\n",
		", final: 5, published ",
		": 5 lines in ", "; and 1 that came too late\n",
		"  too late: 2026-01-02T10:00:09Z status=500 n=late\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	if said := d.start("why", "errors", "2026-01-02T11:00:10Z").succeed().stdout.String(); !strings.Contains(said, "has no such point") || !strings.Contains(said, "no line of events.raw is in its window") {
		t.Errorf("of another hour it says\n%s", said)
	}
}

func TestWhyLine(t *testing.T) {
	file := writeFile(t, "stats.yaml", `
stats:
  - {name: errors, count: lines, where: status >= 500}
  - {name: all, count: lines, where: status > 0}
`)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--line", "status=503"}, "errors counts it\nall counts it\n"},
		{[]string{"errors", "--line", "status=200"}, "all counts it\nerrors does not: not status >= 500: status is 200\n"},
		{[]string{"--line", "a=1"}, "no stat counts it\n"},
	} {
		if got := start(t, nil, nil, append([]string{"why", "--stats", file}, c.args...)...).succeed().stdout.String(); got != c.want {
			t.Errorf("%v: got\n%swant\n%s", c.args, got, c.want)
		}
	}
	if got, want := start(t, nil, nil, "why", "--line", "a=1").succeed().stdout.String(), "by Pulse's own definitions, as --stats names no file:\n"; !strings.HasPrefix(got, want) {
		t.Errorf("without a file it says\n%swant first\n%s", got, want)
	}
	for _, wrong := range [][]string{{"why"}, {"why", "errors"}, {"why", "errors", "noon"}, {"why", "--stats", file, "error", "--line", "a=1"}, {"why", "a", "b", "--line", "c"}} {
		if code := start(t, nil, nil, wrong...).wait(); code != exitUsage {
			t.Errorf("%v: exit code %d", wrong, code)
		}
	}
}
