package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"pulse/stats/line"
)

// What becomes of a source most of whose lines have no time: it counts, and is told of,
// or is an error.
const (
	undatedCounts  = "count"
	undatedRefused = "refuse"
)

func checkUndated(v string) error {
	if v != undatedCounts && v != undatedRefused {
		return errors.New(undatedCounts + " or " + undatedRefused)
	}
	return nil
}

// sampled is after how many lines of a source it is said that most have no time, if
// the source has not ended before.
const sampled = 1000

// longestExample is how much of a line is quoted, in bytes.
const longestExample = 200

// A dating tells whether the lines of a source have times.
type dating struct {
	lines, dated int64
	example      []byte // the first without one
	said         bool
}

// add takes a line.
func (d *dating) add(l []byte, dated bool) {
	d.lines++
	if dated {
		d.dated++
	} else if d.example == nil {
		d.example = bytes.Clone(l[:min(len(l), longestExample)])
	}
}

// check says once, of enough lines or at the end, that most have no time: by the log,
// or as the error.
func (d *dating) check(r Reading, log *slog.Logger, ended bool) error {
	if d.said || d.lines < sampled && !ended {
		return nil
	}
	d.said = true
	return r.Undatedness(d.lines-d.dated, d.lines, d.example, log)
}

// Undatedness says, by the log or as the error, that more than half of a source's lines
// have no time, if it is so. The example is one of them.
func (r Reading) Undatedness(undated, lines int64, example []byte, log *slog.Logger) error {
	if 2*undated <= lines {
		return nil
	}
	err := fmt.Errorf("%d of %d lines have no time that Pulse knows, such as %.*q: in recordings they count at the time of the line before, elsewhere when they arrive. See docs/formats.md for the known times",
		undated, lines, longestExample, example)
	if r.Undated == undatedRefused {
		return err
	}
	log.Warn(err.Error())
	return nil
}

// Watch returns the input, of whose first lines Undatedness is said.
func (r Reading) Watch(in Input, name string, log *slog.Logger) Input {
	if name != "" {
		log = log.With("input", name)
	}
	return watched{Input: in, reading: r, log: log}
}

type watched struct {
	Input
	reading Reading
	log     *slog.Logger
}

// Run implements Input.
func (w watched) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	var (
		mu     sync.Mutex // inputs may call take from several goroutines
		dating dating
		times  line.Times
	)
	times.Of(w.reading.Formats)
	look := func(b Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if dating.said {
			return nil
		}
		times.From(b.Origin)
		now := time.Now().Unix() // the year of times without one, which does not matter
		return eachLine(b.Lines, func(l []byte) error {
			if dating.said || isEmpty(l) {
				return nil
			}
			_, dated := times.Near(l, now)
			dating.add(l, dated)
			return dating.check(w.reading, w.log, false)
		})
	}
	err := w.Input.Run(ctx, func(ctx context.Context, b Batch) error {
		if err := look(b); err != nil {
			return err
		}
		return take(ctx, b)
	})
	if err != nil || ctx.Err() != nil {
		return err
	}
	return dating.check(w.reading, w.log, true)
}
