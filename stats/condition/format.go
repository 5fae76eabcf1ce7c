package condition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/parser/utils"
)

// Format gives the canonical text of a condition: Parse makes the same
// condition of it, and expressions that differ in white space, needless
// parentheses, comments, quotes, the spelling of operators and numbers or the
// use of defines alone have the same one.
func Format(n Node) string {
	if n == nil {
		return "true"
	}
	return string(appendNode(nil, n, 0))
}

func (n *And) String() string     { return Format(n) }
func (n *Or) String() string      { return Format(n) }
func (n *Not) String() string     { return Format(n) }
func (c *Compare) String() string { return Format(c) }

// How close what stands around a node binds: a node that binds less closely
// gets parentheses.
const (
	inOr = iota + 1
	inAnd
	inNot
)

func appendNode(b []byte, n Node, in int) []byte {
	switch n := n.(type) {
	case *And:
		if len(n.Nodes) == 0 {
			return append(b, "true"...)
		}
		return appendJoined(b, n.Nodes, " && ", inAnd, in)
	case *Or:
		if len(n.Nodes) == 0 {
			return append(b, "false"...)
		}
		return appendJoined(b, n.Nodes, " || ", inOr, in)
	case *Not:
		return appendNode(append(b, '!'), n.Node, inNot)
	case *Expr:
		if in == 0 {
			return append(b, n.Source...)
		}
		return append(append(append(b, '('), n.Source...), ')')
	case *Compare:
		if n.Op == Eq && n.Const.Type == Bool && n.Const.Bool {
			return append(b, formatField(n.Field)...)
		}
		if in == inNot {
			b = append(b, '(')
			b = appendCompare(b, n)
			return append(b, ')')
		}
		return appendCompare(b, n)
	}
	return b
}

func appendJoined(b []byte, nodes []Node, operator string, own, in int) []byte {
	if in > own {
		b = append(b, '(')
	}
	for i, n := range nodes {
		if i > 0 {
			b = append(b, operator...)
		}
		b = appendNode(b, n, own)
	}
	if in > own {
		b = append(b, ')')
	}
	return b
}

var symbols = [...]string{
	Has: "!= nil", Missing: "== nil",
	Eq: "==", Ne: "!=", Lt: "<", Le: "<=", Gt: ">", Ge: ">=",
	Contains: "contains", StartsWith: "startsWith", EndsWith: "endsWith", Matches: "matches",
}

func appendCompare(b []byte, c *Compare) []byte {
	b = append(b, formatField(c.Field)...)
	b = append(b, ' ')
	b = append(b, symbols[c.Op]...)
	if c.Op == Has || c.Op == Missing {
		return b
	}
	b = append(b, ' ')
	return append(b, c.Const.String()...)
}

// String is the constant as an expression has it.
func (c Constant) String() string {
	switch c.Type {
	case Num:
		return string(c.Num.Append(nil))
	case Bool:
		return strconv.FormatBool(c.Bool)
	}
	if utf8.ValidString(c.Text) {
		return strconv.Quote(c.Text)
	}
	var b strings.Builder
	b.WriteString(`b"`)
	for _, x := range []byte(c.Text) {
		switch {
		case x == '"' || x == '\\':
			b.WriteByte('\\')
			b.WriteByte(x)
		case ' ' <= x && x <= '~':
			b.WriteByte(x)
		default:
			fmt.Fprintf(&b, `\x%02x`, x)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// words of the language, which as a field's name need $env["…"].
var words = []string{
	"and", "contains", "endsWith", "false", "in", "let", "matches", "nil", "not", "or", "startsWith", "true", "$env",
}

// Words are those of the language, which are not names.
func Words() []string { return slices.Clone(words) }

// IsName reports whether a field or a define of that name can be written as
// it is in an expression, for a field also with dots between such names.
func IsName(s string) bool {
	return utils.IsValidIdentifier(s) && !slices.Contains(words, s)
}

func formatField(name string) string {
	for i, part := range strings.Split(name, ".") {
		if !utils.IsValidIdentifier(part) || i == 0 && !IsName(part) {
			return "$env[" + strconv.Quote(name) + "]"
		}
	}
	return name
}
