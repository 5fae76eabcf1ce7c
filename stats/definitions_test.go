package stats

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/condition"
)

func mustParse(t *testing.T, src string) *Definitions {
	t.Helper()
	d, err := Parse("test.yaml", []byte(src))
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, src)
	}
	return d
}

const routing = `
define:
  nginx: source == "nginx" && http_status != nil
stats:
  - name: nginx-requests-per-second
    rate: second            # over the last 10 s
    where: nginx
    title: nginx req/sec
    warn: 1000
    crit: 5000
  - name: nginx-bytes
    quantiles: http_bytes
    at: [0.5, 0.95, 0.99]
    over: 60s
    where: nginx
  - name: nginx-domains-per-minute
    unique: http_domain
    where: nginx
pages:
  - title: Routing
    rows:
      - [nginx-requests-per-second, nginx-bytes, nginx-domains-per-minute]
`

func TestParse(t *testing.T) {
	d := mustParse(t, routing)
	number := func(f float64) *float64 { return &f }
	nginx, err := condition.Parse(`source == "nginx" && http_status != nil`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Definitions{
		Lateness: 2,
		Stats: []*Stat{
			{
				Name: "nginx-requests-per-second", Title: "nginx req/sec", Unit: "/s", Kind: "rate", Per: 1, Window: 10,
				Where: "nginx", Cond: nginx, Warn: number(1000), Crit: number(5000),
			},
			{
				Name: "nginx-bytes", Title: "nginx-bytes", Kind: "quantiles", Field: "http_bytes",
				Quantiles: []float64{0.5, 0.95, 0.99}, Window: 60, Where: "nginx", Cond: nginx,
			},
			{
				Name: "nginx-domains-per-minute", Title: "nginx-domains-per-minute", Kind: "unique", Field: "http_domain",
				Window: 60, Where: "nginx", Cond: nginx,
			},
		},
		Pages: []Page{{Title: "Routing", Rows: [][]string{
			{"nginx-requests-per-second", "nginx-bytes", "nginx-domains-per-minute"},
		}}},
	}
	d.Source = Source{}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got %s\nwant %s", dump(d), dump(want))
	}
}

func dump(d *Definitions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "lateness %d, pages %v", d.Lateness, d.Pages)
	for _, s := range d.Stats {
		fmt.Fprintf(&b, "\n%+v", *s)
	}
	return b.String()
}

func TestDefaults(t *testing.T) {
	tests := []struct {
		stat string
		over int64
		unit string
		per  int64
		at   []float64
	}{
		{"rate: second", 10, "/s", 1, nil},
		{"rate: minute", 70, "/min", 60, nil},
		{"rate: minute, over: 5m, unit: rpm", 300, "rpm", 60, nil},
		{"mean: x", 60, "", 0, nil},
		{"max: x, over: 1s", 1, "", 0, nil},
		{"min: x, over: 24h", 86400, "", 0, nil},
		{"min: x, over: 1d", 86400, "", 0, nil},
		{"mean: x, over: 30d", 30 * 86400, "", 0, nil},
		{"mean: x, over: 1d12h", 36 * 3600, "", 0, nil},
		{"sum: x, unit: B", 60, "B", 0, nil},
		{"unique: x", 60, "", 0, nil},
		{"quantiles: x", 60, "", 0, []float64{0.5, 0.95, 0.99}},
		{"quantiles: x, at: [1, 0.999999]", 60, "", 0, []float64{1, 0.999999}},
	}
	for _, tt := range tests {
		s := mustParse(t, "stats: [{name: a, "+tt.stat+"}]").Stats[0]
		if s.Window != tt.over || s.Unit != tt.unit || s.Per != tt.per || !slices.Equal(s.Quantiles, tt.at) {
			t.Errorf("%s: over %d, unit %q, per %d, at %v; want %d, %q, %d, %v",
				tt.stat, s.Window, s.Unit, s.Per, s.Quantiles, tt.over, tt.unit, tt.per, tt.at)
		}
		if s.Cond != nil || s.Title != "a" {
			t.Errorf("%s: condition %v, title %q", tt.stat, s.Cond, s.Title)
		}
	}
}

