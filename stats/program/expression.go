package program

import (
	"sync"

	"pulse/stats/condition"
	"pulse/stats/derive"
	"pulse/stats/line"
)

// An expression is an Expr made ready. Conditions of functions, arithmetic or several
// fields cost about a microsecond and a few allocations for each line that they are
// asked of, where comparisons with constants cost nanoseconds and none.
type expression struct {
	machine *condition.Machine
	names   []string
	slots   []line.Slot // of names
	derived []bool      // which of them are
	needs   []line.Slot // lines' own fields without which it does not hold
	all     bool        // it needs all of slots
	free    sync.Pool   // of map[string]any, by names
}

func newExpression(n *condition.Expr, s *line.Schema, d *derive.Program) (*expression, error) {
	machine, err := condition.NewMachine(n)
	if err != nil {
		return nil, err
	}
	r := &expression{machine: machine, names: n.Fields}
	r.free.New = func() any { return make(map[string]any, len(r.names)) }
	for _, name := range n.Fields {
		r.slots = append(r.slots, s.Slot(name))
	}
	r.all = !n.Missing
	for _, slot := range r.slots {
		r.derived = append(r.derived, d.Has(slot))
		if r.all {
			r.needs = append(r.needs, d.Needs(slot)...)
		}
	}
	return r, nil
}

// lacks reports whether a line of these IDs lacks a field that it needs.
func (r *expression) lacks(x *ids) bool { return lacks(r.needs, x) }

// lacks reports whether a line of these IDs lacks one of the fields.
func lacks(fields []line.Slot, x *ids) bool {
	for _, slot := range fields {
		if x[slot] == line.Absent {
			return true
		}
	}
	return false
}

// verdict is what becomes of it on a line.
func (r *expression) verdict(ev *line.Event) verdict {
	for _, slot := range r.needs {
		if !ev.Has(slot) {
			return fails
		}
	}
	fields := r.free.Get().(map[string]any)
	defer r.free.Put(fields)
	clear(fields)
	for i, slot := range r.slots {
		if r.derived[i] {
			ev.Derived(slot)
		}
		if c, ok := ev.Constant(slot); ok {
			fields[r.names[i]] = c.Value()
		} else if r.all {
			return fails
		}
	}
	switch ok, err := r.machine.Run(fields); {
	case err != nil && !condition.IsMissing(err):
		return isMistyped
	case ok:
		return holds
	}
	return fails
}
