package receiver

import (
	"sync/atomic"

	"pulse/stats/aggregate"
	"pulse/stats/watermark"
)

// LineMetrics are what became of the lines that a Receiver has folded. Lines of
// a range that is done again after a restart are counted again; the exact
// account is the stat pulse.lines.
type LineMetrics struct {
	In         atomic.Int64
	Late       atomic.Int64
	Unreadable atomic.Int64
	Ahead      atomic.Int64
	Bytes      atomic.Int64
}

func (m *LineMetrics) add(c aggregate.LineCounts) {
	m.In.Add(int64(c.Lines))
	m.Late.Add(int64(c.Late))
	m.Unreadable.Add(int64(c.Unreadable))
	m.Ahead.Add(int64(c.Ahead))
	m.Bytes.Add(int64(c.Bytes))
}

// account enters a tick that was taken, and the lines before it.
func (p *partition) account(second int64) {
	p.metrics.Ticks.Add(1)
	p.metrics.Clocks[p.number].Store(second)
	counts := p.folder.Counts()
	added := counts.Sub(p.counts)
	p.metrics.Lines.add(added)
	p.discarded.add(added)
	p.counts = counts
}

// Clock reads the metadata of a receiver's commit: the domain of the source
// partition's clock, and the clock itself as it was at the commit.
func Clock(metadata []byte) (domain string, clock *watermark.Watermark, err error) {
	var p partition
	err = p.restore(metadata)
	return p.domain, p.clock, err
}
