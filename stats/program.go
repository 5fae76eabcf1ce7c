package stats

import (
	"fmt"

	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/line"
)

// A Program is Definitions made ready for folding lines and for merging what
// they fold to. It does not change and may be shared. Stats have the numbers
// of Definitions.All.
type Program struct {
	stats    []*Stat
	kinds    []aggregate.Kind
	lateness int64
	schema   *line.Schema

	conds   []*cond // what a line must meet for each stat; nil: it never does
	counted []bool  // stats that only count the lines that meet them
	index   index
}

// Compile makes a Program of definitions. It fails if they name more fields or
// constants than a line.Schema can have, or a condition has an expression that
// is none.
func Compile(d *Definitions) (*Program, error) {
	p := &Program{stats: d.All(), lateness: d.Lateness}
	wanted := newWanted()
	for _, s := range p.stats {
		if s.Field != "" {
			wanted.field(s.Field)
		}
		wanted.constants(s.Cond)
	}
	var err error
	if p.schema, err = line.NewSchema(wanted.fields...); err != nil {
		return nil, err
	}
	for _, s := range p.stats {
		kind, err := newKind(s, p.schema.Slot(s.Field))
		if err != nil {
			return nil, err
		}
		_, counts := kind.NewPartial().(aggregate.Counter)
		cond, err := p.compileStat(s)
		if err != nil {
			return nil, fmt.Errorf("stat %s: %w", s.Name, err)
		}
		p.kinds = append(p.kinds, kind)
		p.counted = append(p.counted, counts)
		p.conds = append(p.conds, cond)
	}
	p.index = newIndex(p.schema, p.conds)
	return p, nil
}

// compileStat gives what a line must meet to be folded into the stat: its
// condition, and that it has the field that is aggregated.
func (p *Program) compileStat(s *Stat) (*cond, error) {
	if s.Kind == LinesKind {
		return nil, nil
	}
	c, err := p.compileCond(s.Cond)
	if err != nil || s.Field == "" {
		return c, err
	}
	has := &cond{kind: condCoded, atom: atom{slot: p.schema.Slot(s.Field), op: condition.Has}}
	return &cond{kind: condAnd, nodes: []*cond{has, c}}, nil
}

// wanted gathers the fields of a Schema.
type wanted struct {
	fields []line.Field
	index  map[string]int
	known  map[wantedConstant]bool
}

type wantedConstant struct {
	field    string
	constant condition.Constant
}

func newWanted() *wanted {
	return &wanted{index: make(map[string]int), known: make(map[wantedConstant]bool)}
}

// field wants a field, so that conditions can tell whether it is there.
func (w *wanted) field(name string) *line.Field {
	i, ok := w.index[name]
	if !ok {
		i = len(w.fields)
		w.index[name] = i
		w.fields = append(w.fields, line.Field{Name: name, Coded: true})
	}
	return &w.fields[i]
}

// constants wants the fields of a condition, and the constants that it
// compares them with in whole.
func (w *wanted) constants(n condition.Node) {
	switch n := n.(type) {
	case *condition.And:
		for _, n := range n.Nodes {
			w.constants(n)
		}
	case *condition.Or:
		for _, n := range n.Nodes {
			w.constants(n)
		}
	case *condition.Not:
		w.constants(n.Node)
	case *condition.Compare:
		f := w.field(n.Field)
		c := wantedConstant{n.Field, n.Const}
		if isCoded(n) && n.Op != condition.Has && n.Op != condition.Missing && !w.known[c] {
			w.known[c] = true
			f.Constants = append(f.Constants, n.Const)
		}
	}
}
