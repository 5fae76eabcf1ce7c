package condition_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pulse/stats/condition"
	"pulse/stats/condition/conditiontest"
	"pulse/stats/fixed"
)

// A condition's canonical text says what was understood.
func TestParse(t *testing.T) {
	tests := []struct{ src, want string }{
		{`source == "nginx"`, `source == "nginx"`},
		{`source == 'nginx' && http_status != nil`, `source == "nginx" && http_status != nil`},
		{"source==`nginx`and(http_status!=nil)", `source == "nginx" && http_status != nil`},
		{`a == 1 or b == 2 and c == 3`, `a == 1 || b == 2 && c == 3`},
		{`(a == 1 or b == 2) and c == 3`, `(a == 1 || b == 2) && c == 3`},
		{`a && (b && (c && d))`, `a && b && c && d`},
		{`a || (b || c) || (d && (e || f))`, `a || b || c || d && (e || f)`},
		{`unparsed`, `unparsed`},
		{`unparsed == true`, `unparsed`},
		{`unparsed == false`, `unparsed == false`},
		{`!unparsed`, `!unparsed`},
		{`!!unparsed`, `unparsed`},
		{`not (a == 1 && b)`, `!(a == 1 && b)`},
		{`!(a == 1)`, `!(a == 1)`},
		{`!(a != nil)`, `a == nil`},
		{`not (a == nil)`, `a != nil`},
		{`nil == a`, `a == nil`},
		{`10 < a`, `a > 10`},
		{`10 >= a`, `a <= 10`},
		{`1 <= a <= 5`, `a >= 1 && a <= 5`},
		{`"x" != a`, `a != "x"`},
		{`a in ["x", 'y', 3, nil, true]`, `a == "x" || a == "y" || a == 3 || a == nil || a`},
		{`a in ["x"]`, `a == "x"`},
		{`a not in ["x", "y"]`, `!(a == "x" || a == "y")`},
		{`a in []`, `false`},
		{`a not in []`, `true`},
		{`a contains "x" && b startsWith "y" && c endsWith "z"`, `a contains "x" && b startsWith "y" && c endsWith "z"`},
		{`a not contains "x"`, `!(a contains "x")`},
		{`path matches "^/v[0-9]+/"`, `path matches "^/v[0-9]+/"`},
		{`http.request.method == "GET"`, `http.request.method == "GET"`},
		{`http["request"].method == "GET"`, `http.request.method == "GET"`},
		{`http["x-y"] == "GET"`, `$env["http.x-y"] == "GET"`},
		{`$env["x-y"] == 1`, `$env["x-y"] == 1`},
		{`$env["http"]["method"] == "GET"`, `http.method == "GET"`},
		{`$env.http.method == "GET"`, `http.method == "GET"`},
		{`$env["in"] == 1 && $env["sample#memory"] > 2`, `$env["in"] == 1 && $env["sample#memory"] > 2`},
		{`if == 1 && else == 2 && count > 3`, `if == 1 && else == 2 && count > 3`},
		{`a == -1 && b == +2 && c == 1_000`, `a == -1 && b == 2 && c == 1000`},
		{`a > 0x10 && b > 1e3 && c > .5 && d > 2.50`, `a > 16 && b > 1000 && c > 0.5 && d > 2.5`},
		{`a == 123456789012345678.123456789`, `a == 123456789012345678.123456789`},
		{`a == 0.0000000005`, `a == 0.000000001`},
		{`a == "\x41\u00e9\n\"" // a comment`, `a == "Aé\n\""`},
		{`a == b"\xff\"x"`, `a == b"\xff\"x"`},
		{"a /* one */\n&& /* two */ b", `a && b`},
		{`true`, `true`},
		{`false || a`, `a`},
		{`true && a`, `a`},
		{`a && (b || true)`, `a`},
		{`a && false || b && !false`, `b`},
		{`größe > 5`, `größe > 5`},
		{`status in 500..599`, `status >= 500 && status <= 599`},
		{`a ? b : c > 1`, `a && b || !a && c > 1`},
		{`len(msg)  >  3`, `len($env.msg) > 3`},
		{`!(lower(level) == 'err') && a`, `!(lower($env.level) == "err") && a`},
		{`n%2 == 1 || $env["x-y"] - 1 > n`, `($env.n % 2 == 1) || ($env["x-y"] - 1 > $env.n)`},
		{`a == $env["b"]`, `$env.a == $env.b`},
		{`any(split(tags, ","), # == "x")`, `any(split($env.tags, ","), # == "x")`},
		{`let n = len(a); n > 1 && n < 5`, `let n = len($env.a); n > 1 && n < 5`},
	}
	for _, tt := range tests {
		n, err := condition.Parse(tt.src, nil)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.src, err)
			continue
		}
		got := condition.Format(n)
		if got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.src, got, tt.want)
		}
		again, err := condition.Parse(got, nil)
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Errorf("Parse(%q), the canonical text of %q, is another condition: %v, %v", got, tt.src, again, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		src    string
		offset int
		want   string // is in the message
	}{
		{``, 0, "empty"},
		{"  \n", 0, "empty"},
		{`source = "nginx"`, 7, "write =="},
		{`source == "nginx" &&`, 20, "ends too early"},
		{`(a == 1`, 7, "ends too early"},
		{`a == 1)`, 6, "unexpected )"},
		{`a contians "x"`, 2, "did you mean contains?"},
		{`a == "x`, 7, "not terminated"},
		{`ä == 1 && ö ~ 2`, 14, "unrecognized character"},
		{`a == b`, 2, "both fields"},
		{`a == nginx`, 2, "put a text in quotes"},
		{`1 == 2`, 2, "both constants"},
		{`"x"`, 0, "not a condition"},
		{`-5`, 0, "not a condition"},
		{`nil`, 0, "not a condition"},
		{`a == 1 && 7`, 10, "not a condition"},
		{`foo(a)`, 0, "no function foo"},
		{`lenn(a) > 3`, 0, "did you mean len?"},
		{`a.len() > 3`, 2, "no functions of its own"},
		{`now() > a`, 0, "whenever it is read"},
		{`len("abc") > 3`, 11, "no field"},
		{`a + 1`, 2, "compare it with something"},
		{`a < 1 ? 2 : b`, 8, "not a condition"},
		{`len(a) > "x"`, 7, "mismatched types"},
		{`any(a, any(b, # > 1))`, 14, "within another"},
		{`a == b-c`, 6, `$env["a-b"]`},
		{`len(a?.b) > 1`, 7, "write ."},
		{`a in "b".."c"`, 5, "two numbers"},
		{`x-y == 1`, 1, `$env["a-b"]`},
		{`a < "x"`, 2, `< compares numbers, and "x" is not a number`},
		{`a < nil`, 2, `nil is not a number`},
		{`a contains 5`, 2, `contains is for texts, and 5 is not a text`},
		{`"x" contains a`, 4, "on the left of contains"},
		{`a matches "("`, 10, "missing closing )"},
		{`a in "x"`, 5, "in takes a list"},
		{`a in [b]`, 6, "b is a field"},
		{`"x" in [1]`, 0, "on the left of in"},
		{`!a == 1`, 0, "!(…)"},
		{`not a in [1]`, 0, "!(…)"},
		{`(a == 1) == true`, 3, "cannot be compared"},
		{`a?.b == 1`, 3, "write ."},
		{`$env == 1`, 0, "$env alone"},
		{`a == {}`, 5, "is not for conditions"},
		{`[1]`, 0, "only on the right of in"},
		{`a == 9223372036854775808`, 23, "up to 9223372036854775807"},
		{`a == 9223372036854775807.9999999999`, 5, "up to 9223372036854775807"},
		{`a == 1e300`, 5, "up to 9223372036854775807"},
		{`a == 99999999999999999999`, 24, "up to 9223372036854775807"},
		{"a == `\xff`", 0, "UTF-8"},
		{strings.Repeat(" ", condition.MaxLength) + "a", 0, "at most 8192 bytes"},
		{strings.Repeat("(a || b && ", 60) + "c" + strings.Repeat(")", 60), 0, "50 levels"},
	}
	for _, tt := range tests {
		n, err := condition.Parse(tt.src, nil)
		var e *condition.Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%q) = %v, %v; want an error", tt.src, n, err)
			continue
		}
		if !strings.Contains(e.Message, tt.want) {
			t.Errorf("Parse(%q): %q, want it to say %q", tt.src, e.Message, tt.want)
		}
		if e.Offset != tt.offset {
			t.Errorf("Parse(%q): %q at offset %d, want %d", tt.src, e.Message, e.Offset, tt.offset)
		}
	}
}

