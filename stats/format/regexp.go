package format

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
)

// An expression is a regular expression behind a literal that every text which it
// matches has.
type expression struct {
	re      *regexp.Regexp
	literal []byte
	groups  []int // of the captures
}

// ParseRegexp reads a regular expression of package regexp, whose named groups are
// the captures.
func ParseRegexp(text string) (Matcher, []Capture, *Error) {
	if len(text) > MaxText {
		return nil, nil, errorf(0, "the regular expression has %d bytes, at most %d are allowed", len(text), MaxText)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		offset, hint := 0, ""
		if e, ok := err.(*syntax.Error); ok {
			offset = max(strings.Index(text, e.Expr), 0)
			if e.Code == syntax.ErrInvalidPerlOp || e.Code == syntax.ErrInvalidEscape {
				hint = ": RE2 has neither look-around nor back references, so write what stands there itself"
			}
		}
		return nil, nil, errorf(offset, "%s%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "), hint)
	}
	e := &expression{re: re, literal: []byte(requiredLiteral(text))}
	var captures []Capture
	for i, name := range re.SubexpNames() {
		switch {
		case name == "_":
		case name != "":
			e.groups = append(e.groups, i)
			captures = append(captures, Capture{Name: name})
		}
	}
	if len(captures) == 0 {
		return nil, nil, errorf(0, `the regular expression has no named group: write (?P<name>\w+) for each part that becomes a field`)
	}
	return e, captures, checkNames(captures, func(int) int { return 0 })
}

// Match implements Matcher.
func (e *expression) Match(b []byte, start, end int, spans []Span, _ Clock) bool {
	b = b[start:end]
	if len(e.literal) > 0 && !bytes.Contains(b, e.literal) {
		return false
	}
	at := e.re.FindSubmatchIndex(b) // it allocates: package regexp takes no memory of the caller's
	if at == nil {
		return false
	}
	for i, group := range e.groups {
		if first := at[2*group]; first >= 0 {
			spans[i] = Span{Start: start + first, End: start + at[2*group+1]}
		} else {
			spans[i] = Span{}
		}
	}
	return true
}

// requiredLiteral gives the first literal of an expression that every match has, "" if
// it has none at its top.
func requiredLiteral(text string) string {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return ""
	}
	return literalOf(tree.Simplify())
}

func literalOf(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literalOf(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if s := literalOf(sub); s != "" {
				return s
			}
		}
	}
	return ""
}
