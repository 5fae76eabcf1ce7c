package value_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/value"
)

// Each shape has an example here: what it is in JSON, and its numbers.
var examples = []struct {
	json    string
	value   value.Value
	numbers string // with their labels
}{
	{"null", nil, ""},
	{"12.5", value.Number("12.5"), "12.5"},
	{"-123456789012345678901234567.000000001", value.Number("-123456789012345678901234567.000000001"),
		"-123456789012345678901234567.000000001"},
	{`{"0.95":90,"0.5":18.25}`, value.Quantiles{{"0.95", "90"}, {"0.5", "18.25"}},
		"quantile=0.95 90; quantile=0.5 18.25"},
	{`{"top":[{"key":"a","value":9.5},{"key":"\"b\\\u000a,é","value":1}],"other":3,"distinct":12}`,
		&value.Keyed{Top: []value.Key{{Key: "a", Value: value.Number("9.5")}, {Key: "\"b\\\n,é", Value: value.Number("1")}}, Other: value.Number("3"), Distinct: 12},
		"key=a 9.5; key=\"b\\\n,é 1; keys=other 3; keys=distinct 12"},
	{`{"top":[{"key":"","value":{"1":7}}],"other":null,"distinct":1}`,
		&value.Keyed{Top: []value.Key{{Key: "", Value: value.Quantiles{{"1", "7"}}}}, Distinct: 1},
		"key= quantile=1 7; keys=distinct 1"},
	{`{"top":[{"key":"a","value":0.5},{"key":"b","value":null,"dropped":true},{"key":"c","value":null}],"other":null,"distinct":3}`,
		&value.Keyed{Top: []value.Key{{Key: "a", Value: value.Number("0.5")}, {Key: "b", Dropped: true}, {Key: "c"}}, Distinct: 3},
		"key=a 0.5; keys=distinct 3"},
	{`{"top":[],"other":0,"distinct":0}`, &value.Keyed{Top: []value.Key{}, Other: value.Number("0")},
		"keys=other 0; keys=distinct 0"},
	{`{"le":[10,100.5],"counts":[4,2,1]}`, &value.Histogram{Bounds: []value.Number{"10", "100.5"}, Counts: []uint64{4, 2, 1}},
		"le=10 4; le=100.5 2; le=+Inf 1"},
	{`{"in":3,"counted":2,"late":1}`, value.Counts{{"in", 3}, {"counted", 2}, {"late", 1}},
		"count=in 3; count=counted 2; count=late 1"},
}

func numbers(v value.Value) string {
	var all []string
	for labels, n := range value.Numbers(v) {
		var words []string
		for _, l := range labels {
			words = append(words, l.Name+"="+l.Text)
		}
		all = append(all, strings.Join(append(words, string(n)), " "))
	}
	return strings.Join(all, "; ")
}

func TestShapes(t *testing.T) {
	testkit.Listed(t, "shapes", "Shape")
	left := value.Shapes()
	for _, e := range examples {
		v, err := value.Parse([]byte(e.json))
		if err != nil || !reflect.DeepEqual(v, e.value) {
			t.Errorf("Parse(%s) is %#v, %v, want %#v", e.json, v, err, e.value)
		}
		if got := string(value.AppendJSON(nil, e.value)); got != e.json {
			t.Errorf("the JSON is %s, want %s", got, e.json)
		}
		if got := numbers(e.value); got != e.numbers {
			t.Errorf("the numbers of %s are %q, want %q", e.json, got, e.numbers)
		}
		if e.value != nil {
			left = slices.DeleteFunc(left, func(s value.Shape) bool { return s == e.value.Shape() })
		}
	}
	for _, s := range left {
		t.Errorf("no value of shape %s is walked over here: add one to examples in value_test.go", s)
	}
}

