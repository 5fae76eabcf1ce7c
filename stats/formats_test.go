package stats

import (
	"fmt"
	"strings"
	"testing"

	"pulse/stats/derive"
	"pulse/stats/format"
)

// TestFormatErrors: each mistake has its place and what to write instead.
func TestFormatErrors(t *testing.T) {
	const rest = "\nstats: [{name: a, rate: second}]"
	for _, test := range []struct{ src, want string }{
		{"formats: {a: b}", "1:10: formats must be a list"},
		{"formats: [{pattern: <x>}]", "1:11: this format has no name"},
		{"formats: [{name: a b, pattern: <x>}]", "1:18: the format name \"a b\" is not valid"},
		{"formats: [{name: json, pattern: <x>}]", "1:18: json is a built-in format: choose another name"},
		{"formats: [{name: a, pattern: <x>}, {name: a, pattern: <y>}]", "1:43: the format a is defined twice"},
		{"formats: [{name: a}]", "1:11: a format has exactly one of pattern, regexp and columns: this one has "},
		{"formats: [{name: a, pattern: <x>, regexp: y}]", "1:11: a format has exactly one of pattern, regexp and columns: this one has "},
		{"formats: [{name: a, pattern: 'x <y><z>'}]", "1:36: two captures are next to each other, so it is unclear where the first one ends"},
		{"formats: [{name: a, pattern: '<y> <y>'}]", "1:35: <y> occurs twice: rename one, or write <_> to skip it"},
		{"formats: [{name: a, pattern: '<file>:<line> <msg>'}]", "1:38: every line has a field line of its own, so that <line> would be lost: rename it"},
		{"formats: [{name: a, columns: csv, names: [a, unparsed]}]", "1:42: every line has a field unparsed of its own"},
		{"formats: [{name: a, regexp: '(?P<x>'}]", "1:30: missing closing )"},
		{"formats: [{name: a, pattern: <x>, time: iso}]", "1:41: this format has no capture named time"},
		{"formats: [{name: a, pattern: <x>, zone: UTC}]", "1:41: this format has no capture named time"},
		{"formats: [{name: a, pattern: <time>, zone: Mars}]", `1:44: there is no time zone "Mars"`},
		{"formats: [{name: a, pattern: <time>, time: YYYY}]", `1:44: "YYYY" is not a time layout`},
		{"formats: [{name: a, pattern: <time>, time: '2006-01-02 03:04:05'}]", `1:45: the layout "2006-01-02 03:04:05" has a 12-hour clock without PM`},
		{"formats: [{name: a, pattern: <time>, time: '15:04:05'}]", `1:45: the layout "15:04:05" has no date, and a time of day alone does not date a line`},
		{"formats: [{name: a, pattern: <x>, in: line}]", "1:39: in must name a field of another format: remove it to read whole lines"},
		{"formats: [{name: a, pattern: <msg>, in: msg}]", "1:41: this format reads the field msg and also captures it"},
		{"formats: [{name: a, pattern: '<text> <x>'}, {name: b, pattern: <y>, in: txet}]", "1:73: no format above this one has the field txet: did you mean text?"},
		{"formats: [{name: a, pattern: <x>, where: input = 5}]", "1:48: = is not a comparison"},
		{"formats: [{name: a, columns: scv}]", "1:30: columns must be one of w3c, csv, tsv and ltsv, not scv: did you mean csv?"},
		{"formats: [{name: a, columns: csv}]", "1:30: csv needs names: a list with the name of each column, _ to skip one"},
		{"formats: [{name: a, columns: ltsv, names: [a]}]", "1:43: ltsv takes no names"},
		{"formats: [{name: a, columns: csv, names: [a, a]}]", "1:42: <a> occurs twice: rename one, or write <_> to skip it"},
		{"formats: [{name: a, columns: w3c, names: [time]}]", "1:42: names of w3c must be those of the log's #Fields line"},
		{"formats: [{name: a, columns: w3c, in: msg}]", "1:39: w3c reads whole lines: remove in"},
		{"formats: [{name: a, columns: w3c, time: iso}]", "1:41: w3c takes its time from the columns date and time: remove time"},
		{"formats: [{name: a, pattern: <x>, names: [a]}]", "1:42: names works with columns only: a pattern names its own captures"},
		{"formats: [{name: a, pattern: <x>, samples: [{}]}]", "1:45: this sample has no line"},
		{"formats: [{name: a, pattern: <x>, samples: [{line: x, time: noon}]}]", "1:61: time must look like 2012-11-22T09:31:34.123Z, not noon"},
		{"formats: [{name: a, pattern: <x>, samples: [{line: x, fields: [a]}]}]", "1:63: fields must be a mapping of at most 100 field names to values, not a list"},
		{"formats: [{name: a, pattern: <x>, samples: [{line: \"x\\ny\"}]}]", "1:52: a sample must be a single line"},
		{"formats: [" + strings.Repeat("{name: a, pattern: <x>},", format.MaxFormats+1) + "]", "1:10: there are 65 formats, at most 64 are allowed"},
	} {
		_, err := Parse("f.yaml", []byte(test.src+rest))
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:"+test.want) {
			t.Errorf("%s:\ngot  %v\nwant f.yaml:%s", test.src, err, test.want)
		}
	}
}

