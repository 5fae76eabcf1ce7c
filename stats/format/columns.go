package format

import "bytes"

// separated is columns with a byte between any two.
type separated struct {
	by     byte
	quotes bool // a column may stand in double quotes, in which two are one
	n      int
}

// NewColumns makes the Matcher of csv or tsv: a text has as many columns as there
// are names, of which _ is skipped.
func NewColumns(kind string, names []string) (Matcher, []Capture, *Error) {
	captures := make([]Capture, len(names))
	for i, name := range names {
		if name != "_" {
			captures[i].Name = name
		}
	}
	s := &separated{by: '\t', n: len(names)}
	if kind == "csv" {
		s.by, s.quotes = ',', true
	}
	return s, captures, checkNames(captures, func(int) int { return 0 })
}

// Match implements Matcher.
func (s *separated) Match(b []byte, start, end int, spans []Span, _ Clock) bool {
	text, i := b[start:end], 0
	for n := range s.n {
		span, next := s.column(text, i)
		if next < 0 || (next > len(text)) != (n == s.n-1) {
			return false
		}
		spans[n], i = Span{Start: start + span.Start, End: start + span.End, Doubled: span.Doubled}, next
	}
	return true
}

// column gives the column at i, and where the next one begins: beyond the text's end
// if there is none, -1 if a quote is wrong.
func (s *separated) column(b []byte, i int) (Span, int) {
	if s.quotes && i < len(b) && b[i] == '"' {
		span := Span{Start: i + 1}
		for i++; ; i += 2 {
			n := bytes.IndexByte(b[i:], '"')
			if n < 0 {
				return span, -1
			}
			if i += n; i+1 >= len(b) || b[i+1] != '"' {
				break
			}
			span.Doubled = true
		}
		span.End = i
		if i+1 < len(b) && b[i+1] != s.by {
			return span, -1
		}
		return span, i + 2
	}
	n := bytes.IndexByte(b[i:], s.by)
	if n < 0 {
		return trim(b, Span{Start: i, End: len(b)}), len(b) + 1
	}
	return trim(b, Span{Start: i, End: i + n}), i + n + 1
}
