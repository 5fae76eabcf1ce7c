package topics

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/timing"
)

// A Start is where raw records are begun to be read so that numbers are exact.
type Start struct {
	Beginnings []Beginning     // savepoints; nil: the log's beginning
	Later      []Beginning     // then, of partitions that the log got by a growth
	Offsets    map[int32]int64 // of the first records
	First      int64           // the first second at which the numbers of definitions are exact; 0: the log's
}

// StartBefore finds where to begin so that numbers whose windows reach back so many seconds
// are exact from a second on: behind savepoints of the version of n, or with the log if all
// of it is there. Where neither is so it begins as early as it can, and First is later; nil:
// nowhere.
func (a *Admin) StartBefore(ctx context.Context, n Names, longest int64, all Section, second int64) (*Start, error) {
	start := func(found []Beginning) *Start {
		s := &Start{Beginnings: found, Offsets: map[int32]int64{}}
		for p, span := range all {
			s.Offsets[p] = span.From
		}
		for _, b := range found {
			s.Offsets[b.Partition] = b.Offset + 1
			s.First = max(s.First, b.Complete+longest-1)
		}
		return s
	}
	// An ingester that is ahead of the others puts off the second that is complete.
	for _, wanted := range []int64{second, second - 60} {
		found, err := a.FindSavepoints(ctx, n, wanted-longest+1-timing.Unsettled, int32(len(all)))
		if err != nil {
			return nil, err
		}
		kept := !slices.ContainsFunc(found, func(b Beginning) bool { return b.Offset+1 < all[b.Partition].From })
		if s := start(found); found != nil && kept && s.First <= second {
			return s, nil
		}
	}
	whole := true
	for _, span := range all {
		whole = whole && span.From == 0
	}
	if whole {
		return a.RawLogStart(ctx, n, all)
	}
	found, err := a.FirstSavepoints(ctx, n, all)
	if err != nil || found == nil {
		return nil, err
	}
	return start(found), nil
}

// RawLogStart is a Start with the log's beginning, whatever of it is there.
func (a *Admin) RawLogStart(ctx context.Context, n Names, all Section) (*Start, error) {
	layout, err := a.layout(ctx, n, all)
	s := &Start{Offsets: map[int32]int64{}}
	for p, span := range all {
		s.Offsets[p] = span.From
		if g := layout.growth(p); g != nil {
			s.Later = append(s.Later, g.beginning(p))
		}
	}
	return s, err
}

// A RawReader reads raw records from a Start on, of all partitions by their clocks, so that
// little waits for other partitions. It is for one goroutine.
type RawReader struct {
	fetcher *Fetcher
	cursors []*rawCursor // by partition
}

// A rawCursor reads the records of a partition in their order.
type rawCursor struct {
	partition int32
	left      Span
	records   []*kgo.Record
	clock     int64 // of the first of records, in seconds
}

// NewRawReader reads what is in a section of the log.
func NewRawReader(f *Fetcher, s *Start, all Section) *RawReader {
	r := &RawReader{fetcher: f}
	for p, span := range all {
		r.cursors = append(r.cursors, &rawCursor{partition: p, left: Span{s.Offsets[p], span.To}})
	}
	slices.SortFunc(r.cursors, func(a, b *rawCursor) int { return cmp.Compare(a.partition, b.partition) })
	return r
}

// Next gives the next record and its partition; nil: all that there is has been read.
func (r *RawReader) Next(ctx context.Context) (partition int32, record *kgo.Record, err error) {
	var least *rawCursor
	for _, c := range r.cursors {
		for len(c.records) == 0 && c.left.From < c.left.To {
			if c.records, c.left.From, err = r.fetcher.Fetch(ctx, c.partition, c.left, sectionBytes); err != nil {
				return 0, nil, err
			}
			c.look()
		}
		if len(c.records) > 0 && (least == nil || c.clock < least.clock) {
			least = c
		}
	}
	if least == nil {
		return 0, nil, nil
	}
	record = least.records[0]
	least.records = least.records[1:]
	least.look()
	return least.partition, record, nil
}

// look takes the clock of the next record.
func (c *rawCursor) look() {
	if len(c.records) == 0 {
		return
	}
	if h, err := ParseRawHeader(Lookup(c.records[0].Headers)); err == nil {
		c.clock = h.Second()
	}
}

// Leave reads no further in a partition.
func (r *RawReader) Leave(partition int32) {
	c := r.cursors[partition]
	c.left, c.records = Span{}, nil
}

// Extend lets the reader go on to where a section of the log ends now.
func (r *RawReader) Extend(all Section) {
	for p := int32(len(r.cursors)); int(p) < len(all); p++ {
		r.cursors = append(r.cursors, &rawCursor{partition: p, left: all[p]}) // the log got it since then
	}
	for _, c := range r.cursors {
		c.left.To = max(c.left.To, all[c.partition].To)
	}
}

// Feed is a feed that begins where s does.
func (s *Start) Feed(to Evaluator, partitions int) *RawFeed {
	feed := NewRawFeed(to, partitions)
	if s.Beginnings != nil {
		feed.Resume(s.Beginnings)
	}
	feed.begin(s.Later)
	return feed
}

// FeedTo gives a feed what comes before the watermarks of all partitions are at a second, and
// calls each after each record. It reports whether they are: else there is no more.
func (r *RawReader) FeedTo(ctx context.Context, feed *RawFeed, second int64, each func(partition int32, record *kgo.Record) error) (bool, error) {
	for {
		p, record, err := r.Next(ctx)
		if err != nil {
			return false, err
		}
		if record == nil {
			return feed.Least() >= second, nil
		}
		feed.Feed(p, record)
		if feed.Watermark(p) >= second {
			r.Leave(p)
		}
		if err := each(p, record); err != nil {
			return false, err
		}
	}
}
