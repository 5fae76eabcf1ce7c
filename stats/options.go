package stats

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/derive"
	"pulse/stats/formula"
)

// options are those of all kinds, each once.
var options = func() (all []aggregate.Option) {
	for _, d := range aggregate.Kinds {
		for _, o := range d.Options {
			if !slices.ContainsFunc(all, func(known aggregate.Option) bool { return known.Name == o.Name }) {
				all = append(all, o)
			}
		}
	}
	return all
}()

func optionNames() (names []string) {
	for _, o := range options {
		names = append(names, o.Name)
	}
	return names
}

// longKinds are those that have windows of more than a day.
var longKinds = kindsWith(func(d *aggregate.Description) bool {
	over := d.Option("over")
	return over != nil && over.Most > aggregate.Day
})

// parseKind fills in what a stat's kind says, with the defaults of what its options
// do not.
func (p *parser) parseKind(s *Stat, kind string, values map[string]*yaml.Node) {
	s.Kind = kind
	d := aggregate.Describe(kind)
	for _, o := range options {
		if n := values[o.Name]; n != nil && d.Option(o.Name) == nil {
			with := kindsWith(func(d *aggregate.Description) bool { return d.Option(o.Name) != nil })
			p.errorf(n, "the option %s is for %s, not for %s", o.Name, list(with), kind)
		}
	}
	if n := values["where"]; n != nil && d.OfStats() {
		p.errorf(n, "%s takes no where: write it at the stats that it is made of", kind)
	}
	for i := range d.Options {
		o := &d.Options[i]
		n := values[o.Name]
		switch {
		case n != nil:
			p.parseOption(s, o, n)
		case o.Required != "":
			p.errorf(values[kind], "%s takes %s: %s", kind, o.Name, o.Required)
		case o.Default != nil:
			s.set(d, o.Name, o.Default)
		}
	}
	p.parseArgument(s, d, values)
	if len(s.GroupBy) == 0 {
		s.Top = 0
		if top := values["top"]; top != nil && values["by"] == nil && d.Option("top") != nil {
			p.errorf(top, "top needs by, which names the key")
		}
		if rank := values["rank"]; rank != nil && values["by"] == nil && d.Option("rank") != nil {
			p.errorf(rank, "rank needs by, which names the key")
		}
	}
}

// parseArgument reads what is behind the kind's name.
func (p *parser) parseArgument(s *Stat, d *aggregate.Description, values map[string]*yaml.Node) {
	n := values[d.Name]
	switch d.Takes {
	case aggregate.TakesField:
		s.Field = p.fieldName(n, d.Name)
		if of := p.derivedField(s.Field); of != nil && of.Verdict && !d.Any {
			p.errorf(n, "%s takes numbers, and %s is true or false: count the lines for which it is true, count: lines with where: %s", d.Name, s.Field, s.Field)
		}
	case aggregate.TakesStats:
		if names := p.sequence(n, d.Name); n.Kind == yaml.SequenceNode && len(names) != 2 {
			p.errorf(n, "%s takes the names of two stats, such as [errors, requests]: this list has %d", d.Name, len(names))
		}
	case aggregate.TakesFormula:
		text, ok := p.text(n, d.Name, formula.MaxText)
		if !ok {
			return
		}
		var err error
		if s.Formula, err = formula.Parse(text); err != nil {
			p.textError(n, err.(*formula.Error).Offset, err.Error())
		}
	case aggregate.TakesObjective:
		p.parseObjective(s, n)
	case aggregate.TakesWord:
		text, ok := p.text(n, d.Name, MaxName)
		if !ok {
			return
		}
		var known []string
		for _, w := range d.Words {
			if known = append(known, w.Text); w.Text == text {
				s.Per, s.Unit = w.Per, w.Unit
				if values["over"] == nil && w.Over > 0 {
					s.Window = w.Over
				}
				return
			}
		}
		p.errorf(n, "%s must be %s, not %s%s", d.Name, strings.Join(known, " or "), text, nearest(text, known))
	}
}

