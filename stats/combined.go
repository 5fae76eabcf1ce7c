package stats

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"pulse/stats/aggregate"
	"pulse/stats/formula"
)

// A combined is a stat of the values of others, which it names before all
// of them are known.
type combined struct {
	node *yaml.Node // the names, or the formula
	all  []*Stat    // with its variants
}

// resolveCombined finds the stats of which others are made: those with the same value of
// the scope, if they are scoped as these are, otherwise the default's.
func (p *parser) resolveCombined() {
	for _, c := range p.combined {
		switch c.all[0].describe().Takes {
		case aggregate.TakesFormula:
			p.resolveFormula(c)
		case aggregate.TakesObjective:
			p.resolveObjective(c)
		default:
			p.resolveRatio(c)
		}
	}
}

func (p *parser) resolveRatio(c combined) {
	if c.node.Kind != yaml.SequenceNode || len(c.node.Content) != 2 {
		return // an error already
	}
	for _, n := range c.node.Content {
		p.resolveOperand(c, n)
	}
}

// resolveOperand finds the stat that a node names.
func (p *parser) resolveOperand(c combined, n *yaml.Node) {
	n = p.resolve(n)
	if name, ok := p.text(n, "the name of a stat", MaxName); ok {
		if wrong := p.addOperand(c, name); wrong != "" {
			p.errorf(n, "%s", wrong)
		}
	}
}

// resolveFormula binds the references of a formula.
func (p *parser) resolveFormula(c combined) {
	f := c.all[0].Formula
	if f == nil {
		return // an error already
	}
	for _, n := range f.Numbers() {
		if p.variants[n.Text] != nil {
			p.textError(c.node, n.Offset, n.Text+" is a number in a value, and there is a stat of this name: give that another name")
		}
	}
	var bound [][]int
	numbers := map[string]int{}
	for _, r := range f.References() {
		names := []string{r.Text}
		if r.Pattern {
			if names = p.namesLike(r.Text); len(names) == 0 {
				p.textError(c.node, r.Offset, "no stat has a name like "+r.Text)
			}
		}
		var stats []int
		for _, name := range names {
			number, known := numbers[name]
			if !known {
				wrong := p.addOperand(c, name)
				if number = len(numbers); number == formula.MaxStats {
					wrong = fmt.Sprintf("a value is made of at most %d stats", formula.MaxStats)
				}
				if wrong != "" && r.Pattern {
					wrong += ". " + r.Text + " fits its name: give it another name, or make the pattern longer"
				}
				if wrong != "" {
					p.textError(c.node, r.Offset, wrong)
					break
				}
				numbers[name] = number
			}
			stats = append(stats, number)
		}
		bound = append(bound, stats)
	}
	f.Bind(bound)
}

// namesLike gives the names that a pattern fits, whose * stand for any texts.
func (p *parser) namesLike(pattern string) []string {
	like := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.variants)), func(name string) bool { return !like.MatchString(name) })
}

// addOperand adds a stat to those that another is made of; it says what is wrong with it.
func (p *parser) addOperand(c combined, name string) (wrong string) {
	variants := p.variants[name]
	if variants == nil && p.byName[name] != nil && p.byName[name].Subject == SubjectLines {
		variants = []*Stat{p.byName[name]}
	}
	if variants == nil {
		near := nearest(name, slices.Sorted(maps.Keys(p.variants)))
		wrong = "there is no stat " + name + near
		switch isValue := c.all[0].Formula != nil && !c.all[0].windowed(); {
		case isValue && strings.ContainsAny(name, "-/"):
			wrong += ". If a - or / in it is a sign, put blanks around it"
		case isValue && near == "":
			wrong += fmt.Sprintf(": a value is made of stats. If it is a field, add a stat of it, such as {name: %s, sum: %s}", name, name)
		}
		return wrong
	}
	if wrong := unfit(c.all[0], variants[0], name); wrong != "" {
		return wrong
	}
	for i, s := range c.all {
		of := variants[0]
		if len(variants) == len(c.all) {
			of = variants[i]
		}
		s.Of = append(s.Of, of.Name)
		if !s.windowed() {
			s.Window, s.Expire = of.Window, of.Expire
		}
	}
	return ""
}

// unfit says why a stat cannot be made of another, which is written as name, and of those
// that it has already; "" if it can.
func unfit(s, of *Stat, name string) string {
	needs := "a " + s.Kind + " needs stats"
	if s.Formula == nil {
		needs = "a ratio needs two stats"
	}
	if s.windowed() {
		if of.Kind != "count" && of.Kind != "rate" || of.Top > 0 {
			return fmt.Sprintf("an slo needs stats that count lines, of the kinds count or rate and without by: %s is not one", name)
		}
		return ""
	}
	switch {
	case of.OfStats():
		return fmt.Sprintf("%s that are made of lines: %s is a %s itself", needs, name, of.Kind)
	case !of.describe().Ratio:
		return fmt.Sprintf("%s with a single number: %s has several", needs, name)
	case s.Top > 0 && !slices.Equal(of.GroupBy, s.GroupBy):
		return fmt.Sprintf("%s by the same as itself, %s: %s is %s", needs, byWhat(s), name, byWhat(of))
	case s.Top == 0 && of.Top > 0:
		return fmt.Sprintf("%s with a single number: %s is %s. Give the %s that too", needs, name, byWhat(of), s.Kind)
	case len(s.Of) > 0 && of.Window != s.Window:
		return fmt.Sprintf("%s over the same window: %s is over %d s, not %d s. Give both the same over", needs, name, of.Window, s.Window)
	case len(s.Of) > 0 && of.Expire != s.Expire:
		return fmt.Sprintf("%s with the same expire, if one is a delta: %s has another", needs, name)
	}
	return ""
}

// byWhat says what keys a stat has, as it is written.
func byWhat(s *Stat) string {
	switch {
	case s.Top == 0:
		return "not by a key"
	case len(s.GroupBy) == 1:
		return "by: " + s.GroupBy[0]
	}
	return "by: [" + strings.Join(s.GroupBy, ", ") + "]"
}
