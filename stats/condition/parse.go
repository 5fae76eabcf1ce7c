package condition

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"pulse/stats/fixed"
	"pulse/stats/internal/suggest"
)

// Bounds on one condition.
const (
	MaxLength = 8 << 10 // bytes of an expression
	MaxSize   = 4096    // comparisons, with the defines expanded
	MaxDepth  = 50      // levels of And, Or and Not, with the defines expanded
)

// An Error says what is wrong with an expression, and where.
type Error struct {
	Offset  int // bytes from the expression's start
	Message string
}

func (e *Error) Error() string { return e.Message }

// Defines are conditions that others use by their name. The zero Defines and
// a nil *Defines have none.
type Defines struct {
	// Derive, if not nil, makes a field of an expression such as route(path) that stands in
	// a condition, or is a part of a Value. Its name is the expression's text.
	Derive func(text string) error

	nodes map[string]Node
}

// NewDefines parses expressions that may use each other, by name. What is
// wrong comes by the name of the expression that has the fault; such a define
// can still be used, so that one fault is one error, and it is true. Derive is that of the
// Defines.
func NewDefines(exprs map[string]string, derive func(text string) error) (*Defines, map[string]*Error) {
	d := &Defines{Derive: derive, nodes: make(map[string]Node)}
	errs := make(map[string]*Error)
	var path []string // the defines being expanded, each used by the one before
	var expand func(name string)
	expand = func(name string) {
		path = append(path, name)
		n, err := parse(exprs[name], func(used string) (Node, bool, *Error) {
			if _, ok := exprs[used]; !ok {
				return nil, false, undefined(used, maps.Keys(exprs))
			}
			if i := slices.Index(path, used); i >= 0 {
				cycle := strings.Join(append(slices.Clone(path[i:]), used), " -> ")
				return nil, false, errorf(0, "%s uses itself: %s (a field of that name is written $env[%q])", used, cycle, used)
			}
			if _, ok := d.nodes[used]; !ok {
				expand(used)
			}
			return d.nodes[used], true, nil
		}, derive)
		if err != nil {
			errs[name] = err
			n = &And{}
		}
		d.nodes[name] = n
		path = path[:len(path)-1]
	}
	for _, name := range slices.Sorted(maps.Keys(exprs)) {
		if _, ok := d.nodes[name]; !ok {
			expand(name)
		}
	}
	return d, errs
}

