package merger

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulse/processors"
	"pulse/stats"
	"pulse/stats/program"
	"pulse/stats/timing"
	"pulse/stats/watermark"
	"pulse/stats/window"
	"pulse/topics"
	"pulse/topics/throttle"
)

// shared is what all partitions of a merger have in common.
type shared struct {
	program    *program.Program
	stats      []*stats.Stat // as a Program numbers them
	version    string
	meanings   map[string]string // of the stats, by name
	lateness   int64
	reach      int64  // of the longest window of any partition that is not long
	merged     string // topic
	table      string // topic
	seconds    string // topic
	minutes    string // topic
	longTopic  string
	keys       []string // that lead to each partition
	partitions int32    // of the fragments topic
	metrics    *Metrics
	log        *slog.Logger
	notices    *throttle.Logger // for what may come with every record
	written    Written          // nil: every cover may be
	now        func() time.Time // by which delays are measured, and nothing else
}

// unset is the offset of a source partition that no cover has come of.
const unset = -2

// A source is what is known of one source partition.
type source struct {
	covered       int64 // the end of the last segment that was applied; unset before the first
	second        int64 // its watermark; -1 before the first segment
	first         int64 // no line of it counts before this second less the lateness; asked for before the first second alone
	fromSavepoint bool  // it is not known what counts before first
	begin         int64 // the first second that is covered; 0 of a recording, which is covered from its first line on
}

// partition merges one partition of the fragments topic: the stats whose names
// go there. It learns everything from the log.
//
// A segment is applied when its cover is there, the cover continues the segments
// before it, and all fragments are there. A cover that does not fit is passed
// over: it stands for a segment of which an emit has failed, or for one after
// such a segment. The receiver commits a segment only when all that it emitted is
// acknowledged; so it, or its successor, begins at or before the segment that
// failed and emits the same fragments and covers once more, in order.
//
// A second closes when every source partition's watermark is beyond it. What is
// published then, and each revision, follows from the order of covers in the
// log; see checkpoint and commit for why it does after a restart too.
type partition struct {
	*shared
	number  int32
	tracks  []*track
	byName  map[string]*track
	maxOver int64    // of windows that are not long
	longest int64    // of all
	long    []*track // those with long windows

	sources []source           // empty before the first cover tells how many there are
	waiting map[int32]*waiting // by source partition
	spare   [][]byte           // see copyOf
	named   []byte             // of keep, kept for its memory
	part    []byte             // likewise

	fresh     bool  // no record has been read in this session
	committed bool  // this session began at a commit
	truncated bool  // the log does not begin where it should: retention took records
	resume    int64 // covers before this offset are in the state that was committed

	begun     bool  // the first second is known
	next      int64 // the first second that has not closed
	final     int64 // the first second that is not final
	coverage  coverage
	earliest  int64 // the least second at which a line counts; MaxInt64: none did
	latest    int64 // the greatest
	ended     int64 // the last second of a recording that has ended; -1: it has not
	intervals []uncovered
	touched   touched
	checks    []checkpoint // ascending
	key       string       // that leads to this partition
	complete  int64        // the seconds before it are kept, but for those in which nothing was
	kept      int64        // the last of them; -1: none
	minute    int64        // the first second of the minute that complete is in
	floor     int64        // the seconds before it were restored: fragments add nothing to them
	longKept  int64        // the last second that the topic of long minutes tells of; -1: none
	greatest  int64        // watermark of any source, at which clocks were last published
	outbox

	watermarks map[int32]*watermark.Watermark // of source partitions, as the last savepoints had them
}

