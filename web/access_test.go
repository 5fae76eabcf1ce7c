package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

const (
	testToken = "0123456789abcdef-token"
	testKey   = "0123456789abcdef-key"
)

// letIn is an Access that can be made.
func letIn(t testing.TB, c AccessConfig) *Access {
	t.Helper()
	a, err := NewAccess(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tokensAndLinks lets in those with the token or a share link.
func tokensAndLinks(t testing.TB) *Access {
	t.Helper()
	return letIn(t, AccessConfig{Tokens: []string{testToken}, ShareKey: testKey})
}

// bearer gives a request the token, and shared the cookie of a share link.
func bearer(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken) }

func shared(s *Server) func(*http.Request) {
	return func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: shareCookie, Value: s.access.sign(time.Now().Unix()+60, "")})
	}
}

func TestTokens(t *testing.T) {
	for _, c := range []AccessConfig{{Tokens: []string{"short"}}, {ShareKey: "short"}, {Auth: ":"}, {Session: time.Second}} {
		if _, err := NewAccess(c); err == nil {
			t.Errorf("%v was accepted", c)
		}
	}
	s := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{Tokens: []string{testToken, testToken + "2"}}) })
	for authorization, want := range map[string]int{
		"":                                       401,
		"Bearer " + testToken:                    200,
		"bearer " + testToken + "2":              200,
		"Bearer " + testToken + "3":              401,
		"Bearer":                                 401,
		"Basic " + testToken:                     401,
		"Basic OjAxMjM0NTY3ODlhYmNkZWY6":         401,
		"Bearer " + testToken[:len(testToken)-1]: 401,
	} {
		answer, _ := get(t, s, "/api/stats", func(r *http.Request) { r.Header.Set("Authorization", authorization) })
		if answer.StatusCode != want {
			t.Errorf("Authorization %q: %d, want %d", authorization, answer.StatusCode, want)
		}
		if want == 401 && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("Authorization %q: the answer asks for %q", authorization, answer.Header.Get("WWW-Authenticate"))
		}
	}
}

// A share link lets its bearer read until its end, and no longer.
func TestShareLinks(t *testing.T) {
	synctest.Test(t, testShareLinks)
}

func testShareLinks(t *testing.T) {
	s := inMemory(t, func(c *Config) { c.Access = tokensAndLinks(t) })
	ask := func(method, path string, change func(*http.Request)) *http.Response {
		t.Helper()
		answer, _ := do(t, s, method, path, change)
		return answer
	}
	if !s.hub.share || idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{ShareKey: testKey}) }).hub.share {
		t.Error("pages are told of share links if there are a key and a login, and only then")
	}
	for query, want := range map[string]int{"": 200, "?for=1h": 200, "?for=720h": 200, "?for=721h": 400, "?for=1s": 400, "?for=-1h": 400, "?for=soon": 400} {
		if answer := ask("POST", "/api/share"+query, bearer); answer.StatusCode != want {
			t.Errorf("POST /api/share%s: %d, want %d", query, answer.StatusCode, want)
		}
	}
	if answer := ask("POST", "/api/share", nil); answer.StatusCode != 401 {
		t.Errorf("a share link for nobody: %d, want 401", answer.StatusCode)
	}
	if answer := ask("GET", "/api/share", bearer); answer.StatusCode != 405 {
		t.Errorf("GET /api/share: %d, want 405", answer.StatusCode)
	}
	crossSite := func(r *http.Request) {
		bearer(r)
		r.Header.Set("Origin", "https://evil.example")
	}
	if answer := ask("POST", "/api/share", crossSite); answer.StatusCode != 403 {
		t.Errorf("a share link made by another site: %d, want 403", answer.StatusCode)
	}

	_, body := do(t, s, "POST", "/api/share?for=1h", bearer)
	var link struct {
		URL   string
		Until time.Time
	}
	if err := json.Unmarshal([]byte(body), &link); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if left := time.Until(link.Until); left < 59*time.Minute || left > time.Hour {
		t.Errorf("a link for an hour ends in %v", left)
	}
	u, err := url.Parse(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer := ask("GET", "/?"+u.RawQuery+"&kiosk", nil)
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/?kiosk=" {
		t.Fatalf("the link leads to %d %q, want the page without the token", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer := ask("GET", "//evil.example?"+u.RawQuery, nil); strings.HasPrefix(answer.Header.Get("Location"), "//") {
		t.Errorf("a link leads to another host: %q", answer.Header.Get("Location"))
	}
	cookies := answer.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || !cookies[0].Expires.Equal(link.Until) {
		t.Fatalf("the cookies are %v", cookies)
	}
	with := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: shareCookie, Value: value}) }
	}
	genuine := cookies[0].Value
	for path, want := range map[string]int{"/": 200, "/api/stats": 200, "/app.js": 200} {
		if answer := ask("GET", path, with(genuine)); answer.StatusCode != want {
			t.Errorf("%s by a share link: %d, want %d", path, answer.StatusCode, want)
		}
	}
	if answer := ask("POST", "/api/share", with(genuine)); answer.StatusCode != 403 {
		t.Errorf("a share link made another: %d, want 403", answer.StatusCode)
	}

	second, signature, _ := strings.Cut(genuine, ".")
	other, _ := NewAccess(AccessConfig{Tokens: []string{testToken}, ShareKey: testKey + "x"})
	now := time.Now().Unix()
	for what, token := range map[string]string{
		"ended":           s.access.sign(now-1, ""),
		"a later end":     fmt.Sprint(now+7200) + "." + signature,
		"another key":     other.sign(now+60, ""),
		"too far":         s.access.sign(now+31*86400, ""),
		"no signature":    second + ".",
		"nothing":         "x",
		"another writing": "+" + genuine,
		"more":            genuine + "=",
	} {
		if answer := ask("GET", "/api/stats", with(token)); answer.StatusCode != 401 {
			t.Errorf("a share token (%s): %d, want 401", what, answer.StatusCode)
		}
		if answer := ask("GET", "/?share="+url.QueryEscape(token), nil); answer.StatusCode != 403 {
			t.Errorf("a share link (%s): %d, want 403", what, answer.StatusCode)
		}
	}

	// Its socket ends with it.
	soon := s.access.sign(now+2, "")
	conn, _, err := open(s, "/ws", http.Header{"Cookie": {shareCookie + "=" + soon}, "Origin": {s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := untilClosed(t, conn); !websocket.IsCloseError(err, websocket.CloseGoingAway) || time.Now().Unix() != now+2 {
		t.Errorf("the socket of a share link ended with %v, want a close at its end", err)
	}
}

// Where everybody may come in there is nothing to share, and the key alone opens
// nothing.
func TestShareNeedsLogin(t *testing.T) {
	s := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{ShareKey: testKey}) })
	if answer, _ := do(t, s, "POST", "/api/share", nil); answer.StatusCode != 404 {
		t.Errorf("POST /api/share of an open dashboard: %d, want 404", answer.StatusCode)
	}
}

