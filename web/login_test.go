package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"pulse/cmd/dev/testkit"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// logInWith posts the login form and gives the answer, with the cookie that it sets.
func logInWith(t testing.TB, s *Server, form url.Values, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	answer, _ := do(t, s, http.MethodPost, "/login", saying(form.Encode(), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if change != nil {
			change(r)
		}
	}))
	for _, c := range answer.Cookies() {
		if c.Name == sessionCookie {
			return answer, c.Value
		}
	}
	return answer, ""
}

func withSession(value string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: value}) } // #nosec G124 -- a client's
}

// A browser is led to the form, and back to where it was.
func TestLogin(t *testing.T) {
	s := idle(t, func(c *Config) {
		c.Access = letIn(t, AccessConfig{TokenFile: tokenFile(t, "lines ann "+tokenOf("a")), Auth: "eve:secret", Session: time.Hour})
	})
	browser := func(r *http.Request) { r.Header.Set("Accept", "text/html,*/*;q=0.8") }
	for path, want := range map[string]string{"/": "/login", "/?kiosk": "/login?to=%2F%3Fkiosk", "/incident/x?at=1": "/login?to=%2Fincident%2Fx%3Fat%3D1"} {
		if answer, _ := get(t, s, path, browser); answer.StatusCode != 303 || answer.Header.Get("Location") != want {
			t.Errorf("%s leads to %d %q, want %q", path, answer.StatusCode, answer.Header.Get("Location"), want)
		}
	}
	for _, c := range []struct {
		path string
		as   func(*http.Request)
	}{
		{"/api/stats", nil},
		{"/api/stats", func(r *http.Request) { browser(r); r.Header.Set("Sec-Fetch-Mode", "cors") }},
		{"/", func(r *http.Request) { browser(r); r.SetBasicAuth("eve", "wrong") }},
	} {
		answer, body := get(t, s, c.path, c.as)
		if answer.StatusCode != 401 || !strings.Contains(body, "browsers log in at /login, programs send Authorization: Bearer TOKEN") || strings.Contains(answer.Header.Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: %d %q, asking for %s", c.path, answer.StatusCode, body, answer.Header.Get("WWW-Authenticate"))
		}
	}
	answer, page := get(t, s, "/login?to="+url.QueryEscape(`/?x="><script>`), browser)
	if answer.StatusCode != 200 || strings.Contains(page, "<script>") || !strings.Contains(page, `name="token"`) || !strings.Contains(page, `name="password"`) || !strings.Contains(page, "A login lasts 1 hour.") {
		t.Errorf("the form: %d %s", answer.StatusCode, page)
	}
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the form's policy is %q", policy)
	}
	for _, f := range []string{"/login.js", "/style.css", "/theme.js", "/icon.svg"} {
		if answer, _ := get(t, s, f, nil); answer.StatusCode != 200 {
			t.Errorf("%s of the form: %d", f, answer.StatusCode)
		}
	}

	for _, c := range []struct {
		form url.Values
		as   func(*http.Request)
		code int
		to   string
	}{
		{url.Values{"token": {tokenOf("a")}}, nil, 303, "/"},
		{url.Values{"token": {" " + tokenOf("a") + "\r\n"}, "to": {"/?kiosk#/stat/a"}}, nil, 303, "/?kiosk#/stat/a"},
		{url.Values{"user": {"eve"}, "password": {"secret"}, "to": {"//evil.example"}}, nil, 303, "/"},
		{url.Values{"token": {tokenOf("a")}, "to": {`/\evil.example`}}, nil, 303, "/"},
		{url.Values{"token": {tokenOf("a")}, "to": {"https://evil.example/"}}, nil, 303, "/"},
		{url.Values{"token": {tokenOf("a")}, "to": {"/login?to=/login"}}, nil, 303, "/"},
		{url.Values{"token": {tokenOf("b")}}, nil, 401, ""},
		{url.Values{"token": {""}}, nil, 401, ""},
		{url.Values{}, nil, 401, ""},
		{url.Values{"user": {"eve"}, "password": {tokenOf("a")}}, nil, 401, ""},
		{url.Values{"user": {"eve"}}, nil, 401, ""},
		{url.Values{"token": {tokenOf("a")}}, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, ""},
		{url.Values{"token": {tokenOf("a")}}, func(r *http.Request) { r.Header.Set("Origin", "null") }, 403, ""},
		{url.Values{"token": {strings.Repeat("x", maxLoginBody)}}, nil, 400, ""},
	} {
		answer, cookie := logInWith(t, s, c.form, c.as)
		if answer.StatusCode != c.code || answer.Header.Get("Location") != c.to || (cookie != "") != (c.code == 303) {
			t.Errorf("%.80v: %d to %q, a cookie: %t; want %d to %q", c.form, answer.StatusCode, answer.Header.Get("Location"), cookie != "", c.code, c.to)
		}
	}

	answer, value := logInWith(t, s, url.Values{"token": {tokenOf("a")}}, func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") })
	cookie := answer.Cookies()[0]
	if lasts := time.Until(cookie.Expires); !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || lasts > time.Hour || lasts < 58*time.Minute {
		t.Errorf("the cookie is %v", cookie)
	}
	if strings.Contains(value, tokenOf("a")) {
		t.Error("the cookie has the token")
	}
	if answer, body := get(t, s, "/api/who", withSession(value)); answer.StatusCode != 200 || !strings.Contains(body, `{"name":"token ann","role":"lines","until":"`) || !strings.Contains(body, `"session":true`) {
		t.Errorf("who it is: %d %s", answer.StatusCode, body)
	}
	for what, forged := range map[string]string{"nothing": "", "another login": value[:10] + "x" + value[11:], "no signature": strings.SplitAfter(value, ".")[0], "more": value + "A"} {
		if answer, _ := get(t, s, "/api/stats", withSession(forged)); answer.StatusCode != 401 {
			t.Errorf("a forged cookie (%s): %d", what, answer.StatusCode)
		}
	}
	// The same key has another server, or another process, know the login; another one does not.
	first := letIn(t, AccessConfig{Tokens: []string{testToken}, ShareKey: testKey})
	again := letIn(t, AccessConfig{Tokens: []string{testToken}, ShareKey: testKey})
	other := letIn(t, AccessConfig{Tokens: []string{testToken}, ShareKey: testKey + "x"})
	value, _ = first.issue(identity{grant: first.ofToken(testToken)}, time.Now())
	for a, want := range map[*Access]bool{first: true, again: true, other: false} {
		if who, ok := a.loggedIn(value, time.Now()); ok != want || ok && who.role != Edit {
			t.Errorf("a login at another server: %t, want %t", ok, want)
		}
	}
	if _, ok := first.loggedIn(value, time.Now().Add(DefaultSession)); ok {
		t.Error("a login goes on after its end")
	}
	// With a user and a password alone browsers ask by themselves.
	alone := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{Auth: "eve:secret"}) })
	if answer, _ := get(t, alone, "/", browser); answer.StatusCode != 401 || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic") {
		t.Errorf("with a password alone: %d", answer.StatusCode)
	}
	if answer, _ := get(t, idle(t, nil), "/login", browser); answer.StatusCode != 303 {
		t.Errorf("the form where everybody may come in: %d", answer.StatusCode)
	}
}

