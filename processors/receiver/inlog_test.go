package receiver

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/program"
)

// Names of in-log metrics beyond those that are shown are logged, each once.
func TestUnlistedNamesAreLogged(t *testing.T) {
	d, err := stats.Parse("inlog.yaml", []byte("inlog: true\nstats: [{name: lines, count: lines}]"))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := program.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p := &partition{
		shared:   &shared{log: slog.New(slog.NewTextHandler(&log, nil))},
		folder:   compiled.NewFolder(),
		unlisted: map[string]int{},
	}
	names := 0
	fold := func(more int) {
		var lines strings.Builder
		for range more {
			fmt.Fprintf(&lines, "time=2012-11-22T09:00:00Z sample#n%d=1\n", names)
			names++
		}
		p.folder.Fold(program.Pack{Lines: []byte(lines.String()), Second: 1353574800})
		p.sayUnlisted()
	}
	fold(stats.MaxInlogNames)
	if log.Len() > 0 {
		t.Errorf("%d names: %s", names, log.String())
	}
	fold(1)
	fold(2)
	p.sayUnlisted()
	if n := strings.Count(log.String(), "stat=logs.sample"); n != 3 || !strings.Contains(log.String(), "name=n501") {
		t.Errorf("%d are named, want 3: %s", n, log.String())
	}
}
