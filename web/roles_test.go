package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Every route, asked in each role: who has the role that it needs gets past the door, and nobody
// else does.
func TestRoles(t *testing.T) {
	file := tokenFile(t, "read r "+tokenOf("r")+"\nlines l "+tokenOf("l")+"\nedit e "+tokenOf("e")+"\n")
	s := idle(t, func(c *Config) {
		c.Access, c.AllowEdit = letIn(t, AccessConfig{TokenFile: file, ShareKey: testKey}), true
	})
	reached := false
	door := s.guard(s.allow(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })))
	routes := []string{"GET " + pageRoute, "GET /incident/{id}"}
	for route := range s.answers() {
		routes = append(routes, route)
	}
	for _, f := range files() {
		routes = append(routes, "GET "+f.route)
	}
	whole, part := "", scope(statScope+"a")
	for _, route := range routes {
		method, pattern, _ := strings.Cut(route, " ")
		path := strings.NewReplacer("{$}", "", "{id}", "x", "{name}", "a").Replace(pattern)
		needs, known := required[route]
		if !known {
			needs = Read // a file of the page
		}
		if needs > Read && method == http.MethodGet && path == "/api/stats" {
			t.Fatal("the table is not what this test thinks")
		}
		for _, c := range []struct {
			who  string
			as   func(*http.Request)
			role Role
		}{
			{"nobody", nil, Nobody},
			{"a wrong token", withToken(tokenOf("x")), Nobody},
			{"read", withToken(tokenOf("r")), Read},
			{"lines", withToken(tokenOf("l")), Lines},
			{"edit", withToken(tokenOf("e")), Edit},
			{"a share link", withLink(s, scope(whole)), Read},
			{"a share link of a stat", withLink(s, part), Read},
		} {
			if c.who == "a wrong token" {
				s.access.guesses = newGuesses()
			}
			reached = false
			r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
			r.Host = "localhost"
			if c.as != nil {
				c.as(r)
			}
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r)
			want := c.role >= needs
			inPart := !known || pattern == "/{$}" || pattern == "/ws" || pattern == "/api/first" || pattern == "/api/who" || route == "GET /api/marks" || route == "GET /api/stats/{name}" || needs == Nobody
			if c.who == "a share link of a stat" && !inPart {
				want = false
			}
			code := http.StatusOK
			switch {
			case want:
			case c.role == Nobody:
				code = http.StatusUnauthorized
			default:
				code = http.StatusForbidden
			}
			if reached != want || w.Code != code {
				t.Errorf("%s as %s: %d, past the door: %t; it needs %v", route, c.who, w.Code, reached, needs)
			}
			if code == http.StatusForbidden && !strings.Contains(w.Body.String(), "role") && !strings.Contains(w.Body.String(), "share link") {
				t.Errorf("%s as %s is told %q", route, c.who, w.Body)
			}
		}
	}
	// Nothing else has a role.
	for route := range required {
		method, pattern, _ := strings.Cut(route, " ")
		r := httptest.NewRequest(method, strings.NewReplacer("{$}", "", "{id}", "x", "{name}", "a").Replace(pattern), nil)
		if _, got := s.mux.Handler(r); got != route {
			t.Errorf("%s has a role and leads to %q", route, got)
		}
	}
}

// What would change something is refused to pages of other sites, whoever reads them.
func TestChangesFromElsewhere(t *testing.T) {
	s := idle(t, func(c *Config) { c.Access, c.AllowEdit = tokensAndLinks(t), true })
	for route, needs := range required {
		method, pattern, _ := strings.Cut(route, " ")
		if needs != Edit {
			continue
		}
		answer, body := do(t, s, method, strings.ReplaceAll(pattern, "{id}", "x"), func(r *http.Request) {
			bearer(r)
			r.Header.Set("Origin", "https://evil.example")
		})
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "another site") {
			t.Errorf("%s: %d %s", route, answer.StatusCode, body)
		}
	}
}

// tokenOf is the token that a test gives somebody.
func tokenOf(name string) string { return strings.Repeat(name, minSecret) }

func withToken(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func withLink(s *Server, c scope) func(*http.Request) {
	return func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: shareCookie, Value: s.access.sign(time.Now().Unix()+60, c)}) // #nosec G124 -- a client's
	}
}
