package history

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/topics"
	"pulse/topics/retry"

	"pulse/processors/minutes"
)

// A chunk is the seconds [from, to), both of which begin minutes.
type chunk struct {
	filler   *Filler
	plan     *plan
	writer   *writer
	admin    *topics.Admin
	fetcher  *topics.Fetcher
	all      topics.Section // of the log
	from, to int64

	filled map[string]bool // the stats
	rolled *minutes.Rolled
	pace   pace
}

// beginning is the first second by whose clock there are records, and whether they are a
// recording's: its definitions read it from its beginning.
func (c *chunk) beginning(ctx context.Context) (second int64, recorded bool, err error) {
	second = c.to
	for p, span := range c.all {
		for span.From < span.To {
			records, next, err := c.fetcher.Fetch(ctx, p, span, 1)
			if err != nil {
				return 0, false, err
			}
			if len(records) == 0 {
				span.From = next
				continue
			}
			if h, err := topics.ParseRawHeader(topics.Lookup(records[0].Headers)); err == nil {
				second, recorded = min(second, h.Second()), recorded || recordedLog(h)
			}
			break
		}
	}
	return second, recorded, nil
}

// keptSavepoints is for how many seconds savepoints are looked for, at least.
const keptSavepoints = 48 * 3600

// start is where to begin for numbers that are exact from the first second on, behind
// savepoints of whichever version was at work then; nil: nowhere.
func (c *chunk) start(ctx context.Context) (best *topics.Start, err error) {
	for i, one := range c.plan.catalogs {
		if one.First > c.from && i < len(c.plan.catalogs)-1 {
			continue
		}
		n := topics.Names{Prefix: c.filler.config.Names.Prefix, Version: one.Version}
		s, err := c.admin.StartBefore(ctx, n, c.plan.longest, c.all, c.from)
		if err != nil {
			return nil, err
		}
		if s != nil && (best == nil || s.First < best.First) {
			best = s
		}
		if s != nil && s.Beginnings != nil && s.First <= c.from || one.First < c.from-keptSavepoints {
			break
		}
	}
	return best, nil
}

// play reads the log from a start on, and gives the writer what it comes to.
func (c *chunk) play(ctx context.Context, start *topics.Start) error {
	f := c.filler
	c.filled = map[string]bool{}
	for _, s := range f.config.Definitions.All() {
		if f.fills(c.plan, s, c.from, c.to) {
			c.filled[s.Name] = true
		}
	}
	c.rolled = minutes.NewRolled(f.config.Definitions, f.config.Names, c.writer.partitions[f.config.Names.Minutes()])
	if len(c.filled) == 0 {
		return nil
	}
	evaluator, err := oracle.New(f.config.Definitions, c.point)
	if err != nil {
		return err
	}
	evaluator.Digests(c.digest)
	evaluator.Start(c.from)
	last := c.to + f.config.Definitions.Lateness // the watermark by which all is final
	feed := start.Feed(evaluator, len(c.all))
	reached, err := topics.NewRawReader(c.fetcher, start, c.all).FeedTo(ctx, feed, last, func(int32, *kgo.Record) error {
		if err := c.writer.room(ctx); err != nil {
			return err
		}
		return c.pace.wait(ctx, c.behind)
	})
	if err != nil {
		return err
	}
	if !reached {
		return errSoon
	}
	evaluator.Close(c.to - 1)
	return nil
}

// point takes a snapshot.
func (c *chunk) point(p stats.Snapshot) {
	if !c.filled[p.Stat] {
		return
	}
	if p, ok := p.Cut(c.from, c.to-1); ok {
		c.writer.point(p)
		c.rolled.Add(p)
	}
}

// digest takes what a minute's numbers come to.
func (c *chunk) digest(stat string, minute int64, numbers uint64, digest []byte) {
	if c.filled[stat] && minute >= c.from && minute < c.to {
		c.rolled.Digest(topics.Minute{Stat: stat, Version: c.filler.config.Names.Version, Time: minute, Numbers: numbers, Digest: digest})
	}
}

// behind reports whether the receivers are behind the log.
func (c *chunk) behind(ctx context.Context) (bool, error) {
	n := c.filler.config.Names
	commits, err := c.admin.Commits(ctx, n.ReceiverGroup(), n.Raw())
	if err != nil {
		return false, err
	}
	end, err := c.admin.Readable(ctx, n.Raw())
	if err != nil {
		return false, err
	}
	for p, span := range end {
		commit, ok := commits[p]
		if !ok || commit.Offset >= span.To {
			continue
		}
		state, err := topics.DecodeReceiverState(commit.Metadata)
		if err != nil {
			continue // another version's
		}
		records, _, err := c.fetcher.Fetch(ctx, p, topics.Span{From: max(commit.Offset, span.To-endOfLog), To: span.To}, 1)
		if err != nil {
			return false, err
		}
		for _, r := range records {
			if h, err := topics.ParseRawHeader(topics.Lookup(r.Headers)); err == nil && h.Second() > state.Clock.Second()+behind {
				return true, nil
			}
		}
	}
	return false, nil
}

// endOfLog is how many offsets before the end of a partition one is a record's, at most times.
const endOfLog = 16

// A pace keeps work below other work.
type pace struct {
	began  time.Time
	looked time.Time
	calls  int
}

const (
	paceCalls  = 16
	workAtOnce = 10 * time.Millisecond
	lookAfter  = time.Second
)

// wait rests as long as was worked since the last rest, once that is enough, and while others
// are behind.
func (p *pace) wait(ctx context.Context, behind func(context.Context) (bool, error)) error {
	if p.calls++; p.calls%paceCalls != 0 {
		return nil
	}
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.looked = now, now
	}
	worked := now.Sub(p.began)
	if worked < workAtOnce {
		return nil
	}
	err := retry.Wait(ctx, worked)
	for err == nil && time.Since(p.looked) >= lookAfter {
		var late bool
		if late, err = behind(ctx); err != nil || !late {
			p.looked = time.Now()
			break
		}
		err = retry.Wait(ctx, lookAfter)
	}
	p.began = time.Now()
	return err
}
