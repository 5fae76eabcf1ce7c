package prom

import (
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Bounds of the labels that a query makes. The engine has none, and calls of label_replace
// within each other make a label as long as they like: ten times as long by each.
const (
	maxGrowth  = 8   // times as long as those of stats
	maxLiteral = 256 // bytes of a text that each series gets
)

// checkLabels refuses a query that would make long labels.
func checkLabels(expr parser.Expr, text string) error {
	grown, literal := growth(expr)
	switch {
	case grown > maxGrowth:
		return bad("query: label_replace and label_join would make a label more than %d times as long as it was, in %.40q", maxGrowth, text)
	case literal > maxLiteral:
		return bad("query: a text or name that it gives to labels has more than %d bytes, in %.40q", maxLiteral, text)
	}
	return nil
}

// growth is how many times as long as before labels may become, and the longest text that is
// put into one.
func growth(n parser.Node) (times, literal int) {
	times = 1
	for child := range parser.ChildrenIter(n) {
		t, l := growth(child)
		times, literal = max(times, t), max(literal, l)
	}
	copies, put := 1, 0
	switch n := n.(type) {
	case *parser.AggregateExpr: // count_values has a label's name
		put = len(textOf(n.Param))
	case *parser.Call:
		if (n.Func.Name == "label_replace" || n.Func.Name == "label_join") && len(n.Args) > 2 {
			put = max(len(textOf(n.Args[1])), len(textOf(n.Args[2])))
			if copies = len(n.Args) - 3; n.Func.Name == "label_replace" {
				copies = strings.Count(textOf(n.Args[2]), "$")
			}
		}
	}
	// More is refused whatever it is: this does not overflow.
	return min(times*max(1, copies), maxGrowth+1), max(literal, put)
}

// textOf is a literal's text; "": it is something else.
func textOf(e parser.Expr) string {
	if literal, ok := e.(*parser.StringLiteral); ok {
		return literal.Val
	}
	if inner, ok := e.(*parser.ParenExpr); ok {
		return textOf(inner.Expr)
	}
	return ""
}
