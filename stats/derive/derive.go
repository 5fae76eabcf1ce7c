// Package derive has fields that are made of other fields of a line: routes of paths,
// captures, parts of texts, arithmetic. They are derived when something asks for them, once
// a line at most, and those of one field are remembered by its value.
package derive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"pulse/stats/condition"
)

// Bounds on what a definitions file derives.
const (
	MaxFields = 256
	MaxText   = 4 << 10 // bytes of an expression
)

// A Field is a derived field: its name, and the expression that gives it.
type Field struct {
	Name string
	// Source is the canonical text of the expression.
	Source string
	// Fields are those that it is made of, ascending; Needs those of them without which it is
	// missing.
	Fields, Needs []string
	// Verdict says that it is true or false, whatever the line.
	Verdict bool

	form form
}

// A form is how a field is derived: one of *route, *capture, *size, *same, *arithmetic,
// *metric and *machine.
type form any

// size is bytes(field).
type size struct{}

// same is another field's value.
type same struct{}

// A machine is an expression for expr's machine.
type machine struct{ value *condition.Value }

// Parse reads the expression of a derived field. It has expr's functions, arithmetic, and
//
//	route(field, "/a/:name/*", …)  the field's path with what varies in it as :id
//	capture(field, `re`)           the group of a regular expression, or what it matches
//	bytes(field)                   a size such as 512M as a number of bytes
//
// The error is a *condition.Error.
func Parse(name, src string, defines *condition.Defines) (*Field, error) {
	if len(src) > MaxText {
		return nil, &condition.Error{Message: fmt.Sprintf("an expression of a derived field has at most %d bytes, this has %d", MaxText, len(src))}
	}
	v, err := condition.ParseValue(src, defines, functions())
	if err != nil {
		return nil, err
	}
	f := &Field{Name: name, Source: v.Source, Fields: v.Fields, Needs: v.Fields}
	if v.Missing {
		f.Needs = nil
	}
	f.Verdict = isVerdict(v.Tree)
	f.form = formOf(v)
	return f, nil
}

// formOf gives the fastest form of an expression.
func formOf(v *condition.Value) form {
	switch n := v.Tree.(type) {
	case *ast.CallNode:
		if _, ok := condition.FieldOf(n.Arguments[0]); !ok {
			break
		}
		texts := constants(n.Arguments[1:])
		switch n.Callee.String() {
		case "route":
			return newRoute(texts)
		case "capture":
			return newCapture(texts[0])
		case "bytes":
			return &size{}
		}
	default:
		if _, ok := condition.FieldOf(n); ok {
			return &same{}
		}
		if a := newArithmetic(n); a != nil {
			return a
		}
	}
	return &machine{v}
}

// isVerdict reports whether an expression is true or false.
func isVerdict(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BoolNode:
		return true
	case *ast.UnaryNode:
		return n.Operator == "!" || n.Operator == "not"
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=", "<", "<=", ">", ">=", "&&", "||", "and", "or", "in", "contains", "startsWith", "endsWith", "matches":
			return true
		}
	case *ast.BuiltinNode:
		return slices.Contains([]string{"all", "none", "any", "one", "hasPrefix", "hasSuffix"}, n.Name)
	case *ast.ConditionalNode:
		return isVerdict(n.Exp1) && isVerdict(n.Exp2)
	}
	return false
}

// constants are the texts that arguments are.
func constants(arguments []ast.Node) []string {
	texts := make([]string, len(arguments))
	for i, a := range arguments {
		texts[i] = a.(*ast.StringNode).Value // as the functions' checks have seen
	}
	return texts
}

// Order gives fields so that each stands after those that it is made of, or an error that
// names a cycle, and the field that it was found at.
func Order(fields []*Field) (ordered []*Field, at *Field, err error) {
	byName := make(map[string]*Field, len(fields))
	for _, f := range fields {
		byName[f.Name] = f
	}
	done := make(map[*Field]bool, len(fields))
	var path []string
	var visit func(f *Field) error
	visit = func(f *Field) error {
		if i := slices.Index(path, f.Name); i >= 0 {
			at = byName[path[len(path)-1]]
			return fmt.Errorf("%s depends on itself: %s", f.Name, strings.Join(append(slices.Clone(path[i:]), f.Name), " -> "))
		}
		if done[f] {
			return nil
		}
		path = append(path, f.Name)
		for _, name := range f.Fields {
			if of := byName[name]; of != nil {
				if err := visit(of); err != nil {
					return err
				}
			}
		}
		path = path[:len(path)-1]
		done[f] = true
		ordered = append(ordered, f)
		return nil
	}
	for _, f := range fields {
		if err := visit(f); err != nil {
			return nil, at, err
		}
	}
	return ordered, nil, nil
}
