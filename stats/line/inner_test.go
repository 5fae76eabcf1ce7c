package line

import (
	"maps"
	"strings"
	"testing"
)

// TestColors: what terminals take for colors is not there, wherever it stands, but
// in the field line.
func TestColors(t *testing.T) {
	const red, off = "\x1b[1;31m", "\x1b[0m"
	testFormat(t, []formatTest{
		{"keys", red + "level" + off + "=info at=1 " + red + "status=" + off + "500 msg=m", "", fields{"level": "'info", "at": "1", "status": "500", "msg": "'m"}},
		{"values", "level=" + red + "info" + off + " status=" + red + "500" + off + " msg=m", "", fields{"level": "'info", "status": "500", "msg": "'m"}},
		{"after a header", "<13>1 2012-11-30T06:45:29Z h app web.1 - - " + red + "status=500" + off + " at=1", "2012-11-30T06:45:29Z", fields{
			"level": "'notice", "source": "'app", "status": "500", "at": "1", "msg": "'status=500 at=1"}},
		{"in JSON", `{"level":"\u001b[32minfo\u001b[39m","status":500,"msg":"m"}`, "", fields{"level": "'info", "status": "500", "msg": "'m"}},
		{"a link in JSON", `{"user":"\u001b]8;;https://a.example/\u001b\\bob\u001b]8;;\u0007","status":500,"msg":"\u001b[2Km"}`, "", fields{"user": "'bob", "status": "500", "msg": "'m"}},
		{"around JSON", red + `{"status":500,"msg":"m"}` + off, "", fields{"status": "500", "msg": "'m"}},
		{"around a time", red + "2012-11-22T09:31:34Z" + off + " app[web.1]: at=1", "2012-11-22T09:31:34Z", fields{"source": "'app", "at": "1", "msg": "'at=1"}},
		{"words alone", red + "hello" + off, "", fields{"unparsed": "true"}},
		{"a key", "time=2025-03-03T08:30:02Z " + red + "at=" + off + "abc status=1", "2025-03-03T08:30:02Z", fields{"at": "'abc", "status": "1", "msg": "'time=2025-03-03T08:30:02Z at=abc status=1"}},
		{"a cursor", "\x1b[?25l\x1b[2K\x1b[1Gstatus=500\x1b[K at=1\x1b[?25h", "", fields{"status": "500", "at": "1", "msg": "'status=500 at=1"}},
		{"256 and true colors", "\x1b[38;5;196mstatus\x1b[0m=\x1b[38:2::1:2:3m500\x1b[m at=1", "", fields{"status": "500", "at": "1", "msg": "'status=500 at=1"}},
		{"a link", "status=500 user=\x1b]8;id=1;https://a.example/?x=5\x1b\\bob\x1b]8;;\x1b\\ at=1", "", fields{"status": "500", "user": "'bob", "at": "1", "msg": "'status=500 user=bob at=1"}},
		{"a link ended by a bell", "2012-11-22T09:31:34Z INFO user=\x1b]8;;file:///a=1\abob\x1b]8;;\a status=500", "2012-11-22T09:31:34Z", fields{"level": "'INFO", "user": "'bob", "status": "500", "msg": "'user=bob status=500"}},
		{"a title", "\x1b]0;build at=7\astatus=500 at=1", "", fields{"status": "500", "at": "1", "msg": "'status=500 at=1"}},
		{"a title that is not ended", "\x1b]0;x status=500 at=1", "", fields{"unparsed": "true"}},
		{"characters and modes", "\x1b(B\x1b=\x1b>\x1b7status=500\x1b8 at=1\x1b(0", "", fields{"status": "500", "at": "1", "msg": "'status=500 at=1"}},
		{"escapes alone", "\x1b\x1b[\x1b[31", "", fields{"unparsed": "true"}},
		{"around Docker's", red + `{"log":"a=1 b=2","stream":"stdout"}` + off, "", fields{"msg": `'{"log":"a=1 b=2","stream":"stdout"}`}},
	})
	s := newSchema(t, "line", "unparsed")
	sc, ev := s.NewScanner(), new(Event)
	for _, line := range []string{red + "a=1" + off + " b=2", "a=1 " + red + "b=2", red + "hello", "a=" + red} {
		sc.Parse(ev, buffer(line), 0, len(line))
		if got := string(ev.Bytes(0)); got != line {
			t.Errorf("line is %q, not %q", got, line)
		}
	}
}

