package receiver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"pulse/processors"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/program"
	"pulse/stats/watermark"
	"pulse/topics"
	"pulse/topics/throttle"
)

// shared is what all partitions of a receiver have in common.
type shared struct {
	program    *program.Program
	topic      string         // of fragments
	savepoints string         // the topic of savepoints
	version    string         // of the definitions: the key of their savepoints
	stats      []string       // names, as a Folder numbers them
	target     []int32        // where each stat's fragments go
	covers     []string       // a key for each partition of the fragments topic
	layout     topics.Layouts // of the log
	metrics    *Metrics
	discarded  *discardWatch
	log        *slog.Logger
	notices    *throttle.Logger // for what may come with every record
}

// partition rolls up one source partition: what lies between two ticks becomes
// one fragment for each stat that it adds to, bundled, and then one cover for each
// partition of the fragments topic.
//
// What it emits is a function of the log and of what its last commit says, so a
// successor that begins at that commit emits the same bytes again. A segment's
// bounds are ticks that were taken; a record that was refused is as if it was
// not there.
type partition struct {
	*shared
	number int32
	folder *program.Folder
	clock  *watermark.Watermark
	domain string // of the first record that was taken; "" before it

	partitions int32 // of the topic of raw records that are used, as far as the log has told

	start         int64 // the offset of the last tick; before the first tick, of what is before the log
	fresh         bool  // nothing has been read yet in this session
	committed     bool  // start is that of a commit
	lost          bool  // records after start are gone
	gone          topics.Lost
	earliest      int64                // least second of the packs before the first tick; -1 before one
	fromSavepoint int64                // what the first cover of a definitions version that began behind a savepoint says is the first second; 0: it does not, or has been said
	unlisted      map[string]int       // by stat: how many of the folder's unlisted names were said
	counts        aggregate.LineCounts // of the folder, at the last tick
	bundled       []int                // bytes that the last segment's bundles had: the next's have hardly more
}

// newPartition goes on from a commit, or begins.
func newPartition(s *shared, start processors.Start) (*partition, error) {
	layout, err := s.layout(0)
	if err != nil {
		return nil, err
	}
	p := &partition{
		shared: s,
		number: start.Partition,
		// All that are used now: mergers wait for the beginnings of others, which are in the log.
		partitions: layout.Used,
		folder:     s.program.NewFolder(),
		unlisted:   map[string]int{},
		clock:      watermark.New(),
		start:      -1,
		fresh:      true,
		earliest:   -1,
		bundled:    make([]int, len(s.covers)),
	}
	if start.Committed.Offset >= 0 {
		p.committed = true
		p.start = start.Committed.Offset - 1
		p.lost = start.Lost
		state, err := topics.DecodeReceiverState(start.Committed.Metadata)
		if err != nil {
			return nil, err
		}
		p.domain, p.clock, p.fromSavepoint = state.Domain, state.Clock, state.First
	}
	return p, nil
}

// Process takes the next raw record.
func (p *partition) Process(r processors.Record, emit processors.Emit) (*topics.Commit, error) {
	if p.fresh {
		if err := p.begin(r.Offset); err != nil {
			return nil, err
		}
	}
	header, err := topics.ParseRawHeader(r.Header)
	if err == nil && header.Tick != nil && len(r.Value) > 0 {
		err = errors.New("raw record: a tick with lines")
	}
	if err != nil {
		p.metrics.Undecodable.Add(1)
		p.notices.Warn("a record is not a pack; its lines count as unreadable. Check which programs write to the topic", "partition", p.number, "offset", r.Offset, "error", err)
		p.folder.Undecodable(r.Value, p.now())
		return nil, nil
	}
	if !p.takes(header, r.Offset) {
		return nil, nil
	}
	switch {
	case header.Growth != nil:
		return nil, p.grow(r.Offset, header.Growth, emit)
	case header.Tick == nil:
		p.fold(header, r.Value)
		return nil, nil
	}
	return p.tick(r.Offset, header, emit)
}

