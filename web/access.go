package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	minSecret  = 16          // bytes of a token, and of the key of share links
	sureSecret = 32          // bytes of a token that nobody guesses, such as 16 random ones in hexadecimal digits
	lookEvery  = time.Minute // whether the files of an Access have changed
)

// AccessConfig says who may come in, and by which certificate the server shows who it is.
type AccessConfig struct {
	Auth      string        // user:password for basic auth; its role is Edit
	Tokens    []string      // that a client may have as Authorization: Bearer; their role is Edit
	TokenFile string        // of tokens with roles and names; it is read again when it changes
	ShareKey  string        // signs share links, and logins; the same for all servers of a dashboard; "": there are no share links, and logins end with the process
	Session   time.Duration // how long a login lasts; 0: DefaultSession
	OIDC      *OIDCConfig   // a provider of logins; nil: none
	CertFile  string        // of a certificate and its chain, PEM: the server speaks TLS itself; read again when it changes
	KeyFile   string        // of its key
	Logger    *slog.Logger
}

// An Access is who may come in. One is for all servers of a process, so that logins outlive
// other definitions.
type Access struct {
	log      *slog.Logger
	key      []byte // of what is signed and compared
	shareKey []byte // of share links; nil: there are none
	session  time.Duration
	fixed    map[digest]grant // of Auth and Tokens
	basic    bool             // there is a user with a password
	guesses  *guesses         // of passwords, and of tokens that are not sure
	codes    *guesses         // of OIDC
	provider *provider        // of logins; nil: there is none
	wrong    *prometheus.CounterVec
	slowed   prometheus.Counter

	tokenFile, certFile, keyFile string

	mu          sync.Mutex
	granted     map[digest]grant // fixed, and those of the token file
	certificate *tls.Certificate // nil: no TLS here
	seen        [2]os.FileInfo   // the files that these are from
	looked      time.Time
	ended       map[string]time.Time // logins that were ended, until they would have been over
	held        map[*hold]bool       // connections that end when who has them may no longer come in
}

// A digest is the HMAC of what somebody knows. It is looked up as it is: nobody without the key
// can tell which digests begin alike.
type digest [sha256.Size]byte

// A grant is what somebody may do who knows a password or a token.
type grant struct {
	role Role
	name string // for the log
}

// An identity is who a request is from.
type identity struct {
	role    Role
	name    string    // for the log; "": nothing is known of them
	shared  bool      // by a share link
	scope   scope     // that the share link is for
	until   time.Time // when it ends; zero: not by itself
	grant   digest    // by which they came in, by themselves or before; zero: by none
	session string    // the login by which they came; "": by none
}

// described is whom a sentence speaks to.
func (i identity) described() string {
	if i.name == "" {
		return "logged in"
	}
	return i.name
}

