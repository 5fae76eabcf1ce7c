package line

import (
	"maps"
	"strings"
	"testing"

	"pulse/stats/condition"
	"pulse/stats/format"
)

// An ownTest is a format as tests write it; a text that begins with ^ is a regular
// expression.
type ownTest struct{ name, text, in, time, zone, where string }

func ownFormats(t testing.TB, tests ...ownTest) (all []*format.Format) {
	t.Helper()
	for _, test := range tests {
		f := &format.Format{Name: test.name, In: test.in}
		parse := format.ParsePattern
		if strings.HasPrefix(test.text, "^") {
			parse = format.ParseRegexp
		}
		var wrong *format.Error
		if f.Match, f.Captures, wrong = parse(test.text); wrong != nil {
			t.Fatal(wrong)
		}
		var layout *format.Layout
		if test.time != "" {
			if layout, wrong = format.ParseLayout(test.time); wrong != nil {
				t.Fatal(wrong)
			}
		}
		f.TimedBy(layout)
		var err error
		if test.zone != "" {
			if f.Zone, err = ParseZone(test.zone); err != nil {
				t.Fatal(err)
			}
		}
		if test.where != "" {
			if f.Where, err = condition.Parse(test.where, nil); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, f)
	}
	return all
}

var ownTests = []ownTest{
	{name: "logback", text: "<time> <level> [<thread>] <logger> - <msg>", time: "2006-01-02 15:04:05,000", zone: "Europe/Berlin"},
	{name: "kafka", text: "<level>|<msg>", where: `input == "kafka"`},
	{name: "counted", text: "#<n:number> <level> <_:logfmt>"},
	{name: "bsd", text: "@<time> <msg>", time: "Jan _2 15:04:05"},
	{name: "any", text: "at(<time>) <msg>"},
	{name: "epoch", text: "e<time>:<_:json>", time: "unixms"},
	{name: "job", text: `^(?P<job>\w+) took (?P<ms>\d+)ms$`, in: "msg"},
	{name: "order", text: "order <n:number> <level>", in: "msg"},
	{name: "pairs", text: "pairs <_:logfmt>", in: "msg"},
	{name: "more", text: "<kind>_<name>", in: "job"},
}