func TestDefines(t *testing.T) {
	defines, errs := condition.NewDefines(map[string]string{
		"nginx":  `source == "nginx" && http_status != nil`,
		"errors": `nginx && http_status >= 500`,
		"either": `errors || heroku`,
		"heroku": `source == "heroku"`,
	}, nil)
	if len(errs) != 0 {
		t.Fatal(errs)
	}
	tests := []struct{ src, want string }{
		{`nginx`, `source == "nginx" && http_status != nil`},
		{`errors && !heroku`, `source == "nginx" && http_status != nil && http_status >= 500 && !(source == "heroku")`},
		{`either`, `source == "nginx" && http_status != nil && http_status >= 500 || source == "heroku"`},
		{`either && x`, `(source == "nginx" && http_status != nil && http_status >= 500 || source == "heroku") && x`},
		{`$env["nginx"]`, `nginx`},
		{`nginx.x == 1`, `nginx.x == 1`},
	}
	for _, tt := range tests {
		n, err := condition.Parse(tt.src, defines)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.src, err)
		} else if got := condition.Format(n); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.src, got, tt.want)
		}
	}

	for src, want := range map[string]string{
		`nginx == true`: "is a define, which is true or false already",
		`ngnix && x`:    "did you mean nginx?",
		`error`:         "did you mean errors?",
	} {
		if _, err := condition.Parse(src, defines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want it to say %q", src, err, want)
		}
	}
	if _, err := condition.Parse(`error == true`, defines); err != nil {
		t.Errorf("a field that is compared is no misspelled define: %v", err)
	}
}

