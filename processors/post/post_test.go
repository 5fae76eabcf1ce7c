package post

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDo(t *testing.T) {
	var elsewhere bool
	mux := http.NewServeMux()
	for path, status := range map[string]int{"/204": 204, "/400": 400, "/404": 404, "/408": 408, "/429": 429, "/503": 503} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		})
	}
	mux.HandleFunc("/302", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { elsewhere = true })
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]string{"/204": "taken", "/302": "never", "/400": "never", "/404": "never", "/408": "later", "/429": "later", "/503": "later"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := Do(request)
		got := "never"
		if answer.Taken {
			got = "taken"
		} else if answer.Later {
			got = "later"
		}
		if err != nil || got != want || !strings.HasPrefix(answer.Status, path[1:]) || path != "/302" && answer.RetryAfter() != "7" {
			t.Errorf("%s: %s (%v), want %s", answer.Status, got, err, want)
		}
	}
	if elsewhere {
		t.Error("a redirect was followed")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://user:secret@127.0.0.1:1/secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Do(request); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("of a server that is away it says %v", err)
	}
}
