package derive

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pulse/stats/condition"
	"pulse/stats/line"
)

// derived gives what expressions by name give a line, as name=value; missing ones are left
// out, texts have ' before them. Twice, so that what is remembered is the same.
func derived(t testing.TB, text string, expressions ...string) string {
	t.Helper()
	var fields []*Field
	var wanted []line.Field
	known := map[string]bool{}
	want := func(f line.Field) {
		if !known[f.Name] {
			known[f.Name] = true
			wanted = append(wanted, f)
		}
	}
	defines := &condition.Defines{}
	add := func(name, expression string) error {
		if known[name] {
			return nil
		}
		f, err := Parse(name, expression, defines)
		if err == nil {
			fields = append(fields, f)
			want(line.Field{Name: f.Name, Derived: true})
		}
		return err
	}
	defines.Derive = func(text string) error { return add(text, text) }
	for i := 0; i < len(expressions); i += 2 {
		if err := add(expressions[i], expressions[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range fields {
		for _, name := range f.Fields {
			want(line.Field{Name: name, Coded: true})
		}
	}
	ordered, _, err := Order(fields)
	if err != nil {
		t.Fatal(err)
	}
	s, err := line.NewSchema(wanted...)
	if err != nil {
		t.Fatal(err)
	}
	sc, ev := s.NewScanner(), new(line.Event)
	ev.DeriveBy(Compile(ordered, s).NewEvaluator())
	var got [2][]string
	for i := range got {
		sc.Parse(ev, append([]byte(text), make([]byte, line.Padding)...), 0, len(text))
		for _, f := range fields {
			slot := s.Slot(f.Name)
			if !condition.IsName(f.Name) || !ev.Derived(slot) {
				continue
			}
			value := string(ev.Bytes(slot))
			switch ev.Type(slot) {
			case condition.Num:
				n, _ := ev.Number(slot)
				value = n.String()
			case condition.Text:
				value = "'" + value
			}
			got[i] = append(got[i], f.Name+"="+value)
		}
	}
	if fmt.Sprint(got[0]) != fmt.Sprint(got[1]) {
		t.Errorf("%s: %v at first, and then %v", text, got[0], got[1])
	}
	return strings.Join(got[0], " ")
}

func TestDerived(t *testing.T) {
	for _, test := range []struct{ line, expression, want string }{
		{`path=/users/17/cart`, "route(path)", "x='/users/:id/cart"},
		{`a=1`, "route(path)", ""},
		{`path="/a?b=1"`, "route(path)", "x='/a"},
		{`host=shop.example.com`, "capture(host, `^(\\w+)\\.`)", "x='shop"},
		{`host=example`, "capture(host, `^(\\w+)\\.`)", ""},
		{`host=.example`, "capture(host, `^(\\w*)\\.`)", ""},
		{`host=17.5`, "capture(host, `\\d+`)", "x=17"},
		{`mem=512M`, "bytes(mem)", "x=512000000"},
		{`mem=1.5KiB`, "bytes(mem)", "x=1536"},
		{`mem=17`, "bytes(mem)", "x=17"},
		{`mem=lots`, "bytes(mem)", ""},
		{`ff="1.2.3.4, 5.6.7.8"`, `first(split(ff, ","))`, "x='1.2.3.4"},
		{`path=/a/b`, `split(path, "/")[1]`, "x='a"},
		{`path=/a/b`, `split(path, "/")[7]`, ""},
		{`path=7`, `split(path, "/")[0]`, "x=7"},
		{`id=007`, `lower(id)`, "x=7"},
		{`id=A7`, `lower(id)`, "x='a7"},
		{`id=1234`, `id[:2]`, "x=12"},
		{`cached n=1`, `upper(cached)`, "x='TRUE"},
		{`id=7`, `len(id) + id`, ""},
		{`service=1500ms`, "service / 1000", "x=1.5"},
		{`service=1`, "service / 3", "x=0.333333333"},
		{`service=2`, "-(service + 1) * 0.5 - 4", "x=-5.5"},
		{`service=5`, "service / 0", ""},
		{`service=slow`, "service / 1000", ""},
		{`a=9223372036854775807 b=2`, "a * b", ""},
		{`a=9223372036854775807 b=1`, "a - b", "x=9223372036854775806"},
		{`a=3`, "a - b", ""},
		{`a=3`, "a - (b ?? 0.5)", "x=2.5"},
		{`c=1`, "a ?? 7", "x=7"},
		{`level=WARN`, "lower(level)", "x='warn"},
		{`level=WARN`, "level", "x='WARN"},
		{`n=5`, "n", "x=5"},
		{`cached n=1`, "cached", "x=true"},
		{`n=5`, "n > 4", "x=true"},
		{`n=5 m=7`, "n > m", "x=false"},
		{`a=""`, "a", ""},
		{`path=/a/7`, "lower(route(path))", "x='/a/:id"},
		{`mem=2kB`, "bytes(mem) % 1500", "x=500"},
		{`m=512M`, "bytes(m) / 1000", "x=512000"},
		{`m=3`, "bytes(m) / 2", "x=1.5"},
		{`code=0617`, "capture(code, `\\d$`) ?? \"n/a\"", "x=7"},
		{`code=0617`, "capture(code, `x`) ?? \"n/a\"", "x='n/a"},
		{`b=1`, "capture(code, `\\d$`) ?? \"n/a\"", "x='n/a"},
		{`code=0617`, "indexOf(\"0123456789abcdef\", capture(code, `^.(\\d)`))", "x=6"},
		{`code=0617`, "len(capture(code, `^..`))", "x=2"},
		{`took=1.5s`, "capture(took, `^\\d`) * 2", "x=2"},
		{`tags=a1,b2`, "let t = split(tags, \",\")[1]; capture(t, `\\d`)", "x=2"},
		{`path=/7/x`, "capture(route(path), `x`) ?? \"none\"", "x='x"},
	} {
		if got := derived(t, test.line, "x", test.expression); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.expression, test.line, got, test.want)
		}
	}
	if got, want := derived(t, "path=/a/7 n=4", "twice", "half * 4", "route", "route(path)", "half", "n / 2", "both", `route + "!"`), "twice=8 route='/a/:id half=2 both='/a/:id!"; got != want {
		t.Errorf("of each other: %q, want %q", got, want)
	}
}

// A metric is found wherever a line names it.
func TestMetric(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"count#orders", "count#orders=3", "3"},
		{"count#orders", `{"msg":"sold count#orders=3 count#orders=2, count#order=9"}`, "5"},
		{"count#orders", "2012-11-22 09:31:34,000 INFO [main] shop - sold count#orders=2", "2"},
		{"measure#db", "a=1 measure#db=1.2s measure#db=5ms count#db=7", "5"},
		{"sample#memory", "sample#memory=1.5kB", "1500"},
		{"sample#memory", "sample#memory=lots", ""},
		{"count#orders", "orders=3", ""},
		{"count#orders", "count#orders=9223372036854775807 count#orders=1", ""},
	} {
		f, ok := Metric(test.name)
		if !ok {
			t.Fatalf("%s is not a metric", test.name)
		}
		s, err := line.NewSchema(line.Field{Name: test.name, Derived: true}, line.Field{Name: "line"})
		if err != nil {
			t.Fatal(err)
		}
		sc, ev := s.NewScanner(), new(line.Event)
		ev.DeriveBy(Compile([]*Field{f}, s).NewEvaluator())
		for range 2 {
			sc.Parse(ev, append([]byte(test.line), make([]byte, line.Padding)...), 0, len(test.line))
			got := ""
			if slot := s.Slot(test.name); ev.Derived(slot) {
				n, _ := ev.Number(slot)
				got = n.String()
			}
			if got != test.want {
				t.Errorf("%s of %s is %q, want %q", test.name, test.line, got, test.want)
			}
		}
	}
	for _, name := range []string{"orders", "count#", "#orders", "gauge#orders", "count#a b", "count#a=1", "xcount#a", "count#a#b", " count#a"} {
		if _, ok := Metric(name); ok {
			t.Errorf("%q is a metric", name)
		}
	}
}

