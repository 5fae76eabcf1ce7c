package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pulse/topics"
)

func TestParse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stats.yaml")
	err := os.WriteFile(file, []byte(`
formats:
  - {name: pairs, pattern: '<time> <level>: <msg>', time: "2006-01-02 15:04"}
derive: {endpoint: route(path), unused: lower(level)}
stats:
  - {name: errors, rate: second, where: 'status >= 500 && !(endpoint == "/health")'}
  - {name: by-endpoint, mean: ms, by: endpoint}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ line, want string }{
		{`2026-01-02 10:00 WARN: hi`, `{"line":"2026-01-02 10:00 WARN: hi","format":"pairs","time":"2026-01-02T10:00:00Z",` +
			`"fields":{"level":"WARN","msg":"hi","time":"2026-01-02 10:00"},"derived":{"unused":"warn"},"stats":[],"why":"not status >= 500: status is missing"}`},
		{`{"path":"/u/7","status":500,"user":{"id":7},"ok":true}`, `{"line":"{\"path\":\"/u/7\",\"status\":500,\"user\":{\"id\":7},\"ok\":true}","format":"json",` +
			`"fields":{"msg":"{\"path\":\"/u/7\",\"status\":500,\"user\":{\"id\":7},\"ok\":true}","ok":true,"path":"/u/7","status":500,"user.id":7},` +
			`"derived":{"endpoint":"/u/:id"},"stats":["errors"],"why":"it counts"}`},
		{"ms=5 \x1b[36mcode=\x1b[0mabc", `{"line":"ms=5 \u001b[36mcode=\u001b[0mabc","format":"logfmt",` +
			`"fields":{"code":"abc","ms":5,"msg":"ms=5 code=abc"},"stats":[],"why":"not status >= 500: status is missing"}`},
		{`path=/health status=503 ms=5`, `{"line":"path=/health status=503 ms=5","format":"logfmt",` +
			`"fields":{"ms":5,"msg":"path=/health status=503 ms=5","path":"/health","status":503},"derived":{"endpoint":"/health"},"stats":["by-endpoint"],` +
			`"why":"not !(endpoint == \"/health\"): endpoint is \"/health\""}`},
	} {
		var out, errs strings.Builder
		e := &environment{Stdin: strings.NewReader(test.line + "\n"), Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }}
		if code := e.main(t.Context(), []string{"parse", "--stats", file, "--why", "errors"}); code != exitOK {
			t.Errorf("pulse parse ends with %d: %s", code, errs.String())
		}
		if got := strings.TrimSpace(out.String()); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.line, got, test.want)
		}
	}
	var errs strings.Builder
	e := &environment{Stdin: strings.NewReader("x\n"), Stdout: &errs, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }}
	if code := e.main(t.Context(), []string{"parse", "--stats", file, "--why", "no-such"}); code != exitUsage || !strings.Contains(errs.String(), "there is no stat") {
		t.Errorf("a stat that there is not: %d, %s", code, errs.String())
	}
}

// Lines that belong together are one, with the time and the fields of the first, for each
// command that reads a log; people see them as lines again.
func TestJoinedLines(t *testing.T) {
	log := "2026-01-02T10:00:00Z ERROR c.e.Shop : sold out\njava.lang.IllegalStateException: none\n\tat c.e.Shop.sell(Shop.java:12)\n2026-01-02T10:00:01Z INFO c.e.Shop : ok\n"
	for _, args := range [][]string{{"parse"}, {"fields"}, {"eval", "--whole"}} {
		var out strings.Builder
		e := &environment{Stdin: strings.NewReader(log), Stdout: &out, Stderr: &out, LookupEnv: func(string) (string, bool) { return "", false }}
		if code := e.main(t.Context(), append(args, "--join", "traceback")); code != exitOK {
			t.Fatalf("%v ends with %d: %s", args, code, &out)
		}
		want := map[string]string{
			"parse":  `"msg":"sold out\u2028java.lang.IllegalStateException: none\u2028\tat c.e.Shop.sell(Shop.java:12)"`,
			"fields": "2 lines\n", "eval": `{"lines":2,"counted":2`,
		}[args[0]]
		if !strings.Contains(out.String(), want) {
			t.Errorf("%v prints %s, want %s", args, &out, want)
		}
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	linePrinter(w, false)(topics.RawHeader{}, "", []byte("a\u2028 b"))
	if w.Flush(); out.String() != "a\n b\n" {
		t.Errorf("tail prints %q", &out)
	}
}
