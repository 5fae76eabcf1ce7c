package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A name that points to 127.0.0.1 is not the page's, unless it is said to be.
func TestForeignHosts(t *testing.T) {
	local := idle(t, nil)
	named := idle(t, func(c *Config) { c.CanonicalHost = "pulse.example.com" })
	local.onLoopback, named.onLoopback = true, true
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "LOCALHOST": 200, "127.0.0.1:8080": 200, "127.0.0.2": 200, "[::1]:8080": 200, "[::1]": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "10.0.0.1": 421, "": 421, "localhost:80:80": 421,
	} {
		answer, body := get(t, local, "/api/stats", func(r *http.Request) { r.Host = host })
		if answer.StatusCode != want {
			t.Errorf("host %q: %d, want %d: %s", host, answer.StatusCode, want, body)
		}
	}
	if answer, _ := get(t, named, "/api/stats", func(r *http.Request) { r.Host = "pulse.example.com" }); answer.StatusCode != 200 {
		t.Errorf("the canonical host: %d", answer.StatusCode)
	}
	if answer, _ := get(t, local, "/healthz", func(r *http.Request) { r.Host = "10.0.0.1" }); answer.StatusCode != 200 {
		t.Errorf("a health check: %d", answer.StatusCode)
	}
}

// A page without a login that others in a network reach is not handed to a site whose name
// points to it; a proxy before it needs nothing.
func TestNamesOfOpenPage(t *testing.T) {
	open := func(change func(*Config)) *Server {
		s := idle(t, change)
		s.port, s.machine = "8080", "node-1"
		return s
	}
	named := func(c *Config) { c.URL = &url.URL{Scheme: "https", Host: "pulse.example.com:444"} }
	for _, c := range []struct {
		host   string
		change func(*Config)
		want   int
	}{
		{"10.0.0.7:8080", nil, 200},
		{"[fd00::7]:8080", nil, 200},
		{"localhost:8080", nil, 200},
		{"web:8080", nil, 200},
		{"node-1:8080", nil, 200},
		{"NODE-1.local:8080", nil, 200},
		{"", nil, 200},
		{"pulse.example.com", nil, 200},      // by a proxy
		{"pulse.example.com:8443", nil, 200}, // by a proxy
		{"evil.example:8080", nil, 421},
		{"evil.example.:8080", nil, 421},
		{"node-1.evil.example:8080", nil, 421},
		{"10.0.0.7.evil.example:8080", nil, 421},
		{"pulse.example.com:8080", named, 200},
		{"pulse.example.com", named, 200},
		{"evil.example", named, 421},
		{"evil.example:8080", named, 421},
		{"10.0.0.7:8080", named, 200},
		{"other.example:8080", func(c *Config) { c.Hosts = []string{"third.example", "Other.example"} }, 200},
		{"evil.example", func(c *Config) { c.Hosts = []string{"other.example"} }, 421},
		{"evil.example:8080", func(c *Config) { c.Hosts = []string{AnyValue} }, 200},
		{"evil.example:8080", func(c *Config) { c.Access = letIn(t, AccessConfig{Auth: "ann:secret"}) }, 401}, // its browser has no login for that name
	} {
		answer, body := get(t, open(c.change), "/api/stats", func(r *http.Request) { r.Host = c.host })
		if answer.StatusCode != c.want || c.want == 421 && !strings.Contains(body, "--http-url") {
			t.Errorf("host %q: %d %s, want %d", c.host, answer.StatusCode, body, c.want)
		}
	}
	s := open(nil)
	s.port = "80"
	if answer, _ := get(t, s, "/api/stats", func(r *http.Request) { r.Host = "evil.example" }); answer.StatusCode != 421 {
		t.Errorf("at port 80: %d", answer.StatusCode)
	}
	onThisMachine := idle(t, named)
	onThisMachine.onLoopback = true
	for host, want := range map[string]int{"pulse.example.com": 200, "localhost": 200, "evil.example": 421, "10.0.0.7": 421} {
		if answer, _ := get(t, onThisMachine, "/api/stats", func(r *http.Request) { r.Host = host }); answer.StatusCode != want {
			t.Errorf("on loopback, host %q: %d, want %d", host, answer.StatusCode, want)
		}
	}
}

