package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"pulse/stats"
)

// memoryFile is a definitions file without a disk; whoever saves has its tag.
type memoryFile struct {
	text string
	err  error
}

func (f *memoryFile) Read() (text, tag string, err error) { return f.text, f.text, f.err }

func (f *memoryFile) Save(_ context.Context, text, tag string) (SavedDefinitions, error) {
	if f.err != nil {
		return SavedDefinitions{}, f.err
	}
	if tag != f.text {
		return SavedDefinitions{}, ErrDefinitionsChanged
	}
	d, err := stats.Parse("shop.yaml", []byte(text))
	if err != nil {
		return SavedDefinitions{}, UnusableError{err}
	}
	f.text = text
	return SavedDefinitions{Definitions: d, Tag: text}, nil
}

// Only who has the role Edit saves definitions, from this page or a program, and the
// log says who did.
func TestSaveDefinitions(t *testing.T) {
	d, err := stats.Parse("shop.yaml", []byte(memoryDefinitions))
	if err != nil {
		t.Fatal(err)
	}
	file := &memoryFile{text: memoryDefinitions}
	var log bytes.Buffer
	s, err := newServer(Config{Definitions: d, Access: letIn(t, AccessConfig{Tokens: []string{strings.Repeat("x", 16), testToken}, ShareKey: testKey}), AllowEdit: true, DefinitionsFile: file,
		Origins: []string{"https://listed.example"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(memoryDefinitions, "pages:", "  - {name: errors, count: lines}\npages:", 1)
	body := func(text, tag string) string { return string(mustJSON(map[string]string{"text": text, "tag": tag})) }
	from := func(origin string) func(*http.Request) {
		return func(r *http.Request) {
			bearer(r)
			r.Header.Set("Origin", origin)
		}
	}
	for _, c := range []struct {
		what, body string
		as         func(*http.Request)
		status     int
		want       string
	}{
		{"nobody", body(more, memoryDefinitions), func(*http.Request) {}, 401, "token"},
		{"a share link", body(more, memoryDefinitions), shared(s), 403, "a share link changes nothing"},
		{"another site", body(more, memoryDefinitions), from("https://evil.example"), 403, "another site"},
		{"a site that may open the socket", body(more, memoryDefinitions), from("https://listed.example"), 403, "another site"},
		{"a page without an origin", body(more, memoryDefinitions), from("null"), 403, "another site"},
		{"other JSON", `{"text":"","file":"/etc/passwd"}`, bearer, 400, "unknown field"},
		{"too much", body(strings.Repeat("#", maxDraft+1), memoryDefinitions), bearer, 400, "at most"},
		{"much too much", body(strings.Repeat("#", 3*maxDraft), memoryDefinitions), bearer, 400, "too large"},
		{"mistakes", body("stats:\n  - {name: a, rate: secnod}\n", memoryDefinitions), bearer, 400, "shop.yaml:2:"},
		{"an older text", body(more, "older"), bearer, 409, "somebody else"},
		{"the page", body(more, memoryDefinitions), func(r *http.Request) { from("http://" + r.Host)(r) }, 200, `"version":"`},
		{"the page again", body(more, memoryDefinitions), bearer, 409, "somebody else"},
	} {
		before := file.text
		answer, text := do(t, s, "PUT", "/api/definitions", saying(c.body, c.as))
		if answer.StatusCode != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %.200s; want %d, %s", c.what, answer.StatusCode, text, c.status, c.want)
		}
		if saved := file.text != before; saved != (c.status == 200) {
			t.Errorf("%s: saved is %v", c.what, saved)
		}
	}
	if said := log.String(); !strings.Contains(said, `the definitions were saved from the page" by="token 2" from=192.0.2.1/32 file=shop.yaml version=`) || !strings.Contains(said, "changed=[errors]") || strings.Contains(said, testToken) {
		t.Errorf("the log has\n%s", said)
	}
	file.err = errors.New("read-only file system")
	if answer, text := do(t, s, "PUT", "/api/definitions", saying(body("x", more), bearer)); answer.StatusCode != 500 || !strings.Contains(text, "not saved: read-only") {
		t.Errorf("a disk that cannot be written: %d %s", answer.StatusCode, text)
	}
	s.config.DefinitionsFile = nil
	if answer, text := do(t, s, "PUT", "/api/definitions", saying(body("x", more), bearer)); answer.StatusCode != 404 || !strings.Contains(text, "--stats") {
		t.Errorf("without a file: %d %s", answer.StatusCode, text)
	}
}
