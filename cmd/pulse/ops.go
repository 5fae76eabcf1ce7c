package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// opsFlags are the flags of a role's own small server for its supervisor.
type opsFlags struct{ addr string }

func (o *opsFlags) add(f *flags) {
	f.StringVar(&o.addr, "ops", "", "serve /healthz, /readyz and /metrics on this `address`, for example :9100; by default, they are not served")
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
			http.Error(w, "not ready: no partition has been assigned yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(role.metrics, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(role.log.Handler(), slog.LevelWarn)}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			role.log.Error("the server of --ops stopped: /healthz, /readyz and /metrics are not served any more", "error", err)
		}
	}()
	return nil
}

// alwaysReady is of a role that is ready when it runs.
func alwaysReady() bool { return true }