// newPartition goes on from a commit, or begins.
func newPartition(s *shared, start processors.Start, kept Kept) (*partition, error) {
	p := &partition{
		shared:     s,
		number:     start.Partition,
		byName:     map[string]*track{},
		waiting:    map[int32]*waiting{},
		fresh:      true,
		watermarks: map[int32]*watermark.Watermark{},
		greatest:   -1,
		coverage:   coverage{first: math.MaxInt64},
		earliest:   math.MaxInt64,
		ended:      -1,
		key:        s.keys[start.Partition],
		kept:       -1,
		longKept:   -1,
	}
	for i, stat := range s.stats {
		if topics.Partition(stat.Name, s.partitions) != p.number {
			continue
		}
		t := &track{name: stat.Name, number: len(p.tracks), stat: stat, series: window.NewSeries(s.program.Kind(i), stat), own: stat.Kind == stats.LinesKind, from: math.MaxInt64, to: -1}
		if kind := s.program.Kind(i); window.Digests(kind) {
			t.minute = window.NewTotal(kind)
		}
		p.tracks = append(p.tracks, t)
		p.byName[t.name] = t
		p.longest = max(p.longest, stat.Lookback())
		if stat.Long() {
			p.long = append(p.long, t)
		} else {
			p.maxOver = max(p.maxOver, stat.Lookback())
		}
	}
	if start.Committed.Offset < 0 {
		return p, nil
	}
	p.committed = true
	state, err := topics.DecodeMergerState(start.Committed.Metadata)
	if err != nil {
		return nil, err
	}
	p.next, p.final = state.Final, state.Final
	if state.First >= 0 {
		p.coverage.first = state.First
	}
	p.longKept = minuteOf(state.Complete) - 1
	until := minuteOf(min(p.settled(), state.Complete)) // what comes then comes again
	if start.Lost {
		until = p.longKept + 1
	}
	if err := p.restoreLong(kept, until); err != nil {
		return nil, fmt.Errorf("cannot restore the minutes of long windows: %w", err)
	}
	if start.Lost {
		p.truncated = true
		s.log.Error("Kafka deleted fragments before they were read: the seconds from here on are shown as unknown until every window is complete again. Raise the topic's retention.ms, or restart mergers sooner",
			"partition", p.number, "from offset", start.Committed.Offset, "from second", state.Final)
		return p, nil
	}
	for _, src := range state.Sources {
		p.sources = append(p.sources, source{covered: src.Covered, second: src.Second})
	}
	p.resume = start.Committed.Offset + state.Ahead
	p.begun = true
	p.complete, p.kept = state.Complete, state.Kept
	p.minute = minuteOf(p.complete)
	p.floor = p.settled()
	switch whole, err := p.restore(kept, until); {
	case err != nil:
		return nil, fmt.Errorf("cannot restore complete seconds: %w", err)
	case !whole:
		p.intervals = append(p.intervals, uncovered{Interval: timing.Interval{From: 0, To: p.floor}, lost: true, offset: -1})
		s.log.Error("Kafka deleted complete seconds before they were read: seconds are shown as unknown until every window is complete again. Raise the topic's retention.ms, or restart mergers sooner", "partition", p.number, "from second", p.final)
	}
	return p, nil
}

// settled is a second such that nothing came of those before it since the first
// one that is not final has closed.
func (p *partition) settled() int64 { return max(p.final-p.lateness, 0) }

// Process takes the next record of the fragments topic.
func (p *partition) Process(r processors.Record, emit processors.Emit) (*topics.Commit, error) {
	if p.fresh {
		p.fresh = false
		if !p.committed && r.Offset > 0 {
			p.truncated = true
			p.log.Error("the oldest fragments are deleted and no offset is committed: seconds are shown as unknown until every window is complete. Raise the topic's retention.ms, or start mergers sooner",
				"partition", p.number, "first offset", r.Offset)
		}
		// What had closed before the checkpoint and is not known to be published.
		p.publish(emit)
	}
	if err := p.take(r, emit); err != nil {
		return nil, err
	}
	if r.More && p.held < maxHeld {
		return nil, nil
	}
	return p.release(emit), nil
}

// take takes in a record of the fragments topic.
func (p *partition) take(r processors.Record, emit processors.Emit) error {
	m := topics.DecodeMessage(r.Value)
	switch {
	case m.Fragment != nil:
		p.fragment(r, m.Fragment)
	case m.Bundle != nil:
		p.bundle(r.Offset, m.Bundle)
	case m.Cover != nil:
		if p.written != nil {
			if ok, err := p.written(m.Cover); err != nil {
				return fmt.Errorf("cannot read where the raw records end: %w", err)
			} else if !ok {
				p.discard(r.Offset, fmt.Errorf("a cover of source partition %d of %d up to offset %d, where there are no raw records", m.Cover.Partition, m.Cover.Partitions, m.Cover.End))
				return nil
			}
		}
		p.cover(r.Offset, m.Cover, emit)
	case m.Savepoint != nil:
		p.meet(m.Savepoint)
	default:
		p.discard(r.Offset, m.Bad)
	}
	return nil
}

// discard skips a record that is not a merger's input.
func (p *partition) discard(offset int64, err error) {
	p.metrics.Bad.Add(1)
	p.notices.Warn("skipped a record of the fragments topic that Pulse did not write; check which programs write to it",
		"partition", p.number, "offset", offset, "error", err)
}

