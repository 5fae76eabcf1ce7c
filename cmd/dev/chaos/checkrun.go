package main

import (
	"context"
	"fmt"
	"time"
)

// settle ends the load, waits until everything is final, and checks it all.
func (r *run) settle(ctx context.Context) error {
	ended := time.Now()
	r.measure(ended)
	if err := r.super.each("ingest", (*process).finish); err != nil {
		return err
	}
	return r.check(ctx, ended)
}

// measure notes how publishing looked from when the load flowed until now.
func (r *run) measure(now time.Time) {
	d := r.merged.delays(r.loaded, now)
	r.report.GapP50, r.report.GapP99, r.report.GapMax = quantile(d.gaps, 0.5), quantile(d.gaps, 0.99), quantile(d.gaps, 1)
	r.report.LagP50, r.report.LagP99 = quantile(d.lags, 0.5), quantile(d.lags, 0.99)
	r.report.Loaded += now.Sub(r.loaded)
}

// check compares every number and every line, as the load has ended.
func (r *run) check(ctx context.Context, since time.Time) error {
	raw, expected, err := r.checkpoint(ctx, since)
	if err != nil {
		return err
	}
	r.report.Counts = expected.counts
	r.report.Lines = raw.lines
	r.report.Acked += r.ledger.lines()
	r.report.Lost = r.ledger.missing(raw.has)
	r.report.Repeated = raw.repeated
	c := expected.counts
	r.demand(c.addUp(), "%d counted + %d late + %d unreadable are not %d lines", c.Counted, c.Late, c.Unreadable, c.Lines)
	r.demand(c.Lines == raw.lines, "the oracle counts %d lines, events.raw has %d", c.Lines, raw.lines)
	r.demand(r.report.Lost == 0, "%d lines that were acknowledged are not in events.raw", r.report.Lost)
	r.demand(r.report.Repeated == 0, "%d lines are in events.raw twice", r.report.Repeated)
	if r.hook != nil {
		return r.checkAlerts(ctx, raw.least-r.lateness)
	}
	return nil
}

// checkpoint compares every number that has to be final by what events.raw holds
// now with the oracle, as soon as all have been published or its patience ends.
func (r *run) checkpoint(ctx context.Context, since time.Time) (*rawTopic, *oracle, error) {
	raw, err := readRaw(ctx, r.addrs, r.names.Raw())
	if err != nil {
		return nil, nil, fmt.Errorf("reading events.raw: %w", err)
	}
	expected, err := r.oracle(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.report.Open = expected.until(raw.least - r.lateness)
	r.await(ctx, expected, since)
	r.report.verdict = compare(expected, r.merged)
	r.merged.mu.Lock()
	r.report.Snapshots = r.merged.snapshots
	r.merged.mu.Unlock()
	r.demand(r.report.verdict.ok(), "of %d points %d are wrong, %d missing, %d conflicting", r.report.Points, r.report.Wrong, r.report.Missing, r.report.Conflicting)
	return raw, expected, r.checkWeb(ctx, expected)
}

// oracle asks what should have been published of what events.raw holds now.
func (r *run) oracle(ctx context.Context) (*oracle, error) {
	stdout, stderr, err := output(ctx, r.pulse, r.env, "eval", "--raw")
	if err != nil {
		return nil, err
	}
	return readOracle(stdout, stderr)
}

// await waits until all points of the oracle are final, or its patience ends.
func (r *run) await(ctx context.Context, o *oracle, since time.Time) {
	if err := until(ctx, r.patience, func() bool { return complete(o, r.merged) }); err != nil {
		r.log.printf("waiting for final points: %v", err)
	}
	r.report.Settled = time.Since(since)
}

// checkWeb asks the dashboards what they show of the last minutes.
func (r *run) checkWeb(ctx context.Context, o *oracle) error {
	if len(r.webs) == 0 {
		return nil
	}
	newest := int64(0)
	for key := range o.values {
		newest = max(newest, key.second)
	}
	for _, addr := range r.webs {
		var wrong, missing int
		err := until(ctx, r.patience, func() bool {
			var err error
			wrong, missing, err = r.askWeb(ctx, o, addr, newest-shownSeconds+1, newest)
			return err == nil && wrong+missing == 0
		})
		r.demand(err == nil, "the dashboard at %s shows %d wrong points and lacks %d (%v)", addr, wrong, missing, err)
	}
	return nil
}

func (r *run) askWeb(ctx context.Context, o *oracle, addr string, from, to int64) (wrong, missing int, err error) {
	for _, stat := range r.definitions.All() {
		shown, err := askPoints(ctx, addr, stat.Name, from, to)
		if err != nil {
			return 0, 0, err
		}
		for second := from; second <= to; second++ {
			want, ok := o.values[point{stat.Name, second}]
			if !ok {
				continue
			}
			switch got, ok := shown[second]; {
			case !ok && want != stale:
				missing++
			case ok && got != want:
				if wrong++; wrong <= 3 {
					r.log.printf("the dashboard at %s shows %s at %d as %s, the oracle says %s", addr, stat.Name, second, got, want)
				}
			}
		}
	}
	return wrong, missing, nil
}

func askPoints(ctx context.Context, addr, stat string, from, to int64) (map[int64]string, error) {
	points, err := askSnapshots(ctx, 30*time.Second, addr, stat, fmt.Sprintf("from=%d&to=%d", from, to))
	if err != nil {
		return nil, err
	}
	shown := map[int64]string{}
	for _, s := range points {
		for second, value := range seconds(s) {
			shown[second] = value
		}
	}
	return shown, nil
}
