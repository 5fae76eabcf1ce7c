package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// policy lets the page have what this server sends and nothing else: no inline
// script or style, no other host, no frame around it, and no string that turns
// into markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// login is a user and password, as hashes of one length so that comparing them
// takes the same time whatever was tried.
type login struct{ user, password [sha256.Size]byte }

// parseLogin reads user:password; of "" it is nil, which lets everybody in.
func parseLogin(s string) (*login, error) {
	if s == "" {
		return nil, nil
	}
	user, password, ok := strings.Cut(s, ":")
	if !ok || user == "" || password == "" {
		return nil, errors.New("WEB_AUTH must be user:password, both not empty")
	}
	return &login{sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))}, nil
}

func (l *login) admits(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	u, p := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(u[:], l.user[:])&subtle.ConstantTimeCompare(p[:], l.password[:]) == 1
}

// guard puts before next what holds for every request: security headers, the
// redirects to HTTPS and to the canonical host, and the login. Health checks
// need none of these, since a load balancer makes them inside.
func (s *Server) guard(l *login, next http.Handler) http.Handler {
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

		secure := r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
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
		if l != nil && !l.admits(r) {
			h.Set("WWW-Authenticate", `Basic realm="Pulse", charset="UTF-8"`)
			http.Error(w, "this dashboard needs a user and a password", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses sockets that a page of another site opens in a reader's
// browser. A request without an origin is no browser's.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
