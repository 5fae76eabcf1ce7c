package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pulse/stats/line"
)

const (
	// maxFiles bounds how many files are open at a time.
	maxFiles = 1000

	// pollEvery is how often files that are followed are looked at. Polling
	// sees what every kind of file system and every way of rotation does;
	// notifications do not.
	pollEvery = 200 * time.Millisecond

	// keepGone is how long a file is still read after it lost its name and
	// stopped growing: a program may go on writing to a file that has been
	// rotated away until it is told of it.
	keepGone = 10 * time.Second

	// headSize is how much of a file's beginning tells it from what it is
	// after it was truncated and has grown again.
	headSize = 256

	// turn is how much is read of one file before others have their turn.
	turn = 64 * chunkSize
)

var filesKind = &Kind{
	Name: "file", Past: true,
	Docs: []KindDoc{
		{"`--file --follow`", "`input`", "reads no further", "nothing, and no line comes twice"},
		{"`--file`", "`input`", "reads no further", "what was on its way"},
	},
	New: func() Config { return new(filesConfig) },
}

type filesConfig struct {
	globs   list
	follow  toggle
	reading Reading
}

func (c *filesConfig) Settings() []Setting {
	return append([]Setting{
		{Flag: "file", Help: "read the files that match this `pattern`; may be given several times", Value: &c.globs},
		{Flag: "follow", Help: "read on when files grow, through rotation, and take up new files that match", Value: &c.follow},
	}, c.reading.Settings()...)
}

func (c *filesConfig) Open(o Opening) (*Opened, error) {
	f := Files{Name: o.Name, Reading: c.reading, Globs: c.globs, Follow: bool(c.follow), Log: o.Log}
	if !f.Follow {
		return &Opened{Input: c.reading.Watch(f, o.Name, o.Log)}, nil
	}
	return &Opened{
		Resume: func(p Positions) Input { f.Positions = p; return c.reading.Watch(f, o.Name, o.Log) },
		ID:     followID(c.globs),
	}, nil
}

// followID is the id of an ingester of files that nobody gave one: it says which
// files, on which host.
func followID(globs []string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	folder, err := os.Getwd() // patterns may be relative to it
	if err != nil {
		folder = ""
	}
	return fixedID(host, append([]string{folder}, globs...)...)
}

// Files is an input of the lines of files.
type Files struct {
	// Name becomes the field input of the lines; none if empty.
	Name    string
	Reading Reading
	// Globs are patterns of the files' names (path/filepath.Match).
	Globs []string
	// Follow reads on at the end of each file, through rotation by renaming
	// and by copying and truncating, and takes up new files that match,
	// until the input's context ends. A last line waits for its end. Without
	// Follow all files are read once.
	Follow bool
	// Positions are where to go on, with Follow: those of batches that were
	// handed over before. If nil, files are read from their beginning and no
	// positions are handed over.
	Positions Positions
	// Log gets what an operator should know; slog.Default if nil.
	Log *slog.Logger
}

// Run implements Input. Lines that are there at the start come in the order
// of the files' own clocks.
func (f Files) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	if f.Log == nil {
		f.Log = slog.Default()
	}
	origin, err := f.Reading.Origin(fieldInput, f.Name)
	if err != nil {
		return err
	}
	if f.Follow {
		return f.follow(ctx, origin, func(lines []byte, positions Positions) error {
			return take(ctx, Batch{Lines: lines, Origin: origin, Positions: positions})
		})
	}
	names, err := f.names()
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.IsDir()
	})
	if len(names) == 0 {
		return fmt.Errorf("no file matches %q", f.Globs)
	}
	r, err := OpenRecording(names)
	if err != nil {
		return err
	}
	r.Origin = origin
	return r.Lines(func(lines []byte) error { return take(ctx, Batch{Lines: lines, Origin: origin}) })
}

