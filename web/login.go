package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

//go:embed login.html
var loginText string

var loginTemplate = template.Must(template.New("login").Parse(loginText))

// maxLoginBody is how many bytes a login form has at most.
const maxLoginBody = 16 << 10

// askLogin answers a request of somebody who has not logged in: a browser that wants a page is
// led to the form.
func (s *Server) askLogin(w http.ResponseWriter, r *http.Request) {
	a := s.access
	if a.form() && navigates(r) && !s.embeds(r) {
		to := url.URL{Path: "/login"}
		if r.URL.RequestURI() != "/" {
			to.RawQuery = url.Values{"to": {r.URL.RequestURI()}}.Encode()
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", a.challenge())
	var ways []string
	if a.basic {
		ways = append(ways, "a user and a password")
	}
	if a.hasTokens() {
		ways = append(ways, "a token")
	}
	if a.provider != nil {
		ways = append(ways, "a login at "+a.provider.title())
	}
	if a.shares() {
		ways = append(ways, "a share link that has not expired")
	}
	told := "this dashboard needs " + strings.Join(ways, " or ")
	if a.form() {
		told += ": browsers log in at /login"
	}
	if a.hasTokens() {
		told += ", programs send Authorization: Bearer TOKEN"
	}
	http.Error(w, told, http.StatusUnauthorized)
}

// navigates reports whether a browser asks for a page to show, and has no password or token of
// its own that was wrong.
func navigates(r *http.Request) bool { return r.Header.Get("Authorization") == "" && wantsPage(r) }

// wantsPage reports whether a browser asks for a page to show.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// here is where a login leads: a path of this server, or the page.
func here(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(u.Path, "/login") {
		return "/"
	}
	return u.String()
}

// fromHere reports whether a request is not by a page of another site.
func fromHere(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	_, host, _ := strings.Cut(origin, "://")
	return origin == "" || strings.EqualFold(host, r.Host)
}

// loginForm shows the login page.
func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) {
	s.showLogin(w, r, http.StatusOK, "", r.URL.Query().Get("to"))
}

// A loginPage is what login.html shows: the form, or a notice with a link to it.
type loginPage struct {
	Told, Provider, To, Lasts     string
	Token, Password, Notice, Form bool
}

func (p loginPage) write(w http.ResponseWriter, code int) {
	var text bytes.Buffer
	if err := loginTemplate.Execute(&text, p); err != nil {
		panic(err) // a buffer takes all
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	w.Write(text.Bytes()) //nolint:errcheck // the client is gone
}

// refuse answers what is refused with a sentence: a browser gets a page of it, a program text.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, code int, told string) {
	if !wantsPage(r) {
		http.Error(w, told, code)
		return
	}
	// In a frame of another site there is no form.
	form := code == http.StatusForbidden && !s.access.open() && !s.embeds(r)
	loginPage{Told: sentence(told), To: here(r.URL.Path), Notice: true, Form: form}.write(w, code)
}

// sentence makes what programs are told a sentence for people.
func sentence(told string) string { return strings.ToUpper(told[:1]) + told[1:] + "." }

// showLogin shows the login page with what is to be told.
func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, code int, told, to string) {
	a := s.access
	if a.open() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(policy, "form-action 'none'", "form-action 'self'", 1))
	h.Set("Referrer-Policy", "same-origin") // without it the form would have no origin
	if code == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="Pulse"`)
	}
	loginPage{Told: told, Provider: a.provider.title(), To: here(to), Lasts: lasting(a.session), Token: a.hasTokens(), Password: a.basic}.write(w, code)
}

// lasting is a duration in words.
func lasting(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := d / u.of; d%u.of == 0 && n > 1 {
			return fmt.Sprintf("%d %ss", n, u.name)
		} else if d%u.of == 0 && n == 1 {
			return "1 " + u.name
		}
	}
	return d.String()
}

// logIn takes the login form: a token, or a user and a password.
func (s *Server) logIn(w http.ResponseWriter, r *http.Request) {
	a, now := s.access, time.Now()
	if !fromHere(r) {
		http.Error(w, "log in from this page, not from one of another site", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "this is not the login form: "+err.Error(), http.StatusBadRequest)
		return
	}
	to := here(r.PostForm.Get("to"))
	token := strings.TrimSpace(r.PostForm.Get("token"))
	key := a.ofToken(token)
	told := "This token is not known here: it may have been taken away, or a part of it is missing."
	if user := r.PostForm.Get("user"); user != "" {
		key, told = a.ofPassword(user, r.PostForm.Get("password")), "This user and password are not known here."
	}
	sure := len(token) >= sureSecret && r.PostForm.Get("user") == ""
	if !sure && s.slowDown(w, r, byForm, now) {
		return
	}
	g, ok := a.has(key)
	if !ok {
		if sure {
			s.refused(r, byForm)
		} else {
			s.guessedWrong(r, byForm, now)
		}
		s.showLogin(w, r, http.StatusUnauthorized, told, to)
		return
	}
	s.enter(w, r, identity{role: g.role, name: g.name, grant: key}, to, now)
}

// enter begins a login.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, who identity, to string, now time.Time) {
	s.access.guesses.knew(visitor(r), now)
	value, until := s.access.issue(who, now)
	http.SetCookie(w, cookie(r, sessionCookie, value, "/", until))
	w.Header().Set("Cache-Control", "no-store")
	s.config.Logger.Info("somebody logged in", "who", who.name, "role", who.role, "from", visitor(r))
	http.Redirect(w, r, to, http.StatusSeeOther) // #nosec G710 -- here has looked at it
}

// logOut ends the login of a browser, and its connections.
func (s *Server) logOut(w http.ResponseWriter, r *http.Request) {
	if !fromHere(r) {
		http.Error(w, "log out from this page, not from one of another site", http.StatusForbidden)
		return
	}
	if who := whoIs(r.Context()); who.session != "" {
		if !s.access.end(who.session, who.until, time.Now()) {
			http.SetCookie(w, forget(r, sessionCookie, "/"))
			http.Error(w, "this browser has no login any longer, but too many have logged out for this server to end the login itself: who has a copy of the cookie is in until "+who.until.UTC().Format(time.RFC3339), http.StatusServiceUnavailable)
			return
		}
		s.config.Logger.Info("somebody logged out", "who", who.name, "from", visitor(r))
	}
	http.SetCookie(w, forget(r, sessionCookie, "/"))
	w.WriteHeader(http.StatusNoContent)
}

// me answers with who asks, and what they may do.
func (s *Server) me(w http.ResponseWriter, r *http.Request) {
	who := whoIs(r.Context())
	answer := struct {
		Name    string     `json:"name,omitempty"`
		Role    string     `json:"role"`
		Until   *time.Time `json:"until,omitempty"`
		Session bool       `json:"session"`
	}{Name: who.name, Role: who.role.String(), Session: who.session != ""}
	if !who.until.IsZero() {
		until := who.until.UTC()
		answer.Until = &until
	}
	jsonHeader(w)
	json.NewEncoder(w).Encode(answer) //nolint:errcheck // the client is gone
}

// guessesBy are those that count for a way to log in. Codes of a provider and passwords do not
// wait for each other.
func (a *Access) guessesBy(by string) *guesses {
	if by == byOIDC {
		return a.codes
	}
	return a.guesses
}

// slowDown answers somebody who has guessed wrong too often, and reports whether it has.
func (s *Server) slowDown(w http.ResponseWriter, r *http.Request, by string, now time.Time) bool {
	wait := s.access.guessesBy(by).wait(visitor(r), now)
	if wait <= 0 {
		return false
	}
	s.access.slowed.Inc()
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	told := fmt.Sprintf("too many wrong passwords or tokens came from this address: try again in %d s", seconds)
	if by == byForm {
		s.showLogin(w, r, http.StatusTooManyRequests, sentence(told), r.PostForm.Get("to"))
	} else {
		s.refuse(w, r, http.StatusTooManyRequests, told)
	}
	return true
}

// guessedWrong counts a login that was refused, and may have been a guess.
func (s *Server) guessedWrong(r *http.Request, by string, now time.Time) {
	s.access.guessesBy(by).add(visitor(r), now)
	s.refused(r, by)
}

// refused counts and logs a login that was refused.
func (s *Server) refused(r *http.Request, by string) {
	s.access.wrong.WithLabelValues(by).Inc()
	told := "a wrong password or token was refused"
	if by == byOIDC {
		told = "a login by OIDC was refused"
	}
	s.refusals.Warn(told, "by", by, "from", visitor(r), "path", fmt.Sprintf("%.80s", r.URL.Path))
}