func TestAll(t *testing.T) {
	d := mustParse(t, routing)
	all := d.All()
	if len(all) != 14 || !slices.Equal(all[:3], d.Stats) {
		t.Fatalf("All gives %d stats, want the file's and eleven", len(all))
	}
	if own := all[13]; own.Name != LinesStat || own.Kind != LinesKind || own.Window != 1 {
		t.Errorf("the last is %+v", own)
	}
	if len(d.Stats) != 3 {
		t.Errorf("All changed the file's stats")
	}
}

// Each error is at its line and column, and says what to do.
func TestErrors(t *testing.T) {
	const stat = "{name: a, rate: second"
	tests := []struct {
		name, src string
		want      []string // "line:col: part of the message"
	}{
		{"empty", "", []string{": the file is empty"}},
		{"comment", "# nothing", []string{": the file is empty"}},
		{"no mapping", "- a", []string{"1:1: the file must be a mapping with keys lateness, define, formats, derive, scope, inlog, stats, pages, marks, alerts, routes and tests, not a list"}},
		{"no stats", "lateness: 2s", []string{"1:1: there are no stats"}},
		{"empty stats", "stats: []", []string{"1:8: there are no stats"}},
		{"null stats", "stats:", []string{"1:7: stats must be a list, not nothing"}},
		{"no YAML", "stats:\n - a: [", []string{"2:2: this is not valid YAML"}},
		{"wrong indentation", "stats:\n  - name: a\n    rate: second\n   where: x\n", []string{"4:4: this is not valid YAML: did not find expected '-' indicator"}},
		{"a quote without its end", "stats:\n  - name: \"a\n    rate: second\n", []string{"2:3: this is not valid YAML: found unexpected end of stream"}},
		{"tab", "stats:\n\t- a", []string{"2:1: this is not valid YAML: the line is indented by a tab: write spaces"}},
		{"no-break space", "stats:\n\u00a0 - {name: a, rate: second}\n", []string{"2:1: this is not valid YAML: mapping values are not allowed in this context; the line has a no-break space (U+00A0): write a space"}},
		{"two documents", "stats: [" + stat + "}]\n---\nx: 1", []string{"2:1: a second YAML document"}},
		{"misspelled key", "stat: []", []string{"1:1: the file has no key stat: did you mean stats?"}},
		{"key twice", "stats: [" + stat + "}]\nstats: []", []string{"2:1: stats is given twice"}},
		{"unknown key", "stats:\n  - name: a\n    rate: second\n    wher: x", []string{"4:5: a stat has no key wher: did you mean where?"}},
		{"far key", "stats: [" + stat + ", color: red}]", []string{"a stat has no key color (beside its name and its kind there are by, top,"}},
		{"far key, no kind", "stats: [{name: a, color: red}]", []string{"1:19: a stat has no key color (its kind is one of rate, "}},
		{"another tool's word", "stats: [{name: a, percentiles: v}]", []string{"1:19: a stat has no key percentiles: did you mean quantiles?"}},
		{"merge", "stats: [&a " + stat + "}, {<<: *a, name: b}]", []string{"1:38: YAML's merge key"}},
		{"key that is a list", "stats: [" + stat + ", [x]: 1}]", []string{"a key of a stat must be a word, not a list"}},

		{"lateness", "lateness: 1h1s\nstats: [" + stat + "}]", []string{"1:11: lateness must be from 0s to 1h, not 1h1s"}},
		{"lateness fraction", "lateness: 1500ms\nstats: [" + stat + "}]", []string{"1:11: lateness must be whole seconds"}},
		{"lateness unit", "lateness: 2\nstats: [" + stat + "}]", []string{"1:11: lateness needs a unit: write 2s"}},
		{"lateness text", "lateness: soon\nstats: [" + stat + "}]", []string{`1:11: lateness must be a duration such as 10s, 5m, 1h or 30d, not "soon"`}},
		{"lateness list", "lateness: [2s]\nstats: [" + stat + "}]", []string{"1:11: lateness must be a text, not a list"}},

		{"no name", "stats: [{rate: second}]", []string{"1:9: this stat has no name"}},
		{"empty name", "stats: [{name: '', rate: second}]", []string{"1:16: a stat's name is empty"}},
		{"bad name", "stats: [{name: a b, rate: second}]", []string{`1:16: a stat's name has letters, digits and . _ - / only, not "a b"`}},
		{"long name", "stats: [{name: " + strings.Repeat("a", 201) + ", rate: second}]", []string{"1:16: a stat's name has 201 bytes, at most 200"}},
		{"mark without where", "stats: [{name: a, count: lines}]\nmarks: [{name: deploy}]", []string{"2:9: this mark has no where"}},
		{"mark's name", "stats: [{name: a, count: lines}]\nmarks: [{name: a b, where: x > 1}]", []string{`2:16: a mark's name has letters, digits and . _ - / only, not "a b"`}},
		{"marks of one name", "stats: [{name: a, count: lines}]\nmarks: [{name: d, where: x > 1}, {name: d, where: x > 2}]", []string{"2:41: there is already a stat marks.d: choose another name"}},
		{"mark's link", "stats: [{name: a, count: lines}]\nmarks: [{name: d, where: x > 1, link: ftp://a}]", []string{"2:39: link must begin with https:// or http://, not ftp://a"}},
		{"own name", "stats: [{name: pulse.lines, rate: second}]", []string{"1:16: names that begin with pulse. are reserved"}},
		{"name twice", "stats: [" + stat + "}, " + stat + "}]", []string{"1:41: there is already a stat a: choose another name"}},
		{"stat that is a text", "stats: [a]", []string{"1:9: a stat must be a mapping with keys name,"}},

		{"no kind", "stats: [{name: a}]", []string{"1:9: this stat has no kind: give it one of rate, "}},
		{"two kinds", "stats: [" + stat + ", mean: x}]", []string{"1:39: a stat has one kind: this one has rate and mean"}},
		{"misspelled kind", "stats: [{name: a, quantile: x}]", []string{"1:19: a stat has no key quantile: did you mean quantiles?"}},
		{"misspelled rate", "stats: [{name: a, rate: secnd}]", []string{"1:25: rate must be second or minute, not secnd: did you mean second?"}},
		{"bad rate", "stats: [{name: a, rate: 5}]", []string{"1:25: rate must be second or minute, not 5"}},
		{"no field", "stats: [{name: a, mean: }]", []string{"mean is empty"}},
		{"number for a field", "stats: [{name: a, mean: 5}]", []string{`1:25: mean takes the name of a field, not "5"`}},
		{"$env for a field", "stats: [{name: a, mean: '$env[\"x\"]'}]", []string{"1:25: mean takes the name of a field as it is"}},
		{"define for a field", "define: {x: y}\nstats: [{name: a, mean: x}]", []string{"2:25: mean takes the name of a field, and x is a define"}},

		{"over", "stats: [" + stat + ", over: 31d}]", []string{"1:39: over must be from 1s to 30d, not 31d"}},
		{"over of a max", "stats: [{name: a, max: x, over: 25h}]", []string{"1:33: over must be from 1s to 24h, not 25h. Over up to 30d there are rate, count, sum, mean and unique, without by, and what is made of them"}},
		{"over by a key", "stats: [{name: a, count: lines, by: x, over: 7d}]", []string{"1:46: over must be from 1s to 24h, not 7d. With by there is no room for the keys of a longer one: leave it out, or write a stat for each key that matters, with each"}},
		{"days", "stats: [" + stat + ", over: 1dd}]", []string{`1:39: over must be a duration such as 10s, 5m, 1h or 30d, not "1dd"`}},
		{"too many days", "stats: [" + stat + ", over: 4000000000000d}]", []string{`1:39: over must be a duration such as 10s, 5m, 1h or 30d, not "4000000000000d"`}},
		{"over zero", "stats: [" + stat + ", over: 0s}]", []string{"1:39: over must be from 1s to 30d, not 0s"}},
		{"at with another kind", "stats: [" + stat + ", at: [0.5]}]", []string{"1:37: the option at is for quantiles, not for rate"}},
		{"at", "stats: [{name: a, quantiles: x, at: [0, 1.5, a, 0.5, 0.5, 0.1234567]}]", []string{
			"1:38: a quantile must be from 0.000001 to 1, not", "1:41: a quantile must be from 0.000001 to 1, not", `1:46: a quantile must be a number, not "a"`,
			"1:54: the quantile 0.5 is given twice", "1:59: a quantile has at most 6 decimals",
		}},
		{"at scalar", "stats: [{name: a, quantiles: x, at: 0.5}]", []string{`1:37: at must be a list, not "0.5"`}},
		{"at empty", "stats: [{name: a, quantiles: x, at: []}]", []string{"1:37: at must have from 1 to 20 quantiles, not 0"}},

		{"warn", "stats: [" + stat + ", warn: high, crit: .nan}]", []string{`1:39: warn must be a number, not "high"`, `1:51: crit must be a number, not ".nan"`}},
		{"order", "stats: [" + stat + ", warn: 5, crit: 3}]", []string{"1:48: crit is below warn"}},
		{"reversed order", "stats: [" + stat + ", warn: 3, crit: 5, reversed: true}]", []string{"1:48: crit is above warn"}},
		{"reversed", "stats: [" + stat + ", reversed: 1}]", []string{`1:43: reversed must be true or false, not "1"`}},
		{"title", "stats: [" + stat + ", title: [x]}]", []string{"1:40: title must be a text, not a list"}},

		{"define a header field", "define:\n  level: x == 1\nstats: [" + stat + "}]", []string{"2:3: level is a field that lines have in their header"}},
		{"define a word", "define: {in: x, a-b: y, 1: z}\nstats: [" + stat + "}]", []string{
			"1:10: a define's name has letters", "1:17: a define's name has letters", "1:25: a define's name has letters",
		}},
		{"define twice", "define: {x: a, x: b}\nstats: [" + stat + "}]", []string{"1:16: x is defined twice"}},
		{"define empty", "define:\n  x:\nstats: [" + stat + ", where: x}]", []string{"2:5: a condition is empty"}},
		{"define cycle", "define:\n  a: x && b\n  b: y || a\nstats: [" + stat + ", where: a}]", []string{"3:11: a uses itself: a -> b -> a"}},
		{"broken define used twice", "define:\n  a: x = 1\nstats: [" + stat + ", where: a}, {name: b, rate: second, where: a && y}]", []string{"2:8: = is not a comparison"}},
		{"defines as a list", "define: [a]\nstats: [" + stat + "}]", []string{"1:9: define must be a mapping of names to conditions, not a list"}},

		{"where", "stats: [" + stat + ", where: x == y}]", []string{"1:42: x and y are both fields"}},
		{"where tag", "stats:\n  - name: a\n    rate: second\n    where: !unparsed", []string{"4:12: YAML reads !unparsed as a tag: put quotes around the whole text"}},
		{"where misspelled define", "define: {nginx: x}\nstats: [" + stat + ", where: ngnix}]", []string{"2:40: there is no define ngnix: did you mean nginx?"}},

		{"page without all", "stats: [" + stat + "}]\npages: [{}]", []string{"2:9: this page has no title", "2:9: this page has no rows"}},
		{"misspelled stat", "stats: [{name: nginx-bytes, rate: second}]\npages: [{title: P, rows: [[nginx-byte]]}]", []string{"2:28: there is no stat nginx-byte: did you mean nginx-bytes?"}},
		{"unknown stat", "stats: [" + stat + "}]\npages: [{title: P, rows: [[foo]]}]", []string{"2:28: there is no stat foo"}},
		{"row that is no list", "stats: [" + stat + "}]\npages: [{title: P, rows: [a]}]", []string{`2:27: a row must be a list, not "a"`}},
		{"page twice", "stats: [" + stat + "}]\npages: [{title: P, rows: []}, {title: P, rows: []}]", []string{`2:39: there is already a page "P": choose another title`}},
		{"misspelled page key", "stats: [" + stat + "}]\npages: [{titel: P, rows: []}]", []string{"2:9: this page has no title", "2:10: a page has no key titel: did you mean title?"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(tt.src))
			var errs Errors
			if !errors.As(err, &errs) {
				t.Fatalf("got %v, want errors\nin %s", err, tt.src)
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(tt.want) {
				t.Fatalf("got %d errors, want %d:\n%v\nin %s", len(got), len(tt.want), err, tt.src)
			}
			for i, w := range tt.want {
				if !strings.HasPrefix(got[i], "f.yaml:") || !strings.Contains(got[i], w) {
					t.Errorf("got  %s\nwant f.yaml:%s", got[i], w)
				}
			}
		})
	}
}

