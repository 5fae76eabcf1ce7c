package main

import (
	"context"
	"runtime"
	"time"

	"pulse/processors/receiver"
	"pulse/web"
)

var receiveCommand = command{
	name: "receive", summary: "roll lines up into fragments", usage: "[flags]", about: `
Reads packs of lines, rolls them up per stat and second, and sends the partial
rollups on. Run as many as you like: they share the partitions.`,
	reloads: true, settings: func() settings { return &receiveSettings{} },
}

type receiveSettings struct {
	roleFlags
	member  memberFlags
	history time.Duration
}

// defaultHistory is what a page shows.
const defaultHistory = web.Window * time.Second

func (s *receiveSettings) add(f *flags) {
	s.roleFlags.add(f)
	s.addSession(f)
	s.member.add(f)
	addHistory(f, &s.history)
}

// addHistory adds the flag that says how far back new definitions go.
func addHistory(f *flags, history *time.Duration) {
	f.durationVar(history, "history", defaultHistory, "how far back new definitions are computed beside older ones, a `duration`; beyond 5m by a merger")
}

func checkHistory(history time.Duration) error {
	if history < 0 {
		return usagef("--history is %v: write a duration of 0s or more", history)
	}
	return nil
}

func (s *receiveSettings) check(words []string) error {
	if err := checkHistory(s.history); err != nil {
		return err
	}
	if err := s.member.check(); err != nil {
		return err
	}
	return noWords(words)
}

func (s *receiveSettings) run(ctx context.Context, e *environment) error {
	return s.rerun(ctx, e, func(ctx context.Context) error { return s.once(ctx, e) })
}

// once runs the role with the definitions that there are.
func (s *receiveSettings) once(ctx context.Context, e *environment) error {
	role, err := s.openWithTopics(ctx, e)
	if err != nil {
		return err
	}
	instance, err := s.member.name()
	if err != nil {
		return err
	}
	p, err := role.receiver(instance, s.history)
	if err != nil {
		return err
	}
	if err := s.serve(ctx, role, p.Ready); err != nil {
		return err
	}
	defer runtime.KeepAlive(ballast(e.LookupEnv))
	releaseBinary() // what was needed up to here
	return s.member.run(ctx, role.cluster, role.names.ReceiverGroup(), instance, p.Run)
}

// receiver wires up a receiver. Of the history it computes what a page shows; see filler.
func (r *role) receiver(instance string, history time.Duration) (*receiver.Receiver, error) {
	p, err := receiver.New(receiver.Config{
		Cluster: r.cluster, Names: r.names, Definitions: r.definitions, InstanceID: instance, History: min(history, defaultHistory), Logger: r.log,
	})
	if err == nil {
		r.metrics.receiver(p)
	}
	return p, err
}
