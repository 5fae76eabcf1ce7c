package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxShare       = 30 * 24 * time.Hour // a share link ends at the latest
	defaultShare   = 24 * time.Hour
	shareParameter = "share" // of the URL that is shared
	embedParameter = "embed" // of the URL of a page in a frame
	shareCookie    = "pulse-share"
)

// sign makes the token of a share link that ends at a Unix second: the second, what it is
// for, if that is not all, and the HMAC-SHA256 of both, with dots between.
func (a *Access) sign(end int64, c scope) string {
	token := strconv.FormatInt(end, 10) + "."
	if c != "" {
		token += base64.RawURLEncoding.EncodeToString([]byte(c)) + "."
	}
	return token + base64.RawURLEncoding.EncodeToString(a.shareMAC(end, c))
}

func (a *Access) shareMAC(end int64, c scope) []byte {
	m := hmac.New(sha256.New, a.shareKey)
	fmt.Fprintf(m, "pulse share link until %d", end)
	if c != "" {
		fmt.Fprintf(m, " of %q", string(c))
	}
	return m.Sum(nil)
}

// verify gives the end of a share link's token and what it is for, if it is genuine and not
// over.
func (a *Access) verify(token string, now time.Time) (until time.Time, c scope, ok bool) {
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
	if err != nil || !hmac.Equal(sum, a.shareMAC(end, c)) {
		return time.Time{}, "", false
	}
	return time.Unix(end, 0), c, now.Unix() < end
}

// enterByShare puts the token of a share link into a cookie, out of sight of the
// address bar and of what is copied from it, and goes to the page.
func (s *Server) enterByShare(w http.ResponseWriter, r *http.Request, token string) {
	end, _, ok := s.access.verify(token, time.Now())
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "this share link has expired or is not valid: ask for a new one")
		return
	}
	cookie := cookie(r, shareCookie, token, "/", end) // #nosec G124 -- as cookie says
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
	to := s.address(r)
	to.Path, to.RawQuery = "/", query.Encode()
	jsonHeader(w)
	json.NewEncoder(w).Encode(struct { //nolint:errcheck // the client is gone
		URL   string    `json:"url"`
		Until time.Time `json:"until"`
	}{to.String(), time.Unix(end, 0).UTC()})
}