// All that is wrong comes in one go, in the file's order.
func TestErrorsComeTogether(t *testing.T) {
	_, err := Parse("f.yaml", []byte(`lateness: -1s
define:
  bad: x ==
stats:
  - name: a
    rate: secnd
    where: y = 1
  - nam: b
    mean: z
pages:
  - title: P
    rows: [[a, c]]
`))
	want := []string{"1:11", "3:12", "6:11", "7:14", "8:5", "8:5", "12:16"}
	var got []string
	for _, line := range strings.Split(fmt.Sprint(err), "\n") {
		parts := strings.SplitN(line, ":", 4)
		got = append(got, strings.Join(parts[1:3], ":"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors at %v, want %v:\n%v", got, want, err)
	}
}

// An error in an expression is where it is in the file, however YAML wrote it.
func TestExpressionPositions(t *testing.T) {
	const head = "stats:\n  - name: a\n    rate: second\n    where: "
	tests := []struct{ name, where, at string }{
		{"plain", `aa == 1 && bb = 2`, "4:26"},
		{"plain, other letters", `größe == "ä" && bb = 2`, "4:31"},
		{"double quotes", `"aa == \"x\" && bb = 2"`, "4:31"},
		{"double quotes, escapes", `"aa == 1 \x26\u0026 bb = 2"`, "4:35"},
		{"single quotes", `'aa == ''x'' && bb = 2'`, "4:31"},
		{"plain over lines", "aa == 1\n      && bb = 2", "5:13"},
		{"plain over lines with a blank one", "aa == 1\n\n      && bb = 2", "6:13"},
		{"double quotes over lines", "\"aa == 1 \n      && bb = 2\"", "5:13"},
		{"literal", "|\n      aa == 1 &&\n      bb = 2", "6:10"},
		{"literal, indented more", "|\n      aa == 1 &&\n\n        (bb = 2)", "7:13"},
		{"literal, stripped", "|-  # why\n      aa == 1\n      && bb = 2\n", "6:13"},
		{"folded", ">\n      aa == 1\n      && bb = 2\n", "6:13"},
		{"CRLF", "|\r\n      aa == 1\r\n      && bb = 2\r\n", "6:13"},
		{"alias", "&x aa = 1", "4:12"},
	}
	for _, tt := range tests {
		_, err := Parse("f.yaml", []byte(head+tt.where))
		if got := fmt.Sprint(err); !strings.HasPrefix(got, "f.yaml:"+tt.at+": = is not a comparison") {
			t.Errorf("%s: got %s, want it at %s", tt.name, got, tt.at)
		}
	}
}

func TestBounds(t *testing.T) {
	stats := func(n int) string {
		var b strings.Builder
		b.WriteString("stats:\n")
		for i := range n {
			fmt.Fprintf(&b, "- {name: s%d, rate: second}\n", i)
		}
		return b.String()
	}
	if d := mustParse(t, stats(MaxStats)); len(d.Stats) != MaxStats {
		t.Errorf("%d stats, want %d", len(d.Stats), MaxStats)
	}
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	var many strings.Builder // so many that comparing each with all others would take long
	for i := range testkit.Size(15_000, 150_000) {
		fmt.Fprintf(&many, "%x,", i)
	}
	row := "[" + strings.TrimSuffix(strings.Repeat("a,", 1000), ",") + "]"
	tests := []struct{ name, src, want string }{
		{"size", stats(1) + strings.Repeat("#", MaxFileSize), "f.yaml: the file is too large: it has 1048610 bytes, at most 1048576 are read"},
		{"values of each", "stats: [{name: 'a{n}', rate: second, each: {n: [" + many.String() + "]}}]", "each gives more than 10000 stats"},
		{"stats", stats(MaxStats + 1), "there are 10001 stats, at most 10000"},
		{"alias bomb", bomb + "stats: *k", "the file has no key a"},
		{"repeated rows", "stats: [{name: a, rate: second}]\npages:\n- title: P\n  rows: [&r " + row + strings.Repeat(", *r", 100) + "]", "more than 10000 panels"},
		{"an alias of itself", "stats: &s [*s]", "a stat must be a mapping"},
		{"many errors", "stats: [" + strings.Repeat("{},", 1000) + "]", "this stat has no name"},
		{"comparisons", "define: {c: 'x in [" + strings.Repeat("1,", 4000) + "]'}\n" +
			strings.ReplaceAll(stats(300), "second", "second, where: c"), "more than 1048576 comparisons"},
	}
	for _, tt := range tests {
		_, err := Parse("f.yaml", []byte(tt.src))
		var errs Errors
		if !errors.As(err, &errs) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %.300v, want it to say %q", tt.name, err, tt.want)
		}
		if len(errs) > maxErrors {
			t.Errorf("%s: %d errors", tt.name, len(errs))
		}
	}
}

// The definitions version changes with what is said about values, and with nothing else.
func TestVersion(t *testing.T) {
	const base = `
lateness: 2s
define:
  nginx: source == "nginx" && http_status != nil
stats:
  - name: requests
    rate: second
    where: nginx && !(http_host == "127.0.0.1")
    title: T
    warn: 10
  - name: bytes
    quantiles: http_bytes
    at: [0.5, 0.99]
    over: 60s
    where: nginx
pages:
  - title: P
    rows: [[requests, bytes]]
`
	version := mustParse(t, base).Version()
	if len(version) != 6 || strings.Trim(version, "0123456789abcdef") != "" {
		t.Fatalf("the definitions version is %q, want six hexadecimal digits", version)
	}
	tests := []struct {
		name, old, new string
		same           bool
	}{
		{"title", "title: T", "title: U", true},
		{"threshold", "warn: 10", "warn: 20", true},
		{"threshold gone", "warn: 10", "", true},
		{"unit, help, reversed", "title: T", "unit: x\n    help: y\n    reversed: true", true},
		{"page", "rows: [[requests, bytes]]", "rows: [[bytes]]", true},
		{"comment", "lateness: 2s", "lateness: 2s # two", true},
		{"the default left out", "lateness: 2s", "", true},
		{"order of keys", "name: requests\n    rate: second", "rate: second\n    name: requests", true},
		{"a default written out", "rate: second", "rate: second\n    over: 10s", true},
		{"white space", `nginx && !(http_host == "127.0.0.1")`, `nginx  &&  !( http_host=="127.0.0.1" )`, true},
		{"parentheses", `nginx && !(http_host == "127.0.0.1")`, `(nginx) and (not ((http_host == '127.0.0.1')))`, true},
		{"folding", `nginx && !(http_host == "127.0.0.1")`, "|\n      nginx\n      && !(http_host == \"127.0.0.1\")", true},
		{"define written out", "where: nginx\n", "where: source == \"nginx\" && http_status != nil\n", true},
		{"define of another meaning", "nginx:", "nginx: x\n  other:", false},
		{"unit of time", "over: 60s", "over: 1m", true},

		{"over", "over: 60s", "over: 61s", false},
		{"lateness", "lateness: 2s", "lateness: 3s", false},
		{"where", `"127.0.0.1"`, `"127.0.0.2"`, false},
		{"where via define", `source == "nginx"`, `source == "varnish"`, false},
		{"where gone", "where: nginx\n", "\n", false},
		{"at", "at: [0.5, 0.99]", "at: [0.5, 0.95]", false},
		{"order of at", "at: [0.5, 0.99]", "at: [0.99, 0.5]", false},
		{"name", "name: bytes", "name: bytez", false},
		{"kind", "quantiles: http_bytes\n    at: [0.5, 0.99]", "mean: http_bytes", false},
		{"rate's unit", "rate: second", "rate: minute\n    over: 10s", false},
		{"field", "quantiles: http_bytes", "quantiles: http_size", false},
		{"type of a constant", `"127.0.0.1"`, `127.1`, false},
	}
	for _, tt := range tests {
		src := strings.Replace(base, tt.old, tt.new, 1)
		if src == base {
			t.Fatalf("%s: nothing replaced", tt.name)
		}
		if tt.name == "name" {
			src = strings.Replace(src, "[[requests, bytes]]", "[[requests]]", 1)
		}
		if got := mustParse(t, src).Version(); (got == version) != tt.same {
			t.Errorf("%s: the definitions version was %s and is %s; the same wanted: %t", tt.name, version, got, tt.same)
		}
	}

	d := mustParse(t, base)
	slices.Reverse(d.Stats)
	if got := d.Version(); got != version {
		t.Errorf("the order of stats changes the definitions version")
	}
}

func TestBuiltin(t *testing.T) {
	d, err := Parse("builtin.yaml", builtinYAML)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d, Builtin()) {
		t.Error("Builtin gives something else")
	}
	shown := make(map[string]bool)
	for _, p := range d.Pages {
		for _, r := range p.Rows {
			for _, name := range r {
				shown[name] = true
			}
		}
	}
	for _, s := range d.Stats {
		if !shown[s.Name] {
			t.Errorf("%s is on no page", s.Name)
		}
	}
}

