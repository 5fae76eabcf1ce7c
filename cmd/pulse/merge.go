package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"pulse/processors/history"
	"pulse/processors/merger"
	"pulse/processors/minutes"
)

var mergeCommand = command{
	name: "merge", summary: "close each second and publish snapshots", usage: "[flags]", about: `
Joins partial rollups, closes each second once all partitions have reached its end,
and publishes a snapshot of each stat. Rolls up minutes for charts of days, and
fills the past of stats that are new (--history). Run as many as you like.`,
	reloads: true, settings: func() settings { return &mergeSettings{} },
}

type mergeSettings struct {
	roleFlags
	member  memberFlags
	history time.Duration
}

func (s *mergeSettings) add(f *flags) {
	s.roleFlags.add(f)
	s.addSession(f)
	s.member.add(f)
	addHistory(f, &s.history)
}

func (s *mergeSettings) check(words []string) error {
	if err := s.member.check(); err != nil {
		return err
	}
	if err := checkHistory(s.history); err != nil {
		return err
	}
	return noWords(words)
}

func (s *mergeSettings) run(ctx context.Context, e *environment) error {
	return s.rerun(ctx, e, func(ctx context.Context) error { return s.once(ctx, e) })
}

// once runs the role with the definitions that there are.
func (s *mergeSettings) once(ctx context.Context, e *environment) error {
	role, err := s.openWithTopics(ctx, e)
	if err != nil {
		return err
	}
	instance, err := s.member.name()
	if err != nil {
		return err
	}
	p, err := role.merger(instance)
	if err != nil {
		return err
	}
	if err := s.serve(ctx, role, p.Ready); err != nil {
		return err
	}
	return s.member.run(ctx, role.cluster, role.names.MergerGroup(), instance, func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return p.Run(ctx) })
		group.Go(func() error { role.minutes().Run(ctx); return nil })
		group.Go(func() error { role.fill(ctx, s.history); return nil })
		return group.Wait()
	})
}

// merger wires up a merger.
func (r *role) merger(instance string) (*merger.Merger, error) {
	p, err := merger.New(merger.Config{Cluster: r.cluster, Names: r.names, Definitions: r.definitions, InstanceID: instance, Logger: r.log})
	if err == nil {
		r.metrics.merger(p)
	}
	return p, err
}

// minutes wires up what rolls up minutes beside a merger.
func (r *role) minutes() *minutes.Processor {
	p := minutes.New(minutes.Config{Cluster: r.cluster, Names: r.names, Definitions: r.definitions, Logger: r.log})
	r.metrics.counter("pulse_rollup_beyond_points_total", "Points left out because their time is days ahead of their record's.", p.Beyond)
	return p
}

// fill fills the past of new definitions as far back as is asked for, beyond what receivers
// compute at once. It runs until ctx ends, or returns if there is nothing to do.
func (r *role) fill(ctx context.Context, back time.Duration) {
	if back <= defaultHistory {
		return
	}
	f := history.New(history.Config{Cluster: r.cluster, Names: r.names, Definitions: r.definitions, History: back, Logger: r.log})
	r.metrics.counter("pulse_history_filled_seconds_total", "Seconds before the definitions began that were worked out of the log for new stats.", f.Seconds)
	f.Run(ctx)
}
