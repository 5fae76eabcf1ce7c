package web

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/mark"
	"pulse/topics"
)

// link makes a share link, and gives its token and what else the URL has.
func link(t *testing.T, s *Server, query string) url.Values {
	t.Helper()
	answer, body := do(t, s, "POST", "/api/share?"+query, bearer)
	var made struct{ URL string }
	if err := json.Unmarshal([]byte(body), &made); err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s: %s", answer.Status, body)
	}
	u, err := url.Parse(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// A share link of one stat or page lets see that, and nothing else.
func TestScopes(t *testing.T) {
	log := newSynthetic(0)
	s := log.idle(t, func(c *Config) { c.Access = tokensAndLinks(t) })
	onPort(t, s)
	as := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: shareCookie, Value: token}) }
	}
	stat, page := link(t, s, "stat=stat-03").Get(shareParameter), link(t, s, "page=Edge").Get(shareParameter)
	for path, want := range map[string][3]int{ // by the links of all, of the stat, of the page
		"/":                       {200, 200, 200},
		"/style.css":              {200, 200, 200},
		"/first.js":               {200, 200, 200},
		"/api/stats/stat-03":      {200, 200, 200},
		"/api/stats/stat-04":      {200, 403, 200},
		"/api/stats/stat-09":      {200, 403, 403},
		"/api/marks":              {200, 200, 200},
		"/api/stats":              {200, 403, 403},
		"/api/usual":              {200, 403, 403},
		"/api/then?at=1000":       {200, 403, 403},
		"/metrics":                {200, 403, 403},
		"/api/openapi.yaml":       {200, 403, 403},
		"/api/lines?stat=stat-03": {403, 403, 403},
	} {
		for i, who := range []func(*http.Request){shared(s), as(stat), as(page)} {
			if answer, body := get(t, s, path, who); answer.StatusCode != want[i] {
				t.Errorf("%s by link %d: %d, want %d: %.100s", path, i, answer.StatusCode, want[i], body)
			}
		}
	}
	config := func(token, path string) (message, error) {
		conn, _, err := open(s, path, http.Header{"Cookie": {shareCookie + "=" + token}})
		if err != nil {
			return message{}, err
		}
		defer conn.Close()
		return next(t, conn), nil
	}
	m, err := config(stat, "/ws")
	if err != nil || len(m.Stats) != 1 || m.Stats[0]["name"] != "stat-03" || fmt.Sprint(m.Pages) != "[map[rows:[[stat-03]] title:nginx 503]]" {
		t.Errorf("the stat's socket has %v, %v, %v", m.Stats, m.Pages, err)
	}
	if m, err = config(page, "/ws"); err != nil || len(m.Stats) != 5 || len(m.Pages) != 1 || m.Pages[0]["title"] != "Edge" {
		t.Errorf("the page's socket has %d stats and %v, %v", len(m.Stats), m.Pages, err)
	}
	if m, err = config(page, "/ws?stat=stat-04&stat=stat-09"); err != nil || len(m.Stats) != 1 {
		t.Errorf("of two stats the page's socket has %v, %v", m.Stats, err)
	}
	if _, err = config(stat, "/ws?stat=stat-09"); err == nil {
		t.Error("the stat's link opens a socket of another one")
	}
	// What a link is for is signed.
	end, rest, _ := strings.Cut(stat, ".")
	_, signature, _ := strings.Cut(rest, ".")
	for name, forged := range map[string]string{
		"another stat": end + "." + base64.RawURLEncoding.EncodeToString([]byte("stat:stat-09")) + "." + signature,
		"all":          end + "." + signature,
		"nothing":      end + ".." + signature,
		"more":         stat + "." + signature,
	} {
		if answer, _ := get(t, s, "/", as(forged)); answer.StatusCode != 401 {
			t.Errorf("a link forged to be of %s: %s", name, answer.Status)
		}
	}
	for _, query := range []string{"stat=nothing", "page=nothing", "stat=stat-03&page=Edge", "embed=true"} {
		if answer, body := do(t, s, "POST", "/api/share?"+query, bearer); answer.StatusCode != 400 {
			t.Errorf("%s: %s %s", query, answer.Status, body)
		}
	}
}