// cover applies a segment, if it is its turn and if it is complete.
func (p *partition) cover(offset int64, c *topics.Cover, emit processors.Emit) {
	// The log may get partitions: no second closes before it has theirs. Whatever says so comes
	// before any line in them, at a second that is still open. A cover for fewer is of before.
	if len(p.sources) == 0 {
		maps.DeleteFunc(p.waiting, func(source int32, _ *waiting) bool { return source >= c.Partitions })
	}
	for len(p.sources) < int(c.Partitions) {
		p.sources = append(p.sources, source{covered: unset, second: -1})
	}
	src := &p.sources[c.Partition]
	if c.End <= src.covered {
		return // emitted once more
	}
	// Before resume a cover that fits now is one that did not at its time, as the
	// segment before it was not complete. It was passed over then, and so it is now:
	// it comes again behind.
	if offset < p.resume {
		return
	}
	segment := p.has(c.Partition, c.End)
	if segment == nil {
		segment = none(offset)
	}
	if !p.continues(src, c) || segment.fragments < c.Fragments {
		p.metrics.Incomplete.Add(1)
		p.notices.Warn("a segment is incomplete; its receiver will emit it again", "partition", p.number, "offset", offset,
			"source partition", c.Partition, "segment from", c.Start, "to", c.End, "covered", src.covered,
			"fragments", segment.fragments, "of", c.Fragments)
		return
	}

	before := p.least()
	after := before
	if second := src.second; c.After > second {
		src.second = c.After
		after = p.least()
		src.second = second
	}
	if after > before && before >= 0 && p.begun {
		p.check(offset)
	}
	p.apply(offset, src, c, segment)
	if !p.begun && after >= 0 {
		p.begin(offset, emit)
	}
	if after > before {
		p.publish(emit)
	}
}

// continues reports whether a cover is the next one of its source partition. The
// first is where the receiver began. Where the log's beginning is gone any can be
// the first: what came before it is unknown in any case.
func (p *partition) continues(src *source, c *topics.Cover) bool {
	if src.covered == unset {
		return c.Before < 0 || c.FromSavepoint || p.truncated
	}
	// The receiver may have emitted a segment without committing it, and where
	// retention took its tick it cannot make it again: it goes on from before it.
	// Its clocks lack the ticks that are gone, so that Before need not be the watermark here.
	return c.Start == src.covered || c.Start < src.covered && (overtaken(src, c) || forged(src, c))
}

func overtaken(src *source, c *topics.Cover) bool {
	return c.Lost.From <= src.covered && src.covered < c.Lost.To
}

// forged reports whether the cover before c was of another program: receivers' segments end
// at the same offsets each time, so that none ends within another one.
func forged(src *source, c *topics.Cover) bool {
	return src.covered != unset && c.Start < src.covered && src.covered < c.End && !overtaken(src, c)
}

// apply adds a complete segment to the state.
func (p *partition) apply(offset int64, src *source, c *topics.Cover, segment *pending) {
	if src.covered == unset {
		src.first, src.fromSavepoint = c.First, c.FromSavepoint
		switch {
		case c.FromSavepoint:
		case c.Before >= 0: // truncated
			src.first = c.Before
		case len(c.Stale) > 0 && c.Stale[0].From == 0:
			// What came before the first record is unknown, whatever its ingester covers.
			src.begin = max(c.Stale[0].To, c.First)
			p.addGap(offset, 0, src.begin)
		}
	}
	j := joining{partition: p, offset: offset, cover: c, horizon: p.horizon(c)}
	for i, fragment := range segment.whole {
		if fragment != nil {
			j.join(p.tracks[i], fragment)
		}
	}
	for i, parts := range segment.parts {
		j.join(p.tracks[i], slices.Concat(parts...))
	}
	for _, g := range c.Stale {
		p.addGap(offset, g.From, g.To)
	}
	p.count(offset, c)
	other := forged(src, c)
	if other {
		p.discard(offset, fmt.Errorf("a cover before this one ends source partition %d at offset %d, where no segment does", c.Partition, src.covered))
	}
	if !c.Lost.Empty() {
		p.metrics.Lost.Add(1)
	}
	if other || !c.Lost.Empty() {
		p.addUncovered(uncovered{Interval: timing.Interval{From: max(c.Before-p.lateness, 0), To: c.After + timing.Unsettled}, lost: true, offset: offset})
	}
	src.covered, src.second = c.End, max(src.second, c.After)
	p.applied(c.Partition, c.End)
}

// addGap notes that the seconds [from, to) are not covered.
func (p *partition) addGap(offset, from, to int64) {
	p.addUncovered(uncovered{Interval: timing.Interval{From: from, To: to}, offset: offset})
	p.coverage.add(from, to)
}

