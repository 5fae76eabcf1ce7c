package incident

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/oracle"
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
	all, err := admin.RawSection(ctx, n)
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
	start       *topics.Start
	ending      ending
	recorded    bool // the log is a recording's
	tell        func(Progress)
	told        int64

	lines  []byte // snapshots of a second that were not written yet
	second int64  // theirs
}

// findBeginning finds where the records begin that the numbers are made of.
func (s *saver) findBeginning(ctx context.Context, n topics.Names) error {
	wanted := s.request.From - before
	for _, second := range []int64{wanted, s.request.From} {
		start, err := s.admin.StartBefore(ctx, n, int64(topics.Window(s.definitions)/time.Second), s.all, second)
		if err != nil {
			return err
		}
		if start == nil {
			return &GoneError{}
		}
		if s.start = start; start.First <= second {
			break
		}
	}
	if s.start.First > s.request.From {
		return &GoneError{From: s.start.First}
	}
	s.manifest.First = max(wanted, s.start.First)
	for _, b := range s.start.Beginnings {
		s.manifest.Savepoints = append(s.manifest.Savepoints, b.Savepoint)
	}
	return nil
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
	feed := s.start.Feed(evaluator, len(s.all))
	reached, err := topics.NewRawReader(s.fetcher, s.start, s.all).FeedTo(ctx, feed, s.last(), func(p int32, r *kgo.Record) error {
		s.keep(p, r)
		return s.writer.failed()
	})
	if err != nil {
		return err
	}
	if !reached && !s.recorded {
		return &SoonError{To: s.request.To}
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
