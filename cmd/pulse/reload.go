package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"sync/atomic"

	"pulse/stats"
)

// reloading runs a role, and runs it again each time that the process gets a hangup while
// the definitions file has become another one that is usable, or its page has saved one. With
// one that is not usable the role goes on as it was. At each hangup also is called.
func (s *statsFlag) reloading(ctx context.Context, log *slog.Logger, also func(), usable func(context.Context, *stats.Definitions) error, run func(context.Context) error) error {
	for {
		running, end := context.WithCancel(ctx)
		var again atomic.Bool
		go func() {
			for {
				select {
				case <-running.Done():
					return
				case <-s.env.Hangup:
					also()
				case <-s.news:
				}
				switch changed, err := s.reload(running, usable); {
				case err != nil:
					log.Error("nothing is reloaded: the definitions are as they were", "because", err)
				case !changed:
					log.Info("nothing to reload: the definitions file has not changed", "file", s.file)
				default:
					again.Store(true)
					end()
					return
				}
			}
		}()
		err := run(running)
		end()
		if err != nil || ctx.Err() != nil || !again.Load() {
			return err
		}
		log.Warn("going on with other definitions", "file", s.file, "version", s.loaded.Version())
	}
}

// reload reads the definitions file again, and keeps what it says for load if that is
// usable.
func (s *statsFlag) reload(ctx context.Context, usable func(context.Context, *stats.Definitions) error) (changed bool, err error) {
	if s.file == "" {
		return false, nil
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		return false, err
	}
	if bytes.Equal(text, s.text) {
		return false, nil
	}
	definitions, err := stats.ParseEnv(s.file, text, s.env.LookupEnv)
	if err == nil {
		err = usable(ctx, definitions)
	}
	if err != nil {
		return false, err
	}
	s.text, s.loaded = text, definitions
	return true, nil
}

// tellSaved has the definitions file read again.
func (s *statsFlag) tellSaved() {
	select {
	case s.news <- struct{}{}:
	default: // it is told already
	}
}

// usable says why a role that works on topics cannot go on with definitions.
func (r *roleFlags) usable(ctx context.Context, d *stats.Definitions) error {
	cluster, err := r.cluster()
	if err != nil {
		return err
	}
	return r.roleOf(slog.New(slog.DiscardHandler), cluster, d).checkTopics(ctx)
}

// rerun runs a role on topics, again after a reload.
func (r *roleFlags) rerun(ctx context.Context, e *environment, run func(context.Context) error) error {
	log, err := r.logger(e.Stderr)
	if err != nil {
		return err
	}
	return r.reloading(ctx, log, func() {}, r.usable, run)
}
