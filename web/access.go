package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	minSecret      = 16                  // bytes of a token, and of the key of share links
	maxShare       = 30 * 24 * time.Hour // a share link ends at the latest
	defaultShare   = 24 * time.Hour
	shareParameter = "share" // of the URL that is shared
	embedParameter = "embed" // of the URL of a page in a frame
	shareCookie    = "pulse-share"
)

// access says who may come in: who has the user and password, one of the tokens,
// or a share link that has not ended. If there are no user and no tokens
// everybody may.
type access struct {
	login  *login
	tokens [][sha256.Size]byte
	key    []byte // of share links; nil: there are none
}

// login is a user and password, as hashes of one length so that comparing them
// takes the same time whatever was tried.
type login struct{ user, password [sha256.Size]byte }

// newAccess reads what a Config says.
func newAccess(c Config) (*access, error) {
	a := &access{}
	if c.Auth != "" {
		user, password, ok := strings.Cut(c.Auth, ":")
		if !ok || user == "" || password == "" {
			return nil, errors.New("WEB_AUTH must be user:password, both not empty")
		}
		a.login = &login{sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))}
	}
	for i, token := range c.Tokens {
		if len(token) < minSecret {
			return nil, fmt.Errorf("token %d has %d bytes, at least %d are needed; make one with `openssl rand -hex 16`", i+1, len(token), minSecret)
		}
		a.tokens = append(a.tokens, sha256.Sum256([]byte(token)))
	}
	if c.ShareKey != "" {
		if len(c.ShareKey) < minSecret {
			return nil, fmt.Errorf("the key of share links has %d bytes, at least %d are needed; make one with `openssl rand -hex 16`", len(c.ShareKey), minSecret)
		}
		a.key = []byte(c.ShareKey)
	}
	return a, nil
}

// open reports whether everybody may come in.
func (a *access) open() bool { return a.login == nil && a.tokens == nil }

// shares reports whether share links can be made and are taken.
func (a *access) shares() bool { return a.key != nil && !a.open() }

// challenge tells a browser what to ask for.
func (a *access) challenge() string {
	if a.login == nil {
		return `Bearer realm="Pulse"`
	}
	return `Basic realm="Pulse", charset="UTF-8"`
}

// admit reports whether a request may go on; what it gives back knows the end of
// the share link by which it came.
func (a *access) admit(r *http.Request, now time.Time) (*http.Request, bool) {
	if a.open() || a.knows(r) {
		return r, true
	}
	if cookie, err := r.Cookie(shareCookie); err == nil {
		if end, c, ok := a.verify(cookie.Value, now); ok {
			ctx := context.WithValue(r.Context(), shareEndKey{}, end)
			return r.WithContext(context.WithValue(ctx, scopeKey{}, c)), true
		}
	}
	return r, false
}

// knows reports whether a request has the user and password or a token.
func (a *access) knows(r *http.Request) bool { return a.name(r) != "" }

// name says who a request is from, for the log: the user, or which token it has; "": neither.
// All of them are compared, so that the time says nothing.
func (a *access) name(r *http.Request) (who string) {
	if user, password, ok := r.BasicAuth(); ok && a.login != nil {
		u, p := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
		if subtle.ConstantTimeCompare(u[:], a.login.user[:])&subtle.ConstantTimeCompare(p[:], a.login.password[:]) == 1 {
			who = "user " + user
		}
	}
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		sum := sha256.Sum256([]byte(token))
		for i, t := range a.tokens {
			if subtle.ConstantTimeCompare(sum[:], t[:]) == 1 {
				who = fmt.Sprint("token ", i+1)
			}
		}
	}
	return who
}

// sign makes the token of a share link that ends at a Unix second: the second, what it is
// for, if that is not all, and the HMAC-SHA256 of both, with dots between.
func (a *access) sign(end int64, c scope) string {
	token := strconv.FormatInt(end, 10) + "."
	if c != "" {
		token += base64.RawURLEncoding.EncodeToString([]byte(c)) + "."
	}
	return token + base64.RawURLEncoding.EncodeToString(a.mac(end, c))
}