// A walk ends where it is broken off.
func TestBreak(t *testing.T) {
	for _, e := range examples {
		all := strings.Split(e.numbers, "; ")
		for n := 1; n <= len(all) && e.numbers != ""; n++ {
			seen := 0
			for range value.Numbers(e.value) {
				if seen++; seen == n {
					break
				}
			}
			if seen != n {
				t.Errorf("%s: %d numbers before the break, want %d", e.json, seen, n)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, data := range []string{
		"", " ", "nul", `"12"`, "true", "[1]", "{}", "{", `{"color":1}`, `{"2":1}`, `{"0.5":"a"}`, `{"0.5":null}`, `{"0.5":1`,
		`{"top":[{"key":"a","value":{"top":[],"other":0,"distinct":0}}],"other":0,"distinct":1}`,
		`{"top":[],"other":0,"distinct":-1}`, `{"top":[],"distinct":1}`,
		`{"le":[1],"counts":[1]}`, `{"in":-1}`, `{"in":1.5}`,
	} {
		if v, err := value.Parse([]byte(data)); err == nil {
			t.Errorf("Parse(%s) is %#v, want an error", data, v)
		}
	}
}

// What Parse takes has one form of JSON, which reads back the same.
func FuzzParse(f *testing.F) {
	for _, e := range examples {
		f.Add([]byte(e.json))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := value.Parse(data)
		if err != nil {
			return
		}
		once := value.AppendJSON(nil, v)
		again, err := value.Parse(once)
		if err != nil {
			t.Fatalf("%s is made of %q and cannot be read: %v", once, data, err)
		}
		if twice := value.AppendJSON(nil, again); !bytes.Equal(once, twice) {
			t.Fatalf("%s, then %s", once, twice)
		}
		_ = numbers(v)
	})
}

func ExampleNumbers() {
	v, _ := value.Parse([]byte(`{"top":[{"key":"/a","value":{"0.5":7,"0.99":20}}],"other":null,"distinct":1}`))
	for labels, n := range value.Numbers(v) {
		fmt.Println(labels, n)
	}
	// Output:
	// [{key /a} {quantile 0.5}] 7
	// [{key /a} {quantile 0.99}] 20
	// [{keys distinct}] 1
}

func TestExtreme(t *testing.T) {
	parse := func(text string) value.Value {
		v, err := value.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ a, b, least, greatest string }{
		{"1", "2", "1", "2"},
		{"2", "1", "1", "2"},
		{"1.0", "1", "1.0", "1.0"},
		{"null", "1", "1", "1"},
		{"-5", "null", "-5", "-5"},
		{"null", "null", "null", "null"},
		{`{"0.5":1,"0.9":7}`, `{"0.5":2,"0.9":3}`, `{"0.5":1,"0.9":3}`, `{"0.5":2,"0.9":7}`},
		{`{"in":3,"late":0}`, `{"in":2,"late":1}`, `{"in":2,"late":0}`, `{"in":3,"late":1}`},
		{`{"le":[1,2],"counts":[3,0,1]}`, `{"le":[1,2],"counts":[1,4,1]}`, `{"le":[1,2],"counts":[1,0,1]}`, `{"le":[1,2],"counts":[3,4,1]}`},
		{
			`{"top":[{"key":"x","value":3},{"key":"y","value":1}],"other":0,"distinct":2}`, `{"top":[{"key":"z","value":9},{"key":"x","value":2}],"other":5,"distinct":3}`,
			`{"top":[{"key":"x","value":2},{"key":"y","value":1},{"key":"z","value":9}],"other":0,"distinct":2}`,
			`{"top":[{"key":"x","value":3},{"key":"y","value":1},{"key":"z","value":9}],"other":5,"distinct":3}`,
		},
		// Values of two stats: whatever it is, it is one of them.
		{"1", `{"0.5":1}`, "1", "1"},
		{`{"0.5":1}`, `{"le":[1],"counts":[1,1]}`, `{"0.5":1}`, `{"0.5":1}`},
	} {
		a, b := parse(c.a), parse(c.b)
		if got := string(value.AppendJSON(nil, value.Extreme(a, b, false))); got != c.least {
			t.Errorf("the least of %s and %s is %s, want %s", c.a, c.b, got, c.least)
		}
		if got := string(value.AppendJSON(nil, value.Extreme(a, b, true))); got != c.greatest {
			t.Errorf("the greatest of %s and %s is %s, want %s", c.a, c.b, got, c.greatest)
		}
		if string(value.AppendJSON(nil, a)) != c.a || string(value.AppendJSON(nil, b)) != c.b {
			t.Errorf("%s or %s has changed", c.a, c.b)
		}
	}
}
