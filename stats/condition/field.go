package condition

import (
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// called is what begins as a call does, right or not.
var called = regexp.MustCompile(`^[A-Za-z_]\w*\(`)

// arithmetic has blanks around its signs, right or not.
var arithmetic = regexp.MustCompile(`\S [-+*/%^] \S`)

// IsExpression reports whether what is written where the name of a field stands is an
// expression instead: a call, arithmetic, a comparison, a text in quotes. Names of
// fields may have dots, hyphens and slashes, as in user.id, x-request-id and
// app.kubernetes.io/name, and may be no expression at all.
func IsExpression(text string) bool {
	if called.MatchString(text) || arithmetic.MatchString(text) {
		return true
	}
	tree, err := parser.ParseWithConfig(text, newConfig())
	return err == nil && (strings.ContainsAny(text, "[?") || !isName(tree.Node))
}

// isName reports whether what was parsed reads as the name of a field.
func isName(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode:
		return true
	case *ast.MemberNode:
		return isName(n.Node)
	case *ast.BinaryNode:
		switch n.Operator {
		case "-":
			return isName(n.Left) && isName(n.Right)
		case "/": // by a number it is a division
			_, number := n.Right.(*ast.IntegerNode)
			_, fraction := n.Right.(*ast.FloatNode)
			return !number && !fraction && isName(n.Left) && isName(n.Right)
		}
	}
	return false
}
