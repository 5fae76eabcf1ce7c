package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// policy lets the page have what this server sends and nothing else: no inline
// script or style, no other host, no frame around it, and no string that turns
// into markup. Its icon is data, of its own making.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// secure reports whether a request came by HTTPS, here or at a proxy.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// guard puts before next what holds for every request: security headers, the
// redirects to HTTPS and to the canonical host, and who may come in. Health
// checks need none of these, since a load balancer makes them inside.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}

		secure := secure(r)
		host := r.Host
		if s.config.CanonicalHost != "" {
			host = s.config.CanonicalHost
		}
		if s.config.ForceHTTPS && secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if s.config.ForceHTTPS && !secure || !strings.EqualFold(host, r.Host) {
			to := url.URL{Scheme: "http", Host: host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
			if secure || s.config.ForceHTTPS {
				to.Scheme = "https"
			}
			http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
			return
		}
		if token := r.URL.Query().Get(shareParameter); token != "" && s.access.shares() {
			s.enterByShare(w, r, token)
			return
		}
		r, ok := s.access.admit(r, time.Now())
		if !ok {
			h.Set("WWW-Authenticate", s.access.challenge())
			http.Error(w, "this dashboard needs a user and a password, a token, or a share link that has not ended", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayOpen refuses sockets, and changes, that a page of another site asks for in
// a reader's browser, unless the site is listed. A request without an origin is no
// browser's.
func (s *Server) mayOpen(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) ||
		slices.ContainsFunc(s.config.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
}
