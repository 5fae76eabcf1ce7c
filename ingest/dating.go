package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
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

	leapt int64 // the farthest that a line moved a recording's clock at once, in nanoseconds
	by    []byte
}

// add takes a line. Those that head others have no time and need none.
func (d *dating) add(l []byte, dated bool) {
	if !dated && line.IsDirective(l) {
		return
	}
	d.lines++
	if dated {
		d.dated++
	} else if d.example == nil {
		d.example = bytes.Clone(l[:min(len(l), longestExample)])
	}
}

// leap takes the line by which the clock of a recording that had one leapt.
func (d *dating) leap(nanos int64, l []byte) {
	if nanos > d.leapt {
		d.leapt, d.by = nanos, bytes.Clone(l)
	}
}

// check says once, of enough lines or at the end, that most of a source's have no time: by
// the log, or as the error.
func (d *dating) check(r Reading, source string, log *slog.Logger, ended bool) error {
	if d.said || d.lines < sampled && !ended {
		return nil
	}
	d.said = true
	undated := d.lines - d.dated
	if 2*undated <= d.lines {
		return nil
	}
	of := ""
	if source != "" {
		of = " of " + source
	}
	err := fmt.Errorf("%d of %d lines%s have no time that Pulse knows, such as %.*q: in recordings they count at the time of the line before, elsewhere when they arrive. See docs/formats.md for the known times",
		undated, d.lines, of, longestExample, d.example)
	if r.Refuses() {
		return err
	}
	log.Warn(err.Error())
	return nil
}

// Datings tell of each source of a recording, by its name, whether its lines have times.
type Datings map[string]*dating

// Check says of each source, by the log or as the error, that more than half of its lines
// have no time, if it is so and was not said before.
func (d Datings) Check(r Reading, log *slog.Logger) error {
	var errs []error
	for _, source := range slices.Sorted(maps.Keys(d)) {
		errs = append(errs, d[source].check(r, source, log, true))
	}
	return errors.Join(errs...)
}

// Leap gives the beginning of the line by which the clock of a recording leapt farthest, if it
// leapt by more than an hour at once: behind a wrong date all lines are late.
func (d Datings) Leap() (l []byte, ok bool) {
	var farthest dating
	for _, source := range slices.Sorted(maps.Keys(d)) {
		if one := d[source]; one.leapt > farthest.leapt {
			farthest = *one
		}
	}
	return farthest.by, farthest.leapt > 0
}

// maxDatings is how many origins of an input are looked at.
const maxDatings = 1000

// of gives the dating of an origin, or nil if there are too many.
func (d Datings) of(from line.Origin) *dating {
	found := d[string(from)]
	if found == nil && len(d) < maxDatings {
		found = new(dating)
		d[strings.Clone(string(from))] = found
	}
	return found
}

// Watch returns the input, of whose first lines, and of the first of each origin, it is
// said if most have no time.
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
		mu      sync.Mutex // inputs may call take from several goroutines
		all     dating
		origins = Datings{}
		times   line.Times
	)
	times.Of(w.reading.Formats)
	look := func(b Batch) error {
		mu.Lock()
		defer mu.Unlock()
		one := origins.of(b.Origin)
		if one == nil || one.said {
			return nil
		}
		times.From(b.Origin)
		now := time.Now().Unix() // the year of times without one, which does not matter
		return eachLine(b.Lines, func(l []byte) error {
			if one.said || isEmpty(l) {
				return nil
			}
			_, dated := times.Near(l, now)
			one.add(l, dated)
			if all.add(l, dated); len(origins) > 1 {
				if err := all.check(w.reading, "", w.log, false); err != nil {
					return err
				}
			}
			return one.check(w.reading, fileOf(b.Origin), w.log, false)
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
	var errs []error
	for _, from := range slices.Sorted(maps.Keys(origins)) {
		errs = append(errs, origins[from].check(w.reading, fileOf(line.Origin(from)), w.log, true))
	}
	return errors.Join(errs...)
}

// fileOf is the file that an origin names, if it does.
func fileOf(o line.Origin) string {
	for key, value := range o.Fields() {
		if key == fieldFile {
			return value
		}
	}
	return ""
}
