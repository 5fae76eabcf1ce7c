package program

import (
	"bytes"
	"fmt"
	"iter"
	"math/bits"
	"regexp"
	"slices"

	"pulse/stats/condition"
	"pulse/stats/line"
)

// Which stats a line meets is found in two steps. What its coded fields (those
// of conditions, as small numbers) decide is found by an index, or remembered
// from the last line with the same codes (memo.go). What is left are tests of
// the text of a field, which are made on each line.

// A cond is a condition made ready.
type cond struct {
	kind  condKind
	nodes []*cond // of condAnd, condOr; of condNot one
	atom  atom    // of condCoded, condTest
	test  func(*line.Event) bool
	expr  *expression // of condExpr

	schema *line.Schema // of condDerived
	needs  []line.Slot  // of condDerived: lines' own fields without which the derived one is missing
}

type condKind uint8

const (
	condAnd condKind = iota
	condOr
	condNot
	condCoded // the ID of a field decides it
	condTest  // false if the field is missing, otherwise to be tested on the line
	condExpr  // run on the line by expr's machine

	condDerived // the value of a derived field decides it, by its ID or by the test
)

// An atom is a comparison of one field.
type atom struct {
	slot line.Slot
	op   condition.Op
	id   line.ID // of the constant
	typ  condition.Type

	typed  bool // a value of another type is a mistake
	either bool // the constant is a text that is a number: it compares with both
}

// compares reports whether a value of the type can be compared with the constant.
func (a *atom) compares(t condition.Type) bool {
	return t == a.typ || a.either && t != condition.Bool
}

func (p *Program) compileCond(n condition.Node) (*cond, error) {
	switch n := n.(type) {
	case nil:
		return &cond{kind: condAnd}, nil
	case *condition.And:
		nodes, err := p.compileConds(n.Nodes)
		return &cond{kind: condAnd, nodes: nodes}, err
	case *condition.Or:
		nodes, err := p.compileConds(n.Nodes)
		return &cond{kind: condOr, nodes: nodes}, err
	case *condition.Not:
		c, err := p.compileCond(n.Node)
		return &cond{kind: condNot, nodes: []*cond{c}}, err
	case *condition.Compare:
		return p.compileCompare(n)
	case *condition.Expr:
		e, err := newExpression(n, p.schema, p.derived)
		return &cond{kind: condExpr, expr: e}, err
	}
	return nil, fmt.Errorf("unknown condition %T", n)
}

func (p *Program) compileConds(nodes []condition.Node) ([]*cond, error) {
	conds := make([]*cond, len(nodes))
	for i, n := range nodes {
		var err error
		if conds[i], err = p.compileCond(n); err != nil {
			return nil, err
		}
	}
	return conds, nil
}

func (p *Program) compileCompare(n *condition.Compare) (*cond, error) {
	ordered := n.Op >= condition.Lt && n.Op <= condition.Ge
	if ordered && n.Const.Type != condition.Num || n.Op > condition.Ge && n.Const.Type != condition.Text {
		return nil, fmt.Errorf("field %s: comparison %d does not go with a constant of type %d", n.Field, n.Op, n.Const.Type)
	}
	c := &cond{kind: condTest, atom: atom{slot: p.schema.Slot(n.Field), op: n.Op, typ: n.Const.Type}}
	c.atom.typed = n.Op > condition.Eq || n.Op == condition.Eq && !honest(n.Const)
	switch n.Op {
	case condition.Has, condition.Missing:
		c.kind = condCoded
	case condition.Eq, condition.Ne, condition.Lt, condition.Le, condition.Gt, condition.Ge:
		c.kind = condCoded
		c.atom.id = p.schema.Constant(c.atom.slot, n.Const)
		c.atom.either = n.Const.Type == condition.Text && p.schema.Type(c.atom.slot, c.atom.id) == condition.Num
		if c.atom.either && n.Op == condition.Eq {
			c.atom.typed = false
		}
	default:
		var err error
		if c.test, err = compileTest(n, c.atom.slot); err != nil {
			return nil, err
		}
	}
	if p.derived.Has(c.atom.slot) {
		c.kind, c.schema, c.needs = condDerived, p.schema, p.derived.Needs(c.atom.slot)
	}
	return c, nil
}

