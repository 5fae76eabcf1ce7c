package main

import (
	"encoding/json"
	"strings"
	"testing"

	"pulse/stats"
)

func TestTable(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{
		{Name: "rate", Kind: "rate", Unit: "/s"}, {Name: "top-ten", Kind: "rate", By: []string{"x"}},
		{Name: "q", Kind: "quantiles"}, {Name: "h", Kind: "histogram"}, {Name: "none", Kind: "mean"}, {Name: "silent", Kind: "mean"},
	}}
	var b strings.Builder
	tb := newTable(&b, d)
	for stat, values := range map[string][]string{
		"rate":    {"0", "1", "null", "7", "3.5"},
		"top-ten": {`{"top":[],"other":0,"distinct":0}`, `{"top":[{"key":"a\u001b[2J","value":2.5}],"other":1,"distinct":3}`},
		"q":       {`{"0.5":4,"0.99":7}`, `{"0.5":8,"0.99":10}`},
		"h":       {`{"le":[1],"counts":[2,3]}`},
		"none":    {"null", "null"},
	} {
		for i, v := range values {
			tb.write(stats.Snapshot{Stat: stat, Time: int64(i), Value: json.RawMessage(v)})
		}
	}
	if err := tb.flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"rate 3.5 /s ▁▂ █▅",
		"top-ten 2.5 █ a�[2J 2.5, other 1",
		`q 8 ▅█ {"0.5":8,"0.99":10}`,
		`h 5 █ {"le":[1],"counts":[2,3]}`,
		"none –",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The table has the last value of the last seconds alone.
func TestTableIsBounded(t *testing.T) {
	tb := newTable(nil, &stats.Definitions{})
	for range 10 * tableSeconds {
		tb.write(stats.Snapshot{Stat: "a", Value: json.RawMessage("1")})
	}
	if n := len(tb.values["a"]); n != tableSeconds {
		t.Errorf("%d values, want %d", n, tableSeconds)
	}
}

func TestEvalTable(t *testing.T) {
	definitions := writeFile(t, "d.yaml", "stats: [{name: all, rate: second, over: 1s}]")
	p := start(t, nil, strings.NewReader("ts=1700000000 a\nts=1700000001 b\n"), "eval", "--table", "--stats", definitions).succeed()
	first, _, _ := strings.Cut(p.stdout.String(), "\n")
	if got, want := strings.Join(strings.Fields(first), " "), "all 1 /s ██"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
