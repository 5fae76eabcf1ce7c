package main

import (
	"context"
	"errors"
	"fmt"
	"pulse/topics/retry"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A fault is something that is done to the processes at a time.
type fault struct {
	at   time.Duration // from when the load flows
	what string
	do   func(ctx context.Context) error
}

// inject prints a schedule, keeps to it, and returns when all faults are over.
func (r *run) inject(ctx context.Context, faults []fault) error {
	slices.SortStableFunc(faults, func(a, b fault) int { return int(a.at - b.at) })
	r.log.printf("%s, seed %d: %d faults", r.scenario.name, r.Seed, len(faults))
	for _, f := range faults {
		r.log.printf("  at %6.2f s %s", f.at.Seconds(), f.what)
	}
	r.report.Faults += len(faults)
	start := time.Now()
	errs := make([]error, len(faults))
	var all sync.WaitGroup
	for i, f := range faults {
		all.Go(func() {
			if sleep(ctx, time.Until(start.Add(f.at))) {
				r.log.printf("%s", f.what)
				if err := f.do(ctx); err != nil {
					errs[i] = fmt.Errorf("%s: %w", f.what, err)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// sleep waits and reports whether it was to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	return retry.Wait(ctx, d) == nil
}

// kill is the fault that ends a process of a role, by chance, with SIGKILL.
func (r *run) kill(at time.Duration, roles ...string) fault {
	p := r.victim(roles)
	return fault{at, "SIGKILL " + p.name, func(context.Context) error {
		p.signal(syscall.SIGKILL)
		return nil
	}}
}

// pause is the fault that stops a process for a while.
func (r *run) pause(at, length time.Duration, roles ...string) fault {
	p := r.victim(roles)
	return fault{at, fmt.Sprintf("SIGSTOP %s for %v", p.name, length), func(ctx context.Context) error {
		p.signal(syscall.SIGSTOP)
		sleep(ctx, length)
		r.log.printf("SIGCONT %s", p.name)
		p.signal(syscall.SIGCONT)
		return nil
	}}
}

func (r *run) victim(roles []string) *process {
	var candidates []*process
	for _, role := range roles {
		candidates = append(candidates, r.super.running(role)...)
	}
	return candidates[r.chance.IntN(len(candidates))]
}
