package program

import (
	"pulse/stats/condition"
	"pulse/stats/fixed"
	"pulse/stats/line"
)

// A comparison with a value of another type does not hold. Mostly that is a
// mistake in the definitions, so the lines for which it decides are counted by
// stat. But where the lines of several programs meet, == of a number and a text is an
// honest no: status == 500 of status=active, and code == "H10" of code=200. What is
// counted for == is a text that reads as a number or a boolean without being one, and
// a boolean with anything else but such a text.
//
// Which lines these are does not depend on the order in which a condition is
// evaluated: such a comparison has a verdict between the others, and And, Or and
// Not treat it as Kleene's logic does the unknown, but that Not of it holds.

// A verdict is what becomes of a condition on a line; And takes the least of
// its nodes', Or the greatest, and Not what is as far from the other end.
type verdict uint8

const (
	fails verdict = iota
	isMistyped
	isNotMistyped // which holds
	holds
)

func (v verdict) met() bool { return v >= isNotMistyped }

// verdict is what becomes of a comparison that the field's ID decides.
func (a *atom) verdict(s *line.Schema, id line.ID) verdict {
	switch {
	case a.holds(s, id):
		return holds
	case a.typed && id != line.Absent && a.mistakes(s.Type(a.slot, id)):
		return isMistyped
	}
	return fails
}

// mistakes reports whether a typed comparison with a value of a type is a mistake.
func (a *atom) mistakes(t condition.Type) bool {
	return !a.compares(t) && !(a.op == condition.Eq && a.typ == condition.Num && t == condition.Text)
}

// verdict is what becomes of what decide left.
func (c *cond) verdict(ev *line.Event) verdict {
	switch c.kind {
	case condAnd:
		if c == notMistyped {
			return isNotMistyped
		}
		least := holds
		for _, n := range c.nodes {
			if least = min(least, n.verdict(ev)); least == fails {
				break
			}
		}
		return least
	case condOr:
		if c == mistyped {
			return isMistyped
		}
		greatest := fails
		for _, n := range c.nodes {
			if greatest = max(greatest, n.verdict(ev)); greatest == holds {
				break
			}
		}
		return greatest
	case condNot:
		return holds - c.nodes[0].verdict(ev)
	case condExpr:
		return c.expr.verdict(ev)
	case condDerived:
		return c.derivedVerdict(ev)
	}
	switch {
	case c.test(ev):
		return holds
	case !ev.IsText(c.atom.slot):
		return isMistyped
	}
	return fails
}

// derivedVerdict derives the field, if nothing asked for it before, and decides. What does
// not hold since the expression met a value of another type than it takes is a mistake too.
func (c *cond) derivedVerdict(ev *line.Event) verdict {
	has := ev.Derived(c.atom.slot)
	v := fails
	switch {
	case c.test == nil:
		v = c.atom.verdict(c.schema, ev.ID(c.atom.slot))
	case has && c.test(ev):
		return holds
	case has && !ev.IsText(c.atom.slot):
		return isMistyped
	}
	if v == fails && !has && ev.Mistyped(c.atom.slot) {
		return isMistyped
	}
	return v
}

// typed reports whether a comparison of c may meet a value of another type.
func (c *cond) typed() bool {
	if c == nil {
		return false
	}
	for _, n := range c.nodes {
		if n.typed() {
			return true
		}
	}
	return c.kind == condTest || c.kind == condExpr || c.kind == condDerived || c.kind == condCoded && c.atom.typed
}

// honest reports whether a value of another type than the constant just differs
// from it.
func honest(c condition.Constant) bool {
	if c.Type != condition.Text {
		return false
	}
	_, number := fixed.Parse([]byte(c.Text))
	return !number && c.Text != "true" && c.Text != "false"
}
