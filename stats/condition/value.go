package condition

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// A Value is an expression that gives a value of a line, and no verdict on it.
type Value struct {
	Source  string   // the canonical text, in which all fields are members of $env
	Fields  []string // that it reads, ascending, each once
	Texts   []string // of Fields, those that stand only where it takes a text
	Missing bool     // it is asked for lines without some of Fields too
	Tree    ast.Node // of Source

	program *program
}

// A Function is one that a Value may call beside expr's own. Check says what is wrong with
// the arguments of a call, and of which of them; nil and -1: of the call as a whole.
type Function struct {
	Call  func(args ...any) (any, error)
	Check func(args []ast.Node) (argument int, message string)
}

// ParseValue parses an expression that gives a value. The error is an *Error.
func ParseValue(src string, defines *Defines, functions map[string]Function) (*Value, error) {
	v, err := parseValue(src, defines, functions)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func parseValue(src string, defines *Defines, functions map[string]Function) (*Value, *Error) {
	switch {
	case len(src) > MaxLength:
		return nil, errorf(0, "an expression has at most %d bytes, this has %d", MaxLength, len(src))
	case strings.TrimSpace(src) == "":
		return nil, errorf(0, "the expression is empty")
	case !utf8.ValidString(src):
		return nil, errorf(0, "the expression is not UTF-8: write other bytes as b\"\\xff\"")
	}
	tree, err := parser.ParseWithConfig(src, newConfig())
	if err != nil {
		wrong := syntaxError(src, err)
		wrong.Message = strings.Replace(wrong.Message, "the condition", "the expression", 1)
		return nil, wrong
	}
	t := translator{src: src, resolve: func(name string) (Node, bool, *Error) {
		if defines == nil {
			return nil, false, nil
		}
		n, ok := defines.nodes[name]
		return n, ok, nil
	}}
	if defines != nil {
		t.derive = defines.Derive
	}
	r := rewriter{translator: &t, fields: map[string]bool{}, functions: functions, whole: tree.Node}
	canonical, wrong := r.rewrite(tree.Node)
	if wrong != nil {
		return nil, wrong
	}
	if len(r.fields) == 0 {
		return nil, t.errorf(tree.Node, "the expression has no field: it is the same for all lines")
	}
	if wrong := t.grow(r.nodes, tree.Node); wrong != nil {
		return nil, wrong
	}
	v := &Value{Source: canonical.String(), Fields: slices.Sorted(maps.Keys(r.fields)), Missing: r.defaults, Tree: canonical}
	v.Texts = textsOf(canonical)
	var options []expr.Option
	for name, f := range functions {
		options = append(options, expr.Function(name, f.Call))
	}
	if v.program, err = compile(v.Source, options...); err != nil {
		message := err.Error()
		if inner := new(file.Error); errors.As(err, &inner) {
			message = inner.Message
		}
		return nil, t.errorf(tree.Node, "%s", message)
	}
	return v, nil
}

// Run gives the value for these values of fields: texts, bools, and numbers as int or
// float64. An error is of a value of another type than is needed.
func (v *Value) Run(fields map[string]any) (any, error) { return v.program.run(fields) }

// textFunctions are those of expr whose first argument is a text, or a list, which no field is.
var textFunctions = []string{
	"lower", "upper", "trim", "trimPrefix", "trimSuffix", "split", "splitAfter", "replace", "repeat",
	"hasPrefix", "hasSuffix", "indexOf", "lastIndexOf", "len",
}

// textsOf gives the fields of an expression that stand only where it takes a text, ascending:
// lower(id) is of the text of id even if that is a number.
func textsOf(n ast.Node) []string {
	uses := fieldUses{}
	ast.Walk(&n, uses)
	var texts []string
	for name, use := range uses {
		if use.texts == use.all {
			texts = append(texts, name)
		}
	}
	slices.Sort(texts)
	return texts
}

// fieldUses are how often fields stand anywhere, and where a text is taken.
type fieldUses map[string]struct{ texts, all int }

// Visit implements ast.Visitor.
func (u fieldUses) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.MemberNode:
		u.add(n, false)
		if _, ok := n.Property.(*ast.StringNode); !ok { // a byte of a text
			u.add(n.Node, true)
		}
	case *ast.SliceNode:
		u.add(n.Node, true)
	case *ast.BuiltinNode:
		if len(n.Arguments) > 0 && slices.Contains(textFunctions, n.Name) {
			u.add(n.Arguments[0], true)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "contains", "startsWith", "endsWith", "matches":
			u.add(n.Left, true)
		}
	}
}

func (u fieldUses) add(n ast.Node, text bool) {
	name, ok := FieldOf(n)
	if !ok {
		return
	}
	use := u[name]
	if text {
		use.texts++
	} else {
		use.all++
	}
	u[name] = use
}

// FieldOf gives the field that a node of a Value's Tree is, if it is one.
func FieldOf(n ast.Node) (name string, ok bool) {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return "", false
	}
	root, ok := m.Node.(*ast.IdentifierNode)
	property, ok2 := m.Property.(*ast.StringNode)
	if !ok || !ok2 || root.Value != "$env" {
		return "", false
	}
	return property.Value, true
}

// Fields gives the fields that a condition reads, each once, ascending.
func Fields(n Node) []string {
	fields := map[string]bool{}
	var add func(n Node)
	add = func(n Node) {
		switch n := n.(type) {
		case *And:
			for _, n := range n.Nodes {
				add(n)
			}
		case *Or:
			for _, n := range n.Nodes {
				add(n)
			}
		case *Not:
			add(n.Node)
		case *Compare:
			fields[n.Field] = true
		case *Expr:
			for _, name := range n.Fields {
				fields[name] = true
			}
		}
	}
	add(n)
	return slices.Sorted(maps.Keys(fields))
}