// TestInner: a line within another has its fields, its time counts where the outer
// one has none, and both are known or half known.
func TestInner(t *testing.T) {
	const at = "2012-11-22T09:31:34.123456789Z"
	s := newSchema(t, "unparsed", "stream", "container", "status", "at", "http_status", "source", "msg", "time")
	sc, ev := s.NewScanner(), new(Event)
	for _, test := range []struct {
		line, time, format string
		half               bool
		want               fields
	}{
		{at + ` stdout F {"status":500}`, at, "cri", false, fields{"stream": "'stdout", "status": "500", "msg": `'{"status":500}`}},
		{at + " stderr P hello there", at, "cri", true, fields{"stream": "'stderr", "msg": "'hello there"}},
		{at + " stdout F  at=1", at, "cri", false, fields{"stream": "'stdout", "at": "1", "msg": "'at=1"}},
		{at + ` stdout F {"stream":"x","status":5`, at, "cri", true, fields{"stream": "'stdout", "msg": `'{"stream":"x","status":5`}},
		{at + ` stdout F {"stream":"x","status":5}`, at, "cri", false, fields{"stream": "'stdout", "status": "5", "msg": `'{"stream":"x","status":5}`}},
		{at + " stdout F ", at, "cri", true, fields{"stream": "'stdout", "msg": "'"}},
		{at + ` stdout F 1.2.3.4 - - [22/Nov/2011:09:31:34 -0800] "GET / HTTP/1.1" 200 1`, "2011-11-22T17:31:34Z", "cri", false, fields{
			"stream": "'stdout", "http_status": "200", "msg": `'1.2.3.4 - - [22/Nov/2011:09:31:34 -0800] "GET / HTTP/1.1" 200 1`}},
		{at + " stdout X at=1", at, "log", false, fields{"at": "1", "msg": "'stdout X at=1"}},
		{at + " stdout X", at, "", false, fields{"unparsed": "true"}},
		{`{"log":"at=1 status=5\n","stream":"stderr","time":"` + at + `"}`, at, "json", false, fields{
			"stream": "'stderr", "at": "1", "status": "5", "msg": "'at=1 status=5", "time": "'" + at}},
		{`{"log":"\u001b[31mat=\u001b[0m1\r\n","stream":"stderr"}`, "", "json", false, fields{"stream": "'stderr", "at": "1", "msg": "'at=1"}},
		{`{"log":"hello \"you\"\n","stream":"stderr"}`, "", "json", true, fields{"stream": "'stderr", "msg": `'hello "you"`}},
		{`{"log":"{\"log\":\"at=1\",\"stream\":\"b\"}","stream":"a"}`, "", "json", true, fields{"stream": "'a", "msg": `'{"log":"at=1","stream":"b"}`}},
		{`{"log":"2012-11-22T08:31:34Z app[web.1]: at=1","stream":"a"}`, "2012-11-22T08:31:34Z", "json", false, fields{"stream": "'a", "at": "1", "source": "'app", "msg": "'at=1"}},
		{`{"log":"","stream":"a"}`, "", "json", true, fields{"stream": "'a", "msg": "'"}},
		{`web-1  | at=1 status=5`, "", "compose", false, fields{"container": "'web-1", "at": "1", "status": "5", "msg": "'at=1 status=5"}},
		{`web_1 | hello | there`, "", "compose", true, fields{"container": "'web_1", "msg": "'hello | there"}},
		{`web | hello there`, "", "", false, fields{"unparsed": "true"}},
		{`web | at=1 x`, "", "compose", false, fields{"container": "'web", "at": "1", "msg": "'at=1 x"}},
		{`web-1 | 1.2.3.4 - - [22/Nov/2011:09:31:34 +0000] "GET / HTTP/1.1" 200 1`, "2011-11-22T09:31:34Z", "compose", false, fields{
			"container": "'web-1", "http_status": "200", "msg": `'1.2.3.4 - - [22/Nov/2011:09:31:34 +0000] "GET / HTTP/1.1" 200 1`}},
		{strings.Repeat("web-1 | ", 20) + "at=1", "", "compose", true, fields{"container": "'web-1", "msg": "'" + strings.Repeat("web-1 | ", 16) + "at=1"}},
		{"web-1 |", "", "", false, fields{"unparsed": "true"}},
		{"<13>1 2012-11-30T06:45:29Z h app p - - at=1", "2012-11-30T06:45:29Z", "syslog", false, fields{"source": "'app", "at": "1", "msg": "'at=1"}},
		{"<13>1 2012-11-30T06:45:29Z h app p - - hello", "2012-11-30T06:45:29Z", "syslog", true, fields{"source": "'app", "msg": "'hello"}},
		{`<13>1 2012-11-30T06:45:29Z h app p - - "two words" at=1`, "2012-11-30T06:45:29Z", "syslog", false, fields{"source": "'app", "at": "1", "msg": `'"two words" at=1`}},
		{`<13>1 2012-11-30T06:45:29Z h app p - - two words {"at":1}`, "2012-11-30T06:45:29Z", "syslog", false, fields{"source": "'app", "at": "1", "msg": `'two words {"at":1}`}},
		{`{"level":"info","time":"2012-11-22T08:31:34Z","message":"hello"}`, "2012-11-22T08:31:34Z", "json", true, fields{
			"time": "'2012-11-22T08:31:34Z", "msg": `'{"level":"info","time":"2012-11-22T08:31:34Z","message":"hello"}`}},
		{`{"level":"info","msg":"hello","status":5}`, "", "json", false, fields{"msg": "'hello", "status": "5"}},
		{`{"level":"info","status":5}`, "", "json", false, fields{"msg": `'{"level":"info","status":5}`, "status": "5"}},
		{"at=1", "", "logfmt", false, fields{"at": "1", "msg": "'at=1"}},
	} {
		sc.Parse(ev, buffer(test.line), 0, len(test.line))
		if got := describe(s, ev); !maps.Equal(got, test.want) {
			t.Errorf("%s\n got %v\nwant %v", test.line, got, test.want)
		}
		second, nanos, ok := ev.Time()
		if got := formatTime(second*1e9+int64(nanos), ok); got != test.time {
			t.Errorf("%s: time %q, want %q", test.line, got, test.time)
		}
		want := test.format
		if want == "" {
			want = "unparsed"
		} else if test.half {
			want += ", half"
		}
		if got := shapeOf(s, ev); got != want {
			t.Errorf("%s: shape %q, want %q", test.line, got, want)
		}
	}
}