// Only the page that is meant for frames may be in one, and only of the sites that are named.
func TestFrames(t *testing.T) {
	for path, want := range map[string]string{"/?embed=true": "https://a.example https://b.example", "/": "'none'", "/?embed=1": "'none'", "/api/stats?embed=true": "'none'"} {
		s := idle(t, func(c *Config) { c.EmbedFrom = []string{"https://a.example", "https://b.example"} })
		answer, _ := get(t, s, path, nil)
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors "+want+";") || (answer.Header.Get("X-Frame-Options") == "") != (want != "'none'") {
			t.Errorf("%s: %s, X-Frame-Options %q", path, policy, answer.Header.Get("X-Frame-Options"))
		}
	}
	s := idle(t, nil)
	if answer, _ := get(t, s, "/?embed=true", nil); answer.Header.Get("X-Frame-Options") != "DENY" {
		t.Error("without sites that are named the page may be in a frame")
	}
}

// A page of another site shows one stat in a frame, by a link that is signed.
func TestEmbedded(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	var frame string
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<iframe src="%s" width="600" height="240"></iframe>`, frame)
	}))
	defer host.Close()
	site := strings.Replace(host.URL, "127.0.0.1", "localhost", 1) // another site than that of Pulse
	log := newSynthetic(0)
	s := log.serve(t, func(c *Config) { c.Access, c.EmbedFrom = tokensAndLinks(t), []string{site} })
	frame = strings.Replace(s.URL(), "localhost", "127.0.0.1", 1) + "/?" + strings.ReplaceAll(link(t, s, "stat=stat-03&embed=true").Encode(), "&", "&amp;")
	b := openBrowser(t)
	b.do(t, look(700, 300, "light"), chromedp.Navigate(site))
	eventually(t, "the frame's socket", func() bool { return s.hub.clients.Load() == 1 })
	b.quietConsole(t)
	// By itself the frame's page has one panel, and no header.
	b.do(t, chromedp.Navigate(strings.ReplaceAll(frame, "&amp;", "&")))
	b.until(t, `document.querySelectorAll(".panel").length === 1 && document.querySelector(".panel").dataset.state === "value" && getComputedStyle(document.querySelector("header")).display === "none"`)
	b.quietConsole(t)
}

// A share link of some stats shows the marks that these find in lines, and not what others, or
// people, have marked.
func TestMarksOfLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stats.Definitions{Stats: append(two().Stats, deploys())}
		s := inMemory(t, func(c *Config) { c.Definitions, c.Access = d, tokensAndLinks(t) })
		now := time.Now().Unix()
		for _, m := range []mark.Mark{{Name: "deploy", Text: "v1", Lines: 1}, {Name: "deploy", Text: "by hand"}, {Name: "other", Text: "x", Lines: 1}} {
			m.Time = now
			s.store.Mark(topics.MarkRecord{Mark: m})
		}
		s.store.Mark(topics.MarkRecord{Mark: mark.Mark{Time: now, Name: "other"}, More: 7})
		put(s.store, stats.Snapshot{Stat: "a", Time: now, Value: json.RawMessage("1"), Version: s.store.gen})
		s.hub.publish()
		for c, want := range map[scope]string{
			"":                         `"marks":[{"time":"2000-01-01T00:00:00Z","name":"deploy","text":"by hand"},{"time":"2000-01-01T00:00:00Z","name":"deploy","text":"v1","lines":1},{"time":"2000-01-01T00:00:00Z","name":"other","text":"x","lines":1}],"more":7`,
			statScope + "a":            `"marks":[]`,
			statScope + "marks.deploy": `"marks":[{"time":"2000-01-01T00:00:00Z","name":"deploy","text":"v1","lines":1}]`,
		} {
			if _, body := get(t, s, "/api/marks", withLink(s, c)); strings.TrimSpace(body) != "{"+want+"}" {
				t.Errorf("/api/marks by a link of %q: %s", c, body)
			}
			conn, _, err := open(s, "/ws", http.Header{"Cookie": {shareCookie + "=" + s.access.sign(now+60, c)}})
			if err != nil {
				t.Fatal(err)
			}
			_, text, err := conn.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			if !strings.Contains(string(text), `"marks":{`+want+"}") {
				t.Errorf("the socket of a link of %q: %s", c, text)
			}
		}
	})
}
