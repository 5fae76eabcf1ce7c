package main

import (
	"bytes"
	"context"
	"time"

	"pulse/ingest"
	"pulse/stats"
	"pulse/stats/line"
)

// logSettings are those of commands that read logs.
type logSettings struct {
	statsFlag
	reading ingest.Reading
	files   []string // none: standard input
}

func (s *logSettings) add(f *flags) {
	s.statsFlag.add(f)
	f.readingVars(&s.reading)
}

func (s *logSettings) check(words []string) error {
	if s.files = words; len(words) == 1 && words[0] == "-" {
		s.files = nil
	}
	return nil
}

// An openedLog is the lines that are read.
type openedLog struct {
	formats *line.Schema // by which lines are dated; nil: none of a definitions file
	written time.Time
	size    int64 // in bytes; 0: not known
	lines   ingest.Source
}

// open finds what the settings name.
func (s *logSettings) open(ctx context.Context, e *environment, d *stats.Definitions) (openedLog, error) {
	origin, err := s.reading.Origin()
	if err != nil {
		return openedLog{}, err
	}
	l := openedLog{formats: d.Dating()}
	reading := s.reading
	reading.Formats = l.formats
	if len(s.files) == 0 {
		l.written, l.lines = time.Now(), reading.Lines(newInterruptible(ctx, e.Stdin), origin)
		return l, nil
	}
	recording, err := ingest.OpenRecording(s.files)
	if err != nil {
		return openedLog{}, err
	}
	recording.Origin, recording.Reading = origin, reading
	l.written, l.size, l.lines = recording.Modified(), recording.Size(), recording.Lines
	return l, nil
}

// eachLogLine calls f with each line that is not empty.
func eachLogLine(ctx context.Context, source ingest.Source, f func(from line.Origin, text []byte) error) error {
	return source(func(p ingest.Piece) error {
		for text := range bytes.Lines(p.Lines) {
			if text = bytes.TrimRight(text, "\r\n"); len(text) == 0 {
				continue
			}
			if err := f(p.From, text); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}
