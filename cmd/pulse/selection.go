package main

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"pulse/stats"
)

// A selection is of the snapshots that `pulse eval` prints. All are made.
type selection struct {
	stats    []string      // none: all
	from, to int64         // seconds, both included
	last     time.Duration // 0: from the beginning
}

func (s *selection) add(f *flags) {
	s.to = math.MaxInt64
	f.Func("stat", "print only these `stats`, a comma-separated list; can be repeated", func(text string) error {
		for name := range strings.SplitSeq(text, ",") {
			s.stats = append(s.stats, strings.TrimSpace(name))
		}
		return nil
	})
	f.Func("from", "print from this `time` on, such as 2012-11-22T09:31:34Z", timeFlag(&s.from))
	f.Func("to", "print up to this `time`, inclusive", timeFlag(&s.to))
	f.durationVar(&s.last, "last", 0, "print only the last `duration` of the log, such as 5m; it is kept in memory until the log ends")
}

// timeFlag reads a whole second.
func timeFlag(second *int64) func(text string) error {
	return func(text string) error {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil || t.Nanosecond() != 0 || t.Unix() < 0 {
			return errors.New("write a whole second with its zone, such as 2012-11-22T09:31:34Z")
		}
		*second = t.Unix()
		return nil
	}
}

// utc is a second as timeFlag reads it.
func utc(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }

func (s *selection) given() bool {
	return len(s.stats) > 0 || s.from > 0 || s.to < math.MaxInt64 || s.last != 0
}

func (s *selection) check() error {
	switch {
	case s.from > s.to:
		return usagef("--from is after --to")
	case s.last < 0 || s.last%time.Second != 0:
		return usagef("--last is %v: write whole seconds, such as 5m", s.last)
	}
	return nil
}

// of checks the names of stats.
func (s *selection) of(d *stats.Definitions) error {
	for _, name := range s.stats {
		if _, err := d.Named(name); err != nil {
			return usagef("--stat: %w", err)
		}
	}
	return nil
}

// A snapshotSink takes snapshots in the order of their seconds.
type snapshotSink interface {
	write(stats.Snapshot)
	flush() error
}

// selected passes on what a selection is of.
type selected struct {
	selection
	sink  snapshotSink
	queue []stats.Snapshot // that may be of the end
}

func (s *selected) write(p stats.Snapshot) {
	if len(s.stats) > 0 && !slices.Contains(s.stats, p.Stat) {
		return
	}
	p, ok := p.Cut(s.from, s.to)
	switch {
	case !ok:
	case s.last == 0:
		s.sink.write(p)
	default:
		s.queue = append(s.queue, p)
		n := 0
		for s.queue[n].Time < s.first() {
			n++
		}
		s.queue = s.queue[n:]
	}
}

// first is the first second of the end so far.
func (s *selected) first() int64 {
	return s.queue[len(s.queue)-1].Time + 1 - int64(s.last/time.Second)
}

func (s *selected) flush() error {
	for _, p := range s.queue {
		if p, ok := p.Cut(s.first(), math.MaxInt64); ok {
			s.sink.write(p)
		}
	}
	return s.sink.flush()
}