// TestNoLogfmt: a visitor's query, a date, an address and a path make no logfmt, and a
// quote that is not closed no number.
func TestNoLogfmt(t *testing.T) {
	s := newSchema(t, "unparsed", "status", "level")
	sc, ev := s.NewScanner(), new(Event)
	for line, want := range map[string]fields{
		"2025-11-22 09:31:34 192.0.2.1 GET /a status=500 443 -": {"unparsed": "true"},
		"GET /a status=500":        {"unparsed": "true"},
		"/a/b status=500":          {"unparsed": "true"},
		"/a/status=500":            {"unparsed": "true"},
		"http://a/status=500":      {"unparsed": "true"},
		"192.0.2.1 status=500":     {"unparsed": "true"},
		"192.0.2.1=x status=500":   {"unparsed": "true"},
		"::1 status=500":           {"unparsed": "true"},
		"fe80::1 status=500":       {"unparsed": "true"},
		"09:31:34 status=500":      {"unparsed": "true"},
		"22/Nov/2012 status=500":   {"unparsed": "true"},
		"bob@example.com status=5": {"unparsed": "true"},
		"- - status=500":           {"unparsed": "true"},
		"17 status=500":            {"unparsed": "true"},
		"GET status=500":           {"status": "500"},
		"app: status=500":          {"status": "500"},
		"5xx=1 status=500":         {"status": "500"},
		"db#n=1 status=500":        {"status": "500"},
		"k8s.io/name=a status=500": {"status": "500"},
		"@timestamp=1 status=500":  {"status": "500"},
		"a=1 GET /a status=500":    {"status": "500"},
		`a=1 status="500`:          {"status": "'500"},
		`a=1 status="500"`:         {"status": "500"},
	} {
		sc.Parse(ev, buffer(line), 0, len(line))
		if got := describe(s, ev); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
		if n, ok := ev.Number(s.Slot("status")); ok != (want["status"] != "" && want["status"][0] != '\'') {
			t.Errorf("%s: status is %v, %t", line, n, ok)
		}
	}
}

func shapeOf(s *Schema, ev *Event) string { return string(s.AppendShape(nil, ev.Shape())) }
