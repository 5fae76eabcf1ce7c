// Package survey says what a log's lines have, whatever definitions ask for: formats,
// fields with their types and values, and the shapes of lines that no format fits.
package survey

import (
	"maps"
	"slices"

	"pulse/stats/condition"
	"pulse/stats/format"
	"pulse/stats/line"
)

// A Reader reads lines with all of their fields, whatever these are called. It is for one
// goroutine, and slow.
type Reader struct {
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

// NewReader makes one of lines that were written at about a second, which may have these
// formats besides those that Pulse knows.
func NewReader(formats []*format.Format, near int64) *Reader {
	return &Reader{formats: formats, near: near}
}

// Read reads a line of at most line.MaxLen bytes.
func (r *Reader) Read(from line.Origin, text []byte) error {
	names := line.Names(text)
	if r.origin != from {
		r.origin, r.scanner = from, nil // it may name other fields
		for name := range from.Fields() {
			if !slices.Contains(readingFields, name) {
				names = append(names, name)
			}
		}
	}
	if err := r.want(names); err != nil {
		return err
	}
	r.buffer = append(append(r.buffer[:0], text...), make([]byte, line.Padding)...)
	r.scanner.From(r.origin)
	r.scanner.Parse(&r.event, r.buffer, 0, len(text))
	return nil
}

// Format is what the line was taken for.
func (r *Reader) Format() string { return string(r.schema.AppendShape(nil, r.event.Shape())) }

// Parsed reports whether a format fits the line.
func (r *Reader) Parsed() bool { return r.event.Shape() > line.Unparsed }

// Time is when the line says that it was, if it does.
func (r *Reader) Time() (second int64, nanos uint32, ok bool) { return r.event.Time() }

// Each calls f with each field of the line, but for the line itself.
func (r *Reader) Each(f func(name string, v condition.Constant)) {
	for name := range r.names {
		if v, ok := r.event.Constant(r.schema.Slot(name)); ok && name != "line" {
			f(name, v)
		}
	}
}

// mostNames is how many fields are looked for at once: formats may read some more.
const mostNames = line.MaxFields - format.MaxFormats

// want makes a scanner for fields of these names too.
func (r *Reader) want(names []string) error {
	more := r.scanner == nil
	for _, name := range names {
		more = more || !r.names[name]
	}
	if !more {
		return nil
	}
	if r.names == nil || len(r.names)+len(names) > mostNames {
		r.names = r.known() // those of lines before are not of this one
	}
	for _, name := range names {
		if len(r.names) < mostNames {
			r.names[name] = true
		}
	}
	var fields []line.Field
	for _, name := range slices.Sorted(maps.Keys(r.names)) {
		fields = append(fields, line.Field{Name: name})
	}
	schema, err := line.NewSchemaOf(r.formats, fields...)
	if err != nil {
		return err
	}
	r.schema, r.scanner = schema, schema.NewScanner()
	r.scanner.NearRecorded(r.near)
	return nil
}

// known are the names that formats and the origin give.
func (r *Reader) known() map[string]bool {
	names := map[string]bool{}
	for _, given := range line.Givens {
		names[given.Name] = true
	}
	for _, f := range r.formats {
		for _, c := range f.Captures {
			names[c.Name] = true
		}
		for _, name := range f.Names {
			names[name] = true
		}
	}
	for name := range r.origin.Fields() {
		names[name] = true
	}
	delete(names, "") // what is skipped
	return names
}