func TestOwnFormats(t *testing.T) {
	names := []string{"unparsed", "level", "thread", "logger", "msg", "n", "job", "ms", "kind", "name", "a.b", "stream", "input", "x", "source"}
	var fields []Field
	for _, name := range names {
		fields = append(fields, Field{Name: name})
	}
	s, err := NewSchemaOf(ownFormats(t, ownTests...), fields...)
	if err != nil {
		t.Fatal(err)
	}
	sc, ev := s.NewScanner(), new(Event)
	for _, test := range []struct {
		name   string
		from   Origin
		line   string
		format string
		time   string
		fields map[string]string
	}{
		{"pattern", "", "2026-01-02 10:00:00,123 WARN  [main] shop.Cart - slow", "logback", "2026-01-02T09:00:00.123Z",
			map[string]string{"level": "'WARN", "thread": "'main", "logger": "'shop.Cart", "msg": "'slow"}},
		{"a time that is none", "", "2026-13-02 10:00:00,123 [main] shop.Cart - slow", "unparsed", "", map[string]string{"unparsed": "true"}},
		{"the built-in ones come after", "", "level=info n=5", "logfmt", "", map[string]string{"level": "'info", "n": "5", "msg": "'level=info n=5"}},
		{"where", "input=kafka", "INFO|hello", "kafka", "", map[string]string{"level": "'INFO", "msg": "'hello", "input": "'kafka"}},
		{"where, of others", "input=drain", "INFO|hello", "unparsed", "", map[string]string{"unparsed": "true", "input": "'drain"}},
		{"where, without an origin", "", "INFO|hello", "unparsed", "", map[string]string{"unparsed": "true"}},
		{"a number and logfmt", "", "#1.5s warn n=3 x=7 level=low", "counted", "",
			map[string]string{"n": "1500", "level": "'warn", "x": "7", "msg": "'#1.5s warn n=3 x=7 level=low"}},
		{"a missing number", "", "#- warn x=7", "counted", "", map[string]string{"level": "'warn", "x": "7", "msg": "'#- warn x=7"}},
		{"no number", "", "#x warn y=7", "logfmt", "", map[string]string{}},
		{"without a year", "", "@Nov 22 10:00:00 hi", "bsd", "2025-11-22T10:00:00Z", map[string]string{"msg": "'hi"}},
		{"without a year, in a zone", "zone=%2b01:00", "@Nov  2 10:00:00 hi", "bsd", "2025-11-02T09:00:00Z", map[string]string{"msg": "'hi"}},
		{"any time", "", "at(22/Nov/2025:10:00:00 +0100) hi", "any", "2025-11-22T09:00:00Z", map[string]string{"msg": "'hi"}},
		{"any other time", "", "at(1763803894.5) hi", "any", "2025-11-22T09:31:34.5Z", map[string]string{"msg": "'hi"}},
		{"JSON, whose time does not count", "", `e1763803894250:{"time":"2020-01-01T00:00:00Z","a":{"b":"x\ny"}}`, "epoch", "2025-11-22T09:31:34.25Z",
			map[string]string{"a.b": "'x\ny", "msg": `'e1763803894250:{"time":"2020-01-01T00:00:00Z","a":{"b":"x\ny"}}`}},
		{"broken JSON", "", `e1763803894250:{"a":`, "unparsed", "", map[string]string{"unparsed": "true"}},
		{"in a field, and in a field of that", "", "2026-01-02 10:00:00,123 WARN [main] shop - re_build took 17ms", "logback", "2026-01-02T09:00:00.123Z",
			map[string]string{"level": "'WARN", "thread": "'main", "logger": "'shop", "msg": "'re_build took 17ms", "job": "'re_build", "ms": "17", "kind": "'re", "name": "'build"}},
		{"in a field that has no header's names", "", "2026-01-02 10:00:00,123 WARN [main] shop - order 5 high", "logback", "2026-01-02T09:00:00.123Z",
			map[string]string{"level": "'WARN", "thread": "'main", "logger": "'shop", "msg": "'order 5 high", "n": "5"}},
		{"logfmt in a field", "", "2026-01-02 10:00:00,123 WARN [main] shop - pairs level=low x=5 n=\"a\\\"b\"", "logback", "2026-01-02T09:00:00.123Z",
			map[string]string{"level": "'WARN", "thread": "'main", "logger": "'shop", "msg": "'pairs level=low x=5 n=\"a\\\"b\"", "x": "5", "n": "'a\"b"}},
		{"in a field of a built-in format", "", "<34>1 2026-01-02T10:00:00Z h app - - - build took 17ms", "syslog", "2026-01-02T10:00:00Z",
			map[string]string{"level": "'crit", "source": "'app", "msg": "'build took 17ms", "job": "'build", "ms": "17"}},
		{"in an unescaped text", "", `{"msg":"pairs x=\"5 6\""}`, "json", "", map[string]string{"msg": `'pairs x="5 6"`, "x": "'5 6"}},
		{"within a container's line", "", "2026-01-02T10:00:00Z stdout F 2026-01-02 10:00:00,123 WARN [main] shop - slow", "cri", "2026-01-02T09:00:00.123Z",
			map[string]string{"level": "'WARN", "thread": "'main", "logger": "'shop", "msg": "'slow", "stream": "'stdout"}},
		{"colored", "", "\x1b[32m2026-01-02 10:00:00,123\x1b[0m WARN [main] shop - build took 17ms", "logback", "2026-01-02T09:00:00.123Z",
			map[string]string{"level": "'WARN", "thread": "'main", "logger": "'shop", "msg": "'build took 17ms", "job": "'build", "ms": "17"}},
		{"of a named format", "format=logfmt", "2026-01-02 10:00:00,123 WARN [main] shop - slow", "unparsed", "2026-01-02T10:00:00.123Z", map[string]string{"unparsed": "true"}},
	} {
		sc.From(test.from)
		sc.NearRecorded(unix(t, "2025-11-22T12:00:00Z"))
		sc.Parse(ev, buffer(test.line), 0, len(test.line))
		got := describe(s, ev)
		if test.name == "no number" { // what else the line may be
			got = test.fields
		}
		if !maps.Equal(got, test.fields) {
			t.Errorf("%s: %s\n got %v\nwant %v", test.name, test.line, got, test.fields)
		}
		second, nanos, ok := ev.Time()
		at := formatTime(second*1e9+int64(nanos), ok)
		name, _, _ := strings.Cut(shapeOf(s, ev), ",")
		if at != test.time && test.format != "unparsed" || name != test.format && test.name != "no number" {
			t.Errorf("%s: %s is %s at %q, want %s at %q", test.name, test.line, name, at, test.format, test.time)
		}
	}
}

