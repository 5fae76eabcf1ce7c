package main

import (
	"context"
	"io"
)

// An interruptible reader fails as soon as ctx is done, though a read of what may
// never come goes on behind it.
type interruptible struct {
	ctx   context.Context
	from  io.Reader
	chunk []byte // that a read fills
	rest  []byte // of it, not taken yet
	reads chan readResult
}

type readResult struct {
	n   int
	err error
}

func newInterruptible(ctx context.Context, from io.Reader) *interruptible {
	return &interruptible{ctx: ctx, from: from, chunk: make([]byte, 256<<10), reads: make(chan readResult, 1)}
}

func (r *interruptible) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		go func() {
			n, err := r.from.Read(r.chunk)
			r.reads <- readResult{n, err}
		}()
		select {
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		case got := <-r.reads:
			if r.rest = r.chunk[:got.n]; got.n == 0 {
				return 0, got.err // which comes again if there was something
			}
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