// NewAccess reads what a config says, and its files.
func NewAccess(c AccessConfig) (*Access, error) {
	a := &Access{
		log: c.Logger, session: c.Session, fixed: map[digest]grant{}, guesses: newGuesses(), codes: newGuesses(), tokenFile: c.TokenFile, certFile: c.CertFile, keyFile: c.KeyFile,
		ended: map[string]time.Time{}, held: map[*hold]bool{}, looked: time.Now(),
		wrong: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulse_web_wrong_logins_total", Help: "Passwords, tokens, login forms and logins by OIDC that were refused.",
		}, []string{"by"}),
		slowed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pulse_web_slowed_logins_total", Help: "Logins that were not looked at, because their address had sent too many wrong ones.",
		}),
	}
	for _, by := range []string{byPassword, byToken, byForm, byOIDC} {
		a.wrong.WithLabelValues(by)
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.session == 0 {
		a.session = DefaultSession
	}
	if a.session < minSession || a.session > maxSession {
		return nil, fmt.Errorf("a login that lasts %v is not possible: give a duration from %v to %v", a.session, minSession, maxSession)
	}
	if c.ShareKey != "" {
		if len(c.ShareKey) < minSecret {
			return nil, fmt.Errorf("the key of share links has %d bytes, at least %d are needed; make one with `openssl rand -hex 16`", len(c.ShareKey), minSecret)
		}
		a.shareKey = []byte(c.ShareKey)
		a.key = mac(a.shareKey, "pulse logins")
	} else {
		a.key = make([]byte, sha256.Size)
		rand.Read(a.key) //nolint:errcheck // it never fails
	}
	if c.Auth != "" {
		user, password, ok := strings.Cut(c.Auth, ":")
		if !ok || user == "" || password == "" {
			return nil, errors.New("WEB_AUTH must be user:password, both not empty")
		}
		a.basic = true
		a.fixed[a.ofPassword(user, password)] = grant{Edit, "user " + user}
	}
	for i, token := range c.Tokens {
		if err := checkSecret(token); err != nil {
			return nil, fmt.Errorf("token %d %w", i+1, err)
		}
		a.fixed[a.ofToken(token)] = grant{Edit, fmt.Sprint("token ", i+1)}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, errors.New("TLS needs both files: give --http-cert and --http-key")
	}
	if c.OIDC != nil {
		a.provider = newProvider(*c.OIDC)
	}
	if err := a.read(); err != nil {
		return nil, err
	}
	return a, nil
}

// Reload reads the files again. Where one of them is wrong all is as it was, and the error says
// what is. Who had a token that is there no longer is sent away at once.
func (a *Access) Reload() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read()
}

// read reads the files. The caller has the lock.
func (a *Access) read() error {
	seen := a.files() // before they are read: what comes in between is read again
	granted := maps.Clone(a.fixed)
	if a.tokenFile != "" {
		tokens, err := readTokenFile(a.tokenFile)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			key := a.ofToken(t.token)
			if _, both := granted[key]; both {
				return fmt.Errorf("%s: the token of %s is one of --http-tokens, too: take it out of one of them", a.tokenFile, t.name)
			}
			granted[key] = grant{t.role, "token " + t.name}
		}
	}
	var certificate *tls.Certificate
	if a.certFile != "" {
		pair, err := tls.LoadX509KeyPair(a.certFile, a.keyFile)
		if err != nil {
			return fmt.Errorf("cannot use the certificate %s with the key %s: %w", a.certFile, a.keyFile, err)
		}
		certificate = &pair
	}
	a.granted, a.certificate, a.seen = granted, certificate, seen
	a.dismiss()
	return nil
}

// files are those of tokens and of the certificate, as far as they are there.
func (a *Access) files() (seen [2]os.FileInfo) {
	for i, name := range []string{a.tokenFile, a.certFile} {
		if info, err := os.Stat(name); err == nil && name != "" {
			seen[i] = info
		}
	}
	return seen
}

// unchanged reports whether a file is as it was: one that is moved into its place may have any
// time.
func unchanged(before, now os.FileInfo) bool {
	if before == nil || now == nil {
		return before == now
	}
	return os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
}

// look reads the files again where they have changed, once in a while: who renews certificates,
// and Kubernetes with its secrets, tells nobody.
func (a *Access) look(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokenFile == "" && a.certFile == "" || now.Sub(a.looked) < lookEvery {
		return
	}
	a.looked = now
	if seen := a.files(); unchanged(a.seen[0], seen[0]) && unchanged(a.seen[1], seen[1]) {
		return
	}
	if err := a.read(); err != nil {
		a.log.Error("tokens and certificates are as they were", "because", err)
		return
	}
	a.log.Info("tokens and certificates were read again")
}

// certified is tls.Config's GetCertificate.
func (a *Access) certified(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.look(time.Now())
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.certificate, nil
}

// open reports whether everybody may come in.
func (a *Access) open() bool {
	return len(a.fixed) == 0 && a.tokenFile == "" && a.provider == nil
}

// shares reports whether share links can be made and are taken.
func (a *Access) shares() bool { return a.shareKey != nil && !a.open() }

