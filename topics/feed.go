package topics

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/program"
	"pulse/stats/watermark"
)

// An Evaluator takes packs and clocks, as package oracle does.
type Evaluator interface {
	Pack(program.Pack)
	Undecodable(value []byte, second int64)
	Begin(second int64)
	Stale(from, to int64)
	Advance(watermark int64)
}

// A RawFeed gives an Evaluator the records of the topic of raw records, those of a
// partition in their order. Which of them count, and at which second, is the receiver's
// rule, written down here a second time: an oracle that shared the receiver's code would
// share its mistakes.
type RawFeed struct {
	to         Evaluator
	partitions []rawPartition
}

// rawPartition is what is known of a partition so far.
type rawPartition struct {
	watermark *watermark.Watermark
	domain    string // that of its first record
	earliest  int64  // the least second of the packs before the first tick; -1 before one
}

// NewRawFeed begins with the log's beginning in all partitions.
func NewRawFeed(to Evaluator, partitions int) *RawFeed {
	f := &RawFeed{to: to, partitions: make([]rawPartition, partitions)}
	for i := range f.partitions {
		f.partitions[i] = rawPartition{watermark: watermark.New(), earliest: -1}
	}
	return f
}

// Resume goes on behind savepoints of all partitions. Seconds that lines before them may
// count at are said to be not covered.
func (f *RawFeed) Resume(all []Beginning) {
	f.begin(all)
	f.to.Begin(CompleteFrom(all))
}

// begin has partitions begin where others are far on.
func (f *RawFeed) begin(all []Beginning) {
	for _, b := range all {
		f.partitions[b.Partition] = rawPartition{watermark: b.Clocks.Clock, domain: b.Clocks.Domain, earliest: -1}
	}
}

// Watermark is that of a partition: -1 before its first tick.
func (f *RawFeed) Watermark(partition int32) int64 { return f.partitions[partition].watermark.Second() }

// Least is the watermark of all partitions.
func (f *RawFeed) Least() int64 {
	w := f.partitions[0].watermark.Second()
	for _, p := range f.partitions {
		w = min(w, p.watermark.Second())
	}
	return w
}

// Feed takes the next record of a partition.
func (f *RawFeed) Feed(partition int32, r *kgo.Record) {
	if moves := f.feed(partition, r); !moves {
		return
	}
	if w := f.Least(); w >= 0 {
		f.to.Advance(w)
	}
}

// feed takes a record, and reports whether seconds end with it.
func (f *RawFeed) feed(partition int32, r *kgo.Record) (moves bool) {
	header, err := ParseRawHeader(Lookup(r.Headers))
	if err == nil && header.Growth != nil {
		f.extend(header.Growth)
	}
	if int(partition) >= len(f.partitions) {
		return false // nobody uses it yet
	}
	p := &f.partitions[partition]
	if err != nil || header.Tick != nil && len(r.Value) > 0 {
		f.to.Undecodable(r.Value, max(p.watermark.Second(), p.earliest, 0))
		return false
	}
	if p.domain == "" {
		p.domain = header.Domain
	}
	t := header.Tick
	if p.domain != header.Domain || t != nil && int(t.Partitions) > len(f.partitions) {
		return false
	}
	if g := header.Growth; g != nil {
		if g.Begins(partition) && p.watermark.Second() < 0 {
			p.watermark = g.Clock
			return true
		}
		return false
	}
	second := header.Second()
	if t == nil {
		if p.watermark.Second() < 0 && (p.earliest < 0 || second < p.earliest) {
			p.earliest = second
		}
		f.to.Pack(header.Pack(r.Value, p.watermark.Second()))
		return false
	}
	before, after, gaps := p.watermark.Tick(watermark.Tick{Ingester: header.Ingester, Clock: second, Since: t.Since, Leaving: t.Leaving})
	for _, g := range gaps {
		if g.From == 0 {
			// The log of the partition begins here, if not with an earlier pack.
			begin := max(after-1, 0)
			if p.earliest >= 0 {
				begin = min(begin, p.earliest)
			}
			f.to.Begin(max(g.To, begin))
			continue
		}
		f.to.Stale(g.From, g.To)
	}
	recorded := strings.HasPrefix(p.domain, RecordingPrefix)
	return after > before && !(recorded && t.Leaving) // of whose last tick there are no seconds
}

// extend makes room for partitions that the log gets.
func (f *RawFeed) extend(g *Growth) {
	for len(f.partitions) < int(g.To) {
		f.partitions = append(f.partitions, rawPartition{watermark: watermark.New(), earliest: -1})
	}
}
