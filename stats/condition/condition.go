// Package condition has the conditions that decide which lines a stat counts.
// They are written in the syntax of github.com/expr-lang/expr and kept as a
// tree of And, Or and Not over comparisons of one field with one constant, so
// that a program can index them instead of running them one by one. What is more
// than that is run by expr's machine.
package condition

import "pulse/stats/fixed"

// An Op compares a field with a constant. A comparison with a field that is
// missing, or whose value is of another type than the constant, is false;
// Missing alone is true for a missing field.
type Op uint8

const (
	Has        Op = iota // field != nil
	Missing              // field == nil
	Eq                   // field == constant
	Ne                   // field != constant; false if missing or of another type
	Lt                   // numbers only
	Le                   //
	Gt                   //
	Ge                   //
	Contains             // text only: field contains "x"
	StartsWith           //
	EndsWith             //
	Matches              // text only: a regular expression of package regexp, which compiles
)

// A Type is the type of a field's value and of a constant.
type Type uint8

const (
	Text Type = iota
	Num
	Bool
)

// A Constant is what a field is compared with.
type Constant struct {
	Type Type
	Text string       // Type == Text
	Num  fixed.Number // Type == Num
	Bool bool         // Type == Bool
}

// A Node is a condition: one of *And, *Or, *Not, *Compare, *Expr. A nil Node is true.
// Nodes are never changed once made: conditions share those of their defines.
//
// Parse gives simple trees: there is no And in an And, no Or in an Or, no Not
// of a Not, of Has or of Missing, and no And or Or of one node. Constants do
// not occur within: a condition is always true only as an empty And, and never
// true only as an empty Or.
type Node interface {
	String() string // the canonical text, as Format gives it
	node()
}

// And is true if all its nodes are. Or is true if one is. Not is true if its
// node is false.
type (
	And struct{ Nodes []Node }
	Or  struct{ Nodes []Node }
	Not struct{ Node Node }
)

// Compare compares one field with one constant (not used by Has and Missing).
type Compare struct {
	Field string
	Op    Op
	Const Constant
}

func (*And) node()     {}
func (*Or) node()      {}
func (*Not) node()     {}
func (*Compare) node() {}
