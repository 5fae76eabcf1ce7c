package format

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// noClock knows no time.
type noClock struct{}

func (noClock) TimeEnd(_ []byte, i, _ int) int { return i }

// found gives the captures of a text as name=value, or "no".
func found(m Matcher, captures []Capture, text string) string {
	spans := make([]Span, len(captures))
	b := []byte("<" + text + ">") // what is around it is not part of it
	if !m.Match(b, 1, 1+len(text), spans, noClock{}) {
		return "no"
	}
	var all []string
	for i, s := range spans {
		all = append(all, captures[i].Name+"="+string(b[s.Start:s.End]))
	}
	return strings.Join(all, "|")
}

func TestPattern(t *testing.T) {
	for _, test := range []struct{ pattern, text, want string }{
		{"<level> [<thread>] <msg>", "INFO [main] hello you", "level=INFO|thread=main|msg=hello you"},
		{"<level> [<thread>] <msg>", "INFO  [main]  hello", "level=INFO|thread=main|msg=hello"},
		{"<level> [<thread>] <msg>", "INFO main hello", "no"},
		{"<level> [<thread>] <msg>", "INFO [main] ", "level=INFO|thread=main|msg="},
		{"<a>-<_>-<b>", "1-2-3-4", "a=1|=2|b=3-4"},
		{"(<a>)", "(x) and (y)", "a=x) and (y"},
		{"(<a>)", "(x) ", "no"},
		{"ab<a>ba", "aba", "no"},
		{"ab<a>ba", "abba", "a="},
		{`\<<pri:number>>\\<msg>`, `<34>\hi`, `pri=34|msg=hi`},
		{"<a>é<b>", "xéy", "a=x|b=y"},
	} {
		m, captures, err := ParsePattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
		} else if got := found(m, captures, test.text); got != test.want {
			t.Errorf("%s of %q: %s, want %s", test.pattern, test.text, got, test.want)
		}
	}
}