// isCoded reports whether the field's ID decides a comparison.
func isCoded(n *condition.Compare) bool { return n.Op <= condition.Ge }

// compileTest makes the test of the text of a field that the line has.
func compileTest(n *condition.Compare, slot line.Slot) (func(*line.Event) bool, error) {
	text := []byte(n.Const.Text)
	isText := func(ev *line.Event) bool { return ev.IsText(slot) }
	switch n.Op {
	case condition.Contains:
		return func(ev *line.Event) bool { return bytes.Contains(ev.Bytes(slot), text) && isText(ev) }, nil
	case condition.StartsWith:
		return func(ev *line.Event) bool { return bytes.HasPrefix(ev.Bytes(slot), text) && isText(ev) }, nil
	case condition.EndsWith:
		return func(ev *line.Event) bool { return bytes.HasSuffix(ev.Bytes(slot), text) && isText(ev) }, nil
	case condition.Matches:
		re, err := regexp.Compile(n.Const.Text)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", n.Field, err)
		}
		return func(ev *line.Event) bool { return re.Match(ev.Bytes(slot)) && isText(ev) }, nil
	}
	return nil, fmt.Errorf("field %s: unknown comparison %d", n.Field, n.Op)
}

// holds decides a coded atom by the field's ID.
func (a *atom) holds(s *line.Schema, id line.ID) bool {
	switch a.op {
	case condition.Has:
		return id != line.Absent
	case condition.Missing:
		return id == line.Absent
	case condition.Eq:
		return id == a.id
	}
	if id == line.Absent || !a.compares(s.Type(a.slot, id)) {
		return false
	}
	switch a.op { // IDs of numbers ascend with them
	case condition.Lt:
		return id < a.id
	case condition.Le:
		return id <= a.id
	case condition.Gt:
		return id > a.id
	case condition.Ge:
		return id >= a.id
	}
	return id != a.id // Ne
}

// IDs is the ID of every field of a line; those that are missing are Absent.
type ids [line.MaxFields]line.ID

func (x *ids) set(codes []line.Code) {
	for _, c := range codes {
		x[c.Slot()] = c.ID()
	}
}

func (x *ids) unset(codes []line.Code) {
	for _, c := range codes {
		x[c.Slot()] = line.Absent
	}
}

// match evaluates the condition for a line and its IDs.
func (c *cond) match(s *line.Schema, x *ids, ev *line.Event) bool {
	switch c.kind {
	case condAnd:
		for _, n := range c.nodes {
			if !n.match(s, x, ev) {
				return false
			}
		}
		return true
	case condOr:
		for _, n := range c.nodes {
			if n.match(s, x, ev) {
				return true
			}
		}
		return false
	case condNot:
		return !c.nodes[0].match(s, x, ev)
	case condCoded:
		return c.atom.holds(s, x[c.atom.slot])
	case condExpr:
		return c.expr.verdict(ev).met()
	case condDerived:
		return c.derivedVerdict(ev).met()
	}
	return x[c.atom.slot] != line.Absent && c.test(ev)
}

// always, never, mistyped and notMistyped are conditions that are decided, each with
// the verdict of its name. They are told apart as pointers.
var (
	always      = &cond{kind: condAnd}
	never       = &cond{kind: condOr}
	mistyped    = &cond{kind: condOr}
	notMistyped = &cond{kind: condAnd}
)

// decide gives what is left of a condition when the IDs are known: one of those that
// are decided, or a condition of tests, mistyped and notMistyped.
func (c *cond) decide(s *line.Schema, x *ids) *cond {
	switch c.kind {
	case condAnd:
		return decideAll(c, s, x, always, never)
	case condOr:
		return decideAll(c, s, x, never, always)
	case condNot:
		switch n := c.nodes[0].decide(s, x); n {
		case always:
			return never
		case never:
			return always
		case mistyped:
			return notMistyped
		case notMistyped:
			return mistyped
		default:
			return &cond{kind: condNot, nodes: []*cond{n}}
		}
	case condCoded:
		switch c.atom.verdict(s, x[c.atom.slot]) {
		case holds:
			return always
		case isMistyped:
			return mistyped
		}
		return never
	case condExpr:
		if c.expr.lacks(x) {
			return never
		}
		return c
	case condDerived:
		if !lacks(c.needs, x) {
			return c
		}
		if c.test == nil && c.atom.holds(s, line.Absent) {
			return always
		}
		return never
	}
	if x[c.atom.slot] == line.Absent {
		return never
	}
	return c
}

