package stats

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"pulse/stats/aggregate"
	"pulse/stats/formula"
)

// The keys of slo.
var objectiveKeys = []string{"good", "total", "target", "over"}

const (
	maxObjective    = 30 * 24 * time.Hour
	targetDecimals  = 6
	defaultTarget   = "say which percentage is to be good, such as target: 99.9"
	burnRateFormula = "(1 - good / total) * 100 / (100 - %s)"
)

// parseObjective reads an slo.
func (p *parser) parseObjective(s *Stat, n *yaml.Node) {
	values := p.mapping(n, "slo", objectiveKeys)
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, key := range []string{"good", "total"} {
		if values[key] == nil {
			p.errorf(n, "slo needs good and total, the names of two stats that count lines: %s is missing", key)
		}
	}
	s.Window = int64(maxObjective / time.Second)
	if over := values["over"]; over != nil {
		s.Window = p.seconds(over, "over of slo", time.Second, maxObjective)
	}
	target := values["target"]
	if target == nil {
		p.errorf(n, "slo needs target: %s", defaultTarget)
		return
	}
	f, ok := p.number(target, "target")
	switch {
	case !ok:
		return
	case f <= 0 || f >= 100:
		p.errorf(target, "target is a percentage above 0 and below 100, such as 99.9, not %s", target.Value)
		return
	case decimals(f) > targetDecimals:
		p.errorf(target, "target has at most %d decimals, unlike %s", targetDecimals, target.Value)
		return
	}
	s.burn = fmt.Sprintf(burnRateFormula, plain(f))
	s.Formula = objectiveFormula("1 - " + s.burn)
	s.Reversed, s.Crit = true, new(float64) // nothing is left, unless the stat says otherwise
}

// burnRates gives the stats of an slo's burn rates, which have its name and theirs.
func (s *Stat) burnRates() (all []*Stat) {
	if s.Formula == nil {
		return nil // an error already
	}
	for _, rate := range aggregate.BurnRates {
		b := *s
		b.Name, b.Title = s.Name+".burn-"+rate.Name, s.Title+" burn "+rate.Name
		b.Unit, b.Window, b.Formula = "×", rate.Over, objectiveFormula(s.burn)
		b.Help = fmt.Sprintf("How fast the error budget of %s is used up, in the last %s: at 1 it lasts for exactly as long as the objective is over.", s.Name, rate.Name)
		b.Reversed, b.Warn, b.Crit = false, nil, nil
		if rate.Warn > 0 {
			b.Warn = &rate.Warn
		}
		if rate.Crit > 0 {
			b.Crit = &rate.Crit
		}
		all = append(all, &b)
	}
	return all
}

// objectiveFormula is a formula of good and total, in this order.
func objectiveFormula(text string) *formula.Formula {
	f, err := formula.Parse(text)
	if err != nil {
		panic(err) // it is made of a number
	}
	f.Bind([][]int{{0}, {1}})
	return f
}

// resolveObjective finds the stats of an slo.
func (p *parser) resolveObjective(c combined) {
	for _, key := range objectiveKeys[:2] {
		n := valueOf(c.node, key)
		if n == nil {
			return // an error already
		}
		p.resolveOperand(c, n)
	}
}