// grow takes the record that the log has got more partitions by. One of the new ones begins
// with it: at the growth's second, with the clocks of the others.
func (p *partition) grow(offset int64, g *topics.Growth, emit processors.Emit) error {
	layout, err := p.layout(g.To)
	if err != nil {
		return fmt.Errorf("cannot read which partitions are used: %w", err)
	}
	if g.To > layout.Used {
		p.metrics.Refused.Add(1)
		p.notices.Warn("ignored a growth that `pulse topics --grow` has not written. Check which programs write to the topic",
			"partition", p.number, "offset", offset, "partitions", g.To, "topic has", layout.All)
		return nil
	}
	p.partitions = max(p.partitions, g.To)
	if !g.Begins(p.number) || p.clock.Second() >= 0 {
		return nil
	}
	p.clock = g.Clock
	// Others may have written before it: what that adds comes with the next segment, since mergers
	// learn by this cover that there is such a partition. Until then a restart begins before it.
	cover := topics.Cover{Partition: p.number, Partitions: p.partitions, Start: p.start, End: offset, Before: -1, After: g.At(), First: g.At(), Lost: p.gone}
	for _, key := range p.covers {
		emit(p.topic, key, cover.Append(nil))
	}
	p.start, p.gone = offset, topics.Lost{}
	return nil
}

// now returns the second of a record without a clock: the watermark's. Before
// the first tick it is the earliest pack's, and before that 0, which is not
// published: nobody can say when it was.
func (p *partition) now() int64 {
	if second := p.clock.Second(); second >= 0 {
		return second
	}
	return max(p.earliest, 0)
}

// begin notes where the log begins for this session.
func (p *partition) begin(offset int64) error {
	p.fresh = false
	switch {
	case p.lost && offset <= p.start:
		return fmt.Errorf("the topic starts at offset %d, below the committed %d: it may have been deleted and created again. Choose another --prefix", offset, p.start+1)
	case p.lost:
		p.gone = topics.Lost{From: p.start + 1, To: offset}
		p.metrics.Lost.Add(p.gone.To - p.gone.From)
		p.log.Error("Kafka deleted raw records before receivers read them: their seconds will be shown as unknown. Start more receivers, or raise the topic's retention.ms",
			"partition", p.number, "from", p.gone.From, "to", p.gone.To)
	case !p.committed:
		p.start = offset - 1
	}
	return nil
}

// takes reports whether a record is of the partition's clock domain, which its
// first record decides, and if it is a tick, whether it fits the topic.
func (p *partition) takes(h topics.RawHeader, offset int64) bool {
	if p.domain == "" {
		p.domain = h.Domain
	}
	if h.Domain != p.domain {
		p.metrics.Refused.Add(1)
		p.notices.Warn("ignored a record: it comes from another recording or a live stream. Use a different --prefix for each",
			"partition", p.number, "offset", offset, "ingester", h.Ingester, "clock", h.Domain, "topic has", p.domain)
		return false
	}
	// One for fewer is of an ingester that has not learned of a growth yet, or ticks until then.
	if h.Tick != nil && h.Tick.Partitions > p.partitions {
		p.metrics.Refused.Add(1)
		p.notices.Warn("ignored a tick for another number of partitions: restart the ingester",
			"partition", p.number, "offset", offset, "ingester", h.Ingester, "partitions", h.Tick.Partitions, "topic has", p.partitions)
		return false
	}
	return true
}

func (p *partition) fold(h topics.RawHeader, lines []byte) {
	second := h.Second()
	if p.clock.Second() < 0 && (p.earliest < 0 || second < p.earliest) {
		p.earliest = second
	}
	p.folder.Fold(h.Pack(lines, p.clock.Second()))
}

