package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Environment variables of a process that breaks a law, in a build with the tag
// breaklaws: which law, and the file that has to be there before it does.
const (
	brokenLaw  = "CHAOS_BREAK"
	brokenWhen = "CHAOS_BREAK_WHEN"
)

// brokenLaws are what processes can do wrong, and what comes of it.
var brokenLaws = []struct{ name, what string }{
	{"emits", "an emit fails, and is taken for acknowledged"},
	{"covers", "the same, and segments are taken for complete"},
	{"twice", "a fragment is applied twice"},
	{"offsets", "a merger commits the offset that it has read to, and not its checkpoint"},
	{"final", "a merger forgets which seconds it has published as final"},
	{"marks", "a receiver commits each record, as goka's own marks do"},
}

// laws is the test of the test: each law is broken on purpose by receivers and
// mergers under kills, and the checker must report it. All are broken at once,
// each with topics of its own, beside one that is not.
func laws(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	var all errgroup.Group
	reports := make([]report, len(brokenLaws)+1)
	for i := range reports {
		sub := newRun(r.scenario, r.options)
		sub.Short = true
		sub.Rate = max(r.Rate/len(reports), 100)
		sub.dir, sub.pulse, sub.chaos, sub.addrs = filepath.Join(r.dir, fmt.Sprint("law-", i)), r.pulse, r.chaos, r.addrs
		sub.log = &logger{w: io.Discard} // what it complains of is what is wanted
		if i < len(brokenLaws) {
			sub.law = brokenLaws[i].name
			sub.patience = 5 * time.Second // what is missing never comes
		} else {
			sub.log = r.log
		}
		if err := os.Mkdir(sub.dir, 0o755); err != nil {
			return err
		}
		all.Go(func() error {
			defer sub.close()
			err := breakLaw(ctx, sub)
			reports[i] = sub.report
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for i, law := range brokenLaws {
		got := reports[i]
		r.demand(!got.verdict.ok(), "not noticed: %s", law.what)
		r.report.note("%s: %d wrong, %d missing, %d with two values", law.what, got.Wrong, got.Missing, got.Conflicting)
	}
	control := reports[len(brokenLaws)]
	r.report.verdict, r.report.Lines, r.report.Counts = control.verdict, control.Lines, control.Counts
	r.demand(control.ok(), "with no law broken: %v", control.Failures)
	return nil
}

// breaking is the file that lets processes break their law.
func (r *run) breaking() string { return filepath.Join(r.dir, "break") }

// breakLaw lets a load flow, breaks a law, kills receivers and mergers, and
// checks.
func breakLaw(ctx context.Context, r *run) error {
	if err := r.define(ctx, 2); err != nil {
		return err
	}
	r.supervise(ctx)
	r.role("receiver", "receive", 1, true)
	r.role("merger", "merge", 1, true)
	for range 2 {
		r.ingest(r.Rate/2, 0)
	}
	if err := r.flowing(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(r.breaking(), nil, 0o600); err != nil {
		return err
	}
	for range 3 {
		for _, p := range append(r.super.running("receiver"), r.super.running("merger")...) {
			// Time for commits, whose interval is half a second, and for windows to end.
			sleep(ctx, 5*time.Second)
			p.signal(syscall.SIGKILL)
		}
	}
	return r.settle(ctx)
}
