package web

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/topics"
)

const (
	// A line may be ahead of its record's clock, and ingesters' clocks as far apart, so
	// that a partition's are not quite in order.
	clockSlack = timing.LineAhead + timing.ClockAhead
	// What one reader holds: packs are compressed some ten times.
	partitionsAtOnce = 4
	fetchBytes       = 512 << 10
)

// rawLog reads the topic of raw records by the seconds at which lines count.
type rawLog struct {
	topicReader
	lateness int64
}

// An openLog is the log as it was when it was opened.
type openLog struct {
	*topics.Admin
	fetcher    *topics.Fetcher
	all        topics.Section
	partitions []int32
	lateness   int64
}

// open connects, and looks how far the log goes. What it gives is to be closed.
func (l *rawLog) open(ctx context.Context) (*openLog, error) {
	admin, err := l.admin()
	if err != nil {
		return nil, err
	}
	o := &openLog{Admin: admin, lateness: l.lateness}
	if o.all, err = admin.Readable(ctx, l.topic); err == nil {
		o.fetcher, err = admin.Fetcher(ctx, l.topic)
	}
	if err != nil {
		admin.Close()
		return nil, err
	}
	o.partitions = slices.Sorted(maps.Keys(o.all))
	return o, nil
}

// each calls do for every partition, some at a time: with its place among them, and
// with what may have lines that count at the seconds [from, to].
func (o *openLog) each(ctx context.Context, from, to int64, do func(i int, s *section) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partitionsAtOnce)
	for i, p := range o.partitions {
		group.Go(func() error {
			s, err := o.section(ctx, p, from, to)
			if err != nil {
				return err
			}
			return do(i, s)
		})
	}
	return group.Wait()
}

// A section is the records of a partition that may have lines of some seconds.
type section struct {
	log       *openLog
	partition int32
	left      topics.Span
	last      int64 // records of later clocks have none
	expired   bool  // retention has taken some
	segment   int64 // that next is in
}

func (o *openLog) section(ctx context.Context, partition int32, from, to int64) (*section, error) {
	all := o.all[partition]
	span, begins, err := o.fetcher.First(ctx, partition, all, from-clockSlack)
	if err != nil {
		return nil, err
	}
	expired := all.From > 0 && (begins || all.From == all.To)
	return &section{log: o, partition: partition, left: span, last: to + o.lateness + clockSlack, expired: expired}, nil
}

// A pack is of a segment, which is named by the offset of the tick before it; 0: that was
// not read.
type pack struct {
	program.Pack
	segment int64
}

// next gives the next packs, in their order; nil after the last. They may be none.
func (s *section) next(ctx context.Context) ([]pack, error) {
	if s.left.From >= s.left.To {
		return nil, nil
	}
	records, next, err := s.log.fetcher.Fetch(ctx, s.partition, s.left, fetchBytes)
	if err != nil {
		return nil, err
	}
	s.left.From = next
	packs := []pack{}
	for _, r := range records {
		h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
		switch {
		case err != nil:
			continue
		case h.Tick != nil:
			s.segment = r.Offset
			continue
		case h.Second() > s.last:
			s.left.From = s.left.To
			return packs, nil
		}
		packs = append(packs, pack{program.Pack{Lines: r.Value, Second: h.Second(), Floor: h.Second(), Map: h.Map, Runs: h.Runs(), Recorded: h.Recorded()}, s.segment})
	}
	return packs, nil
}
