// Package retry waits between tries.
package retry

import (
	"context"
	"time"
)

// Wait waits for d, or until ctx ends, and returns the cause then.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// A Backoff waits twice as long each time, from Least to Most.
type Backoff struct {
	Least, Most time.Duration
	next        time.Duration
}

// Wait waits as Wait does, for longer than the last time.
func (b *Backoff) Wait(ctx context.Context) error {
	d := max(b.next, b.Least)
	b.next = min(2*d, b.Most)
	return Wait(ctx, d)
}

// Reset makes the next wait the least again: what was tried has worked.
func (b *Backoff) Reset() { b.next = 0 }
