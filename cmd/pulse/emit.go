package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"pulse/processors/emit"
)

var emitCommand = command{
	name: "emit", summary: "send each stat's final values to other systems", usage: "[flags]", about: `
Sends each stat's final value of each second to other systems, from now on, and
after a restart, or with new definitions, from where it was.`,
	reloads: true, settings: func() settings { return &emitSettings{} },
}

type emitSettings struct {
	roleFlags
	outputs []emit.OutputConfig
}

func (s *emitSettings) add(f *flags) {
	s.roleFlags.add(f)
	s.addSession(f)
	for _, output := range emit.Outputs {
		c := output.New()
		s.outputs = append(s.outputs, c)
		for _, setting := range c.Settings() {
			f.Var(setting.Value, setting.Flag, setting.Help)
			if setting.Variable != "" {
				f.vars[setting.Flag] = setting.Variable
			}
		}
	}
}

func (s *emitSettings) check(words []string) error {
	senders, err := s.senders()
	if err != nil {
		return err
	}
	if len(senders) == 0 {
		var ask []string
		for _, c := range s.outputs {
			ask = append(ask, "--"+c.Settings()[0].Flag)
		}
		return usagef("there is nowhere to send values: give %s", strings.Join(ask, " or "))
	}
	return noWords(words)
}

// senders are what points go to.
func (s *emitSettings) senders() (all []emit.Sender, err error) {
	for _, c := range s.outputs {
		senders, err := c.Senders()
		if err != nil {
			return nil, usagef("--%s: %w", c.Settings()[0].Flag, err)
		}
		all = append(all, senders...)
	}
	return all, nil
}

func (s *emitSettings) run(ctx context.Context, e *environment) error {
	return s.rerun(ctx, e, func(ctx context.Context) error { return s.once(ctx, e) })
}

// once runs the role with the definitions that there are.
func (s *emitSettings) once(ctx context.Context, e *environment) error {
	role, err := s.openWithTopics(ctx, e)
	if err != nil {
		return err
	}
	senders, err := s.senders()
	if err != nil {
		return err
	}
	emitter := emit.New(emit.Config{Cluster: role.cluster, Names: role.names, Senders: senders, Logger: role.log})
	role.metrics.emitter(emitter)
	if err := s.serve(ctx, role, alwaysReady); err != nil {
		return err
	}
	return emitter.Run(ctx)
}

// emitter shows what becomes of points.
func (m metrics) emitter(e *emit.Emitter) {
	m.counter("pulse_emit_beyond_points_total", "Points left out because their time is days ahead of their record's.", e.Beyond)
	number := 0
	e.Each(func(sender string, c *emit.Counts) {
		number++ // there may be two of one host
		shown := labeled{m, prometheus.Labels{"output": fmt.Sprintf("%d %s", number, sender)}}
		shown.counter("pulse_emit_sent_points_total", "Points sent.", &c.Sent)
		shown.counter("pulse_emit_dropped_points_total", "Points dropped because too many were waiting.", &c.Dropped)
		shown.counter("pulse_emit_refused_points_total", "Points that the other system rejected for good.", &c.Refused)
		shown.counter("pulse_emit_retries_total", "Times that sending failed and was retried.", &c.Retries)
		shown.gauge("pulse_emit_waiting_points", "Points waiting to be sent.", &c.Waiting)
	})
}
