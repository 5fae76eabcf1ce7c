package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"pulse/cmd/dev/testkit"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

const (
	clientID     = "pulse"
	clientSecret = "a-secret-of-the-client"
)

// issuer is a provider of OpenID Connect: it describes itself, lets everybody in, gives each code
// once, to who has the verifier of PKCE and the client's secret, and signs ID tokens.
type issuer struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // what was asked for
	slash  string                // at the end of its name
	change func(claims map[string]any)
	info   map[string]any // of the user
	raw    string         // instead of an ID token
	down   bool
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v) //nolint:errcheck // the client is gone
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": i.URL + i.slash, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"userinfo_endpoint": i.URL + "/info", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) { answer(w, i.info) })
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		code := rand.Text()
		i.codes[code] = query
		http.Redirect(w, r, query.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {query.Get("state")}, "iss": {i.URL}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		refuse := func(code int, why string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			answer(w, map[string]string{"error": why, "error_description": "because <i>"})
		}
		id, secret, _ := r.BasicAuth()
		if id != clientID || secret != clientSecret {
			refuse(401, "invalid_client")
			return
		}
		asked, ok := i.codes[r.FormValue("code")]
		delete(i.codes, r.FormValue("code"))
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !ok || asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || asked.Get("redirect_uri") != r.FormValue("redirect_uri") {
			refuse(400, "invalid_grant")
			return
		}
		now := time.Now().Unix()
		claims := map[string]any{"iss": i.URL + i.slash, "sub": "1234", "aud": clientID, "exp": now + 300, "iat": now, "nonce": asked.Get("nonce"), "preferred_username": "ann", "groups": []string{"staff", "sre"}}
		if i.change != nil {
			i.change(claims)
		}
		tokens := map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": i.sign(t, claims)}
		if i.raw != "" {
			tokens["id_token"] = i.raw
		}
		if i.raw == "none" {
			delete(tokens, "id_token")
		}
		answer(w, tokens)
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(mustJSON(claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// set changes what the issuer does.
func (i *issuer) set(how func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.change, i.info, i.raw, i.down = nil, nil, "", false
	how()
}

// config lets in those of the issuer; change may alter it.
func (i *issuer) config(t testing.TB, change func(*OIDCConfig)) *OIDCConfig {
	t.Helper()
	roles, err := ParseClaimRoles("edit=sre,lines=dev")
	if err != nil {
		t.Fatal(err)
	}
	c := &OIDCConfig{Issuer: i.URL, ClientID: clientID, ClientSecret: clientSecret, Claim: "groups", Roles: roles, URL: &url.URL{Scheme: "http", Host: "localhost"}}
	if change != nil {
		change(c)
	}
	return c
}

// cookies adds some to a request.
func cookies(all []*http.Cookie) func(*http.Request) {
	return func(r *http.Request) {
		for _, c := range all {
			if c.MaxAge >= 0 {
				r.AddCookie(c)
			}
		}
	}
}

// begin has a browser led to the issuer and back, and gives where it is to go then, with the
// cookies that it has.
func begin(t testing.TB, s *Server, to string) (back string, has []*http.Cookie) {
	t.Helper()
	answer, body := get(t, s, "/login/oidc?"+url.Values{"to": {to}}.Encode(), nil)
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("the login begins with %d %s", answer.StatusCode, body)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	there, err := client.Get(answer.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	there.Body.Close()
	u, err := url.Parse(there.Header.Get("Location"))
	if err != nil || there.StatusCode != http.StatusFound || u.Path != "/login/callback" {
		t.Fatalf("the issuer answers %d %s", there.StatusCode, u)
	}
	return u.RequestURI(), answer.Cookies()
}

// sessionOf is the login that an answer begins; "": none.
func sessionOf(answer *http.Response) string {
	for _, c := range answer.Cookies() {
		if c.Name == sessionCookie {
			return c.Value
		}
	}
	return ""
}

func TestOIDC(t *testing.T) {
	i := newIssuer(t)
	var log testkit.Transcript
	s := idle(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.Access = letIn(t, AccessConfig{OIDC: i.config(t, nil), TokenFile: tokenFile(t, "read wall "+tokenOf("w")), ShareKey: testKey, Session: time.Hour})
	})
	if _, page := get(t, s, "/login?to=/x", nil); !strings.Contains(page, `href="/login/oidc?to=%2fx">Log in with 127.0.0.1:`) {
		t.Errorf("the login page is %s", page)
	}
	back, has := begin(t, s, "/?kiosk#/x")
	if c := has[0]; !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/login" || time.Until(c.Expires) > flowWithin {
		t.Errorf("the cookie of a login under way is %v", c)
	}
	answer, body := get(t, s, back, cookies(has))
	session := sessionOf(answer)
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/?kiosk#/x" || session == "" {
		t.Fatalf("the login ends with %d %s", answer.StatusCode, body)
	}
	if _, body := get(t, s, "/api/who", withSession(session)); !strings.Contains(body, `{"name":"ann at 127.0.0.1:`) || !strings.Contains(body, `"role":"edit"`) {
		t.Errorf("who it is: %s", body)
	}
	// What the issuer sent back works once, in the browser that began.
	for what, c := range map[string]struct {
		as   func(*http.Request)
		told string
	}{"again": {cookies(has), "refuses the login"}, "in another browser": {nil, "log in again"}} {
		if answer, body := get(t, s, back, c.as); answer.StatusCode != 403 || sessionOf(answer) != "" || !strings.Contains(body, c.told) {
			t.Errorf("%s it is answered with %d %s", what, answer.StatusCode, body)
		}
	}
	// Several tabs do not disturb each other.
	one, its := begin(t, s, "/")
	two, others := begin(t, s, "/")
	for _, back := range []string{two, one} {
		if answer, body := get(t, s, back, cookies(append(slices.Clone(its), others...))); answer.StatusCode != 303 {
			t.Errorf("of two tabs one ends with %d %s", answer.StatusCode, body)
		}
	}
	if answer, _ := get(t, s, "/login/callback?state="+strings.Repeat("x", 40), cookies(others)); answer.StatusCode != 403 {
		t.Errorf("another state: %d", answer.StatusCode)
	}
	// A login takes ten minutes at most.
	state := rand.Text()
	old := &http.Cookie{Name: flowCookie(state), Value: s.access.signed("oidc", flow{State: state, Until: time.Now().Unix()})} // #nosec G124 -- a client's
	if answer, _ := get(t, s, "/login/callback?code=x&state="+state, cookies([]*http.Cookie{old})); answer.StatusCode != 403 {
		t.Errorf("a login that took too long: %d", answer.StatusCode)
	}
	// The provider says no.
	back, has = begin(t, s, "/")
	u, _ := url.Parse(back)
	answer, body = get(t, s, "/login/callback?"+url.Values{"state": {u.Query().Get("state")}, "error": {"access_denied"}, "error_description": {"<b>no"}}.Encode(), cookies(has))
	if answer.StatusCode != 403 || !strings.Contains(body, "access_denied &lt;b&gt;no") {
		t.Errorf("a provider's refusal: %d %s", answer.StatusCode, body)
	}
	// A login that is ended is over; so is each where other groups have the roles.
	other, err := NewAccess(AccessConfig{ShareKey: testKey, OIDC: i.config(t, func(c *OIDCConfig) { c.Roles = c.Roles[:1] })})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := other.loggedIn(session, time.Now()); ok {
		t.Error("a login goes on where other groups have the roles")
	}
	if answer, _ := do(t, s, "POST", "/logout", withSession(session)); answer.StatusCode != 204 {
		t.Errorf("logging out: %d", answer.StatusCode)
	}
	if answer, _ := get(t, s, "/api/stats", withSession(session)); answer.StatusCode != 401 {
		t.Errorf("after logging out: %d", answer.StatusCode)
	}
	if told := log.String(); strings.Contains(told, clientSecret) || strings.Contains(told, session) || !strings.Contains(told, `who="ann at 127.0.0.1:`) {
		t.Errorf("the log says %s", told)
	}
	if answer, _ := get(t, idle(t, nil), "/login/oidc", nil); answer.StatusCode != 404 {
		t.Errorf("without a provider: %d", answer.StatusCode)
	}
}

// What ID tokens say, well and badly.
func TestIDTokens(t *testing.T) {
	i := newIssuer(t)
	other := newIssuer(t)
	now := time.Now().Unix()
	// ended is how a login ends: its role, or what the page says.
	ended := func(c *OIDCConfig) string {
		t.Helper()
		s := idle(t, func(config *Config) { config.Access = letIn(t, AccessConfig{OIDC: c}) })
		back, has := begin(t, s, "/")
		answer, body := get(t, s, back, cookies(has))
		if session := sessionOf(answer); session != "" {
			who, _ := s.access.loggedIn(session, time.Now())
			return who.role.String()
		}
		_, said, _ := strings.Cut(body, `role="alert">`)
		said, _, _ = strings.Cut(said, "</p>")
		return said
	}
	with := func(name string, v any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = v }
	}
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"groups":                  {nil, "edit"},
		"one group as text":       {with("groups", "dev"), "lines"},
		"groups as text":          {with("groups", `["x","dev"]`), "lines"},
		"others":                  {with("groups", []any{"x", 7, nil, map[string]any{}}), "nothing in your claim groups"},
		"a number":                {with("groups", 7), "nothing in your claim groups"},
		"a part of a group":       {with("groups", "sre2"), "nothing in your claim groups"},
		"no groups":               {func(m map[string]any) { delete(m, "groups") }, "nothing in your claim groups"},
		"several audiences":       {with("aud", []string{"x", clientID}), "edit"},
		"another audience":        {with("aud", "x"), "expected audience"},
		"over, by our clock":      {with("exp", now-30), "edit"},
		"over":                    {with("exp", now-90), "token is expired"},
		"a little too early":      {with("nbf", now+120), "edit"},
		"too early":               {with("nbf", now+600), "before the nbf"},
		"issued later":            {with("iat", now+120), "edit"},
		"another login's":         {with("nonce", "x"), "of another login"},
		"another issuer's":        {with("iss", other.URL), "issued by a different provider"},
		"no subject, but a name":  {with("sub", ""), "edit"},
		"a name that is a number": {with("preferred_username", 7), "edit"},
	} {
		i.set(func() { i.change = c.change })
		if got := ended(i.config(t, nil)); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for name, raw := range map[string]string{
		"none":             "none",
		"not signed":       "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString(mustJSON(map[string]any{"iss": i.URL, "aud": clientID, "exp": now + 60, "groups": "sre"})) + ".",
		"no token":         "x.y.z",
		"signed by others": other.sign(t, map[string]any{"iss": i.URL, "aud": clientID, "exp": now + 60, "sub": "1", "groups": "sre"}),
	} {
		i.set(func() { i.raw = raw })
		if got := ended(i.config(t, nil)); !strings.Contains(got, "ID token") {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Groups that are in the user info alone, of this user.
	for subject, want := range map[string]string{"1234": "lines", "5678": "nothing in your claim"} {
		i.set(func() {
			i.change = func(m map[string]any) { delete(m, "groups") }
			i.info = map[string]any{"sub": subject, "groups": []string{"dev"}}
		})
		if got := ended(i.config(t, nil)); !strings.Contains(got, want) {
			t.Errorf("groups in the user info of %s: %q, want %q", subject, got, want)
		}
	}
	for claim, c := range map[string]struct {
		claims map[string]any
		roles  string
		want   string
	}{
		"realm_access.roles":         {map[string]any{"realm_access": map[string]any{"roles": []string{"a b"}}}, "lines=a b", "lines"},
		"https://example.com/groups": {map[string]any{"https://example.com/groups": "x"}, "edit=x", "edit"},
		"memberOf":                   {map[string]any{"memberOf": "cn=ops,ou=groups,dc=example"}, "read=cn=all,ou=groups,edit=cn=ops,ou=groups,dc=example", "edit"},
		"nothing":                    {nil, "read=*,edit=x", "read"},
	} {
		i.set(func() { i.change = func(m map[string]any) { maps.Copy(m, c.claims) } })
		roles, err := ParseClaimRoles(c.roles)
		if err != nil {
			t.Fatal(err)
		}
		if got := ended(i.config(t, func(o *OIDCConfig) { o.Claim, o.Roles = claim, roles })); !strings.Contains(got, c.want) {
			t.Errorf("the claim %s: %q, want %q", claim, got, c.want)
		}
	}
	// The client's secret is wrong.
	i.set(func() {})
	if got := ended(i.config(t, func(c *OIDCConfig) { c.ClientSecret = "wrong" })); !strings.Contains(got, "invalid_client because &lt;i&gt;") {
		t.Errorf("with a wrong secret: %q", got)
	}
	// People leave the slash at the end of a name out, or add one.
	for _, slash := range []string{"", "/"} {
		i.set(func() { i.slash = slash })
		for _, given := range []string{"", "/"} {
			if got := ended(i.config(t, func(c *OIDCConfig) { c.Issuer += given })); got != "edit" {
				t.Errorf("the issuer with %q at its end, given with %q: %q", slash, given, got)
			}
		}
	}
}

func TestParseClaimRoles(t *testing.T) {
	for text, want := range map[string]string{
		"edit=sre":                    "[{edit sre}]",
		"edit=sre, lines=dev,read=*":  "[{edit sre} {lines dev} {read *}]",
		"lines=cn=a,dc=b,edit=cn=c":   "[{lines cn=a,dc=b} {edit cn=c}]",
		"lines=/team a/b,read=x=read": "[{lines /team a/b} {read x=read}]",
		"":                            "",
		"sre":                         "",
		"admin=sre":                   "",
		"edit=":                       "",
		"edit=a,,lines=b":             "",
		"sre=edit":                    "",
	} {
		roles, err := ParseClaimRoles(text)
		if got := fmt.Sprintf("%+v", roles); (err != nil) != (want == "") || err == nil && strings.NewReplacer("Role:", "", "Value:", "").Replace(got) != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
}

// A provider that is away keeps nobody out who has a token, and is asked again.
func TestProviderAway(t *testing.T) {
	i := newIssuer(t)
	i.set(func() { i.down = true })
	s := idle(t, func(c *Config) {
		c.Access = letIn(t, AccessConfig{OIDC: i.config(t, nil), TokenFile: tokenFile(t, "read wall "+tokenOf("w"))})
	})
	for range 2 * freeGuesses { // nobody has guessed wrong
		if answer, body := get(t, s, "/login/oidc", nil); answer.StatusCode != 502 || !strings.Contains(body, "cannot be asked now") || !strings.Contains(body, `name="token"`) {
			t.Fatalf("with a provider that is away: %d %s", answer.StatusCode, body)
		}
	}
	if answer, _ := logInWith(t, s, url.Values{"token": {tokenOf("w")}}, nil); answer.StatusCode != 303 {
		t.Errorf("then who has a token: %d", answer.StatusCode)
	}
	i.set(func() {})
	s.access.provider.mu.Lock()
	s.access.provider.tried = time.Time{}
	s.access.provider.mu.Unlock()
	back, has := begin(t, s, "/")
	i.set(func() { i.down = true })
	if answer, body := get(t, s, back, cookies(has)); answer.StatusCode != 502 || !strings.Contains(body, "cannot be asked now") {
		t.Errorf("when it goes away in between: %d %s", answer.StatusCode, body)
	}
	i.set(func() {})
	back, has = begin(t, s, "/")
	if answer, body := get(t, s, back, cookies(has)); answer.StatusCode != 303 {
		t.Errorf("when it is back: %d %s", answer.StatusCode, body)
	}
}

// Who comes by another name of the page is led to the one that the provider knows, once: behind
// a proxy that changes the name all requests have another one.
func TestOIDCByAnotherName(t *testing.T) {
	i := newIssuer(t)
	s := idle(t, func(c *Config) {
		c.Access = letIn(t, AccessConfig{OIDC: i.config(t, func(o *OIDCConfig) { o.URL = &url.URL{Scheme: "https", Host: "pulse.example.com"} })})
	})
	proxied := func(r *http.Request) { r.Host = "10.0.0.7:8080" }
	answer, _ := get(t, s, "/login/oidc?to=/x", proxied)
	if to := answer.Header.Get("Location"); to != "https://pulse.example.com/login/oidc?again=true&to=%2Fx" {
		t.Fatalf("it is led to %s", to)
	}
	answer, _ = get(t, s, "/login/oidc?again=true&to=%2Fx", proxied)
	if to := answer.Header.Get("Location"); !strings.HasPrefix(to, i.URL+"/authorize?") || !strings.Contains(to, "redirect_uri=https%3A%2F%2Fpulse.example.com%2Flogin%2Fcallback") {
		t.Errorf("then it is led to %s", to)
	}
	// A browser has but a few logins under way.
	var many []*http.Cookie
	for n := range flowsAtOnce {
		many = append(many, &http.Cookie{Name: fmt.Sprint(flowCookies, n), Value: "x"}) // #nosec G124 -- a client's
	}
	answer, _ = get(t, s, "/login/oidc?again=true", cookies(many))
	forgotten := 0
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			forgotten++
		}
	}
	if forgotten != flowsAtOnce {
		t.Errorf("%d old logins are forgotten, of %d", forgotten, flowsAtOnce)
	}
}

// Wrong answers of a provider are guesses, too.
func TestGuessesByOIDC(t *testing.T) {
	i := newIssuer(t)
	s := idle(t, func(c *Config) {
		c.Access = letIn(t, AccessConfig{OIDC: i.config(t, nil), Tokens: []string{testToken}})
	})
	// Any site can have a reader's browser ask for this.
	for range 2 * freeGuesses {
		if answer, _ := get(t, s, "/login/callback?code=x&state=y", nil); answer.StatusCode != 403 {
			t.Fatalf("a login that was not begun: %d, want 403", answer.StatusCode)
		}
	}
	codes := map[int]int{}
	for range 2 * freeGuesses {
		state := rand.Text()
		f := &http.Cookie{Name: flowCookie(state), Value: s.access.signed("oidc", flow{State: state, Nonce: "x", Verifier: oauth2.GenerateVerifier(), Until: time.Now().Add(time.Minute).Unix()})} // #nosec G124 -- a client's
		answer, _ := get(t, s, "/login/callback?code=guess&state="+state, cookies([]*http.Cookie{f}))
		codes[answer.StatusCode]++
	}
	_, told := get(t, s, "/metrics", func(r *http.Request) { bearer(r); r.RemoteAddr = "198.51.100.1:1" })
	if codes[403] < freeGuesses || codes[429] < freeGuesses-1 || !strings.Contains(told, fmt.Sprintf(`pulse_web_wrong_logins_total{by="oidc"} %d`, codes[403])) {
		t.Errorf("codes that were guessed were answered by %v", codes)
	}
	if answer, _ := get(t, s, "/api/stats", bearer); answer.StatusCode != 200 {
		t.Errorf("a short token after codes that were guessed: %d, want 200", answer.StatusCode)
	}
}
