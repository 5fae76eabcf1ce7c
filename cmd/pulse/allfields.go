package main

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"pulse/ingest"
	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/format"
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

// allFields reads lines with all of their fields, whatever these are called.
type allFields struct {
	formats []*format.Format
	origin  line.Origin // of the lines that are read
	near    int64       // when lines were written

	names   map[string]bool // of the schema
	schema  *line.Schema
	scanner *line.Scanner
	event   line.Event
	buffer  []byte
}

// readingFields are those of an origin that say how lines are read.
var readingFields = []string{line.FormatField, line.ZoneField, line.ColumnsField, line.UnwrapField}

// read reads a line of at most line.MaxLen bytes.
func (a *allFields) read(from line.Origin, text []byte) error {
	names := line.Names(text)
	if a.origin != from {
		a.origin, a.scanner = from, nil // it may name other fields
		for name := range from.Fields() {
			if !slices.Contains(readingFields, name) {
				names = append(names, name)
			}
		}
	}
	if err := a.want(names); err != nil {
		return err
	}
	a.buffer = append(append(a.buffer[:0], text...), make([]byte, line.Padding)...)
	a.scanner.From(a.origin)
	a.scanner.Parse(&a.event, a.buffer, 0, len(text))
	return nil
}

// format is what the line was taken for.
func (a *allFields) format() string { return string(a.schema.AppendShape(nil, a.event.Shape())) }

// each calls f with each field of the line, but for the line itself.
func (a *allFields) each(f func(name string, v condition.Constant)) {
	for name := range a.names {
		if v, ok := a.event.Constant(a.schema.Slot(name)); ok && name != "line" {
			f(name, v)
		}
	}
}

// mostNames is how many fields are looked for at once: formats may read some more.
const mostNames = line.MaxFields - format.MaxFormats

// want makes a scanner for fields of these names too.
func (a *allFields) want(names []string) error {
	more := a.scanner == nil
	for _, name := range names {
		more = more || !a.names[name]
	}
	if !more {
		return nil
	}
	if a.names == nil || len(a.names)+len(names) > mostNames {
		a.names = a.known() // those of lines before are not of this one
	}
	for _, name := range names {
		if len(a.names) < mostNames {
			a.names[name] = true
		}
	}
	var fields []line.Field
	for _, name := range slices.Sorted(maps.Keys(a.names)) {
		fields = append(fields, line.Field{Name: name})
	}
	schema, err := line.NewSchemaOf(a.formats, fields...)
	if err != nil {
		return err
	}
	a.schema, a.scanner = schema, schema.NewScanner()
	a.scanner.NearRecorded(a.near)
	return nil
}

// known are the names that formats and the origin give.
func (a *allFields) known() map[string]bool {
	names := map[string]bool{}
	for _, given := range line.Givens {
		names[given.Name] = true
	}
	for _, f := range a.formats {
		for _, c := range f.Captures {
			names[c.Name] = true
		}
		for _, name := range f.Names {
			names[name] = true
		}
	}
	for name := range a.origin.Fields() {
		names[name] = true
	}
	delete(names, "") // what is skipped
	return names
}