func TestSamples(t *testing.T) {
	const start = "stats: [{name: a, rate: second}]\nformats:\n- {name: first, pattern: '<x>: <msg>'}\n- {name: second, pattern: '<x>:<time>', time: unix, samples: ["
	for _, test := range []struct{ sample, want string }{
		{"{line: 'a:1763803894', time: 2025-11-22T09:31:34Z, fields: {x: a, y: }}", ""},
		{"{line: 'a: 1763803894'}", "4:63: the format first takes this sample of second first: put second above it"},
		{"{line: 'a;1763803894'}", "4:63: the format second does not fit its sample: the line is unparsed"},
		{"{line: 'a:1763803894', fields: {x: b}}", `4:95: x is "a" in the sample's line`},
		{"{line: 'a:1763803894', fields: {y: b}}", "4:95: the sample's line has no y"},
		{"{line: 'a:1763803894', fields: {x: }}", `4:95: x is "a" in the sample's line`},
		{"{line: 'a:1763803894', time: 2025-11-22T09:31:35Z}", "4:63: the time of the sample's line is 2025-11-22T09:31:34Z, not 2025-11-22T09:31:35Z"},
	} {
		d, err := Parse("f.yaml", []byte(start+test.sample+"]}"))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(d.CheckSamples("f.yaml"))
		if want := test.want; want == "" && got != "<nil>" || want != "" && !strings.HasPrefix(got, "f.yaml:"+want) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.sample, got, want)
		}
	}
}

// TestFormatsAreOfTheVersion: what changes fields changes the definitions version.
func TestFormatsAreOfTheVersion(t *testing.T) {
	version := func(formats string) string {
		d, err := Parse("f.yaml", []byte("stats: [{name: a, rate: second}]\n"+formats))
		if err != nil {
			t.Fatal(err)
		}
		return d.Version()
	}
	seen := map[string]string{}
	for _, formats := range []string{
		"", "formats: [{name: a, pattern: <x>}]", "formats: [{name: b, pattern: <x>}]", "formats: [{name: a, pattern: <y>}]", "formats: [{name: a, regexp: '(?P<x>.)'}]",
		"formats: [{name: a, pattern: <x>}, {name: b, pattern: <y>}]", "formats: [{name: b, pattern: <y>}, {name: a, pattern: <x>}]",
		"formats: [{name: a, pattern: <time>}]", "formats: [{name: a, pattern: <time>, time: iso}]", "formats: [{name: a, pattern: <time>, zone: CET}]",
		"formats: [{name: a, pattern: <x>, in: msg}]", "formats: [{name: a, pattern: <x>, where: input == 1}]",
		"formats: [{name: a, columns: csv, names: [a, b]}]", "formats: [{name: a, columns: csv, names: [b, a]}]", "formats: [{name: a, columns: tsv, names: [b, a]}]",
	} {
		v := version(formats)
		if other, ok := seen[v]; ok {
			t.Errorf("%q and %q are of one version", formats, other)
		}
		seen[v] = formats
	}
	if version("formats: [{name: a, pattern: <x>}]") != version("formats: [{name: a, pattern: <x>, samples: [{line: x}]}]") {
		t.Error("samples make another version")
	}
}