// parseOption reads an option within its bounds.
func (p *parser) parseOption(s *Stat, o *aggregate.Option, n *yaml.Node) {
	d := s.describe()
	switch o.Type {
	case aggregate.Seconds:
		least, most := time.Duration(o.Least)*time.Second, time.Duration(o.Most)*time.Second
		beyond := ""
		switch {
		case o.Name != "over":
		case o.Most == aggregate.Day:
			beyond = fmt.Sprintf(". Over up to %s there are %s, without by, and what is made of them", short(maxObjective), list(longKinds))
		case len(s.GroupBy) > 0:
			most = aggregate.Day * time.Second
			beyond = ". With by there is no room for the keys of a longer one: leave it out, or write a stat for each key that matters, with each"
		}
		s.set(d, o.Name, []float64{float64(p.secondsUpTo(n, o.Name, least, most, beyond))})
	case aggregate.Whole:
		f, ok := p.number(n, o.Name)
		if ok && (f < o.Least || f > o.Most || f != math.Trunc(f)) {
			p.errorf(n, "%s must be a whole number from %v to %v, not %s", o.Name, o.Least, o.Most, n.Value)
			return
		}
		s.set(d, o.Name, []float64{f})
	case aggregate.Amount:
		f, ok := p.number(n, o.Name)
		switch {
		case !ok:
			return
		case f < o.Least || f > o.Most:
			p.errorf(n, "%s must be a number from %s to %s, not %s", o.Name, plain(o.Least), plain(o.Most), n.Value)
			return
		case o.Decimals > 0 && decimals(f) > o.Decimals:
			p.errorf(n, "%s has at most %d decimals, unlike %s", o.Name, o.Decimals, n.Value)
			return
		}
		if o.Name == "tolerated" && len(s.Buckets) > 0 && f < s.Buckets[0] {
			p.errorf(n, "tolerated is below satisfied: it must be the larger number")
		}
		s.set(d, o.Name, []float64{f})
	case aggregate.Numbers:
		s.set(d, o.Name, p.parseNumbers(o, n))
	case aggregate.Fields:
		s.GroupBy = p.parseFields(o, n)
	case aggregate.Ranking:
		p.parseRanking(s, o, n)
	}
}

// parseRanking reads by what keys are the greatest: a word, or a quantile.
func (p *parser) parseRanking(s *Stat, o *aggregate.Option, n *yaml.Node) {
	switch f, err := strconv.ParseFloat(n.Value, 64); {
	case n.Kind == yaml.ScalarNode && slices.Contains(o.Words, n.Value):
		s.RankLines = n.Value == aggregate.RankCount && o.Most == 0 // of quantiles it is the default
	case n.Kind != yaml.ScalarNode || err != nil && o.Most == 0:
		p.errorf(n, "%s of %s must be %s, not %s", o.Name, s.Kind, strings.Join(o.Words, " or "), describe(n))
	case o.Most == 0:
		p.errorf(n, "%s of %s must be %s, not %s: only quantiles rank by a quantile", o.Name, s.Kind, strings.Join(o.Words, " or "), n.Value)
	case err != nil:
		p.errorf(n, "%s of %s must be %s or a quantile such as 0.99, not %s", o.Name, s.Kind, strings.Join(o.Words, " or "), describe(n))
	case f < o.Least || f > o.Most || math.IsNaN(f):
		p.errorf(n, "%s must be a number from %s to %s, not %s", o.Name, plain(o.Least), plain(o.Most), n.Value)
	case decimals(f) > o.Decimals:
		p.errorf(n, "%s has at most %d decimals, unlike %s", o.Name, o.Decimals, n.Value)
	default:
		s.Rank = f
	}
}