// The definitions in testdata are in order.
func TestTestdataDefinitions(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions in testdata: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(file, data); err != nil {
			t.Error(err)
		}
	}
}

var lineBreaks = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]") // as YAML has them

// Any file is either refused, with errors at places in it, or understood.
func FuzzParse(f *testing.F) {
	f.Add([]byte(routing))
	f.Add(builtinYAML)
	for _, seed := range []string{
		"stats: [&a {name: a, rate: second, where: \"x == \\x31 && y\"}, *a]", "stats: &s [*s]", "a: &a [*a]",
		"define: {a: b, b: a}\nstats:\n- name: x\n  quantiles: y\n  at: [.5]\n  where: >-\n    a\n\n    && ='",
		"lateness: 0x2s", "---\n---", "? [a]\n: b", "stats: !x y", "%YAML 1.2\n---\n'a'''", "stats: [{name: a, rate: second, where: 'a = ''b'''}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse("f", data)
		if err == nil {
			if len(d.Stats) == 0 || len(d.Version()) != 6 {
				t.Fatalf("understood, but empty: %s", dump(d))
			}
			return
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Fatalf("an error of another type: %v", err)
		}
		lines := 1 + len(lineBreaks.FindAllString(string(data), -1))
		for _, e := range errs {
			if e.Line < 0 || e.Line > lines+1 || e.Column < 0 || e.Message == "" {
				t.Fatalf("an error outside of the file: %#v", e)
			}
		}
	})
}
