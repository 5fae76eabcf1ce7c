package line

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/stats/condition"
	"pulse/stats/fixed"
	"pulse/stats/timing"
)

// buffer gives a text with the padding that Parse wants.
func buffer(text string) []byte { return append([]byte(text), make([]byte, Padding)...) }

func newSchema(t testing.TB, names ...string) *Schema {
	t.Helper()
	fields := make([]Field, len(names))
	for i, n := range names {
		fields[i].Name = n
	}
	s, err := NewSchema(fields...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// describe gives the fields of an event by name: text as it is, with a quote
// before it if it looks like something else, numbers as they count, booleans.
func describe(s *Schema, ev *Event) map[string]string {
	got := make(map[string]string)
	for name, slot := range s.slots {
		if !ev.Has(slot) {
			continue
		}
		switch ev.Type(slot) {
		case condition.Text:
			got[name] = "'" + string(ev.Bytes(slot))
		case condition.Num:
			n, _ := ev.Number(slot)
			got[name] = n.String()
		case condition.Bool:
			got[name] = string(ev.Bytes(slot))
		}
	}
	return got
}

// A formatTest is a line, its time, and the fields that it must have: all of
// those that the tests of its format name.
type formatTest struct {
	name   string
	line   string
	time   string // RFC 3339; "": none
	fields map[string]string
}

func testFormat(t *testing.T, tests []formatTest) {
	t.Helper()
	names := map[string]bool{"unparsed": true}
	for _, test := range tests {
		for name := range test.fields {
			names[name] = true
		}
	}
	var all []string
	for name := range names {
		all = append(all, name)
	}
	s := newSchema(t, all...)
	sc := s.NewScanner()
	ev := new(Event)
	// Twice, since what the scanner learned in the first round must change
	// nothing in the second.
	for round := range 2 {
		for _, test := range tests {
			sc.Parse(ev, buffer(test.line), 0, len(test.line))
			if got := describe(s, ev); !maps.Equal(got, test.fields) {
				t.Errorf("%s, round %d:\n got %v\nwant %v", test.name, round, got, test.fields)
			}
			got := ""
			if second, nanos, ok := ev.Time(); ok {
				got = time.Unix(second, int64(nanos)).UTC().Format(time.RFC3339Nano)
			}
			if got != test.time {
				t.Errorf("%s, round %d: time %q, want %q", test.name, round, got, test.time)
			}
			if nanos, ok := new(Times).Near([]byte(test.line), -1); ok != (test.time != "") || ok && time.Unix(0, nanos).UTC().Format(time.RFC3339Nano) != test.time {
				t.Errorf("%s: Near gives %d, %v, want %q", test.name, nanos, ok, test.time)
			}
		}
	}
}

type fields = map[string]string

func TestPulse(t *testing.T) {
	const at = "2012-11-22T09:31:34.123456-08:00"
	const utc = "2012-11-22T17:31:34.123456Z"
	const access = `1.2.3.4 - bob [22/Nov/2012:09:31:34 -0800] "GET /a?b=c HTTP/1.1" 503 123 "http://r/" "Agent 1.0" app.example.com`
	testFormat(t, []formatTest{
		{"header", at + " 10.1.2.3 local7.info nginx[12] - runtime.17@heroku.com - message", utc, fields{
			"level": "'info", "source": "'nginx", "ps": "12", "slot": "'runtime", "instance_id": "17", "cloud": "'heroku.com", "msg": "'message", "message": "true"}},
		{"colon, no ps", at + " 10.1.2.3 local7.crit a/b-c_d.e: - runtime.17@heroku.com - ", utc, fields{
			"level": "'crit", "source": "'a/b-c_d.e", "slot": "'runtime", "instance_id": "17", "cloud": "'heroku.com", "msg": "'"}},
		{"older slot", at + " 10.1.2.3 local7.info x - run-time-17.heroku.com - m", utc, fields{
			"level": "'info", "source": "'x", "slot": "'run-time", "instance_id": "17", "cloud": "'heroku.com", "msg": "'m"}},
		{"no slot before the dot", at + " 10.1.2.3 local7.info x - .17@heroku.com - m", utc, fields{
			"level": "'info", "source": "'x", "instance_id": "17", "cloud": "'heroku.com", "msg": "'m"}},
		{"another word", at + " 10.1.2.3 local7.info x - word - m", utc, fields{"level": "'info", "source": "'x", "msg": "'m"}},
		{"not an instance", at + " 10.1.2.3 local7.info x - slot.1a@heroku.com - m", utc, fields{"level": "'info", "source": "'x", "msg": "'m"}},
		{"place missing", at + " 10.1.2.3 local7.info x -  - m", utc, fields{"level": "'info", "source": "'x", "msg": "'m"}},
		{"place and its dash missing", at + " 10.1.2.3 local7.info x - two words", utc, fields{"level": "'info", "source": "'x", "msg": "'two words"}},
		{"attributes", at + ` 10.1.2.3 local7.info x[1]: - a.1@c - at=info n=-12 f=1.50 q="a b" yes=true no=false bare last=1 last=2 t=a/b:c.d-e_f`, utc, fields{
			"level": "'info", "source": "'x", "ps": "1", "slot": "'a", "instance_id": "1", "cloud": "'c",
			"msg": `'at=info n=-12 f=1.50 q="a b" yes=true no=false bare last=1 last=2 t=a/b:c.d-e_f`,
			"at":  "'info", "n": "-12", "f": "1.5", "q": "'a b", "yes": "true", "no": "false", "bare": "true", "last": "2", "t": "'a/b:c.d-e_f"}},
		{"odd attributes", at + ` 10.1.2.3 local7.info x - w - at= n="open f=1.2.3 q="5" yes=12345678901234567890 last=1. t=5ms`, utc, fields{
			"level": "'info", "source": "'x", "msg": `'at= n="open f=1.2.3 q="5" yes=12345678901234567890 last=1. t=5ms`,
			"at": "true", "n": "'open f=1.2.3 q=", "yes": "'12345678901234567890", "last": "'1.", "t": "'5ms"}},
		{"quote not closed", at + ` 10.1.2.3 local7.info x - w - n="open at=1`, utc, fields{
			"level": "'info", "source": "'x", "msg": `'n="open at=1`, "n": "true", "at": "1"}},
		{"body cannot overwrite", at + " 10.1.2.3 local7.info x - w - level=err source=y cloud=z msg=1 unparsed=true instance_id=3 at=1", utc, fields{
			"level": "'info", "source": "'x", "msg": "'level=err source=y cloud=z msg=1 unparsed=true instance_id=3 at=1", "at": "1"}},
		{"nginx access", at + " 10.1.2.3 local7.info nginx - w - " + access, utc, fields{
			"level": "'info", "source": "'nginx", "msg": "'" + access,
			"http_host": "'1.2.3.4", "http_user": "'bob", "http_method": "'GET", "http_url": "'/a?b=c", "http_version": "1.1",
			"http_status": "503", "http_bytes": "123", "http_referrer": "'http://r/", "http_user_agent": "'Agent 1.0", "http_domain": "'app.example.com"}},
		{"nginx error", at + " 10.1.2.3 local7.crit nginx - w - [error] at=5", utc, fields{
			"level": "'crit", "source": "'nginx", "msg": "'[error] at=5", "at": "5"}},
		{"access of another source", at + ` 10.1.2.3 local7.info x - w - 1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 1`, utc, fields{
			"level": "'info", "source": "'x", "msg": `'1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 1`}},
		{"varnish", at + ` 10.1.2.3 local7.info varnish - w - 1.2.3.4 - - [x] "GET http://a/ HTTP/1.1" 503 12 at=1`, utc, fields{
			"level": "'info", "source": "'varnish", "msg": `'1.2.3.4 - - [x] "GET http://a/ HTTP/1.1" 503 12 at=1`, "http_status": "503"}},
		{"varnish attributes", at + ` 10.1.2.3 local7.info varnish - w - cache_purge at=1`, utc, fields{
			"level": "'info", "source": "'varnish", "msg": `'cache_purge at=1`, "at": "1", "cache_purge": "true"}},
		{"no fraction", "2012-11-22T09:31:34+01:00 h local7.info x - w - m", "2012-11-22T08:31:34Z", fields{"level": "'info", "source": "'x", "msg": "'m"}},
		{"carriage return", "2012-11-22T09:31:34+01:00 h local7.info x - w - at=1\r", "2012-11-22T08:31:34Z", fields{"level": "'info", "source": "'x", "msg": "'at=1", "at": "1"}},
		{"bytes that are not UTF-8", "2012-11-22T09:31:34Z h local7.info x - w - at=1\xff\x00q=2", "2012-11-22T09:31:34Z", fields{
			"level": "'info", "source": "'x", "msg": "'at=1\xff\x00q=2", "at": "1", "q": "2"}},
		{"no level", at + " 10.1.2.3 local7 nginx - w - m", utc, fields{"unparsed": "true"}},
		{"before 1970", "1969-12-31T23:59:59Z h local7.info x - w - m", "", fields{"level": "'info", "source": "'x", "msg": "'m"}},
	})
}

func TestSyslog(t *testing.T) {
	const utc = "2012-11-30T06:45:29Z"
	testFormat(t, []formatTest{
		{"drain", "<134>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed", utc, fields{
			"level": "'info", "facility": "'local0", "source": "'app", "ps": "'web.3", "msg": "'State changed"}},
		{"octet count", "83 <40>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed", utc, fields{
			"level": "'emerg", "facility": "'syslog", "source": "'app", "ps": "'web.3", "msg": "'State changed"}},
		{"router", `<158>1 2012-11-30T06:45:29.5+00:00 d.01234567-89ab-cdef-0123-456789abcdef heroku router - at=info host=a.example.com service=18ms connect=1.5s level=x`, "2012-11-30T06:45:29.5Z", fields{
			"level": "'info", "facility": "'local3", "source": "'heroku", "ps": "'router", "host": "'a.example.com", "at": "'info", "service": "18", "connect": "1500",
			"msg": "'at=info host=a.example.com service=18ms connect=1.5s level=x"}},
		{"its own host", "<13>1 2012-11-30T06:45:29Z a.example.com app web.1 id - host=b at=1", utc, fields{
			"level": "'notice", "facility": "'user", "source": "'app", "ps": "'web.1", "host": "'a.example.com", "msg": "'host=b at=1", "at": "1"}},
		{"structured data", `<13>1 2012-11-30T06:45:29Z h app web.1 id [a@1 x="y \] \" z"][b k="v"] hello`, utc, fields{
			"level": "'notice", "facility": "'user", "source": "'app", "ps": "'web.1", "host": "'h", "msg": "'hello"}},
		{"not structured data", `<13>1 2012-11-30T06:45:29Z h app web.1 - [info] at=1`, utc, fields{
			"level": "'notice", "facility": "'user", "source": "'app", "ps": "'web.1", "host": "'h", "msg": "'[info] at=1", "at": "1"}},
		{"all missing", "<0>1 - - - - - -", "", fields{"level": "'emerg", "facility": "'kern"}},
		{"mark of UTF-8", "<191>1 2012-11-30T06:45:29Z h app p id - \xef\xbb\xbfhé", utc, fields{
			"level": "'debug", "facility": "'local7", "source": "'app", "ps": "'p", "host": "'h", "msg": "'hé"}},
		{"JSON", `<13>1 2012-11-30T06:45:29Z host app web.1 - {"at":"info","a":{"b":2},"source":"x","host":"y"}`, utc, fields{
			"level": "'notice", "facility": "'user", "source": "'app", "ps": "'web.1", "host": "'y", "msg": `'{"at":"info","a":{"b":2},"source":"x","host":"y"}`, "at": "'info", "a.b": "2"}},
		{"JSON cut off", `<13>1 2012-11-30T06:45:29Z host app web.1 - {"at":"info","a":{"b":2`, utc, fields{
			"level": "'notice", "facility": "'user", "source": "'app", "ps": "'web.1", "msg": `'{"at":"info","a":{"b":2`}},
		{"access line", `<13>1 2012-11-30T06:45:29Z host app web.1 - 1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 1`, utc, fields{
			"level": "'notice", "facility": "'user", "source": "'app", "ps": "'web.1", "http_status": "200",
			"msg": `'1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 1`}},
		{"priority too high", "<192>1 2012-11-30T06:45:29Z h app p id - m", "", fields{"unparsed": "true"}},
		{"header cut off", "<34>1 2012-11-30T06:45:29Z h app", "", fields{"unparsed": "true"}},
	})
}

func TestHeroku(t *testing.T) {
	const at = "2012-11-22T09:31:34.123456+00:00"
	const utc = "2012-11-22T09:31:34.123456Z"
	testFormat(t, []formatTest{
		{"router", at + ` heroku[router]: at=info method=GET path="/x?a=\"b\"" host=a.example.com fwd="1.2.3.4" dyno=web.1 connect=1ms service=1.8s status=200 bytes=512`, utc, fields{
			"source": "'heroku", "ps": "'router", "at": "'info", "method": "'GET", "path": `'/x?a="b"`, "host": "'a.example.com", "fwd": "'1.2.3.4", "dyno": "'web.1",
			"connect": "1", "service": "1800", "status": "200", "bytes": "512"}},
		{"words", at + ` app[web.1]: State changed from up to down`, utc, fields{"source": "'app", "ps": "'web.1"}},
		{"words, then attributes", at + ` heroku[web.1]: Process running mem=513M(100.2%) at=`, utc, fields{
			"source": "'heroku", "ps": "'web.1", "Process": "true", "running": "true", "mem": "'513M(100.2%)", "at": "'"}},
		{"a key that is not ASCII", at + ` app[web.1]: é=2 at=1`, utc, fields{"source": "'app", "ps": "'web.1", "é": "2", "at": "1"}},
		{"a URL is no attribute", at + ` app[web.1]: GET /x?method=1`, utc, fields{"source": "'app", "ps": "'web.1"}},
		{"header stays", at + ` app[web.1]: source=x ps=y at=1`, utc, fields{"source": "'app", "ps": "'web.1", "at": "1"}},
		{"nothing", at + ` app[web.1]:`, utc, fields{"source": "'app", "ps": "'web.1"}},
		{"JSON", at + ` app[web.1]: {"at":"x","status":"200","bytes":5}`, utc, fields{"source": "'app", "ps": "'web.1", "at": "'x", "status": "200", "bytes": "5"}},
		{"no colon", at + ` app[web.1] at=1`, utc, fields{"unparsed": "true"}},
		{"nothing but a time", at, utc, fields{"unparsed": "true"}},
	})
}

func TestLogfmt(t *testing.T) {
	testFormat(t, []formatTest{
		{"time", `time=2012-11-22T09:31:34.5Z at=info bare q="a \"b\" \u00e9\n" d=1.5s`, "2012-11-22T09:31:34.5Z", fields{
			"at": "'info", "bare": "true", "q": "'a \"b\" é\n", "d": "1500", "msg": `'time=2012-11-22T09:31:34.5Z at=info bare q="a \"b\" \u00e9\n" d=1.5s`}},
		{"quoted time", `at=1 ts="2012-11-22T10:31:34+0100" msg="hello there"`, "2012-11-22T09:31:34Z", fields{"at": "1", "msg": "'hello there"}},
		{"Unix time", `t=1353576694.25 at=1 msg=m`, "2012-11-22T09:31:34.25Z", fields{"at": "1", "msg": "'m"}},
		{"a number that is no time", `t=12 at=1 msg=m`, "", fields{"at": "1", "msg": "'m"}},
		{"the first time counts", `ts=x time=2012-11-22T09:31:34Z ts=2012-11-22T09:31:35Z msg=m`, "2012-11-22T09:31:34Z", fields{"msg": "'m"}},
		{"bare first", `bare at=é msg=m`, "", fields{"bare": "true", "at": "'é", "msg": "'m"}},
		{"units", `at=250µs d="1m2.5s" q=5m bare=1e5 msg=m`, "", fields{"at": "0.25", "d": "62500", "q": "'5m", "bare": "100000", "msg": "'m"}},
		{"last counts", `at=1 at=2 msg=m`, "", fields{"at": "2", "msg": "'m"}},
		{"not closed", `q="a b msg=m`, "", fields{"q": "'a b msg=m", "msg": `'q="a b msg=m`}},
		{"header names are free", `at=1 source=x msg=m`, "", fields{"at": "1", "source": "'x", "msg": "'m"}},
		{"a key that is not ASCII", `é=2 at=1 ключ=3 msg=m`, "", fields{"é": "2", "at": "1", "ключ": "3", "msg": "'m"}},
		{"such a word before a key", `über at=1 msg=m`, "", fields{"über": "true", "at": "1", "msg": "'m"}},
		{"bytes that are no UTF-8", "at=1 \xe9=2 msg=m", "", fields{"at": "1", "msg": "'m"}},
		{"bytes that are no UTF-8 first", "\xe9=2 at=1", "", fields{"unparsed": "true"}},
		{"part of a character", "\xe2\x82", "", fields{"unparsed": "true"}},
		{"such words alone", `grüße € 5`, "", fields{"unparsed": "true"}},
		{"such a sentence", `Grüß Gott! at=1`, "", fields{"unparsed": "true"}},
		{"words alone", `hello there`, "", fields{"unparsed": "true"}},
		{"a sentence", `Hello, at=1`, "", fields{"unparsed": "true"}},
		{"unparsed cannot be said", `at=1 unparsed=true msg=m`, "", fields{"at": "1", "msg": "'m"}},
	})
}

func TestJSON(t *testing.T) {
	testFormat(t, []formatTest{
		{"types", `{"time":"2012-11-22T09:31:34.5Z","s":"a","n":-1.5e3,"t":true,"f":false,"z":null,"o":{"p":{"q":1}},"l":[1,{"s":"b"}],"msg":"m"}`, "2012-11-22T09:31:34.5Z", fields{
			"s": "'a", "n": "-1500", "t": "true", "f": "false", "o.p.q": "1", "l": `'[1,{"s":"b"}]`, "msg": "'m"}},
		{"text that looks like others", `{"s":"true","n":"5","msg":"1"}`, "", fields{"s": "'true", "n": "5", "msg": "1"}},
		{"units in quotes", `{"s":"1.5s","n":"384.3MB","msg":"1e3"}`, "", fields{"s": "1500", "n": "384300000", "msg": "1000"}},
		{"escapes", `{"s":"\u00e9\ud83d\ude00\ud83dx\n\/\"\\","\u006e":5,"o":{"p":{"\u0071":6}},"msg":"m"}`, "", fields{"s": "'é😀�x\n/\"\\", "n": "5", "o.p.q": "6", "msg": "'m"}},
		{"spaces", ` { } `, "", fields{"msg": "'{ } "}},
		{"more spaces", "{ \"n\" : 1 ,\t\"s\" : \"a\" } ", "", fields{"n": "1", "s": "'a", "msg": "'{ \"n\" : 1 ,\t\"s\" : \"a\" } "}},
		{"empty", `{}`, "", fields{"msg": "'{}"}},
		{"last counts", `{"n":1,"n":"x","msg":"m"}`, "", fields{"n": "'x", "msg": "'m"}},
		{"seconds", `{"ts":1353576694.5,"msg":"m"}`, "2012-11-22T09:31:34.5Z", fields{"msg": "'m"}},
		{"milliseconds", `{"@timestamp":1353576694123,"msg":"m"}`, "2012-11-22T09:31:34.123Z", fields{"msg": "'m"}},
		{"microseconds", `{"timestamp":1353576694123456,"msg":"m"}`, "2012-11-22T09:31:34.123456Z", fields{"msg": "'m"}},
		{"nanoseconds", `{"time":1353576694123456789,"msg":"m"}`, "2012-11-22T09:31:34.123456789Z", fields{"msg": "'m"}},
		{"a time inside is none", `{"o":{"time":"2012-11-22T09:31:34Z"},"msg":"m"}`, "", fields{"msg": "'m"}},
		{"deep", `{"o":` + strings.Repeat(`{"p":`, 100) + `1` + strings.Repeat("}", 101) + `}`, "", fields{"unparsed": "true"}},
		{"deep and whole", `{"o":` + strings.Repeat(`{"p":`, 100) + `1` + strings.Repeat("}", 101), "", fields{"msg": `'{"o":` + strings.Repeat(`{"p":`, 100) + `1` + strings.Repeat("}", 101)}},
		{"too deep", `{"o":` + strings.Repeat(`[`, 200) + strings.Repeat("]", 200) + `}`, "", fields{"unparsed": "true"}},
		{"time of what is no object", `{"time":"2012-11-22T09:31:34.5Z","s":"a"`, "", fields{"unparsed": "true"}},
		{"number too long", `{"n":12345678901234567890,"msg":"m"}`, "", fields{"n": "'12345678901234567890", "msg": "'m"}},
		{"word", `{"n":nul,"msg":"m"}`, "", fields{"unparsed": "true"}},
		{"comma", `{"n":1,}`, "", fields{"unparsed": "true"}},
		{"more after it", `{"n":1} x`, "", fields{"unparsed": "true"}},
	})
}

// TestBlanksBefore: a line after blanks or a mark of UTF-8 is what it is without
// them, but for the field line.
func TestBlanksBefore(t *testing.T) {
	s := newSchema(t, "unparsed", "msg", "level", "facility", "source", "ps", "host", "slot", "at", "q", "http_host", "http_status", "a.b", "n")
	withLine := newSchema(t, "line")
	sc, ev := s.NewScanner(), new(Event)
	parse := func(text string, from Origin) string {
		sc.From(from)
		sc.Parse(ev, buffer(text), 0, len(text))
		if second, nanos, dated := ev.Time(); dated {
			return fmt.Sprint(describe(s, ev), second, nanos)
		}
		return fmt.Sprint(describe(s, ev))
	}
	for _, text := range append([]string{`{"n":1}`, "n=1", "2012-11-22T09:31:34Z hello", ""}, seeds...) {
		if strings.HasPrefix(text, "\xef\xbb\xbf") {
			continue // one is enough
		}
		for _, before := range []string{" ", "\t", "\xef\xbb\xbf", " \t   \t  ", "\xef\xbb\xbf "} {
			for _, f := range Formats {
				o := Origin(FormatField + "=" + f.Name)
				if got, want := parse(before+text, o), parse(text, o); got != want && !f.asIs {
					t.Errorf("%q as %s: %s, and without what is before it %s", before+text, f.Name, got, want)
				}
			}
			if got, want := parse(before+text, ""), parse(text, ""); got != want {
				t.Errorf("%q: %s, and without what is before it %s", before+text, got, want)
			}
			withLine.NewScanner().Parse(ev, buffer(before+text), 0, len(before+text))
			if got := string(ev.Bytes(0)); got != strings.TrimSuffix(before+text, "\r") {
				t.Errorf("%q: line is %q", before+text, got)
			}
		}
	}
	if got, want := parse("  a", "format=text"), "map[msg:'  a]"; got != want {
		t.Errorf("as text: %s, want %s", got, want)
	}
}

func TestUnparsed(t *testing.T) {
	long := strings.Repeat("x", 2000)
	testFormat(t, []formatTest{
		{"words", "hello there", "", fields{"unparsed": "true", "line": "'hello there"}},
		{"time", "2012-11-22T09:31:34Z hello", "2012-11-22T09:31:34Z", fields{"unparsed": "true", "line": "'2012-11-22T09:31:34Z hello"}},
		{"looks like a number", "123", "", fields{"unparsed": "true", "line": "123"}},
		{"NUL", "\x00", "", fields{"unparsed": "true", "line": "'\x00"}},
		{"long", long, "", fields{"unparsed": "true", "line": "'" + long}},
	})
}

// A value's ID must say how it compares with each constant.
func TestIDs(t *testing.T) {
	number := func(s string) condition.Constant {
		n, ok := fixed.Parse([]byte(s))
		if !ok {
			t.Fatal(s)
		}
		return condition.Constant{Type: condition.Num, Num: n}
	}
	text := func(s string) condition.Constant { return condition.Constant{Type: condition.Text, Text: s} }
	constants := []condition.Constant{
		text("info"), number("500"), number("1.5"), text("500"), text("true"), number("5"), text("5ms"), text("1e3"), text(""), text("5µs"), number("0.005"), text("5m"), number("62500"), text("007"),
		{Type: condition.Bool, Bool: true}, number("1000"), number("-7"), text("a text of more than sixteen bytes"),
	}
	s, err := NewSchema(Field{Name: "f", Constants: constants})
	if err != nil {
		t.Fatal(err)
	}
	sc, ev := s.NewScanner(), new(Event)
	for _, line := range []string{
		`f=info`, `f=500`, `f=500.0`, `f=0500`, `f=1.50`, `f=true`, `f=false`, `f`, `f=5ms`, `f=1e3`, `f=1s`, `f=5µs`, `f=5us`, `f=5m`, `f=1m2.5s`, `f=x`, `f=7`, `f=-7`, `f=-8`, `f=999999`, `f=`,
		`f="a text of more than sixteen bytes"`, `f="a text of more than sixteen bits!"`,
		`{"f":"500"}`, `{"f":500}`, `{"f":5e2}`, `{"f":1e3}`, `{"f":"1e3"}`, `{"f":true}`, `{"f":"true"}`, `{"f":"5ms"}`, `{"f":"5µs"}`, `{"f":"\u0069nfo"}`, `{"f":""}`, `{"f":"0500"}`, `{"f":"500.0"}`, `{"f":"-7"}`, `{"f":"7"}`, `{"f":"1.5"}`, `{"f":"007"}`, `f=007`,
		`2012-11-22T09:31:34Z h l.info x - w - f=5ms`, `2012-11-22T09:31:34Z h l.info x - w - f=1e3`, `2012-11-22T09:31:34Z h l.info x - w - f`,
	} {
		line = strings.Replace(line, "f", "x=1 f", b2i(line[0] == 'f'))
		sc.Parse(ev, buffer(line), 0, len(line))
		codes, _, ok := ev.Codes()
		if !ok || len(codes) != 1 {
			t.Errorf("%s: codes %v, %v", line, codes, ok)
			continue
		}
		id := codes[0].ID()
		if all := ev.AppendCodes(nil); len(all) != 1 || all[0] != codes[0] {
			t.Errorf("%s: codes made anew are %v, not %v", line, all, codes)
		}
		if int(id) >= s.IDs(0) || id == Absent {
			t.Errorf("%s: ID %d of %d", line, id, s.IDs(0))
		}
		if c := text(string(ev.Bytes(0))); ev.IsText(0) && slices.Contains(constants, c) {
			if _, number := numberOf(c.Text); !number { // it is that text before it is a number
				if id != s.Constant(0, c) {
					t.Errorf("%s: is not the constant text by its ID", line)
				}
				continue
			}
		}
		if got, want := s.Type(0, id), ev.Type(0); got != want {
			t.Errorf("%s: the ID says type %d, the event %d", line, got, want)
		}
		for _, c := range constants {
			equal := false
			if ev.Type(0) == c.Type {
				n, _ := ev.Number(0)
				switch c.Type {
				case condition.Num:
					equal = n == c.Num
					if less := id < s.Constant(0, c); less != (n.Cmp(c.Num) < 0) {
						t.Errorf("%s: less than %v is %v by its ID", line, c.Num, less)
					}
				case condition.Text:
					equal = string(ev.Bytes(0)) == c.Text
				case condition.Bool:
					equal = (string(ev.Bytes(0)) == "true") == c.Bool
				}
			} else if n, isNumber := ev.Number(0); isNumber && c.Type == condition.Text {
				equal = n.String() == c.Text || ev.IsText(0) && string(ev.Bytes(0)) == c.Text
			}
			if got := id == s.Constant(0, c); got != equal {
				t.Errorf("%s: equal to %+v is %v by its ID, want %v", line, c, got, equal)
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestHash(t *testing.T) {
	s := newSchema(t, "a", "b")
	ev, sc := new(Event), s.NewScanner()
	for _, test := range []struct {
		line string
		same bool
	}{
		{`a=x b=x`, true}, {`a=5 b=5`, true}, {`a b=true`, true}, {`{"a":"\u0078y","b":"xy"}`, true},
		{`a=x b=y`, false}, {`{"a":5,"b":"5"}`, true}, {`{"a":true,"b":"true"}`, true}, {`a=5 b=5.0`, false},
		{`a=aaaaaaaaaaaaaaaab b=aaaaaaaaaaaaaaaac`, false}, {`a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab b=baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab`, false},
	} {
		line := test.line
		if line[0] == 'a' {
			line = "x=1 " + line
		}
		sc.Parse(ev, buffer(line), 0, len(line))
		if same := ev.Hash(0) == ev.Hash(1); same != test.same {
			t.Errorf("%s: same hash is %v", test.line, same)
		}
		if h := ev.Hash(0); h != ev.Hash(0) {
			t.Errorf("%s: the hash changed to %x", test.line, h)
		}
	}
	// A hash is part of what Kafka holds: it must not change between versions.
	line := "x=1 a=x b=500"
	sc.Parse(ev, buffer(line), 0, len(line))
	if a, b := ev.Hash(0), ev.Hash(1); a != wantHashX || b != wantHash500 {
		t.Errorf("hashes are %#x and %#x: what fragments hold would change, so valueVersion must", a, b)
	}
}

func TestManyCodes(t *testing.T) {
	s, err := NewSchema(Field{Name: "a", Coded: true}, Field{Name: "b", Constants: []condition.Constant{{Type: condition.Text, Text: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("a=1 b=x ", 100) + "b=y"
	ev := new(Event)
	s.NewScanner().Parse(ev, buffer(line), 0, len(line))
	if _, _, ok := ev.Codes(); ok {
		t.Error("201 codes are said to fit")
	}
	codes := ev.AppendCodes(nil)
	if len(codes) != 2 || codes[0] != codeOf(0, Present) || codes[1] != codeOf(1, Present) {
		t.Errorf("codes %v", codes)
	}
}

func TestNewSchemaBounds(t *testing.T) {
	fields := make([]Field, MaxFields+1)
	for i := range fields {
		fields[i].Name = fmt.Sprint(i)
	}
	if _, err := NewSchema(fields...); err == nil || !strings.Contains(err.Error(), "at most 512") {
		t.Errorf("too many fields: %v", err)
	}
	if _, err := NewSchema(fields[:MaxFields]...); err != nil {
		t.Error(err)
	}
	if _, err := NewSchema(Field{Name: "a"}, Field{Name: "a"}); err == nil {
		t.Error("a name twice is taken")
	}
	if _, err := NewSchema(Field{Name: "a", Constants: make([]condition.Constant, MaxConstants+1)}); err == nil {
		t.Error("too many constants are taken")
	}
}

// A line is parsed alike wherever it stands in a buffer.
func TestPosition(t *testing.T) {
	s := newSchema(t, "at", "b", "msg")
	sc, ev := s.NewScanner(), new(Event)
	const text = `at="x y" b=\u00e9 é`
	for _, before := range []string{"", "\n", strings.Repeat("at=no\n", 100)} {
		for _, after := range []string{"", "\nat=no b=no\n", "\r\nat=no"} {
			buf := append([]byte(before+text+after), make([]byte, Padding)...)
			end := len(before) + len(text)
			if strings.HasPrefix(after, "\r") {
				end++
			}
			sc.Parse(ev, buf, len(before), end)
			if got := describe(s, ev); !maps.Equal(got, fields{"at": "'x y", "b": `'\u00e9`, "msg": "'" + text}) {
				t.Errorf("after %q, before %q: %v", before, after, got)
			}
		}
	}
}

func TestParseAllocates(t *testing.T) {
	s := newSchema(t, "at", "source", "http_status", "a.b", "q", "line", "unparsed")
	sc, ev := s.NewScanner(), new(Event)
	var lines [][]byte
	for _, l := range seeds {
		lines = append(lines, buffer(l))
	}
	parse := func() {
		for _, b := range lines {
			sc.Parse(ev, b, 0, len(b)-Padding)
		}
	}
	parse()
	if n := testing.AllocsPerRun(100, parse); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// seeds has lines of every format, whole and broken.
var seeds = []string{
	"<34>Oct 11 22:14:15 mymachine su[12]: at=info \"a\"",
	"Feb  5 17:32:18 10.0.0.99 app: {\"a\":1}",
	"2012-10-11T22:14:15.123+02:00 h1 su[3]: at=1",
	"<13>2012-10-11T22:14:15Z host su: x",
	"2012-11-22T09:31:34.123456-08:00 10.1.2.3 local7.info nginx[12] - runtime.17@heroku.com - message at=info q=\"a b\"",
	`2012-11-22T09:31:34-08:00 10.1.2.3 local7.info nginx: - runtime-17.heroku.com - 1.2.3.4 - u [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 1 "r" "a" d`,
	`2012-11-22T09:31:34Z 10.1.2.3 local7.info varnish -  - 1.2.3.4 - - x "GET" 503 x`,
	`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 - "-" "a\"b" d.example.com`,
	`d.example.com:80 1.2.3.4, 5.6.7.8 - John [x] Doe [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 1 "r" "a"`,
	`1.2.3.4 - a b [22/Nov`, `1.2.3.4, `, `, - `, `1.2.3.4, 5.6.7.8 -`,
	`d.example.com:80 1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 1 "r" "a" "f" 0.005 0.003, 0.1 at=1 q="-" d`,
	`<134>1 2012-11-30T06:45:29+00:00 host app web.3 - at=info q="a\nb" source=x`,
	`83 <40>1 2012-11-30T06:45:29.123456789Z h app web.3 - [a@1 b="c\]"] {"a":{"b":1}}`,
	`2012-11-22T09:31:34.123456+00:00 heroku[router]: at=info connect=1ms service=1.5s q="x`,
	`time=2012-11-22T09:31:34+0100 at=info bare q="\u00e9\\" =x`,
	`ts=1353576694.25 at==`,
	`{"time":"2012-11-22T09:31:34Z","a":{"b":1.5e-3},"q":"\ud83d\ude00\n","l":[{},"]"],"n":null,"t":true}`,
	`{"ts":1353576694123,"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}`,
	`{"a"`, `<`, `[`, `{`, `{"a":`, `{"a":"\`, `1`, `12 <`, `=`, `"`, `a="`, `a=`, `2012-11-22T09:31:34.`, `2012-11-22T09:31:34+`, "\x00", "\xff\xfe a=\xff",
	"unparsed", " \t{\"a\":1}", "\xef\xbb\xbfat=1 q=5us", "\xef\xbb",
}

// FuzzParse checks what holds for every line: that its values are in it or were
// unescaped from it, that Times agrees, that what was learned from other lines
// changes nothing.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	s, names := fuzzSchema(f)
	used := s.NewScanner()
	f.Fuzz(func(t *testing.T, text []byte) {
		checkParse(t, s, used, names, "", text)
	})
}

// fuzzSchema wants the fields that formats give and some others.
func fuzzSchema(f *testing.F) (s *Schema, names []string) {
	for _, given := range Givens {
		names = append(names, given.Name)
	}
	names = append(names, "at", "q", "a.b", "time", "bare", "l", "status", "duration")
	var all []Field
	for _, n := range names {
		all = append(all, Field{Name: n, Constants: []condition.Constant{{Type: condition.Text, Text: "info"}, {Type: condition.Num, Num: fixed.Int(200)}}})
	}
	s, err := NewSchema(all...)
	if err != nil {
		f.Fatal(err)
	}
	return s, names
}

// checkParse checks what holds for a line of an origin, with a scanner that has seen
// other lines.
func checkParse(t *testing.T, s *Schema, used *Scanner, names []string, from Origin, text []byte) {
	if len(text) > MaxLen || bytes.IndexByte(text, '\n') >= 0 {
		return
	}
	ev, fresh := new(Event), new(Event)
	other := s.NewScanner()
	used.From(from)
	other.From(from)
	buf := buffer(string(text))
	used.Parse(ev, buf, 0, len(text))
	withoutStops(func() { other.Parse(fresh, buf, 0, len(text)) })
	got, want := describe(s, ev), describe(s, fresh)
	if !maps.Equal(got, want) {
		t.Errorf("%q:\n%v, and by a new scanner without stops\n%v", text, got, want)
	}
	second, nanos, ok := ev.Time()
	if ok && (second < 0 || second >= timing.LastLine || nanos >= 1e9) {
		t.Errorf("%q: time %d.%09d", text, second, nanos)
	}
	var times Times
	times.From(from)
	if unix, has := times.Near(text, -1); has != ok || ok && unix != second*1e9+int64(nanos) {
		t.Errorf("%q: Near gives %d, %v, Parse %d.%09d, %v", text, unix, has, second, nanos, ok)
	}
	if again, _, has := fresh.Time(); has != ok || ok && again != second {
		t.Errorf("%q: time %d, and by a new scanner %d", text, second, again)
	}
	codes, _, fits := ev.Codes()
	last := make(map[Slot]ID)
	for _, c := range codes {
		last[c.Slot()] = c.ID()
	}
	for i := range names {
		slot := Slot(i)
		if !ev.Has(slot) {
			if fits && last[slot] != Absent {
				t.Errorf("%q: a code for %s, which is missing", text, names[i])
			}
			continue
		}
		v := ev.values[slot]
		start, end := v.bounds()
		if v>>textShift&3 == 0 && (start < 0 || end > len(text) || start > end) {
			t.Errorf("%q: %s is at %d to %d", text, names[i], start, end)
		}
		if _, isNumber := ev.Number(slot); isNumber != (ev.Type(slot) == condition.Num) {
			t.Errorf("%q: %s is a number: %v, but of type %d", text, names[i], isNumber, ev.Type(slot))
		}
		if fits && last[slot] == Absent {
			t.Errorf("%q: no code for %s", text, names[i])
		}
		ev.Hash(slot)
	}
	for _, c := range ev.AppendCodes(nil) {
		if fits && last[c.Slot()] != c.ID() {
			t.Errorf("%q: the last code of %s is %d, and made anew %d", text, names[c.Slot()], last[c.Slot()], c.ID())
		}
	}
	if ev.Has(0) && string(ev.Bytes(0)) != strings.TrimSuffix(string(text), "\r") {
		t.Errorf("%q: line is %q", text, ev.Bytes(0))
	}
}

const (
	wantHashX   = 0x151fb0c1e125740e
	wantHash500 = 0x796cd083ec72f675
)

// What looks at eight bytes at once agrees with a loop over them, wherever a
// byte stands among the eight.
func TestWords(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := buffer(strings.Repeat("a", at) + string([]byte{byte(c)}) + "a ")
			want := bytes.IndexFunc(b, func(r rune) bool { return r <= ' ' })
			if got := word(b, 0); got != want {
				t.Errorf("byte %#x at %d: a word ends at %d, want %d", c, at, got, want)
			}
			if c == '[' || c == '=' {
				want = at
			}
			if got := wordOr(b, 0, '[', '='); got != want {
				t.Errorf("byte %#x at %d: a word, bracket or = ends at %d, want %d", c, at, got, want)
			}
		}
	}
}
