package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"pulse/stats/line"
)

// maxRecording bounds the files of a recording, which are all open at a time.
const maxRecording = 1000

var filesKind = &Kind{
	Name: "file", Past: true,
	Docs: []KindDoc{
		{"`--file --follow`", "`input`, `file`; of Kubernetes' files `namespace`, `pod`, `container`", "reads no further", "nothing, and no line comes twice"},
		{"`--file`", "as `--file --follow`", "reads no further", "what was on its way"},
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
		{Flag: "file", Help: "read the files that match this `pattern`; can be repeated", Value: &c.globs},
		{Flag: "follow", Help: "keep reading as files grow and rotate, and pick up new files that match", Value: &c.follow},
	}, c.reading.Settings()...)
}

func (c *filesConfig) Open(o Opening) (*Opened, error) {
	c.reading.Formats = o.Formats
	f := Files{Name: o.Name, Reading: c.reading, Globs: c.globs, Follow: bool(c.follow), Log: o.Log}
	in := new(countedInput)
	if !f.Follow {
		in.Input = c.reading.Watch(f, o.Name, o.Log)
		return &Opened{Input: in, Counters: in.counters()}, nil
	}
	f.Counts = new(FileCounts)
	return &Opened{
		Resume: func(p Positions) Input {
			f.Positions = p
			in.Input = c.reading.Watch(f, o.Name, o.Log)
			return in
		},
		ID:       followID(c.globs),
		Counters: in.counters(),
		Ready:    func() bool { return f.Counts.Unread.Load() == 0 },
		Gauges: []Counter{
			{"pulse_input_followed_files", "Files being followed.", &f.Counts.Followed},
			{"pulse_input_unread_files", "Files that match but cannot be read, or are over the limit.", &f.Counts.Unread},
			{"pulse_input_left_out_files", "Files that match but are broken, or compressed in a way that Pulse cannot read.", &f.Counts.LeftOut},
		},
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

// FileCounts count the files that match now.
type FileCounts struct {
	Followed atomic.Int64 // that are followed, whether they can be read or not
	Unread   atomic.Int64 // that cannot be read, or are too many
	LeftOut  atomic.Int64 // that are compressed in a way that is not read, or broken
}

// Files is an input of the lines of files. Compressed files are unpacked.
type Files struct {
	// Name becomes the field input of the lines; none if empty.
	Name    string
	Reading Reading
	// Globs are patterns of the files' names (path/filepath.Match).
	Globs []string
	// Follow reads on at the end of each file, through rotation by renaming, by
	// copying and truncating, and by compressing, and takes up new files that
	// match, until the input's context ends. A last line waits for its end.
	// Without Follow all files are read once.
	Follow bool
	// Positions are where to go on, with Follow: those of batches that were
	// handed over before. If nil, files are read from their beginning and no
	// positions are handed over.
	Positions Positions
	// Counts are kept up with Follow; nil: nobody asks.
	Counts *FileCounts
	// Log gets what an operator should know; slog.Default if nil.
	Log *slog.Logger

	descriptors int // how many files may be open at a time; 0: what the process allows
}

// Run implements Input. Lines that are there at the start come in the order
// of the files' own clocks.
func (f Files) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	if f.Log == nil {
		f.Log = slog.Default()
	}
	if _, err := f.Reading.Origin(fieldInput, f.Name); err != nil {
		return err
	}
	if f.Follow {
		if f.Counts == nil {
			f.Counts = new(FileCounts)
		}
		return f.follow(ctx, func(from line.Origin, lines []byte, positions Positions) error {
			return take(ctx, Batch{Lines: lines, Origin: from, Positions: positions})
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
		return fmt.Errorf("no file matches %q: check the pattern", f.Globs)
	}
	r, err := OpenRecording(names)
	if err != nil {
		return err
	}
	r.Reading = f.Reading
	return r.each(f.originOf, func(p Piece) error { return take(ctx, Batch{Lines: p.Lines, Origin: p.From}) })
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
