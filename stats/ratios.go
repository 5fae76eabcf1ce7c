package stats

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A ratio is one that names its stats before all of them are known.
type ratio struct {
	node *yaml.Node // the list of two names
	all  []*Stat    // with its variants
}

// resolveRatios finds the stats that ratios are of: those with the same value of
// the scope, if they are scoped as the ratio is, otherwise the default's.
func (p *parser) resolveRatios() {
	for _, r := range p.ratios {
		for i, n := range r.node.Content {
			n = p.resolve(n)
			name, ok := p.text(n, "the name of a stat", MaxName)
			if !ok {
				continue
			}
			variants := p.variants[name]
			if variants == nil && p.byName[name] != nil && p.byName[name].Subject == SubjectLines {
				variants = []*Stat{p.byName[name]}
			}
			if variants == nil {
				p.errorf(n, "there is no stat %s%s", name, nearest(name, slices.Sorted(maps.Keys(p.variants))))
				continue
			}
			of, s := variants[0], r.all[0]
			switch {
			case !of.describe().Ratio:
				p.errorf(n, "a ratio needs two stats with a single number: %s has several", name)
				continue
			case !slices.Equal(of.GroupBy, s.GroupBy) && s.Top > 0:
				p.errorf(n, "a ratio by %s needs two stats by the same: %s is %s", list(s.GroupBy), name, byWhat(of))
				continue
			case of.Top > 0 && s.Top == 0:
				p.errorf(n, "a ratio needs two stats with a single number: %s is %s. Give the ratio that too", name, byWhat(of))
				continue
			case i == 1 && s.Window > 0 && of.Window != s.Window:
				p.errorf(n, "a ratio needs two stats over the same window: %s is over %d s, not %d s. Give both the same over", name, of.Window, s.Window)
				continue
			case i == 1 && s.Window > 0 && of.Expire != s.Expire:
				p.errorf(n, "a ratio of two deltas needs the same expire for both: %s has another", name)
				continue
			}
			for j, s := range r.all {
				of := variants[0]
				if len(variants) == len(r.all) {
					of = variants[j]
				}
				if s.Of == nil {
					s.Of = make([]string, len(r.node.Content))
				}
				s.Of[i], s.Window, s.Expire = of.Name, of.Window, of.Expire
			}
		}
	}
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
