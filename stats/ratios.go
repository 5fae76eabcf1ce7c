package stats

import (
	"maps"
	"slices"

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
			of := variants[0]
			switch {
			case !of.describe().Ratio || of.Top > 0:
				p.errorf(n, "a ratio needs two stats with a single number: %s has several", name)
				continue
			case i == 1 && r.all[0].Window > 0 && of.Window != r.all[0].Window:
				p.errorf(n, "a ratio needs two stats over the same window: %s is over %d s, not %d s. Give both the same over", name, of.Window, r.all[0].Window)
				continue
			case i == 1 && r.all[0].Window > 0 && of.Expire != r.all[0].Expire:
				p.errorf(n, "a ratio of two deltas needs the same expire for both: %s has another", name)
				continue
			}
			for j, s := range r.all {
				of := variants[0]
				if len(variants) == len(r.all) {
					of = variants[j]
				}
				s.Of[i], s.Window, s.Expire = of.Name, of.Window, of.Expire
			}
		}
	}
}
