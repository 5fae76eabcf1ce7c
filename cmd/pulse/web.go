package main

import (
	"context"
	"net"
	"strconv"
	"strings"

	"pulse/web"
)

var webCommand = command{
	name: "web", summary: "serve the dashboard", usage: "[flags]", about: `
Serves the dashboard. It also serves /healthz, /readyz and /metrics.`,
	settings: func() settings { return &webSettings{} },
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
	role, err := s.openWithTopics(ctx, e)
	if err != nil {
		return err
	}
	server, err := s.web.server(role)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

// webFlags are the flags of the dashboard.
type webFlags struct {
	addr          string
	auth          string
	forceHTTPS    bool
	canonicalHost string
}

func (w *webFlags) add(f *flags) {
	f.vars["http-auth"], f.vars["force-https"], f.vars["canonical-host"] = "WEB_AUTH", "FORCE_HTTPS", "CANONICAL_HOST"
	addr := "localhost:8080"
	if port, ok := f.env.LookupEnv("PORT"); ok && port != "" {
		addr = ":" + port
	}
	f.StringVar(&w.addr, "http", addr, "the `address` of the dashboard; $PORT, if it is set, is a port on all interfaces")
	f.StringVar(&w.auth, "http-auth", "", "the `user:password` that browsers must give")
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
	return nil
}

func (w *webFlags) server(role *role) (*web.Server, error) {
	return web.New(web.Config{
		Cluster: role.cluster, Names: role.names, Definitions: role.definitions, Addr: w.addr, Logger: role.log,
		Metrics: role.metrics, Auth: w.auth, ForceHTTPS: w.forceHTTPS, CanonicalHost: w.canonicalHost,
	})
}