// set gives a stat an option's value.
func (s *Stat) set(d *aggregate.Description, option string, v []float64) {
	switch option {
	case "at":
		s.Quantiles = slices.Clone(v)
	case "buckets":
		s.Buckets = slices.Clone(v)
	case "satisfied", "tolerated":
		s.Buckets = append(s.Buckets, v[0])
	case "top":
		s.Top = int(v[0])
	case "over":
		s.Window = int64(v[0])
	case "expire":
		if d.Option("over") == nil {
			s.Window = int64(v[0]) // it is the window
		} else {
			s.Expire = int64(v[0])
		}
	default:
		panic("stats: a stat has no place for the option " + option + ": give it one in Stat, aggregate.Parameters and here")
	}
}

// parseNumbers reads a list of numbers.
func (p *parser) parseNumbers(o *aggregate.Option, n *yaml.Node) []float64 {
	elements := p.sequence(n, o.Name)
	if n.Kind == yaml.SequenceNode && (len(elements) == 0 || len(elements) > o.Elements) {
		p.errorf(n, "%s must have from 1 to %d %ss, not %d", o.Name, o.Elements, o.Element, len(elements))
		return nil
	}
	var numbers []float64
	for _, e := range elements {
		f, ok := p.number(e, "a "+o.Element)
		switch {
		case !ok:
		case f < o.Least || f > o.Most:
			p.errorf(e, "a %s must be from %s to %s, not %s", o.Element, plain(o.Least), plain(o.Most), e.Value)
		case o.Decimals > 0 && decimals(f) > o.Decimals:
			p.errorf(e, "a %s has at most %d decimals, unlike %s", o.Element, o.Decimals, e.Value)
		case o.Ascending && len(numbers) > 0 && f <= numbers[len(numbers)-1]:
			p.errorf(e, "the %ss of %s ascend, but %s is not above the one before", o.Element, o.Name, e.Value)
		case slices.Contains(numbers, f):
			p.errorf(e, "the %s %s is given twice", o.Element, e.Value)
		default:
			numbers = append(numbers, f)
		}
	}
	return numbers
}

// decimals is how many digits a number has after its point.
func decimals(f float64) int {
	_, after, _ := strings.Cut(strconv.FormatFloat(f, 'f', -1, 64), ".")
	return len(after)
}

// plain writes a bound as people do.
func plain(f float64) string {
	if math.Abs(f) >= 1e15 {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// parseFields reads the name of a field, or a list of names.
func (p *parser) parseFields(o *aggregate.Option, n *yaml.Node) []string {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		if nodes = p.sequence(n, o.Name); len(nodes) == 0 || len(nodes) > o.Elements {
			p.errorf(n, "%s must have from 1 to %d %ss, not %d", o.Name, o.Elements, o.Element, len(nodes))
			return nil
		}
	}
	var fields []string
	for _, n := range nodes {
		field := p.fieldName(n, o.Name)
		if field != "" && slices.Contains(fields, field) {
			p.errorf(n, "the field %s is given twice", field)
		}
		fields = append(fields, field)
	}
	return fields
}

// fieldName gives the name of a field that a key names.
func (p *parser) fieldName(n *yaml.Node, key string) string {
	field, ok := p.text(n, key, MaxName)
	switch {
	case !ok:
	case n.Tag != "!!str":
		p.errorf(n, "%s takes the name of a field, not %s", key, describe(n))
	case strings.HasPrefix(field, "$env"):
		p.errorf(n, "%s takes the name of a field as it is, without $env", key)
	case p.defined[field]:
		p.errorf(n, "%s takes the name of a field, and %s is a define", key, field)
	case p.inlog && strings.Contains(field, "#"):
		if f, ok := derive.Metric(field); ok && p.derived[field] == nil {
			p.addDerived(n, f)
		}
		return field
	case condition.IsExpression(field) && p.derivable:
		if p.derived[field] == nil {
			p.derive(n, field, field) // of no name but its text
		}
		return field
	case condition.IsExpression(field):
		p.errorf(n, "%s takes the name of a field, and %s is an expression, which only where takes: derive a field from it, or have the program log that value as a field of its own", key, field)
	default:
		return field
	}
	return ""
}
