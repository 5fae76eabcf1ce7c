package main

import (
	"context"
	"errors"

	"pulse/processors/alerting"
)

var alertCommand = command{
	name: "alert", summary: "follow alerts and write what becomes of them", usage: "[flags]", about: `
Follows the alerts of the definitions through each stat's points, and writes each
change of a state to the topic stats.alerts. Run as many as you like.`,
	settings: func() settings { return &alertSettings{} },
}

type alertSettings struct {
	roleFlags
}

func (s *alertSettings) add(f *flags) {
	s.roleFlags.add(f)
	s.addSession(f)
}

func (s *alertSettings) check(words []string) error { return noWords(words) }

func (s *alertSettings) run(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	if len(role.definitions.Alerts) == 0 {
		return errors.New("the definitions file has no alerts: write some under the key alerts (docs/alerts.md)")
	}
	if err := role.checkTopics(ctx); err != nil {
		return err
	}
	p := role.alerting()
	if err := s.serve(ctx, role, p.Ready); err != nil {
		return err
	}
	return p.Run(ctx)
}

// alerting wires up what follows alerts.
func (r *role) alerting() *alerting.Processor {
	p := alerting.New(alerting.Config{Cluster: r.cluster, Names: r.names, Definitions: r.definitions, Logger: r.log})
	r.metrics.counter("pulse_alert_transitions_total", "Changes of alerts' states written.", p.Transitions)
	r.metrics.counter("pulse_alert_beyond_points_total", "Points left out because their time is days ahead of their record's.", p.Beyond)
	r.metrics.counter("pulse_alert_failures_total", "Errors after which following alerts began again from what was remembered.", p.Failures)
	r.metrics.gauge("pulse_alert_newest_seconds", "The newest second that alerts were worked out for, in Unix time.", func() float64 { return float64(p.Newest()) })
	return p
}