// names returns the files that match, sorted.
func (f Files) names() ([]string, error) {
	var names []string
	for _, glob := range f.Globs {
		matches, err := filepath.Glob(glob)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", glob, err)
		}
		names = append(names, matches...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// follow looks at the files again and again.
func (f Files) follow(ctx context.Context, origin line.Origin, send func([]byte, Positions) error) error {
	t := &tails{files: f, origin: origin, send: send, failed: make(map[string]bool)}
	defer t.close()
	if f.Positions != nil {
		t.left = readPositions(f.Positions)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := t.find(); err != nil {
			return err
		}
		if first && f.Positions != nil {
			if err := t.findRotated(); err != nil {
				return err
			}
		}
		more, err := t.read(first)
		if err != nil {
			return err
		}
		if more {
			timer.Reset(0)
		} else {
			timer.Reset(pollEvery)
		}
	}
}

// tails are the files that are followed, in the order in which they came up.
type tails struct {
	origin line.Origin
	files  Files
	send   func([]byte, Positions) error
	open   []*tail
	failed map[string]bool // names that could not be opened when last tried
	none   bool            // it was said that there are none
	left   []*filePosition // of files that were not found again yet
}

// A tail is a file that is followed. It is known by what it is, not by its
// name, which rotation changes.
type tail struct {
	name   string
	file   *os.File
	info   fs.FileInfo // as seen last
	chunks *chunker
	offset int64  // what was read
	head   []byte // the first of it
	named  bool   // a name that matches led to it at the last look
	moved  time.Time

	key  string  // of its position; empty if nobody wants it
	ends []int64 // where lines end that were read and not sent, in a merge
}

func (t *tails) close() {
	for _, tail := range t.open {
		tail.file.Close()
	}
}

// find looks which files there are.
func (t *tails) find() error {
	names, err := t.files.names()
	if err != nil {
		return err
	}
	if len(names) == 0 && len(t.open) == 0 && !t.none {
		t.none = true
		t.files.Log.Warn("no file matches yet: waiting for one", "globs", t.files.Globs)
	}
	for _, tail := range t.open {
		tail.named = false
	}
	for _, name := range names {
		if err := t.see(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			if !t.failed[name] {
				t.files.Log.Warn("cannot follow a file: trying again", "file", name, "error", err)
			}
			t.failed[name] = true
			continue
		}
		delete(t.failed, name)
	}
	return nil
}

// see opens what name leads to, if that is new.
func (t *tails) see(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	for _, tail := range t.open {
		if os.SameFile(tail.info, info) {
			tail.name, tail.named = name, true
			return nil
		}
	}
	if len(t.open) == maxFiles {
		return fmt.Errorf("more than %d files match", maxFiles)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	info, err = file.Stat() // of what was opened, whatever the name leads to by now
	if err != nil {
		file.Close()
		return err
	}
	opened := &tail{name: name, file: file, info: info, chunks: newChunker(), named: true, moved: time.Now()}
	t.open = append(t.open, opened)
	if t.files.Positions == nil {
		return nil
	}
	opened.key = fileKey(name, info)
	for _, p := range t.left {
		if p.key == opened.key {
			return opened.resume(p)
		}
	}
	return nil
}

// read reads the files on: at first in the order of their own clocks, for
// they may hold much of the past, later as lines come. Then it lets go of
// those that are gone. It tells whether there is more.
func (t *tails) read(byClock bool) (more bool, err error) {
	for _, tail := range t.open {
		last, anew := tail.look()
		if !anew {
			continue
		}
		if err := t.send(last, tail.position()); err != nil {
			return false, err
		}
	}
	if byClock && len(t.open) > 1 {
		err = t.merge()
	} else {
		for _, tail := range t.open {
			var left bool
			if left, err = tail.drain(t.send); err != nil {
				break
			}
			more = more || left
		}
	}
	if err != nil {
		return false, err
	}
	t.open = slices.DeleteFunc(t.open, func(tail *tail) bool {
		if tail.named || time.Since(tail.moved) < keepGone {
			return false
		}
		// What becomes of the file from now on is not followed.
		if last := tail.chunks.rest(); len(last) > 0 || tail.key != "" {
			err = errors.Join(err, t.send(last, tail.forgotten()))
		}
		tail.file.Close()
		return true
	})
	return more, err
}

// merge sends all that there is by the files' clocks.
func (t *tails) merge() error {
	var parts []func() ([]byte, error)
	for _, tail := range t.open {
		parts = append(parts, tail.nextNoted)
	}
	positions := Positions{}
	given := func(part, lines int) {
		tail := t.open[part]
		if tail.key == "" {
			return
		}
		end := tail.ends[lines-1]
		tail.ends = tail.ends[lines:]
		positions[tail.key] = tail.positionAt(end)
	}
	return merged(parts, t.origin, given, func(lines []byte) error {
		err := t.send(lines, positions)
		positions = Positions{}
		return err
	})
}

// drain sends what there is, but no more than a turn's; it tells whether more
// is left.
func (t *tail) drain(send func([]byte, Positions) error) (more bool, err error) {
	for end := t.offset + turn; t.offset < end; {
		lines, err := t.next()
		if errors.Is(err, io.EOF) {
			t.chunks.idle()
			return false, nil
		}
		if err == nil {
			err = send(lines, t.position())
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// look goes back to the beginning of a file that was truncated, and tells so. It
// returns the last line of what it was before, if that had no end.
func (t *tail) look() (last []byte, anew bool) {
	info, err := t.file.Stat()
	if err != nil {
		return nil, false
	}
	changed := info.Size() != t.offset || !info.ModTime().Equal(t.info.ModTime())
	t.info = info
	if !changed || info.Size() >= t.offset && t.sameHead() {
		return nil, false
	}
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return nil, false
	}
	t.offset, t.head = 0, nil
	return t.chunks.rest(), true
}

// sameHead tells whether the file begins as it did.
func (t *tail) sameHead() bool {
	head := make([]byte, len(t.head))
	n, _ := t.file.ReadAt(head, 0)
	return bytes.Equal(head[:n], t.head)
}

// next returns the next chunk of whole lines; io.EOF where there is no more
// for now.
func (t *tail) next() ([]byte, error) {
	for {
		lines, err := t.chunks.read((*tailReader)(t))
		if len(lines) > 0 {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// A tailReader reads a tail's file and notes what it read.
type tailReader tail

func (t *tailReader) Read(b []byte) (int, error) {
	n, err := t.file.Read(b)
	if n > 0 {
		t.head = append(t.head, b[:min(n, headSize-len(t.head))]...)
		t.offset += int64(n)
		t.moved = time.Now()
	}
	return n, err
}