// TestLoopback: who listens on this machine alone is guarded against foreign names,
// and who listens for all without a login is warned.
func TestLoopback(t *testing.T) {
	for _, c := range []struct {
		addr, auth      string
		loopback, warns bool
	}{
		{"127.0.0.1:0", "", true, false},
		{"localhost:0", "", true, false},
		{":0", "", false, true},
		{"0.0.0.0:0", "", false, true},
		{":0", "ann:secret", false, false},
	} {
		var log strings.Builder
		s, err := New(Config{Definitions: two(), Addr: c.addr, Access: letIn(t, AccessConfig{Auth: c.auth}), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		s.listener.Close()
		if warns := strings.Contains(log.String(), "anyone who can reach"); s.onLoopback != c.loopback || warns != c.warns {
			t.Errorf("%s with the login %q: on loopback %t, warned %t", c.addr, c.auth, s.onLoopback, warns)
		}
	}
}

func TestSecure(t *testing.T) {
	for _, c := range []struct {
		header, value string
		want          bool
	}{
		{"X-Forwarded-Proto", "https", true},
		{"X-Forwarded-Proto", "HTTPS", true},
		{"X-Forwarded-Proto", "https,http", true},
		{"X-Forwarded-Proto", "https, https", true},
		{"X-Forwarded-Proto", "http, https", false},
		{"X-Forwarded-Proto", "http", false},
		{"X-Forwarded-Proto", "", false},
		{"Forwarded", `for=192.0.2.60;proto=https;by=203.0.113.43, for=10.0.0.1;proto=http`, true},
		{"Forwarded", `for=192.0.2.60; Proto="https"`, true},
		{"Forwarded", `for=192.0.2.60;proto=http`, false},
		{"Forwarded", `proto`, false},
	} {
		r := &http.Request{Header: http.Header{c.header: {c.value}}}
		if got := secure(r); got != c.want {
			t.Errorf("%s: %s: secure is %t", c.header, c.value, got)
		}
	}
}

func TestVisitor(t *testing.T) {
	for _, c := range []struct{ peer, told, want string }{
		{"203.0.113.9:4000", "", "203.0.113.9/32"},
		{"203.0.113.9:4000", "192.0.2.1", "203.0.113.9/32"}, // who is no proxy of ours may say anything
		{"10.0.0.7:4000", "192.0.2.1", "192.0.2.1/32 by 10.0.0.7/32"},
		{"127.0.0.1:4000", "192.0.2.1, 198.51.100.2", "198.51.100.2/32 by 127.0.0.1/32"},
		{"127.0.0.1:4000", "nonsense", "127.0.0.1/32"},
		{"[::ffff:203.0.113.9]:4000", "", "203.0.113.9/32"},
		{"[2001:db8:1:2:3:4:5:6]:4000", "", "2001:db8:1:2::/64"},
		{"", "", "invalid Prefix"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.told != "" {
			r.Header.Set("X-Forwarded-For", c.told)
		}
		if got := visitor(r).LogValue().String(); got != c.want {
			t.Errorf("%q by %q: %s, want %s", c.told, c.peer, got, c.want)
		}
	}
}

// TestGuesses has wrong passwords from more addresses than are remembered.
func TestGuesses(t *testing.T) {
	g := newGuesses()
	now := time.Unix(1_700_000_000, 0)
	direct := func(from string) client { return client{from: netip.MustParsePrefix(from)} }
	one := direct("192.0.2.1/32")
	for i := range freeGuesses {
		if wait := g.wait(one, now); wait > 0 {
			t.Fatalf("guess %d has to wait %v", i, wait)
		}
		g.add(one, now)
	}
	if wait := g.wait(one, now); wait != guessEvery {
		t.Errorf("the next has to wait %v, want %v", wait, guessEvery)
	}
	if wait := g.wait(one, now.Add(guessEvery)); wait > 0 {
		t.Errorf("after %v it still has to wait %v", guessEvery, wait)
	}
	ann := direct("203.0.113.5/32")
	g.knew(ann, now)
	for i := range 3 * maxBuckets {
		g.add(client{madeUp(10, i), madeUp(172, i)}, now)
		g.knew(client{from: madeUp(10, i)}, now)
	}
	if len(g.tried.full) > maxBuckets+1 || len(g.passed.full) > maxBuckets+1 || len(g.known) > maxBuckets {
		t.Errorf("%d, %d and %d addresses are remembered", len(g.tried.full), len(g.passed.full), len(g.known))
	}
	if g.wait(direct("198.51.100.1/32"), now) == 0 {
		t.Error("an address beyond the room may guess freely")
	}
	if wait := g.wait(ann, now); wait > 0 {
		t.Errorf("who has had the right password has to wait %v for what others guess", wait)
	}
	if g.add(one, now.Add(24*time.Hour)); g.wait(one, now.Add(24*time.Hour)) > 0 {
		t.Error("a day later an address still has to wait")
	}
}

// madeUp is one of many addresses.
func madeUp(first byte, i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{first, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}

// Who is let in as a proxy may make up addresses: then it guesses no faster than a proxy may,
// and who has logged in by it goes on.
func TestMadeUpAddresses(t *testing.T) {
	s := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{Auth: "ann:secret"}) })
	try := func(from, password string) int {
		answer, _ := get(t, s, "/api/stats", func(r *http.Request) {
			r.RemoteAddr = "10.0.0.7:4000"
			r.Header.Set("X-Forwarded-For", from)
			r.SetBasicAuth("ann", password)
		})
		return answer.StatusCode
	}
	if code := try("192.0.2.1", "secret"); code != 200 {
		t.Fatalf("who knows the password got %d", code)
	}
	begun, codes := time.Now(), map[int]int{}
	for i := range 1000 {
		codes[try(madeUp(11, i).Addr().String(), fmt.Sprint(i))]++
	}
	if most := proxied*freeGuesses + 1 + int(time.Since(begun)/(guessEvery/proxied)); codes[401] > most {
		t.Errorf("of 1000 guesses %d were looked at, at most %d should have been: %v", codes[401], most, codes)
	}
	if code := try("192.0.2.1", "secret"); code != 200 {
		t.Errorf("then who has logged in before got %d", code)
	}
}

// A share link lets nobody guess passwords faster.
func TestGuessesWithShareLink(t *testing.T) {
	s := idle(t, func(c *Config) { c.Access = letIn(t, AccessConfig{Auth: "ann:secret", ShareKey: "0123456789abcdef"}) })
	token := s.access.sign(time.Now().Add(time.Hour).Unix(), "")
	codes := map[int]int{}
	for i := range 3 * freeGuesses {
		answer, _ := get(t, s, "/api/stats", func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: shareCookie, Value: token}) // #nosec G124 -- a client's
			r.SetBasicAuth("ann", fmt.Sprint(i))
		})
		codes[answer.StatusCode]++
	}
	if codes[429] < freeGuesses {
		t.Errorf("guesses beside a share link were answered by %v", codes)
	}
}

