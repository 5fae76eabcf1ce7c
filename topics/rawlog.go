package topics

import (
	"bytes"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"pulse/stats/line"
	"pulse/stats/timing"
)

const (
	// A line may be ahead of its record's clock, and ingesters' clocks as far apart, so
	// that a partition's are not quite in order.
	clockSlack = timing.LineAhead + timing.ClockAhead
	// What one reader holds: packs are compressed some ten times.
	partitionsAtOnce = 4
	sectionBytes     = 512 << 10
)

// A RawLog is the topic of raw records as it was when it was opened, read by the seconds
// at which lines count. It ends with the Admin.
type RawLog struct {
	Partitions []int32 // ascending
	fetcher    *Fetcher
	all        Section
	lateness   int64
}

// RawLog looks how far a topic of raw records goes. Lines of a second are looked for up to
// a lateness after it.
func (a *Admin) RawLog(ctx context.Context, topic string, lateness int64) (*RawLog, error) {
	all, err := a.Readable(ctx, topic)
	if err != nil {
		return nil, err
	}
	return a.rawLog(ctx, topic, all, lateness)
}

// RawCopy is RawLog of copies of raw records that are in one partition of a topic.
func (a *Admin) RawCopy(ctx context.Context, topic string, partition int32, lateness int64) (*RawLog, error) {
	all, err := a.Readable(ctx, topic)
	if err != nil {
		return nil, err
	}
	return a.rawLog(ctx, topic, all.Of(partition), lateness)
}

func (a *Admin) rawLog(ctx context.Context, topic string, all Section, lateness int64) (*RawLog, error) {
	fetcher, err := a.Fetcher(ctx, topic)
	if err != nil {
		return nil, err
	}
	return &RawLog{slices.Sorted(maps.Keys(all)), fetcher, all, lateness}, nil
}

// Each calls do for every partition, some at a time: with its place among them, and
// with what may have lines that count at the seconds [from, to].
func (l *RawLog) Each(ctx context.Context, from, to int64, do func(i int, s *RawSection) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partitionsAtOnce)
	for i, p := range l.Partitions {
		group.Go(func() error {
			s, err := l.Section(ctx, p, from, to)
			if err != nil {
				return err
			}
			return do(i, s)
		})
	}
	return group.Wait()
}

// A RawSection is the records of a partition that may have lines of some seconds.
type RawSection struct {
	Expired   bool // retention has taken some
	fetcher   *Fetcher
	partition int32
	left      Span
	last      int64 // records of later clocks have none
	segment   int64 // that Next is in
}

// Section finds the records of a partition that may have lines which count at the seconds
// [from, to].
func (l *RawLog) Section(ctx context.Context, partition int32, from, to int64) (*RawSection, error) {
	all := l.all[partition]
	span, begins, err := l.fetcher.First(ctx, partition, all, from-clockSlack)
	if err != nil {
		return nil, err
	}
	expired := all.From > 0 && (begins || all.From == all.To)
	return &RawSection{Expired: expired, fetcher: l.fetcher, partition: partition, left: span, last: to + l.lateness + clockSlack}, nil
}

// A RawPack is a pack with its header. Its segment is named by the offset of the tick before
// it; 0: that was not read.
type RawPack struct {
	RawHeader
	Record  *kgo.Record
	Segment int64
}

// Source is the partition of the log that the pack is of, which a copy names.
func (p RawPack) Source() int32 {
	if partition, err := SourceOf(p.Record); err == nil {
		return partition
	}
	return p.Record.Partition
}

// Each calls f with each line of the pack until it gives false: at which byte it begins, and
// where it comes from. A line is valid during the call.
func (p RawPack) Each(f func(start int, from line.Origin, text []byte) bool) {
	runs, left := p.Runs(), int64(0)
	var from line.Origin
	for next, value := 0, p.Record.Value; next < len(value); {
		start, stop := next, len(value)
		if i := bytes.IndexByte(value[start:], '\n'); i >= 0 {
			stop = start + i
		}
		next = stop + 1
		text := bytes.TrimSuffix(value[start:stop], []byte{'\r'})
		if len(text) == 0 {
			continue // no run counts it
		}
		if left == 0 {
			from, left = "", math.MaxInt64
			if len(runs) > 0 {
				from, left, runs = runs[0].From, max(runs[0].Lines, 1), runs[1:]
			}
		}
		left--
		if !f(start, from, text) {
			return
		}
	}
}

// At gives the pack at an offset of a partition, if there is one.
func (l *RawLog) At(ctx context.Context, partition int32, offset int64) (RawPack, bool, error) {
	all, ok := l.all[partition]
	if !ok || offset < all.From || offset >= all.To {
		return RawPack{}, false, nil
	}
	records, _, err := l.fetcher.Fetch(ctx, partition, Span{offset, offset + 1}, 1)
	if err != nil {
		return RawPack{}, false, err
	}
	for _, r := range records {
		if r.Offset == offset {
			h, err := ParseRawHeader(Lookup(r.Headers))
			return RawPack{h, r, 0}, err == nil && h.Tick == nil, nil
		}
	}
	return RawPack{}, false, nil
}

// Next gives the next packs, in their order; nil after the last. They may be none.
func (s *RawSection) Next(ctx context.Context) ([]RawPack, error) {
	if s.left.From >= s.left.To {
		return nil, nil
	}
	records, next, err := s.fetcher.Fetch(ctx, s.partition, s.left, sectionBytes)
	if err != nil {
		return nil, err
	}
	s.left.From = next
	packs := []RawPack{}
	for _, r := range records {
		h, err := ParseRawHeader(Lookup(r.Headers))
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
		packs = append(packs, RawPack{h, r, s.segment})
	}
	return packs, nil
}
