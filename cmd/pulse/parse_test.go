package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
