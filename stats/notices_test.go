package stats

import (
	"strings"
	"testing"

	"pulse/stats/aggregate"
	"pulse/stats/value"
)

// TestNotes: a stat says which of the fields that it cannot do without no line has had.
func TestNotes(t *testing.T) {
	d, err := Parse("stats.yaml", []byte(`
stats:
  - {name: typo, rate: second, where: statsu >= 500}
  - {name: right, rate: second, where: status >= 500}
  - {name: either, rate: second, where: statsu >= 500 || status >= 500}
  - {name: both, rate: second, where: statsu >= 500 && status >= 500}
  - {name: neither, rate: second, where: a == 1 || b == 1}
  - {name: without, rate: second, where: statsu == nil}
  - {name: not, rate: second, where: not (statsu == 1)}
  - {name: all, rate: second}
  - {name: unparsed, rate: second, where: unparsed}
  - {name: sum, sum: request_time}
  - {name: by, rate: second, by: [status, hosst]}
  - {name: expression, rate: second, where: status + statsu > 500}
  - {name: ratio, ratio: [typo-10, right]}
  - {name: typo-10, rate: second, where: statsu >= 500}
`))
	if err != nil {
		t.Fatal(err)
	}
	typo := "no line has had `statsu`; did you mean `status`?"
	for _, test := range []struct {
		name string
		n    Notices
		want map[string]string
	}{
		{"no lines", Notices{Fields: map[string]uint64{}}, nil},
		{"nothing known", Notices{}, nil},
		{"some missing", Notices{Fields: map[string]uint64{EveryLine: 9, "status": 9, "request_time": 9}, Names: []string{"host"}}, map[string]string{
			"typo": typo, "both": typo, "expression": typo, "typo-10": typo, "ratio": typo,
			"neither": "no line has had `a`|no line has had `b`",
			"by":      "no line has had `hosst`; did you mean `host`?",
		}},
		{"beyond room", Notices{Beyond: map[string]aggregate.Beyond{"by": {Keys: 5210, Share: 0.301}, "right": {Share: 0.001}, "sum": {}}}, map[string]string{
			"by":    "about 5200 keys with 31 % of the lines are beyond its room and have no values of their own: group by what has fewer values, or narrow `where`",
			"right": "keys with 1 % of the lines are beyond its room and have no values of their own: group by what has fewer values, or narrow `where`",
			"ratio": "keys with 1 % of the lines are beyond its room and have no values of their own: group by what has fewer values, or narrow `where`",
		}},
		{"texts", Notices{Texts: map[string]uint64{"sum": 2043}, Errors: map[string]uint64{"all": 2844}, When: recently}, map[string]string{
			"all": "2800 lines a minute are not counted: a field's value has another type than its condition or expression expects",
			"sum": "2000 values of `request_time` of the last minute were text or numbers too large, and are not counted",
		}},
	} {
		notes := d.Notes(test.n)
		for _, s := range d.Stats {
			if got := strings.Join(notes[s.Name], "|"); got != test.want[s.Name] {
				t.Errorf("%s: %s says %q, want %q", test.name, s.Name, got, test.want[s.Name])
			}
		}
	}
}

// TestNotesOfDerived: a derived field is there if lines have those that it is made of, which
// are named if not.
func TestNotesOfDerived(t *testing.T) {
	d, err := Parse("stats.yaml", []byte(`
derive:
  sec: took / 1000
  twice: sec * 2
  typo: tok / 1000
  of_typo: typo * 2
  any: tok ?? 0
stats:
  - {name: named, mean: sec}
  - {name: unnamed, sum: took/10}
  - {name: of-derived, rate: second, where: twice > 4}
  - {name: default, mean: any}
  - {name: misspelled, mean: typo}
  - {name: misspelled-unnamed, sum: tok/10}
  - {name: misspelled-within, rate: second, where: of_typo > 4}
  - {name: misspelled-itself, mean: secs}
`))
	if err != nil {
		t.Fatal(err)
	}
	typo := "no line has had `tok`; did you mean `took`?"
	want := map[string]string{
		"misspelled": typo, "misspelled-unnamed": typo, "misspelled-within": typo,
		"misspelled-itself": "no line has had `secs`; did you mean `sec`?",
	}
	notes := d.Notes(Notices{Fields: map[string]uint64{EveryLine: 9, "took": 9, "sec": 0}})
	for _, s := range d.Stats {
		if got := strings.Join(notes[s.Name], "|"); got != want[s.Name] {
			t.Errorf("%s says %q, want %q", s.Name, got, want[s.Name])
		}
	}
}

// TestNoticesOf: fields are read from the value of pulse.fields if it has all of them.
func TestNoticesOf(t *testing.T) {
	for text, want := range map[string]map[string]uint64{
		`{"top":[{"key":"status,number","value":4},{"key":"status,text","value":2},{"key":"a\\,b,any","value":1}],"other":0,"distinct":3}`: {"status": 6, "a,b": 1},
		`{"top":[{"key":"status,number","value":4}],"other":2,"distinct":2}`:                                                               nil,
		`null`: nil,
	} {
		v, err := value.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := NoticesOf(SubjectFields, v).Fields
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		for field, n := range want {
			if got[field] != n {
				t.Errorf("%s: %v, want %v", text, got, want)
			}
		}
	}
}

func TestAbout(t *testing.T) {
	for n, want := range map[uint64]string{1: "1", 84: "84", 994: "990", 996: "1000", 1234567: "1200000"} {
		if got := about(n); got != want {
			t.Errorf("about %d is %s, want %s", n, got, want)
		}
	}
}
