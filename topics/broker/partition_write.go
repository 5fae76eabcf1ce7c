package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// write makes the partition's files what kfake loads.
func (p *partition) write(buffer *[]byte, committed map[producer]bool) error {
	left := slices.DeleteFunc(slices.Clone(p.left), func(t transaction) bool { return committed[t.producer] })
	changed := false
	for i := range p.segments {
		s := &p.segments[i]
		for _, t := range left {
			s.rewrite = s.rewrite || t.first <= s.last && t.last >= s.first
		}
		if !s.rewrite {
			continue
		}
		changed = true
		if err := p.rewrite(i, buffer, left); err != nil {
			return err
		}
	}
	if changed {
		if err := p.read(buffer, nil); err != nil {
			return err
		}
	}
	for i := range p.segments {
		if s := &p.segments[i]; s.reindex {
			if err := p.reindex(s, buffer); err != nil {
				return err
			}
		}
	}
	p.segments = slices.DeleteFunc(p.segments, func(s segment) bool { return s.batches == 0 })
	if err := p.removeOthers(); err != nil {
		return err
	}
	if end := p.kept.HighWatermark; p.end < end {
		// Without a batch there kfake would give the offsets once more.
		from := p.end
		if len(p.segments) == 0 {
			from = min(p.kept.LogStartOffset, end-1)
		}
		if err := p.append(control(from, end-1, p.latest, nobody, false)); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.open)) {
		of := p.open[id].producer
		if err := p.append(control(p.end, p.end, time.Now().UnixMilli(), of, committed[of])); err != nil {
			return err
		}
	}
	return p.writeSnapshot()
}

// rewrite writes a segment without what is damaged, and without what transactions
// wrote that are to be forgotten. In place of it are batches of nobody.
func (p *partition) rewrite(i int, buffer *[]byte, forget []transaction) (err error) {
	s := p.segments[i]
	if *buffer, err = readInto(p.path(s.base, ".dat"), *buffer); err != nil {
		return err
	}
	raw := *buffer
	end := s.base
	if i > 0 {
		end = p.segments[i-1].last + 1
	}
	var out []byte
	var latest int64
	fill := func(from, to int64) {
		if from < to {
			out = append(out, control(from, to-1, latest, nobody, false)...)
		}
	}
	for pos := 0; ; {
		b, at, ok := nextBatch(raw, pos, end)
		if !ok {
			break
		}
		if !p.compacted || at > pos {
			fill(end, b.first)
		}
		if slices.ContainsFunc(forget, func(t transaction) bool {
			return t.producer == b.producer && !b.control && t.first <= b.first && b.last <= t.last
		}) {
			fill(b.first, b.last+1)
		} else {
			out = append(out, raw[at:at+b.size]...)
			latest = max(latest, b.maxTime)
		}
		end, pos = b.last+1, at+b.size
	}
	if err := os.Remove(p.path(s.base, ".idx")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // one that has more entries than there are batches says that some are lost
	}
	return replace(p.path(s.base, ".dat"), out)
}

// reindex writes the index of a segment that is whole.
func (p *partition) reindex(s *segment, buffer *[]byte) (err error) {
	if *buffer, err = readInto(p.path(s.base, ".dat"), *buffer); err != nil {
		return err
	}
	var entries []byte
	var latest int64
	for raw := *buffer; len(raw) > 0; {
		b, ok := header(raw)
		if !ok {
			return fmt.Errorf("%s has changed", p.path(s.base, ".dat"))
		}
		latest = max(latest, b.maxTime)
		entries = append(entries, index(b, latest)...)
		raw = raw[b.size:]
	}
	return replace(p.path(s.base, ".idx"), entries)
}

// removeOthers removes the files of segments that have nothing in them, and indexes
// of segments that are gone: kfake would append to them.
func (p *partition) removeOthers() error {
	files, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		extension := filepath.Ext(f.Name())
		base, err := strconv.ParseInt(strings.TrimSuffix(f.Name(), extension), 10, 64)
		if err != nil || extension != ".dat" && extension != ".idx" || slices.ContainsFunc(p.segments, func(s segment) bool { return s.base == base }) {
			continue
		}
		if err := os.Remove(filepath.Join(p.dir, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// append writes a control batch at the end of the last segment.
func (p *partition) append(raw []byte) error {
	b, _ := whole(raw)
	if len(p.segments) == 0 {
		p.segments = append(p.segments, segment{base: b.first, first: b.first})
	}
	s := &p.segments[len(p.segments)-1]
	p.add(b, nil)
	// In kfake's order: an entry of the index says that the batch is there.
	if err := appendTo(p.path(s.base, ".dat"), raw); err != nil {
		return err
	}
	if err := appendTo(p.path(s.base, ".idx"), index(b, p.latest)); err != nil {
		return err
	}
	s.size += int64(len(raw))
	s.last = b.last
	s.batches++
	return nil
}

func appendTo(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (p *partition) writeSnapshot() error {
	if len(p.segments) == 0 {
		return nil
	}
	s := p.kept
	s.Version = formatVersion
	s.HighWatermark, s.LastStableOffset = p.end, p.end
	s.LogStartOffset = min(max(s.LogStartOffset, p.segments[0].first), p.end)
	s.MaxTimestamp, s.AbortedTxns, s.Segments = p.latest, p.aborted, nil
	if s.CreatedAt.IsZero() {
		s.CreatedAt = time.Now()
	}
	for _, seg := range p.segments {
		s.Segments = append(s.Segments, snapshotSegment{seg.base, seg.size})
	}
	return writeJSON(filepath.Join(p.dir, snapshotFile), s)
}
