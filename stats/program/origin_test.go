package program_test

import (
	"fmt"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/line"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

// TestOriginFields: stats ask for what the input knows of a line, which the line
// cannot say otherwise; and so does a Matcher. Lines that are empty are of no run,
// and those that are too long are.
func TestOriginFields(t *testing.T) {
	d, err := stats.Parse("test.yaml", []byte(`
lateness: 2s
stats:
  - {name: shop, rate: second, over: 1s, where: 'input == "drain" && drain == "shop"'}
  - {name: none, rate: second, over: 1s, where: input == nil}
  - {name: remotes, rate: second, over: 1s, by: remote}
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	drain := func(remote string) line.Origin {
		o, err := line.NewOrigin("input", "drain", "drain", "shop", "remote", remote)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	lines := []string{
		"n=1", "", "n=2 input=none remote=evil", "\r",
		"n=3", strings.Repeat("x", line.MaxLen+1), "n=4 drain=shop input=drain",
		"n=5", "n=6 remote=10.0.0.9",
	}
	runs := []line.Run{{Lines: 2, From: drain("10.0.0.1")}, {Lines: 3, From: "input=syslog"}, {Lines: 1, From: drain("10.0.0.2")}}
	pack := program.Pack{Lines: []byte(strings.Join(lines, "\n")), Second: 100, Floor: 100, Runs: runs}

	got := map[string]string{}
	e, err := oracle.New(d, func(s stats.Snapshot) { got[s.Stat] = string(s.Value) })
	if err != nil {
		t.Fatal(err)
	}
	e.Pack(pack)
	e.Close(-1)
	for stat, want := range map[string]string{
		"shop":    "3",
		"none":    "1",
		"remotes": `{"top":[{"key":"10.0.0.1","value":2},{"key":"10.0.0.2","value":1},{"key":"10.0.0.9","value":1}],"other":0,"distinct":3}`,
	} {
		if got[stat] != want {
			t.Errorf("%s is %s, want %s", stat, got[stat], want)
		}
	}

	m, err := p.NewMatcher("shop")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for range 2 { // a pack begins with its own runs
		m.Match(pack, 0, 1000, func(_ int64, l []byte) bool {
			found = append(found, string(l[:3]))
			return true
		})
	}
	if got, want := fmt.Sprint(found), "[n=1 n=2 n=5 n=1 n=2 n=5]"; got != want {
		t.Errorf("the lines of shop are %s, want %s", got, want)
	}
}
