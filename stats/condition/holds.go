package condition

import (
	"regexp"
	"strings"

	"pulse/stats/fixed"
)

// Holds reports whether a condition holds for texts by name, such as those that an input
// says of its lines. A text is a number if all of it is one. It is for conditions that
// are asked once in a while.
func Holds(n Node, texts map[string]string) bool {
	switch n := n.(type) {
	case *And:
		for _, n := range n.Nodes {
			if !Holds(n, texts) {
				return false
			}
		}
		return true
	case *Or:
		for _, n := range n.Nodes {
			if Holds(n, texts) {
				return true
			}
		}
		return false
	case *Not:
		return !Holds(n.Node, texts)
	case *Expr:
		return n.holds(texts)
	case *Compare:
		return n.holds(texts)
	}
	return true
}

func (e *Expr) holds(texts map[string]string) bool {
	values := make(map[string]any, len(e.Fields))
	for _, name := range e.Fields {
		text, ok := texts[name]
		if !ok && !e.Missing {
			return false
		}
		if ok {
			values[name] = typed(text).Value()
		}
	}
	machine, err := NewMachine(e)
	if err != nil {
		return false
	}
	holds, err := machine.Run(values)
	return err == nil && holds
}

func typed(text string) Constant {
	if n, ok := fixed.Parse([]byte(text)); ok {
		return Constant{Type: Num, Num: n}
	}
	return Constant{Text: text}
}

func (c *Compare) holds(texts map[string]string) bool {
	text, ok := texts[c.Field]
	switch {
	case c.Op == Has || c.Op == Missing:
		return ok == (c.Op == Has)
	case !ok:
		return false
	case c.Op == Contains:
		return strings.Contains(text, c.Const.Text)
	case c.Op == StartsWith:
		return strings.HasPrefix(text, c.Const.Text)
	case c.Op == EndsWith:
		return strings.HasSuffix(text, c.Const.Text)
	case c.Op == Matches:
		matches, err := regexp.MatchString(c.Const.Text, text)
		return err == nil && matches
	}
	value, constant := typed(text), c.Const
	if constant.Type == Text {
		constant = typed(constant.Text)
	}
	if value.Type != constant.Type {
		return false
	}
	order := value.Num.Cmp(constant.Num)
	if value.Type == Text {
		order = strings.Compare(value.Text, constant.Text)
	}
	switch c.Op {
	case Eq:
		return order == 0
	case Ne:
		return order != 0
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	case Gt:
		return order > 0
	}
	return order >= 0
}
