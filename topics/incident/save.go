package incident

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/stats/timing"
	"pulse/topics"
)

// A Request says what to save.
type Request struct {
	Name     string
	From, To int64 // seconds, both included
	Note     string
}

// Check says what is wrong with a request.
func (r Request) Check() error {
	switch {
	case strings.TrimSpace(r.Name) == "" || len(r.Name) > MaxName:
		return fmt.Errorf("the name has %d bytes: write 1 to %d", len(r.Name), MaxName)
	case len(r.Note) > MaxNote:
		return fmt.Errorf("the note has %d bytes, at most %d are kept", len(r.Note), MaxNote)
	case r.From > r.To:
		return errors.New("from is after to")
	case r.To-r.From >= MaxSeconds:
		return fmt.Errorf("an incident has at most %d hours", MaxSeconds/3600)
	case r.From <= before:
		return errors.New("from is before the log can have begun")
	}
	return nil
}

// Progress is how far a copy has come.
type Progress struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`  // of lines
	Second  int64 `json:"second"` // of the record that was copied last
}

// Save copies what a request names into a topic of its own: the segments of raw records
// that its numbers are made of, from a savepoint on that lies so far back that all windows
// are whole, and the final snapshots that follow from them. It fails with a GoneError or a
// SoonError before it has made anything. If it fails later, what it has made is deleted;
// and if it dies, the incident is there and not whole.
func Save(ctx context.Context, c topics.Cluster, n topics.Names, d *stats.Definitions, r Request, now time.Time, tell func(Progress)) (saved Incident, err error) {
	if err := r.Check(); err != nil {
		return saved, err
	}
	admin, err := c.Admin()
	if err != nil {
		return saved, err
	}
	defer admin.Close()
	all, err := admin.Readable(ctx, n.Raw())
	if err != nil {
		return saved, err
	}
	id := idOf(r.Name, r.From)
	name, err := topic(n, id)
	if err != nil {
		return saved, err
	}
	s := &saver{admin: admin, definitions: d, all: all, request: r, tell: tell}
	s.manifest = Manifest{ID: id, Name: r.Name, From: r.From, To: r.To, Saved: now.Unix(), Version: n.Version, Source: d.Source, Partitions: len(all)}
	if err := s.findBeginning(ctx, n); err != nil {
		return saved, err
	}
	if s.fetcher, err = admin.Fetcher(ctx, n.Raw()); err != nil {
		return saved, err
	}
	if err := s.checkEnd(ctx); err != nil {
		return saved, err
	}
	if err := create(ctx, admin, name); err != nil {
		return saved, err
	}
	defer func() {
		if err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
			defer cancel()
			err = errors.Join(err, Delete(undo, admin, n, id))
		}
	}()
	if s.writer, err = newWriter(c, name); err != nil {
		return saved, err
	}
	if err = errors.Join(s.copy(ctx), s.writer.close(ctx)); err != nil {
		return saved, fmt.Errorf("cannot save the incident: %w", err)
	}
	return Incident{Manifest: s.manifest, Note: r.Note, Whole: true, ending: s.ending}, nil
}

const (
	undoWithin  = 10 * time.Second
	fetchBytes  = 512 << 10 // of each partition at a time
	pointsBytes = 512 << 10 // of the snapshots in one record
)

// A saver saves one incident.
type saver struct {
	admin       *topics.Admin
	fetcher     *topics.Fetcher
	writer      *writer
	definitions *stats.Definitions
	all         topics.Section // of the log
	request     Request
	manifest    Manifest
	beginnings  []topics.Beginning // none: the log's beginning
	starts      map[int32]int64    // offsets
	ending      ending
	recorded    bool // the log is a recording's
	tell        func(Progress)
	told        int64

	lines  []byte // snapshots of a second that were not written yet
	second int64  // theirs
}

// findBeginning finds where the records begin that the numbers are made of.
func (s *saver) findBeginning(ctx context.Context, n topics.Names) error {
	longest := int64(topics.Window(s.definitions) / time.Second)
	first := func(all []topics.Beginning) int64 { return topics.CompleteFrom(all) + longest - 1 }
	kept := func(all []topics.Beginning) bool {
		return all != nil && !slices.ContainsFunc(all, func(b topics.Beginning) bool { return b.Offset+1 < s.all[b.Partition].From })
	}
	s.manifest.First = s.request.From - before
	// An ingester that is ahead of the others puts off the second that is complete.
	for _, wanted := range []int64{s.manifest.First, s.request.From, s.request.From - 60} {
		found, err := s.admin.FindSavepoints(ctx, n, wanted-longest+1-timing.Unsettled, int32(len(s.all)))
		if err != nil {
			return err
		}
		if kept(found) && first(found) <= s.request.From {
			s.begin(found, first(found))
			return nil
		}
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(s.all)), func(span topics.Span) bool { return span.From > 0 }) {
		s.begin(nil, 0) // all of the log is there
		return nil
	}
	earliest, err := s.admin.FirstSavepoints(ctx, n, s.all)
	if err != nil {
		return err
	}
	if earliest == nil {
		return &GoneError{}
	}
	if first(earliest) > s.request.From {
		return &GoneError{From: first(earliest)}
	}
	s.begin(earliest, first(earliest))
	return nil
}

// begin begins behind savepoints, or with the log: points are exact from a second on.
func (s *saver) begin(all []topics.Beginning, exact int64) {
	s.beginnings = all
	s.manifest.First = max(s.manifest.First, exact)
	s.starts = map[int32]int64{}
	for p, span := range s.all {
		s.starts[p] = span.From
	}
	for _, b := range all {
		s.starts[b.Partition] = b.Offset + 1
		s.manifest.Savepoints = append(s.manifest.Savepoints, b.Savepoint)
	}
}

// last is the watermark by which all of the request is final.
func (s *saver) last() int64 { return s.request.To + s.definitions.Lateness + 1 }

// checkEnd fails unless the log has gone on beyond what is asked for, or is a recording's.
func (s *saver) checkEnd(ctx context.Context) error {
	newest := int64(-1)
	for p, span := range s.all {
		if span.From >= span.To {
			continue
		}
		records, _, err := s.fetcher.Fetch(ctx, p, topics.Span{From: max(span.From, span.To-endOfLog), To: span.To}, fetchBytes)
		if err != nil {
			return err
		}
		for _, r := range records {
			h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
			if err != nil {
				continue
			}
			s.recorded = s.recorded || strings.HasPrefix(h.Domain, topics.RecordingPrefix)
			newest = max(newest, h.Second())
		}
	}
	if !s.recorded && newest < s.last() {
		return &SoonError{To: s.request.To}
	}
	return nil
}

// endOfLog is how many offsets before the end of a partition one is looked for.
const endOfLog = 64

// A cursor reads the records of a partition in their order.
type cursor struct {
	partition int32
	left      topics.Span
	records   []*kgo.Record
	clock     int64 // of the first of records, in seconds
}

// copy copies and evaluates.
func (s *saver) copy(ctx context.Context) error {
	evaluator, err := oracle.New(s.definitions, s.point)
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(s.manifest)
	if err != nil {
		return err
	}
	s.writer.put(aboutPartition, keyManifest, manifest)
	if s.request.Note != "" {
		s.writer.put(aboutPartition, keyNote, []byte(s.request.Note))
	}
	evaluator.Start(s.manifest.First)
	feed := topics.NewRawFeed(evaluator, len(s.all))
	if s.beginnings != nil {
		feed.Resume(s.beginnings)
	}
	var cursors []*cursor
	for p, span := range s.all {
		cursors = append(cursors, &cursor{partition: p, left: topics.Span{From: s.starts[p], To: span.To}})
	}
	slices.SortFunc(cursors, func(a, b *cursor) int { return int(a.partition - b.partition) })
	for {
		next, err := s.next(ctx, cursors)
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		r := next.records[0]
		next.records = next.records[1:]
		feed.Feed(next.partition, r)
		s.keep(next.partition, r)
		if feed.Watermark(next.partition) >= s.last() {
			next.left, next.records = topics.Span{}, nil
		}
		if s.writer.failed() != nil {
			return s.writer.failed()
		}
	}
	for p := range s.all {
		if !s.recorded && feed.Watermark(p) < s.last() {
			return &SoonError{To: s.request.To}
		}
	}
	if s.recorded {
		evaluator.Close(-1)
	} else {
		evaluator.Close(s.request.To)
	}
	s.flush()
	if err := s.writer.flush(ctx); err != nil {
		return err
	}
	whole, err := json.Marshal(s.ending)
	if err != nil {
		return err
	}
	s.writer.put(aboutPartition, keyEnding, whole)
	return nil
}

// next is the cursor whose next record has the least clock, so that little waits for
// other partitions; nil: all are at their ends.
func (s *saver) next(ctx context.Context, cursors []*cursor) (least *cursor, err error) {
	for _, c := range cursors {
		for len(c.records) == 0 && c.left.From < c.left.To {
			if c.records, c.left.From, err = s.fetcher.Fetch(ctx, c.partition, c.left, fetchBytes); err != nil {
				return nil, err
			}
		}
		if len(c.records) == 0 {
			continue
		}
		if h, err := topics.ParseRawHeader(topics.Lookup(c.records[0].Headers)); err == nil {
			c.clock = h.Second()
		}
		if least == nil || c.clock < least.clock {
			least = c
		}
	}
	return least, nil
}

// keep copies a record.
func (s *saver) keep(partition int32, r *kgo.Record) {
	s.ending.Records++
	s.ending.Bytes += int64(len(r.Value))
	s.writer.putRaw(partition, r)
	if s.tell != nil && r.Timestamp.Unix() != s.told {
		s.told = r.Timestamp.Unix()
		s.tell(Progress{s.ending.Records, s.ending.Bytes, s.told})
	}
}

// point keeps a snapshot.
func (s *saver) point(p stats.Snapshot) {
	p, ok := p.Cut(s.manifest.First, s.request.To)
	if !ok {
		return
	}
	if p.Time != s.second || len(s.lines) > pointsBytes {
		s.flush()
	}
	s.second = p.Time
	s.lines = append(p.AppendJSON(s.lines), '\n')
	s.ending.Points++
}

// flush writes the snapshots that were not written yet.
func (s *saver) flush() {
	if len(s.lines) > 0 {
		s.writer.putPoints(s.second, bytes.Clone(s.lines))
		s.lines = s.lines[:0]
	}
}

// headerPartition is the header that a copy of a raw record has beside its own.
const headerPartition = "partition"

// sourceOf is the source partition of a copy.
func sourceOf(r *kgo.Record) (int32, error) {
	n, err := strconv.ParseUint(string(topics.Lookup(r.Headers)(headerPartition)), 10, 31)
	if err != nil || n >= topics.MaxPartitions {
		return 0, errors.New("a record of an incident names no source partition")
	}
	return int32(n), nil
}
