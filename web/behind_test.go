package web

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"pulse/cmd/dev/testkit"
)

// What is behind links has a script of its own. Where it does not come, the page says so and
// asks again; where the server has another one by now, the page is loaded again.
func TestScriptBehindLinks(t *testing.T) {
	testkit.Long(t)
	log := newSynthetic(0)
	s := log.idle(t, nil)
	var answer, opened atomic.Int64
	whole := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && opened.Add(1) > 1 && answer.Load() == http.StatusNotFound {
			answer.Store(http.StatusOK) // it has the new server's scripts
		}
		if code := answer.Load(); strings.HasPrefix(r.URL.Path, "/later-") && code != http.StatusOK {
			http.Error(w, "not there", int(code))
			return
		}
		whole.ServeHTTP(w, r)
	})
	s.fill = log.run(s.store)
	onPort(t, s)
	b := openBrowser(t)
	answer.Store(http.StatusServiceUnavailable)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(s.URL()+"/#/edge"))
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".panel").click()`))
	b.until(t, `document.querySelector("#page").innerText.includes("asked for again")`)
	answer.Store(http.StatusOK)
	b.until(t, `document.querySelector(".detail .figure")?.textContent`)

	answer.Store(http.StatusNotFound)
	opened.Store(0)
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(s.URL()+"/#/stat/stat-00"))
	b.until(t, `document.querySelector(".detail .figure")?.textContent`)
	if opened.Load() != 2 {
		t.Errorf("the page was loaded %d times, want twice", opened.Load())
	}
	b.quietConsoleBut(t, "/later-")
}

// The first numbers come without the socket. They are of now for as long as that is so.
func TestFirstNumbersWithoutSocket(t *testing.T) {
	testkit.Long(t)
	log := newSynthetic(0)
	s := log.idle(t, nil)
	var closed atomic.Bool
	closed.Store(true)
	whole := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" && closed.Load() {
			http.Error(w, "not there", http.StatusServiceUnavailable)
			return
		}
		whole.ServeHTTP(w, r)
	})
	s.fill = log.run(s.store)
	onPort(t, s)
	b := openBrowser(t)
	b.do(t, look(1280, 800, "light"), chromedp.Navigate(s.URL()+"/#/edge"))
	b.until(t, `/\d/.test(document.querySelector(".panel .figure")?.textContent)`)
	if got := evaluate[string](t, b, `document.querySelector("#status-text").textContent`); got != "connecting" {
		t.Errorf("the page says %q of its connection", got)
	}
	b.until(t, `document.querySelectorAll(".panel[data-state=unknown]").length === 5`)
	closed.Store(false)
	b.until(t, `document.querySelectorAll(".panel[data-state=value]").length === 5 && document.querySelector("#status").dataset.state !== "connecting"`)
	b.quietConsoleBut(t, "/ws")
}