// tick ends a segment.
func (p *partition) tick(offset int64, h topics.RawHeader, emit processors.Emit) (*topics.Commit, error) {
	before, after, stale := p.clock.Tick(watermark.Tick{
		Ingester: h.Ingester,
		Clock:    h.Second(),
		Since:    h.Tick.Since,
		Leaving:  h.Tick.Leaving,
	})
	if after < 0 {
		return nil, nil // the watermark refused it, and there is none yet
	}
	cover := topics.Cover{
		Partition:  p.number,
		Partitions: p.partitions,
		Start:      p.start,
		End:        offset,
		Before:     before,
		After:      after,
		Stale:      stale,
		Lost:       p.gone,
	}
	if before < 0 {
		cover.First = max(after-1, 0)
		if p.earliest >= 0 {
			cover.First = min(cover.First, p.earliest)
		}
	}
	if p.fromSavepoint > 0 {
		cover.FromSavepoint, cover.First = true, p.fromSavepoint
		p.fromSavepoint = 0
	}
	cover.Ended = h.Tick.Leaving && strings.HasPrefix(p.domain, topics.RecordingPrefix) && before >= 0 && after > before
	counts := p.flush(offset, func(each func(int, []byte)) { cover.Earliest, cover.Latest = p.folder.Flush(each) }, emit)
	for q, key := range p.covers {
		cover.Fragments = counts[q]
		emit(p.topic, key, cover.Append(nil))
	}
	p.sayUnlisted()
	p.start, p.gone = offset, topics.Lost{}
	p.account(after)
	state := p.state().Append(nil)
	if after/topics.SavepointEvery > max(before, 0)/topics.SavepointEvery {
		w := topics.Savepoint{Partition: p.number, Offset: offset, State: state}
		record := w.Append(nil)
		emit(p.topic, p.covers[savepoints], record)
		emit(p.savepoints, p.version, record)
	}
	return &topics.Commit{Offset: offset + 1, Metadata: state}, nil
}

// sayUnlisted names in-log metrics that are beyond those that have a value of their own.
func (p *partition) sayUnlisted() {
	for stat, names := range p.folder.Unlisted() {
		for _, name := range names[p.unlisted[stat]:] {
			p.log.Warn("more in-log metrics than are shown: those with the least values are together under other; use fewer names", "stat", stat, "partition", p.number, "most", stats.MaxInlogNames, "name", name)
		}
		if len(names) > 0 {
			p.unlisted[stat] = len(names)
		}
	}
}

// flush emits the fragments of the segment that ends with a tick, which each gives,
// bundled by partition of the fragments topic, and returns how many there are in
// each partition.
func (p *partition) flush(end int64, each func(func(stat int, fragment []byte)), emit processors.Emit) (counts []int) {
	counts = make([]int, len(p.covers))
	bundles := make([][]byte, len(p.covers))
	header := topics.Bundle{Partition: p.number, End: end}
	each(func(stat int, fragment []byte) {
		q := p.target[stat]
		if len(fragment) > topics.MaxBundled {
			counts[q] += p.emitFragment(stat, end, fragment, emit)
			return
		}
		if n := len(bundles[q]); n+len(fragment)+len(p.stats[stat])+2*binary.MaxVarintLen32 > topics.MaxPart {
			emit(p.topic, p.covers[q], bundles[q])
			bundles[q] = nil
		}
		if bundles[q] == nil {
			bundles[q] = header.Append(make([]byte, 0, p.bundled[q]))
		}
		bundles[q] = topics.AppendNamed(bundles[q], p.stats[stat], fragment)
		counts[q]++
	})
	for q, bundle := range bundles {
		p.bundled[q] = len(bundle)
		if bundle != nil {
			emit(p.topic, p.covers[q], bundle)
		}
	}
	return counts
}

// emitFragment emits a fragment in as many parts as it needs and returns their
// number.
func (p *partition) emitFragment(stat int, end int64, data []byte, emit processors.Emit) int {
	parts := (len(data) + topics.MaxPart - 1) / topics.MaxPart
	for i := range parts {
		f := topics.Fragment{Partition: p.number, End: end, Part: i, Parts: parts,
			Data: data[i*topics.MaxPart : min((i+1)*topics.MaxPart, len(data))]}
		emit(p.topic, p.stats[stat], f.Append(make([]byte, 0, len(f.Data)+32)))
	}
	return parts
}

// state is what a successor needs to go on from the tick at start.
func (p *partition) state() topics.ReceiverState {
	return topics.ReceiverState{Domain: p.domain, Clock: p.clock, First: p.fromSavepoint}
}