// decideAll decides an And (empty: always, ended by never) or an Or (the other
// way round).
func decideAll(c *cond, s *line.Schema, x *ids, empty, end *cond) *cond {
	var left []*cond
	typed := empty // mistyped or notMistyped: of both an And is the one, an Or the other
	for _, n := range c.nodes {
		switch n = n.decide(s, x); n {
		case end:
			return end
		case empty:
		case mistyped, notMistyped:
			if typed == empty || (n == mistyped) == (c.kind == condAnd) {
				typed = n
			}
		default:
			left = append(left, n)
		}
	}
	if typed != empty {
		left = append(left, typed)
	}
	switch len(left) {
	case 0:
		return empty
	case 1:
		return left[0]
	}
	return &cond{kind: c.kind, nodes: left}
}

// size counts the nodes.
func (c *cond) size() int {
	n := 1
	for _, c := range c.nodes {
		n += c.size()
	}
	return n
}

// An index gives the stats that a line may meet by its codes. Each stat has a
// guard: codes of which a line that meets it has at least one. So a stat costs
// nothing on a line with none of them. Unlike a disjunctive normal form, guards
// are never larger than the condition.
type index struct {
	unguarded []uint64 // stats that any line may meet, as a set of bits
	first     []int32  // where a field's effects begin
	effects   []effect // of the values of fields, by their IDs
	lists     [][]int32
}

// An effect is what a value of a field does to its line.
type effect struct {
	key   int32 // which field the line has, as codedField numbers them
	stats int32 // of lists: the stats that a line may meet with it
}

// noStats is the first of an index's lists.
const noStats = 0

// A guard is one code: a field and a value, or Absent for any value.
type guard struct {
	slot line.Slot
	id   line.ID
}

// presentWeight makes a field's presence a worse guard than a value of it.
const presentWeight = 1 << 20

func newIndex(s *line.Schema, conds []*cond, fields []codedField) index {
	// A value that few stats ask for is a better guard than one of many.
	weights := make(weights)
	for _, c := range conds {
		c.weigh(s, weights)
	}
	x := index{unguarded: make([]uint64, (len(conds)+63)/64), lists: [][]int32{noStats: nil}}
	guarded := make(map[guard][]int32)
	for stat, c := range conds {
		if c == nil {
			continue
		}
		guards, ok := c.guards(s, weights, false)
		if !ok {
			x.unguarded[stat/64] |= 1 << (stat % 64)
			continue
		}
		for _, g := range guards {
			if known := guarded[g]; len(known) == 0 || known[len(known)-1] != int32(stat) {
				guarded[g] = append(known, int32(stat))
			}
		}
	}
	list := func(stats []int32) int32 {
		if len(stats) == 0 {
			return noStats
		}
		x.lists = append(x.lists, stats)
		return int32(len(x.lists) - 1)
	}
	for slot := range line.Slot(len(fields)) { // what the schema has more are texts that formats take apart, with no codes
		x.first = append(x.first, int32(len(x.effects)))
		present := guarded[guard{slot, line.Absent}]
		whatever := list(present)
		for id := range line.ID(s.IDs(slot)) {
			e := effect{fields[slot].key(id), whatever}
			if id != line.Absent && len(guarded[guard{slot, id}]) > 0 {
				e.stats = list(slices.Concat(present, guarded[guard{slot, id}]))
			}
			x.effects = append(x.effects, e)
		}
	}
	return x
}

// effect gives that of a code.
func (x *index) effect(c line.Code) effect {
	return x.effects[int(x.first[c.Slot()])+int(c.ID())]
}

