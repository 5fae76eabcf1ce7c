package main

import (
	"strings"

	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/stats/value"
)

// A summary is what a stat is made of, over a whole log.
type summary struct {
	count, min, mean, max value.Number // "": it has none
}

// A summaries is an evaluator that gives summaries beside whole values. They are of a
// program of their own, so that they leave no trace in the account of lines.
type summaries struct {
	*oracle.Parallel
	whole  *oracle.Whole
	beside *oracle.Parallel
	parts  *oracle.Whole
}

// Names of the stats that summaries are made of, behind a stat's own.
const (
	countOf = "/count"
	minOf   = "/min"
	meanOf  = "/mean"
	maxOf   = "/max"
)

// newSummaries returns summaries of definitions beside their values.
func newSummaries(w *oracle.Whole, d *stats.Definitions) (*summaries, error) {
	parts := *d
	parts.Stats = nil
	for _, s := range d.Stats {
		if s.OfStats() || s.Inlog() || s.Subject != stats.SubjectLines {
			continue
		}
		add := func(suffix, kind string, change func(*stats.Stat)) {
			part := &stats.Stat{Name: s.Name + suffix, Kind: kind, Field: s.Field, Window: 1, Where: s.Where, Cond: s.Cond}
			if change != nil {
				change(part)
			}
			parts.Stats = append(parts.Stats, part)
		}
		if s.Field == "" {
			add(countOf, "count", nil)
			continue
		}
		// One bucket and what is beyond it: all numbers.
		add(countOf, "histogram", func(s *stats.Stat) { s.Buckets = []float64{0} })
		add(minOf, "min", nil)
		add(meanOf, "mean", nil)
		add(maxOf, "max", nil)
	}
	beside, err := oracle.NewWhole(&parts)
	if err != nil {
		return nil, err
	}
	return &summaries{oracle.NewParallel(w), w, oracle.NewParallel(beside), beside}, nil
}

func (s *summaries) Pack(p program.Pack) {
	s.Parallel.Pack(p)
	s.beside.Pack(p)
}

func (s *summaries) Begin(second int64) {
	s.Parallel.Begin(second)
	s.beside.Begin(second)
}

func (s *summaries) Stale(from, to int64) {
	s.Parallel.Stale(from, to)
	s.beside.Stale(from, to)
}

func (s *summaries) Advance(watermark int64) {
	s.Parallel.Advance(watermark)
	s.beside.Advance(watermark)
}

func (s *summaries) Close(last int64) {
	s.Parallel.Close(last)
	s.beside.Close(last)
}

func (s *summaries) Stop() {
	s.Parallel.Stop()
	s.beside.Stop()
}

// all gives the summaries by stat.
func (s *summaries) all() map[string]summary {
	all := map[string]summary{}
	s.parts.Each(func(part *stats.Stat, v value.Value, _ oracle.Estimate) {
		end := max(strings.LastIndexByte(part.Name, '/'), 0)
		of := part.Name[:end]
		one, n := all[of], mainNumber(v)
		switch part.Name[end:] {
		case countOf:
			one.count = n
		case minOf:
			one.min = n
		case meanOf:
			one.mean = n
		case maxOf:
			one.max = n
		}
		all[of] = one
	})
	return all
}
