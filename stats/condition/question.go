package condition

import (
	"regexp/syntax"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Bounds on a question.
const (
	MaxQuestion = 2 << 10 // bytes of its text
	MaxPatterns = 2000    // characters that its regular expressions match, with their repetitions
	maxList     = 10_000  // numbers of a range
)

// frugal are the functions of a question: what they give is no longer than what they take.
var frugal = []string{
	"len", "lower", "upper", "trim", "trimPrefix", "trimSuffix", "hasPrefix", "hasSuffix", "indexOf", "lastIndexOf",
	"int", "float", "string", "type", "abs", "ceil", "floor", "round", "min", "max", "split", "first", "last", "get",
}

// CheckQuestion fails if the time or the memory that a condition takes for a line could be
// out of proportion to both. Conditions of a definitions file may be so, since whoever
// writes it runs Pulse; those of whoever may look at a page may not. What Parse refuses is
// left to it.
func CheckQuestion(src string) error {
	if len(src) > MaxQuestion {
		return errorf(0, "a question has at most %d bytes, this has %d: put the condition into the definitions", MaxQuestion, len(src))
	}
	tree, err := parser.ParseWithConfig(src, newConfig())
	if err != nil {
		return syntaxError(src, err)
	}
	q := question{translator: translator{src: src}, left: MaxPatterns}
	ast.Walk(&tree.Node, &q)
	if q.err != nil {
		return q.err
	}
	return nil
}

// A question is a condition that is being checked.
type question struct {
	translator
	left int    // of MaxPatterns
	err  *Error // the first that was found
}

// Visit checks one node of a condition.
func (q *question) Visit(n *ast.Node) {
	if q.err == nil {
		q.err = q.check(*n)
	}
}

func (q *question) check(n ast.Node) *Error {
	switch n := n.(type) {
	case *ast.PredicateNode, *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return q.errorf(n, "a question has no functions over lists, and no variables")
	case *ast.BuiltinNode:
		return q.function(n, n.Name, n.Arguments)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			return q.function(n, callee.Value, n.Arguments)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "matches":
			return q.pattern(n.Right)
		case "..":
			from, ok := n.Left.(*ast.IntegerNode)
			to, also := n.Right.(*ast.IntegerNode)
			if !ok || !also || to.Value-from.Value >= maxList {
				return q.errorf(n, "a range of a question is of two numbers that are less than %d apart: write >= and <=", maxList)
			}
		}
	}
	return nil
}

// function checks a call.
func (q *question) function(n ast.Node, name string, arguments []ast.Node) *Error {
	switch {
	case name == "capture" && len(arguments) > 1:
		return q.pattern(arguments[1])
	case slices.Contains(valueFunctions, name), slices.Contains(frugal, name):
		return nil
	}
	return q.errorf(n, "a question has no function %s", name)
}

// pattern counts what a regular expression matches.
func (q *question) pattern(n ast.Node) *Error {
	text, ok := n.(*ast.StringNode)
	if !ok {
		return q.errorf(n, "the regular expression of a question is a text in quotes")
	}
	re, err := syntax.Parse(text.Value, syntax.Perl)
	if err != nil {
		return nil // and Parse says so
	}
	if q.left -= steps(re, q.left+1); q.left < 0 {
		return q.errorf(n, "the regular expressions of a question match %d characters at most, with their repetitions", MaxPatterns)
	}
	return nil
}

// steps is about how many instructions a regular expression is compiled to, and most if it
// is more.
func steps(re *syntax.Regexp, most int) int {
	n := max(1, len(re.Rune)/2)
	for _, sub := range re.Sub {
		n = min(most, n+steps(sub, most))
	}
	if re.Op == syntax.OpRepeat {
		n *= max(1, re.Min, re.Max)
	}
	return min(most, n)
}