// weights say how many conditions ask for a code.
type weights map[guard]int

// present counts a condition that asks whether a field is there.
func (w weights) present(slot line.Slot) {
	g := guard{slot, line.Absent}
	w[g] = max(w[g], presentWeight) + 1
}

func (c *cond) weigh(s *line.Schema, weights weights) {
	if c == nil {
		return
	}
	for _, n := range c.nodes {
		n.weigh(s, weights)
	}
	switch {
	case c.kind == condCoded && c.atom.op == condition.Eq:
		for _, g := range c.atom.equals(s) {
			weights[g]++
		}
	case c.kind == condCoded || c.kind == condTest:
		weights.present(c.atom.slot)
	case c.kind == condExpr:
		for _, slot := range c.expr.needs {
			weights.present(slot)
		}
	case c.kind == condDerived:
		for _, slot := range c.needs {
			weights.present(slot)
		}
	}
}

// equals gives the codes of the values that an equality asks for: the constant,
// and where they are a mistake those of other types.
func (a *atom) equals(s *line.Schema) []guard {
	guards := []guard{{a.slot, a.id}}
	if a.typed {
		for id := line.Absent + 1; int(id) < s.IDs(a.slot); id++ {
			if a.mistakes(s.Type(a.slot, id)) {
				guards = append(guards, guard{a.slot, id})
			}
		}
	}
	return guards
}

// guards gives codes of which a line that meets c (that does not, if not) has
// at least one; it is not ok if there are none such.
func (c *cond) guards(s *line.Schema, weights weights, not bool) (guards []guard, ok bool) {
	switch c.kind {
	case condNot:
		return c.nodes[0].guards(s, weights, !not)
	case condAnd, condOr:
		if (c.kind == condAnd) == not {
			return c.anyGuards(s, weights, not)
		}
		return c.bestGuards(s, weights, not)
	case condCoded:
		switch {
		case c.atom.op == condition.Eq && !not:
			return c.atom.equals(s), true
		case c.atom.op == condition.Missing && not, c.atom.op != condition.Missing && !not:
			return []guard{{c.atom.slot, line.Absent}}, true
		}
		return nil, false
	case condDerived:
		if len(c.needs) == 0 || not != (c.test == nil && c.atom.op == condition.Missing) {
			return nil, false
		}
		return []guard{{c.needs[0], line.Absent}}, true
	}
	switch {
	case not, c.kind == condExpr && len(c.expr.needs) == 0:
		return nil, false
	case c.kind == condExpr:
		return []guard{{c.expr.needs[0], line.Absent}}, true
	}
	return []guard{{c.atom.slot, line.Absent}}, true
}

// anyGuards gives the guards of a line that meets one of the nodes.
func (c *cond) anyGuards(s *line.Schema, weights weights, not bool) (all []guard, ok bool) {
	for _, n := range c.nodes {
		guards, ok := n.guards(s, weights, not)
		if !ok {
			return nil, false
		}
		all = append(all, guards...)
	}
	return all, true
}

// bestGuards gives the best guards of a line that meets all of the nodes.
func (c *cond) bestGuards(s *line.Schema, weights weights, not bool) (best []guard, ok bool) {
	least := 0
	for _, n := range c.nodes {
		guards, found := n.guards(s, weights, not)
		if !found {
			continue
		}
		weight := 0
		for _, g := range guards {
			weight += weights[g]
		}
		if !ok || weight < least {
			best, least, ok = guards, weight, true
		}
	}
	return best, ok
}

// candidates sets in met, which is as long as unguarded, the stats that a line with the codes
// may meet.
func (x *index) candidates(met []uint64, codes []line.Code) {
	copy(met, x.unguarded)
	for _, c := range codes {
		x.meet(met, x.effect(c))
	}
}

// meet sets the stats of an effect.
func (x *index) meet(met []uint64, e effect) {
	for _, stat := range x.lists[e.stats] {
		met[stat/64] |= 1 << (stat % 64)
	}
}

// members gives those of a set of bits, ascending.
func members(set []uint64) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for w, word := range set {
			for ; word != 0; word &= word - 1 {
				if !yield(int32(w*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}
