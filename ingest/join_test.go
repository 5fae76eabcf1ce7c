package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"pulse/stats/line"
)

// joined reads a text by a rule, and shows an event's line breaks as bars.
func joined(t *testing.T, r Reading, from io.Reader) []string {
	t.Helper()
	var out []byte
	if err := r.Lines(from, "")(func(p Piece) error { out = append(out, p.Lines...); return nil }); err != nil {
		t.Fatal(err)
	}
	return shown(out)
}

func shown(lines []byte) []string {
	var events []string
	for l := range strings.Lines(strings.ReplaceAll(string(lines), lineBreak, "|")) {
		events = append(events, strings.TrimSuffix(l, "\n"))
	}
	return events
}

// joinCases are logs, each of whose events is a text of several lines.
var joinCases = []struct {
	name   string
	rule   string
	events []string
}{
	{"a start", `start: ^\d{4}-`, []string{"2026-01-02 a\nb\n c", "2026-01-02 d", "2026-01-02 e\n{\n}"}},
	{"lines before the first start", `start: ^\d{4}-`, []string{"the end of one\nbefore", "2026-01-02 a"}},
	{"indented", "indent", []string{"a\n b\n\tc", "d", "e\n  f"}},
	{"Java, logged with a cause", "traceback", []string{
		"2026-01-02 10:00:00,123 INFO [main] c.e.Shop - opened",
		"2026-01-02 10:00:00,123 ERROR [main] c.e.Shop - cannot sell\njava.lang.IllegalStateException: no stock\n\tat c.e.Shop.sell(Shop.java:12)\n\tat c.e.Main.main(Main.java:3)\nCaused by: java.sql.SQLException: gone\n\tat c.e.Db.get(Db.java:9)\n\t... 2 more\n\tSuppressed: java.io.IOException: closed\n\t\tat c.e.Db.close(Db.java:20)",
		"2026-01-02 10:00:01,123 INFO [main] c.e.Shop - closed",
	}},
	{"Java, uncaught", "traceback", []string{
		"starting", "Exception in thread \"main\" java.lang.RuntimeException: x\n\tat A.b(A.java:1)\n    at A.c(A.java:2)",
		"java.lang.Error\n\tat A.d(A.java:3)",
	}},
	{"Python, logged and chained", "traceback", []string{
		"ERROR:root:order 7 failed\nTraceback (most recent call last):\n  File \"shop.py\", line 3, in sell\n    1/0\n    ~^~\nZeroDivisionError: division by zero\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"shop.py\", line 9, in main\n    fail()\nshop.errors.Sold: out of stock",
		"INFO:root:order 8",
	}},
	{"Python, uncaught", "traceback", []string{
		"INFO:root:order 7", "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    raise KeyboardInterrupt\nKeyboardInterrupt",
		"Traceback (most recent call last):\n  File \"a.py\", line 2, in <module>\nValueError: x", "bye",
	}},
	{"Python's groups", "traceback", []string{
		"  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1, in <module>\n  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | ValueError: 1\n    +------------------------------------", "next",
	}},
	{"Go, a panic", "traceback", []string{
		"2026/01/02 10:00:00 listening",
		"panic: runtime error: index out of range [3] with length 2 [recovered]\n\tpanic: again\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4]\n\ngoroutine 1 [running]:\nmain.(*Shop).Sell(0xc000010000, {0x1, 0x2})\n\t/app/shop.go:12 +0x1d\nmain.main()\n\t/app/main.go:3 +0x11\ncreated by main.run in goroutine 7\n\t/app/run.go:5\nexit status 2",
		"2026/01/02 10:00:01 listening",
	}},
	{"Go, a handler's panic", "traceback", []string{
		"2026/01/02 10:00:00 http: panic serving 10.0.0.1:5: boom\ngoroutine 18 [running]:\nnet/http.(*conn).serve.func1()\n\t/go/server.go:1801 +0x13a\npanic({0x6b2c80?, 0x7d5a58?})\n\t/go/panic.go:785 +0x132",
		"2026/01/02 10:00:02 ok",
	}},
	{"Ruby", "traceback", []string{
		"app.rb:3:in `divide': divided by 0 (ZeroDivisionError)\n\tfrom app.rb:7:in `block in main'\n\tfrom app.rb:9:in `<main>'",
		"F, [2026-01-02T10:00:00.1 #12] FATAL -- : \nZeroDivisionError (divided by 0):\n\napp/models/shop.rb:3:in `sell'\napp/controllers/shops_controller.rb:9:in 'ShopsController#create'",
		"I, [2026-01-02T10:00:01.1 #12]  INFO -- : done",
	}},
	{"Node", "traceback", []string{
		"listening on 3000",
		"/app/shop.js:12\n    throw new Error('sold out');\n    ^\n\nError: sold out\n    at sell (/app/shop.js:12:9)\n    at node:internal/main:22:47 {\n  code: 'SOLD',\n  [cause]: Error: x\n      at y (/app/y.js:1:2)\n}\n\nNode.js v22.1.0",
		"TypeError [ERR_ARG]: bad\n    at a (a.js:1:2)",
	}},
	{".NET", "traceback", []string{
		"Unhandled exception. System.InvalidOperationException: x\n ---> System.IO.IOException: y\n   at A.B() in /a.cs:line 3\n   --- End of inner exception stack trace ---\n   at A.C()", "ok",
	}},
	{"PHP", "traceback", []string{
		"PHP Fatal error:  Uncaught Exception: x in /a.php:3\nStack trace:\n#0 /a.php(9): f()\n#1 {main}\n  thrown in /a.php on line 3", "ok",
	}},
	{"Rust", "traceback", []string{
		"thread 'main' panicked at src/main.rs:2:5:\nsold out\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
		"thread 'a' panicked at 'sold out', src/main.rs:2:5", "ok",
	}},
	{"PHP-FPM and Laravel, with their times", "traceback", []string{
		"[02-Jan-2026 10:00:00 UTC] PHP Fatal error:  Uncaught Exception: x in /a.php:3\nStack trace:\n#0 {main}\n\nNext RuntimeException: y in /a.php:5\nStack trace:\n#0 {main}\n  thrown in /a.php on line 5",
		"[2026-01-02 10:00:00] production.ERROR: sold out {\"exception\":\"[object] (RuntimeException(code: 0): sold out at /shop.php:17)\n[stacktrace]\n#0 /main.php(9): sell(1)\n#1 {main}\n\"} ",
		"[2026-01-02 10:00:01] production.INFO: ok",
	}},
	{"Elixir", "traceback", []string{
		"10:00:00.123 [error] GenServer Shop.Cart terminating\n** (RuntimeError) sold out\n    (shop 0.1.0) lib/cart.ex:17: Shop.Cart.sell/2\nLast message: {:sell, 1}\nState: %{items: []}",
		"10:00:00.124 [info] ok",
	}},
	{"Dart", "traceback", []string{
		"Unhandled exception:\nBad state: sold out\n#0      Cart.sell (file:///shop.dart:17:5)\n#1      main (file:///main.dart:9:3)", "ok",
	}},
	{"Node, a promise", "traceback", []string{
		"node:internal/process/promises:288\n            triggerUncaughtException(err, true /* fromPromise */);\n            ^\n\n[UnhandledPromiseRejection: The promise rejected with the reason \"x\".] {\n  code: 'ERR_UNHANDLED_REJECTION'\n}\n\nNode.js v20.9.0", "ok",
	}},
	{"logback, the cause first", "traceback", []string{
		"10:00:00,123 ERROR [main] shop.Cart - failed\njava.io.IOException: disk full\n\tat shop.Disk.write(Disk.java:3) ~[app.jar:na]\nWrapped by: java.lang.IllegalStateException: cart\n\tat shop.Cart.add(Cart.java:17)\n\t... 23 common frames omitted", "ok",
	}},
	{"what is no trace", "traceback", []string{"Stack trace: off", "Next order", "Last message", "State: open", "Wrapped by: paper", "** (bold)", "a: b", "Errors: 3", "Caused by: nothing", "goroutines 12", "}", "#1 fan", "f(x)", "a.js:12 loaded", "panicking", `{"a":1}`}},
}

