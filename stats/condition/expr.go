package condition

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"pulse/stats/internal/suggest"
)

// An Expr is a condition that is not a comparison of a field with a constant: it has
// functions, arithmetic or several fields, and is run by expr's virtual machine.
// It is false for a line that lacks one of its fields, unless it has ??, which
// says what then.
type Expr struct {
	Source  string   // the canonical text, in which all fields are members of $env
	Fields  []string // that it reads, ascending, each once
	Missing bool     // it is asked for lines without some of Fields too
}

func (*Expr) node() {}

func (e *Expr) String() string { return e.Source }

// timely are functions that give something else at another time or on another
// machine: a replay would have other numbers.
var timely = []string{"now", "date", "timezone"}

// newConfig is how expressions are parsed.
func newConfig() *conf.Config {
	config := conf.CreateNew()
	config.DisableIfOperator = true // no statements here, so "if" and "else" are fields
	for _, name := range timely {
		config.Disabled[name] = true
	}
	return config
}

// valueFunctions are those of derived fields.
var valueFunctions = []string{"route", "capture", "bytes"}

// isDerived reports whether a node is a call of one of them.
func isDerived(n ast.Node) bool {
	call, ok := n.(*ast.CallNode)
	if !ok {
		return false
	}
	callee, ok := call.Callee.(*ast.IdentifierNode)
	return ok && slices.Contains(valueFunctions, callee.Value)
}

// A program is an expression that expr has compiled. It may be shared by goroutines.
type program struct {
	code *vm.Program
	free sync.Pool // of *vm.VM
}

// compile compiles a canonical text.
func compile(source string, options ...expr.Option) (*program, error) {
	options = append(options, expr.Env(map[string]any{}), expr.AllowUndefinedVariables(), expr.DisableIfOperator())
	for _, name := range timely {
		options = append(options, expr.DisableBuiltin(name))
	}
	code, err := expr.Compile(source, options...)
	if err != nil {
		return nil, err
	}
	return &program{code: code, free: sync.Pool{New: func() any { return new(vm.VM) }}}, nil
}

func (p *program) run(fields map[string]any) (any, error) {
	machine := p.free.Get().(*vm.VM)
	defer p.free.Put(machine)
	return machine.Run(p.code, fields)
}

// IsMissing reports whether an error of expr's machine is of a part that there is not, such
// as one beyond the last of a list, and not of a value of another type than is needed. The
// machine tells them apart by their texts alone.
func IsMissing(err error) bool {
	failed := new(file.Error)
	return errors.As(err, &failed) && (strings.HasPrefix(failed.Message, "index out of range") || strings.Contains(failed.Message, "<nil>"))
}

// A Machine runs an Expr. It may be shared by goroutines.
type Machine struct{ *program }

// NewMachine compiles an Expr that Parse made.
func NewMachine(e *Expr) (*Machine, error) {
	tree, err := parser.ParseWithConfig(e.Source, newConfig())
	if err != nil {
		return nil, err
	}
	if text := tree.Node.String(); text != e.Source {
		return nil, fmt.Errorf("the library expr reads this as %s, which means something else: write it more simply", text)
	}
	program, err := compile(e.Source, expr.AsBool())
	if err != nil {
		return nil, err
	}
	return &Machine{program}, nil
}

// Run gives the verdict on a line with these values of fields: texts, bools, and
// numbers as int or float64. An error is of a value of another type than is
// needed.
func (m *Machine) Run(fields map[string]any) (bool, error) {
	result, err := m.run(fields)
	if err != nil {
		return false, err
	}
	verdict, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("the condition is %v, not true or false", result)
	}
	return verdict, nil
}

// Value is the constant as a Machine takes it.
func (c Constant) Value() any {
	switch c.Type {
	case Num:
		f := c.Num.Float64()
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int(f)
		}
		return f
	case Bool:
		return c.Bool
	}
	return c.Text
}

// side is what stands at one side of a comparison.
type side uint8

const (
	sideConstant side = iota
	sideField
	sideReckoned // by functions or arithmetic
	sideOther    // which is neither of them
)

func sideOf(n ast.Node) side {
	if isDerived(n) {
		return sideField
	}
	switch n := n.(type) {
	case *ast.NilNode, *ast.BoolNode, *ast.StringNode, *ast.BytesNode, *ast.IntegerNode, *ast.FloatNode:
		return sideConstant
	case *ast.IdentifierNode:
		return sideField
	case *ast.UnaryNode:
		switch n.Operator {
		case "-", "+":
			if _, ok := n.Node.(*ast.IntegerNode); ok {
				return sideConstant
			}
			if _, ok := n.Node.(*ast.FloatNode); ok {
				return sideConstant
			}
			return sideReckoned
		}
	case *ast.MemberNode:
		if fieldPath(n) {
			return sideField
		}
		return sideReckoned
	case *ast.BuiltinNode, *ast.CallNode, *ast.ConditionalNode, *ast.SliceNode:
		return sideReckoned
	case *ast.BinaryNode:
		switch n.Operator {
		case "+", "-", "*", "/", "%", "^", "**", "??":
			return sideReckoned
		}
	}
	return sideOther
}