func TestDefinesErrors(t *testing.T) {
	defines, errs := condition.NewDefines(map[string]string{
		"a":      `x == 1 && b`,
		"b":      `c || y`,
		"c":      `!a`,
		"self":   `z && self`,
		"broken": `x ==`,
		"fine":   `broken && x`,
		"near":   `fime`,
	}, nil)
	want := map[string]string{
		"c":      "a uses itself: a -> b -> c -> a",
		"self":   "self uses itself: self -> self",
		"broken": "ends too early",
		"near":   "did you mean fine?",
	}
	for name, msg := range want {
		if errs[name] == nil || !strings.Contains(errs[name].Message, msg) {
			t.Errorf("define %s: %v, want it to say %q", name, errs[name], msg)
		}
	}
	if len(errs) != len(want) {
		t.Errorf("%d errors, want %d: %v", len(errs), len(want), errs)
	}
	if errs["c"] != nil && errs["c"].Offset != 1 {
		t.Errorf("the cycle is at offset %d, want 1", errs["c"].Offset)
	}
	if _, err := condition.Parse(`broken && self && x`, defines); err != nil {
		t.Errorf("the use of a broken define is a second error: %v", err)
	}
}

// Defines that double at each step cannot grow a condition without bound.
func TestDefinesAreBounded(t *testing.T) {
	exprs := map[string]string{"d00": "x == 1"}
	for i := 1; i < 40; i++ {
		exprs[fmt.Sprintf("d%02d", i)] = fmt.Sprintf("d%02d && d%02d", i-1, i-1)
	}
	_, errs := condition.NewDefines(exprs, nil)
	if len(errs) == 0 {
		t.Fatal("a condition of 2^39 comparisons is no error")
	}
	for _, err := range errs {
		if !strings.Contains(err.Message, "more than 4096 comparisons") {
			t.Errorf("unexpected error: %v", err)
		}
	}
}