func TestTimeInPattern(t *testing.T) {
	for _, test := range []struct{ pattern, layout, text, want string }{
		{"<time> <msg>", "2006-01-02 15:04:05,000", "2026-01-02 10:00:00,123 hi you", "time=2026-01-02 10:00:00,123|msg=hi you"},
		{"<time> <msg>", "Jan _2 15:04:05", "Nov  2 10:00:00 hi", "time=Nov  2 10:00:00|msg=hi"},
		{"<time> <msg>", "Jan _2 15:04:05", "Nov 22 10:00:00 hi", "time=Nov 22 10:00:00|msg=hi"},
		{"<time> <msg>", "unix", "1763803894 hi", "time=1763803894|msg=hi"},
		{"<a>|<time>|<msg>", "02.01.2006 15:04", "x|22.11.2025 10:00|y", "a=x|time=22.11.2025 10:00|msg=y"},
		{"<time> <msg>", "2006-01-02 15:04:05,000", "2026-01-02", "no"},
	} {
		l, err := ParseLayout(test.layout)
		if err != nil {
			t.Fatal(err)
		}
		m, captures, err := ParsePattern(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		f := &Format{Match: m, Captures: captures}
		f.TimedBy(l)
		if got := found(m, captures, test.text); got != test.want {
			t.Errorf("%s of %q: %s, want %s", test.pattern, test.text, got, test.want)
		}
	}
}

func TestRegexp(t *testing.T) {
	for _, test := range []struct{ re, literal, text, want string }{
		{`^(?P<job>\w+) took (?P<ms>\d+)ms$`, " took ", "build took 17ms", "job=build|ms=17"},
		{`^(?P<job>\w+) took (?P<ms>\d+)ms$`, " took ", "build took ms", "no"},
		{`(?P<a>x)?(?P<b>y)`, "y", "y", "a=|b=y"},
		{`(?i)error (?P<a>.)`, "", "ERROR 5", "a=5"},
		{`a|(?P<b>c)`, "", "c", "b=c"},
		{`(?P<a>(?:ab)+)`, "ab", "xabab", "a=abab"},
		{`(x|y)z(?P<a>.)`, "z", "yz5", "a=5"},
	} {
		m, captures, err := ParseRegexp(test.re)
		if err != nil {
			t.Errorf("%s: %v", test.re, err)
			continue
		}
		if literal := string(m.(*expression).literal); literal != test.literal {
			t.Errorf("%s is behind %q, want %q", test.re, literal, test.literal)
		}
		if got := found(m, captures, test.text); got != test.want {
			t.Errorf("%s of %q: %s, want %s", test.re, test.text, got, test.want)
		}
	}
}

func TestColumns(t *testing.T) {
	for _, test := range []struct{ kind, text, want string }{
		{"csv", "a,b,c", "x=a|=b|z=c"},
		{"csv", `"a,b",,"c"`, `x=a,b|=|z=c`},
		{"csv", `"a""b",x,c`, `x=a""b|=x|z=c`},
		{"csv", "a,b", "no"},
		{"csv", "a,b,c,d", "no"},
		{"csv", `"a,b,c`, "no"},
		{"csv", `"a"b,b,c`, "no"},
		{"tsv", "a\tb b\t\"c", `x=a|=b b|z="c`},
		{"tsv", "a\tb\t", "x=a|=b|z="},
	} {
		m, captures, err := NewColumns(test.kind, []string{"x", "_", "z"})
		if err != nil {
			t.Fatal(err)
		}
		if got := found(m, captures, test.text); got != test.want {
			t.Errorf("%s of %q: %s, want %s", test.kind, test.text, got, test.want)
		}
	}
}

// TestErrors: what is wrong is said with its place and what to write.
func TestErrors(t *testing.T) {
	many := strings.Repeat("<_>,", MaxCaptures) + "<x>"
	for _, test := range []struct {
		err    *Error
		offset int
		want   string
	}{
		{patternError(`^(?P<a>\S+) took`), 1, "give it as regexp"},
		{patternError(`a (?<a>.)`), 2, "give it as regexp"},
		{patternError("<a><b>"), 3, "next to each other"},
		{patternError("<a>,<a>"), 4, "twice"},
		{patternError("<a>,<b"), 4, "without a >"},
		{patternError("x <a b>"), 2, `write \<`},
		{patternError("<a:int>"), 0, "json, logfmt, number"},
		{patternError("<a:json>!"), 0, "nothing can come after it"},
		{patternError("<a:logfmt> <b>"), 0, "nothing can come after it"},
		{patternError("no hole"), 0, "no capture"},
		{patternError(many), 4 * MaxCaptures, "at most 100"},
		{patternError("<x>" + strings.Repeat("y", MaxText)), 0, "at most 4096"},
		{regexpError(`a(?P<x>b`), 0, "missing closing )"},
		{regexpError(`a(b)`), 0, "no named group"},
		{regexpError(`(?P<x>a)(?=b)`), 8, "neither look-around nor back references"},
		{layoutError("yyyy-MM-dd'T'HH:mm:ss,SSS"), 0, `write Go's reference time in your log's format, "2006-01-02T15:04:05,000", or one of iso`},
		{layoutError("DD.MM.YYYY HH:mm:ss.SSS ZZ"), 0, `"02.01.2006 15:04:05.000 -0700"`},
		{layoutError("%d/%b/%Y:%H:%M:%S %z"), 0, `"02/Jan/2006:15:04:05 -0700"`},
		{layoutError("%s"), 0, `such as "2006-01-02 15:04:05,000"`},
		{layoutError("15:04:05"), 0, "no date"},
		{layoutError("2006-01-02 15:04:05 MST"), 20, "is ambiguous"},
		{layoutError("2006-01-02 15:04:05.0000000000"), 20, "nine decimals"},
		{layoutError("ISO"), 0, "unixms"},
	} {
		if test.err == nil || test.err.Offset != test.offset || !strings.Contains(test.err.Message, test.want) {
			t.Errorf("%+v, want %q at %d", test.err, test.want, test.offset)
		}
	}
}

func patternError(text string) *Error { _, _, err := ParsePattern(text); return err }
func regexpError(text string) *Error  { _, _, err := ParseRegexp(text); return err }
func layoutError(text string) *Error  { _, err := ParseLayout(text); return err }

func TestLayout(t *testing.T) {
	for _, test := range []struct{ layout, text, want string }{
		{"2006-01-02 15:04:05,000", "2026-01-02 10:00:00,123", "2026-01-02T10:00:00.123Z"},
		{"2006-01-02 15:04:05,000", "2026-01-02 10:00:00,12", ""},
		{"2006-01-02 15:04:05,000", "2026-01-02 10:00:00", ""},
		{"2006-01-02 15:04:05.999", "2026-01-02 10:00:00", "2026-01-02T10:00:00Z"},
		{"2006-01-02 15:04:05.999", "2026-01-02 10:00:00.12345", "2026-01-02T10:00:00.12345Z"},
		{"2006-01-02 15:04:05", "2026-01-02 10:00:00.5", "2026-01-02T10:00:00.5Z"},
		{"Jan 2, 2006 3:04:05 PM", "Jan 2, 2026 10:00:00 PM", "2026-01-02T22:00:00Z"},
		{"02.01.2006 15:04:05.000 -0700", "02.01.2026 10:00:00.250 +0100", "2026-01-02T09:00:00.25Z"},
		{"2006-01-02 15:04:05,000", "2026-13-02 10:00:00,123", ""},
	} {
		l, err := ParseLayout(test.layout)
		if err != nil {
			t.Errorf("%s: %v", test.layout, err)
			continue
		}
		r := l.NewReader()
		for range 2 { // the second time as remembered
			got, ok := r.Read([]byte(test.text))
			if want := test.want; !ok && want != "" || ok && time.Unix(got.Second, int64(got.Nanos)).UTC().Format(time.RFC3339Nano) != want {
				t.Errorf("%s of %q: %+v %v, want %q", test.layout, test.text, got, ok, want)
			}
		}
	}
}

// FuzzPattern: a pattern finds what the regular expression finds that has a lazy group for
// each hole.
func FuzzPattern(f *testing.F) {
	f.Add("<a> [<b>] <c>", "x [y] z")
	f.Add(`(<a>)-\<<_>`, "(x)-<y")
	f.Add("<a>,,<b>,", "1,,2,,3,")
	f.Fuzz(func(t *testing.T, source, text string) {
		m, captures, err := ParsePattern(source)
		if err != nil {
			return
		}
		slow := `\A(?s)`
		for i, literal := range m.(*pattern).literals {
			if i > 0 {
				slow += "(.*?)"
			}
			slow += regexp.QuoteMeta(string(literal))
		}
		re, compileErr := regexp.Compile(slow + `\z`)
		if compileErr != nil {
			return // of bytes that are no UTF-8
		}
		want := "no"
		if at := re.FindStringSubmatch(text); at != nil {
			var all []string
			for i, c := range captures {
				all = append(all, c.Name+"="+strings.Trim(at[i+1], " \t"))
			}
			want = strings.Join(all, "|")
		}
		if got := found(m, captures, text); got != want && !strings.ContainsRune(source+text, '\ufffd') {
			t.Errorf("%q of %q: %q, want %q", source, text, got, want)
		}
	})
}

// FuzzLayout: what a Reader reads is what package time reads.
func FuzzLayout(f *testing.F) {
	f.Add("2006-01-02 15:04:05,000", "2026-01-02 10:00:00,123")
	f.Add("Jan _2 15:04:05.999", "Nov  2 10:00:00.5")
	f.Fuzz(func(t *testing.T, layout, text string) {
		l, wrong := ParseLayout(layout)
		if wrong != nil || l.Unit > 0 || l.ISO || len(text) > longestTime {
			return
		}
		want, err := time.Parse(layout, text)
		got, ok := l.NewReader().Read([]byte(text))
		if ok && err == nil && (got.Second != want.Unix() || got.Nanos != uint32(want.Nanosecond())) {
			t.Errorf("%q of %q: %+v, want %v", layout, text, got, want)
		}
		if err == nil && !ok {
			t.Errorf("%q of %q is not read, and is %v", layout, text, want)
		}
	})
}

func TestBounds(t *testing.T) {
	names := make([]string, MaxCaptures+1)
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	if _, _, err := NewColumns("csv", names); err == nil {
		t.Errorf("%d columns are taken", len(names))
	}
	if _, _, err := NewColumns("csv", slices.Concat(names[:3], names[:1])); err == nil {
		t.Error("a column may be there twice")
	}
}