func TestRoute(t *testing.T) {
	r := newRoute([]string{"/shop/:name", "/shop/:name/cart", "/static/*", "/v1/17"})
	for path, want := range map[string]string{
		"/users/17/cart": "/users/:id/cart",
		"/users/17/":     "/users/:id/",
		"/":              "/",
		"":               "",
		"17":             ":id",
		"/u/123e4567-e89b-12d3-a456-426614174000": "/u/:id",
		"/u/abcdefab-abcd-abcd-abcd-abcdefabcdef": "/u/:id",
		"/u/deadbeef7":                                "/u/:id",
		"/u/facade/decade/abba99":                     "/u/facade/decade/abba99",
		"/u/dGhpcyBpcyBhIHRlc3Q0Mg==":                 "/u/:id",
		"/u/01ARZ3NDEKTSV4RRFFQ69G5FAV":               "/u/:id",
		"/v2/getUserProfile/report-2024-01-summaries": "/v2/getUserProfile/report-2024-01-summaries",
		"/a/5?x=/7#/8":                                "/a/:id",
		"/shop/x":                                     "/shop/:name",
		"/shop/17":                                    "/shop/:name",
		"/shop/":                                      "/shop/",
		"/shop/x/cart":                                "/shop/:name/cart",
		"/shop/x/17":                                  "/shop/x/:id",
		"/static/a/b/17":                              "/static/*",
		"/static/":                                    "/static/",
		"/static":                                     "/static",
		"/v1/17":                                      "/v1/17",
		"/v1/18":                                      "/v1/:id",
		"/a/17.json":                                  "/a/17.json",
	} {
		if got := string(r.append(nil, []byte(path))); got != want {
			t.Errorf("%s is of the route %s, want %s", path, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct {
		expression string
		offset     int
		want       string
	}{
		{"route()", 0, "route takes a field"},
		{"route(path, x)", 12, "route takes a field"},
		{`route(path, "users/:id")`, 12, "a rule begins with /"},
		{`route(path, "/a/:")`, 12, "has a name"},
		{`route(path, "/a/*/b")`, 12, "the last segment"},
		{`route(path, "/a?b")`, 12, "never applies"},
		{`route(path, "/a/*", "/a/:b/c")`, 20, `the rule /a/:b/c never applies: all its paths are those of "/a/*" too`},
		{`route(path, "/:a/:b", "/x/y")`, 22, "never applies"},
		{"capture(path)", 0, "capture takes"},
		{"capture(path, `(`)", 14, "missing closing )"},
		{"capture(path, `(a)(b)`)", 14, "2 groups"},
		{"bytes(a, b)", 0, "bytes takes one text"},
		{"rout(path)", 0, "did you mean route?"},
		{"now()", 0, "now"},
		{"5", 0, "no field"},
		{"a +", 3, "ends too early"},
		{strings.Repeat("a", MaxText+1), 0, "4096 bytes"},
	} {
		_, err := Parse("x", test.expression, nil)
		at := (*condition.Error)(nil)
		if !errors.As(err, &at) || !strings.Contains(at.Message, test.want) {
			t.Errorf("%s: %v, want %q", test.expression, err, test.want)
		} else if at.Offset != test.offset && test.want != "now" {
			t.Errorf("%s: the error is at %d, want %d", test.expression, at.Offset, test.offset)
		}
	}
}

func TestCycle(t *testing.T) {
	var fields []*Field
	for name, expression := range map[string]string{"a": "b + 1", "b": "c + 1", "c": "a + 1", "d": "a"} {
		f, err := Parse(name, expression, nil)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, f)
	}
	if _, _, err := Order(fields); err == nil || !strings.Contains(err.Error(), "depends on itself") {
		t.Errorf("a cycle: %v", err)
	}
}

// FuzzDerive: whatever an expression is, it is refused or derives fields, and what is
// remembered is what was derived.
func FuzzDerive(f *testing.F) {
	for _, seed := range []string{"route(a, \"/x/:y\", \"/z/*\")", "capture(a, `^(\\w+)`)", "bytes(a)", "a / b * -2", "first(split(a, b))", "a ?? 3", "lower(a) + b"} {
		f.Add(seed, "a=/x/17 b=5")
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		if strings.ContainsRune(text, '\n') {
			return
		}
		field, err := Parse("x", expression, nil)
		if err != nil || len(field.Fields) > 100 {
			return
		}
		for _, name := range field.Fields {
			if name == "x" {
				return
			}
		}
		derived(t, text, "x", expression)
	})
}

// BenchmarkRoute parses lines and derives the route of their path, which is remembered or
// not; the first one parses alone.
func BenchmarkRoute(b *testing.B) {
	for _, bench := range []struct {
		name   string
		paths  int
		derive bool
	}{{"parse", 1, false}, {"hit", 1, true}, {"hits", 1000, true}, {"miss", 3 * memoEntries, true}} {
		b.Run(bench.name, func(b *testing.B) {
			f, err := Parse("x", "route(path)", nil)
			if err != nil {
				b.Fatal(err)
			}
			s, err := line.NewSchema(line.Field{Name: "x", Derived: true}, line.Field{Name: "path"})
			if err != nil {
				b.Fatal(err)
			}
			sc, ev := s.NewScanner(), new(line.Event)
			ev.DeriveBy(Compile([]*Field{f}, s).NewEvaluator())
			lines := make([][]byte, bench.paths)
			for i := range lines {
				lines[i] = append(fmt.Appendf(nil, "path=/users/%d/orders/%d/items", i*7919%100_000, i), make([]byte, line.Padding)...)
			}
			slot, i := s.Slot("x"), 0
			b.ReportAllocs()
			for b.Loop() {
				sc.Parse(ev, lines[i], 0, len(lines[i])-line.Padding)
				if bench.derive {
					ev.Derived(slot)
				}
				if i++; i == len(lines) {
					i = 0
				}
			}
		})
	}
}