func TestJoin(t *testing.T) {
	for _, test := range joinCases {
		t.Run(test.name, func(t *testing.T) {
			in := strings.Join(test.events, "\n") + "\n"
			var want []string
			for _, e := range test.events {
				for strings.Contains(e, "\n\n") { // a blank line is no line
					e = strings.ReplaceAll(e, "\n\n", "\n")
				}
				want = append(want, strings.ReplaceAll(e, "\n", "|"))
			}
			for name, from := range map[string]io.Reader{
				"": strings.NewReader(in), ", byte by byte": iotest.OneByteReader(strings.NewReader(in)),
				", with CR": strings.NewReader(strings.ReplaceAll(in, "\n", "\r\n")),
			} {
				if got := joined(t, Reading{Join: test.rule}, from); !slices.Equal(got, want) {
					t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

// What comes through one source from several programs is joined apart, whatever says
// whose a line is.
func TestJoinStreams(t *testing.T) {
	for _, test := range []struct{ name, rule, unwrap, in, want string }{
		{
			"CRI", `start: ^\d{4}-`, "",
			cri + "stdout F 2026-a\n" + cri + "stderr F 2026-b\n" + cri + "stdout F c\n" + cri + "stderr P d\n" + cri + "stderr F e\n" + cri + "stdout F 2026-f\n",
			cri + "stdout F 2026-a|c\n" + cri + "stderr F 2026-b|de\n" + cri + "stdout F 2026-f\n",
		},
		{
			"Docker", "indent", "",
			docker(`a \"b\"\n`, "stdout") + docker(`x\n`, "stderr") + docker(`\tc\n`, "stdout") + docker(`  y\n`, "stderr") + docker(`d\n`, "stdout"),
			docker(`a \"b\"|\tc\n`, "stdout") + docker(`x|  y\n`, "stderr") + docker(`d\n`, "stdout"),
		},
		{
			"journald", "traceback", "",
			`{"__REALTIME_TIMESTAMP":"1","_PID":"1","MESSAGE":"Traceback (most recent call last):"}` + "\n" +
				`{"__REALTIME_TIMESTAMP":"2","_PID":"2","MESSAGE":"hello"}` + "\n" +
				`{"__REALTIME_TIMESTAMP":"3","_PID":"1","MESSAGE":"  File \"a\", line 1"}` + "\n" +
				`{"__REALTIME_TIMESTAMP":"4","_PID":"1","MESSAGE":"ValueError: 1"}` + "\n",
			`{"__REALTIME_TIMESTAMP":"1","_PID":"1","MESSAGE":"Traceback (most recent call last):|  File \"a\", line 1|ValueError: 1"}` + "\n" +
				`{"__REALTIME_TIMESTAMP":"2","_PID":"2","MESSAGE":"hello"}` + "\n",
		},
		{
			"a member of JSON", `start: ^\S+ \d`, "json:log.text",
			`{"stream":"a","log":{"text":"go 1"}}` + "\n" + `{"stream":"b","log":{"text":"go 2"}}` + "\n" + `{"stream":"a","log":{"text":"on"}}` + "\n" + `{"log":1}` + "\n",
			`{"stream":"a","log":{"text":"go 1|on"}}` + "\n" + `{"stream":"b","log":{"text":"go 2"}}` + "\n" + `{"log":1}` + "\n",
		},
		{
			"syslog", "traceback", "",
			"<14>1 2026-01-02T10:00:00Z h app 1 - - ERROR a\n<14>1 2026-01-02T10:00:00Z h app 2 - [x y=\"z\"] ERROR b\n<14>1 2026-01-02T10:00:00Z h app 1 - - \tat c\n<14>1 2026-01-02T10:00:00Z h app 2 - [x y=\"z\"] \tat d\n",
			"<14>1 2026-01-02T10:00:00Z h app 1 - - ERROR a|\tat c\n<14>1 2026-01-02T10:00:00Z h app 2 - [x y=\"z\"] ERROR b|\tat d\n",
		},
		{
			"a syslog file, with rsyslog's tabs", "traceback", "",
			"Jan  2 10:00:00 h a[1]: java.io.IOException: x\nJan  2 10:00:00 h b: ok\nJan  2 10:00:00 h a[1]: #011at A.b(A.java:1)\n",
			"Jan  2 10:00:00 h a[1]: java.io.IOException: x|#011at A.b(A.java:1)\nJan  2 10:00:00 h b: ok\n",
		},
		{
			"heroku logs", "indent", "",
			"2026-01-02T10:00:00.1+00:00 app[web.1]: a\n2026-01-02T10:00:00.2+00:00 app[web.2]: b\n2026-01-02T10:00:00.3+00:00 app[web.1]:  c\n",
			"2026-01-02T10:00:00.1+00:00 app[web.1]: a| c\n2026-01-02T10:00:00.2+00:00 app[web.2]: b\n",
		},
		{"kubectl logs", "indent", "", "[pod/a/web] a\n[pod/b/web] b\n[pod/a/web]  c\n[pod/a/web x] d\n", "[pod/a/web] a| c\n[pod/b/web] b\n[pod/a/web x] d\n"},
		{"docker compose logs", "indent", "", "web-1  | a\ndb-1   | b\nweb-1  |  c\ndb-1   |  d\n", "web-1  | a| c\ndb-1   | b| d\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := strings.Split(strings.TrimSuffix(test.want, "\n"), "\n")
			if got := joined(t, Reading{Join: test.rule, Unwrap: test.unwrap}, strings.NewReader(test.in)); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// A silent stream's last event comes out when lines of others are a second later, and not
// with its next line, an hour too late.
func TestJoinedStreamsOfOneLogKeepTheirTimes(t *testing.T) {
	in := "2026-01-02T10:00:00Z stderr F e1\n2026-01-02T10:00:00.5Z stdout F o1\n2026-01-02T10:00:00.9Z stdout F o2\n2026-01-02T10:00:01Z stdout F o3\n2026-01-02T11:00:00Z stderr F e2\n"
	want := []string{"2026-01-02T10:00:00.5Z stdout F o1", "2026-01-02T10:00:00Z stderr F e1", "2026-01-02T10:00:00.9Z stdout F o2", "2026-01-02T10:00:01Z stdout F o3", "2026-01-02T11:00:00Z stderr F e2"}
	if got := joined(t, Reading{Join: "indent"}, strings.NewReader(in)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestJoinBounds(t *testing.T) {
	t.Run("lines", func(t *testing.T) {
		got := joined(t, Reading{Join: "indent"}, strings.NewReader("a\n"+strings.Repeat(" b\n", 2*maxEventLines)))
		if len(got) != 3 || strings.Count(got[0], "|") != maxEventLines-1 {
			t.Errorf("%d events, the first of %d lines; want 3, of %d", len(got), strings.Count(got[0], "|")+1, maxEventLines)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		half := strings.Repeat("x", line.MaxLen/2)
		for _, l := range joined(t, Reading{Join: "indent"}, strings.NewReader("a\n "+half+"\n "+half+"\n b\n")) {
			if len(strings.ReplaceAll(l, "|", lineBreak)) > line.MaxLen {
				t.Errorf("an event has %d bytes, more than a line may have", len(l))
			}
		}
	})
	t.Run("a line that is too long", func(t *testing.T) {
		got := joined(t, Reading{Join: "indent"}, strings.NewReader("a\n"+strings.Repeat("x", maxLine)+"\n b\n"))
		if len(got) != 3 || got[0] != "a" || len(got[1]) != maxLine || got[2] != " b" {
			t.Errorf("got %.80q", got)
		}
	})
	t.Run("streams", func(t *testing.T) {
		var in strings.Builder
		for i := range 10 * maxEvents {
			fmt.Fprintf(&in, "web-%d | a\n", i)
		}
		j := Reading{Join: "indent"}.joiner("")
		out := bytes.Clone(j.join([]byte(in.String())))
		if len(j.open) != maxEvents {
			t.Errorf("%d events are open, want %d", len(j.open), maxEvents)
		}
		if got := len(shown(append(out, j.rest(nil)...))); got != 10*maxEvents {
			t.Errorf("%d events of %d lines", got, 10*maxEvents)
		}
	})
}

func TestJoinRules(t *testing.T) {
	for rule, want := range map[string]string{
		"start: (":                             "missing closing )",
		`start: \d*`:                           "fits an empty line",
		"start:":                               "fits an empty line",
		"java":                                 "write 'start: REGEXP', indent or traceback",
		"start: " + strings.Repeat("a", 5_000): "at most 4096",
	} {
		if err := checkJoinRule(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want an error with %q", rule, err, want)
		}
	}
}

// Wherever a source is left and gone on with, by what was written down there, the same
// events come out.
func TestJoinGoesOn(t *testing.T) {
	for _, test := range joinCases {
		lines := strings.SplitAfter(strings.Join(test.events, "\n")+"\n", "\n")
		want := joined(t, Reading{Join: test.rule}, strings.NewReader(strings.Join(lines, "")))
		for at := range lines {
			before, after := Reading{Join: test.rule}.joiner(""), Reading{Join: test.rule}.joiner("")
			out := bytes.Clone(before.join([]byte(strings.Join(lines[:at], ""))))
			written, err := json.Marshal(before.events())
			if err != nil {
				t.Fatal(err)
			}
			var open openEvents
			if err := json.Unmarshal(written, &open); err != nil {
				t.Fatal(err)
			}
			after.resume(open)
			if got := shown(append(out, after.rest([]byte(strings.Join(lines[at:], "")))...)); !slices.Equal(got, want) {
				t.Errorf("%s, left after line %d: got\n%s\nwant\n%s", test.name, at, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// Without its rule what was open comes out.
func TestJoinWithoutItsRule(t *testing.T) {
	before := Reading{Join: "indent"}.joiner("")
	before.join([]byte("a\n b\n"))
	var after lineJoiner
	after.resume(before.events())
	if got := shown(after.join([]byte("c\n"))); !slices.Equal(got, []string{"a| b", "c"}) {
		t.Errorf("got %q", got)
	}
}

func TestJoinLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		take := func(_ context.Context, b Batch) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, shown(b.Lines)...)
			return nil
		}
		l := Reading{Join: "indent"}.live(t.Context(), "", &budget{most: 100}, take)
		see := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			got = nil
		}
		l.add([]byte("a\n"))
		time.Sleep(eventTime / 2)
		see()
		l.add([]byte(" b\n"))
		time.Sleep(eventTime / 2)
		see() // half a second after its last line
		time.Sleep(eventTime)
		see("a| b")
		l.add([]byte("c\n"))
		l.add([]byte("d\n"))
		see("c")
		l.add([]byte(strings.Repeat("e", 200) + "\n"))
		see("d", strings.Repeat("e", 200)) // there is no memory for it
		l.add([]byte("f\n"))
		l.end([]byte(" g\n"))
		see("f| g")
		if used := l.texts.used.Load(); used != 0 {
			t.Errorf("%d bytes are not given back", used)
		}
	})
}

// FuzzJoin joins anything: no line is lost, made or cut in two, and what is left and gone
// on with gives the same.
func FuzzJoin(f *testing.F) {
	for _, test := range joinCases {
		f.Add([]byte(strings.Join(test.events, "\n")), byte(len(test.rule)), 20)
	}
	f.Add([]byte(docker(`a\n`, "stdout")+docker(` \"b\n`, "stdout")), byte(0), 3)
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1","MESSAGE":"a"}`+"\n"+`{"log":"\`), byte(1), 3)
	f.Add([]byte("<14>1 a b c d e [\n<1>Jan  2 10:00:00 h a:\nweb-1 | \n#011"), byte(2), 3)
	rules := []string{"indent", "traceback", `start: ^\S`}
	f.Fuzz(func(t *testing.T, in []byte, rule byte, at int) {
		r := Reading{Join: rules[int(rule)%len(rules)]}
		in = bytes.ReplaceAll(in, []byte(lineBreak), nil)
		whole := r.joiner("")
		out := bytes.Clone(whole.rest(in))
		var lines, texts int
		for l := range bytes.Lines(in) {
			if l = bytes.TrimSuffix(bytes.TrimSuffix(l, []byte("\n")), []byte("\r")); len(l) > 0 {
				lines++
			}
		}
		for range bytes.Lines(out) {
			texts++
		}
		if texts += bytes.Count(out, []byte(lineBreak)); texts > lines {
			t.Errorf("%q became %q, of more lines", in, out)
		}
		cut := bytes.LastIndexByte(in[:max(0, min(at, len(in)))], '\n') + 1
		first, second := r.joiner(""), r.joiner("")
		again := bytes.Clone(first.join(in[:cut]))
		second.last = first.last
		second.resume(first.events())
		if again = append(again, second.rest(in[cut:])...); !bytes.Equal(again, out) {
			t.Errorf("%q, left at %d, became %q, and in one piece %q", in, cut, again, out)
		}
	})
}
