package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Role is what somebody may do; each may do what those before it may.
type Role uint8

// The roles.
const (
	Nobody Role = iota // has not logged in
	Read               // sees numbers
	Lines              // sees log lines too, and what follows from them
	Edit               // changes what others see: marks, silences, share links; with AllowEdit incidents and definitions
)

var roleNames = []string{Nobody: "nobody", Read: "read", Lines: "lines", Edit: "edit"}

// String implements fmt.Stringer.
func (r Role) String() string { return roleNames[r] }

// ParseRole reads the name of a role that somebody can be given.
func ParseRole(name string) (Role, error) {
	if i := slices.Index(roleNames, name); i > int(Nobody) {
		return Role(i), nil
	}
	return Nobody, fmt.Errorf("%.40q is not a role: write read, lines or edit", name)
}

// required is the role that each route needs, by method and path. The page's files need Read,
// but for those of the login form, and of what is said to who is refused.
var required = map[string]Role{
	"GET /healthz":        Nobody,
	"GET /readyz":         Nobody,
	"GET /login":          Nobody,
	"POST /login":         Nobody,
	"POST /logout":        Nobody,
	"GET /login/oidc":     Nobody,
	"GET /login/callback": Nobody,
	"GET /login.js":       Nobody,
	"GET /style.css":      Nobody,
	"GET /theme.js":       Nobody,
	"GET /icon.svg":       Nobody,

	"GET " + pageRoute:                Read,
	"GET /incident/{id}":              Read,
	"GET /ws":                         Read,
	"GET /metrics":                    Read,
	"GET /api/who":                    Read,
	"GET /api/first":                  Read,
	"GET /api/stats":                  Read,
	"GET /api/stats/{name}":           Read,
	"GET /api/usual":                  Read,
	"GET /api/then":                   Read,
	"GET /api/marks":                  Read,
	"GET /api/alerts":                 Read,
	"GET /api/incidents":              Read,
	"GET /api/incidents/{id}":         Read,
	"GET /api/incidents/{id}/points":  Read,
	"GET /api/incidents/{id}/frames":  Read,
	"GET /api/openapi.yaml":           Read,
	"GET /api/schema.json":            Read,
	"GET /api/v1/query":               Read,
	"POST /api/v1/query":              Read,
	"GET /api/v1/query_range":         Read,
	"POST /api/v1/query_range":        Read,
	"GET /api/v1/series":              Read,
	"POST /api/v1/series":             Read,
	"GET /api/v1/labels":              Read,
	"POST /api/v1/labels":             Read,
	"GET /api/v1/label/{name}/values": Read,
	"GET /api/v1/metadata":            Read,
	"GET /api/v1/status/buildinfo":    Read,

	"GET /api/lines":                       Lines,
	"GET /api/lines/around":                Lines,
	"GET /api/narrowed":                    Lines,
	"GET /api/fields":                      Lines,
	"GET /api/explain":                     Lines,
	"GET /api/incidents/{id}/lines":        Lines,
	"GET /api/incidents/{id}/lines/around": Lines,
	"GET /api/incidents/{id}/narrowed":     Lines,
	"GET /api/incidents/{id}/fields":       Lines,
	"GET /api/incidents/{id}/explain":      Lines,
	"GET /api/v1/query_exemplars":          Lines,
	"POST /api/v1/query_exemplars":         Lines,

	"POST /api/marks":              Edit,
	"POST /api/silences":           Edit,
	"DELETE /api/silences":         Edit,
	"POST /api/share":              Edit,
	"GET /api/definitions":         Edit,
	"PUT /api/definitions":         Edit,
	"POST /api/draft":              Edit,
	"POST /api/incidents":          Edit,
	"PUT /api/incidents/{id}/note": Edit,
	"DELETE /api/incidents/{id}":   Edit,
}

// routeRole is the role that a request needs to be answered. What there is not is told only to
// those who see numbers.
func (s *Server) routeRole(r *http.Request) Role {
	_, pattern := s.mux.Handler(r)
	role, ok := required[pattern]
	if !ok {
		return Read
	}
	return role
}

// isFile reports whether a path is that of one of the page's files.
func isFile(path string) bool {
	return slices.ContainsFunc(files(), func(f *file) bool { return f.route == path })
}

// allow has next answer those who may ask it, and says to others what they need.
func (s *Server) allow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, needs := whoIs(r.Context()), s.routeRole(r)
		switch {
		case needs == Nobody:
		case who.role == Nobody:
			s.askLogin(w, r)
			return
		case who.role < needs:
			s.refuse(w, r, http.StatusForbidden, lacking(who, needs, r))
			return
		case needs == Edit && !s.mayOpen(r):
			http.Error(w, "nothing can be changed by a page of another site", http.StatusForbidden)
			return
		case who.scope != "" && !s.inScope(who.scope, r):
			s.refuse(w, r, http.StatusForbidden, "this share link is for a part of the numbers alone: ask for another one")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// lacking says what somebody would need for a request.
func lacking(who identity, needs Role, r *http.Request) string {
	switch {
	case who.shared && needs == Lines:
		return "a share link shows only numbers: log in to see lines, and what follows from them"
	case who.shared:
		return "a share link changes nothing: log in"
	case needs == Lines:
		return fmt.Sprintf("you are %s, and see numbers, but no log lines: that needs the role lines", who.described())
	case r.Method == http.MethodGet && r.URL.Path == "/api/definitions":
		return fmt.Sprintf("you are %s: to see the definitions needs the role edit", who.described())
	}
	return fmt.Sprintf("you are %s, and may look, but change nothing: that needs the role edit", who.described())
}

// inScope reports whether a request is for what a share link of a scope is for: what is added
// later is not, until it is named here.
func (s *Server) inScope(c scope, r *http.Request) bool {
	switch r.URL.Path {
	case "/", "/ws", "/api/first", "/api/marks", "/api/who":
		return true
	}
	if isFile(r.URL.Path) {
		return true
	}
	name, ofStat := strings.CutPrefix(r.URL.Path, "/api/stats/")
	return ofStat && slices.Contains(c.stats(s.config.Definitions), name)
}
