package program

import (
	"fmt"
	"strings"

	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/line"
)

// An Explainer says of single lines which stats count them, and why others do not. It
// is for one goroutine, and not fast.
type Explainer struct {
	program *Program
	scanner *line.Scanner
	event   line.Event
	buffer  []byte
	ids     ids
	codes   []line.Code
	parts   map[condition.Node]*cond // made ready when they were asked for
}

// NewExplainer makes an Explainer of lines that were read at a time, in Unix seconds.
func (p *Program) NewExplainer(near int64) *Explainer {
	x := &Explainer{program: p, scanner: p.schema.NewScanner(), parts: make(map[condition.Node]*cond)}
	x.scanner.NearRecorded(near)
	p.deriveFor(&x.event)
	return x
}

// Parse takes a line of an origin, which all that follows is about.
func (x *Explainer) Parse(from line.Origin, text []byte) {
	x.buffer = append(append(x.buffer[:0], text...), make([]byte, line.Padding)...)
	x.scanner.From(from)
	x.scanner.Parse(&x.event, x.buffer, 0, len(text))
	x.ids.unset(x.codes)
	x.codes = x.event.AppendCodes(x.codes[:0])
	x.ids.set(x.codes)
}

// text is the line.
func (x *Explainer) text() []byte { return x.buffer[:len(x.buffer)-line.Padding] }

// Field gives the value of a field that a stat or a condition names.
func (x *Explainer) Field(name string) (condition.Constant, bool) {
	slot := x.program.schema.Slot(name)
	if slot == line.None {
		return condition.Constant{}, false
	}
	if x.program.derived.Has(slot) {
		x.event.Derived(slot)
	}
	return x.event.Constant(slot)
}

// Stats gives the names of the file's stats that count the line.
func (x *Explainer) Stats() (names []string) {
	for i, s := range x.program.stats {
		c := x.program.conds[i]
		if s.Inlog() && x.program.hasMetric(i, x.text()) {
			names = append(names, s.Name)
		}
		if s.Subject == stats.SubjectLines && !s.OfStats() && !strings.HasPrefix(s.Name, "pulse.") && c.match(x.program.schema, &x.ids, &x.event) && x.measures(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

// measures reports whether a stat's field is of the type that its kind takes.
func (x *Explainer) measures(s *stats.Stat) bool {
	if s.Field == "" || s.Kind == "unique" {
		return true
	}
	v, ok := x.Field(s.Field)
	return ok && v.Type == condition.Num
}

// Why says why a stat does not count the line; "": it does. It fails if the file has no
// such stat.
func (x *Explainer) Why(stat string) (string, error) {
	for i, s := range x.program.stats {
		if s.Name != stat {
			continue
		}
		switch {
		case s.Inlog() && x.program.hasMetric(i, x.text()):
			return "", nil
		case s.Inlog():
			return "the line has no " + strings.TrimPrefix(s.Name, "logs.") + "#name=number", nil
		case s.Subject != stats.SubjectLines:
			return "", fmt.Errorf("stat %s counts all lines, so no single lines explain it: choose another stat", stat)
		case s.OfStats():
			return "", fmt.Errorf("stat %s is made of the values of %s: ask about one of them", stat, strings.Join(s.Of, ", "))
		}
		if why := x.why(s.Cond); why != "" {
			return why, nil
		}
		for _, field := range append([]string{s.Field}, s.GroupBy...) {
			if _, ok := x.Field(field); field != "" && !ok {
				return field + " is missing", nil
			}
		}
		if !x.measures(s) {
			return x.say(s.Field) + ", which is not a number", nil
		}
		return "", nil
	}
	return "", fmt.Errorf("there is no stat %.80q", stat)
}

// holds reports whether a part of a condition holds.
func (x *Explainer) holds(n condition.Node) bool {
	c := x.parts[n]
	if c == nil {
		var err error
		if c, err = x.program.compileCond(n); err != nil {
			panic(err) // it is a part of what was compiled
		}
		x.parts[n] = c
	}
	return c.match(x.program.schema, &x.ids, &x.event)
}

// why says which part of a condition does not hold, "" if all does.
func (x *Explainer) why(n condition.Node) string {
	if n == nil || x.holds(n) {
		return ""
	}
	switch n := n.(type) {
	case *condition.And:
		for _, part := range n.Nodes {
			if !x.holds(part) {
				return x.why(part)
			}
		}
	case *condition.Or:
		if len(n.Nodes) == 0 {
			return "the condition never holds"
		}
		var all []string
		for _, part := range n.Nodes {
			all = append(all, x.why(part))
		}
		return strings.Join(all, "; and ")
	}
	var values []string
	for _, field := range condition.Fields(n) {
		values = append(values, x.say(field))
	}
	return fmt.Sprintf("not %s: %s", condition.Format(n), strings.Join(values, ", "))
}

// say says what a field is.
func (x *Explainer) say(field string) string {
	v, ok := x.Field(field)
	if !ok {
		return field + " is missing"
	}
	return field + " is " + v.String()
}
