package ingest

import (
	"context"
	"math"
	"time"

	"pulse/topics"
	"pulse/topics/retry"
)

// A layout is how many partitions of events.raw an ingester writes to.
type layout struct {
	all    int32 // that there are
	before int32 // that get the records of seconds before at
	at     int64
	after  int32 // and of those from then on
}

// layoutOf is the log's, of which an ingester is at no second of it yet.
func layoutOf(l topics.Layout) *layout {
	found := &layout{all: l.All, before: l.Used, at: math.MaxInt64, after: l.Used}
	if n := len(l.Growths); n > 0 && l.Growths[n-1].To == l.Used {
		g := l.Growths[n-1]
		found.before, found.at = g.From, g.At()
	}
	return found
}

// Partitions implements Output.
func (p *Producer) Partitions(second int64) int32 {
	l := p.layout.Load()
	if second >= l.at {
		return l.after
	}
	return l.before
}

// growthEvery is how often is looked whether partitions that were added are used.
const growthEvery = 500 * time.Millisecond

// topicGrew is called when the topic has more partitions.
func (p *Producer) topicGrew(partitions int) { p.all.Store(int32(partitions)) }

// followGrowth learns of partitions that are to be used.
func (p *Producer) followGrowth(ctx context.Context) {
	said := p.layout.Load().all
	for retry.Wait(ctx, growthEvery) == nil {
		now := p.layout.Load()
		all := max(p.all.Load(), now.all)
		if all == now.after {
			continue
		}
		known := p.knows(all) // in time for the growth
		l, err := p.look(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			p.failures.Warn("cannot read which partitions are used; retrying", "topic", p.topic, "error", err)
		case l.Used > now.after && known:
			p.layout.Store(layoutOf(l))
			p.log.Info("the topic has more partitions: writing to them too", "topic", p.topic, "partitions", l.Used)
		case l.Used == now.after && l.All != said:
			said = l.All
			p.log.Warn(l.Notice(p.names))
		}
	}
}

// look looks how the log is laid out.
func (p *Producer) look(ctx context.Context) (topics.Layout, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	admin, err := p.admin()
	if err != nil {
		return topics.Layout{}, err
	}
	defer admin.Close()
	return admin.Layout(ctx, p.names)
}

// knows reports whether the client can write to so many partitions; if not, it learns of them.
func (p *Producer) knows(partitions int32) bool {
	for q := range partitions {
		if leader, _, err := p.client.PartitionLeader(p.topic, q); err != nil || leader < 0 {
			p.client.ForceMetadataRefresh()
			return false
		}
	}
	return true
}
