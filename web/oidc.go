package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"pulse/topics/retry"
)

const (
	flowCookies      = "pulse-oidc-" // begins the names of the cookies of logins that are under way
	flowWithin       = 10 * time.Minute
	flowsAtOnce      = 5 // of a browser
	providerWithin   = 10 * time.Second
	providerAgain    = 5 * time.Second // between two tries to reach a provider
	maxProviderBytes = 1 << 20         // of an answer of a provider
	clockSkew        = time.Minute     // by which its clock may be ahead of, or behind, ours
	maxWhere         = 2000            // bytes of where a login leads
)

// AnyValue stands for every value of a claim, and for none.
const AnyValue = "*"

// OIDCConfig is a provider of logins by OpenID Connect, and what its users may do.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string      // "": the client is a public one
	Scopes       []string    // besides openid
	Claim        string      // of the ID token, or of the user info, that has groups; with dots between names of claims in claims
	Roles        []ClaimRole // who has none of these values gets no role
	URL          *url.URL    // by which browsers reach the page
}

// A ClaimRole is the role of those who have a value in their claim.
type ClaimRole struct {
	Role  Role
	Value string // or AnyValue
}

// A provider is what is known of a provider of logins.
type provider struct {
	config OIDCConfig
	client *http.Client

	mu    sync.Mutex
	found *oidc.Provider
	tried time.Time
	err   error // of the last try
}

func newProvider(c OIDCConfig) *provider {
	return &provider{config: c, client: &http.Client{Timeout: providerWithin, Transport: boundedAnswers{http.DefaultTransport}}}
}

// boundedAnswers cuts answers that are longer than any should be.
type boundedAnswers struct{ http.RoundTripper }

func (b boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxProviderBytes), answer.Body}
	}
	return answer, err
}

// title is what the login page calls a provider; "" of none.
func (p *provider) title() string {
	if p == nil {
		return ""
	}
	u, err := url.Parse(p.config.Issuer)
	if err != nil {
		return p.config.Issuer
	}
	return u.Host
}

// settings are those by which logins got their roles; "" of no provider.
func (p *provider) settings() string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(p.config.Issuer, p.config.ClientID, p.config.Claim, p.config.Roles)
}

// discovered is the provider as it describes itself, once that is known.
func (p *provider) discovered(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil || p.err != nil && time.Since(p.tried) < providerAgain {
		return p.found, p.err
	}
	p.found, p.err = p.discover(ctx)
	p.tried = time.Now()
	return p.found, p.err
}

// discover asks a provider. Its name must be the one that was given, but that people leave out,
// or add, a slash at the end.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	found, err := oidc.NewProvider(ctx, p.config.Issuer)
	var other *oidc.IssuerMismatchError
	if errors.As(err, &other) && strings.TrimSuffix(other.Discovered, "/") == strings.TrimSuffix(other.Provided, "/") {
		return oidc.NewProvider(ctx, other.Discovered)
	}
	return found, err
}

// keepTrying asks a provider until it answers, or ctx is done.
func (p *provider) keepTrying(ctx context.Context, told func(error)) {
	for ctx.Err() == nil {
		_, err := p.discovered(ctx)
		if err == nil {
			return
		}
		told(err)
		retry.Wait(ctx, providerAgain)
	}
}

// oauth is how codes are asked for and exchanged.
func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	to := *p.config.URL
	to.Path = "/login/callback"
	scopes := append([]string{oidc.ScopeOpenID}, p.config.Scopes...)
	slices.Sort(scopes[1:])
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: to.String(), Scopes: slices.Compact(scopes),
	}
}

// A flow is a login that is under way, which its browser keeps in a cookie.
type flow struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE, RFC 7636
	To       string `json:"to"`       // where it leads
	Until    int64  `json:"until"`
}

// flowCookie is the name of a flow's cookie: a browser may log in in several tabs.
func flowCookie(state string) string { return flowCookies + state[:min(len(state), 8)] }

