package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"pulse/processors/emit"
)

var emitCommand = command{
	name: "emit", summary: "each stat's final values to other systems", usage: "[flags]", about: `
Sends each stat's final value of each second to other systems, from now on, and
after a restart from where it was.`,
	settings: func() settings { return &emitSettings{} },
}

type emitSettings struct {
	roleFlags
	urls, graphite, prefix string
}

func (s *emitSettings) add(f *flags) {
	s.roleFlags.add(f)
	f.vars["metrics-urls"], f.vars["graphite-prefix"] = "METRICS_URLS", "GRAPHITE_PREFIX"
	f.StringVar(&s.urls, "metrics-urls", "", "POST points as JSON to these `URLs`, a comma list")
	f.StringVar(&s.graphite, "graphite", "", "send points to this Graphite server, `host:port`, in plaintext")
	f.StringVar(&s.prefix, "graphite-prefix", "", "a `name` that is put before all metrics in Graphite, a dot included if one is wanted")
}

func (s *emitSettings) check(words []string) error {
	senders, err := s.senders()
	if err == nil && len(senders) == 0 {
		err = usagef("nowhere to send to: give --metrics-urls or --graphite")
	}
	if err != nil {
		return err
	}
	return noWords(words)
}

// senders are what points go to.
func (s *emitSettings) senders() ([]emit.Sender, error) {
	var senders []emit.Sender
	for address := range strings.SplitSeq(s.urls, ",") {
		if address = strings.TrimSpace(address); address == "" {
			continue
		}
		post, err := emit.NewPost(address)
		if err != nil {
			return nil, usagef("--metrics-urls: %w", err)
		}
		senders = append(senders, post)
	}
	if s.graphite != "" {
		graphite, err := emit.NewGraphite(s.graphite, s.prefix)
		if err != nil {
			return nil, usagef("--graphite: %w", err)
		}
		senders = append(senders, graphite)
	}
	return senders, nil
}

func (s *emitSettings) run(ctx context.Context, e *environment) error {
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
	number := 0
	e.Each(func(sender string, c *emit.Counts) {
		number++ // there may be two of one host
		shown := labelled{m, prometheus.Labels{"output": fmt.Sprintf("%d %s", number, sender)}}
		shown.counter("pulse_emit_sent_points_total", "Points that were sent.", &c.Sent)
		shown.counter("pulse_emit_dropped_points_total", "Points that were dropped because too many waited.", &c.Dropped)
		shown.counter("pulse_emit_refused_points_total", "Points that the other side refused for good.", &c.Refused)
		shown.counter("pulse_emit_retries_total", "Times that sending failed and was tried again.", &c.Retries)
		m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pulse_emit_waiting_points",
			Help: "Points that wait to be sent.", ConstLabels: shown.labels}, func() float64 { return float64(c.Waiting.Load()) }))
	})
}
