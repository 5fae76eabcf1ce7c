package stats

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// env is a Lookup of NAME=value words.
func env(words ...string) Lookup {
	return func(name string) (string, bool) {
		for _, w := range words {
			if key, value, _ := strings.Cut(w, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

// parseEnv parses a file that must be right.
func parseEnv(t *testing.T, src string, words ...string) *Definitions {
	t.Helper()
	d, err := ParseEnv("f.yaml", []byte(src), env(words...))
	if err != nil {
		t.Fatalf("%v\nin %s", err, src)
	}
	return d
}

// names writes stats with their conditions, a line each.
func names(d *Definitions) string {
	var b strings.Builder
	for _, s := range d.Stats {
		fmt.Fprintf(&b, "%s: %v\n", s.Name, s.Cond)
	}
	return b.String()
}

func TestEach(t *testing.T) {
	d := parseEnv(t, `
define: {nginx: source == "nginx"}
stats:
  - name: nginx-{status}-per-minute
    each: {status: [500, 503]}
    rate: minute
    where: nginx && http_status == {status}
    title: "nginx {status}"
    crit: "{status}"
  - name: "{code:lower}-{mod:dashes}"
    each: {code: [H10, H99], mod: "a_b, c"}
    unique: "{mod}_id"
    where: code == "{code}" && msg matches "[0-9]{2}"
`)
	if got, want := names(d), `nginx-500-per-minute: source == "nginx" && http_status == 500
nginx-503-per-minute: source == "nginx" && http_status == 503
h10-a-b: code == "H10" && msg matches "[0-9]{2}"
h10-c: code == "H10" && msg matches "[0-9]{2}"
h99-a-b: code == "H99" && msg matches "[0-9]{2}"
h99-c: code == "H99" && msg matches "[0-9]{2}"
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if s := d.Stats[1]; s.Title != "nginx 503" {
		t.Errorf("title %s", s.Title)
	}
	if f := d.Stats[2].Field; f != "a_b_id" {
		t.Errorf("field %s", f)
	}
}

func TestScope(t *testing.T) {
	const src = `
scope:
  field: cloud
  values: ${CLOUDS}
  default: ${DEFAULT_CLOUD:-}
  prefix: ${GRAPHITE_PREFIX:-}
  strip: .com
stats:
  - {name: all, rate: second, scope: false}
  - {name: requests, rate: second, where: status || code}
  - {name: errors, rate: second, where: 'status >= 500'}
  - {name: error-ratio, ratio: [errors, requests]}
  - {name: of-all, ratio: [requests, all], title: share}
pages:
  - title: P
    rows: [[requests, error-ratio, pulse.lines], [all]]
  - title: Once
    scope: false
    rows: [[errors]]
  - title: All
    rows: [[all]]
`
	d := parseEnv(t, src, "CLOUDS=a.com,b.com", "DEFAULT_CLOUD=b.com", "GRAPHITE_PREFIX=x.")
	if got, want := names(d), `all: <nil>
x.requests: cloud == "b.com" && (status || code)
x.a.requests: cloud == "a.com" && (status || code)
x.errors: cloud == "b.com" && status >= 500
x.a.errors: cloud == "a.com" && status >= 500
x.error-ratio: <nil>
x.a.error-ratio: <nil>
x.of-all: <nil>
x.a.of-all: <nil>
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for i, want := range map[int][]string{
		5: {"x.errors", "x.requests"}, 6: {"x.a.errors", "x.a.requests"}, 7: {"x.requests", "all"}, 8: {"x.a.requests", "all"},
	} {
		if !slices.Equal(d.Stats[i].Of, want) {
			t.Errorf("%s is of %s, want %s", d.Stats[i].Name, d.Stats[i].Of, want)
		}
	}
	if got := d.Stats[8].Title; got != "a share" {
		t.Errorf("title %s", got)
	}
	if got, want := fmt.Sprint(d.Pages), "[{P [[x.requests x.error-ratio pulse.lines] [all]]} {Once [[x.errors]]} {All [[all]]} {a P [[x.a.requests x.a.error-ratio]]}]"; got != want {
		t.Errorf("pages %s\nwant  %s", got, want)
	}
	one := parseEnv(t, src, "CLOUDS=a.com")
	if got := len(one.Stats); got != 5 || one.Stats[1].Name != "requests" || len(one.Pages) != 3 {
		t.Errorf("one cloud: %s", names(one))
	}
	if one.Version() == d.Version() || d.Version() == parseEnv(t, src, "CLOUDS=a.com,b.com", "GRAPHITE_PREFIX=x.").Version() {
		t.Error("the definitions version does not depend on the variables")
	}
}

func TestVariables(t *testing.T) {
	d := parseEnv(t, `
stats:
  - name: ${A}-${B:-b}
    rate: second
    over: ${N}s
    warn: ${N}
    where: deploy == "${A}" && x == ${N} && y == "$${A}"
`, "A=a", "N=5", "B=")
	s := d.Stats[0]
	if s.Name != "a-b" || s.Window != 5 || *s.Warn != 5 || s.Cond.String() != `deploy == "a" && x == 5 && y == "${A}"` {
		t.Errorf("%+v: %s", s, s.Cond)
	}
}

func TestKinds(t *testing.T) {
	for src, want := range map[string]Stat{
		"rate: minute, by: x":                              {Kind: "rate", GroupBy: []string{"x"}, Top: 10, Window: 70},
		"sum: f, by: [x, y], top: 3, over: 5s":             {Kind: "sum", GroupBy: []string{"x", "y"}, Top: 3, Window: 5},
		"quantiles: f, by: x, top: 100":                    {Kind: "quantiles", GroupBy: []string{"x"}, Top: 100, Window: 60},
		"histogram: f, buckets: [0.5, 10, 1e3]":            {Kind: "histogram", Buckets: []float64{0.5, 10, 1000}, Window: 1},
		"last: f":                                          {Kind: "last", Window: 60},
		"last-sum: f, by: [x, y]":                          {Kind: "last-sum", GroupBy: []string{"x", "y"}, Window: 300},
		"last-count: f, by: x, expire: 10s":                {Kind: "last-count", GroupBy: []string{"x"}, Window: 10},
		"delta: f, by: x, over: 5m":                        {Kind: "delta", GroupBy: []string{"x"}, Window: 300},
		"delta: f":                                         {Kind: "delta", Window: 60},
		"ratio: [b, b]":                                    {Kind: "ratio", Of: []string{"b", "b"}, Window: 30},
		"ratio: [c, c], by: x, rank: count":                {Kind: "ratio", GroupBy: []string{"x"}, Top: 10, Of: []string{"c", "c"}, RankLines: true, Window: 30},
		"max: f, by: x, rank: value":                       {Kind: "max", GroupBy: []string{"x"}, Top: 10, Window: 60},
		"sum: f, by: x, rank: count":                       {Kind: "sum", GroupBy: []string{"x"}, Top: 10, Window: 60, RankLines: true},
		"quantiles: f, by: x, rank: count":                 {Kind: "quantiles", GroupBy: []string{"x"}, Top: 10, Window: 60},
		"quantiles: f, by: x, rank: 0.9":                   {Kind: "quantiles", GroupBy: []string{"x"}, Top: 10, Window: 60, Rank: 0.9},
		"value: b + 2 * b":                                 {Kind: "value", Of: []string{"b"}, Window: 30},
		"value: sum(c*) / 2, by: x":                        {Kind: "value", Of: []string{"c"}, GroupBy: []string{"x"}, Top: 10, Window: 30},
		"slo: {good: d, total: d, target: 99.9, over: 1h}": {Kind: "slo", Of: []string{"d", "d"}, Window: 3600},
		"rate: second, link: 'https://example.com/x'":      {Kind: "rate", Link: "https://example.com/x", Window: 10},
	} {
		s := parseEnv(t, "stats: [{name: a, "+src+"}, {name: b, max: x, over: 30s}, {name: c, max: x, over: 30s, by: x}, {name: d, count: lines}]").Stats[0]
		got := Stat{Kind: s.Kind, GroupBy: s.GroupBy, Top: s.Top, Window: s.Window, Buckets: s.Buckets, Of: s.Of, Link: s.Link, Rank: s.Rank, RankLines: s.RankLines}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, want %+v", src, got, want)
		}
	}
}

func TestLanguageErrors(t *testing.T) {
	const stat = "{name: a, rate: second"
	for _, test := range []struct{ src, want string }{
		{"stats: [{name: a, histogram: x, buckets: [1], by: y}]", "1:51: the option by is for rate, "},
		{"stats: [{name: a, rate: second, top: 5}]", "1:38: top needs by, which names the key"},
		{"stats: [{name: a, rate: second, by: y, top: 0}]", "1:45: top must be a whole number from 1 to 100, not 0"},
		{"stats: [{name: a, rate: second, by: [y, y]}]", "1:41: the field y is given twice"},
		{"stats: [{name: a, rate: second, by: []}]", "1:37: by must have from 1 to 4 fields, not 0"},
		{"stats: [{name: a, histogram: x}]", "1:30: histogram takes buckets"},
		{"stats: [{name: a, histogram: x, buckets: [1, 1]}]", "1:46: the bounds of buckets ascend"},
		{"stats: [{name: a, histogram: x, buckets: [1e30]}]", "1:43: a bound must be from -1e+18 to 1e+18"},
		{"stats: [{name: a, last-sum: x}]", "1:29: last-sum takes by: name the parts"},
		{"stats: [{name: a, last-sum: x, by: y, over: 5s}]", "1:45: the option over is for rate"},
		{"stats: [{name: a, rate: second, expire: 5s}]", "1:41: the option expire is for last-sum"},
		{"stats: [{name: a, ratio: [b]}]", "1:26: ratio takes the names of two stats, such as [errors, requests]: this list has 1"},
		{"stats: [{name: a, ratio: [b, c]}, {name: c, rate: second}]", "1:27: there is no stat b"},
		{"stats: [{name: a, ratio: [c, c], where: x}, {name: c, rate: second}]", "1:41: ratio takes no where"},
		{"stats: [{name: a, ratio: [c, a]}, {name: c, rate: second}]", "1:30: a ratio needs two stats that are made of lines: a is a ratio itself"},
		{"stats: [{name: a, ratio: [c, d]}, {name: c, rate: second}, {name: d, rate: minute}]", "1:30: a ratio needs two stats over the same window: d is over 70 s, not 10 s"},
		{"stats: [{name: a, ratio: [b, c]}, {name: b, rate: second, by: x}, {name: c, rate: second}]", "1:27: a ratio needs two stats with a single number: b is by: x. Give the ratio that too"},
		{"stats: [{name: a, ratio: [b, c], by: x}, {name: b, rate: second, by: x}, {name: c, rate: second, by: [x, y]}]", "1:30: a ratio needs two stats by the same as itself, by: x: c is by: [x, y]"},
		{"stats: [{name: a, ratio: [b, c], by: x}, {name: b, rate: second}, {name: c, rate: second, by: x}]", "1:27: a ratio needs two stats by the same as itself, by: x: b is not by a key"},
		{"stats: [{name: a, ratio: [b, c], by: x}, {name: b, quantiles: y, by: x}, {name: c, rate: second, by: x, over: 60s}]", "1:27: a ratio needs two stats with a single number: b has several"},
		{"stats: [{name: a, value: b + 1}, {name: b, quantiles: x}]", "1:26: a value needs stats with a single number: b has several"},
		{"stats: [{name: a, value: sum(bytes)}]", "1:30: there is no stat bytes: a value is made of stats. If it is a field, add a stat of it, such as {name: bytes, sum: bytes}"},
		{"stats: [{name: a, value: 1 + 2}]", "1:26: this names no stat"},
		{"stats: [{name: a, value: [b]}, {name: b, sum: x}]", "1:26: value must be a text, not a list"},
		{"stats: [{name: a, value: 'b + (c'}, {name: b, sum: x}, {name: c, sum: x}]", "1:33: a ) is missing"},
		{"stats: [{name: a, value: c - bb}, {name: b, sum: x}, {name: c, sum: x}]", "1:30: there is no stat bb: did you mean b?"},
		{"stats: [{name: a, value: b-c}, {name: b, sum: x}, {name: c, sum: x}]", "1:26: there is no stat b-c. If a - or / in it is a sign, put blanks around it"},
		{"stats: [{name: a, value: b - c}, {name: b, sum: x, over: 5s}, {name: c, sum: x}]", "1:30: a value needs stats over the same window: c is over 60 s, not 5 s"},
		{"stats: [{name: a, value: b * d}, {name: b, sum: x}, {name: d, ratio: [b, b]}]", "1:30: a value needs stats that are made of lines: d is a ratio itself"},
		{"stats: [{name: a, value: b * d}, {name: b, sum: x}, {name: d, sum: x, by: y}]", "1:30: a value needs stats with a single number: d is by: y. Give the value that too"},
		{"stats: [{name: a, value: sum(*), by: y}, {name: b, sum: x, by: y}]", "1:30: a value needs stats that are made of lines: a is a value itself. * fits its name"},
		{"stats: [{name: a, value: sum(c*)}, {name: b, sum: x}]", "1:30: no stat has a name like c*"},
		{"stats: [{name: a, value: b + 500}, {name: b, sum: x}, {name: 500, sum: x}]", "1:30: 500 is a number in a value, and there is a stat of this name"},
		{"stats: [{name: a, value: b, where: c}, {name: b, sum: x}]", "1:36: value takes no where: write it at the stats that it is made of"},
		{"stats: [{name: a, value: b, over: 5s}, {name: b, sum: x}]", "1:35: the option over is for rate"},
		{"inlog: maybe\nstats: [" + stat + "}]", `1:8: inlog must be true or false, not "maybe"`},
		{"inlog: true\nstats: [{name: logs.sample, rate: second}]", "2:16: there is already a stat logs.sample"},
		{"stats: [{name: a, slo: b}]", `1:24: slo must be a mapping with keys good, total, target and over, not "b"`},
		{"stats: [{name: a, slo: {good: b, target: 99}}, {name: b, count: lines}]", "1:24: slo needs good and total, the names of two stats that count lines: total is missing"},
		{"stats: [{name: a, slo: {good: b, total: b}}, {name: b, count: lines}]", "1:24: slo needs target: say which percentage is to be good, such as target: 99.9"},
		{"stats: [{name: a, slo: {good: b, total: b, target: 100}}, {name: b, count: lines}]", "1:52: target is a percentage above 0 and below 100, such as 99.9, not 100"},
		{"stats: [{name: a, slo: {good: b, total: b, target: 99.12345678}}, {name: b, count: lines}]", "1:52: target has at most 6 decimals"},
		{"stats: [{name: a, slo: {good: b, total: b, target: 99, over: 31d}}, {name: b, count: lines}]", "1:62: over of slo must be from 1s to 30d, not 31d"},
		{"stats: [{name: a, slo: {good: b, total: c, target: 99}}, {name: b, count: lines}]", "1:41: there is no stat c"},
		{"stats: [{name: a, slo: {good: b, total: c, target: 99}}, {name: b, count: lines}, {name: c, sum: x}]", "1:41: an slo needs stats that count lines, of the kinds count or rate and without by: c is not one"},
		{"stats: [{name: a, slo: {good: b, total: b, target: 99}, over: 1h}, {name: b, count: lines}]", "1:63: the option over is for rate"},
		{"stats: [{name: a, slo: {good: b, total: b, target: 99}}, {name: b, count: lines}, {name: a.burn-1h, count: lines}]", "1:90: there is already a stat a.burn-1h"},
		{"stats: [" + stat + ", by: x, rank: most}]", `1:46: rank of rate must be value or count, not "most"`},
		{"stats: [" + stat + ", by: x, rank: 0.9}]", "1:46: rank of rate must be value or count, not 0.9: only quantiles rank by a quantile"},
		{"stats: [" + stat + ", by: x, rank: [count]}]", "1:46: rank of rate must be value or count, not a list"},
		{"stats: [" + stat + ", rank: count}]", "1:39: rank needs by, which names the key"},
		{"stats: [{name: a, quantiles: x, by: y, rank: value}]", `1:46: rank of quantiles must be count or a quantile such as 0.99, not "value"`},
		{"stats: [{name: a, quantiles: x, by: y, rank: 1.5}]", "1:46: rank must be a number from 0.000001 to 1, not 1.5"},
		{"stats: [" + stat + ", link: javascript:x}]", "1:39: link must begin with https://"},
		{"stats: [{name: 'a{b}', each: {c: [1]}, rate: second}]", "1:16: each has no b (there are c)"},
		{"stats: [{name: 'a{b:upper}', each: {b: [1]}, rate: second}]", "1:16: a value has the forms {b}, {b:lower} and {b:dashes}, not {b:upper}"},
		{"stats: [{name: a, each: {b: [1, 2]}, rate: second}]\npages: [{title: P, rows: [[a]]}]", "1:16: the name lacks {b}: each makes several stats"},
		{"stats: [{name: 'a{b}', each: {b: [1, 2], c: [1, 2], d: [1], e: [1, 2]}, rate: second}]", "1:16: the name lacks {c} and {e}:"},
		{"stats: [{name: 'a{b:lower}', each: {b: [x, X]}, rate: second}]", "1:16: there is already a stat ax: choose another name"},
		{"stats: [{name: a, each: {b: 1}, rate: second}]", ""},
		{"stats: [{name: 'a{b}', each: {b: [1, 1]}, rate: second}]", "1:34: a list of each has 1 twice"},
		{"stats: [{name: 'a{b}', each: [1], rate: second}]", "1:30: each is a mapping of names to lists"},
		{"stats: [{name: 'a{b}', each: {b: [one]}, rate: second, where: 'x == {b} && == 2'}]", "1:76:"},
		{"stats: [{name: a, rate: second, where: '${X:-long value} == 2'}]", "1:41:"},
		{"stats: [{name: '${X}', rate: second}]", "1:16: the environment variable X is not set"},
		{"stats: [{name: '${x y}', rate: second}]", "1:16: ${x y} is not a variable"},
		{"stats: [{name: '${Q}', rate: second}]", "1:16: the environment variable Q has a quote"},
		{"scope: {values: [a]}\nstats: [" + stat + "}]", "1:8: scope has no field"},
		{"scope: {field: f, values: [a], default: b}\nstats: [" + stat + "}]", "1:41: default is one of the values, a, not b"},
		{"scope: {field: f, values: [a b, c]}\nstats: [" + stat + "}]", ""},
		{"scope: {field: f, values: [c, a b]}\nstats: [" + stat + "}]", `2:16: a stat's name has letters, digits and . _ - / only, not "a b.a"`},
		{"stats: [" + stat + ", scope: cloud}]", `1:40: scope is false for a stat that there is once, not "cloud"`},
		{"stats: [" + stat + "}]\npages: [{title: P, rows: [[a]], scope: 1}]", `2:40: scope is false for a page that there is once, not "1"`},
		{"scope: {field: f, values: [x, y]}\nstats: [" + stat + "}]\npages: [{title: P, rows: [[a]]}, {title: y P, rows: [[a]]}]",
			`3:8: there is a page "y P" already, and the scope makes one of that name`},
		{"stats: [" + stat + "}]\ntests: [{name: t, lines: x, expect: [{stat: b, value: 1}]}]", "2:45: there is no stat b"},
		{"stats: [" + stat + "}]\ntests: [{name: t, lines: x, expect: [{stat: a, time: noon, value: 1}]}]", "2:54: time must be a whole second"},
		{"stats: [" + stat + "}]\ntests: [{name: t, lines: x}]", "2:9: this test expects nothing"},
	} {
		_, err := ParseEnv("f.yaml", []byte(test.src), env(`Q=a"b`))
		if test.want == "" {
			if err != nil {
				t.Errorf("%v\nin %s", err, test.src)
			}
			continue
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) != 1 || !strings.HasPrefix(err.Error(), "f.yaml:"+test.want) {
			t.Errorf("got  %v\nwant %s\nin %s", err, test.want, test.src)
		}
	}
}

func TestTests(t *testing.T) {
	d := parseEnv(t, `
stats:
  - {name: "a-{n}", each: {n: [1, 2]}, rate: second}
tests:
  - name: one line
    lines: |
      first
      second
    expect:
      - {stat: a-1, value: 0.10}
      - {stat: a-2, time: 2012-11-22T09:31:34Z, value: {"0.5": 1e3, top: [{key: "x\"", value: null}], is: true}}
`)
	x := d.Tests[0]
	if x.Name != "one line" || string(x.Lines) != "first\nsecond\n" || len(x.Expect) != 2 {
		t.Fatalf("%+v", x)
	}
	if e := x.Expect[0]; e.Stat != "a-1" || e.Time != -1 || string(e.Value) != "0.1" || e.Line != 10 {
		t.Errorf("%+v", e)
	}
	if e := x.Expect[1]; e.Time != 1353576694 || string(e.Value) != `{"0.5":1000,"top":[{"key":"x\"","value":null}],"is":true}` {
		t.Errorf("%+v: %s", e, e.Value)
	}
}

// What aliases multiply is bounded.
func TestAliasesAreBounded(t *testing.T) {
	src := "define: {a: x}\nstats:\n"
	list := "&l0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"
	for i := range 8 {
		list = fmt.Sprintf("&l%d [%s%s]", i+1, list, strings.Repeat(fmt.Sprintf(", *l%d", i), 8))
	}
	src += "  - {name: 'a{n}', each: {n: [1, 2]}, rate: second, at: " + list + "}\n"
	if _, err := Parse("f.yaml", []byte(src)); err == nil || !strings.Contains(err.Error(), "more than 10000 values") {
		t.Errorf("%v", err)
	}
}

// An slo has burn rates beside it, of the same stats of its scope and with thresholds of
// their own.
func TestBurnRates(t *testing.T) {
	d := parseEnv(t, `
scope: {field: cloud, values: [a, b]}
stats:
  - {name: good, count: lines, where: status < 500}
  - {name: all, rate: minute}
  - {name: shop, title: Shop, unit: "%", warn: 0.25, slo: {good: good, total: all, target: 99.9, over: 6h}}
`)
	var got strings.Builder
	for _, s := range d.Stats[4:] {
		warn, crit := "-", "-"
		if s.Warn != nil {
			warn = fmt.Sprint(*s.Warn)
		}
		if s.Crit != nil {
			crit = fmt.Sprint(*s.Crit)
		}
		fmt.Fprintln(&got, s.Name, s.Of, s.Window, warn, crit, s.Reversed, s.Unit, s.Formula.Text)
	}
	const burn = "(1 - good / total) * 100 / (100 - 99.9)\n"
	if want := `shop [good all] 21600 0.25 0 true % 1 - ` + burn +
		`b.shop [b.good b.all] 21600 0.25 0 true % 1 - ` + burn +
		`shop.burn-5m [good all] 300 - 14.4 false × ` + burn +
		`b.shop.burn-5m [b.good b.all] 300 - 14.4 false × ` + burn +
		`shop.burn-1h [good all] 3600 - 14.4 false × ` + burn +
		`b.shop.burn-1h [b.good b.all] 3600 - 14.4 false × ` + burn +
		`shop.burn-30m [good all] 1800 - 6 false × ` + burn +
		`b.shop.burn-30m [b.good b.all] 1800 - 6 false × ` + burn +
		`shop.burn-6h [good all] 21600 1 6 false × ` + burn +
		`b.shop.burn-6h [b.good b.all] 21600 1 6 false × ` + burn +
		`shop.burn-2h [good all] 7200 3 - false × ` + burn +
		`b.shop.burn-2h [b.good b.all] 7200 3 - false × ` + burn +
		`shop.burn-1d [good all] 86400 3 - false × ` + burn +
		`b.shop.burn-1d [b.good b.all] 86400 3 - false × ` + burn +
		`shop.burn-3d [good all] 259200 1 - false × ` + burn +
		`b.shop.burn-3d [b.good b.all] 259200 1 - false × ` + burn; got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}
