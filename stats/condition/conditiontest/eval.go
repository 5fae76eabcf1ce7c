// Package conditiontest evaluates conditions the slow and plain way, for tests
// of what evaluates them fast.
package conditiontest

import (
	"regexp"
	"strings"

	"pulse/stats/condition"
	"pulse/stats/fixed"
)

// Eval reports whether a condition holds for a line whose fields lookup gives,
// false for a missing one.
func Eval(n condition.Node, lookup func(field string) (condition.Constant, bool)) bool {
	switch n := n.(type) {
	case nil:
		return true
	case *condition.And:
		for _, c := range n.Nodes {
			if !Eval(c, lookup) {
				return false
			}
		}
		return true
	case *condition.Or:
		for _, c := range n.Nodes {
			if Eval(c, lookup) {
				return true
			}
		}
		return false
	case *condition.Not:
		return !Eval(n.Node, lookup)
	case *condition.Expr:
		fields := map[string]any{}
		for _, name := range n.Fields {
			if value, ok := lookup(name); ok {
				fields[name] = value.Value()
			} else if !n.Missing {
				return false
			}
		}
		machine, err := condition.NewMachine(n)
		if err != nil {
			panic(err)
		}
		holds, err := machine.Run(fields)
		return err == nil && holds
	case *condition.Compare:
		value, ok := lookup(n.Field)
		switch {
		case n.Op == condition.Has:
			return ok
		case n.Op == condition.Missing:
			return !ok
		case !ok || !Comparable(n, value):
			return false
		case value.Type != n.Const.Type:
			return compare(n.Op, condition.Constant{Type: condition.Text, Text: value.Num.String()}, n.Const)
		}
		return compare(n.Op, value, n.Const)
	}
	panic("conditiontest: unknown node")
}

// Comparable reports whether a comparison is with a value of its type: that of its
// constant, or, of == and != with a text that is a number, a number.
func Comparable(n *condition.Compare, value condition.Constant) bool {
	if value.Type == n.Const.Type {
		return true
	}
	number, ok := fixed.Parse([]byte(n.Const.Text))
	return ok && number.String() == n.Const.Text && value.Type == condition.Num && (n.Op == condition.Eq || n.Op == condition.Ne)
}

// compare compares two values of one type.
func compare(op condition.Op, v, c condition.Constant) bool {
	switch op {
	case condition.Eq:
		return v == c
	case condition.Ne:
		return v != c
	}
	switch v.Type {
	case condition.Num:
		order := v.Num.Cmp(c.Num)
		switch op {
		case condition.Lt:
			return order < 0
		case condition.Le:
			return order <= 0
		case condition.Gt:
			return order > 0
		case condition.Ge:
			return order >= 0
		}
	case condition.Text:
		switch op {
		case condition.Contains:
			return strings.Contains(v.Text, c.Text)
		case condition.StartsWith:
			return strings.HasPrefix(v.Text, c.Text)
		case condition.EndsWith:
			return strings.HasSuffix(v.Text, c.Text)
		case condition.Matches:
			return regexp.MustCompile(c.Text).MatchString(v.Text)
		}
	}
	return false
}