// TestOwnTimes: who reads times alone reads those that Parse finds.
func TestOwnTimes(t *testing.T) {
	s, err := NewSchemaOf(ownFormats(t, ownTests...))
	if err != nil {
		t.Fatal(err)
	}
	var times Times
	times.Of(s)
	for text, want := range map[string]string{
		"2026-01-02 10:00:00,123 WARN [main] shop.Cart - slow and a long message": "2026-01-02T09:00:00.123Z",
		"time=2026-01-02T10:00:00Z n=1":                                           "2026-01-02T10:00:00Z",
		"e1763803894250:{}":                                                       "2025-11-22T09:31:34.25Z",
	} {
		nanos, ok := times.Near([]byte(text), 1e9)
		if got := formatTime(nanos, ok); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Lines that formats of a definitions file fit cost no memory, and neither do others.
func TestOwnAllocations(t *testing.T) {
	s, err := NewSchemaOf(ownFormats(t, ownTests...), Field{Name: "level"}, Field{Name: "thread"}, Field{Name: "n"}, Field{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	sc, ev := s.NewScanner(), new(Event)
	for _, text := range []string{
		"2026-01-02 10:00:00,123 WARN  [main] shop.Cart - slow",
		"2026-01-02 10:00:00,123 WARN  [main] shop.Cart - pairs n=5 x=6",
		"e1763803894250:{\"n\":5}",
		"level=info n=5",
	} {
		b := buffer(text)
		if n := testing.AllocsPerRun(100, func() { sc.Parse(ev, b, 0, len(text)) }); n > 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

// FuzzOwnFormats: whatever a line is, fields are of it, and what a Scanner has seen before
// changes nothing.
func FuzzOwnFormats(f *testing.F) {
	for _, seed := range []string{
		"2026-01-02 10:00:00,123 WARN  [main] shop.Cart - pairs n=5 x=6", "e1763803894250:{\"n\":5}", "@Nov 22 10:00:00 order 5 x",
		"at(22/Nov/2025:10:00:00 +0100) build_it took 5ms", "#5 x a=b", "{\"msg\":\"pairs x=\\\"5 6\\\"\"}", "{\"msg\":\"pairs x=\"}", "\x1b[3mat(5) x",
	} {
		f.Add(seed)
	}
	s, err := NewSchemaOf(ownFormats(f, ownTests...), Field{Name: "level"}, Field{Name: "n", Coded: true}, Field{Name: "x"}, Field{Name: "name"}, Field{Name: "unparsed"})
	if err != nil {
		f.Fatal(err)
	}
	used := s.NewScanner()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsRune(text, '\n') {
			return
		}
		var evs [2]Event
		for i, sc := range []*Scanner{used, s.NewScanner()} {
			sc.NearRecorded(1e9)
			sc.Parse(&evs[i], buffer(text), 0, len(text))
			for slot := range Slot(s.Len()) {
				if evs[i].Has(slot) && len(evs[i].Bytes(slot)) > max(len(text), len("unparsed")) {
					t.Fatalf("%s is %q", s.fields[slot].name, evs[i].Bytes(slot))
				}
			}
		}
		if a, b := describe(s, &evs[0]), describe(s, &evs[1]); !maps.Equal(a, b) || evs[0].fitted != evs[1].fitted {
			t.Fatalf("a used scanner finds %v, a new one %v", a, b)
		}
	})
}

// BenchmarkOwn parses a logback line by a pattern, six fields of which are wanted.
func BenchmarkOwn(b *testing.B) {
	s, err := NewSchemaOf(ownFormats(b, ownTests[0]), Field{Name: "level"}, Field{Name: "thread"}, Field{Name: "logger"}, Field{Name: "msg"}, Field{Name: "time"})
	if err != nil {
		b.Fatal(err)
	}
	sc, ev := s.NewScanner(), new(Event)
	const text = "2026-01-02 10:00:00,123 WARN [http-nio-8080-exec-3] com.example.shop.Cart - checkout of cart 17 took 250 ms"
	line := buffer(text)
	for b.Loop() {
		sc.Parse(ev, line, 0, len(text))
	}
}
