package merger

import (
	"fmt"
	"maps"
	"slices"

	"pulse/processors"
	"pulse/topics"
)

// Bounds on what waits for covers, of each source partition. A receiver emits a
// segment's fragments and its cover in a row, so that few wait, for a moment; more where
// an emit failed, and its receiver will emit them all again. What other programs write no
// cover ends. It must not hold up the checkpoints, which are before whatever waits.
const (
	maxWaitingCovers = 64       // segments that others, so many, have come before are dropped
	maxWaiting       = 1024     // segments; beyond them those that are furthest on are dropped
	maxWaitingBytes  = 64 << 20 // of fragments of more than one segment; the same
)

// waiting is what is there of a source partition's segments that have not been applied.
type waiting struct {
	segments map[int64]*pending // by the offset of the tick that ends the segment
	covers   int64              // that have been applied since this merger began
	bytes    int
}

// pending is what is there of a segment that has not been applied.
type pending struct {
	first     int64            // offset of its first record
	covers    int64            // the source partition's when that came
	bytes     int              // of fragments, about
	fragments int              // whole ones, and parts
	whole     [][]byte         // by track; nil: not there
	parts     map[int][][]byte // by track; nil: not there
	copies    [][]byte         // of bundles, that whole is parts of
}

// none is there of a segment whose cover comes first.
func none(offset int64) *pending { return &pending{first: offset} }

// has returns what is there of a segment; nil if nothing is.
func (p *partition) has(source int32, end int64) *pending {
	if w := p.waiting[source]; w != nil {
		return w.segments[end]
	}
	return nil
}

// pendingOf returns what is there of a segment, to which the record at offset adds.
func (p *partition) pendingOf(offset int64, source int32, end int64) *pending {
	w := p.waiting[source]
	if w == nil {
		w = &waiting{segments: map[int64]*pending{}}
		p.waiting[source] = w
	}
	segment := w.segments[end]
	if segment == nil {
		segment = &pending{first: offset, covers: w.covers, whole: make([][]byte, len(p.tracks)), parts: map[int][][]byte{}}
		w.segments[end] = segment
	}
	return segment
}

// hold notes that so many fragments or parts, of so many bytes, were added to a segment, and
// drops others if too much waits.
func (p *partition) hold(source int32, end int64, fragments, bytes int) {
	w := p.waiting[source]
	w.segments[end].fragments += fragments
	w.segments[end].bytes += bytes
	w.bytes += bytes
	for len(w.segments) > 1 && (len(w.segments) > maxWaiting || w.bytes > maxWaitingBytes) {
		// Covers come in order: the furthest one is needed last, and there is no room for
		// many forged ones before the next.
		furthest := slices.Max(slices.Collect(maps.Keys(w.segments)))
		p.drop(source, furthest)
		if furthest == end {
			return
		}
	}
}

// applied notes that a segment was applied, up to an offset, and drops what no cover can
// end any more.
func (p *partition) applied(source int32, end int64) {
	w := p.waiting[source]
	if w == nil {
		return
	}
	w.covers++
	for other, s := range w.segments {
		switch {
		case other <= end:
			p.forget(w, other)
		case w.covers-s.covers > maxWaitingCovers:
			p.drop(source, other)
		}
	}
}

func (p *partition) forget(w *waiting, end int64) {
	segment := w.segments[end]
	w.bytes -= segment.bytes
	delete(w.segments, end)
	for _, b := range segment.copies {
		p.spareCopy(b)
	}
}

// maxSpare bounds the copies of bundles that are kept for their memory: of a segment there are
// few, and most often its cover is the next record.
const maxSpare = 4

func (p *partition) spareCopy(b []byte) {
	if len(p.spare) < maxSpare {
		p.spare = append(p.spare, b[:0])
	}
}

// copyOf copies a record's bytes, which are part of a whole batch's memory, until their segment
// is forgotten.
func (p *partition) copyOf(b []byte) []byte {
	var spare []byte
	if n := len(p.spare); n > 0 {
		spare, p.spare = p.spare[n-1], p.spare[:n-1]
	}
	return append(spare, b...)
}

// drop forgets a segment that nobody will complete.
func (p *partition) drop(source int32, end int64) {
	first := p.waiting[source].segments[end].first
	p.forget(p.waiting[source], end)
	p.metrics.Dropped.Add(1)
	p.notices.Warn("dropped fragments of a segment whose cover did not come; unless their receiver just failed, check which programs write to the fragments topic",
		"partition", p.number, "offset", first, "source partition", source, "segment to", end)
}

// expects reports whether fragments of a segment may still count, and counts those that
// cannot be right.
func (p *partition) expects(offset int64, source int32, end int64) bool {
	switch {
	case len(p.sources) == 0:
		return true
	case int(source) >= len(p.sources):
		p.discard(offset, fmt.Errorf("a fragment of source partition %d, of which there are %d", source, len(p.sources)))
		return false
	}
	return end > p.sources[source].covered
}

// bundle keeps fragments until their segment's cover comes. Those that came before
// are the same.
func (p *partition) bundle(offset int64, u *topics.Bundle) {
	if !p.expects(offset, u.Partition, u.End) {
		return
	}
	data := p.copyOf(u.Data)
	var segment *pending // nil: data has no fragment yet
	next, added := 0, 0
	err := topics.EachNamed(data, func(stat, fragment []byte) error {
		t := p.trackOf(stat, next)
		if t == nil {
			return fmt.Errorf("a fragment of the stat %.80q, that this partition does not have", stat)
		}
		next = t.number + 1
		if segment == nil {
			segment = p.pendingOf(offset, u.Partition, u.End)
		}
		if segment.whole[t.number] == nil {
			segment.whole[t.number] = fragment
			added++
		}
		return nil
	})
	if added > 0 {
		segment.copies = append(segment.copies, data)
		p.hold(u.Partition, u.End, added, len(data))
	} else {
		p.spareCopy(data)
	}
	if err != nil {
		p.discard(offset, fmt.Errorf("a bundle: %w", err))
	}
}

// trackOf returns the track of a stat, nil if there is none. It is most likely the next one:
// receivers emit stats in the order of their definitions.
func (p *partition) trackOf(stat []byte, next int) *track {
	if next < len(p.tracks) && p.tracks[next].name == string(stat) {
		return p.tracks[next]
	}
	return p.byName[string(stat)]
}

// fragment keeps a fragment, or a part of one, that is a record of its own.
func (p *partition) fragment(r processors.Record, f *topics.Fragment) {
	t := p.byName[r.Key]
	if t == nil {
		p.discard(r.Offset, fmt.Errorf("a fragment of the stat %.80q, that this partition does not have", r.Key))
		return
	}
	if !p.expects(r.Offset, f.Partition, f.End) {
		return
	}
	segment := p.pendingOf(r.Offset, f.Partition, f.End)
	parts := segment.parts[t.number]
	if parts == nil {
		parts = make([][]byte, f.Parts) // 24 KiB at most
		segment.parts[t.number] = parts
	}
	if len(parts) != f.Parts {
		p.discard(r.Offset, fmt.Errorf("a fragment of %s has %d parts, but an earlier one had %d", r.Key, f.Parts, len(parts)))
		return
	}
	if parts[f.Part] == nil {
		// A copy: the record is part of a whole batch's memory.
		parts[f.Part] = append(make([]byte, 0, len(f.Data)), f.Data...)
		p.hold(f.Partition, f.End, 1, len(f.Data))
	}
}
