package main

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pulse/web"

	"github.com/prometheus/client_golang/prometheus"
)

var webCommand = command{
	name: "web", summary: "serve the dashboard", usage: "[flags]", about: `
Serves the dashboard. It also serves /healthz, /readyz and /metrics.`,
	reloads: true, settings: func() settings { return &webSettings{} },
}

type webSettings struct {
	roleFlags
	web webFlags
}

func (s *webSettings) add(f *flags) {
	s.web.add(f)
	s.logFlags.add(f)
	s.kafkaFlags.add(f)
	s.statsFlag.add(f)
}

func (s *webSettings) check(words []string) error {
	if err := s.web.check(); err != nil {
		return err
	}
	return noWords(words)
}

func (s *webSettings) run(ctx context.Context, e *environment) error {
	log, err := s.logger(e.Stderr)
	if err != nil {
		return err
	}
	if err := s.web.open(log); err != nil {
		return err
	}
	return s.reloading(ctx, log, func() { s.web.reload(log) }, s.usable, func(ctx context.Context) error { return s.once(ctx, e) })
}

// once runs the role with the definitions that there are.
func (s *webSettings) once(ctx context.Context, e *environment) error {
	role, err := s.openWithTopics(ctx, e)
	if err != nil {
		return err
	}
	server, err := s.web.server(role, role.metrics, s.saved(role.definitions, none, s.usable))
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

// webFlags are the flags of the dashboard.
type webFlags struct {
	addr          string
	auth          string
	tokens        string
	tokenFile     string
	shareKey      string
	session       time.Duration
	origins       string
	embedFrom     string
	certificate   string
	key           string
	forceHTTPS    bool
	canonicalHost string
	allowEdit     bool
	url           string
	hosts         string
	oidc          oidcFlags

	access *web.Access // made once: logins outlive other definitions
}

func (w *webFlags) add(f *flags) {
	f.vars["force-https"], f.vars["canonical-host"] = "FORCE_HTTPS", "CANONICAL_HOST"
	addr := "localhost:8080"
	if port, ok := f.env.LookupEnv("PORT"); ok && port != "" {
		addr = ":" + port
	}
	f.StringVar(&w.addr, "http", addr, "the `address` of the dashboard; $PORT, if it is set, is a port on all interfaces")
	for _, s := range []struct {
		name, variable string
		value          *string
		help           string
	}{
		{"http-auth", "WEB_AUTH", &w.auth, "the `user:password` that browsers must give"},
		{"http-tokens", "WEB_TOKENS", &w.tokens, "a comma list of bearer `tokens`, of 16 bytes or more, with the role edit"},
		{"http-share-key", "WEB_SHARE_KEY", &w.shareKey, "a `key` of 16 bytes or more that signs share links and logins: the same on every server"},
	} {
		f.vars[s.name] = s.variable
		f.StringVar(s.value, s.name, "", s.help)
	}
	f.vars["http-token-file"], f.vars["http-session"] = "WEB_TOKEN_FILE", "WEB_SESSION"
	f.StringVar(&w.tokenFile, "http-token-file", "", "a `file` of tokens: in each line a role (read, lines or edit), a name and a token; it is read again")
	f.durationVar(&w.session, "http-session", web.DefaultSession, "how long a login by the page's form lasts, a `duration` of up to 720h")
	f.vars["http-origins"], f.vars["http-cert"], f.vars["http-key"] = "WEB_ORIGINS", "WEB_CERT", "WEB_KEY"
	f.StringVar(&w.origins, "http-origins", "", "a comma list of `sites` (https://host) whose pages may open the socket")
	f.vars["embed-from"] = "WEB_EMBED_FROM"
	f.StringVar(&w.embedFrom, "embed-from", "", "a comma list of `sites` (https://host) whose pages may show the dashboard in a frame")
	f.StringVar(&w.certificate, "http-cert", "", "the `file` of a certificate and its chain, in PEM, for HTTPS; it is read again when it changes")
	f.StringVar(&w.key, "http-key", "", "the `file` of the private key of --http-cert, in PEM")
	f.vars["http-url"], f.vars["http-hosts"] = "WEB_URL", "WEB_HOSTS"
	f.StringVar(&w.url, "http-url", "", "the `address` by which browsers reach the page, such as https://pulse.example.com")
	f.StringVar(&w.hosts, "http-hosts", "", "a comma list of further host `names` of a page without a login; * takes any")
	w.oidc.add(f)
	f.BoolVar(&w.allowEdit, "allow-edit", false, "let who has the role edit save and delete incidents from the page, and try and save definitions")
	f.BoolVar(&w.forceHTTPS, "force-https", false, "redirect requests that reached the proxy by plain HTTP to HTTPS")
	f.StringVar(&w.canonicalHost, "canonical-host", "", "redirect requests for other host names to this `host`")
}

// check finds what web.New would find too late for a good message.
func (w *webFlags) check() error {
	_, port, err := net.SplitHostPort(w.addr)
	if err != nil {
		return usagef("--http %q is not an address: write host:port, for example localhost:8080", w.addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return usagef("--http %q has no valid port: write host:port with a port from 0 to 65535", w.addr)
	}
	if user, password, _ := strings.Cut(w.auth, ":"); w.auth != "" && (user == "" || password == "") {
		return usagef("--http-auth must be user:password, both not empty")
	}
	if (w.certificate == "") != (w.key == "") {
		return usagef("--http-cert and --http-key go together")
	}
	if u, err := url.Parse(w.url); w.url != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil) {
		return usagef("--http-url %q is not the address of a page: write https://host or http://host:port, without a path", w.url)
	}
	if err := w.oidc.check(w.url); err != nil {
		return err
	}
	open := w.auth == "" && len(list(w.tokens)) == 0 && w.tokenFile == "" && w.oidc.issuer == ""
	if w.shareKey != "" && open {
		return usagef("--http-share-key needs a login (--http-auth, --http-tokens, --http-token-file or --oidc-issuer): without one all may come in already")
	}
	if w.session != web.DefaultSession && open {
		return usagef("--http-session is of a login, and there is none: add --http-auth, --http-tokens, --http-token-file or --oidc-issuer")
	}
	if w.allowEdit && open {
		return usagef("--allow-edit needs a login (--http-auth, --http-tokens, --http-token-file or --oidc-issuer): without one anybody could edit")
	}
	for flag, sites := range map[string]string{"--http-origins": w.origins, "--embed-from": w.embedFrom} {
		for _, site := range list(sites) {
			if u, err := url.Parse(site); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != site || strings.ContainsAny(site, " ;,'\"") {
				return usagef("%s: %q is not a site: write https://host or https://host:port", flag, site)
			}
		}
	}
	return nil
}

// open reads who may come in, and the certificate.
func (w *webFlags) open(log *slog.Logger) (err error) {
	provider, err := w.oidc.config(w.address())
	if err != nil {
		return err
	}
	w.access, err = web.NewAccess(web.AccessConfig{
		OIDC: provider,
		Auth: w.auth, Tokens: list(w.tokens), TokenFile: w.tokenFile, ShareKey: w.shareKey, Session: w.session,
		CertFile: w.certificate, KeyFile: w.key, Logger: log,
	})
	return err
}

// address is that of --http-url; nil: it is not known.
func (w *webFlags) address() *url.URL {
	u, err := url.Parse(w.url)
	if err != nil || u.Host == "" {
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

// reload reads these again. What is wrong changes nothing.
func (w *webFlags) reload(log *slog.Logger) {
	if w.tokenFile == "" && w.certificate == "" {
		return
	}
	if err := w.access.Reload(); err != nil {
		log.Error("tokens and certificates of the page are as they were", "because", err)
		return
	}
	log.Info("reloaded the tokens and certificates of the page")
}

func (w *webFlags) server(role *role, shown prometheus.Gatherer, file web.DefinitionsFile) (*web.Server, error) {
	var recording func() web.Recording
	if role.recording != nil {
		recording = role.recording.Recording
	}
	return web.New(web.Config{
		Cluster: role.cluster, Names: role.names, Definitions: role.definitions, Addr: w.addr, Logger: role.log,
		Metrics: shown, Access: w.access, Origins: list(w.origins), EmbedFrom: list(w.embedFrom), ForceHTTPS: w.forceHTTPS, CanonicalHost: w.canonicalHost, AllowEdit: w.allowEdit,
		URL: w.address(), Hosts: list(w.hosts), DefinitionsFile: file, Recording: recording,
	})
}

// list reads a comma list.
func list(text string) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