// beginOIDC leads a browser to the provider.
func (s *Server) beginOIDC(w http.ResponseWriter, r *http.Request) {
	p, query := s.access.provider, r.URL.Query()
	if p == nil {
		http.Error(w, "there is no provider of logins: start Pulse with --oidc-issuer", http.StatusNotFound)
		return
	}
	to := here(query.Get("to"))
	w.Header().Set("Cache-Control", "no-store")
	// The answer comes to the page's own name, where the cookie has to be. Behind a proxy that
	// changes the name all requests have another one: it is tried once.
	if u := p.config.URL; !strings.EqualFold(u.Host, r.Host) && query.Get("again") == "" {
		there := *u
		there.Path, there.RawQuery = r.URL.Path, url.Values{"to": {to}, "again": {"true"}}.Encode()
		http.Redirect(w, r, there.String(), http.StatusSeeOther)
		return
	}
	found, err := p.discovered(r.Context())
	if err != nil {
		s.providerFails(w, r, err, to)
		return
	}
	if len(to) > maxWhere {
		to = "/"
	}
	f := flow{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), to, time.Now().Add(flowWithin).Unix()}
	if old := flowsOf(r); len(old) >= flowsAtOnce {
		for _, name := range old {
			http.SetCookie(w, forget(r, name, "/login"))
		}
	}
	http.SetCookie(w, cookie(r, flowCookie(f.State), s.access.signed("oidc", f), "/login", time.Unix(f.Until, 0)))
	http.Redirect(w, r, p.oauth(found).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), http.StatusSeeOther)
}

// flowsOf are the cookies of logins that a browser has begun.
func flowsOf(r *http.Request) (names []string) {
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, flowCookies) {
			names = append(names, c.Name)
		}
	}
	return names
}

// providerFails says that a provider cannot be asked; nobody is to blame who logs in.
func (s *Server) providerFails(w http.ResponseWriter, r *http.Request, err error, to string) {
	s.refusals.Warn("the provider of logins cannot be asked", "issuer", s.access.provider.config.Issuer, "error", err)
	s.showLogin(w, r, http.StatusBadGateway, fmt.Sprintf("%s cannot be asked now: try again in a moment. Pulse's log says why.", s.access.provider.title()), to)
}