// Who guesses is slowed down, and who knows the password from elsewhere is not.
func TestSlowGuessers(t *testing.T) {
	var log strings.Builder
	s := idle(t, func(c *Config) {
		c.Access, c.Logger = letIn(t, AccessConfig{Auth: "ann:secret"}), slog.New(slog.NewTextHandler(&log, nil))
	})
	try := func(from, password string) int {
		answer, _ := get(t, s, "/api/stats", func(r *http.Request) {
			r.RemoteAddr = "127.0.0.1:4000"
			r.Header.Set("X-Forwarded-For", from)
			r.SetBasicAuth("ann", password)
		})
		return answer.StatusCode
	}
	codes := map[int]int{}
	for i := range 3 * freeGuesses {
		codes[try("192.0.2.1", fmt.Sprint(i))]++
	}
	if codes[429] < freeGuesses || codes[401] < freeGuesses {
		t.Errorf("guesses were answered by %v", codes)
	}
	if told := log.String(); !strings.Contains(told, `from="192.0.2.1/32 by 127.0.0.1/32"`) || strings.Count(told, "\n") > 2 {
		t.Errorf("of guesses the log says %q", told)
	}
	if code := try("192.0.2.2", "secret"); code != 200 {
		t.Errorf("who knows the password got %d", code)
	}
	if answer, _ := get(t, s, "/api/stats", nil); answer.StatusCode != 401 {
		t.Errorf("who gives no password got %d", answer.StatusCode)
	}
}