// fieldPath reports whether a member is written a.b or a["b"], as fields are.
func fieldPath(n *ast.MemberNode) bool {
	for {
		property, ok := n.Property.(*ast.StringNode)
		if !ok || property.Value == "" || n.Optional {
			return false
		}
		switch inner := n.Node.(type) {
		case *ast.IdentifierNode:
			return true
		case *ast.MemberNode:
			n = inner
		default:
			return false
		}
	}
}

// isReckoned reports whether a condition is one for a Machine.
func isReckoned(n ast.Node) bool {
	if isDerived(n) {
		return false
	}
	switch n := n.(type) {
	case *ast.BuiltinNode, *ast.CallNode, *ast.SequenceNode, *ast.VariableDeclaratorNode:
		return true
	case *ast.BinaryNode:
		if _, ok := operators[n.Operator]; !ok && n.Operator != "in" {
			return n.Operator == "??"
		}
		left, right := sideOf(n.Left), sideOf(n.Right)
		if left == sideReckoned || right == sideReckoned {
			return true
		}
		// A name alone on the right is rather a text without its quotes, unless it
		// is to be a number.
		_, alone := n.Right.(*ast.IdentifierNode)
		return right == sideField && (left == sideField && (!alone || operators[n.Operator].takes == "number") ||
			left == sideConstant && !alone && !operators[n.Operator].swaps)
	}
	return false
}

// machineExpr makes the Expr of a condition.
func (t *translator) machineExpr(n ast.Node) (Node, *Error) {
	r := rewriter{translator: t, fields: map[string]bool{}}
	canonical, err := r.rewrite(n)
	if err != nil {
		return nil, err
	}
	if len(r.fields) == 0 {
		return nil, t.errorf(n, "the condition has no field: it is the same for all lines")
	}
	if err := t.grow(r.nodes, n); err != nil {
		return nil, err
	}
	e := &Expr{Source: canonical.String(), Fields: slices.Sorted(maps.Keys(r.fields)), Missing: r.defaults}
	if _, err := NewMachine(e); err != nil {
		message := err.Error()
		if inner := new(file.Error); errors.As(err, &inner) {
			message = inner.Message
		}
		return nil, t.errorf(n, "%s", message)
	}
	return e, nil
}

// A rewriter makes each field of an expression a member of $env, by its whole
// name, and refuses what a condition cannot have.
type rewriter struct {
	*translator
	fields    map[string]bool // so far
	nodes     int             // so far
	defaults  bool            // there is a ??
	variables []string
	within    bool // a predicate: what is asked of each element of a list
	functions map[string]Function
	whole     ast.Node // of a Value
}

func (r *rewriter) field(name string) ast.Node {
	r.fields[name] = true
	return &ast.MemberNode{Node: &ast.IdentifierNode{Value: "$env"}, Property: &ast.StringNode{Value: name}}
}

func (r *rewriter) rewrite(n ast.Node) (ast.Node, *Error) {
	r.nodes++
	var err *Error
	in := func(nodes ...*ast.Node) {
		for _, n := range nodes {
			if err == nil && *n != nil {
				*n, err = r.rewrite(*n)
			}
		}
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if slices.Contains(r.variables, n.Value) {
			return n, nil
		}
		o, err := r.operand(n)
		if err != nil {
			return nil, err
		}
		return r.field(o.field), nil
	case *ast.MemberNode:
		if fieldPath(n) && !slices.Contains(r.variables, root(n)) {
			name, err := r.member(n)
			if err != nil {
				return nil, err
			}
			return r.field(name), nil
		}
		if n.Optional {
			return nil, r.unsupported(&ast.ChainNode{Node: n})
		}
		in(&n.Node, &n.Property)
	case *ast.UnaryNode:
		in(&n.Node)
	case *ast.BinaryNode:
		if r.joined(n) {
			return nil, r.unsupported(n)
		}
		r.defaults = r.defaults || n.Operator == "??"
		in(&n.Left, &n.Right)
	case *ast.SliceNode:
		in(&n.Node, &n.From, &n.To)
	case *ast.ConditionalNode:
		in(&n.Cond, &n.Exp1, &n.Exp2)
	case *ast.ArrayNode:
		for i := range n.Nodes {
			in(&n.Nodes[i])
		}
	case *ast.BuiltinNode:
		for i := range n.Arguments {
			in(&n.Arguments[i])
		}
	case *ast.PredicateNode:
		if r.within { // it would take the square of a line's length
			return nil, r.errorf(n, "a function over a list cannot stand within another one")
		}
		r.within = true
		in(&n.Node)
		r.within = false
	case *ast.VariableDeclaratorNode:
		in(&n.Value)
		r.variables = append(r.variables, n.Name)
		in(&n.Expr)
	case *ast.SequenceNode:
		for i := range n.Nodes {
			in(&n.Nodes[i])
		}
	case *ast.CallNode:
		if isDerived(n) && (r.functions == nil || r.partOf(n)) {
			name, err := r.derived(n)
			if err != nil {
				return nil, err
			}
			return r.field(name), nil
		}
		if err := r.checkCall(n); err != nil {
			return nil, err
		}
		for i := range n.Arguments {
			in(&n.Arguments[i])
		}
	case *ast.NilNode, *ast.BoolNode, *ast.StringNode, *ast.BytesNode, *ast.IntegerNode, *ast.FloatNode, *ast.PointerNode:
	default:
		return nil, r.unsupported(n)
	}
	return n, err
}