// endOIDC takes a browser that the provider sends back.
func (s *Server) endOIDC(w http.ResponseWriter, r *http.Request) {
	a, p, now, query := s.access, s.access.provider, time.Now(), r.URL.Query()
	if p == nil {
		http.Error(w, "there is no provider of logins: start Pulse with --oidc-issuer", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	var f flow
	state := query.Get("state")
	kept, err := r.Cookie(flowCookie(state))
	if err != nil || !a.genuine("oidc", kept.Value, &f) || f.State != state || now.Unix() >= f.Until {
		// It is not counted: any site can have its readers' browsers send this.
		s.showLogin(w, r, http.StatusForbidden, fmt.Sprintf("This login was not begun in this browser within the last ten minutes, or it is over: log in again. If that does not help, the browser keeps no cookies of %s.", p.config.URL.Host), "/")
		return
	}
	if s.slowDown(w, r, byOIDC, now) {
		return
	}
	// The browser forgets the flow, and the provider takes its code once (RFC 6749): nothing has
	// to be remembered here, which who has not logged in could fill.
	http.SetCookie(w, forget(r, kept.Name, "/login"))
	refuse := func(to, format string, args ...any) {
		s.guessedWrong(r, byOIDC, now)
		s.showLogin(w, r, http.StatusForbidden, fmt.Sprintf(format, args...), to)
	}
	if code := query.Get("error"); code != "" {
		refuse(f.To, "%s does not log you in: %.100s %.300s", p.title(), code, query.Get("error_description"))
		return
	}
	found, err := p.discovered(r.Context())
	if err != nil {
		s.providerFails(w, r, err, f.To)
		return
	}
	who, err := p.exchange(r.Context(), found, f, query.Get("code"), now)
	var wrong wrongLogin
	switch {
	case errors.As(err, &wrong):
		s.config.Logger.Warn("a login by OIDC was refused", "because", err, "from", visitor(r))
		refuse(f.To, "%v", err)
	case err != nil:
		s.providerFails(w, r, err, f.To)
	case who.role == Nobody:
		s.config.Logger.Warn("who logged in by OIDC has no role", "who", who.name, "claim", p.config.Claim, "from", visitor(r))
		s.showLogin(w, r, http.StatusForbidden, fmt.Sprintf("You are %s, but nothing in your claim %s gives you a role here. Ask those who run Pulse: --oidc-role says who has one.", who.name, p.config.Claim), f.To)
	default:
		s.enter(w, r, who, f.To, now)
	}
}

// A wrongLogin is what is wrong with what a browser or a provider says.
type wrongLogin struct{ error }

// exchange gives a code to the provider and reads who it is for.
func (p *provider) exchange(ctx context.Context, found *oidc.Provider, f flow, code string, now time.Time) (identity, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response.StatusCode < 500 {
		// Not with the provider's whole answer, which may have secrets.
		return identity{}, wrongLogin{fmt.Errorf("%s refuses the login: %.100s %.300s", p.title(), cmp.Or(refused.ErrorCode, refused.Response.Status), refused.ErrorDescription)}
	}
	if err != nil {
		return identity{}, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return identity{}, wrongLogin{fmt.Errorf("%s gives no ID token: the scope openid must be allowed for this client", p.title())}
	}
	// The verifier takes tokens that were to be valid some minutes later; those that are over it
	// does not, whatever the clocks.
	verifier := found.VerifierContext(ctx, &oidc.Config{ClientID: p.config.ClientID, Now: func() time.Time { return now.Add(-clockSkew) }})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, wrongLogin{fmt.Errorf("the ID token of %s is not valid: %.300s", p.title(), strings.TrimPrefix(err.Error(), "oidc: "))}
	}
	if token.Nonce != f.Nonce {
		return identity{}, wrongLogin{fmt.Errorf("the ID token of %s is of another login", p.title())}
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return identity{}, wrongLogin{fmt.Errorf("the ID token of %s cannot be read: %w", p.title(), err)}
	}
	if _, ok := claimed(claims, p.config.Claim); !ok && found.UserInfoEndpoint() != "" {
		// Some providers keep their ID tokens short.
		more := map[string]any{}
		info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err == nil && info.Subject == token.Subject && info.Claims(&more) == nil {
			for name, v := range more {
				if _, has := claims[name]; !has {
					claims[name] = v
				}
			}
		}
	}
	return identity{role: p.role(claims), name: nameOf(claims, token.Subject) + " at " + p.title()}, nil
}

// nameOf is what the log calls somebody.
func nameOf(claims map[string]any, subject string) string {
	for _, claim := range []string{"preferred_username", "email"} {
		if name, _ := claims[claim].(string); name != "" {
			return fmt.Sprintf("%.100s", name)
		}
	}
	return fmt.Sprintf("%.100s", subject)
}

// role is the greatest that somebody's claims give.
func (p *provider) role(claims map[string]any) (role Role) {
	value, _ := claimed(claims, p.config.Claim)
	values := texts(value)
	for _, r := range p.config.Roles {
		if r.Value == AnyValue || slices.Contains(values, r.Value) {
			role = max(role, r.Role)
		}
	}
	return role
}

// claimed is the claim of a name, or that of names with dots between them.
func claimed(claims map[string]any, name string) (any, bool) {
	if v, ok := claims[name]; ok {
		return v, true
	}
	first, rest, ok := strings.Cut(name, ".")
	if inner, is := claims[first].(map[string]any); ok && is {
		return claimed(inner, rest)
	}
	return nil, false
}

// texts are the values of a claim: of one group many providers make a text, not a list, and some
// write lists as text.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "[") && json.Unmarshal([]byte(v), &all) == nil {
			return all
		}
		return []string{v}
	case []any:
		for _, one := range v {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
	}
	return all
}

// ParseClaimRoles reads roles with the values that have them, as edit=sre,lines=dev. A value may
// have commas and equals signs, as names in directories do.
func ParseClaimRoles(text string) (roles []ClaimRole, err error) {
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		role, wrong := ParseRole(name)
		switch {
		case ok && wrong == nil && value != "":
			roles = append(roles, ClaimRole{role, value})
		case len(roles) > 0 && part != "" && wrong != nil:
			roles[len(roles)-1].Value += "," + part
		default:
			return nil, fmt.Errorf("%.60q is not a role with a value: write for example edit=sre,lines=dev, or read=* for everybody", part)
		}
	}
	return roles, nil
}
