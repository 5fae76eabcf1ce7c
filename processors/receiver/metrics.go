package receiver

import (
	"sync/atomic"

	"pulse/stats/aggregate"
	"pulse/topics"
)

// Metrics counts what a Receiver met since it was made.
type Metrics struct {
	Ticks       atomic.Int64 // taken: each ended a segment
	Lines       LineMetrics
	Refused     atomic.Int64 // records of another clock domain, ticks for another number of partitions
	Undecodable atomic.Int64 // records that are not packs
	Lost        atomic.Int64 // offsets that retention took before they were read

	Clocks [topics.MaxPartitions]atomic.Int64 // the watermark of each source partition, Unix time; 0 before its first tick here
}

// LineMetrics are what became of the lines that a Receiver has folded. Lines of
// a segment that is done again after a restart are counted again; the exact
// account is the stat pulse.lines.
type LineMetrics struct {
	In         atomic.Int64
	Late       atomic.Int64
	Unreadable atomic.Int64
	Ahead      atomic.Int64
	Undated    atomic.Int64
	Unparsed   atomic.Int64
	Half       atomic.Int64
	Bytes      atomic.Int64
}

func (m *LineMetrics) add(c aggregate.LineCounts) {
	m.In.Add(int64(c.Lines))
	m.Late.Add(int64(c.Late))
	m.Unreadable.Add(int64(c.Unreadable))
	m.Ahead.Add(int64(c.Ahead))
	m.Undated.Add(int64(c.Undated))
	m.Unparsed.Add(int64(c.Unparsed))
	m.Half.Add(int64(c.Half))
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