// A socket can be of some stats alone.
func TestSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil)
		put(s.store, point("a", 1000, "1"), point("b", 1000, "2"))
		conn, _, err := open(s, "/ws?stat=b&stat=b", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		m := welcome(t, conn)
		if len(m.Stats) != 1 || m.Stats[0]["name"] != "b" || fmt.Sprint(m.History) != "[[0 1000 2]]" {
			t.Fatalf("the first message is of %v with %v, want b alone", m.Stats, m.History)
		}
		put(s.store, point("a", 1001, "3"), point("b", 1001, "4"))
		untilPoint(t, conn, 0, 1001, "4")
		if _, answer, err := open(s, "/ws?stat=nothing", nil); err == nil || answer.StatusCode != 404 {
			t.Errorf("a socket of a stat that there is not: %v", err)
		}
	})
}

// TLS with a certificate of one's own, that is read again when it changes.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	roots := x509.NewCertPool()
	write := func(serial int64) {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
			if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	for _, c := range []AccessConfig{{CertFile: certFile}, {CertFile: certFile, KeyFile: keyFile}} {
		if _, err := NewAccess(c); err == nil {
			t.Errorf("%v was accepted", c)
		}
	}
	write(1)
	s := idle(t, func(c *Config) {
		c.Access, c.ForceHTTPS = letIn(t, AccessConfig{CertFile: certFile, KeyFile: keyFile}), true
	})
	onPort(t, s)
	serial := func() int64 {
		t.Helper()
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
		defer client.CloseIdleConnections()
		answer, err := client.Get(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 200 || answer.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("the page by HTTPS: %d with %v", answer.StatusCode, answer.Header)
		}
		return answer.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("the certificate is %d, want 1", n)
	}
	write(2)
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(certFile, later, later); err != nil {
		t.Fatal(err)
	}
	s.access.mu.Lock()
	s.access.looked = time.Time{}
	s.access.mu.Unlock()
	if n := serial(); n != 2 {
		t.Errorf("after a renewal the certificate is %d, want 2", n)
	}
	// One connection of HTTP/2 could leave hundreds of answers unread.
	offered, err := tls.Dial("tcp", s.listener.Addr().String(), &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	offered.Close()
	if chosen := offered.ConnectionState().NegotiatedProtocol; chosen != "http/1.1" {
		t.Errorf("of h2 and http/1.1 the server chose %q", chosen)
	}
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}}
	conn, _, err := dialer.Dial("wss"+strings.TrimPrefix(s.URL(), "https")+"/ws", http.Header{"Origin": {s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if m := next(t, conn); m.Type != "config" {
		t.Errorf("the first message by TLS is of type %q", m.Type)
	}
}