// Parse gives the condition that an expression means; defines may be nil. The
// error is an *Error.
//
// The syntax is that of github.com/expr-lang/expr. Comparisons of a field with a
// constant by == != < <= > >= contains startsWith endsWith matches, either way
// round where that has a meaning, in with a list of constants or a range, and nil
// for a missing field become Compare, which is fast; what has functions,
// arithmetic or several fields becomes an Expr. A field alone is true if its value
// is true. A field's name may have dots; a name with other characters, or one that
// a define has too, is written $env["like-this"]. There are no functions of the
// time, no ?. and no function over a list within another.
func Parse(src string, defines *Defines) (Node, error) {
	var derive func(text string) error
	if defines != nil {
		derive = defines.Derive
	}
	n, err := parse(src, func(name string) (Node, bool, *Error) {
		if defines == nil {
			return nil, false, nil
		}
		if n, ok := defines.nodes[name]; ok {
			return n, true, nil
		}
		return nil, false, undefined(name, maps.Keys(defines.nodes))
	}, derive)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// undefined is the error for a name that stands alone and looks like a
// misspelled define; nil if it does not, for then it is a field.
func undefined(name string, defines iter.Seq[string]) *Error {
	sorted := slices.Sorted(defines)
	if _, found := slices.BinarySearch(sorted, name); found {
		return nil
	}
	near := suggest.Nearest(name, slices.Values(sorted))
	if near == "" {
		return nil
	}
	return errorf(0, "there is no define %s: did you mean %s? (a field of that name is written $env[%q])", name, near, name)
}

func errorf(offset int, format string, args ...any) *Error {
	return &Error{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

// A resolver gives the condition of a define. The error, which has no offset
// yet, is for a name that should be one; a name that is not one, and no error, is
// a field.
type resolver func(name string) (Node, bool, *Error)

func parse(src string, resolve resolver, derive func(text string) error) (Node, *Error) {
	if len(src) > MaxLength {
		return nil, errorf(0, "a condition has at most %d bytes, this has %d: split it with define", MaxLength, len(src))
	}
	if strings.TrimSpace(src) == "" {
		return nil, errorf(0, "the condition is empty: leave it out to count every line")
	}
	if !utf8.ValidString(src) {
		return nil, errorf(0, "the condition is not UTF-8: write other bytes as b\"\\xff\"")
	}
	tree, err := parser.ParseWithConfig(src, newConfig())
	if err != nil {
		return nil, syntaxError(src, err)
	}
	t := translator{src: src, resolve: resolve, derive: derive}
	n, terr := t.condition(tree.Node)
	if terr != nil {
		return nil, terr
	}
	if depth(n) > MaxDepth {
		return nil, errorf(0, "the condition is nested more than %d levels deep", MaxDepth)
	}
	return n, nil
}

// syntaxError puts an error of expr's parser into our words.
func syntaxError(src string, err error) *Error {
	var e *file.Error
	if !errors.As(err, &e) {
		return errorf(0, "%v", err)
	}
	at := byteOffset(src, e.From)
	msg := e.Message
	switch {
	case strings.HasPrefix(msg, "unexpected token EOF"):
		return errorf(len(strings.TrimRight(src, " \t\r\n")), "the condition ends too early")
	case strings.HasPrefix(msg, `unexpected token Operator("=")`):
		return errorf(at, "= is not a comparison: write ==")
	case msg == "invalid char escape":
		return errorf(at, `this escape is not allowed in quotes: write \\ for a backslash, or put a regular expression between backquotes`)
	case strings.HasSuffix(msg, "value out of range"):
		return errorf(at, "the number before this is too large: it is up to 9223372036854775807")
	case strings.HasPrefix(msg, "unexpected token "):
		if tok := token(src, e.Location); tok != "" {
			msg = "unexpected " + tok
			if near := suggest.Nearest(tok, slices.Values(words)); near != "" {
				msg += ": did you mean " + near + "?"
			}
		}
	}
	return errorf(at, "%s", msg)
}

// byteOffset is the offset in bytes of the rune with a number.
func byteOffset(s string, runes int) int {
	for i := range s {
		if runes <= 0 {
			return i
		}
		runes--
	}
	return len(s)
}

// token is the source text at a location.
func token(src string, loc file.Location) string {
	from, to := byteOffset(src, loc.From), byteOffset(src, loc.To)
	return src[from:max(from, to)]
}

// A translator turns the syntax tree of one expression into a condition.
type translator struct {
	src     string
	resolve resolver
	derive  func(text string) error // nil: nothing is derived here
	size    int                     // comparisons so far, those of defines included
}

func (t *translator) errorf(at ast.Node, format string, args ...any) *Error {
	return errorf(t.offset(at), format, args...)
}

func (t *translator) offset(n ast.Node) int {
	return byteOffset(t.src, n.Location().From)
}

// grow counts comparisons and refuses too many.
func (t *translator) grow(n int, at ast.Node) *Error {
	if t.size += n; t.size > MaxSize {
		return t.errorf(at, "the condition has more than %d comparisons, with its defines expanded", MaxSize)
	}
	return nil
}

// condition translates what stands where a condition must.
func (t *translator) condition(n ast.Node) (Node, *Error) {
	if isReckoned(n) {
		return t.machineExpr(n)
	}
	switch n := n.(type) {
	case *ast.ConditionalNode:
		return t.conditional(n)
	case *ast.BoolNode:
		return constant(n.Value), nil
	case *ast.IdentifierNode:
		def, ok, err := t.resolve(n.Value)
		if err != nil {
			err.Offset = t.offset(n)
			return nil, err
		}
		if ok {
			return def, t.grow(Size(def), n)
		}
	case *ast.UnaryNode:
		if n.Operator != "!" && n.Operator != "not" {
			return nil, t.errorf(n, "a number is not a condition: compare a field with it")
		}
		inner, err := t.condition(n.Node)
		if err != nil {
			return nil, err
		}
		return not(inner), nil
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and":
			nodes, err := t.chain(n, "&&", "and")
			return and(nodes...), err
		case "||", "or":
			nodes, err := t.chain(n, "||", "or")
			return or(nodes...), err
		case "in":
			return t.in(n)
		default:
			return t.comparison(n)
		}
	}
	o, err := t.operand(n)
	if err != nil {
		return nil, err
	}
	if o.field == "" {
		return nil, t.errorf(n, "%s is not a condition: compare a field with it", o)
	}
	return &Compare{Field: o.field, Op: Eq, Const: Constant{Type: Bool, Bool: true}}, t.grow(1, n)
}

// chain translates the operands of n and, to its left, of the same operator,
// which is spelt in two ways: in one go, as there may be thousands.
func (t *translator) chain(n *ast.BinaryNode, spellings ...string) ([]Node, *Error) {
	operands := []ast.Node{n.Right}
	left := n.Left
	for {
		l, ok := left.(*ast.BinaryNode)
		if !ok || !slices.Contains(spellings, l.Operator) {
			break
		}
		operands = append(operands, l.Right)
		left = l.Left
	}
	operands = append(operands, left)
	slices.Reverse(operands)

	nodes := make([]Node, len(operands))
	for i, o := range operands {
		var err *Error
		if nodes[i], err = t.condition(o); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// operators has the comparisons: what each is with its sides swapped, if that
// has a meaning, and what it takes.
var operators = map[string]struct {
	op, swapped Op
	swaps       bool
	takes       string // "any" constant, a "number" or a "text"
}{
	"==":         {Eq, Eq, true, "any"},
	"!=":         {Ne, Ne, true, "any"},
	"<":          {Lt, Gt, true, "number"},
	"<=":         {Le, Ge, true, "number"},
	">":          {Gt, Lt, true, "number"},
	">=":         {Ge, Le, true, "number"},
	"contains":   {op: Contains, takes: "text"},
	"startsWith": {op: StartsWith, takes: "text"},
	"endsWith":   {op: EndsWith, takes: "text"},
	"matches":    {op: Matches, takes: "text"},
}

func (t *translator) comparison(n *ast.BinaryNode) (Node, *Error) {
	o, ok := operators[n.Operator]
	if !ok {
		return nil, t.unsupported(n)
	}
	left, err := t.operand(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := t.operand(n.Right)
	if err != nil {
		return nil, err
	}
	op, field, c := o.op, left, right
	if left.field == "" {
		op, field, c = o.swapped, right, left
	}
	switch {
	case left.field != "" && right.field != "":
		return nil, t.errorf(n, "%s and %s are both fields: put a text in quotes (if a field is meant, write $env[%q])", left, right, right.field)
	case left.field == "" && right.field == "":
		return nil, t.errorf(n, "%s and %s are both constants: compare a field with one", left, right)
	case left.field == "" && !o.swaps:
		return nil, t.errorf(n, "write the field on the left of %s", n.Operator)
	}
	if c.missing {
		switch op {
		case Eq:
			return &Compare{Field: field.field, Op: Missing}, t.grow(1, n)
		case Ne:
			return &Compare{Field: field.field, Op: Has}, t.grow(1, n)
		}
	}
	switch {
	case o.takes == "number" && (c.missing || c.constant.Type != Num):
		return nil, t.errorf(n, "%s compares numbers, and %s is not a number", n.Operator, c)
	case o.takes == "text" && (c.missing || c.constant.Type != Text):
		return nil, t.errorf(n, "%s is for texts, and %s is not a text", n.Operator, c)
	}
	if op == Matches {
		if _, err := regexp.Compile(c.constant.Text); err != nil {
			return nil, t.errorf(n.Right, "%v", err)
		}
	}
	return &Compare{Field: field.field, Op: op, Const: c.constant}, t.grow(1, n)
}

func (t *translator) in(n *ast.BinaryNode) (Node, *Error) {
	field, err := t.operand(n.Left)
	if err != nil {
		return nil, err
	}
	if field.field == "" {
		return nil, t.errorf(n.Left, "write a field on the left of in: %s is not one", field)
	}
	if r, ok := n.Right.(*ast.BinaryNode); ok && r.Operator == ".." {
		return t.between(n, r, field.field)
	}
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return nil, t.errorf(n.Right, `in takes a list: in ["a", "b"]`)
	}
	if err := t.grow(len(list.Nodes), n); err != nil {
		return nil, err
	}
	nodes := make([]Node, len(list.Nodes))
	for i, element := range list.Nodes {
		c, err := t.operand(element)
		if err != nil {
			return nil, err
		}
		switch {
		case c.field != "":
			return nil, t.errorf(element, "%s is a field: a list has only constants (put a text in quotes)", c)
		case c.missing:
			nodes[i] = &Compare{Field: field.field, Op: Missing}
		default:
			nodes[i] = &Compare{Field: field.field, Op: Eq, Const: c.constant}
		}
	}
	return or(nodes...), nil
}

// An operand is one side of a comparison: a field, nil or a constant.
type operand struct {
	field    string // "" if it is not a field
	missing  bool   // nil
	constant Constant
}

func (o operand) String() string {
	switch {
	case o.field != "":
		return formatField(o.field)
	case o.missing:
		return "nil"
	}
	return o.constant.String()
}

func (t *translator) operand(n ast.Node) (operand, *Error) {
	switch n := n.(type) {
	case *ast.NilNode:
		return operand{missing: true}, nil
	case *ast.BoolNode:
		return operand{constant: Constant{Type: Bool, Bool: n.Value}}, nil
	case *ast.StringNode:
		return operand{constant: Constant{Text: n.Value}}, nil
	case *ast.BytesNode:
		return operand{constant: Constant{Text: string(n.Value)}}, nil
	case *ast.IntegerNode, *ast.FloatNode:
		return t.number(n, n, "")
	case *ast.UnaryNode:
		switch n.Node.(type) {
		case *ast.IntegerNode, *ast.FloatNode:
			if n.Operator == "-" || n.Operator == "+" {
				return t.number(n, n.Node, strings.TrimPrefix(n.Operator, "+"))
			}
		}
		if n.Operator == "!" || n.Operator == "not" {
			return operand{}, t.errorf(n, "%s applies before the comparison: write !(…) around all of it", n.Operator)
		}
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			return operand{}, t.errorf(n, `$env alone is not a field: write $env["name"]`)
		}
		if _, ok, _ := t.resolve(n.Value); ok {
			return operand{}, t.errorf(n, "%s is a define, which is true or false already (a field of that name is written $env[%q])", n.Value, n.Value)
		}
		return operand{field: n.Value}, nil
	case *ast.MemberNode:
		name, err := t.member(n)
		return operand{field: name}, err
	case *ast.CallNode:
		name, err := t.derived(n)
		return operand{field: name}, err
	}
	return operand{}, t.unsupported(n)
}

// derived gives the name of the field that a call is.
func (t *translator) derived(n *ast.CallNode) (string, *Error) {
	if t.derive == nil || !isDerived(n) {
		return "", t.errorf(n, "%s is for derive: name what it gives there, and use the name here", n.Callee)
	}
	text := n.String()
	var wrong *Error
	switch err := t.derive(text); {
	case errors.As(err, &wrong):
		return "", t.errorf(n, "%s", wrong.Message)
	case err != nil:
		return "", t.errorf(n, "%v", err)
	}
	return text, nil
}

// member gives the name of a field written as a.b, a["b"] or $env["b"].
func (t *translator) member(n *ast.MemberNode) (string, *Error) {
	var names []string
	var at ast.Node = n
	for {
		m, ok := at.(*ast.MemberNode)
		if !ok {
			break
		}
		property, ok := m.Property.(*ast.StringNode)
		if !ok || property.Value == "" {
			return "", t.errorf(m.Property, `write a part of the field's name in brackets: $env["name"]`)
		}
		names = append(names, property.Value)
		at = m.Node
	}
	root, ok := at.(*ast.IdentifierNode)
	if !ok {
		return "", t.unsupported(at)
	}
	if root.Value != "$env" {
		names = append(names, root.Value)
	}
	slices.Reverse(names)
	return strings.Join(names, "."), nil
}

// number gives a number's constant from its text, which has all its digits,
// where the literal is a plain decimal, and else from its value.
func (t *translator) number(at, literal ast.Node, sign string) (operand, *Error) {
	text := strings.ReplaceAll(token(t.src, literal.Location()), "_", "")
	num, ok := fixed.Parse([]byte(sign + text))
	if !ok {
		switch n := literal.(type) {
		case *ast.IntegerNode:
			text = strconv.Itoa(n.Value)
		case *ast.FloatNode:
			text = strconv.FormatFloat(n.Value, 'f', -1, 64)
		}
		num, ok = fixed.Parse([]byte(sign + text))
	}
	if !ok {
		return operand{}, t.errorf(at, "a number is up to 9223372036854775807, positive or negative")
	}
	return operand{constant: Constant{Type: Num, Num: num}}, nil
}

// unsupported is the error for what expr has and a condition has not.
func (t *translator) unsupported(n ast.Node) *Error {
	const joined = `a field whose name has a %s is written $env["a%sb"]; in arithmetic, blanks stand around the %s, and it is compared with something`
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "-", "/":
			return t.errorf(n, joined, n.Operator, n.Operator, n.Operator)
		case "&&", "||", "and", "or", "==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches":
			return t.errorf(n, "a comparison cannot be compared: put parentheses around one of the two")
		case "+", "*", "%", "^", "**":
			return t.errorf(n, "a number is not a condition: compare it with something")
		}
		return t.errorf(n, "%s is not for conditions", n.Operator)
	case *ast.UnaryNode:
		return t.errorf(n, "%s is allowed only before a number", n.Operator)
	case *ast.ChainNode:
		return t.errorf(n, "?. is not needed: a comparison with a missing field is false, write .")
	case *ast.ArrayNode:
		return t.errorf(n, "a list is allowed only on the right of in")
	}
	return t.errorf(n, "%s is not for conditions", t.text(n))
}

// text is the source of a node of one token, else its canonical text.
func (t *translator) text(n ast.Node) string {
	if s := token(t.src, n.Location()); s != "" {
		return s
	}
	return n.String()
}