// Who is logged out, or whose token is taken away or gets another role, loses what is open at
// once; others keep it.
func TestOpenConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := "read ann " + tokenOf("a") + "\nlines eve " + tokenOf("e") + "\n"
		file := tokenFile(t, text)
		s := inMemory(t, func(c *Config) { c.Access = letIn(t, AccessConfig{TokenFile: file, Session: time.Minute}) })
		_, ann := logInWith(t, s, url.Values{"token": {tokenOf("a")}}, nil)
		_, twice := logInWith(t, s, url.Values{"token": {tokenOf("a")}}, nil)
		connect := func(h http.Header) *websocket.Conn {
			t.Helper()
			conn, _, err := open(s, "/ws", h)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			welcome(t, conn)
			return conn
		}
		byCookie := func(value string) http.Header { return http.Header{"Cookie": {sessionCookie + "=" + value}} }
		bySession, bySecond := connect(byCookie(ann)), connect(byCookie(twice))
		byToken := connect(http.Header{"Authorization": {"Bearer " + tokenOf("a")}})
		other := connect(http.Header{"Authorization": {"Bearer " + tokenOf("e")}})
		closed := func(conn *websocket.Conn) {
			t.Helper()
			begun := time.Now()
			if err := untilClosed(t, conn); !websocket.IsCloseError(err, websocket.CloseGoingAway) || time.Since(begun) > 0 {
				t.Errorf("after %v: %v", time.Since(begun), err)
			}
		}
		if answer, _ := do(t, s, "POST", "/logout", withSession(ann)); answer.StatusCode != 204 || answer.Cookies()[0].MaxAge >= 0 {
			t.Errorf("logging out: %d %v", answer.StatusCode, answer.Cookies())
		}
		closed(bySession)
		if answer, _ := get(t, s, "/api/stats", withSession(ann)); answer.StatusCode != 401 {
			t.Errorf("after logging out the cookie gets %d", answer.StatusCode)
		}
		if answer, _ := do(t, s, "POST", "/logout", func(r *http.Request) { withSession(twice)(r); r.Header.Set("Origin", "https://evil.example") }); answer.StatusCode != 403 {
			t.Errorf("another site logs somebody out: %d", answer.StatusCode)
		}

		// Another role: the page connects again, in the new one.
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(strings.Replace(text, "read ann", "lines ann", 1))
		if err := s.access.Reload(); err != nil {
			t.Fatal(err)
		}
		closed(bySecond)
		closed(byToken)
		if _, body := get(t, s, "/api/who", withSession(twice)); !strings.Contains(body, `"role":"lines"`) {
			t.Errorf("the login of a token that has another role: %s", body)
		}
		bySecond, byToken = connect(byCookie(twice)), connect(http.Header{"Authorization": {"Bearer " + tokenOf("a")}})
		// Taken away.
		write("lines eve " + tokenOf("e"))
		if err := s.access.Reload(); err != nil {
			t.Fatal(err)
		}
		closed(bySecond)
		closed(byToken)
		for name, as := range map[string]func(*http.Request){"token": withToken(tokenOf("a")), "login": withSession(twice)} {
			if answer, _ := get(t, s, "/api/stats", as); answer.StatusCode != 401 {
				t.Errorf("the %s that was taken away gets %d", name, answer.StatusCode)
			}
		}
		put(s.store, point("a", 1000, "1"))
		untilPoint(t, other, 0, 1000, "1")
		// A login ends by itself.
		_, eve := logInWith(t, s, url.Values{"token": {tokenOf("e")}}, nil)
		time.Sleep(30 * time.Second)
		conn, begun := connect(byCookie(eve)), time.Now()
		if err := untilClosed(t, conn); !websocket.IsCloseError(err, websocket.CloseGoingAway) || time.Since(begun) > 30*time.Second {
			t.Errorf("after %v the socket of a login that is over: %v", time.Since(begun), err)
		}
		s.access.mu.Lock()
		held := len(s.access.held)
		s.access.mu.Unlock()
		if held > 1 {
			t.Errorf("%d connections are still remembered, of one", held)
		}
	})
}

