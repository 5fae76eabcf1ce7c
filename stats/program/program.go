// Package program is what definitions compile to: which stats a line meets, and
// what lines add to them, as fragments.
package program

import (
	"fmt"
	"slices"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/derive"
	"pulse/stats/line"
)

// A Program is Definitions made ready for folding lines and for merging what
// they fold to. It does not change and may be shared. Stats have the numbers
// of Definitions.All.
type Program struct {
	stats    []*stats.Stat
	kinds    []aggregate.Kind
	lateness int64
	schema   *line.Schema

	conds    []*cond   // what a line must meet for each stat; nil: it never does
	counted  []bool    // stats that only count the lines that meet them
	batched  []batched // how lines can be gathered for the stats
	typed    []bool    // stats whose conditions may meet a value of a wrong type
	of       [][]int   // the stats whose values a stat's is made of; nil: it is made of lines
	derived  *derive.Program
	internal [stats.Subjects]int32
	hosts    *line.Schema // of the field host alone: whose a line is that is late or ahead
	index    index
	inlog    *inlog // nil: metrics that lines name are not looked for

	measured []line.Slot          // of each stat's field; None: it has none
	named    map[string]line.Slot // the fields that the file names
	fields   []codedField
	keys     [][]byte // of pulse.fields, as codedField numbers them
}

// Compile makes a Program of definitions. It fails if they name more fields or
// constants than a line.Schema can have, or a condition has an expression that
// is not valid.
func Compile(d *stats.Definitions) (*Program, error) {
	p := &Program{stats: d.All(), lateness: d.Lateness}
	wanted, named := newWanted(d.Derived), 0
	for i, s := range p.stats {
		if i == len(d.Stats) {
			named = len(wanted.fields)
		}
		if s.Inlog() {
			continue
		}
		if s.Field != "" {
			wanted.field(s.Field)
		}
		if s.Subject == stats.SubjectLines {
			for _, field := range s.GroupBy {
				wanted.field(field)
			}
		}
		wanted.constants(s.Cond)
	}
	if slices.ContainsFunc(d.Stats, (*stats.Stat).Inlog) {
		for _, name := range []string{stats.InlogName, stats.InlogNumber} {
			wanted.fields = append(wanted.fields, line.Field{Name: name, Derived: true})
		}
	}
	var err error
	if p.schema, err = line.NewSchemaOf(d.Formats, wanted.fields...); err != nil {
		return nil, err
	}
	if p.hosts, err = line.NewSchemaOf(d.Formats, line.Field{Name: "host"}); err != nil {
		return nil, err
	}
	p.derived = derive.Compile(d.Derived, p.schema)
	p.compileFields(wanted.fields, named)
	p.kinds = make([]aggregate.Kind, len(p.stats))
	p.counted = make([]bool, len(p.stats))
	p.batched = make([]batched, len(p.stats))
	p.of = make([][]int, len(p.stats))
	for i, s := range p.stats {
		p.internal[s.Subject] = int32(i)
		p.measured = append(p.measured, p.schema.Slot(s.Field))
		cond, err := p.compileStat(s)
		if err != nil {
			return nil, fmt.Errorf("stat %s: %w", s.Name, err)
		}
		p.conds = append(p.conds, cond)
		p.typed = append(p.typed, cond.typed())
		if s.OfStats() {
			continue
		}
		var by []line.Slot
		for _, field := range s.GroupBy {
			by = append(by, p.schema.Slot(field))
		}
		if p.kinds[i], err = stats.NewKind(s, p.schema.Slot(s.Field), by, nil); err != nil {
			return nil, err
		}
		switch partial := p.kinds[i].NewPartial().(type) {
		case aggregate.Counter:
			p.counted[i] = true
		case aggregate.BatchFolder:
			p.batched[i] = byNumber
			if partial.ByHash() {
				p.batched[i] = byHash
			}
		}
	}
	p.inlog = p.compileInlog()
	if err := p.compileCombined(); err != nil {
		return nil, err
	}
	p.index = newIndex(p.schema, p.conds, p.fields)
	return p, nil
}

