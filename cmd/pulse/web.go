package main

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"

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
	return s.rerun(ctx, e, func(ctx context.Context) error { return s.once(ctx, e) })
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
	shareKey      string
	origins       string
	embedFrom     string
	certificate   string
	key           string
	forceHTTPS    bool
	canonicalHost string
	allowEdit     bool
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
		{"http-tokens", "WEB_TOKENS", &w.tokens, "a comma list of bearer `tokens`, of 16 bytes or more, that are taken too"},
		{"http-share-key", "WEB_SHARE_KEY", &w.shareKey, "a `key` of 16 bytes or more that signs share links: the same on every server"},
	} {
		f.vars[s.name] = s.variable
		f.StringVar(s.value, s.name, "", s.help)
	}
	f.vars["http-origins"], f.vars["http-cert"], f.vars["http-key"] = "WEB_ORIGINS", "WEB_CERT", "WEB_KEY"
	f.StringVar(&w.origins, "http-origins", "", "a comma list of `sites` (https://host) whose pages may open the socket")
	f.vars["embed-from"] = "WEB_EMBED_FROM"
	f.StringVar(&w.embedFrom, "embed-from", "", "a comma list of `sites` (https://host) whose pages may show the dashboard in a frame")
	f.StringVar(&w.certificate, "http-cert", "", "the `file` of a certificate and its chain, in PEM, for HTTPS; it is read again when it changes")
	f.StringVar(&w.key, "http-key", "", "the `file` of the private key of --http-cert, in PEM")
	f.BoolVar(&w.allowEdit, "allow-edit", false, "let who has the login or a token save and delete incidents from the page, and try and save definitions")
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
	if w.shareKey != "" && w.auth == "" && w.tokens == "" {
		return usagef("--http-share-key needs --http-auth or --http-tokens: without them all may come in already")
	}
	if w.allowEdit && w.auth == "" && w.tokens == "" {
		return usagef("--allow-edit needs --http-auth or --http-tokens: without them anybody could edit")
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

func (w *webFlags) server(role *role, shown prometheus.Gatherer, file web.DefinitionsFile) (*web.Server, error) {
	return web.New(web.Config{
		Cluster: role.cluster, Names: role.names, Definitions: role.definitions, Addr: w.addr, Logger: role.log,
		Metrics: shown, Auth: w.auth, Tokens: list(w.tokens), ShareKey: w.shareKey, Origins: list(w.origins), EmbedFrom: list(w.embedFrom),
		CertFile: w.certificate, KeyFile: w.key, ForceHTTPS: w.forceHTTPS, CanonicalHost: w.canonicalHost, AllowEdit: w.allowEdit,
		DefinitionsFile: file,
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
