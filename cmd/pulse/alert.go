package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"pulse/processors/alerting"
	"pulse/processors/notify"
	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
)

var alertCommand = command{
	name: "alert", summary: "follow alerts, write what becomes of them, and send it", usage: "[flags]", about: `
Follows the alerts of the definitions through each stat's points, writes each change
of a state to the topic stats.alerts, and sends what fires, and what is over, by the
routes of the definitions. Run as many as you like.`,
	reloads: true, settings: func() settings { return &alertSettings{} },
}

var errNoAlerts = errors.New("the definitions file has no alerts: write some under the key alerts (docs/alerts.md)")

type alertSettings struct {
	roleFlags
	alerts alertFlags
}

// alertFlags are those of roles that follow alerts.
type alertFlags struct{ heartbeat string }

func (s *alertFlags) add(f *flags) {
	f.StringVar(&s.heartbeat, "heartbeat-url", "", "ask for this `URL` each minute for as long as alerts are followed: a dead man's switch")
}

func (s *alertFlags) check() error {
	if s.heartbeat == "" {
		return nil
	}
	if err := notify.CheckHeartbeat(s.heartbeat); err != nil {
		return usagef("--heartbeat-url: %w", err)
	}
	return nil
}

func (s *alertSettings) add(f *flags) {
	s.roleFlags.add(f)
	s.addSession(f)
	s.alerts.add(f)
}

func (s *alertSettings) check(words []string) error {
	if err := s.alerts.check(); err != nil {
		return err
	}
	return noWords(words)
}

func (s *alertSettings) run(ctx context.Context, e *environment) error {
	log, err := s.logger(e.Stderr)
	if err != nil {
		return err
	}
	usable := func(ctx context.Context, d *stats.Definitions) error {
		if len(d.Alerts) == 0 {
			return errNoAlerts
		}
		if err := s.alerts.usable(s.roleOf(log, topics.Cluster{}, d), e); err != nil {
			return err
		}
		return s.usable(ctx, d)
	}
	return s.reloading(ctx, log, func() {}, usable, func(ctx context.Context) error { return s.once(ctx, e) })
}

// once runs the role with the definitions that there are.
func (s *alertSettings) once(ctx context.Context, e *environment) error {
	role, err := s.open(e)
	if err != nil {
		return err
	}
	if len(role.definitions.Alerts) == 0 {
		return errNoAlerts
	}
	alerts, err := s.alerts.wire(role, e)
	if err != nil {
		return err
	}
	if err := role.checkTopics(ctx); err != nil {
		return err
	}
	if err := s.serve(ctx, role, alerts.processor.Ready); err != nil {
		return err
	}
	return alerts.run(ctx)
}

// alertRole is what follows alerts and sends them.
type alertRole struct {
	processor *alerting.Processor
	notifier  *notify.Notifier
	heartbeat *notify.Heartbeat // nil: none is asked for
}

// wire wires it up.
func (s *alertFlags) wire(r *role, e *environment) (*alertRole, error) {
	n, err := notify.New(notify.Config{Cluster: r.cluster, Names: r.names, Definitions: r.definitions, LookupEnv: e.LookupEnv, Logger: r.log})
	if err != nil {
		return nil, usageError{err}
	}
	p := alerting.New(alerting.Config{Cluster: r.cluster, Names: r.names, Definitions: r.definitions, Logger: r.log})
	a := &alertRole{p, n, nil}
	r.metrics.counter("pulse_alert_transitions_total", "Changes of alerts' states written.", p.Transitions)
	r.metrics.counter("pulse_alert_beyond_points_total", "Points left out because their time is days ahead of their record's.", p.Beyond)
	r.metrics.counter("pulse_alert_failures_total", "Errors after which following alerts began again from what was remembered.", p.Failures)
	r.metrics.gauge("pulse_alert_newest_timestamp_seconds", "The newest second that alerts were worked out for, in Unix time.", func() float64 { return float64(p.Newest()) })
	n.Each(func(route alert.Route, c *notify.Counts) {
		shown := labeled{r.metrics, prometheus.Labels{"route": route.Name, "kind": route.Kind}}
		shown.counter("pulse_notify_sent_total", "Alerts sent: that they fire, that they are over, and again what goes on.", &c.Sent)
		shown.counter("pulse_notify_refused_total", "Alerts that a receiver refused for good, or for which too many waited.", &c.Refused)
		shown.counter("pulse_notify_late_total", "Alerts not sent, since they came and went more than an hour before they could be.", &c.Late)
		shown.counter("pulse_notify_retries_total", "Times that sending failed and was retried.", &c.Retries)
		shown.gauge("pulse_notify_waiting_alerts", "Alerts waiting to be sent.", &c.Waiting)
	})
	if s.heartbeat != "" {
		h := &notify.Heartbeat{URL: s.heartbeat, Log: r.log, Alive: func() bool { return p.PointsSince(time.Now().Add(-notify.HeartbeatEvery)) }}
		r.metrics.counter("pulse_notify_heartbeats_total", "Heartbeats sent.", h.Sent.Load)
		r.metrics.counter("pulse_notify_failed_heartbeats_total", "Heartbeats that were not answered well.", h.Failed.Load)
		a.heartbeat = h
	}
	return a, nil
}

// usable says why the alerts of a role that has not begun cannot be sent.
func (s *alertFlags) usable(r *role, e *environment) error {
	_, err := s.wire(r, e)
	return err
}

func (a *alertRole) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.processor.Run(ctx) })
	group.Go(func() error { a.notifier.Run(ctx); return nil })
	if a.heartbeat != nil {
		group.Go(func() error { a.heartbeat.Run(ctx); return nil })
	}
	return group.Wait()
}
