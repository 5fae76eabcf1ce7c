package web

import (
	"context"
	"fmt"
	"net"
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

// secure reports whether a reader's browser sent a request by HTTPS, to here or to
// a proxy. Each of several proxies may add to what it was told, so that the first
// word is that of the one which the browser spoke to.
func secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); proto != "" {
		first, _, _ := strings.Cut(proto, ",")
		return strings.EqualFold(strings.TrimSpace(first), "https")
	}
	first, _, _ := strings.Cut(r.Header.Get("Forwarded"), ",") // RFC 7239
	for pair := range strings.SplitSeq(first, ";") {
		if name, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(name, "proto") {
			return strings.EqualFold(strings.Trim(value, `"`), "https")
		}
	}
	return false
}

// foreignHost reports whether a request names a host that a page on loopback, or one without a
// login, does not have. Any site can let its name point to 127.0.0.1, or to a machine in its
// reader's network, and a browser would then hand the answers to that site's scripts (DNS
// rebinding). docs/decisions/2026-11-28-names-of-an-open-page.md says why so.
func (s *Server) foreignHost(r *http.Request) bool {
	if s.config.CanonicalHost != "" || !s.onLoopback && !s.access.open() || slices.Contains(s.config.Hosts, AnyValue) {
		return false
	}
	host, port := r.Host, ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	known := append([]string{"localhost"}, s.config.Hosts...)
	if s.config.URL != nil {
		known = append(known, s.config.URL.Hostname())
	}
	if slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, host) }) {
		return false
	}
	ip := net.ParseIP(host)
	if s.onLoopback {
		return ip == nil || !ip.IsLoopback()
	}
	// No site has an address, or a name without a dot, for a name.
	if ip != nil || !strings.Contains(host, ".") || strings.EqualFold(host, s.machine) || strings.EqualFold(host, s.machine+".local") {
		return false
	}
	if len(known) > 1 {
		return true
	}
	// A proxy is asked at a port of its own, and passes on the name that browsers know it by.
	if port == "" {
		port = "80"
		if s.access.certFile != "" {
			port = "443"
		}
	}
	return port == s.port
}

// address is that of the page, as the one who asks reaches it.
func (s *Server) address(r *http.Request) url.URL {
	switch {
	case s.config.URL != nil:
		return *s.config.URL
	case secure(r):
		return url.URL{Scheme: "https", Host: r.Host}
	}
	return url.URL{Scheme: "http", Host: r.Host}
}

// embeds reports whether a request is for the page in a frame, which some sites may show.
func (s *Server) embeds(r *http.Request) bool {
	return len(s.config.EmbedFrom) > 0 && r.URL.Path == "/" && r.URL.Query().Get(embedParameter) == "true"
}

// guard puts before next what holds for every request: security headers, the
// redirects to HTTPS and to the canonical host, and whom it is from. Health
// checks need none of these, since a load balancer makes them inside.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		if s.embeds(r) {
			h.Set("Content-Security-Policy", strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors "+strings.Join(s.config.EmbedFrom, " "), 1))
		} else {
			h.Set("X-Frame-Options", "DENY")
		}
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		s.access.look(time.Now())
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}

		if s.foreignHost(r) {
			told := "this page has no login, and %.80q is not among its names: if it is one, start Pulse with --http-url, or with a login"
			if s.onLoopback {
				told = "this page is served as localhost, not as %.80q: if a proxy on this machine serves it by that name, start Pulse with --http-url"
			}
			http.Error(w, fmt.Sprintf(told, r.Host), http.StatusMisdirectedRequest)
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
		now := time.Now()
		by := s.access.tried(r)
		if by != "" && !sure(r) && s.slowDown(w, r, by, now) {
			return
		}
		who, known := s.access.who(r, now)
		switch {
		case known:
			s.access.guesses.knew(visitor(r), now)
		case sure(r):
			s.refused(r, by)
		case by != "": // who has a login or a share link, too, may guess
			s.guessedWrong(r, by, now)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, who)))
	})
}

// mayOpen refuses sockets, and changes, that a page of another site asks for in
// a reader's browser, unless the site is listed. A request without an origin is not a
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
