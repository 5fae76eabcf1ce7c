package stats

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// position gives the line and column, from 1, at which a byte of a scalar's
// value is in the file. It walks over the file and the value side by side, as
// YAML folds lines, strips indentation and replaces escapes. Where the two
// part, as they do in the rarer forms of folded text, the position is that of
// the scalar's start.
func position(data []byte, n *yaml.Node, offset int) (line, column int) {
	at, ok := nodeOffset(data, n)
	if !ok {
		return n.Line, n.Column
	}
	found, ok := align(data, at, n, min(offset, len(n.Value)))
	if !ok {
		return n.Line, n.Column
	}
	before := data[:found]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}

// nodeOffset gives the byte at which a node begins.
func nodeOffset(data []byte, n *yaml.Node) (int, bool) {
	at := 0
	for range n.Line - 1 {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return 0, false
		}
		at += i + 1
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(data[at:])
		if size == 0 {
			return 0, false
		}
		at += size
	}
	return at, true
}

// align gives the byte of the file that made the byte of the value at offset.
func align(data []byte, at int, n *yaml.Node, offset int) (int, bool) {
	quoted := n.Style&yaml.DoubleQuotedStyle != 0
	single := n.Style&yaml.SingleQuotedStyle != 0
	block := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	value := n.Value
	switch {
	case quoted || single:
		at++
	case block: // the text begins on the line after the indicator
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return 0, false
		}
		at = indentation(data, at+i+1, value)
	}
	for i := 0; i < offset; {
		r, size := utf8.DecodeRuneInString(value[i:])
		if at >= len(data) {
			return 0, false
		}
		switch c := data[at]; {
		case c == '\r' || c == '\n' || !block && (c == ' ' || c == '\t') && lineEnds(data, at):
			// A line's end is a line's end or a space; blank lines may follow.
			if r != ' ' && r != '\n' {
				return 0, false
			}
			nl := bytes.IndexByte(data[at:], '\n')
			if nl < 0 {
				return 0, false
			}
			at += nl + 1
			i += size
			if block {
				at = indentation(data, at, value[i:])
				continue
			}
			for at < len(data) && strings.IndexByte(" \t\r\n", data[at]) >= 0 {
				if data[at] == '\n' && i < len(value) && value[i] == '\n' {
					i++ // of a blank line
				}
				at++
			}
		case quoted && c == '\\':
			at += escapeLen(data[at:])
			i += size
		case single && c == '\'':
			at += 2
			i += size
		default:
			f, fsize := utf8.DecodeRune(data[at:])
			if f != r {
				return 0, false
			}
			at += fsize
			i += size
		}
	}
	return min(at, len(data)), true
}

// indentation skips the spaces at the start of a block's line that are not in
// its value.
func indentation(data []byte, at int, value string) int {
	spaces := 0
	for at+spaces < len(data) && data[at+spaces] == ' ' {
		spaces++
	}
	own := len(value) - len(strings.TrimLeft(value, " "))
	return at + max(0, spaces-own)
}

// lineEnds reports whether only white space follows on the line.
func lineEnds(data []byte, at int) bool {
	rest := bytes.TrimLeft(data[at:], " \t\r")
	return len(rest) == 0 || rest[0] == '\n'
}

// escapeLen is the length of an escape in double quotes.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return len(b)
	}
	switch b[1] {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}