// partOf reports whether a call of a field is a part of a Value, which is made of the field
// that the call is.
func (r *rewriter) partOf(n *ast.CallNode) bool {
	if n == r.whole || r.derive == nil || len(n.Arguments) == 0 || sideOf(n.Arguments[0]) != sideField {
		return false
	}
	name := ""
	switch of := n.Arguments[0].(type) {
	case *ast.IdentifierNode:
		name = of.Value
	case *ast.MemberNode:
		name = root(of)
	}
	return !slices.Contains(r.variables, name)
}

// root is the identifier that a field's path begins with.
func root(n *ast.MemberNode) string {
	for {
		switch inner := n.Node.(type) {
		case *ast.MemberNode:
			n = inner
		case *ast.IdentifierNode:
			return inner.Value
		default:
			return ""
		}
	}
}

// joined reports whether a difference or a quotient is written without blanks
// between what could be names: it is rather one name.
func (r *rewriter) joined(n *ast.BinaryNode) bool {
	at := r.offset(n)
	if n.Operator != "-" && n.Operator != "/" || at < 1 || at+1 >= len(r.src) || sideOf(n.Right) != sideField {
		return false
	}
	return r.src[at] == n.Operator[0] && r.src[at-1] != ' ' && r.src[at+1] != ' '
}

// checkCall fails for a function that there is not, and for arguments that it does not take.
func (r *rewriter) checkCall(n *ast.CallNode) *Error {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return r.errorf(n, "a field has no functions of its own")
	}
	name := callee.Value
	if f, ok := r.functions[name]; ok {
		at, message := f.Check(n.Arguments)
		switch {
		case message == "":
			return nil
		case at >= 0:
			return r.errorf(n.Arguments[at], "%s", message)
		}
		return r.errorf(n, "%s", message)
	}
	if slices.Contains(timely, name) {
		return r.errorf(n, "there is no %s in a condition: a line must count alike whenever it is read", name)
	}
	near := ""
	names := slices.AppendSeq(slices.Clone(builtin.Names), maps.Keys(r.functions))
	if s := suggest.Nearest(name, slices.Values(names)); s != "" {
		near = ": did you mean " + s + "?"
	} else if len(r.functions) > 0 {
		near = fmt.Sprintf(": there are %s and those of expr", strings.Join(valueFunctions, ", "))
	}
	return r.errorf(n, "there is no function %s%s", name, near)
}

// conditional translates c ? a : b.
func (t *translator) conditional(n *ast.ConditionalNode) (Node, *Error) {
	c, err := t.condition(n.Cond)
	if err != nil {
		return nil, err
	}
	a, errA := t.condition(n.Exp1)
	b, errB := t.condition(n.Exp2)
	if err := cmp.Or(errA, errB); err != nil {
		return nil, err
	}
	return or(and(c, a), and(not(c), b)), t.grow(Size(c), n)
}

// between translates field in 1..5, of whole constants.
func (t *translator) between(n, list *ast.BinaryNode, field string) (Node, *Error) {
	var bounds [2]Constant
	for i, side := range []ast.Node{list.Left, list.Right} {
		o, err := t.operand(side)
		if err != nil {
			return nil, err
		}
		if _, whole := side.(*ast.IntegerNode); !whole && (o.field != "" || o.constant.Type != Num) {
			return nil, t.errorf(side, "a range needs two numbers, such as 500..599")
		}
		bounds[i] = o.constant
	}
	return and(&Compare{Field: field, Op: Ge, Const: bounds[0]}, &Compare{Field: field, Op: Le, Const: bounds[1]}), t.grow(2, n)
}
