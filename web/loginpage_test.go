package web

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pulse/cmd/dev/testkit"
)

// A browser logs in by the form. The page offers what its reader may do, says what they may not,
// and tells when the login is over.
func TestLoginPage(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	text := "read ann " + tokenOf("a") + "\nedit eve " + tokenOf("e") + "\n"
	file := tokenFile(t, text)
	s := newSynthetic(20).serve(t, func(c *Config) {
		c.Access, c.AllowEdit = letIn(t, AccessConfig{TokenFile: file, ShareKey: testKey}), true
	})
	b := openBrowser(t)
	logIn := func(token string) {
		t.Helper()
		b.do(t, chromedp.SetValue(`[name=token]`, token), chromedp.Click(`form button`))
	}
	panels := `document.querySelector('.panel[data-state="value"]')`
	visible := func(selector string) bool {
		return evaluate[bool](t, b, `[...document.querySelectorAll("`+selector+`")].some((e) => e.checkVisibility())`)
	}

	b.do(t, look(1280, 800, "light"), chromedp.Navigate(s.URL()+"/#/routing"))
	b.until(t, `location.pathname === "/login" && document.querySelector("[name=token]")`)
	faultless(t, b)
	logIn("a-token-that-nobody-has")
	b.until(t, `document.querySelector(".told")?.textContent.startsWith("This token is not known here")`)
	logIn(tokenOf("a"))
	b.until(t, panels+` && location.pathname === "/" && location.hash === "#/routing"`)
	for _, id := range []string{"#share", "#draft-button", "#tabs a[href*=fields]"} {
		if visible(id) {
			t.Errorf("who may read alone is offered %s", id)
		}
	}
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = "#/stat/stat-03"`))
	b.until(t, `document.querySelector(".detail canvas")`)
	if evaluate[bool](t, b, `document.querySelector(".detail .take").textContent.includes("What is different")`) {
		t.Error("who may read alone is offered what is different")
	}
	b.do(t, chromedp.Focus(`.detail canvas`), chromedp.KeyEvent(kb.Enter))
	b.until(t, `document.querySelector(".detail .note").textContent.includes("need the role lines")`)
	b.do(t, chromedp.Evaluate[chromedp.Void](`location.hash = "#/fields"`))
	b.until(t, `document.querySelector("#tabs a[aria-current]")`)
	b.do(t, chromedp.Click(`#account`))
	b.until(t, `document.querySelector("#account-dialog p").textContent.includes("token ann has the role read: sees numbers, but no log lines.")`)
	faultless(t, b)
	b.do(t, chromedp.Click(`#account-dialog button[type=button]`))
	b.until(t, `location.pathname === "/login" && document.querySelector("[name=token]")`)

	logIn(tokenOf("e"))
	b.until(t, panels)
	b.until(t, `!document.querySelector("#draft-button").hidden`) // its script comes after the first numbers
	for _, id := range []string{"#share", "#draft-button", "#tabs a[href*=fields]", "#account"} {
		if !visible(id) {
			t.Errorf("who may edit is not offered %s", id)
		}
	}
	// The token gets another role: the page takes it.
	set := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.access.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	set(strings.Replace(text, "edit eve", "lines eve", 1))
	b.until(t, panels+` && document.body.dataset.may === "lines" && document.getElementById("share").hidden`)
	set("read ann " + tokenOf("a"))
	b.until(t, `!document.getElementById("logged-out").hidden`)
	faultless(t, b)
	b.do(t, chromedp.Click(`#logged-out a`))
	b.until(t, `location.pathname === "/login" && document.querySelector("[name=token]")`)

	// By a provider, with the socket by the login that it begins.
	i := newIssuer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	by := newSynthetic(0).idle(t, func(c *Config) {
		c.Access = letIn(t, AccessConfig{OIDC: i.config(t, func(o *OIDCConfig) {
			o.URL = &url.URL{Scheme: "http", Host: fmt.Sprint("localhost:", l.Addr().(*net.TCPAddr).Port)}
		})})
	})
	by.listenOn(l)
	start(t, by)
	b.do(t, chromedp.Navigate(by.URL()+"/#/edge"))
	b.until(t, `location.pathname === "/login" && document.querySelector("a.provider") && !document.querySelector("[name=token]")`)
	faultless(t, b)
	b.do(t, chromedp.Click(`a.provider`))
	b.until(t, `document.querySelector("#tabs a[aria-current]")?.textContent.startsWith("Edge") && document.body.dataset.may === "edit"`)
	b.do(t, chromedp.Click(`#account`))
	b.until(t, `document.querySelector("#account-dialog p").textContent.includes("ann at 127.0.0.1:")`)
	i.set(func() { i.change = func(claims map[string]any) { claims["groups"] = "cleaners" } })
	b.do(t, chromedp.Click(`#account-dialog button[type=button]`))
	b.until(t, `document.querySelector("a.provider")`)
	b.do(t, chromedp.Click(`a.provider`))
	b.until(t, `document.querySelector(".told")?.textContent.startsWith("You are ann at 127.0.0.1:")`)
}