// deriveFor lets an event have the derived fields.
func (p *Program) deriveFor(ev *line.Event) {
	if p.derived.Any() {
		ev.DeriveBy(p.derived.NewEvaluator())
	}
}

// Kind is how a stat aggregates, by its number.
func (p *Program) Kind(stat int) aggregate.Kind { return p.kinds[stat] }

// compileCombined makes the kinds of the stats whose values are made of those of others.
func (p *Program) compileCombined() error {
	number := make(map[string]int, len(p.stats))
	for i, s := range p.stats {
		number[s.Name] = i
	}
	for i, s := range p.stats {
		if !s.OfStats() {
			continue
		}
		var kinds []aggregate.Kind
		for _, name := range s.Of {
			n, ok := number[name]
			switch {
			case !ok:
				return fmt.Errorf("stat %s: there is no stat %s", s.Name, name)
			case p.stats[n].OfStats():
				return fmt.Errorf("stat %s: %s is a %s itself: a %s needs stats that are made of lines", s.Name, name, p.stats[n].Kind, s.Kind)
			case !s.Fits(p.stats[n]):
				return fmt.Errorf("stat %s: %s has another window or other keys: a %s needs stats with the same", s.Name, name, s.Kind)
			}
			p.of[i] = append(p.of[i], n)
			kinds = append(kinds, p.kinds[n])
		}
		var err error
		if p.kinds[i], err = stats.NewKind(s, line.None, make([]line.Slot, len(s.GroupBy)), kinds); err != nil {
			return err
		}
	}
	return nil
}

// compileStat gives what a line must meet to be folded into the stat: its
// condition, and that it has the fields that are aggregated.
func (p *Program) compileStat(s *stats.Stat) (*cond, error) {
	if s.Subject != stats.SubjectLines || s.OfStats() {
		return nil, nil
	}
	c, err := p.compileCond(s.Cond)
	if err != nil || s.Field == "" && len(s.GroupBy) == 0 {
		return c, err
	}
	all := &cond{kind: condAnd}
	var derived []*cond // which cost most, and so come last
	for _, field := range append([]string{s.Field}, s.GroupBy...) {
		if field == "" {
			continue
		}
		has, err := p.compileCompare(&condition.Compare{Field: field, Op: condition.Has})
		if err != nil {
			return nil, err
		}
		if has.kind == condDerived {
			derived = append(derived, has)
		} else {
			all.nodes = append(all.nodes, has)
		}
	}
	all.nodes = append(append(all.nodes, c), derived...)
	return all, nil
}

// wanted gathers the fields of a Schema.
type wanted struct {
	fields  []line.Field
	index   map[string]int
	known   map[wantedConstant]bool
	derived map[string]*derive.Field
}

type wantedConstant struct {
	field    string
	constant condition.Constant
}

func newWanted(derived []*derive.Field) *wanted {
	w := &wanted{index: make(map[string]int), known: make(map[wantedConstant]bool), derived: make(map[string]*derive.Field, len(derived))}
	for _, f := range derived {
		w.derived[f.Name] = f
	}
	return w
}

// field wants a field, so that conditions can tell whether it is there.
func (w *wanted) field(name string) *line.Field {
	i, ok := w.index[name]
	if !ok {
		i = len(w.fields)
		w.index[name] = i
		derived := w.derived[name]
		w.fields = append(w.fields, line.Field{Name: name, Coded: true, Derived: derived != nil})
		if derived != nil {
			for _, of := range derived.Fields {
				w.field(of)
			}
		}
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
	case *condition.Expr:
		for _, name := range n.Fields {
			w.field(name)
		}
	case *condition.Compare:
		f := w.field(n.Field)
		c := wantedConstant{n.Field, n.Const}
		if isCoded(n) && n.Op != condition.Has && n.Op != condition.Missing && !w.known[c] {
			w.known[c] = true
			f.Constants = append(f.Constants, n.Const)
		}
	}
}