func TestEval(t *testing.T) {
	num := func(s string) condition.Constant {
		n, _ := fixed.Parse([]byte(s))
		return condition.Constant{Type: condition.Num, Num: n}
	}
	fields := map[string]condition.Constant{
		"source": {Text: "nginx"},
		"status": num("503"),
		"time":   num("0.25"),
		"text":   {Text: "500"},
		"yes":    {Type: condition.Bool, Bool: true},
		"no":     {Type: condition.Bool},
	}
	lookup := func(field string) (condition.Constant, bool) {
		c, ok := fields[field]
		return c, ok
	}
	tests := []struct {
		src  string
		want bool
	}{
		{`source == "nginx"`, true},
		{`source != "nginx"`, false},
		{`source != "varnish"`, true},
		{`source != 5`, false}, // another type
		{`absent != "x"`, false},
		{`!(absent == "x")`, true}, // Not is plain negation
		{`absent not in ["x"]`, true},
		{`absent == nil`, true},
		{`absent != nil`, false},
		{`source != nil`, true},
		{`status >= 500 && status < 600`, true},
		{`status in [500, 503]`, true},
		{`status == 503.0`, true},
		{`status == "503"`, true},
		{`text == 500`, false},
		{`text == "500"`, true},
		{`time < 0.250000001 && time > 0.249999999`, true},
		{`time <= 0.25 && time >= 0.25`, true},
		{`time > 0.25 || time < 0.25`, false},
		{`yes`, true},
		{`no`, false},
		{`!no`, true},
		{`no == false`, true},
		{`yes != false`, true},
		{`source`, false}, // a text is not true
		{`absent == false`, false},
		{`source contains "gin" && source startsWith "ng" && source endsWith "nx"`, true},
		{`source contains "GIN"`, false},
		{`status contains "5"`, false},
		{`source matches "^n.*x$"`, true},
		{`source matches "^x"`, false},
		{`true`, true},
		{`false`, false},
		{`status in 500..503`, true},
		{`status in 500..502`, false},
		{`yes ? status == 503 : no`, true},
		{`absent ? yes : status == 503`, true},
		{`len(source) == 5`, true},
		{`upper(source) == "NGINX" && status / 2 > 251`, true},
		{`status % 2 == 1`, true},
		{`status > time`, true},
		{`source == $env["text"]`, false},
		{`"the nginx" contains $env["source"]`, true},
		{`any(split(source, ""), # == "x")`, true},
		{`let n = len(source); n > 1 && n < 5`, false},
		{`len(absent) < 5`, false},
		{`!(len(absent) < 5)`, true}, // Not is plain negation
		{`(absent ?? status) == 503`, true},
		{`(absent ?? "x") == "x"`, true},
		{`status + source > 1`, false}, // other types
	}
	for _, tt := range tests {
		n, err := condition.Parse(tt.src, nil)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.src, err)
		} else if got := conditiontest.Eval(n, lookup); got != tt.want {
			t.Errorf("%s is %t, want %t", tt.src, got, tt.want)
		}
	}
	if !conditiontest.Eval(nil, lookup) {
		t.Error("no condition is not true")
	}
}

// Any expression is either refused, at a place within it, or understood, and
// then its canonical text means the same.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{
		`source == "nginx" && http_status != nil`, `!(a == 1) or b in ["x", 2, nil] and not c`,
		`$env["x-y"] matches "^a[0-9]+$"`, `a.b["c"] >= -1.5e3 // x`, `1 < a <= 5 && b contains b"\xff"`,
		`nginx && ngnix`, `let x = 1; x`, `a?.b ?? c`, `any(a, {# > 1}) ? b : c`, `a in 1..5`, `((((`, `"\u{1F600}" == a`,
		`if a { b } else { c }`, `a | len()`, "`x``y` == a", `::len(a)`, `not not in [1]`, `[1,2][0] == a[1:]`,
	} {
		f.Add(seed)
	}
	defines, _ := condition.NewDefines(map[string]string{"nginx": `source == "nginx"`, "hot": `nginx || t > 5`}, nil)
	f.Fuzz(func(t *testing.T, src string) {
		n, err := condition.Parse(src, defines)
		if err != nil {
			var e *condition.Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(src) || e.Message == "" {
				t.Fatalf("Parse(%q): a bad error: %#v", src, err)
			}
			return
		}
		text := condition.Format(n)
		if len(text) > condition.MaxLength {
			return
		}
		again, err := condition.Parse(text, nil)
		if err != nil || !reflect.DeepEqual(n, again) {
			t.Fatalf("Parse(%q) = %s, which as text is %v, %v", src, text, again, err)
		}
	})
}