// form reports whether browsers log in by the page's own form. For a user and a password they have
// one themselves, and addresses with these in them work on a wall.
func (a *Access) form() bool {
	return a.provider != nil || a.tokenFile != "" || a.hasTokens() && !a.basic
}

// hasTokens reports whether there are tokens to log in with.
func (a *Access) hasTokens() bool {
	return a.tokenFile != "" || len(a.fixed) > 1 || len(a.fixed) == 1 && !a.basic
}

// challenge tells a client how to come in. A browser asks for a user by itself, also where only
// a part of a page was refused: not where there is a form.
func (a *Access) challenge() string {
	if a.form() {
		return `Bearer realm="Pulse"`
	}
	return `Basic realm="Pulse", charset="UTF-8"`
}

// mac is the HMAC-SHA256 of texts.
func mac(key []byte, texts ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, text := range texts {
		fmt.Fprintf(m, "%d:%s", len(text), text)
	}
	return m.Sum(nil)
}

func (a *Access) ofToken(token string) digest { return digest(mac(a.key, "token", token)) }

func (a *Access) ofPassword(user, password string) digest {
	return digest(mac(a.key, "password", user, password))
}

// granted to who knows something, or nothing.
func (a *Access) has(key digest) (grant, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, ok := a.granted[key]
	return g, ok
}

// How somebody tries to log in.
const (
	byPassword = "password"
	byToken    = "token"
	byForm     = "form"
	byOIDC     = "oidc"
)

// tried is by what a request's header tries to log in; "": it does not.
func (a *Access) tried(r *http.Request) string {
	switch scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); {
	case scheme == "" || a.open():
		return ""
	case strings.EqualFold(scheme, "Bearer"):
		return byToken
	}
	return byPassword
}

// sure reports whether a request's header tries a token that is too long to guess: looking at it
// gives nothing away, and it need not wait for what others at its address guess.
func sure(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && len(token) >= sureSecret
}

// who is whom a request is from; known says that its header was right.
func (a *Access) who(r *http.Request, now time.Time) (who identity, known bool) {
	if a.open() {
		return identity{role: Edit}, false
	}
	key, given := digest{}, false
	if user, password, ok := r.BasicAuth(); ok {
		key, given = a.ofPassword(user, password), true
	} else if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		key, given = a.ofToken(token), true
	}
	if g, ok := a.has(key); given && ok {
		return identity{role: g.role, name: g.name, grant: key}, true
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		if who, ok := a.loggedIn(cookie.Value, now); ok {
			return who, false
		}
	}
	if cookie, err := r.Cookie(shareCookie); err == nil {
		if end, c, ok := a.verify(cookie.Value, now); ok {
			return identity{role: Read, shared: true, scope: c, until: end}, false
		}
	}
	return identity{}, false
}

// A hold is a connection that somebody has.
type hold struct {
	who identity
	end func()
}

// hold calls end as soon as somebody may no longer come in, or not in the same role; leave says
// that the connection is over.
func (a *Access) hold(who identity, end func()) (leave func()) {
	h := &hold{who, end}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone(who) { // since the request was let in
		end()
		return func() {}
	}
	a.held[h] = true
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.held, h)
	}
}

// gone reports whether somebody may no longer come in as they did. The caller has the lock.
func (a *Access) gone(who identity) bool {
	g, ok := a.granted[who.grant]
	_, ended := a.ended[who.session]
	return ended || who.grant != digest{} && (!ok || g.role != who.role)
}

// dismiss ends the connections of those who may no longer come in. The caller has the lock.
func (a *Access) dismiss() {
	for h := range a.held {
		if a.gone(h.who) {
			delete(a.held, h)
			h.end()
		}
	}
}

type identityKey struct{}

// whoIs gives whom a request is from.
func whoIs(ctx context.Context) identity {
	who, _ := ctx.Value(identityKey{}).(identity)
	return who
}