// maxIntervals bounds the intervals without values that are held: ingesters come and go
// some times in the longest window. What is more widens the last one.
const maxIntervals = 4096

func (p *partition) addUncovered(u uncovered) {
	if u.lost && len(p.long) > 0 {
		p.coverage.add(u.From, u.To) // others have no value then
	}
	if len(p.intervals) < maxIntervals {
		p.intervals = append(p.intervals, u)
		return
	}
	last := &p.intervals[maxIntervals-1]
	last.From, last.To = min(last.From, u.From), max(last.To, u.To)
	last.lost, last.offset = last.lost || u.lost, min(last.offset, u.offset)
}

// horizon is the first second at which no line of a segment counts: a day from all
// clocks. What is beyond it would wait, in memory, until they come there.
func (p *partition) horizon(c *topics.Cover) int64 {
	greatest := c.After
	for _, s := range p.sources {
		greatest = max(greatest, s.second)
	}
	return greatest + timing.PointAhead
}

// count notes at which seconds lines of a segment count, also of stats that are not
// the partition's: they say where a recording begins and ends.
func (p *partition) count(offset int64, c *topics.Cover) {
	if c.Ended {
		p.ended = c.Before
	}
	if c.Latest == 0 {
		return
	}
	if horizon := p.horizon(c); c.Latest >= horizon {
		p.metrics.Beyond.Add(1)
		p.notices.Warn("lines that are more than a day ahead of all clocks are in no stat; set the clock of the machine whose ingester `pulse status` names",
			"partition", p.number, "offset", offset, "source partition", c.Partition, "second", c.Latest)
		c.Latest = horizon - 1
		if c.Earliest > c.Latest {
			return
		}
	}
	for _, second := range []int64{c.Earliest, c.Latest} {
		if second >= p.floor {
			p.touched.add(second, offset)
		}
	}
	p.earliest, p.latest = min(p.earliest, c.Earliest), max(p.latest, c.Latest)
	if p.begun && !p.coverage.isStale(c.Earliest) { // what a live stream does not cover does not begin it
		p.coverage.first = min(p.coverage.first, c.Earliest)
	}
}

// A joining adds the fragments of a cover's segment to their stats.
type joining struct {
	*partition
	offset  int64 // of the cover
	cover   *topics.Cover
	horizon int64
	touched int64 // the last second that it noted in the partition; 0: none
}

func (j *joining) join(t *track, fragment []byte) {
	err := t.series.JoinWithin(fragment, j.floor, j.horizon, func(second int64) {
		t.touch(second)
		if second != j.touched {
			j.touched = second
			j.partition.touched.add(second, j.offset)
		}
	})
	if err != nil {
		j.discard(j.offset, fmt.Errorf("the fragment of %s from source partition %d, segment to %d: %w", t.name, j.cover.Partition, j.cover.End, err))
	}
}

// newDelay is of how long after an ingester could take the first line of a second the
// second's points are published: so long a line of it waited at most, and one that came later
// in the second up to a second less.
func newDelay() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "pulse_merger_publication_delay_seconds",
		Help:    "How long after the beginning of a second, by the ingesters' clocks, its points were published, for each second and partition; recordings of other times and seconds of more than 5 minutes ago aside.",
		Buckets: []float64{0.5, 1, 1.1, 1.25, 1.5, 2, 2.5, 5, 10, 30, 60, 120, 300},
	})
}

// observe measures the seconds that have closed. One that is minutes old is of a recording, or
// is caught up on: Closed says so.
func (p *partition) observe(from, to int64) {
	const longest = 300 // seconds
	now := p.now()
	for second := max(from, now.Unix()-longest, p.coverage.first); second < to; second++ {
		if delay := now.Sub(time.Unix(second, 0)); delay >= 0 && !p.coverage.isStale(second) {
			p.metrics.Delay.Observe(delay.Seconds())
		}
	}
}

// Metrics counts what a Merger met since it was made.
type Metrics struct {
	Delay      prometheus.Histogram               // of seconds: see newDelay
	Closed     [topics.MaxPartitions]atomic.Int64 // the last second that closed in each partition of the fragments topic, Unix time; 0 before one did here
	Snapshots  atomic.Int64                       // published
	Incomplete atomic.Int64                       // covers that were passed over
	Bad        atomic.Int64                       // records that make no sense
	Dropped    atomic.Int64                       // segments of which fragments came and no cover
	Beyond     atomic.Int64                       // segments with lines a day ahead of all clocks, which count nowhere
	Lost       atomic.Int64                       // covers that declare raw records lost
}