// Each way to guess is slowed down, counted and told, and nothing that was guessed is.
func TestGuessesAreCounted(t *testing.T) {
	var log testkit.Transcript
	s := idle(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.Access = letIn(t, AccessConfig{Auth: "eve:secret", TokenFile: tokenFile(t, "lines ann "+tokenOf("a"))})
	})
	const guess = "guess-0123456789"
	for by, try := range map[string]func(from string) int{
		"token": func(from string) int {
			answer, _ := get(t, s, "/api/stats", func(r *http.Request) { withToken(guess)(r); r.RemoteAddr = from })
			return answer.StatusCode
		},
		"password": func(from string) int {
			answer, _ := get(t, s, "/api/stats", func(r *http.Request) { r.SetBasicAuth("eve", guess); r.RemoteAddr = from })
			return answer.StatusCode
		},
		"form": func(from string) int {
			answer, _ := logInWith(t, s, url.Values{"token": {guess}}, func(r *http.Request) { r.RemoteAddr = from })
			return answer.StatusCode
		},
	} {
		codes := map[int]int{}
		for range 2 * freeGuesses {
			codes[try(fmt.Sprintf("192.0.2.%d:4000", by[0]))]++
		}
		if codes[401] < freeGuesses || codes[429] < freeGuesses-1 || codes[401]+codes[429] != 2*freeGuesses {
			t.Errorf("guesses by %s were answered by %v", by, codes)
		}
		_, told := get(t, s, "/metrics", withToken(tokenOf("a")))
		if want := fmt.Sprintf("pulse_web_wrong_logins_total{by=%q} %d\n", by, codes[401]); !strings.Contains(told, want) || strings.Contains(told, "pulse_web_slowed_logins_total 0\n") {
			t.Errorf("/metrics does not say %s", want)
		}
		if strings.Contains(told, guess) || strings.Contains(told, tokenOf("a")) {
			t.Error("/metrics has what was guessed, or a token")
		}
	}
	if answer, _ := logInWith(t, s, url.Values{"token": {tokenOf("a")}}, nil); answer.StatusCode != 303 {
		t.Errorf("who knows a token got %d", answer.StatusCode)
	}
	if told := log.String(); !strings.Contains(told, "a wrong password or token was refused") || !strings.Contains(told, `who="token ann"`) || strings.Contains(told, guess) || strings.Contains(told, tokenOf("a")) {
		t.Errorf("the log says %s", told)
	}
}

