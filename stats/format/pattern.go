package format

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A pattern is literals with a hole between any two: literals[0] begins the text, and
// the hole i is what comes before literals[i+1], the last of which ends the text.
type pattern struct {
	literals [][]byte

	time int // the hole that is the line's time; -1: none
	// inTime is how many of the literal after the time are in it: a time may have
	// blanks. It is -1 where the clock must say where the time ends.
	inTime int
}

// timedBy says how the pattern's time is written.
func (p *pattern) timedBy(captures []Capture, l *Layout) {
	p.time = slices.IndexFunc(captures, func(c Capture) bool { return c.Name == TimeField })
	switch {
	case p.time < 0:
	case l == nil || l.ISO:
		p.inTime = -1
	default:
		p.inTime = strings.Count(l.Name, string(p.literals[p.time+1]))
	}
}

// ParsePattern reads a pattern: literals, and holes in angle brackets. <x> is what
// comes before the next literal, <_> the same but skipped, <x:number> must be a
// number; <x:json> and <x:logfmt> are parsed on, and end the pattern. \< is the sign
// itself, and \\ is \.
func ParsePattern(text string) (Matcher, []Capture, *Error) {
	if len(text) > MaxText {
		return nil, nil, errorf(0, "the pattern has %d bytes, at most %d are allowed", len(text), MaxText)
	}
	if at := max(strings.Index(text, "(?P<"), strings.Index(text, "(?<")); at >= 0 {
		return nil, nil, errorf(at, "this is a regular expression, and a pattern has no signs of these: give it as regexp, or write <name> alone, and the text between as it is")
	}
	p, captures, offsets := &pattern{time: -1}, []Capture(nil), []int(nil)
	var literal []byte
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == '<' || text[i+1] == '\\'):
			literal = append(literal, text[i+1])
			i += 2
		case c == '<':
			n := strings.IndexByte(text[i:], '>')
			if n < 0 {
				return nil, nil, errorf(i, `this < begins a capture without a >: write <name>, or \< for the sign itself`)
			}
			hole, err := parseHole(text[i+1:i+n], i)
			if err != nil {
				return nil, nil, err
			}
			if len(captures) > 0 && len(literal) == 0 {
				return nil, nil, errorf(i, "two captures are next to each other, so it is unclear where the first one ends: write the text between them, or use one capture for both")
			}
			p.literals = append(p.literals, literal)
			literal = nil
			captures, offsets = append(captures, hole), append(offsets, i)
			i += n + 1
		default:
			_, size := utf8.DecodeRuneInString(text[i:])
			literal = append(literal, text[i:i+size]...)
			i += size
		}
	}
	p.literals = append(p.literals, literal)
	if len(captures) == 0 {
		return nil, nil, errorf(0, "the pattern has no capture: write <name> for each part that changes, for example '<time> <level> <msg>'")
	}
	for i, c := range captures {
		if (c.Is == JSON || c.Is == Logfmt) && (i+1 < len(captures) || len(literal) > 0) {
			return nil, nil, errorf(offsets[i], "<%s:…> takes the rest of the text: nothing can come after it", c.Name)
		}
	}
	if err := checkNames(captures, func(i int) int { return offsets[i] }); err != nil {
		return nil, nil, err
	}
	return p, captures, nil
}

func parseHole(hole string, offset int) (Capture, *Error) {
	name, kind, typed := strings.Cut(hole, ":")
	is, ok := kinds[kind]
	switch {
	case typed && !ok:
		return Capture{}, errorf(offset, "unknown capture type %q: write %s, or leave it out", kind, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	case name == "_":
		name = ""
	case !IsName(name):
		return Capture{}, errorf(offset, `<%s> is not a capture: its name has letters, digits and _ . -, and begins with a letter; for the sign < itself write \<`, hole)
	}
	return Capture{Name: name, Is: is}, nil
}

// Match implements Matcher.
func (p *pattern) Match(b []byte, start, end int, spans []Span, c Clock) bool {
	first, last := p.literals[0], p.literals[len(p.literals)-1]
	if !bytes.HasPrefix(b[start:end], first) {
		return false
	}
	i := start + len(first)
	if end -= len(last); end < i || !bytes.Equal(b[end:end+len(last)], last) {
		return false
	}
	for n, literal := range p.literals[1 : len(p.literals)-1] {
		at := i
		if n == p.time {
			at = p.timeEnd(b, i, end, literal, c)
		}
		if at = next(b, at, end, literal); at < 0 {
			return false
		}
		spans[n] = trim(b, Span{Start: i, End: at})
		i = at + len(literal)
	}
	spans[len(p.literals)-2] = trim(b, Span{Start: i, End: end})
	return true
}

// timeEnd gives a position from which on the literal ends the time at i.
func (p *pattern) timeEnd(b []byte, i, end int, literal []byte, c Clock) int {
	if p.inTime < 0 {
		return c.TimeEnd(b, i, end)
	}
	for range p.inTime {
		at := next(b, i, end, literal)
		if at < 0 {
			return end
		}
		i = at + len(literal)
		for isBlank(literal[len(literal)-1]) && i < end && isBlank(b[i]) { // of a day of one digit
			i++
		}
	}
	return i
}

// next gives where a literal begins first in b[i:end], or -1.
func next(b []byte, i, end int, literal []byte) int {
	for {
		at := bytes.IndexByte(b[i:end], literal[0])
		if at < 0 {
			return -1
		}
		if i += at; len(literal) == 1 || bytes.HasPrefix(b[i:end], literal) {
			return i
		}
		i++
	}
}
