package aggregate

import (
	"encoding/binary"

	"pulse/stats/line"
	"pulse/stats/value"
)

// LineCounts accounts for lines: each that came in is counted, late or
// unreadable.
type LineCounts struct {
	Lines      uint64 // that came in
	Counted    uint64
	Late       uint64
	Unreadable uint64
	Ahead      uint64 // of those counted or late, with a time too far ahead of their record
	Undated    uint64 // of those counted or late, without a time
	Unparsed   uint64 // of those counted or late, of no known format
	Half       uint64 // of those counted or late, half understood: see line.Event.Shape
	Bytes      uint64 // of those that came in, ends of lines not included
}

// Add returns the counts of both.
func (c LineCounts) Add(d LineCounts) LineCounts {
	return LineCounts{
		Lines:      c.Lines + d.Lines,
		Counted:    c.Counted + d.Counted,
		Late:       c.Late + d.Late,
		Unreadable: c.Unreadable + d.Unreadable,
		Ahead:      c.Ahead + d.Ahead,
		Undated:    c.Undated + d.Undated,
		Unparsed:   c.Unparsed + d.Unparsed,
		Half:       c.Half + d.Half,
		Bytes:      c.Bytes + d.Bytes,
	}
}

// Sub returns what is left of c without d.
func (c LineCounts) Sub(d LineCounts) LineCounts {
	return LineCounts{
		Lines:      c.Lines - d.Lines,
		Counted:    c.Counted - d.Counted,
		Late:       c.Late - d.Late,
		Unreadable: c.Unreadable - d.Unreadable,
		Ahead:      c.Ahead - d.Ahead,
		Undated:    c.Undated - d.Undated,
		Unparsed:   c.Unparsed - d.Unparsed,
		Half:       c.Half - d.Half,
		Bytes:      c.Bytes - d.Bytes,
	}
}

var linesKind = Description{
	Name:  "lines",
	Doc:   "What became of the lines that came in: counted, late and unreadable are all of them; ahead are those with a time too far ahead of their record, undated those without one, unparsed those of no known format, and half those half understood.",
	Takes: Internal,
	Shape: value.ShapeCounts,
	New:   func(Parameters) Kind { return lines{} },
}

// lines does not fold lines, since those that are late or unreadable fold into
// nothing: its partial is a *LinesPartial.
type lines struct{}

func (lines) NewPartial() Partial  { return new(LinesPartial) }
func (lines) NewWindow() Window    { return new(linesWindow) }
func (lines) Check(b []byte) error { return new(LinesPartial).Join(b) }

// A LinesPartial is the partial of the kind lines: its counts, in order, as uvarints.
type LinesPartial struct{ counts LineCounts }

// Add adds counts.
func (p *LinesPartial) Add(c LineCounts) { p.counts = p.counts.Add(c) }

// Fold does nothing.
func (p *LinesPartial) Fold(*line.Event) bool { return true }

// Empty reports whether all counts are 0.
func (p *LinesPartial) Empty() bool { return p.counts == LineCounts{} }

// Reset sets all counts to 0.
func (p *LinesPartial) Reset() { p.counts = LineCounts{} }

// AppendTo appends the counts.
func (p *LinesPartial) AppendTo(b []byte) []byte {
	if p.Empty() {
		return b
	}
	c := &p.counts
	for _, n := range [...]uint64{c.Lines, c.Counted, c.Late, c.Unreadable, c.Ahead, c.Undated, c.Unparsed, c.Half, c.Bytes} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// Join adds the counts that AppendTo appended.
func (p *LinesPartial) Join(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var c LineCounts
	for _, n := range [...]*uint64{&c.Lines, &c.Counted, &c.Late, &c.Unreadable, &c.Ahead, &c.Undated, &c.Unparsed, &c.Half, &c.Bytes} {
		var ok bool
		if *n, b, ok = uvarint(b, maxCount); !ok {
			return ErrMalformed
		}
	}
	if len(b) > 0 || c == (LineCounts{}) {
		return ErrMalformed
	}
	p.Add(c)
	return nil
}

type linesWindow struct{ counts LineCounts }

func (w *linesWindow) Add(p Partial) { w.counts = w.counts.Add(p.(*LinesPartial).counts) }
func (w *linesWindow) Sub(p Partial) { w.counts = w.counts.Sub(p.(*LinesPartial).counts) }

func (w *linesWindow) Value(Span) value.Value {
	c := &w.counts
	return value.Counts{
		{Name: "in", Count: c.Lines},
		{Name: "counted", Count: c.Counted},
		{Name: "late", Count: c.Late},
		{Name: "unreadable", Count: c.Unreadable},
		{Name: "ahead", Count: c.Ahead},
		{Name: "undated", Count: c.Undated},
		{Name: "unparsed", Count: c.Unparsed},
		{Name: "half", Count: c.Half},
		{Name: "bytes", Count: c.Bytes},
	}
}
