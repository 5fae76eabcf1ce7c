package ingest

import (
	"container/heap"
	"errors"
	"io"
	"math"

	"pulse/stats/line"
)

// merged yields the lines of several recordings, each with a clock of its
// own, as one: in the order of their clocks, and in each recording's own
// order. Of equal clocks the earlier recording's lines come first. Lines of
// different parts and origins are yielded apart. Given, if not nil, is told before each
// yield how many lines of a part go into it.
func merged(parts []part, formats *line.Schema, given func(part, lines int), yield func(Piece) error) error {
	var strands strands
	for i, p := range parts {
		s := &strand{order: i, part: p, clock: newTimeline(0).of(formats)}
		s.clock.latest = math.MaxInt64 // who takes the lines decides
		if err := s.fill(); err != nil {
			return err
		}
		if !s.empty() {
			strands = append(strands, s)
		}
	}
	heap.Init(&strands)
	out := make([]byte, 0, chunkSize)
	var piece Piece // of out
	flush := func() error {
		piece.Lines = out
		err := yield(piece)
		out = out[:0]
		return err
	}
	for len(strands) > 0 {
		s := strands[0]
		lines, first := s.take()
		if len(out) > 0 && (len(out)+len(lines) > chunkSize || first.from != piece.From || s.source != piece.Source) {
			if err := flush(); err != nil {
				return err
			}
		}
		piece.Source, piece.From = s.source, first.from
		out = append(out, lines...)
		if given != nil {
			given(s.order, first.count)
		}
		if s.empty() {
			if err := s.fill(); err != nil {
				return err
			}
		}
		if s.empty() {
			heap.Pop(&strands)
		} else {
			heap.Fix(&strands, 0)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return flush()
}

// A part is one of the recordings that are merged.
type part struct {
	next    func() ([]byte, error) // the next chunk of whole lines, or io.EOF; nil behind the end
	source  string
	from    line.Origin
	heading heading
	chunk   []byte // what was read and not given
}

// piece returns the next lines with their origin; they are valid until the next call.
func (p *part) piece() (Piece, error) {
	if len(p.chunk) == 0 {
		var err error
		if p.chunk, err = p.next(); err != nil {
			return Piece{}, err
		}
	}
	var lines []byte
	lines, p.chunk = p.heading.take(p.chunk)
	return Piece{Source: p.source, From: p.heading.origin(p.from), Lines: lines}, nil
}

// A strand is a part with what was read of it and not been taken.
type strand struct {
	part
	order int
	clock *timeline
	lines []byte // dated lines, each with a line feed
	spans []span // of lines; the first begins where lines does
	start int    // of the first span in lines
}

// A span is lines next to each other of one origin at one time of the clock.
type span struct {
	clock int64
	from  line.Origin
	end   int // in lines
	count int // of lines
}

func (s *strand) empty() bool { return len(s.spans) == 0 }

// take takes the first span and its lines.
func (s *strand) take() ([]byte, span) {
	first := s.spans[0]
	lines := s.lines[s.start:first.end]
	s.start = first.end
	s.spans = s.spans[1:]
	return lines, first
}

// fill reads on until there are lines, or no more.
func (s *strand) fill() error {
	s.lines, s.spans, s.start = s.lines[:0], s.spans[:0], 0
	for s.empty() && s.next != nil {
		piece, err := s.piece()
		switch {
		case errors.Is(err, io.EOF):
			s.next = nil
			err = s.clock.settle(s.emit)
		case err == nil:
			err = s.clock.addPiece(piece, s.emit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *strand) emit(clock int64, l []byte) error {
	s.lines = append(append(s.lines, l...), '\n')
	if n := len(s.spans); n > 0 && s.spans[n-1].clock == clock && s.spans[n-1].from == s.clock.emitted {
		s.spans[n-1].end = len(s.lines)
		s.spans[n-1].count++
	} else {
		s.spans = append(s.spans, span{clock, s.clock.emitted, len(s.lines), 1})
	}
	return nil
}

// strands is a heap of strands that are not empty, the next one first.
type strands []*strand

func (s strands) Len() int      { return len(s) }
func (s strands) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s strands) Less(i, j int) bool {
	a, b := s[i].spans[0].clock, s[j].spans[0].clock
	return a < b || a == b && s[i].order < s[j].order
}
func (s *strands) Push(x any) { *s = append(*s, x.(*strand)) }
func (s *strands) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
