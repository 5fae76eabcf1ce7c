// Package format has the line formats that a definitions file describes: patterns,
// regular expressions and columns as positions in a text, and layouts of times.
// What the positions give a line is in package line.
package format

import (
	"fmt"
	"time"

	"pulse/stats/condition"
)

// Bounds on what a definitions file describes.
const (
	MaxFormats  = 64
	MaxText     = 4 << 10 // bytes of a pattern or a regular expression
	MaxCaptures = 100     // of a format
)

// TimeField is the capture that is the line's time.
const TimeField = "time"

// A Format is a kind of line that a definitions file describes.
type Format struct {
	Name string
	// In is the field whose text it reads; "": the line.
	In string
	// Where is what a line's origin must meet; nil: any.
	Where condition.Node
	// Captures are what Match finds.
	Captures []Capture
	// Match finds the captures of a text; nil for LTSV and for W3C, whose lines say or
	// mean more than positions.
	Match Matcher
	// Columns is LTSV or W3C; "" for all else.
	Columns string
	// Names are W3C's columns; nil: those of servers that nobody configured.
	Names []string
	// Time says how the capture TimeField is written; nil: in any of the ways that
	// lines of other formats may have.
	Time *Layout
	// Zone is that of times without one; nil: the origin's, or UTC.
	Zone *time.Location

	// Text is all of it that changes what lines give, the same for formats that
	// give the same.
	Text string
}

// Columns that are more than positions.
const (
	W3C  = "w3c"
	LTSV = "ltsv"
)

// A Capture is a part of a text that becomes a field.
type Capture struct {
	Name string // "": it is skipped
	Is   Kind
}

// A Kind is what a capture must be.
type Kind uint8

const (
	Text   Kind = iota
	Number      // or the format does not fit
	JSON        // an object, whose members become fields
	Logfmt      // attributes, which become fields
)

// kinds are the kinds by their names in a pattern.
var kinds = map[string]Kind{"number": Number, "json": JSON, "logfmt": Logfmt}

// A Span is a part of a buffer. Of Doubled, each pair of double quotes is one.
type Span struct {
	Start, End int
	Doubled    bool
}

// A Matcher finds the parts of b[start:end] that its captures are, or reports that the
// text is not of its form. There is a span for each capture; an empty one is missing.
type Matcher interface {
	Match(b []byte, start, end int, spans []Span, c Clock) bool
}

// A Clock gives where the time ends that begins at a position of b[:end], which is that
// position if there is none that Pulse knows.
type Clock interface {
	TimeEnd(b []byte, i, end int) int
}

// An Error says what is wrong with a text, and where.
type Error struct {
	Offset  int // bytes from the text's start
	Message string
}

func (e *Error) Error() string { return e.Message }

func errorf(offset int, format string, args ...any) *Error {
	return &Error{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

// IsName reports whether a capture can have a name.
func IsName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '@'
		if !letter && (i == 0 || c-'0' > 9 && c != '.' && c != '-') {
			return false
		}
	}
	return name != ""
}

// checkNames fails if a capture has the name of another one or one that every line has, or
// there are too many.
func checkNames(captures []Capture, at func(i int) int) *Error {
	seen := map[string]bool{}
	for i, c := range captures {
		if c.Name != "" && seen[c.Name] {
			return errorf(at(i), "<%s> occurs twice: rename one, or write <_> to skip it", c.Name)
		}
		if c.Name == "line" || c.Name == "unparsed" {
			return errorf(at(i), "every line has a field %s of its own, so that <%s> would be lost: rename it", c.Name, c.Name)
		}
		seen[c.Name] = true
	}
	if len(captures) > MaxCaptures {
		return errorf(at(MaxCaptures), "there are %d captures, at most %d are allowed: capture the rest as one", len(captures), MaxCaptures)
	}
	return nil
}

// trim takes blanks away from both ends of a span.
func trim(b []byte, s Span) Span {
	for s.Start < s.End && isBlank(b[s.Start]) {
		s.Start++
	}
	for s.Start < s.End && isBlank(b[s.End-1]) {
		s.End--
	}
	return s
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
