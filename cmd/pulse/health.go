package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// opsFlags are the flags of a role's own small server for its supervisor.
type opsFlags struct{ addr string }

func (o *opsFlags) add(f *flags) {
	f.StringVar(&o.addr, "ops", "", "serve /healthz, /readyz and /metrics on this `address`, say :9100; empty: do not")
}

// serve answers /healthz and /metrics as soon as it listens and /readyz once
// ready reports true, until ctx is done. It returns at once.
func (o *opsFlags) serve(ctx context.Context, role *role, ready func() bool) error {
	if o.addr == "" {
		return nil
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("--ops %s: %w; choose another address", o.addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "not yet: no partition has been assigned", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(role.metrics, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(role.log.Handler(), slog.LevelWarn)}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			role.log.Error("the ops server ended", "error", err)
		}
	}()
	return nil
}

// healthCommand is `pulse health`: what a container without a shell or curl
// has for a health check.
func healthCommand(ctx context.Context, e *environment, args []string) error {
	f := newFlags(e, "health", "URL", `
Asks URL, say http://localhost:9100/readyz, and fails unless the answer is 200.`)
	var timeout time.Duration
	f.durationVar(&timeout, "timeout", 2*time.Second, "how `long` to wait for the answer")
	urls, err := f.parseWords(args)
	if err != nil {
		return err
	}
	if len(urls) != 1 {
		return usagef("one URL is needed")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, urls[0], nil)
	if err != nil {
		return usageError{err}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", urls[0], response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
