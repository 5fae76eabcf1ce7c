package derive

import (
	"strconv"

	"github.com/expr-lang/expr/ast"

	"pulse/stats/condition"
	"pulse/stats/fixed"
)

// An arithmetic is numbers and fields with + - * / between them, worked out with exact
// decimals: each product and quotient is rounded to nine of them.
type arithmetic struct {
	op          byte // + - * /; 0: a number, or a field
	left, right *arithmetic
	number      fixed.Number
	field       int // its number among the fields; -1: it is a number
	name        string
}

// newArithmetic gives the form of an expression, nil if it is not arithmetic with fields.
func newArithmetic(n ast.Node) *arithmetic {
	if name, ok := condition.FieldOf(n); ok {
		return &arithmetic{name: name}
	}
	switch n := n.(type) {
	case *ast.IntegerNode:
		return constant(strconv.Itoa(n.Value))
	case *ast.FloatNode:
		return constant(string(appendFloat(nil, n.Value)))
	case *ast.UnaryNode:
		of := newArithmetic(n.Node)
		if of == nil || n.Operator != "-" {
			return nil
		}
		return &arithmetic{op: '-', left: &arithmetic{field: -1}, right: of}
	case *ast.BinaryNode:
		if len(n.Operator) != 1 || n.Operator != "+" && n.Operator != "-" && n.Operator != "*" && n.Operator != "/" {
			return nil
		}
		left, right := newArithmetic(n.Left), newArithmetic(n.Right)
		if left == nil || right == nil {
			return nil
		}
		return &arithmetic{op: n.Operator[0], left: left, right: right}
	}
	return nil
}

func constant(text string) *arithmetic {
	n, ok := fixed.Parse([]byte(text))
	if !ok {
		return nil
	}
	return &arithmetic{number: n, field: -1}
}

// resolve numbers the fields.
func (a *arithmetic) resolve(number func(name string) int) *arithmetic {
	if a == nil {
		return nil
	}
	out := *a
	if a.name != "" {
		out.field = number(a.name)
	}
	out.left, out.right = a.left.resolve(number), a.right.resolve(number)
	return &out
}

// value works it out; it is not ok if a field is not a number, for a division by 0, and for
// what does not fit.
func (a *arithmetic) value(field func(i int) (fixed.Number, bool)) (fixed.Number, bool) {
	if a.op == 0 {
		if a.field < 0 {
			return a.number, true
		}
		return field(a.field)
	}
	x, ok := a.left.value(field)
	y, ok2 := a.right.value(field)
	if !ok || !ok2 {
		return fixed.Number{}, false
	}
	switch a.op {
	case '*':
		return x.Mul(y)
	case '/':
		return x.Quo(y)
	case '-':
		y = y.Neg()
	}
	sum := x.Add(y)
	return sum, sum.Fits()
}