// Logins that are ended are bounded. One more is not said to be ended.
func TestTooManyLoggedOut(t *testing.T) {
	s := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{Tokens: []string{testToken}}) })
	answer, _ := logInWith(t, s, url.Values{"token": {testToken}}, nil)
	has := withSession(sessionOf(answer))
	now := time.Now()
	for i := range maxEnded {
		s.access.ended[fmt.Sprint(i)] = now.Add(time.Hour)
	}
	answer, told := do(t, s, "POST", "/logout", has)
	if answer.StatusCode != 503 || !strings.Contains(told, "too many have logged out") || len(answer.Cookies()) != 1 || answer.Cookies()[0].MaxAge >= 0 {
		t.Errorf("a login that cannot be remembered as ended: %d %s %v", answer.StatusCode, told, answer.Cookies())
	}
	for i := range maxEnded {
		s.access.ended[fmt.Sprint(i)] = now
	}
	if answer, told := do(t, s, "POST", "/logout", has); answer.StatusCode != 204 {
		t.Errorf("when the others are over: %d %s", answer.StatusCode, told)
	}
}

// A browser that is refused gets a page, a program text.
func TestRefusalsAreReadable(t *testing.T) {
	s := idle(t, func(c *Config) {
		c.Access = letIn(t, AccessConfig{TokenFile: tokenFile(t, "read ann "+tokenOf("a")), ShareKey: testKey})
	})
	browser := func(r *http.Request) { r.Header.Set("Accept", "text/html,*/*;q=0.8") }
	ended := "/?share=" + s.access.sign(time.Now().Unix()-1, "")
	for path, also := range map[string]func(*http.Request){ended: nil, "/api/definitions": withToken(tokenOf("a")), "/api/lines": shared(s)} {
		for _, asks := range []bool{true, false} {
			answer, told := get(t, s, path, func(r *http.Request) {
				if asks {
					browser(r)
				}
				if also != nil {
					also(r)
				}
			})
			page := strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && strings.Contains(told, `href="/login?to=`)
			if answer.StatusCode != 403 || page != asks {
				t.Errorf("%.20s by a browser (%v): %d %s", path, asks, answer.StatusCode, told)
			}
		}
	}
	var answer *http.Response
	var told string
	for range freeGuesses + 1 {
		answer, told = do(t, s, "POST", "/login", saying(url.Values{"token": {"guess-0123456789"}, "to": {"/?kiosk"}}.Encode(), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}))
	}
	if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" || !strings.Contains(told, "try again in ") || !strings.Contains(told, `name="token"`) || !strings.Contains(told, `value="/?kiosk"`) {
		t.Errorf("a form that has to wait: %d %s", answer.StatusCode, told)
	}
}

// Who has not logged in is told of the ways that there are.
func TestWaysToLogIn(t *testing.T) {
	for told, c := range map[string]AccessConfig{
		"needs a user and a password\n":                                    {Auth: "a:b"},
		"needs a token: browsers log in at /login, programs send":          {Tokens: []string{testToken}},
		"needs a user and a password or a share link that has not expired": {Auth: "a:b", ShareKey: testKey},
	} {
		s := idle(t, func(config *Config) { config.Access = letIn(t, c) })
		if answer, body := get(t, s, "/api/stats", nil); answer.StatusCode != 401 || !strings.Contains(body, told) {
			t.Errorf("%d %s, want %q in it", answer.StatusCode, body, told)
		}
	}
	s := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{TokenFile: tokenFile(t, "read ann "+tokenOf("a"))}) })
	if answer, body := get(t, s, "/api/definitions", withToken(tokenOf("a"))); answer.StatusCode != 403 || !strings.Contains(body, "to see the definitions needs the role edit") {
		t.Errorf("the definitions: %d %s", answer.StatusCode, body)
	}
}
