package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"pulse/processors/emit"
)

// emitCommand is `pulse emit`.
func emitCommand(ctx context.Context, e *environment, args []string) error {
	var r roleFlags
	f := newFlags(e, "emit", "[flags]", `
Sends each stat's final value of each second to other systems, from now on, and
after a restart from where it was.`)
	r.add(f)
	f.vars["metrics-urls"], f.vars["graphite-prefix"] = "METRICS_URLS", "GRAPHITE_PREFIX"
	urls := f.String("metrics-urls", "", "POST points as JSON to these `URLs`, a comma list")
	graphite := f.String("graphite", "", "send points to this Graphite server, `host:port`, in plaintext")
	prefix := f.String("graphite-prefix", "", "a `name` that is put before all metrics in Graphite, a dot included if one is wanted")
	if err := f.parse(args); err != nil {
		return err
	}
	var senders []emit.Sender
	for address := range strings.SplitSeq(*urls, ",") {
		if address = strings.TrimSpace(address); address == "" {
			continue
		}
		s, err := emit.NewPost(address)
		if err != nil {
			return usagef("--metrics-urls: %w", err)
		}
		senders = append(senders, s)
	}
	if *graphite != "" {
		s, err := emit.NewGraphite(*graphite, *prefix)
		if err != nil {
			return usagef("--graphite: %w", err)
		}
		senders = append(senders, s)
	}
	if len(senders) == 0 {
		return usagef("nowhere to send to: give --metrics-urls or --graphite")
	}
	role, err := r.open(e)
	if err != nil {
		return err
	}
	if err := role.checkTopics(ctx); err != nil {
		return err
	}
	emitter := emit.New(emit.Config{Cluster: role.cluster, Names: role.names, Senders: senders, Logger: role.log})
	role.metrics.emitter(emitter)
	if err := r.serve(ctx, role, func() bool { return true }); err != nil {
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
