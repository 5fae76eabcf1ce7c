package program

import (
	"fmt"
	"strings"
	"testing"

	"pulse/stats"
)

func inlogFolder(t testing.TB) *Folder {
	t.Helper()
	d, err := stats.Parse("inlog.yaml", []byte("inlog: true\nstats: [{name: lines, count: lines}]"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p.NewFolder()
}

// Names of in-log metrics beyond those that are shown are named.
func TestInlogNamesBeyond(t *testing.T) {
	f := inlogFolder(t)
	var lines strings.Builder
	for i := range stats.MaxInlogNames + 30 {
		fmt.Fprintf(&lines, "time=2012-11-22T09:00:00Z count#n%d=1 measure#one=2\n", i)
	}
	f.Fold(Pack{Lines: []byte(lines.String()), Second: 1353574800})
	unlisted := f.Notices().Unlisted
	if got := unlisted["logs.count"]; len(got) != maxBeyond || got[0] != "n500" {
		t.Errorf("of counts %v are named, want %d from n500 on", got, maxBeyond)
	}
	if got := unlisted["logs.measure"]; len(got) > 0 {
		t.Errorf("of measures %v are named", got)
	}
}

// Lines with in-log metrics allocate nothing once their names are known.
func TestInlogAllocatesNothing(t *testing.T) {
	f := inlogFolder(t)
	lines := []byte(strings.Repeat("time=2012-11-22T09:00:00Z count#a=1 measure#b=1.2s sample#c=384.3MB text#no\n", 50))
	fold := func() { f.Fold(Pack{Lines: lines, Second: 1353574800}) }
	fold()
	if n := testing.AllocsPerRun(10, fold); n > 0 {
		t.Errorf("%v allocations for 50 lines", n)
	}
}

// What explains and selects lines knows those with in-log metrics.
func TestInlogLines(t *testing.T) {
	p := inlogFolder(t).program
	x := p.NewExplainer(1353574800)
	for text, want := range map[string][2]string{
		"time=2012-11-22T09:00:00Z count#a=1 sample#c=x": {"[lines logs.count]", "the line has no sample#name=number"},
		"time=2012-11-22T09:00:00Z sample#c=5kB":         {"[lines logs.sample]", ""},
		"time=2012-11-22T09:00:00Z measure=1":            {"[lines]", "the line has no sample#name=number"},
	} {
		x.Parse("", []byte(text))
		why, err := x.Why("logs.sample")
		if got := fmt.Sprint(x.Stats()); got != want[0] || why != want[1] || err != nil {
			t.Errorf("%s is counted by %s, %q, %v; want %s, %q", text, got, why, err, want[0], want[1])
		}
		m, err := p.NewMatcher("logs.sample")
		if err != nil {
			t.Fatal(err)
		}
		matched := false
		m.Match(Pack{Lines: []byte(text), Second: 1353574800}, 1353574800, 1353574800, func(int64, []byte) bool {
			matched = true
			return true
		})
		if matched != (want[1] == "") {
			t.Errorf("%s is selected: %v", text, matched)
		}
	}
}