// TestDeriveErrors: each mistake has its place and what to write instead.
func TestDeriveErrors(t *testing.T) {
	const rest = "\nstats: [{name: a, rate: second}]"
	for _, test := range []struct{ src, want string }{
		{"derive: [a]" + rest, "1:9: derive must be a mapping of field names to expressions, not a list"},
		{"derive: {a-b: x}" + rest, "1:10: the name of a derived field has only letters, digits and _, does not begin with a digit, and is not a reserved word"},
		{"derive: {http_path: lower(x)}" + rest, "1:10: http_path is a field that lines have"},
		{"formats: [{name: f, pattern: <user>}]\nderive: {user_: x, user: lower(x)}" + rest, "2:20: user is a field that the format f gives"},
		{"formats: [{name: f, pattern: <who>}]\nderive: {who: lower(x)}" + rest, "2:10: who is a field that the format f gives"},
		{"define: {a: x}\nderive: {a: y}" + rest, "2:10: a is already a define: choose another name"},
		{"derive: {a: x, a: y}" + rest, "1:16: a is defined twice"},
		{"derive: {a: }" + rest, "1:13: an expression is empty"},
		{"derive: {a: x +}" + rest, "1:16: the expression ends too early"},
		{"derive: {a: b + 1, b: a * 2}" + rest, "1:23: a depends on itself: a -> b -> a"},
		{"derive: {a: rout(x)}" + rest, "1:13: there is no function rout: did you mean route?"},
		{"derive: {a: regex(x)}" + rest, "1:13: there is no function regex: there are route, capture, bytes and those of expr"},
		{"derive: {a: 'capture(x, \"\\w\")'}" + rest, `1:27: this escape is not allowed in quotes: write \\ for a backslash, or put a regular expression between backquotes`},
		{"derive: {a: 'route(x, \"/b/*\", \"/b/c\")'}" + rest, "1:31: the rule /b/c never applies"},
		{"stats: [{name: a, sum: ms > 5}]", "1:24: sum takes numbers, and ms > 5 is true or false: count the lines for which it is true, count: lines with where: ms > 5"},
		{"derive: {slow: '!(ms < 5)'}\nstats: [{name: a, quantiles: slow}]", "2:30: quantiles takes numbers, and slow is true or false"},
		{"stats: [{name: a, mean: 'a contains \"x\" ? true : b in [1, 2]'}]", "1:25: mean takes numbers"},
		{"stats: [{name: a, rate: second, by: 'split(x, 5'}]", "1:48: the expression ends too early"},
		{"stats: [{name: a, rate: second, by: [x, 'capture(y, \"(\")']}]", "1:53: error parsing regexp"},
		{"stats: [{name: a, rate: second, where: 'x == 1 && capture(y, \"(\") == \"a\"'}]", "1:51: error parsing regexp"},
		{"stats: [{name: a, rate: second, where: 'route(x, 5) == \"/a\"'}]", "1:41: route takes"},
		{"formats: [{name: a, pattern: <x>, where: route(x) == \"/a\"}]" + rest, "1:42: route is for derive"},
		{"formats: [{name: a, pattern: <x>, in: lower(msg)}]" + rest, "1:39: in takes the name of a field, and lower(msg) is an expression"},
	} {
		_, err := Parse("f.yaml", []byte(test.src))
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:"+test.want) {
			t.Errorf("%s:\ngot  %v\nwant f.yaml:%s", test.src, err, test.want)
		}
	}
	if _, err := Parse("f.yaml", []byte("stats: [{name: a, unique: ms > 5}, {name: b, count: lines, by: ms > 5}]")); err != nil {
		t.Error(err)
	}
	many := "derive:\n"
	for i := range derive.MaxFields {
		many += fmt.Sprintf("  f%d: x + %d\n", i, i)
	}
	if _, err := Parse("f.yaml", []byte(many+rest)); err != nil {
		t.Error(err)
	}
	if _, err := Parse("f.yaml", []byte(many+"stats: [{name: a, mean: ms / 3}]")); err == nil || !strings.Contains(err.Error(), "more than 256 derived fields") {
		t.Errorf("one more: %v", err)
	}
}

// TestDerivedVersion: what a derived field means is of the stats that go by it, and of no
// others.
func TestDerivedVersion(t *testing.T) {
	hashes := func(derived string) map[string]string {
		d, err := Parse("f.yaml", []byte(derived+"\nstats: [{name: a, rate: second, by: e}, {name: b, rate: second}, {name: c, rate: second, where: f > 1}]"))
		if err != nil {
			t.Fatal(err)
		}
		all := d.StatHashes()
		all["version"] = d.Version()
		return all
	}
	one, other := hashes("derive: {e: lower(f), f: g + 1}"), hashes("derive: {e: lower(f), f: g + 2, unused: x + 1}")
	for name, differs := range map[string]bool{"a": true, "b": false, "c": true, "version": true} {
		if (one[name] != other[name]) != differs {
			t.Errorf("%s: %s and %s, want them to differ: %v", name, one[name], other[name], differs)
		}
	}
	if a, b := hashes("derive: {e: lower(f), f: g + 1}"), hashes("derive: {f: g  +  1, unused: x + 1, e: lower(f)}"); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("how it is written makes a difference: %v and %v", a, b)
	}
}