// No request's body is read to look for parameters in it: of a form in parts all would be
// held in memory and in files, whatever its size.
func TestBodiesOfQuestions(t *testing.T) {
	s := idle(t, func(c *Config) {
		c.Access, c.AllowEdit = letIn(t, AccessConfig{Auth: "ann:secret", ShareKey: "0123456789abcdef"}), true
	})
	for route := range s.answers() {
		method, path, _ := strings.Cut(route, " ")
		body := &counted{}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what would be asked of Kafka does not matter
		r := httptest.NewRequestWithContext(ctx, method, strings.NewReplacer("{name}", "a", "{id}", "x").Replace(path), body)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		r.SetBasicAuth("ann", "secret")
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		if body.read > 2*maxDraft+4<<10 || body.read > 0 && method == http.MethodGet {
			t.Errorf("%s read %d bytes of a body", route, body.read)
		}
	}
}

// counted is a form in parts that has no end, and counts what is read of it.
type counted struct{ read int }

func (c *counted) Read(b []byte) (int, error) {
	begin := ""
	if c.read == 0 {
		begin = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n"
	}
	n := copy(b, begin+strings.Repeat("x", len(b)))
	if c.read += n; c.read > 20<<20 {
		return n, io.EOF
	}
	return n, nil
}

// Who has a token that nobody guesses does not wait for what others at the address send, and such
// a token shuts nobody out if it is wrong.
func TestSureTokens(t *testing.T) {
	right, wrong, short := strings.Repeat("a", sureSecret), strings.Repeat("b", sureSecret), testToken
	s := idle(t, func(c *Config) {
		c.Access = letIn(t, AccessConfig{Auth: "ann:secret", TokenFile: tokenFile(t, "lines ann "+right+"\nread bob "+short)})
	})
	ask := func(change func(*http.Request)) int {
		answer, _ := get(t, s, "/api/stats", change)
		return answer.StatusCode
	}
	for range 2 * freeGuesses {
		if code := ask(withToken(wrong)); code != 401 {
			t.Fatalf("a wrong token of %d bytes: %d, want 401", len(wrong), code)
		}
	}
	if code := ask(withToken(short)); code != 200 {
		t.Errorf("a short token after wrong ones that are long: %d, want 200", code)
	}
	for range 2 * freeGuesses {
		ask(withToken("guess-0123456789"))
	}
	for what, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"a token of 32 bytes": {withToken(right), 200},
		"a short token":       {withToken(short), 429},
		"a password":          {func(r *http.Request) { r.SetBasicAuth("ann", "secret") }, 429},
	} {
		if code := ask(c.change); code != c.want {
			t.Errorf("after guesses %s is answered with %d, want %d", what, code, c.want)
		}
	}
	if answer, _ := logInWith(t, s, url.Values{"token": {right}}, nil); answer.StatusCode != 303 {
		t.Errorf("after guesses the form answers a token of 32 bytes with %d, want 303", answer.StatusCode)
	}
	if answer, _ := logInWith(t, s, url.Values{"token": {short}}, nil); answer.StatusCode != 429 {
		t.Errorf("after guesses the form answers a short token with %d, want 429", answer.StatusCode)
	}
}
