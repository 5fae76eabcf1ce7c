package web

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"
)

// How long a login lasts.
const (
	DefaultSession = 12 * time.Hour
	minSession     = time.Minute
	maxSession     = 30 * 24 * time.Hour
)

const (
	sessionCookie = "pulse-login"
	maxEnded      = 10_000 // logins that are remembered as ended
)

// A session is a login of a browser, which keeps it in a cookie: signed, so that each server of a
// dashboard takes it, and so that none keeps any.
type session struct {
	ID    string `json:"id"`
	Until int64  `json:"until"`           // Unix time
	Grant []byte `json:"grant,omitempty"` // the digest of a token or a password: who had it taken away is out
	Name  string `json:"name,omitempty"`  // by OIDC
	Role  string `json:"role,omitempty"`
}

// issue makes a session, and its cookie's value.
func (a *Access) issue(who identity, now time.Time) (value string, until time.Time) {
	until = now.Add(a.session).Truncate(time.Second)
	s := session{ID: rand.Text(), Until: until.Unix()}
	if who.grant == (digest{}) {
		s.Name, s.Role = who.name, who.role.String()
	} else {
		s.Grant = who.grant[:]
	}
	return a.signed("login", s), until
}

// loggedIn is who has a session that is genuine and goes on.
func (a *Access) loggedIn(value string, now time.Time) (who identity, ok bool) {
	var s session
	if !a.genuine("login", value, &s) || now.Unix() >= s.Until {
		return identity{}, false
	}
	who = identity{session: s.ID, until: time.Unix(s.Until, 0)}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ended := a.ended[s.ID]; ended {
		return identity{}, false
	}
	if len(s.Grant) == len(who.grant) {
		who.grant = digest(s.Grant)
		g, ok := a.granted[who.grant]
		who.role, who.name = g.role, g.name
		return who, ok
	}
	role, err := ParseRole(s.Role)
	who.role, who.name = role, s.Name
	return who, err == nil && a.provider != nil
}

// signed is the text of a value, with a signature for a purpose. Of a provider with other settings
// it is another one: whoever has a role by the old ones logs in again.
func (a *Access) signed(purpose string, v any) string {
	text := base64.RawURLEncoding.EncodeToString(mustJSON(v))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac(a.key, purpose, text, a.provider.settings()))
}

// genuine reads what signed has made.
func (a *Access) genuine(purpose, value string, to any) bool {
	text, signature, _ := strings.Cut(value, ".")
	sum, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !hmac.Equal(sum, mac(a.key, purpose, text, a.provider.settings())) {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(b, to) == nil
}

// end ends a login that would have gone on until then; it gives false if too many are ended to
// remember it.
func (a *Access) end(id string, until, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ended) >= maxEnded {
		maps.DeleteFunc(a.ended, func(_ string, until time.Time) bool { return now.After(until) })
		if len(a.ended) >= maxEnded {
			return false
		}
	}
	a.ended[id] = until
	a.dismiss()
	return true
}

// cookie is one of the server's own. A page of another site may lead to this one, but not ask it
// anything in its reader's name.
func cookie(r *http.Request, name, value, path string, until time.Time) *http.Cookie {
	return &http.Cookie{ // #nosec G124 -- secure where the browser used HTTPS
		Name: name, Value: value, Path: path, Expires: until, HttpOnly: true, Secure: secure(r), SameSite: http.SameSiteLaxMode,
	}
}

// forget is a cookie that takes away the one of its name.
func forget(r *http.Request, name, path string) *http.Cookie {
	c := cookie(r, name, "", path, time.Time{}) // #nosec G124 -- it has no value
	c.MaxAge = -1
	return c
}