func (a *access) mac(end int64, c scope) []byte {
	m := hmac.New(sha256.New, a.key)
	fmt.Fprintf(m, "pulse share link until %d", end)
	if c != "" {
		fmt.Fprintf(m, " of %q", string(c))
	}
	return m.Sum(nil)
}

// verify gives the end of a share link's token and what it is for, if it is genuine and not
// over.
func (a *access) verify(token string, now time.Time) (until time.Time, c scope, ok bool) {
	if !a.shares() {
		return time.Time{}, "", false
	}
	second, signature, _ := strings.Cut(token, ".")
	end, err := strconv.ParseInt(second, 10, 64)
	if err != nil || strconv.FormatInt(end, 10) != second || end > now.Add(maxShare).Unix() {
		return time.Time{}, "", false
	}
	if text, rest, some := strings.Cut(signature, "."); some {
		of, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(of) == 0 {
			return time.Time{}, "", false
		}
		c, signature = scope(of), rest
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !hmac.Equal(sum, a.mac(end, c)) {
		return time.Time{}, "", false
	}
	return time.Unix(end, 0), c, now.Unix() < end
}

// shareEndKey is where a request's context has the end of its share link.
type shareEndKey struct{}

// shareEnd gives the end of the share link by which a request came in, if it did.
func shareEnd(ctx context.Context) (time.Time, bool) {
	end, ok := ctx.Value(shareEndKey{}).(time.Time)
	return end, ok
}

// enterByShare puts the token of a share link into a cookie, out of sight of the
// address bar and of what is copied from it, and goes to the page.
func (s *Server) enterByShare(w http.ResponseWriter, r *http.Request, token string) {
	end, _, ok := s.access.verify(token, time.Now())
	if !ok {
		http.Error(w, "this share link has expired or is not valid: ask for a new one", http.StatusForbidden)
		return
	}
	cookie := &http.Cookie{ // #nosec G124 -- secure where the browser used HTTPS
		Name: shareCookie, Value: token, Path: "/", Expires: end,
		HttpOnly: true, Secure: secure(r), SameSite: http.SameSiteLaxMode,
	}
	query := r.URL.Query()
	if s.embeds(r) {
		// In a frame of another site's page: the cookie is for frames in that site alone.
		cookie.Secure, cookie.SameSite, cookie.Partitioned = true, http.SameSiteNoneMode, true
	}
	http.SetCookie(w, cookie)
	query.Del(shareParameter)
	to := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: query.Encode()} // not //host
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// share answers with a new share link, that ends after ?for=, a duration.
func (s *Server) share(w http.ResponseWriter, r *http.Request) {
	if !s.access.shares() {
		http.Error(w, "share links are off: they need a login or tokens, and a key", http.StatusNotFound)
		return
	}
	if _, shared := shareEnd(r.Context()); shared || !s.mayOpen(r) {
		http.Error(w, "a share link cannot make other share links: log in", http.StatusForbidden)
		return
	}
	lasts := defaultShare
	if text := r.URL.Query().Get("for"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil || lasts < time.Minute || lasts > maxShare {
			http.Error(w, fmt.Sprintf("%.40[2]q is not a valid value of for: write a duration from 1m to %[1]dh", maxShare/time.Hour, text), http.StatusBadRequest)
			return
		}
	}
	c, err := s.scopeOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	end := time.Now().Add(lasts).Unix()
	query := url.Values{shareParameter: {s.access.sign(end, c)}}
	if r.URL.Query().Get(embedParameter) == "true" {
		if len(s.config.EmbedFrom) == 0 {
			http.Error(w, "no site may show this page in a frame: start Pulse with --embed-from", http.StatusBadRequest)
			return
		}
		query.Set(embedParameter, "true")
	}
	to := url.URL{Scheme: "http", Host: r.Host, Path: "/", RawQuery: query.Encode()}
	if secure(r) {
		to.Scheme = "https"
	}
	jsonHeader(w)
	json.NewEncoder(w).Encode(struct { //nolint:errcheck // the client is gone
		URL   string    `json:"url"`
		Until time.Time `json:"until"`
	}{to.String(), time.Unix(end, 0).UTC()})
}
